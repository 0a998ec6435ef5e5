"""Which fields of a payload the code reads, collected as paths and turned into a Shape; the same in every language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from graph.values import Field, Shape

ITEM = "[]"
Path = tuple[str, ...]


@dataclass(slots=True)
class Reads:
    """Fields read of one payload.

    Args:
        paths: key paths, ``[]`` for any item of an array; True when the code fails without the field.
        escaped: the payload goes somewhere this file does not show, so more may be read.
        named: a type it is parsed into, or empty.
    """

    paths: dict[Path, bool] = field(default_factory=dict)
    escaped: bool = False
    named: str = ""

    def add(self, path: Path, *, required: bool) -> None:
        """One more field is read.

        Args:
            path: keys from the payload's root.
            required: the code fails without it.
        """
        if path:
            self.paths[path] = self.paths.get(path, False) or required

    def shape(self) -> Shape | None:
        """What is read, None when nothing is known; open when the payload escapes."""
        if self.named:
            return Shape("object", named=self.named, open=self.escaped)
        if not self.paths:
            return None
        return _shape(self.paths.items(), closed=not self.escaped)


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
