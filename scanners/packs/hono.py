"""Hono and Elysia: applications, sub-applications, base paths, groups, and routes with validators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Shape, Value
from scanners.idioms import js_routes
from scanners.idioms.code import CallSite, name_value
from scanners.idioms.http import VERBS, operational
from scanners.idioms.javascript import bare, option
from scanners.idioms.js_frameworks import framework
from scanners.idioms.js_prefixes import around, holder, router_of
from scanners.idioms.js_schemas import schema

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_MAKERS = ("hono.Hono", "@hono/zod-openapi.OpenAPIHono", "elysia.Elysia", "elysia", "hono/tiny.Hono", "hono/quick.Hono")
_TYPES = ("hono.Hono", "@hono/zod-openapi.OpenAPIHono", "elysia.Elysia")
_METHODS = {**{v: v.upper() for v in VERBS}, "all": "ANY"}
_OTHERS = """use route group onError notFound basePath openapi on mount derive decorate guard state listen compile ws
onStart trace macro model resolve onBeforeHandle onAfterHandle $get openAPIRegistry"""
_PASSING = (*_METHODS, *_OTHERS.split())
_FUNCTIONS = ("arrow_function", "function_expression", "identifier", "member_expression", "call_expression", "array")
_CHAIN = 60
_STYLE = js_routes.Style(
    body=("body",),
    calls=("req.json", "req.parseBody", "req.formData"),
    query=("query",),
    answers=("c", "ctx", "context"),
    context=True,
    status_last=True,
)


class HonoFamily:
    """Hono and Elysia."""

    name: str = "hono"
    version: int = 1
    language: tuple[str, ...] = ("typescript", "javascript")
    markers: tuple[bytes, ...] = (b"hono", b"Hono", b"elysia")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Routers, mounts, endpoints, statuses.

        Args:
            parsed: a TypeScript or JavaScript file.
        """
        if framework(parsed) != "hono":
            return
        for assign in parsed.assigns:
            site = parsed.site(assign.value) if assign.value is not None and not assign.key else None
            start = _start(parsed, site) if site is not None else None
            if site is not None and start is not None and site.method != "basePath":
                fields = {
                    "name": parsed.bound_name(assign),
                    "framework": "hono",
                    "prefix": _prefix(parsed, start, site),
                }
                yield Fact("router", fields, Location(parsed.path, assign.line))
            elif site is not None and site.method == "basePath" and site.args:
                yield from _based(parsed, site, parsed.bound_name(assign))
        for site in parsed.calls:
            if site.receiver is not None and site.args and _is_app(parsed, site):
                yield from _mounted(parsed, site)
                yield from _route(parsed, site)
        yield from js_routes.responds(parsed, _STYLE)


def _start(code: JsCode, site: CallSite | None) -> CallSite | None:
    """The ``new Hono()`` that a chain of calls starts with."""
    for _ in range(_CHAIN):
        if site is None:
            return None
        if site.node.type == "new_expression":
            return site if code.callee(site) in _MAKERS else None
        site = code.site(site.receiver) if site.receiver is not None and site.method in _PASSING else None
    return None


def _prefix(code: JsCode, start: CallSite, whole: CallSite) -> Value:
    given = option(code, start.arg(0), "prefix")
    if given is not None:
        return code.value(given, start.scope)
    current: CallSite | None = whole
    for _ in range(_CHAIN):
        if current is None or current is start:
            break
        if current.method == "basePath" and current.args:
            return code.value(current.args[0], current.scope)
        current = code.site(current.receiver) if current.receiver is not None else None
    return Lit("")


def _based(code: JsCode, site: CallSite, name: str) -> Iterator[Fact]:
    """``const app = new Hono().basePath("/api")`` and ``const v1 = app.basePath("/v1")``."""
    prefix = code.value(site.args[0], site.scope)
    yield Fact("router", {"name": name, "framework": "hono", "prefix": prefix}, Location(code.path, site.line))
    above = code.dotted(site.receiver)
    if above and code.type_of(above, site.scope) in _MAKERS:
        fields = {"parent": Name(above), "child": Name(name), "prefix": Lit("")}
        yield Fact("mount", fields, Location(code.path, site.line))


def _is_app(code: JsCode, site: CallSite) -> bool:
    inner = code.site(site.receiver) if site.receiver is not None else None
    if inner is not None:
        return _start(code, inner) is not None or _bottom(code, inner)
    return _named_app(code, code.dotted(site.receiver), site)


def _bottom(code: JsCode, site: CallSite) -> bool:
    """A chain that starts at a name: ``app.get(...).post(...)``."""
    current: CallSite | None = site
    for _ in range(_CHAIN):
        if current is None or current.method not in _PASSING or current.receiver is None:
            return False
        dotted = code.dotted(current.receiver)
        if dotted:
            return _named_app(code, dotted, current)
        current = code.site(current.receiver)
    return False


def _named_app(code: JsCode, dotted: str, site: CallSite) -> bool:
    made = code.type_of(dotted, site.scope)
    if made:
        source = code.made_of(dotted, site.scope)
        return made in (*_MAKERS, *_TYPES) or (source is not None and _start(code, source) is not None)
    last = dotted.rpartition(".")[2].lower()
    return last in ("app", "route", "routes", "api") and dotted.split(".", 1)[0] not in code.imports


def _router(code: JsCode, site: CallSite) -> Value:
    """The name at the start of the chain, or the name the whole chain is bound to."""
    current: CallSite | None = site
    for _ in range(_CHAIN):
        if current is None:
            break
        dotted = code.dotted(current.receiver)
        if dotted:
            return router_of(code, current)
        current = code.site(current.receiver) if current.receiver is not None else None
    return name_value(holder(code, site), "an application made in place")


def _mounted(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``app.route("/orders", orders)``, Elysia's ``app.use(orders)``, ``app.mount("/x", other)``."""
    if site.method not in ("route", "use", "mount"):
        return
    child = code.value(site.args[-1], site.scope)
    first = site.args[0]
    prefixed = len(site.args) > 1 and first.type in ("string", "template_string", "identifier", "member_expression")
    if isinstance(child, Name) and (prefixed or site.method != "route"):
        prefix = code.value(first, site.scope) if prefixed else Lit("")
        whole = around(code, site, prefix)
        fields = {"parent": _router(code, site), "child": child, "prefix": whole, "symbol": site.scope.name}
        yield Fact("mount", fields, Location(code.path, site.line))


def _route(code: JsCode, site: CallSite) -> Iterator[Fact]:
    if site.method == "openapi":
        yield from _openapi(code, site)
        return
    listed: list[str] = []
    nodes = site.args
    if site.method == "on" and len(site.args) > 2:
        first = bare(site.args[0])
        verbs = first.named_children if first is not None and first.type == "array" else [site.args[0]]
        listed, nodes = [code.string(v).upper() for v in verbs if code.string(v)], site.args[1:]
    elif site.method in _METHODS:
        listed = [_METHODS[site.method]]
    if not listed or len(nodes) < 2:
        return
    functions = [n for n in nodes[1:] if n.type in _FUNCTIONS]
    for node in nodes[0].named_children if nodes[0].type == "array" else [nodes[0]]:
        for method in listed:
            yield from _endpoint(code, site, (method, code.value(node, site.scope)), (functions, nodes))


def _openapi(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``app.openapi(createRoute({method, path, request, responses}), handler)``."""
    made = code.site(site.args[0])
    if made is None:
        dotted = code.dotted(site.args[0])
        made = code.made_of(dotted, site.scope) if dotted else None
    options = made.arg(0) if made is not None and made.method == "createRoute" else None
    path = option(code, options, "path")
    if path is not None and made is not None:
        method = code.string(option(code, options, "method")).upper() or "GET"
        yield from _endpoint(code, site, (method, code.value(path, made.scope)), (list(site.args[1:2]), site.args))


def _endpoint(
    code: JsCode, site: CallSite, about: tuple[str, Value], given: tuple[list[Node], Sequence[Node]]
) -> Iterator[Fact]:
    method, path = about
    functions, nodes = given
    if isinstance(path, Lit) and not (
        isinstance(path.value, str) and (path.value[:1] in "/*" or site.method == "openapi")
    ):
        return
    fields: dict[str, object] = {
        "protocol": "http",
        "method": method,
        "path": around(code, site, path),
        "router": _router(code, site),
        "symbol": site.scope.name,
        "framework": "hono",
    }
    last = functions[-1] if functions else None
    fields["handler"], scope = js_routes.handler(code, last, site.scope)
    if scope is not None:
        fields |= js_routes.payloads(code, scope, _STYLE)
    body = _validated(code, site, nodes)
    if body is not None:
        fields["accepts"] = body
    if operational(path):
        fields["operational"] = True
    yield Fact("endpoint", fields, Location(code.path, site.line))


def _validated(code: JsCode, site: CallSite, nodes: Sequence[Node]) -> Shape | None:
    """``zValidator("json", schema)`` among the handlers, or Elysia's ``{ body: schema }`` behind them."""
    for node in nodes[1:]:
        inner = code.site(node)
        if (
            inner is not None
            and "alidator" in inner.method
            and len(inner.args) > 1
            and code.string(inner.args[0]) == "json"
        ):
            return schema(code, inner.args[1], inner.scope, 1)
        given = option(code, node, "body")
        if given is not None:
            return schema(code, given, site.scope, 1)
    return None


PACK = HonoFamily()
