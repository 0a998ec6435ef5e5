"""Syntax trees within limits: hostile nesting and grammars' bad cases end a file, not the scan."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Point, Query, Tree

DEEPEST = 1000
SCOPES = 60
_SECONDS = 3.0
_SLICE = 1 << 16
_SAMPLES = 64
_OPEN = 400
_SUSPECT = 16 * 1024
_OPENING = b"([{"
_NO_BRACKETS = bytes(set(range(256)) - set(b"()[]{}"))
_REPEATED = re.compile(rb"([^\s\w,;]{1,4}|[^\s,;]{1,12}?[^\s\w,;]|not|await|lambda:)\s*(?:\1\s*){400}")
_LOOKED_AT = 3000


class TooHard(Exception):
    """A file whose syntax cannot be read within limits.

    Args:
        rule: id of the problem.
        message: for people.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def tree(language: Language, data: bytes) -> Tree:
    """The syntax tree of a file.

    Args:
        language: its grammar.
        data: its bytes.

    Raises:
        TooHard: parsing takes too long, or the tree is too deep for queries, whose time grows with its square.
    """
    from tree_sitter import Parser

    if _brackets(data) > _OPEN or (len(data) > _SUSPECT and _REPEATED.search(data) is not None):
        raise _deep()
    began = time.thread_time()

    def slice_at(offset: int, _: Point) -> bytes:
        return data[offset : offset + _SLICE]

    try:
        parsed = Parser(language).parse(
            slice_at, progress_callback=lambda _offset, _error: time.thread_time() - began > _SECONDS
        )
    except ValueError as error:
        raise _slow() from error
    if _deeper(parsed, len(data)):
        raise _deep()
    return parsed


def _deep() -> TooHard:
    return TooHard("scan/too-deep", "it is nested too deeply; not read as code")


def _brackets(data: bytes) -> int:
    """The deepest nesting of brackets, strings not told apart."""
    depth = deepest = 0
    for bracket in data.translate(None, _NO_BRACKETS):
        depth = depth + 1 if bracket in _OPENING else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _slow() -> TooHard:
    return TooHard("scan/too-slow", f"its syntax takes more than {_SECONDS:.0f} s to read; not read as code")


def captures(query: Query, root: Node) -> dict[str, list[Node]]:
    """Nodes a query captures, each list in source order, inner before outer where they start together.

    Args:
        query: of the tree's grammar.
        root: where to look.
    """
    from tree_sitter import QueryCursor

    found = QueryCursor(query).captures(root)
    return {name: sorted(nodes, key=lambda n: (n.start_byte, n.end_byte)) for name, nodes in found.items()}


def first_error(root: Node) -> Node:
    """The first place a parser could not make sense of, looked for in the first few thousand nodes a level.

    Args:
        root: of a tree with an error.
    """
    cursor = root.walk()
    best = root
    for _ in range(DEEPEST):
        if not cursor.goto_first_child():
            return best
        for _ in range(_LOOKED_AT):
            node = cursor.node
            if node is not None and (node.has_error or node.is_missing):
                best = node
                break
            if not cursor.goto_next_sibling():
                return best
        else:
            return best
        if best.type == "ERROR" or best.is_missing:
            return best
    return best


def _deeper(parsed: Tree, size: int) -> bool:
    """Whether the tree is too deep somewhere; looked at in places all over the file, for a whole walk is too slow."""
    for number in range(_SAMPLES):
        cursor = parsed.walk()
        at = size * number // _SAMPLES
        for _ in range(DEEPEST):
            if cursor.goto_first_child_for_byte(at) is None:
                break
        else:
            return True
    return False
