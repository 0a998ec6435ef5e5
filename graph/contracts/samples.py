"""A small payload of a shape, made to show one difference to another shape."""

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


def sample(shape: Shape, unlike: tuple[Shape, str] | None = None, path: str = "", depth: int = _DEPTH) -> Json:
    """A payload of a shape; where it differs from another shape, the value is one the other does not have.

    Optional fields are left out only on the path in question, so that the payload shows their absence.

    Args:
        shape: whose payload.
        unlike: the other shape and the dotted path of the difference to show.
        path: where in the payload, for recursion.
        depth: how deep nested objects go.
    """
    if shape.type == "array":
        return [sample(shape.item, unlike, path, depth - 1)] if shape.item is not None and depth else []
    if shape.type == "object":
        fields = shape.fields if depth else ()
        return {f.name: _value(f, unlike, _below(path, f.name), depth) for f in fields if not _absent(f, unlike, path)}
    return _VALUES[shape.type]


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _absent(field: Field, unlike: tuple[Shape, str] | None, path: str) -> bool:
    return unlike is not None and unlike[1] == _below(path, field.name) and field.required is False


def _value(field: Field, unlike: tuple[Shape, str] | None, path: str, depth: int) -> Json:
    if not field.enum:
        return sample(field.shape, unlike, path, depth - 1)
    other = field_at(unlike[0], path) if unlike is not None and unlike[1] == path else None
    fresh = [v for v in field.enum if other is None or v not in other.enum]
    return (fresh or list(field.enum))[0]


def field_at(shape: Shape | None, path: str) -> Field | None:
    """The field at a dotted path, through array items.

    Args:
        shape: of the payload.
        path: dotted.
    """
    found: Field | None = None
    for name in path.split("."):
        while shape is not None and shape.type == "array":
            shape = shape.item
        found = shape.field(name) if shape is not None else None
        shape = found.shape if found is not None else None
    return found
