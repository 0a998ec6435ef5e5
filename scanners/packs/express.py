"""Express: applications, routers, mounts, routes with their payloads, and the statuses handlers answer with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from graph.values import Call, Fact, Lit, Location, Name
from scanners.idioms import js_routes
from scanners.idioms.code import CallSite, Scope, name_value
from scanners.idioms.http import VERBS, operational
from scanners.idioms.js_frameworks import framework

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_MAKERS = ("express", "express.Router", "express.default", "express-promise-router", "polka", "restify.createServer")
_TYPES = ("express.Express", "express.Application", "express.IRouter", "restify.Server")
_METHODS = {**{v: v.upper() for v in VERBS}, "all": "ANY", "del": "DELETE"}
_NAMES = ("app", "application", "router", "server", "api", "routes", "route")
_FUNCTIONS = ("arrow_function", "function_expression", "identifier", "member_expression", "call_expression")
_INLINE = ("arrow_function", "function_expression", "call_expression")
_EVERYTHING = tuple(Lit(path) for path in ("*", "/*", "(.*)", "/(.*)", "/*splat", "/{*splat}"))
_CHAIN = 12
_STYLE = js_routes.Style()


class Express:
    """The Express framework."""

    name: str = "express"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"express", b"outer.", b"app.", b"Router")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Routers, mounts, endpoints, statuses.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        if framework(parsed) not in ("express", "restify"):
            return
        yield from _routers(parsed)
        for site in parsed.calls:
            yield from _mounted(parsed, site)
            yield from _route(parsed, site)
        yield from js_routes.responds(parsed, _STYLE)


def _routers(code: JsCode) -> Iterator[Fact]:
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None and not assign.key else None
        if site is not None and code.callee(site) in _MAKERS:
            fields = {"name": code.bound_name(assign), "framework": "express", "prefix": Lit("")}
            yield Fact("router", fields, Location(code.path, assign.line))


def _is_router(code: JsCode, node: Node, scope: Scope) -> bool:
    dotted = code.dotted(node)
    made_by = code.type_of(dotted, scope) if dotted else ""
    if made_by:
        return made_by in (*_MAKERS, *_TYPES)
    last = dotted.rsplit(".", 1)[-1]
    return last in _NAMES or last.lower().endswith(("router", "routes"))


def _mounted(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``app.use("/api", auth, router)``: the last argument is the router."""
    if (
        site.method != "use"
        or site.receiver is None
        or not site.args
        or not _is_router(code, site.receiver, site.scope)
    ):
        return
    first = code.value(site.args[0], site.scope)
    prefixed = len(site.args) > 1 and (isinstance(first, Lit) or site.args[0].type in ("template_string", "identifier"))
    last = site.args[len(site.args) - 1]
    if prefixed and last.type in _INLINE[:2]:
        yield from _answering(code, site, last)
    child = code.value(last, site.scope)
    if isinstance(child, Name) or (isinstance(child, Call) and _ours(code, last)):
        parent = name_value(code.dotted(site.receiver), "an application built in place")
        fields = {"parent": parent, "child": child, "prefix": first if prefixed else Lit(""), "symbol": site.scope.name}
        yield Fact("mount", fields, Location(code.path, site.line))


def _ours(code: JsCode, node: Node) -> bool:
    """A call of a function of the scanned code, which may make a router; middleware of packages does not."""
    made = code.site(node)
    head = made.dotted.split(".", 1)[0] if made is not None else ""
    found = code.imports.get(head)
    if found is not None:
        return found.module[:1] in (".", "~") or found.module.startswith("@/") or "oute" in found.local
    return bool(head) and code.scope(head) is not None


def _answering(code: JsCode, site: CallSite, function: Node) -> Iterator[Fact]:
    """``app.use("/metrics", (req, res) => res.end(...))``: a handler that answers, whatever the method."""
    _, scope = js_routes.handler(code, function, site.scope)
    if scope is not None and len(scope.params) == 2 and js_routes.answers(code, scope, _STYLE):
        yield from _endpoints(code, site, ("ANY", site.receiver, site.args[:1], site.args[-1:]))


def _route(code: JsCode, site: CallSite) -> Iterator[Fact]:
    method = _METHODS.get(site.method)
    if method is None or site.receiver is None:
        return
    chained = _route_call(code, site.receiver)
    if chained is not None:
        yield from _endpoints(code, site, (method, chained.receiver, chained.args[:1], site.args))
    elif len(site.args) > 1 and _is_router(code, site.receiver, site.scope) and _serves(code, site):
        yield from _endpoints(code, site, (method, site.receiver, site.args[:1], site.args[1:]))


def _route_call(code: JsCode, node: Node) -> CallSite | None:
    """The ``router.route("/x")`` that a chain of verbs starts from."""
    for _ in range(_CHAIN):
        site = code.site(node) if node.type == "call_expression" else None
        if site is None or site.receiver is None:
            return None
        if site.method == "route" and site.args:
            return site
        node = site.receiver
    return None


def _serves(code: JsCode, site: CallSite) -> bool:
    """Handlers behind the path; a client such as ``api.post("/login", body)`` has none that is a function."""
    handlers = site.args[1:]
    if not all(a.type in (*_FUNCTIONS, "array") for a in handlers):
        return False
    dotted = code.dotted(site.receiver)
    if code.type_of(dotted, site.scope) or any(a.type in _INLINE for a in handlers):
        return True
    head = dotted.split(".", 1)[0]
    return head not in code.imports and dotted.rpartition(".")[2] != "api"


def _endpoints(
    code: JsCode, site: CallSite, about: tuple[str, Node | None, Sequence[Node], Sequence[Node]]
) -> Iterator[Fact]:
    method, router, path_nodes, handlers = about
    paths = [n for p in path_nodes for n in (p.named_children if p.type == "array" else [p])]
    for node in paths:
        path = code.value(node, site.scope)
        if isinstance(path, Lit) and not str(path.value).startswith(("/", "*")):
            continue
        fields: dict[str, object] = {
            "protocol": "http",
            "method": method,
            "path": path,
            "router": name_value(code.dotted(router), "a router built in place"),
            "symbol": site.scope.name,
            "framework": "express",
        }
        handler = handlers[-1] if handlers else None
        fields["handler"], scope = js_routes.handler(code, handler, site.scope)
        if scope is not None and method == "ANY" and path in _EVERYTHING and _refuses(code, scope):
            continue
        if scope is not None:
            fields |= js_routes.payloads(code, scope, _STYLE)
        if operational(path):
            fields["operational"] = True
        yield Fact("endpoint", fields, Location(code.path, site.line))


def _refuses(code: JsCode, scope: Scope) -> bool:
    """A fallback for unknown paths, which only throws or answers that there is nothing."""
    answers = js_routes.answers(code, scope, _STYLE)
    throws = any(inside is scope for _, inside in code.throws)
    return all(a.status >= 400 for a in answers) and bool(answers or throws)


PACK = Express()
