"""Which fields of a payload the code reads, collected as paths and turned into a Shape; the same in every language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from graph.values import Field, Shape

if TYPE_CHECKING:
    from tree_sitter import Node

ITEM = "[]"
Path = tuple[str, ...]
_ANCESTORS = 3


@dataclass(slots=True)
class Reads:
    """Fields read of one payload.

    Args:
        paths: key paths, ``[]`` for any item of an array; True when the code fails without the field.
        wholes: paths whose value goes where this file does not show, so everything below may be read.
        escaped: that is so for the payload itself.
        named: a type it is parsed into, or empty.
    """

    paths: dict[Path, bool] = field(default_factory=dict)
    wholes: set[Path] = field(default_factory=set)
    escaped: bool = False
    named: str = ""

    def add(self, path: Path, *, required: bool = False) -> None:
        """One more field is read.

        Args:
            path: keys from the payload's root.
            required: the code fails without it.
        """
        if path:
            self.paths[path] = self.paths.get(path, False) or required

    def whole(self, path: Path, *, required: bool = False) -> None:
        """Everything below a path may be read.

        Args:
            path: keys from the payload's root, empty for all of it.
            required: the code fails without it.
        """
        if path and set(path) != {ITEM}:
            self.add(path, required=required)
            self.wholes.add(path)
        else:
            self.escaped = True

    def merge(self, other: Reads) -> None:
        """Take over what a function reads that the payload is handed to.

        Args:
            other: its reads, in paths of this payload.
        """
        for path, required in other.paths.items():
            self.add(path, required=required)
        self.wholes |= other.wholes
        self.escaped = self.escaped or other.escaped
        self.named = self.named or other.named

    def shape(self) -> Shape | None:
        """What is read, open when the payload escapes; None when nothing is known."""
        if self.named:
            return Shape("object", named=self.named, open=self.escaped)
        return _shape(self.paths.items(), closed=not self.escaped) if self.paths else None

    def all(self) -> Shape | None:
        """What is read when that is everything, else None: a reader of an unknown rest reads anything."""
        return None if self.escaped else self.shape()


def _shape(paths: Iterable[tuple[Path, bool]], *, closed: bool) -> Shape:
    below: dict[str, dict[Path, bool]] = {}
    required: dict[str, bool] = {}
    for path, needed in paths:
        head, rest = path[0], path[1:]
        inner = below.setdefault(head, {})
        if rest:
            inner[rest] = needed
        else:
            required[head] = required.get(head, False) or needed
    if set(below) == {ITEM}:
        items = below[ITEM]
        return Shape("array", item=_shape(items.items(), closed=closed) if items else None)
    fields = []
    for name, inner in below.items():
        if name != ITEM:
            shape = _shape(inner.items(), closed=closed) if inner else Shape()
            fields.append(Field(name, shape, True if required.get(name) or inner else None))
    return Shape("object", tuple(fields), open=not closed)


def places(root: Node, data: bytes, span: tuple[int, int], words: Iterable[str]) -> Iterator[list[Node]]:
    """Where words stand as identifiers: the identifier's node and the expressions right around it.

    Args:
        root: of the tree.
        data: the file.
        span: bytes to look at.
        words: identifiers.
    """
    wanted = tuple(sorted(set(words)))
    if not wanted:
        return
    for match in _words(wanted).finditer(data, *span):
        node = root.descendant_for_byte_range(match.start(), match.end())
        if node is None or not node.type.endswith("identifier"):
            continue
        around = [node]
        while len(around) <= _ANCESTORS and around[-1].parent is not None:
            around.append(around[-1].parent)
        yield around


@lru_cache(maxsize=2048)
def _words(words: tuple[str, ...]) -> re.Pattern[bytes]:
    either = "|".join(re.escape(w) for w in words).encode()
    return re.compile(rb"(?<![\w$])(?:" + either + rb")(?![\w$])")
