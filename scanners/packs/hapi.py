"""hapi: servers, plugins with prefixes, route tables with their validation, and the statuses handlers answer with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Value
from scanners.idioms import js_routes
from scanners.idioms.code import Scope
from scanners.idioms.http import operational
from scanners.idioms.javascript import bare, option
from scanners.idioms.js_frameworks import framework
from scanners.idioms.js_schemas import schema

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.code import CallSite
    from scanners.idioms.javascript import JsCode

_MODULES = ("@hapi/hapi", "hapi", "@hapi/glue")
_MAKERS = tuple(f"{m}.{n}" for m in _MODULES for n in ("server", "Server"))
_STYLE = js_routes.Style(body=("payload",), answers=("h", "reply", "responseToolkit"), returned=True)
_BOOM = {"badRequest": 400, "unauthorized": 401, "forbidden": 403, "notFound": 404, "conflict": 409, "badData": 422}
_BOOM |= {"tooManyRequests": 429, "internal": 500, "badImplementation": 500, "notImplemented": 501}
_BOOM |= {"badGateway": 502, "serverUnavailable": 503, "gatewayTimeout": 504, "preconditionFailed": 412}


class Hapi:
    """The hapi framework."""

    name: str = "hapi"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"hapi", b"Boom.", b"handler:")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Routers, mounts, endpoints, statuses.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        if framework(parsed) != "hapi":
            return
        for assign in parsed.assigns:
            site = parsed.site(assign.value) if assign.value is not None and not assign.key else None
            if site is not None and parsed.callee(site) in _MAKERS:
                fields = {"name": parsed.bound_name(assign), "framework": "hapi", "prefix": Lit("")}
                yield Fact("router", fields, Location(parsed.path, assign.line))
        for scope in parsed.scopes[1:]:
            if scope.name.endswith("register") and scope.sort == "function" and len(scope.params) in (1, 2):
                name = scope.name.removesuffix(".register") or scope.name
                fields = {"name": name, "framework": "hapi", "prefix": Lit("")}
                yield Fact("router", fields, parsed.at(scope.node))
        seen: set[int] = set()
        for site in parsed.calls:
            yield from _registered(parsed, site)
            if site.method == "route" and site.receiver is not None and site.args:
                for node in _tables(parsed, site):
                    seen.add(node.id)
                    yield from _route(parsed, node, (site.scope, _router(parsed, site)))
            elif site.method in _BOOM and parsed.dotted(site.receiver).rpartition(".")[2].lower() == "boom":
                fields = {"symbol": site.scope.name, "status": _BOOM[site.method], "error": True}
                yield Fact("responds", fields, Location(parsed.path, site.line))
        yield from _exported_tables(parsed, seen)
        yield from js_routes.responds(parsed, _STYLE)


def _router(code: JsCode, site: CallSite) -> Value:
    for scope in site.scope.outward():
        if scope.params[:1] == (code.dotted(site.receiver),) and scope.name.endswith("register"):
            return Name(scope.name.removesuffix(".register") or scope.name)
    return Name(code.dotted(site.receiver) or "server")


def _tables(code: JsCode, site: CallSite) -> Iterator[Node]:
    """Route objects given to ``server.route``: in place, in an array, or bound to a name of this file."""
    first = bare(site.args[0])
    if first is not None and first.type == "identifier":
        name = code.text(first)
        made = [a.value for s in site.scope.outward() for a in code.assigned(s, name) if a.value is not None]
        first = bare(made[0]) if made else first
    if first is None:
        return
    for node in first.named_children if first.type == "array" else [first]:
        if node.type == "object":
            yield node


def _exported_tables(code: JsCode, seen: set[int]) -> Iterator[Fact]:
    """Arrays of route objects that another file hands to ``server.route``."""
    for assign in code.assigns:
        node = bare(assign.value)
        for item in node.named_children if node is not None and node.type == "array" else ():
            whole = item.type == "object" and item.id not in seen
            if whole and all(option(code, item, key) is not None for key in ("method", "path")):
                handled = option(code, item, "handler") or option(code, item, "options") or option(code, item, "config")
                if handled is not None:
                    seen.add(item.id)
                    yield from _route(code, item, (assign.scope, Name(code.bound_name(assign))))


def _route(code: JsCode, node: Node, about: tuple[Scope, Value]) -> Iterator[Fact]:
    scope, router = about
    path = option(code, node, "path")
    if path is None:
        return
    options = option(code, node, "options") or option(code, node, "config")
    function = _function(code, node) or (_function(code, options) if options is not None else None)
    listed = bare(option(code, node, "method"))
    verbs = listed.named_children if listed is not None and listed.type == "array" else [listed]
    value = _path(code.value(path, scope))
    fields: dict[str, object] = {"protocol": "http", "path": value, "router": router, "framework": "hapi"}
    fields["symbol"] = scope.name
    fields["handler"], inside = js_routes.handler(code, function, scope)
    if inside is not None:
        fields |= js_routes.payloads(code, inside, _STYLE)
    validate = option(code, options, "validate")
    body = schema(code, option(code, validate, "payload"), scope, 1)
    if body is not None and body.type == "object":
        fields["accepts"] = body
    if operational(value):
        fields["operational"] = True
    for verb in verbs:
        method = code.string(verb).upper()
        yield Fact("endpoint", {**fields, "method": "ANY" if method in ("*", "") else method}, code.at(node))


def _path(value: Value) -> Value:
    """``/{any*}`` is the rest, ``/{pair*2}`` two segments, ``/{name?}`` an optional one."""
    if not isinstance(value, Lit) or not isinstance(value.value, str):
        return value
    text = re.sub(r"\{\w+\*\}", "**", value.value)
    text = re.sub(r"\{\w+\*(\d)\}", lambda m: "/".join(["{}"] * int(m[1])), text)
    return Lit(re.sub(r"\{(\w+)\?\}", r"{\1}", text))


def _function(code: JsCode, node: Node) -> Node | None:
    given = option(code, node, "handler")
    children = node.named_children if node.type == "object" else ()
    methods = (c for c in children if c.type == "method_definition")
    return given or next((c for c in methods if code.text(c.child_by_field_name("name")) == "handler"), None)


def _registered(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``server.register({plugin, routes: {prefix}})``, one or a list of them."""
    if site.method != "register" or site.receiver is None or not site.args or b"hapi" not in code.data:
        return
    first = bare(site.args[0])
    for node in first.named_children if first is not None and first.type == "array" else [first]:
        given = option(code, node, "plugin") if node is not None and node.type == "object" else node
        routes = option(code, node, "routes") or option(code, site.arg(1), "routes")
        prefix = option(code, routes, "prefix")
        child = code.value(given, site.scope) if given is not None else None
        if isinstance(child, Name):
            value = code.value(prefix, site.scope) if prefix is not None else Lit("")
            parent = Name(code.dotted(site.receiver) or "server")
            fields = {"parent": parent, "child": child, "prefix": value, "symbol": site.scope.name}
            yield Fact("mount", fields, Location(code.path, site.line))


PACK = Hapi()
