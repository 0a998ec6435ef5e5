"""The assignment of a Go variable that holds at a place, when it is assigned more than once in a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanners.idioms.code import Assign, Scope

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_UP = 40


def assigned(code: GoCode, name: str, node: Node, scope: Scope) -> Assign | None:
    """The last assignment before a place, if it is made whenever the place is reached; None when there is only one.

    Args:
        code: the file.
        name: of the variable.
        node: where it is read.
        scope: the function.
    """
    made = code.assigned(scope, name)
    if len(made) < 2:
        return None
    at = node.start_byte
    before = [a for a in made if a.value is not None and a.value.end_byte <= at]
    last = before[-1] if before else None
    if last is None or last.value is None or last.how in ("for", "+=") or last.key:
        return None
    block = _block(last.value)
    return last if block is not None and block.start_byte <= at < block.end_byte else None


def _block(node: Node) -> Node | None:
    """The list of statements an expression is in."""
    inner: Node | None = node
    for _ in range(_UP):
        inner = inner.parent if inner is not None else None
        if inner is None or inner.type in ("statement_list", "block", "source_file"):
            return inner
        if inner.type in ("if_statement", "for_statement", "expression_switch_statement", "func_literal"):
            return inner
    return None
