"""Smaller Python servers, each as a row of a table: Sanic, Bottle, Chalice, Litestar, Tornado, Falcon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Value
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.django_paths import template
from scanners.idioms.http import VERBS
from scanners.idioms.messages import listed
from scanners.idioms.python_routes import (
    BY_VERB,
    Route,
    Server,
    endpoint,
    handler_name,
    known_as,
    methods_of,
    mount,
    router,
    view_classes,
)
from scanners.idioms.python_shapes import annotation
from scanners.idioms.python_views import Incoming, status_facts

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode


@dataclass(frozen=True, slots=True)
class _Decorated:
    """A framework whose functions are decorated.

    Args:
        server: its name, request and view classes.
        apps: classes of applications, dotted origins.
        routers: classes of routers, dotted origins.
        prefix: keyword of a router's prefix.
        mounts: methods that put a router under an application.
    """

    server: Server
    apps: tuple[str, ...]
    routers: tuple[str, ...] = ()
    prefix: str = "url_prefix"
    mounts: tuple[str, ...] = ()


_SANIC_REQUEST = Incoming(
    requests=("request",), attributes=("json", "form"), query=("args",), answers=("json", "JSONResponse")
)
_BOTTLE_REQUEST = Incoming(
    requests=("request", "bottle.request"), attributes=("json", "forms"), query=("query",), plain=True
)
_CHALICE_REQUEST = Incoming(
    requests=("app.current_request", "request"),
    attributes=("json_body",),
    query=("query_params",),
    answers=("Response",),
    plain=True,
)
_DECORATED = (
    _Decorated(
        Server("sanic", _SANIC_REQUEST, BY_VERB, ("sanic.views.HTTPMethodView",)),
        ("sanic.Sanic",),
        ("sanic.Blueprint", "sanic.blueprints.Blueprint"),
        mounts=("blueprint",),
    ),
    _Decorated(Server("bottle", _BOTTLE_REQUEST, {}, ()), ("bottle.Bottle", "bottle.default_app"), mounts=("mount",)),
    _Decorated(
        Server("chalice", _CHALICE_REQUEST, {}, ()),
        ("chalice.Chalice",),
        ("chalice.Blueprint",),
        mounts=("register_blueprint",),
    ),
)
_ARGUMENTS = ("get_argument", "get_arguments", "get_query_argument", "get_query_arguments")
_PARAMS = ("get_param", "get_param_as_int", "get_param_as_bool", "get_param_as_list", "get_param_as_uuid")
_TORNADO = Server(
    "tornado",
    Incoming(requests=("self.request",), raw=("body",), asks=_ARGUMENTS, answers=("write", "finish"), status_at=9),
    BY_VERB,
    ("tornado.web.RequestHandler", "tornado.websocket.WebSocketHandler"),
)
_FALCON = Server(
    "falcon",
    Incoming(requests=("req", "request"), attributes=("media",), calls=("get_media",), query=("params",), asks=_PARAMS),
    {f"on_{verb}": verb.upper() for verb in VERBS},
    (),
)
_LITESTAR = Server("litestar", Incoming(requests=("request",), calls=("json",), plain=True), {}, ())
_LITESTAR_APPS = ("litestar.Litestar", "litestar.Router", "litestar.app.Litestar", "litestar.router.Router")


class PythonServers:
    """Sanic, Bottle, Chalice, Litestar, Tornado, Falcon."""

    name: str = "python_servers"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"sanic", b"bottle", b"chalice", b"litestar", b"tornado", b"falcon", b"def on_get")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Applications, routers, operations.

        Args:
            parsed: a Python file.
        """
        for row in _DECORATED:
            if row.server.name.encode() in parsed.data:
                yield from _decorated_facts(parsed, row)
        if b"litestar" in parsed.data:
            yield from _litestar(parsed)
        if b"tornado" in parsed.data:
            yield from _tornado(parsed)
            yield from view_classes(parsed, _TORNADO)
        if b"falcon" in parsed.data or b"def on_" in parsed.data:
            yield from _falcon(parsed)
            yield from view_classes(parsed, _FALCON)


def _decorated_facts(code: PyCode, row: _Decorated) -> Iterator[Fact]:
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None else None
        if site is not None and code.callee(site) in (*row.apps, *row.routers):
            given = site.arg(-1, row.prefix)
            prefix: Value = code.value(given, assign.scope) if given is not None else Lit("")
            version = site.arg(-1, "version")
            if version is not None and row.server.name == "sanic":
                prefix = Lit(f"/v{code.text(version)}{prefix.value if isinstance(prefix, Lit) else ''}")
            yield router(assign.scope.qualify(assign.target), row.server.name, prefix, Location(code.path, assign.line))
    for site in code.called(*row.mounts):
        yield from _mounted(code, site, row)
    for scope in code.scopes:
        for decorator in py.decorators(code, scope) if scope.sort in ("function", "method") else ():
            yield from _operations(code, scope, decorator, row)
    for site in code.called("add_route"):
        yield from _added(code, site, row)
    if row.server.verbs:
        yield from view_classes(code, row.server)
    yield from status_facts(code, row.server.incoming)


def _mounted(code: PyCode, site: CallSite, row: _Decorated) -> Iterator[Fact]:
    holder = code.dotted(site.receiver) if site.receiver is not None else ""
    first = site.arg(1 if site.method == "mount" else 0)
    given = site.arg(0 if site.method == "mount" else -1, row.prefix)
    if not holder or first is None or code.type_of(holder, site.scope) not in (*row.apps, *row.routers, ""):
        return
    for node in listed(code, first, site.scope):
        if code.dotted(node):
            prefix = code.value(given, site.scope) if given is not None else Lit("")
            yield mount(code, site, (holder, code.dotted(node), prefix))


def _operations(code: PyCode, scope: Scope, decorator: Node, row: _Decorated) -> Iterator[Fact]:
    site = code.site(decorator)
    if site is None or not site.args or site.method not in (*VERBS, "route", "websocket"):
        return
    holder = code.dotted(site.receiver) if site.receiver is not None else ""
    made_by = code.type_of(holder, site.scope) if holder else code.origin(site.dotted).rpartition(".")[0]
    known = made_by in (*row.apps, *row.routers) or (not holder and made_by == row.server.name)
    imported = bool(holder) and not made_by and holder.split(".", 1)[0] in code.imports
    if not known and not imported:
        return
    listing = site.arg(-1, "methods", "method")
    methods = methods_of(code, listing, site.scope) if site.method == "route" else [site.method.upper()]
    path = code.value(site.args[0], site.scope)
    for method in methods or ["GET"]:
        protocol = "websocket" if method == "WEBSOCKET" else "http"
        name = known_as(site.scope, holder) or row.server.name
        route = Route(name, "GET" if protocol == "websocket" else method, path, scope.name, protocol)
        yield endpoint(code, row.server, route, code.at(scope.node))


def _added(code: PyCode, site: CallSite, row: _Decorated) -> Iterator[Fact]:
    """Sanic: ``app.add_route(handler, "/x", methods=["GET"])``."""
    holder = code.dotted(site.receiver) if site.receiver is not None else ""
    if row.server.name != "sanic" or code.type_of(holder, site.scope) not in (*row.apps, *row.routers):
        return
    handler, path = handler_name(code, site.arg(0, "handler"), site.scope), code.value(site.arg(1, "uri"), site.scope)
    if handler.rsplit(".", 1)[-1][:1].isupper():
        yield mount(code, site, (holder, handler, path), operation=True)
        return
    for method in methods_of(code, site.arg(2, "methods"), site.scope) or ["GET"]:
        yield endpoint(code, row.server, Route(holder, method, path, handler), Location(code.path, site.line))


def _litestar(code: PyCode) -> Iterator[Fact]:
    """Functions decorated with ``@get("/x")``, controllers with a ``path``, routers and applications over both."""
    for scope in code.scopes:
        if scope.sort == "class" and any(b.rsplit(".", 1)[-1] == "Controller" for b in scope.bases):
            prefixes = [a.value for a in code.assigned(scope, "path") if a.value is not None]
            prefix = code.value(prefixes[0], scope) if prefixes else Lit("")
            yield router(scope.name, "litestar", prefix, code.at(scope.node))
        for decorator in py.decorators(code, scope) if scope.sort in ("function", "method") else ():
            yield from _litestar_operation(code, scope, decorator)
    for site in code.called("Litestar", "Router"):
        if code.callee(site) not in _LITESTAR_APPS:
            continue
        held = code.held(site)
        name = held.scope.qualify(held.target) if held is not None else f"{site.scope.name}.return"
        given = site.arg(0 if site.method == "Router" else -1, "path")
        prefix = code.value(given, site.scope) if given is not None else Lit("")
        yield router(name, "litestar", prefix, Location(code.path, site.line))
        for node in listed(code, site.arg(0 if site.method == "Litestar" else -1, "route_handlers"), site.scope):
            if code.dotted(node):
                yield mount(code, site, (name, code.dotted(node), Lit("")))


def _litestar_operation(code: PyCode, scope: Scope, decorator: Node) -> Iterator[Fact]:
    site = code.site(decorator)
    verb = code.origin(site.dotted) if site is not None else code.origin(code.dotted(decorator))
    if not verb.startswith("litestar") or verb.rsplit(".", 1)[-1] not in (*VERBS, "route", "websocket"):
        return
    given = site.arg(0, "path") if site is not None else None
    owner = scope.owner
    if not owner:
        yield router(scope.name, "litestar", Lit(""), code.at(scope.node))
    for node in listed(code, given, scope) if given is not None else [None]:
        path = code.value(node, site.scope) if node is not None and site is not None else Lit("")
        last = verb.rsplit(".", 1)[-1]
        protocol = "websocket" if last == "websocket" else "http"
        method = last.upper() if last in VERBS else "GET" if protocol == "websocket" else "ANY"
        route = Route(owner or scope.name, method, path, scope.name, protocol)
        made = endpoint(code, _LITESTAR, route, code.at(scope.node))
        yield Fact("endpoint", {**made.fields, **_typed(code, scope)}, made.at)


def _typed(code: PyCode, scope: Scope) -> dict[str, object]:
    """Litestar reads the body into the parameter ``data`` and answers what the function is declared to return."""
    out: dict[str, object] = {}
    for name, node in py.parameters(code, scope):
        if name == "data":
            out["accepts"] = annotation(code, node.child_by_field_name("type"))
    returned = annotation(code, py.definition(scope).child_by_field_name("return_type"))
    if returned.named or returned.item is not None:
        out["returns"] = returned
    return out


def _tornado(code: PyCode) -> Iterator[Fact]:
    """``Application([(r"/orders/(\\d+)", OrderHandler), url(r"/x", X)])`` and lists that are given to it."""
    known: set[int] = set()
    for site in code.called("Application", "add_handlers", "RuleRouter"):
        handlers = site.arg(1 if site.method == "add_handlers" else 0, "handlers", "host_handlers")
        holder = f"{site.scope.name}.{site.line}"
        if handlers is None or not (code.callee(site).startswith("tornado") or site.method == "add_handlers"):
            continue
        yield router(holder, "tornado", Lit(""), Location(code.path, site.line))
        for item in listed(code, handlers, site.scope):
            known.add(item.id)
            yield from _rule(code, item, (site, holder))
    for assign in code.assigns:
        if assign.value is None or assign.value.type != "list" or not _is_rules(code, assign.value):
            continue
        items = [i for i in assign.value.named_children if i.id not in known]
        if items:
            name = assign.scope.qualify(assign.target)
            yield router(name, "tornado", Lit(""), Location(code.path, assign.line))
            for item in items:
                yield from _rule(code, item, (None, name))


def _is_rules(code: PyCode, node: Node) -> bool:
    first = node.named_children[0] if node.named_child_count else None
    if first is None or first.type != "tuple" or first.named_child_count < 2:
        return False
    handler = code.dotted(first.named_children[1]).rsplit(".", 1)[-1]
    return first.named_children[0].type == "string" and handler.endswith("Handler")


def _rule(code: PyCode, item: Node, about: tuple[CallSite | None, str]) -> Iterator[Fact]:
    site, holder = about
    made = code.site(item) if item.type == "call" else None
    parts = list(made.args) if made is not None else list(item.named_children) if item.type == "tuple" else []
    if len(parts) < 2:
        return
    scope = site.scope if site is not None else code.scope_at(item.start_byte)
    path, handler = template(_written(code, parts[0], scope)), handler_name(code, parts[1], scope)
    if handler and not handler.endswith(("StaticFileHandler", "RedirectHandler")):
        fields = {"parent": _name(holder), "child": _name(handler), "prefix": path, "operation": True}
        yield Fact("mount", fields, Location(code.path, int(item.start_point[0]) + 1))


def _written(code: PyCode, node: Node, scope: Scope) -> Value:
    """A pattern as it stands here or behind a name of this file."""
    dotted = code.dotted(node)
    for outer in scope.outward() if dotted else ():
        for assign in code.assigned(outer, dotted):
            if assign.value is not None:
                return code.value(assign.value, outer)
    return code.value(node, scope)


def _name(dotted: str) -> Value:
    from graph.values import Name

    return Name(dotted)


def _falcon(code: PyCode) -> Iterator[Fact]:
    """``app.add_route("/orders/{id}", OrderResource())``, with a suffix for a second set of methods."""
    for site in code.called("add_route"):
        holder = code.dotted(site.receiver) if site.receiver is not None else ""
        made_by = code.type_of(holder, site.scope) if holder else ""
        if not holder or not (made_by.startswith("falcon") or (not made_by and b"falcon" in code.data)):
            continue
        path = code.value(site.arg(0, "uri_template"), site.scope)
        handler = handler_name(code, site.arg(1, "resource"), site.scope)
        suffix = code.string(site.arg(-1, "suffix"))
        if suffix and code.scope(handler) is not None:
            for name, method in _FALCON.verbs.items():
                if code.scope(f"{handler}.{name}_{suffix}") is not None:
                    route = Route(holder, method, path, f"{handler}.{name}_{suffix}")
                    yield endpoint(code, _FALCON, route, Location(code.path, site.line))
        elif handler:
            yield mount(code, site, (holder, handler, path), operation=True)
    for assign in code.assigns:
        made = code.site(assign.value) if assign.value is not None else None
        if made is not None and code.callee(made) in ("falcon.App", "falcon.API", "falcon.asgi.App"):
            yield router(assign.scope.qualify(assign.target), "falcon", Lit(""), Location(code.path, assign.line))


PACK = PythonServers()
