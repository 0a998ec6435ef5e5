"""Django: URL configurations with their includes across files, and the views they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Unknown, Value
from scanners.idioms.code import MAX_DEPTH, CallSite, Scope
from scanners.idioms.django_paths import template
from scanners.idioms.django_views import REQUEST, view_facts
from scanners.idioms.expressions import concat
from scanners.idioms.python_views import status_facts

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_PATHS = {"path": False, "re_path": True, "url": True}
_LISTS = ("list", "tuple", "binary_operator", "call", "list_comprehension")
_SAME = ("format_suffix_patterns", "decorator_include", "list", "include")
_STATIC = ("static", "staticfiles_urlpatterns")
_STATUSES = {
    "HttpResponseBadRequest": 400,
    "HttpResponseForbidden": 403,
    "HttpResponseNotFound": 404,
    "HttpResponseNotAllowed": 405,
    "HttpResponseServerError": 500,
    "Http404": 404,
    "NotFound": 404,
    "PermissionDenied": 403,
    "ValidationError": 400,
    "ParseError": 400,
    "get_object_or_404": 404,
    "get_list_or_404": 404,
}
_LIBRARY_VIEWS = {
    **dict.fromkeys(("TokenObtainPairView", "TokenRefreshView", "TokenVerifyView", "obtain_auth_token"), ("POST",)),
    **dict.fromkeys(("TemplateView", "RedirectView", "SpectacularAPIView", "SpectacularSwaggerView"), ("GET",)),
    **dict.fromkeys(("SpectacularRedocView", "get_schema_view", "serve", "ExportToDjangoView"), ("GET",)),
    **dict.fromkeys(("LoginView", "PasswordChangeView", "PasswordResetView"), ("GET", "POST")),
    "LogoutView": ("POST",),
}


class Django:
    """The Django framework: URLs and views."""

    name: str = "django"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"urlpatterns", b"django", b"rest_framework")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """URL configurations, views, statuses.

        Args:
            parsed: a Python file.
        """
        if parsed.called(*_PATHS):
            yield from _urls(parsed)
        yield from view_facts(parsed)
        yield from status_facts(parsed, REQUEST)
        for site in parsed.called(*_STATUSES):
            fields = {"symbol": site.scope.name, "status": _STATUSES[site.method], "error": True}
            yield Fact("responds", fields, Location(parsed.path, site.line))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a pattern stands.

    Args:
        router: the list it is in.
        prefix: what its enclosing patterns put in front.
        scope: where it is written.
    """

    router: str
    prefix: Value
    scope: Scope


def _urls(code: PyCode) -> Iterator[Fact]:
    known: set[str] = set()
    for assign in code.assigns:
        if assign.value is None or assign.value.type not in _LISTS or assign.scope.sort == "class":
            continue
        name = assign.target
        if name != "urlpatterns" and not _has_paths(code, assign.value):
            continue
        if _only_debugging(code, assign.value):
            continue
        if name not in known:
            known.add(name)
            fields = {"name": assign.scope.qualify(name), "framework": "django", "prefix": Lit("")}
            yield Fact("router", fields, Location(code.path, assign.line))
        yield from _entries(code, assign.value, _Place(name, Lit(""), assign.scope), 0)
    for site in code.called("append", "extend"):
        holder = code.dotted(site.receiver) if site.receiver is not None else ""
        if holder in known and site.args and not _only_debugging(code, site.node):
            yield from _entries(code, site.args[0], _Place(holder, Lit(""), site.scope), 0)


def _has_paths(code: PyCode, node: Node) -> bool:
    span = range(node.start_byte, node.end_byte)
    return any(s.node.start_byte in span and s.receiver is None for s in code.called(*_PATHS))


def _only_debugging(code: PyCode, node: Node) -> bool:
    """Inside ``if settings.DEBUG``: never deployed."""
    parent: Node | None = node
    for _ in range(MAX_DEPTH):
        if parent is None or parent.type in ("module", "function_definition"):
            return False
        if parent.type == "if_statement":
            condition = code.text(parent.child_by_field_name("condition"))
            return condition.endswith("DEBUG") and not condition.startswith("not ")
        parent = parent.parent
    return False


def _entries(code: PyCode, node: Node, place: _Place, depth: int) -> Iterator[Fact]:
    """Patterns of a list expression, nested ones too."""
    if depth > MAX_DEPTH:
        return
    if node.type in ("list", "tuple", "parenthesized_expression", "list_splat", "binary_operator"):
        for child in node.named_children:
            yield from _entries(code, child, place, depth + 1)
        return
    site = code.site(node) if node.type == "call" else None
    if site is not None:
        yield from _called(code, site, place, depth)
        return
    dotted = code.dotted(node)
    if dotted and dotted != place.router:
        yield _mount(code, node, place, _list_name(dotted))


def _called(code: PyCode, site: CallSite, place: _Place, depth: int) -> Iterator[Fact]:
    """A call among patterns: one pattern, or a function around several."""
    if site.method in _PATHS and site.args:
        yield from _pattern(code, site, place, depth)
    elif site.method == "i18n_patterns":
        always = code.text(site.named.get("prefix_default_language")) != "False"
        inner = _Place(place.router, concat([place.prefix, Lit("{language}/" if always else "")]), place.scope)
        for arg in site.args:
            yield from _entries(code, arg, inner, depth + 1)
    elif site.method in _SAME and site.args:
        yield from _entries(code, site.args[0], place, depth + 1)
    elif site.method not in _STATIC and site.receiver is not None and site.method == "get_urls":
        yield _mount(code, site.node, place, code.dotted(site.receiver))


def _list_name(dotted: str) -> str:
    """``router.urls`` is the router, ``urls.urlpatterns`` the list."""
    return dotted.removesuffix(".urls")


def _mount(code: PyCode, node: Node, place: _Place, child: str, *, operation: bool = False) -> Fact:
    fields: dict[str, object] = {"parent": Name(place.scope.qualify(place.router)), "child": Name(child)}
    fields["prefix"] = place.prefix
    if operation:
        fields["operation"] = True
    return Fact("mount", fields, Location(code.path, int(node.start_point[0]) + 1))


def _pattern(code: PyCode, site: CallSite, place: _Place, depth: int) -> Iterator[Fact]:
    route = site.arg(0, "route", "regex")
    written = code.value(route, site.scope)
    path = template(written) if _PATHS[site.method] else written
    inner = _Place(place.router, concat([place.prefix, path]), place.scope)
    view = site.arg(1, "view")
    if view is None:
        return
    called = code.site(view) if view.type == "call" else None
    if called is not None and called.method in ("include", "decorator_include") and called.args:
        yield from _included(code, called, inner, depth)
    elif view.type == "attribute" and code.text(view.child_by_field_name("attribute")) == "urls":
        owner = code.dotted(view.child_by_field_name("object"))
        if owner and not code.origin(owner).startswith("django."):
            yield _mount(code, site.node, inner, owner)
    else:
        yield from _view(code, site, view, inner)


def _included(code: PyCode, site: CallSite, place: _Place, depth: int) -> Iterator[Fact]:
    """``include("orders.urls")``, ``include(router.urls)``, ``include([...])``, ``include((patterns, "app"))``."""
    given = site.args[-1] if site.method == "decorator_include" else site.args[0]
    if given.type == "tuple" and given.named_child_count:
        given = given.named_children[0]
    if given.type in ("list", "binary_operator"):
        yield from _entries(code, given, place, depth + 1)
        return
    module = code.string(given)
    if module:
        fields = {"local": module, "module": module, "name": "urlpatterns"}
        yield Fact("import", fields, Location(code.path, site.line))
        yield _mount(code, site.node, place, module)
        return
    dotted = code.dotted(given)
    if dotted:
        yield _mount(code, site.node, place, _list_name(dotted))
    if dotted and dotted.split(".", 1)[0] in code.imports:
        yield _mount(code, site.node, place, f"{dotted}.urlpatterns")


def _view(code: PyCode, site: CallSite, view: Node, place: _Place) -> Iterator[Fact]:
    found = code.site(view) if view.type == "call" else None
    for _ in range(MAX_DEPTH):
        if found is None or found.method == "as_view" or not found.args:
            break
        view = found.args[-1]
        found = code.site(view) if view.type == "call" else None
    name = code.dotted(found.receiver) if found is not None and found.receiver is not None else code.dotted(view)
    actions = found.arg(0, "actions") if found is not None and found.method == "as_view" else None
    if actions is not None and actions.type == "dictionary":
        yield from _mapped(code, site, (name, actions), place)
        return
    last = name.rsplit(".", 1)[-1] or (found.method if found is not None else "")
    for method in _LIBRARY_VIEWS.get(last, ()) if _foreign(code, name) else ():
        yield _endpoint(code, site, place, (method, ""))
    if name and last not in _LIBRARY_VIEWS:
        yield _mount(code, site.node, place, name, operation=True)
    elif not name and last not in _LIBRARY_VIEWS:
        yield _endpoint(code, site, place, ("ANY", ""))
    elif not _foreign(code, name):
        yield _mount(code, site.node, place, name, operation=True)


def _foreign(code: PyCode, name: str) -> bool:
    """Whether a view is imported from a library, not from a module beside this one."""
    found = code.imports.get(name.split(".", 1)[0])
    return found is not None and not found.module.startswith(".")


def _mapped(code: PyCode, site: CallSite, about: tuple[str, Node], place: _Place) -> Iterator[Fact]:
    """``OrderViewSet.as_view({"get": "list", "post": "create"})``."""
    name, actions = about
    for pair in actions.named_children:
        if pair.type == "pair":
            method = code.string(pair.child_by_field_name("key")).upper()
            action = code.string(pair.child_by_field_name("value"))
            if method and action:
                yield _endpoint(code, site, place, (method, f"{name}.{action}"))


def _endpoint(code: PyCode, site: CallSite, place: _Place, about: tuple[str, str]) -> Fact:
    method, handler = about
    path = place.prefix if not isinstance(place.prefix, Unknown) else Unknown("a route built at run time")
    fields = {
        "protocol": "http",
        "method": method,
        "path": path,
        "router": Name(place.scope.qualify(place.router)),
        "handler": handler,
        "framework": "django",
    }
    return Fact("endpoint", fields, Location(code.path, site.line))


PACK = Django()
