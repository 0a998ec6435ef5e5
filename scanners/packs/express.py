"""Express: applications, routers, mounts, routes with their payloads, and the statuses handlers answer with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Name, Shape
from scanners.idioms.code import CallSite, Scope, name_value
from scanners.idioms.http import VERBS, operational, status_of
from scanners.idioms.js_reads import Payload, reads
from scanners.idioms.reading import Reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_MAKERS = ("express", "express.Router", "express.default", "express.Express", "express.Application")
_METHODS = {**{v: v.upper() for v in VERBS}, "all": "ANY", "del": "DELETE"}
_NAMES = ("app", "router", "server", "api", "routes", "route")
_FUNCTIONS = ("arrow_function", "function_expression", "identifier", "member_expression", "call_expression")
_CHAIN = 12


@dataclass(frozen=True, slots=True)
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
        yield from _routers(parsed)
        for site in parsed.calls:
            yield from _mounted(parsed, site)
            yield from _route(parsed, site)
            yield from _answered(parsed, site)


def _routers(code: JsCode) -> Iterator[Fact]:
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None and not assign.key else None
        if site is not None and code.callee(site) in _MAKERS[:3]:
            fields = {"name": code.bound_name(assign), "framework": "express", "prefix": Lit("")}
            yield Fact("router", fields, Location(code.path, assign.line))


def _is_router(code: JsCode, node: Node, scope: Scope) -> bool:
    dotted = code.dotted(node)
    made_by = code.type_of(dotted, scope) if dotted else ""
    if made_by:
        return made_by in _MAKERS
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
    child = code.value(site.args[len(site.args) - 1], site.scope)
    if isinstance(child, Name):
        parent = name_value(code.dotted(site.receiver), "an application built in place")
        fields = {"parent": parent, "child": child, "prefix": first if prefixed else Lit("")}
        yield Fact("mount", fields, Location(code.path, site.line))


def _route(code: JsCode, site: CallSite) -> Iterator[Fact]:
    method = _METHODS.get(site.method)
    if method is None or site.receiver is None:
        return
    chained = _route_call(code, site.receiver)
    if chained is not None:
        yield from _endpoints(code, site, (method, chained.receiver, chained.args[:1], site.args))
    elif len(site.args) > 1 and _is_router(code, site.receiver, site.scope) and _handlers(site.args[1:]):
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


def _handlers(args: tuple[Node, ...]) -> bool:
    return bool(args) and all(a.type in (*_FUNCTIONS, "array") for a in args)


def _endpoints(
    code: JsCode, site: CallSite, about: tuple[str, Node | None, tuple[Node, ...], tuple[Node, ...]]
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
            "framework": "express",
        }
        handler = handlers[-1] if handlers else None
        fields["handler"], scope = _handler(code, handler, site.scope)
        if scope is not None:
            fields |= _payloads(code, scope)
        if operational(path):
            fields["operational"] = True
        yield Fact("endpoint", fields, Location(code.path, site.line))


def _handler(code: JsCode, node: Node | None, scope: Scope) -> tuple[str, Scope | None]:
    """Name of the handler and its scope when it is in this file; wrappers like ``asyncHandler(fn)`` are looked into."""
    for _ in range(4):
        if node is None or node.type != "call_expression":
            break
        listed = node.child_by_field_name("arguments")
        node = listed.named_children[-1] if listed is not None and listed.named_child_count else None
    if node is None:
        return "", None
    inline = next((s for s in code.scopes if s.node.id == node.id), None)
    if inline is not None:
        return inline.name, inline
    dotted = code.dotted(node)
    for outer in scope.outward() if dotted else ():
        found = code.scope(f"{outer.name}.{dotted}" if outer.name else dotted)
        if found is not None:
            return found.name, found
    return dotted, None


def _payloads(code: JsCode, scope: Scope) -> dict[str, object]:
    out: dict[str, object] = {}
    if scope.params:
        body = _request(code, scope, "body").shape()
        if body is not None:
            out["accepts"] = body
        query = _request(code, scope, "query")
        names = tuple(dict.fromkeys(path[0] for path in query.paths))
        if names:
            out["query"] = names
    returned, status = _success(code, scope)
    if returned != ANYTHING:
        out["returns"] = returned
    if status:
        out["status"] = status
    return out


def _request(code: JsCode, scope: Scope, part: str) -> Reads:
    request = scope.params[0]
    wanted = f"{request}.{part}"

    def is_source(node: Node) -> bool:
        return node.type == "member_expression" and code.text(node) == wanted

    return reads(code, Payload(is_source, (part,), span=(scope.node.start_byte, scope.node.end_byte)))


def _answers(code: JsCode, scope: Scope) -> Iterator[tuple[CallSite, int]]:
    """Calls that send an answer in a handler, each with its status, 0 when it does not say."""
    start, end = scope.node.start_byte, scope.node.end_byte
    for site in code.calls:
        if start <= site.node.start_byte < end and site.method in ("json", "send", "end", "sendStatus", "jsonp"):
            status = _status(code, site)
            if status is not None:
                yield site, status


def _status(code: JsCode, site: CallSite) -> int | None:
    """The status an answer is sent with; None when the call is no answer of an Express response."""
    if site.receiver is None:
        return None
    if site.method == "sendStatus":
        return status_of(code, site.arg(0))
    inner = code.site(site.receiver)
    if inner is not None and inner.receiver is not None and inner.method in ("status", "code", "type", "set", "header"):
        named = status_of(code, inner.arg(0)) if inner.method in ("status", "code") else 0
        return named if _response(code, inner.receiver) else None
    return 0 if _response(code, site.receiver) else None


def _response(code: JsCode, node: Node) -> bool:
    return (
        code.dotted(node).rsplit(".", 1)[-1] in ("res", "response", "reply", "resp") or node.type == "call_expression"
    )


def _success(code: JsCode, scope: Scope) -> tuple[Shape, int]:
    shape, status = ANYTHING, 0
    for site, answered in _answers(code, scope):
        if answered >= 400 or not site.args:
            continue
        found = code.shape(site.args[0], site.scope)
        if shape == ANYTHING and found.type in ("object", "array"):
            shape, status = found, answered or status
        status = status or answered
    return shape, status


def _answered(code: JsCode, site: CallSite) -> Iterator[Fact]:
    if site.method in ("json", "send", "end", "sendStatus", "jsonp"):
        status = _status(code, site)
    elif site.method == "status" and site.receiver is not None and _response(code, site.receiver):
        parent = site.node.parent
        status = status_of(code, site.arg(0)) if parent is not None and parent.type == "expression_statement" else 0
    else:
        return
    if status:
        fields = {"symbol": site.scope.name, "status": status, "error": status >= 400}
        yield Fact("responds", fields, Location(code.path, site.line))


PACK = Express()
