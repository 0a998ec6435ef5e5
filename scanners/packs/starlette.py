"""Starlette: route tables with mounts, added routes and endpoint classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Value
from scanners.idioms import python as py
from scanners.idioms.code import MAX_DEPTH, CallSite, Scope
from scanners.idioms.expressions import concat
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
from scanners.idioms.python_views import Incoming, status_facts

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_APPS = ("starlette.applications.Starlette", "starlette.routing.Router", "fastapi.FastAPI")
_REQUEST = Incoming(
    requests=("request", "self.request"),
    calls=("json", "form"),
    query=("query_params",),
    answers=("JSONResponse", "ORJSONResponse", "UJSONResponse"),
)
_SERVER = Server("starlette", _REQUEST, BY_VERB, ("starlette.endpoints.HTTPEndpoint",))
_ADDED = {"add_route": "http", "add_websocket_route": "websocket"}


class Starlette:
    """The Starlette framework."""

    name: str = "starlette"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"starlette",)

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Applications, route tables, mounts, operations.

        Args:
            parsed: a Python file.
        """
        yield from _tables(parsed)
        yield from _applications(parsed)
        for site in parsed.called(*_ADDED, "route", "websocket_route", "mount"):
            yield from _added(parsed, site)
        yield from view_classes(parsed, _SERVER)
        yield from status_facts(parsed, _REQUEST)


@dataclass(frozen=True, slots=True)
class _Place:
    router: str
    prefix: Value
    scope: Scope


def _tables(code: PyCode) -> Iterator[Fact]:
    """``routes = [Route(...), Mount(...)]``."""
    for assign in code.assigns:
        if assign.value is None or assign.value.type not in ("list", "tuple", "binary_operator"):
            continue
        span = range(assign.value.start_byte, assign.value.end_byte)
        if not any(s.node.start_byte in span for s in code.called("Route", "Mount", "WebSocketRoute")):
            continue
        name = assign.scope.qualify(assign.target)
        yield router(name, "starlette", Lit(""), Location(code.path, assign.line))
        yield from _entries(code, assign.value, _Place(name, Lit(""), assign.scope), 0)


def _applications(code: PyCode) -> Iterator[Fact]:
    """``app = Starlette(routes=...)``, ``api = Router([...])``."""
    for site in code.called("Starlette", "Router"):
        if code.callee(site) not in _APPS:
            continue
        held = code.held(site)
        parent = site.node.parent
        if held is None and (parent is None or parent.type != "return_statement"):
            continue
        name = held.scope.qualify(held.target) if held is not None else f"{site.scope.name}.return"
        yield router(name, "starlette", Lit(""), Location(code.path, site.line))
        given = site.arg(1 if site.method == "Starlette" else 0, "routes")
        if given is not None:
            yield from _entries(code, given, _Place(name, Lit(""), site.scope), 0)


def _entries(code: PyCode, node: Node, place: _Place, depth: int) -> Iterator[Fact]:
    if depth > MAX_DEPTH:
        return
    if node.type in ("list", "tuple", "binary_operator", "list_splat", "parenthesized_expression"):
        for child in node.named_children:
            yield from _entries(code, child, place, depth + 1)
        return
    site = code.site(node) if node.type == "call" else None
    if site is None:
        name = code.dotted(node)
        if name and name != place.router:
            where = Location(code.path, int(node.start_point[0]) + 1)
            yield from (_mounted(place, name, where),)
    elif site.method in ("Route", "WebSocketRoute", "APIRoute"):
        yield from _route(code, site, place)
    elif site.method in ("Mount", "Host"):
        yield from _mount(code, site, place, depth)


def _mounted(place: _Place, child: str, where: Location) -> Fact:
    from graph.values import Name

    return Fact("mount", {"parent": Name(place.router), "child": Name(child), "prefix": place.prefix}, where)


def _mount(code: PyCode, site: CallSite, place: _Place, depth: int) -> Iterator[Fact]:
    path = code.value(site.arg(0, "path"), site.scope) if site.method == "Mount" else Lit("")
    inner = _Place(place.router, concat([place.prefix, path]), place.scope)
    routes, app = site.arg(-1, "routes"), site.arg(1, "app")
    if routes is not None:
        yield from _entries(code, routes, inner, depth + 1)
    made = code.site(app) if app is not None else None
    if made is not None and made.method in ("Router", "Starlette"):
        given = made.arg(1 if made.method == "Starlette" else 0, "routes")
        if given is not None:
            yield from _entries(code, given, inner, depth + 1)
    elif app is not None and made is None and code.dotted(app):
        yield mount(code, site, (inner.router, code.dotted(app), inner.prefix))


def _route(code: PyCode, site: CallSite, place: _Place) -> Iterator[Fact]:
    path = concat([place.prefix, code.value(site.arg(0, "path"), site.scope)])
    handler = handler_name(code, site.arg(1, "endpoint"), site.scope)
    protocol = "websocket" if site.method == "WebSocketRoute" else "http"
    yield from _operations(code, site, (place.router, path), (handler, protocol))


def _operations(code: PyCode, site: CallSite, where: tuple[str, Value], about: tuple[str, str]) -> Iterator[Fact]:
    name, path = where
    handler, protocol = about
    methods = methods_of(code, site.arg(2, "methods"), site.scope)
    last = handler.rsplit(".", 1)[-1]
    if protocol == "http" and not methods and last[:1].isupper():
        yield mount(code, site, (name, handler, path), operation=True)
        return
    for method in methods or ["GET"]:
        yield endpoint(code, _SERVER, Route(name, method, path, handler, protocol), Location(code.path, site.line))


def _added(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """``app.add_route("/x", handler)``, ``@app.route("/x")``, ``app.mount("/static", other)``."""
    written = code.dotted(site.receiver) if site.receiver is not None else ""
    made_by = code.type_of(written, site.scope) if written else ""
    holder = known_as(site.scope, written)
    if made_by not in _APPS:
        return
    path = code.value(site.arg(0, "path"), site.scope)
    if site.method in _ADDED:
        handler = handler_name(code, site.arg(1, "route"), site.scope)
        yield from _operations(code, site, (holder, path), (handler, _ADDED[site.method]))
    elif site.method == "mount" and made_by != "fastapi.FastAPI":
        app = site.arg(1, "app")
        if app is not None and code.dotted(app):
            yield mount(code, site, (holder, code.dotted(app), path))
    elif made_by != "fastapi.FastAPI":
        yield from _decorated(code, site, (holder, path))


def _decorated(code: PyCode, site: CallSite, where: tuple[str, Value]) -> Iterator[Fact]:
    protocol = "websocket" if site.method.startswith("websocket") else "http"
    for scope in code.scopes:
        if scope.decorated and any(d.id == site.node.id for d in py.decorators(code, scope)):
            yield from _operations(code, site, where, (scope.name, protocol))


PACK = Starlette()
