"""Segments and selectors of JSONPath as small closures over lists of values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from flows.language.comparing import ordered, same_text
from flows.language.errors import TooMuch
from flows.language.values import NOTHING, exact, type_name

MAX_VISITS = 1_000_000
MAX_NESTING = 400

Selector = Callable[[Any, Any], "list[object]"]
Test = Callable[[Any, Any], bool]


class Segment(NamedTuple):
    """What is selected below each node.

    Args:
        selectors: applied in order.
        descend: also below every descendant (``..``).
        single: at most one node comes out (one name or index).
        key: that name or index.
        at: index of the first selector in the path's text.
    """

    selectors: tuple[Selector, ...]
    descend: bool
    single: bool
    key: str | int | None = None
    at: int = 0


class Query(NamedTuple):
    """A path from the root (``$``) or the current node (``@``)."""

    segments: tuple[Segment, ...]
    relative: bool

    @property
    def singular(self) -> bool:
        """Whether at most one node can come out, by its form."""
        return all(segment.single for segment in self.segments)

    def select(self, root: object, current: object) -> list[object]:
        """The values of the selected nodes.

        Args:
            root: what ``$`` means.
            current: what ``@`` means.
        """
        nodes = [current if self.relative else root]
        budget = MAX_VISITS
        for segment in self.segments:
            found: list[object] = []
            for node in _below(nodes) if segment.descend else nodes:
                for selector in segment.selectors:
                    found += selector(node, root)
                budget -= 1
                if budget < 0 or len(found) > MAX_VISITS:
                    raise TooMuch(f"a path that visits more than {MAX_VISITS:,} nodes")
            nodes = found
        return nodes


def _below(nodes: list[object]) -> Iterator[object]:
    """Each node and its descendants, parents before children, in document order."""
    waiting = [(node, 0) for node in reversed(nodes)]
    while waiting:
        node, depth = waiting.pop()
        yield node
        if depth > MAX_NESTING:
            raise TooMuch(f"a document nested deeper than {MAX_NESTING} levels")
        waiting += [(child, depth + 1) for child in reversed(children(node))]


def children(node: Any) -> list[object]:
    """Elements of a list, values of a map, nothing of anything else.

    Args:
        node: any value.
    """
    if isinstance(node, Mapping):
        return list(node.values())
    return list(node) if isinstance(node, list | tuple) else []


def by_name(name: str) -> Selector:
    """``.name`` and ``['name']``."""

    def select(node: Any, root: object) -> list[object]:
        if isinstance(node, Mapping):
            try:
                return [node[name]]
            except KeyError:
                return []
        return []

    return select


def by_index(index: int) -> Selector:
    """``[0]``; negative counts from the end."""

    def select(node: Any, root: object) -> list[object]:
        if isinstance(node, list | tuple) and -len(node) <= index < len(node):
            return [node[index]]
        return []

    return select


def by_slice(start: int | None, end: int | None, step: int) -> Selector:
    """``[start:end:step]`` (RFC 9535 §2.3.4); a step of 0 selects nothing."""

    def select(node: Any, root: object) -> list[object]:
        if not isinstance(node, list | tuple) or step == 0:
            return []
        return list(node[slice(start, end, step)])

    return select


def everything(node: Any, root: object) -> list[object]:
    """``*``."""
    return children(node)


def by_filter(test: Test) -> Selector:
    """``?test``."""
    return lambda node, root: [child for child in children(node) if test(child, root)]


def same(left: Any, right: Any) -> bool:
    """``==`` of RFC 9535 §2.3.5.2.2: no errors, different types are unequal.

    Args:
        left: a value or NOTHING.
        right: a value or NOTHING.
    """
    if left is NOTHING or right is NOTHING:
        return left is right
    kind = type_name(left)
    if kind != type_name(right):
        return False
    if kind == "number":
        return bool(exact(left) == exact(right))
    if kind == "string":
        return same_text(left, right)
    if kind == "array":
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if kind == "object":
        return set(left) == set(right) and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def less(left: Any, right: Any) -> bool:
    """``<`` of RFC 9535: numbers and strings only.

    Args:
        left: a value or NOTHING.
        right: a value or NOTHING.
    """
    if left is NOTHING or right is NOTHING:
        return False
    kind = type_name(left)
    if kind != type_name(right) or kind not in ("number", "string"):
        return False
    first, second = ordered(left, right)
    return bool(first < second)
