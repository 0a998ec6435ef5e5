"""JavaScript object literals as plain data, for schemas that are written as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import ANYTHING, Lit, Shape
from scanners.idioms.code import Scope

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_DEEP = 12


def literal(code: JsCode, node: Node | None, scope: Scope, depth: int = 0) -> object:
    """An object, array or scalar literal as data; None for what is computed.

    Args:
        code: the file.
        node: expression; names bound in this file are followed.
        scope: where it is.
        depth: how deep we are.
    """
    from scanners.idioms.javascript import bare, key_of

    node = bare(node)
    if node is None or depth > _DEEP:
        return None
    if node.type == "object":
        pairs = [c for c in node.named_children if c.type == "pair" and key_of(code, c)]
        return {key_of(code, c): literal(code, c.child_by_field_name("value"), scope, depth + 1) for c in pairs}
    if node.type == "array":
        return [literal(code, c, scope, depth + 1) for c in node.named_children if c.type != "comment"]
    if node.type == "identifier":
        made = [a for s in scope.outward() for a in code.assigned(s, code.text(node)) if a.value is not None]
        return literal(code, made[0].value, made[0].scope, depth + 1) if made and not made[0].key else None
    found = code.value(node, scope)
    return found.value if isinstance(found, Lit) else None


def json_schema(code: JsCode, node: Node | None, scope: Scope) -> Shape:
    """The Shape a JSON Schema literal describes.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    from scanners.idioms.json_schema import Document

    data = literal(code, node, scope)
    return Document(data).shape(data) if isinstance(data, dict) and data else ANYTHING
