"""Which fields of a call's result the surrounding Python code reads: of responses, of returned mappings and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import Shape
from scanners.idioms.code import Assign, CallSite
from scanners.idioms.python_reads import JSON_MODELS, Payload, reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_MARKS = ("json", "loads", "load", "text", "content")
_STEPS = 6


def response_reads(code: PyCode, site: CallSite) -> Shape | None:
    """The fields of a request's JSON response that the surrounding function reads; None when unknown.

    Args:
        code: the file.
        site: the request.
    """
    held = code.held(site)
    until = _next_line(code, held)

    def is_response(node: Node | None) -> bool:
        if node is None:
            return False
        bare = _bare(node)
        if bare.id == site.node.id:
            return True
        at = int(bare.start_point[0]) + 1
        return held is not None and code.dotted(bare) == held.target and held.line <= at < until

    def is_source(node: Node) -> bool:
        if node.type == "attribute":
            return _parsed_by_model(code, node) and is_response(node.child_by_field_name("object"))
        inner = code.site(node) if node.type == "call" else None
        if inner is None or inner.receiver is None:
            return False
        if inner.method == "json":
            return not inner.args and is_response(inner.receiver)
        return inner.method in ("loads", "load") and bool(inner.args) and is_response(_body_of(code, inner.args[0]))

    return reads(code, site.scope, Payload(is_source, _MARKS)).all()


def _parsed_by_model(code: PyCode, node: Node) -> bool:
    """``Order.model_validate_json(response.text)``: the text is the payload."""
    call = node.parent.parent if node.parent is not None else None
    site = code.site(call) if call is not None and call.type == "call" else None
    return site is not None and site.method in JSON_MODELS


def _body_of(code: PyCode, node: Node) -> Node | None:
    """The response whose text or bytes an expression is: ``response.text``, ``(await r.read()).decode()``, itself."""
    for _ in range(_STEPS):
        node = _bare(node)
        site = code.site(node) if node.type == "call" else None
        if site is not None and site.method in ("decode", "read", "text", "getvalue") and site.receiver is not None:
            node = site.receiver
        elif node.type == "attribute" and _last(code, node) in ("text", "content", "data"):
            return node.child_by_field_name("object")
        else:
            return node
    return None


def _bare(node: Node) -> Node:
    while node.type in ("await", "parenthesized_expression") and node.named_child_count:
        node = node.named_children[0]
    return node


def result_reads(code: PyCode, site: CallSite, held: Assign | None) -> Shape | None:
    """The fields of a call's result that the surrounding function reads as keys; None when it reads none.

    Args:
        code: the file.
        site: the call.
        held: what the result is assigned to, or None.
    """
    if held is not None:
        text = code.text(site.scope.node)
        if f"{held.target}[" not in text and f"{held.target}.get(" not in text:
            return None
    until = _next_line(code, held)

    def is_source(node: Node) -> bool:
        if node.id == site.node.id:
            return True
        if held is None or node.type != "identifier" or code.text(node) != held.target:
            return False
        return held.line <= int(node.start_point[0]) + 1 < until

    marks = (held.target,) if held is not None else (site.method,)
    return reads(code, site.scope, Payload(is_source, marks)).all()


def _next_line(code: PyCode, held: Assign | None) -> int:
    """The line where the response's name is used for something else."""
    if held is None:
        return 0
    later = [a.line for a in code.assigned(held.scope, held.target) if a.line > held.line]
    return min(later, default=len(code.data))


def attribute_reads(code: PyCode, site: CallSite) -> Shape | None:
    """The fields of a call's result that the surrounding function reads as attributes; None when it reads none.

    Args:
        code: the file.
        site: the call.
    """
    held = code.held(site)
    until = _next_line(code, held)

    def is_source(node: Node) -> bool:
        if node.id == site.node.id:
            return True
        if held is None or node.type != "identifier" or code.text(node) != held.target:
            return False
        return held.line <= int(node.start_point[0]) + 1 < until

    marks = (held.target,) if held is not None else (site.method,)
    return reads(code, site.scope, Payload(is_source, marks, attributes=True)).all()


def _last(code: PyCode, node: Node) -> str:
    return code.text(node.child_by_field_name("attribute"))
