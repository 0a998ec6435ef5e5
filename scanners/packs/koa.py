"""Koa: applications, koa-router with prefixes and nesting, routes, and what handlers put into the context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Value
from scanners.idioms import js_routes
from scanners.idioms.code import CallSite, name_value
from scanners.idioms.http import VERBS, operational
from scanners.idioms.javascript import option
from scanners.idioms.js_frameworks import framework

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_APPS = ("koa", "koa.default")
_ROUTERS = (
    "koa-router",
    "@koa/router",
    "koa-joi-router",
    "koa-router.Router",
    "@koa/router.Router",
    "koa-better-router",
)
_METHODS = {**{v: v.upper() for v in VERBS}, "all": "ANY", "del": "DELETE"}
_FUNCTIONS = ("arrow_function", "function_expression", "identifier", "member_expression", "call_expression", "array")
_CHAIN = 60
_STYLE = js_routes.Style(
    body=("request.body", "req.body"),
    query=("query", "request.query"),
    answers=("ctx", "context"),
    context=True,
)


class Koa:
    """The Koa framework."""

    name: str = "koa"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"koa", b"Koa", b"ctx.", b"allowedMethods")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Routers, mounts, endpoints, statuses.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        if framework(parsed) != "koa":
            return
        yield from _routers(parsed)
        for site in parsed.calls:
            yield from _mounted(parsed, site)
            yield from _route(parsed, site)
            yield from _thrown(parsed, site)
        yield from _statuses(parsed)


def _routers(code: JsCode) -> Iterator[Fact]:
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None and not assign.key else None
        callee = code.callee(site) if site is not None else ""
        if site is not None and (callee in _ROUTERS or callee in _APPS):
            name = code.bound_name(assign)
            fields = {"name": name, "framework": "koa", "prefix": _prefix(code, site, assign.target)}
            yield Fact("router", fields, Location(code.path, assign.line))


def _prefix(code: JsCode, made: CallSite, target: str) -> Value:
    given = option(code, made.arg(0), "prefix")
    if given is not None:
        return code.value(given, made.scope)
    for site in code.calls:
        if site.method == "prefix" and site.args and code.dotted(site.receiver) == target:
            return code.value(site.args[0], site.scope)
    return Lit("")


def _sort(code: JsCode, site: CallSite) -> str:
    """``app`` or ``router`` when a call is made on one, else empty."""
    root = _root(code, site)
    dotted = code.dotted(root)
    made = code.made_by(root, site.scope) if root is not None else ""
    if made:
        return "router" if made in _ROUTERS else "app" if made in _APPS else ""
    last = dotted.rpartition(".")[2].lower()
    known = last.endswith(("router", "routes")) and dotted.split(".", 1)[0] not in code.imports
    return "router" if known else "app" if last == "app" else ""


def _root(code: JsCode, site: CallSite) -> Node | None:
    """What a chain of calls starts at: ``router.get(...).post(...)``."""
    node = site.receiver
    for _ in range(_CHAIN):
        inner = code.site(node) if node is not None and node.type == "call_expression" else None
        if inner is None or inner.receiver is None or inner.method not in (*_METHODS, "use", "prefix", "param"):
            return node
        node = inner.receiver
    return node


def _mounted(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``app.use(router.routes())``, ``router.use("/v1", other.routes())``, ``app.use(mount("/admin", admin))``."""
    if site.method != "use" or site.receiver is None or not site.args or not _sort(code, site):
        return
    root = _root(code, site)
    prefix: Value = Lit("")
    if len(site.args) > 1 and site.args[0].type in ("string", "template_string", "identifier", "member_expression"):
        prefix = code.value(site.args[0], site.scope)
    last = site.args[-1]
    inner = code.site(last)
    if inner is not None and inner.method in ("mount", "default") and len(inner.args) > 1:
        prefix, last = code.value(inner.args[0], inner.scope), inner.args[1]
        inner = code.site(last)
    child = _child(code, inner, last)
    if child:
        parent = name_value(code.dotted(root), "an application built in place")
        fields = {"parent": parent, "child": child, "prefix": prefix, "symbol": site.scope.name}
        yield Fact("mount", fields, Location(code.path, site.line))


def _child(code: JsCode, inner: CallSite | None, last: Node) -> Value | None:
    if inner is not None and inner.method in ("routes", "middleware") and inner.receiver is not None:
        value = code.value(inner.receiver, inner.scope)
        return value if isinstance(value, Name) else None
    value = code.value(last, code.scope_at(last.start_byte))
    return value if inner is None and isinstance(value, Name) else None


def _route(code: JsCode, site: CallSite) -> Iterator[Fact]:
    if site.receiver is None or len(site.args) < 2 or _sort(code, site) != "router":
        return
    if site.method in _METHODS:
        methods = [_METHODS[site.method]]
        nodes = site.args
    elif site.method == "register" and site.args[1].type == "array":
        methods = [code.string(m).upper() for m in site.args[1].named_children if code.string(m)]
        nodes = [site.args[0], *site.args[2:]]
    else:
        return
    named = len(nodes) > 2 and nodes[0].type == "string" and nodes[1].type in ("string", "template_string")
    paths, handlers = (nodes[1], nodes[2:]) if named else (nodes[0], nodes[1:])
    if not handlers or not all(h.type in _FUNCTIONS for h in handlers):
        return
    for node in paths.named_children if paths.type == "array" else [paths]:
        for method in methods:
            yield from _endpoint(code, site, (method, node), handlers[-1])


def _endpoint(code: JsCode, site: CallSite, about: tuple[str, Node], function: Node) -> Iterator[Fact]:
    method, node = about
    path = code.value(node, site.scope)
    root = _root(code, site)
    sure = root is not None and code.made_by(root, site.scope) in _ROUTERS
    if isinstance(path, Lit) and not sure and not str(path.value).startswith(("/", "(", "*")) and path.value != "":
        return
    fields: dict[str, object] = {
        "protocol": "http",
        "method": method,
        "path": path,
        "router": name_value(code.dotted(root), "a router made in place"),
        "symbol": site.scope.name,
        "framework": "koa",
    }
    fields["handler"], scope = js_routes.handler(code, function, site.scope)
    if scope is not None:
        fields |= js_routes.payloads(code, scope, _STYLE)
    if operational(path):
        fields["operational"] = True
    yield Fact("endpoint", fields, Location(code.path, site.line))


def _thrown(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``ctx.throw(404)``, ``ctx.assert(user, 401)``."""
    if site.method not in ("throw", "assert") or code.dotted(site.receiver) not in ("ctx", "context"):
        return
    node = site.arg(0 if site.method == "throw" else 1)
    status = code.text(node) if node is not None and node.type == "number" else ""
    if status.isdigit() and 100 <= int(status) < 600:
        fields = {"symbol": site.scope.name, "status": int(status), "error": int(status) >= 400}
        yield Fact("responds", fields, Location(code.path, site.line))


def _statuses(code: JsCode) -> Iterator[Fact]:
    for assign in code.assigns:
        head, _, last = assign.target.rpartition(".")
        if last == "status" and head in ("ctx", "context", "ctx.response") and assign.value is not None:
            text = code.text(assign.value)
            if text.isdigit() and 100 <= int(text) < 600:
                fields = {"symbol": assign.scope.name, "status": int(text), "error": int(text) >= 400}
                yield Fact("responds", fields, Location(code.path, assign.line))


PACK = Koa()
