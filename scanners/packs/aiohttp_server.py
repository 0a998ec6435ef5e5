"""aiohttp's web server: route tables, added routes, views and sub-applications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Value
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.http import VERBS
from scanners.idioms.python_routes import (
    BY_VERB,
    Route,
    Server,
    endpoint,
    handler_name,
    known_as,
    mount,
    router,
    view_classes,
)
from scanners.idioms.python_views import Incoming, status_facts

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_REQUEST = Incoming(
    requests=("request", "self.request", "req"),
    calls=("json", "post"),
    query=("query", "rel_url.query"),
    answers=("json_response", "Response"),
)
_SERVER = Server(
    "aiohttp", _REQUEST, BY_VERB, ("aiohttp.web.View", "aiohttp_cors.CorsViewMixin", "aiohttp.web_urldispatcher.View")
)
_ADDS = {f"add_{verb}": verb.upper() for verb in VERBS}
_ERRORS = {
    "HTTPBadRequest": 400,
    "HTTPUnauthorized": 401,
    "HTTPForbidden": 403,
    "HTTPNotFound": 404,
    "HTTPConflict": 409,
    "HTTPUnprocessableEntity": 422,
    "HTTPInternalServerError": 500,
    "HTTPCreated": 201,
    "HTTPNoContent": 204,
}


class AiohttpServer:
    """aiohttp.web."""

    name: str = "aiohttp_server"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"aiohttp", b".router.add_", b"add_routes", b"add_get(", b"add_post(")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Applications, tables, operations, views.

        Args:
            parsed: a Python file.
        """
        yield from _routers(parsed)
        for site in parsed.called(*_ADDS, "add_route", "add_view", "add_routes", "add_subapp"):
            yield from _added(parsed, site)
        for scope in parsed.scopes:
            if scope.decorated:
                for decorator in py.decorators(parsed, scope):
                    yield from _decorated(parsed, scope, decorator)
        if b"aiohttp" in parsed.data:
            yield from view_classes(parsed, _SERVER)
            yield from status_facts(parsed, _REQUEST)
            for site in parsed.called(*_ERRORS):
                status = _ERRORS[site.method]
                fields = {"symbol": site.scope.name, "status": status, "error": status >= 400}
                yield Fact("responds", fields, Location(parsed.path, site.line))


def _routers(code: PyCode) -> Iterator[Fact]:
    for site in code.called("Application", "RouteTableDef"):
        if not code.callee(site).startswith("aiohttp.web"):
            continue
        held = code.held(site)
        name = held.scope.qualify(held.target) if held is not None else f"{site.scope.name}.return"
        yield router(name, "aiohttp", Lit(""), Location(code.path, site.line))
    known: set[str] = set()
    for site in code.called(*_ADDS, "add_route", "add_view", "add_routes", "add_subapp"):
        holder = _holder(code, site)
        if holder in site.scope.params and f"{site.scope.name}.{holder}" not in known:
            known.add(f"{site.scope.name}.{holder}")
            yield router(f"{site.scope.name}.{holder}", "aiohttp", Lit(""), Location(code.path, site.line))


def _holder(code: PyCode, site: CallSite) -> str:
    """The application a route is added to: ``app`` of ``app.router.add_get`` and of ``app.add_routes``."""
    dotted = code.dotted(site.receiver) if site.receiver is not None else _aliased(code, site)
    return dotted.removesuffix(".router")


def _aliased(code: PyCode, site: CallSite) -> str:
    """``add = app.router.add_route`` before ``add("GET", ...)``: what the method is bound to."""
    for outer in site.scope.outward():
        for assign in code.assigned(outer, site.method):
            owner, _, method = code.dotted(assign.value).rpartition(".")
            if method == site.method and owner:
                return owner
    return ""


def _added(code: PyCode, site: CallSite) -> Iterator[Fact]:
    holder = _holder(code, site)
    through = code.text(site.receiver).endswith("router") if site.receiver is not None else True
    made_by = code.type_of(holder, site.scope) if holder else ""
    ours = made_by.startswith("aiohttp.web") or (not made_by and (through or b"aiohttp" in code.data))
    if not holder or not ours:
        return
    name = known_as(site.scope, holder)
    if site.method in _ADDS or site.method == "add_view":
        path, handler = site.arg(0, "path"), site.arg(1, "handler")
        method = _ADDS.get(site.method, "")
        yield from _operation(code, site, (name, method), (path, handler))
    elif site.method == "add_route":
        method = code.string(site.arg(0, "method")).upper().replace("*", "ANY")
        yield from _operation(code, site, (name, method), (site.arg(1, "path"), site.arg(2, "handler")))
    elif site.method == "add_routes" and site.args:
        yield from _table(code, site, name)
    elif site.method == "add_subapp":
        child = site.arg(1, "subapp")
        if child is not None and code.dotted(child):
            yield mount(code, site, (name, code.dotted(child), code.value(site.arg(0, "prefix"), site.scope)))


def _table(code: PyCode, site: CallSite, name: str) -> Iterator[Fact]:
    given = site.args[0]
    if given.type not in ("list", "tuple"):
        dotted = code.dotted(given)
        held = [a.value for outer in site.scope.outward() for a in code.assigned(outer, dotted) if a.value is not None]
        listed = next((n for n in held if n.type in ("list", "tuple")), None)
        if listed is None:
            if dotted:
                yield mount(code, site, (name, dotted, Lit("")))
            return
        given = listed
    for item in given.named_children:
        made = code.site(item)
        if made is None or not code.origin(made.dotted).startswith(("aiohttp", "web")):
            continue
        verb = made.method.upper() if made.method in VERBS else ""
        if made.method == "route":
            verb = code.string(made.arg(0, "method")).upper().replace("*", "ANY")
            yield from _operation(code, made, (name, verb), (made.arg(1, "path"), made.arg(2, "handler")))
        elif verb or made.method == "view":
            yield from _operation(code, made, (name, verb), (made.arg(0, "path"), made.arg(1, "handler")))


def _operation(
    code: PyCode, site: CallSite, about: tuple[str, str], nodes: tuple[Node | None, Node | None]
) -> Iterator[Fact]:
    """One operation; a view class, or an unknown method, serves what its class says."""
    name, method = about
    path: Value = code.value(nodes[0], site.scope)
    handler = handler_name(code, nodes[1], site.scope)
    if method:
        yield endpoint(code, _SERVER, Route(name, method, path, handler), Location(code.path, site.line))
    elif handler:
        yield mount(code, site, (name, handler, path), operation=True)


def _decorated(code: PyCode, scope: Scope, decorator: Node) -> Iterator[Fact]:
    """``@routes.get("/x")``, ``@routes.view("/x")``."""
    site = code.site(decorator)
    holder = code.dotted(site.receiver) if site is not None and site.receiver is not None else ""
    if site is None or not holder or not site.args:
        return
    made_by = code.type_of(holder, site.scope)
    imported = not made_by and holder.rsplit(".", 1)[-1] == "routes" and b"aiohttp" in code.data
    if made_by != "aiohttp.web.RouteTableDef" and not imported:
        return
    path = code.value(site.args[0], site.scope)
    if site.method == "view":
        yield mount(code, site, (holder, scope.name, path), operation=True)
    elif site.method in VERBS:
        yield endpoint(code, _SERVER, Route(holder, site.method.upper(), path, scope.name), code.at(scope.node))


PACK = AiohttpServer()
