"""Which fields of a payload Go code reads when it is decoded into a map: index expressions and type assertions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import Shape
from scanners.idioms.code import Scope
from scanners.idioms.go import bare
from scanners.idioms.reading import ITEM, Path, Reads, places

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_DEPTH = 4
_MAPS = ("map[]any", "map[]interface{}", "map[]string", "map[]", "map[][]", "any", "interface{}")
_ASSERTED = {"string": "string", "float64": "number", "int": "integer", "bool": "boolean"}


def map_reads(code: GoCode, node: Node | None, scope: Scope) -> Shape | None:
    """The fields read of a map something was decoded into, None when it is no such map or goes elsewhere whole.

    Args:
        code: the file.
        node: what was decoded into: ``&body``.
        scope: where.
    """
    dotted = code.dotted(node)
    if not dotted or "." in dotted or not _is_map(code, dotted, scope):
        return None
    found = Reads()
    _follow(code, {dotted: ()}, scope, found)
    return found.shape()


def _is_map(code: GoCode, name: str, scope: Scope) -> bool:
    for outer in scope.outward():
        for assign in code.assigned(outer, name):
            text = code.text(assign.annotation) or code.text(assign.value)
            if text.lstrip("&").startswith(
                ("map[string]", "make(map[string]", "gin.H", "bson.M", "echo.Map", "fiber.Map")
            ):
                return True
            if text in ("interface{}", "any", "[]map[string]any", "[]map[string]interface{}"):
                return True
    return False


def _follow(code: GoCode, names: dict[str, Path], scope: Scope, found: Reads) -> None:
    span = (scope.node.start_byte, scope.node.end_byte)
    for _ in range(_DEPTH):
        more = {
            a.target: p
            for a in code.assigns
            if (p := _part(code, a.value, names)) is not None
            and a.scope is scope
            and not a.key.isdigit()
            and a.target not in names
            and "." not in a.target
            and _held(code, a.value)
        }
        loops = {
            a.target: (*p, ITEM)
            for a in code.assigns
            if a.how == "for" and a.scope is scope and (p := _part(code, a.value, names)) is not None
        }
        known = {**more, **loops}
        if not known.keys() - names.keys():
            break
        names.update(known)
    for around in places(code.root, code.data, span, names):
        _take(code, around, names, found)


def _held(code: GoCode, node: Node | None) -> bool:
    """Whether a part is kept for its own parts: asserted to be a map or a list."""
    return node is not None and any(mark in code.text(node) for mark in (".(map[string]", ".([]"))


def _part(code: GoCode, node: Node | None, names: dict[str, Path]) -> Path | None:
    """The path of an expression into the payload, None when it is no part of it."""
    keys: list[str] = []
    inner = bare(node)
    for _ in range(_DEPTH * 2):
        if inner is None:
            return None
        if inner.type == "identifier":
            start = names.get(code.text(inner))
            return None if start is None else (*start, *reversed(keys))
        if inner.type != "index_expression":
            return None
        key = code.string(inner.child_by_field_name("index"))
        keys.append(key or ITEM)
        inner = bare(inner.child_by_field_name("operand"))
    return None


def _take(code: GoCode, around: list[Node], names: dict[str, Path], found: Reads) -> None:
    """What one mention of a name reads."""
    node: Node = around[0]
    if node.type != "identifier":
        return
    path = names[code.text(node)]
    parent = node.parent
    while parent is not None and parent.type == "index_expression" and _is(parent.child_by_field_name("operand"), node):
        key = code.string(parent.child_by_field_name("index"))
        path = (*path, key or ITEM)
        node, parent = parent, parent.parent
        while parent is not None and parent.type in ("type_assertion_expression", "parenthesized_expression"):
            if parent.type == "type_assertion_expression" and not _is(parent.child_by_field_name("operand"), node):
                break
            node, parent = parent, parent.parent
    if node is around[0]:
        if _escapes(code, node):
            found.whole(path)
        return
    if path and path != names.get(code.text(around[0])):
        found.add(path, required=node.type == "type_assertion_expression" and not _checked(node))


def _is(one: Node | None, other: Node) -> bool:
    return one is not None and one.id == other.id


def _checked(node: Node) -> bool:
    """``name, ok := body["name"].(string)``: the code goes on without it."""
    parent = node.parent
    statement = parent.parent if parent is not None and parent.type == "expression_list" else None
    left = statement.child_by_field_name("left") if statement is not None else None
    return left is not None and left.named_child_count > 1


def _escapes(code: GoCode, node: Node) -> bool:
    """A mention that hands the whole map on: not its declaration, and not what it is decoded into."""
    parent = node.parent
    if parent is None or parent.type in ("var_spec", "short_var_declaration", "range_clause", "binary_expression"):
        return False
    if parent.type == "expression_list":
        statement = parent.parent
        left = statement.child_by_field_name("left") if statement is not None else None
        return left is None or left.id != parent.id
    return not (parent.type == "unary_expression" and code.text(parent).startswith("&"))
