"""A payload shape by its fields: whether a field is there for certain, missing for certain, or not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from graph.values import Field, Shape

Presence = Literal["there", "missing", "unknown"]
_DEPTH = 8
_ALIKE = (frozenset({"integer", "number"}),)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field at its dotted path.

    Args:
        path: dotted, array items without a step of their own.
        field: the field.
        always: it and every object around it is required; False when one is optional, None when the code does not say.
    """

    path: str
    field: Field
    always: bool | None


def fields(shape: Shape | None) -> Mapping[str, Leaf]:
    """Every field of a payload by dotted path, parents before children.

    Args:
        shape: whole shape, or None when nothing is known.
    """
    return {leaf.path: leaf for leaf in _leaves(shape, "", True, _DEPTH)} if shape is not None else {}


def _leaves(shape: Shape, prefix: str, always: bool | None, depth: int) -> Iterator[Leaf]:
    if depth <= 0:
        return
    if shape.item is not None:
        yield from _leaves(shape.item, prefix, always, depth - 1)
    for inner in shape.fields:
        both = False if always is False or inner.required is False else inner.required and always
        path = f"{prefix}{inner.name}"
        yield Leaf(path, inner, both)
        yield from _leaves(inner.shape, f"{path}.", both, depth - 1)


def presence(shape: Shape | None, path: str) -> Presence:
    """Whether payloads of a shape have a field.

    Args:
        shape: whole shape, or None when nothing is known.
        path: dotted.
    """
    for name in path.split("."):
        shape = _object(shape)
        if shape is None:
            return "unknown"
        found = shape.field(name)
        if found is None:
            return "unknown" if shape.open or shape.type != "object" else "missing"
        shape = found.shape
    return "there"


def within(shape: Shape | None, path: str) -> Shape | None:
    """The object at a dotted path, through array items; None when there is none.

    Args:
        shape: whole shape, or None when nothing is known.
        path: dotted, empty for the payload itself.
    """
    for name in path.split(".") if path else ():
        inner = _object(shape)
        found = inner.field(name) if inner is not None else None
        shape = found.shape if found is not None else None
    return _object(shape)


def _object(shape: Shape | None) -> Shape | None:
    for _ in range(_DEPTH):
        if shape is None or shape.item is None:
            return shape
        shape = shape.item
    return None


def clash(one: Shape, other: Shape) -> bool:
    """Whether no value can be of both shapes' types; unknown types and null agree with all.

    Args:
        one: a field's shape.
        other: the same field's shape on the other side.
    """
    types = frozenset({one.type, other.type})
    return not (types & {"unknown", "null"} or len(types) == 1 or types in _ALIKE)


def read_at(path: str, reads: frozenset[str]) -> bool:
    """Whether a reader that reads these fields is touched by a change of this one.

    Args:
        path: dotted field that changed.
        reads: dotted fields, parents included when children are read.
    """
    if path in reads or any(r.startswith(f"{path}.") for r in reads):
        return True
    parent = path.rpartition(".")[0]
    while parent:
        if parent in reads:
            return not any(r.startswith(f"{parent}.") for r in reads)
        parent = parent.rpartition(".")[0]
    return False
