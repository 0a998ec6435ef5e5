"""Fastify: applications, plugins with prefixes, routes with their schemas, and the statuses handlers answer with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Name, Shape, Value
from scanners.idioms import js_routes
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.http import VERBS, operational
from scanners.idioms.javascript import bare, option
from scanners.idioms.js_frameworks import framework
from scanners.idioms.js_literals import json_schema
from scanners.idioms.js_prefixes import around, plugin, router_of
from scanners.idioms.js_schemas import schema

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_MAKERS = ("fastify", "fastify.fastify", "fastify.default", "Fastify")
_TYPES = ("fastify.FastifyInstance", "FastifyInstance", "FastifyTypedInstance")
_NAMES = ("fastify", "server", "app", "instance", "api", "f", "childServer", "childApp")
_METHODS = {**{v: v.upper() for v in VERBS}, "all": "ANY"}
_FUNCTIONS = ("arrow_function", "function_expression")
_TEXTS = ("string", "template_string", "identifier", "member_expression", "binary_expression")
_STYLE = js_routes.Style(returned=True)


class Fastify:
    """The Fastify framework."""

    name: str = "fastify"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"fastify", b"Fastify")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Routers, mounts, endpoints, statuses.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        if framework(parsed) != "fastify":
            return
        plugins: dict[str, Scope] = {}
        rest: list[Fact] = []
        for site in parsed.calls:
            if site.receiver is not None and _is_app(parsed, site):
                inside = plugin(parsed, site)
                if inside is not None and site.method in (*_METHODS, "register", "route", "decorate", "addHook"):
                    plugins[inside.name] = inside
                rest += [*_registered(parsed, site), *_route(parsed, site)]
        yield from _applications(parsed)
        for name, scope in plugins.items():
            yield Fact("router", {"name": name, "framework": "fastify", "prefix": _own(parsed)}, parsed.at(scope.node))
        yield from rest
        yield from js_routes.responds(parsed, _STYLE)


def _applications(code: JsCode) -> Iterator[Fact]:
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None and not assign.key else None
        made = _maker(code, site) if site is not None else None
        if made is not None:
            fields = {"name": code.bound_name(assign), "framework": "fastify", "prefix": Lit("")}
            yield Fact("router", fields, Location(code.path, assign.line))


def _maker(code: JsCode, site: CallSite | None) -> CallSite | None:
    """``fastify()`` at the start of ``fastify().withTypeProvider()``."""
    for _ in range(4):
        if site is None:
            return None
        if code.callee(site) in _MAKERS:
            return site
        site = code.site(site.receiver) if site.receiver is not None else None
    return None


def _own(code: JsCode) -> Value:
    """``module.exports.autoPrefix = "/orders"``, read by autoload."""
    for assign in code.assigns:
        if assign.target.rpartition(".")[2] == "autoPrefix" or assign.target == "autoPrefix":
            return code.value(assign.value, assign.scope)
    return Lit("")


def _is_app(code: JsCode, site: CallSite) -> bool:
    dotted = code.dotted(site.receiver)
    if not dotted:
        return _maker(code, code.site(site.receiver) if site.receiver is not None else None) is not None
    made_by = code.type_of(dotted, site.scope)
    if made_by:
        start = code.made_of(dotted, site.scope)
        return made_by in (*_MAKERS, *_TYPES) or (start is not None and _maker(code, start) is not None)
    last = dotted.rpartition(".")[2]
    return last in _NAMES and dotted.split(".", 1)[0] not in code.imports


def _registered(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``app.register(plugin, {prefix})`` and autoload of a folder."""
    if site.method != "register" or not site.args or site.args[0].type in _FUNCTIONS:
        return
    given = code.value(site.args[0], site.scope)
    prefix = option(code, site.arg(1), "prefix")
    inner = option(code, site.arg(1), "options")
    prefix = prefix or option(code, inner, "prefix")
    value = code.value(prefix, site.scope) if prefix is not None else Lit("")
    fields: dict[str, object] = {"parent": router_of(code, site), "child": given, "prefix": around(code, site, value)}
    fields["symbol"] = site.scope.name
    folder = _folder(code, option(code, site.arg(1), "dir"))
    origin = code.origin(given.name) if isinstance(given, Name) else ""
    if folder and "autoload" in origin.lower():
        fields |= {"child": Name(""), "folder": folder}
    if isinstance(given, Name):
        yield Fact("mount", fields, Location(code.path, site.line))


def _folder(code: JsCode, node: Node | None) -> str:
    """``path.join(__dirname, "routes")`` as a path relative to the file."""
    node = bare(node)
    if node is None:
        return ""
    site = code.site(node)
    texts = [code.string(a) for a in site.args] if site is not None else [code.string(node)]
    return "/".join(t.strip("/") for t in texts if t and not t.startswith("file:"))


def _route(code: JsCode, site: CallSite) -> Iterator[Fact]:
    if site.method == "route" and site.args and site.args[0].type == "object":
        options = site.args[0]
        path = option(code, options, "url") or option(code, options, "path")
        listed = bare(option(code, options, "method"))
        nodes = list(listed.named_children) if listed is not None and listed.type == "array" else [listed]
        methods = [code.string(n).upper() or "ANY" for n in nodes if n is not None and n.type != "comment"]
        for method in methods or ["GET"]:
            if path is not None:
                yield _endpoint(code, site, (method, path), (options, _handler_option(code, options)))
    elif site.method in _METHODS and len(site.args) > 1:
        given = site.args[1] if site.args[1].type == "object" else None
        function = site.args[-1] if site.args[-1].type != "object" else _handler_option(code, site.args[-1])
        if site.args[0].type in _TEXTS and (function is not None or given is not None):
            yield _endpoint(code, site, (_METHODS[site.method], site.args[0]), (given, function))


def _handler_option(code: JsCode, options: Node) -> Node | None:
    given = option(code, options, "handler")
    if given is not None:
        return given
    children = options.named_children if options.type == "object" else ()
    named = (c for c in children if c.type == "method_definition")
    return next((c for c in named if code.text(c.child_by_field_name("name")) == "handler"), None)


def _endpoint(code: JsCode, site: CallSite, about: tuple[str, Node], given: tuple[Node | None, Node | None]) -> Fact:
    method, node = about
    options, function = given
    path = code.value(node, site.scope)
    websocket = code.text(option(code, options, "websocket")) == "true"
    fields: dict[str, object] = {
        "protocol": "websocket" if websocket else "http",
        "method": method,
        "path": around(code, site, path),
        "router": router_of(code, site),
        "symbol": site.scope.name,
        "framework": "fastify",
    }
    fields["handler"], scope = js_routes.handler(code, function, site.scope)
    if scope is not None:
        fields |= js_routes.payloads(code, scope, _STYLE)
    fields |= _described(code, option(code, options, "schema"), site.scope) | _typed(code, site)
    if operational(path) and not websocket:
        fields["operational"] = True
    return Fact("endpoint", fields, Location(code.path, site.line))


def _described(code: JsCode, node: Node | None, scope: Scope) -> dict[str, object]:
    """Body, answer and query that a route's schema option describes."""
    out: dict[str, object] = {}
    body = _schema(code, option(code, node, "body"), scope)
    if body != ANYTHING:
        out["accepts"] = body
    query = _schema(code, option(code, node, "querystring") or option(code, node, "query"), scope)
    if query.fields:
        out["query"] = tuple(f.name for f in query.fields)
    answers = bare(option(code, node, "response"))
    for key in ("200", "201", "202", "2xx", "default"):
        answer = _schema(code, option(code, answers, key), scope)
        if answer != ANYTHING:
            out["returns"] = answer
            break
    return out


def _schema(code: JsCode, node: Node | None, scope: Scope) -> Shape:
    if node is None:
        return ANYTHING
    known = schema(code, node, scope, 1)
    return known if known is not None and known.type in ("object", "array") else json_schema(code, node, scope)


def _typed(code: JsCode, site: CallSite) -> dict[str, object]:
    """``app.post<{ Body: CreateOrder; Reply: Order }>(...)``."""
    from scanners.idioms.js_shapes import annotation

    written = site.node.child_by_field_name("type_arguments")
    first = written.named_children[0] if written is not None and written.named_child_count else None
    shape = annotation(code, first)
    body, reply = shape.field("Body"), shape.field("Reply")
    out: dict[str, object] = {"accepts": body.shape} if body is not None else {}
    return out | ({"returns": reply.shape} if reply is not None else {})


PACK = Fastify()
