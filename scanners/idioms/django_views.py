"""Django's and Django REST framework's views: functions and classes as routers that serve where they are mounted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Name, Shape
from scanners.idioms import python as py
from scanners.idioms.code import Scope
from scanners.idioms.django_paths import pattern
from scanners.idioms.http import VERBS
from scanners.idioms.python_views import Incoming, branch, described

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

REQUEST = Incoming(
    requests=("request", "self.request", "req"),
    attributes=("data", "POST"),
    raw=("body",),
    query=("GET", "query_params"),
    answers=("JsonResponse", "Response", "HttpResponse", "HttpResponseRedirect", "redirect"),
)
_FUNCTION_MARKS = ("api_view", "require_http_methods", "require_GET", "require_POST", "require_safe")
_GENERIC = {
    **dict.fromkeys(("ListView", "DetailView", "TemplateView", "RedirectView", "ArchiveIndexView"), ("get",)),
    **dict.fromkeys(("CreateView", "UpdateView", "FormView", "DeleteView"), ("get", "post")),
    **dict.fromkeys(("LoginView", "PasswordResetView", "PasswordChangeView"), ("get", "post")),
    "CreateAPIView": ("post",),
    "ListAPIView": ("get",),
    "RetrieveAPIView": ("get",),
    "DestroyAPIView": ("delete",),
    "UpdateAPIView": ("put", "patch"),
    "ListCreateAPIView": ("get", "post"),
    "RetrieveUpdateAPIView": ("get", "put", "patch"),
    "RetrieveDestroyAPIView": ("get", "delete"),
    "RetrieveUpdateDestroyAPIView": ("get", "put", "patch", "delete"),
    "TokenObtainPairView": ("post",),
    "TokenRefreshView": ("post",),
    "TokenVerifyView": ("post",),
    "ObtainAuthToken": ("post",),
}
_ACTIONS = {
    "list": ("GET", False),
    "create": ("POST", False),
    "retrieve": ("GET", True),
    "update": ("PUT", True),
    "partial_update": ("PATCH", True),
    "destroy": ("DELETE", True),
}
_SETS = {
    "ModelViewSet": tuple(_ACTIONS),
    "ReadOnlyModelViewSet": ("list", "retrieve"),
    "CreateModelMixin": ("create",),
    "ListModelMixin": ("list",),
    "RetrieveModelMixin": ("retrieve",),
    "UpdateModelMixin": ("update", "partial_update"),
    "DestroyModelMixin": ("destroy",),
}
_LIBRARY = ("django", "rest_framework", "generics", "mixins", "viewsets", "views", "braces", "oauth2_provider")
_NO_VIEWS = ("Serializer", "Model", "Form", "Admin", "Permission", "Manager", "QuerySet", "Config", "Command", "Filter")
_SERIALIZED_IN = ("POST", "PUT", "PATCH")


@dataclass(frozen=True, slots=True)
class _Served:
    """One operation of a view.

    Args:
        method: upper case.
        path: below the view's own place.
        handler: symbol.
        view: the view's symbol.
        scope: of the handler, None when the framework's code handles it.
    """

    method: str
    path: str
    handler: str
    view: str
    scope: Scope | None


def view_facts(code: PyCode) -> Iterator[Fact]:
    """Every view of a file with its operations.

    Args:
        code: the file.
    """
    for scope in code.scopes:
        if scope.sort == "class":
            yield from _class_view(code, scope)
        elif scope.sort == "function" and scope.parent is code.scopes[0]:
            yield from _function_view(code, scope)


def is_rest(code: PyCode) -> bool:
    """Whether a file uses Django REST framework.

    Args:
        code: the file.
    """
    return b"rest_framework" in code.data


def _router(code: PyCode, scope: Scope) -> Fact:
    framework = "drf" if is_rest(code) else "django"
    fields = {"name": scope.name, "framework": framework, "prefix": Lit(""), "detached": True}
    return Fact("router", fields, code.at(scope.node))


def _function_view(code: PyCode, scope: Scope) -> Iterator[Fact]:
    marks = [(code.dotted(d) or _called(code, d)).rsplit(".", 1)[-1] for d in py.decorators(code, scope)]
    first = scope.params[0] if scope.params else ""
    if first not in ("request", "req", "_request") and not any(m in _FUNCTION_MARKS for m in marks):
        return
    yield _router(code, scope)
    for method in _function_methods(code, scope):
        yield _endpoint(code, _Served(method, "", scope.name, scope.name, scope), Shape())


def _called(code: PyCode, node: Node) -> str:
    site = code.site(node)
    return site.dotted if site is not None else ""


def _function_methods(code: PyCode, scope: Scope) -> Sequence[str]:
    for decorator in py.decorators(code, scope):
        name = (code.dotted(decorator) or _called(code, decorator)).rsplit(".", 1)[-1]
        if name in ("require_GET", "require_safe"):
            return ("GET",)
        if name == "require_POST":
            return ("POST",)
        site = code.site(decorator)
        if site is not None and name in ("api_view", "require_http_methods"):
            return texts(code, site.arg(0, "http_method_names", "request_method_list")) or ("GET",)
    return _compared(code, scope)


def texts(code: PyCode, node: Node | None) -> list[str]:
    """The string literals of a list, in upper case.

    Args:
        code: the file.
        node: list, tuple or set.
    """
    items = node.named_children if node is not None else ()
    return [t.upper() for t in (code.string(n) for n in items) if t]


def _compared(code: PyCode, scope: Scope) -> Sequence[str]:
    """Methods a function asks ``request.method`` for; any method when it does not ask."""
    text = code.text(scope.node)
    if ".method" not in text:
        return ("ANY",)
    asked = [v.upper() for v in VERBS if f'"{v.upper()}"' in text or f"'{v.upper()}'" in text]
    if not asked:
        return ("ANY",)
    refuses = ".method !=" in text or "NotAllowed" in text or "405" in text
    return asked if refuses or "GET" in asked else ["GET", *asked]


def _endpoint(code: PyCode, served: _Served, payload: Shape) -> Fact:
    fields: dict[str, object] = {
        "protocol": "http",
        "method": served.method,
        "path": Lit(served.path),
        "router": Name(served.view),
        "handler": served.handler,
        "framework": "drf" if is_rest(code) else "django",
    }
    if served.scope is not None:
        fields |= described(code, served.scope, REQUEST, (served.method, Lit(served.path)), branch(code, served.method))
        _serialized(code, served.scope, fields)
    if payload.named:
        if served.method in _SERIALIZED_IN:
            fields.setdefault("accepts", payload)
        listed = served.method == "GET" and not served.path
        if served.method != "DELETE" and not listed:
            fields.setdefault("returns", payload)
    place = served.scope or code.scope(served.view) or code.scopes[0]
    return Fact("endpoint", fields, code.at(place.node))


def _serialized(code: PyCode, scope: Scope, fields: dict[str, object]) -> None:
    """``OrderSerializer(data=request.data)`` takes the body, ``OrderSerializer(orders, many=True)`` is answered."""
    for site in code.calls:
        method = str(fields["method"])
        if site.scope is not scope or not site.method.endswith("Serializer") or not branch(code, method)(site.node):
            continue
        shape = Shape("object", named=site.dotted)
        given = site.arg(-1, "data")
        if given is not None and fields["method"] != "GET":
            fields["accepts"] = shape
        elif site.args and "returns" not in fields:
            many = "many" in site.named and code.text(site.named["many"]) == "True"
            fields["returns"] = Shape("array", item=shape) if many else shape


def _class_view(code: PyCode, scope: Scope) -> Iterator[Fact]:
    lasts = [b.rsplit(".", 1)[-1] for b in scope.bases]
    if not scope.bases or any(last.endswith(_NO_VIEWS) for last in lasts):
        return
    served = _narrowed(code, scope, [*_verbs(code, scope, lasts), *_actions(code, scope, lasts)])
    views = any(last.endswith(("View", "ViewSet", "Viewset", "API", "Endpoint")) for last in lasts)
    if not served and not views:
        return
    yield _router(code, scope)
    payload = _serializer(code, scope)
    for one in served:
        yield _endpoint(code, one, payload)
    for base in scope.bases:
        yield from _inherited(code, scope, base)


def _inherited(code: PyCode, scope: Scope, base: str) -> Iterator[Fact]:
    """What a base class of ours serves, its heirs serve, too."""
    origin = code.origin(base)
    last = base.rsplit(".", 1)[-1]
    if origin.split(".", 1)[0] in _LIBRARY or last in _GENERIC or last in _SETS or base == "object":
        return
    fields = {"parent": Name(scope.name), "child": Name(base), "prefix": Lit("")}
    yield Fact("mount", fields, code.at(scope.node))


def _verbs(code: PyCode, scope: Scope, lasts: Sequence[str]) -> Iterator[_Served]:
    known = {verb for last in lasts for verb in _GENERIC.get(last, ())}
    for verb in VERBS:
        own = code.scope(f"{scope.name}.{verb}")
        if own is None and verb not in known:
            continue
        handler = own.name if own is not None else scope.name
        yield _Served(verb.upper(), "", handler, scope.name, own)


def _actions(code: PyCode, scope: Scope, lasts: Sequence[str]) -> Iterator[_Served]:
    """Operations of a view set: the standard ones it inherits or defines, and its extra actions."""
    looks = any(last.lower().endswith("viewset") for last in lasts)
    known = {action for last in lasts for action in _SETS.get(last, ())} if looks else set()
    item = f"{{{_lookup(code, scope)}}}"
    for action, (method, detail) in _ACTIONS.items():
        own = code.scope(f"{scope.name}.{action}")
        if (own is not None and looks) or action in known:
            handler = own.name if own is not None else scope.name
            yield _Served(method, f"{item}/" if detail else "", handler, scope.name, own)
    for inner in code.scopes:
        if inner.parent is scope and inner.sort == "method" and inner.decorated:
            yield from _extra(code, inner, (scope.name, item))


def _extra(code: PyCode, inner: Scope, about: tuple[str, str]) -> Iterator[_Served]:
    view, item = about
    name = inner.name.rsplit(".", 1)[-1]
    for decorator in py.decorators(code, inner):
        site = code.site(decorator)
        if site is None or site.method not in ("action", "list_route", "detail_route"):
            continue
        detail = site.arg(0 if site.method == "action" else -1, "detail")
        on_item = site.method == "detail_route" or (detail is not None and code.text(detail) == "True")
        given = site.arg(-1, "url_path")
        path = pattern(code.string(given)) if given is not None else name
        whole = f"{item}/{path}/" if on_item else f"{path}/"
        for method in texts(code, site.arg(1, "methods")) or ["GET"]:
            yield _Served(method, whole, inner.name, view, inner)


def _lookup(code: PyCode, scope: Scope) -> str:
    for attribute in ("lookup_url_kwarg", "lookup_field"):
        for assign in code.assigned(scope, attribute):
            text = code.string(assign.value)
            if text:
                return text
    return "pk"


def _narrowed(code: PyCode, scope: Scope, served: list[_Served]) -> list[_Served]:
    """Without the methods that ``http_method_names`` leaves out."""
    for assign in code.assigned(scope, "http_method_names"):
        allowed = texts(code, assign.value)
        if allowed:
            return [s for s in served if s.method in allowed]
    return served


def _serializer(code: PyCode, scope: Scope) -> Shape:
    for assign in code.assigned(scope, "serializer_class"):
        name = code.dotted(assign.value)
        if name:
            return Shape("object", named=name)
    return Shape()


def writes_rows(scope: Scope) -> bool:
    """Whether the framework itself creates, changes or deletes rows for a view.

    Args:
        scope: a class.
    """
    lasts = [b.rsplit(".", 1)[-1] for b in scope.bases]
    known = {action for last in lasts for action in (*_GENERIC.get(last, ()), *_SETS.get(last, ()))}
    return bool(known & {"post", "put", "patch", "delete", "create", "update", "partial_update", "destroy"})
