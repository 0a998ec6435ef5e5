"""Response fields that JavaScript code reads after a request, for clients that return, await or call back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.values import Shape
from scanners.idioms.code import Assign, CallSite
from scanners.idioms.js_reads import FIRST, Payload, first_parameters, names_of, reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_IN_DATA = ("axios", "angular")
_TRANSPARENT = ("parenthesized_expression", "await_expression", "as_expression", "non_null_expression")
_CALLBACK_BODY = {"request": 2}


def response_reads(code: JsCode, site: CallSite, client: str) -> Shape | None:
    """The fields of a request's response that the code around it reads; None when unknown.

    Args:
        code: the file.
        site: the request.
        client: the library.
    """
    held = _held(code, site)
    start, end = _span(code, site, held)
    names = _response_names(code, site, held)
    decoded = _decoder(code, site, client, names)
    payload = Payload(decoded, ("data", "json", "body", "parse", "then"), span=(start, end))
    if client in _IN_DATA:
        for assign in held:
            if assign.key == "data":
                payload.names[assign.target] = ()
        for name, key in _then_names(code, site):
            if key == "data":
                payload.names[name] = ()
    body = _callback_body(code, site, client)
    if body:
        payload.names[body] = ()
    return reads(code, payload).all()


def result_reads(code: JsCode, site: CallSite, held: Assign) -> Shape | None:
    """The fields of a call's result that the surrounding function reads; None when it reads none.

    Args:
        code: the file.
        site: the call.
        held: what the result is assigned to.
    """
    span = _span(code, site, [held])
    first = FIRST.match(code.data, site.node.start_byte)
    head = first[1] if first is not None else b""
    payload = Payload(lambda node: node.id == site.node.id, (), {held.target: ()}, span, head)
    return reads(code, payload).all()


def _held(code: JsCode, site: CallSite) -> list[Assign]:
    from scanners.idioms.javascript import bare

    found = []
    around = site.node
    while around.parent is not None and around.parent.type in _TRANSPARENT:
        around = around.parent
    for assign in code.assigns_within(around.start_byte, site.node.start_byte + 1):
        node = bare(assign.value)
        if node is not None and node.id == site.node.id:
            found.append(assign)
    return found


def _span(code: JsCode, site: CallSite, held: list[Assign]) -> tuple[int, int]:
    """Where the response can be read: the enclosing function after the request, until its name is used again."""
    end = site.scope.node.end_byte
    for assign in held:
        for other in code.assigned(assign.scope, assign.target):
            if other.line > assign.line and other.value is not None:
                end = min(end, other.value.start_byte)
    return site.node.start_byte, end


def _response_names(code: JsCode, site: CallSite, held: list[Assign]) -> set[str]:
    names = {a.target for a in held if not a.key}
    return names | {name for name, key in _then_names(code, site) if not key}


def _then_names(code: JsCode, site: CallSite) -> list[tuple[str, str]]:
    """Names the first callback of ``request.then(callback)`` gives the response."""
    parent = site.node.parent
    call = parent.parent if parent is not None and parent.type == "member_expression" else None
    then = code.site(call) if call is not None and call.type == "call_expression" else None
    if then is None or then.method != "then" or not then.args:
        return []
    first = next(first_parameters(code, then.args[0]), None)
    return list(names_of(code, first)) if first is not None else []


def _callback_body(code: JsCode, site: CallSite, client: str) -> str:
    at = _CALLBACK_BODY.get(client)
    if at is None or not site.args:
        return ""
    patterns = list(first_parameters(code, site.args[-1]))
    return code.text(patterns[at]) if len(patterns) > at else ""


def _decoder(code: JsCode, site: CallSite, client: str, names: set[str]) -> Callable[[Node], bool]:
    from scanners.idioms.javascript import bare

    def is_response(node: Node | None) -> bool:
        node = bare(node)
        return node is not None and (node.id == site.node.id or code.dotted(node) in names)

    def is_source(node: Node) -> bool:
        if client in _IN_DATA and node.type == "member_expression":
            named = code.text(node.child_by_field_name("property"))
            return named == "data" and is_response(node.child_by_field_name("object"))
        if node.type == "call_expression":
            inner = code.site(node)
            if inner is None:
                return False
            if inner.method == "then" and inner.args:
                body = inner.args[0].child_by_field_name("body")
                return body is not None and is_source(body)
            if inner.method in ("json", "body") and not inner.args:
                return is_response(inner.receiver) or _thenned(code, inner, site, names)
            return inner.dotted == "JSON.parse" and bool(inner.args) and _is_body(code, inner.args[0], client, site)
        return False

    return is_source


def _thenned(code: JsCode, inner: CallSite, site: CallSite, names: set[str]) -> bool:
    return inner.receiver is not None and code.dotted(inner.receiver) in names


def _is_body(code: JsCode, node: Node, client: str, site: CallSite) -> bool:
    body = _callback_body(code, site, client)
    return bool(body) and code.text(node) == body
