"""A small payload of a shape, so that people see what a reader meets."""

from __future__ import annotations

from graph.schema import Json
from graph.values import Field, Shape

_VALUES: dict[str, Json] = {
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "null": None,
    "unknown": "any",
}
_DEPTH = 6


def sample(shape: Shape, depth: int = _DEPTH) -> Json:
    """A payload of a shape, every field given.

    Args:
        shape: whose payload.
        depth: how deep nested objects go.
    """
    if shape.type == "array":
        return [sample(shape.item, depth - 1)] if shape.item is not None and depth else []
    if shape.type == "object":
        return {f.name: _value(f, depth) for f in (shape.fields if depth else ())}
    return _VALUES[shape.type]


def _value(field: Field, depth: int) -> Json:
    return field.enum[0] if field.enum else sample(field.shape, depth - 1)
