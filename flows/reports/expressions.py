"""What a report asks about the text of an assertion: is it a comparison, and what stands on its sides."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.language.expressions.tree import Binary, Tree


@lru_cache(maxsize=512)
def _parsed(expression: str) -> Tree | None:
    from flows.language.errors import SyntaxProblem
    from flows.language.expressions.parser import parse

    try:
        return parse(expression)
    except (SyntaxProblem, RecursionError):
        return None


def _comparison(expression: str) -> Binary | None:
    from flows.language.expressions import tree as t
    from flows.language.expressions.words import COMPARISON, PRECEDENCE

    tree = _parsed(expression)
    if isinstance(tree, t.Binary) and PRECEDENCE.get(tree.operator) == COMPARISON:
        return tree if tree.operator != "matches_schema" else None
    return None


def compares(expression: str) -> bool:
    """Whether it has a left and a right side; also of a text that cannot be read.

    Args:
        expression: as written.
    """
    return _comparison(expression) is not None or _parsed(expression) is None


def equates(expression: str) -> bool:
    """Whether it asks if two values are the same, so that where they differ says everything; also of no known text.

    Args:
        expression: as written.
    """
    tree = _comparison(expression)
    return tree is None or tree.operator in ("==", "!=")


def literal_right(expression: str) -> bool:
    """Whether its right side is written out, so that its value needs no telling.

    Args:
        expression: as written.
    """
    from flows.language.expressions import tree as t

    tree = _comparison(expression)
    return tree is not None and isinstance(tree.right, t.Literal)


def left_path(expression: str) -> str:
    """The text of its left side when it is a path such as ``body.items``, else nothing.

    Args:
        expression: as written.
    """
    from flows.language.expressions import tree as t

    tree = _comparison(expression)
    left = tree.left if tree is not None else _parsed(expression)
    return " ".join(expression[left.start : left.end].split()) if isinstance(left, t.Name | t.Member | t.Index) else ""
