"""What is known of a value before it exists, so that misspelt fields and unequal types are found early."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal["any", "null", "boolean", "number", "string", "array", "object", "instant", "duration"]


class Shape(NamedTuple):
    """A static type.

    Args:
        kind: ``any`` = not known.
        fields: known fields of an object; None = not known.
        items: shape of an array's elements; None = not known.
        closed: no other fields than `fields` exist.
        nullable: may also be null (then it compares with anything for equality).
    """

    kind: Kind = "any"
    fields: Mapping[str, Shape] | None = None
    items: Shape | None = None
    closed: bool = False
    nullable: bool = False

    def field(self, name: str) -> Shape | None:
        """The shape of a field; None when it is known not to exist.

        Args:
            name: the field.
        """
        if self.fields is not None and name in self.fields:
            return self.fields[name]
        return None if self.closed else ANYTHING


ANYTHING = Shape()
NULL = Shape("null")
BOOLEAN = Shape("boolean")
NUMBER = Shape("number")
STRING = Shape("string")
ARRAY = Shape("array")
OBJECT = Shape("object")
INSTANT = Shape("instant")
DURATION = Shape("duration")


def record(**fields: Shape) -> Shape:
    """An object that has exactly these fields.

    Args:
        fields: name → shape.
    """
    return Shape("object", fields=fields, closed=True)


def listing(items: Shape) -> Shape:
    """An array of one kind of element.

    Args:
        items: shape of each.
    """
    return Shape("array", items=items)


def consumed(**more: Shape) -> Shape:
    """The result of every consumer and subscriber; what `match` sees is one of its `messages` (FLOWS §5).

    Args:
        more: what a protocol's messages have beside the usual.
    """
    one = record(
        value=ANYTHING,
        raw=ANYTHING,
        key=ANYTHING,
        headers=OBJECT,
        topic=STRING,
        partition=ANYTHING,
        offset=ANYTHING,
        timestamp=ANYTHING,
        json=ANYTHING,
        **more,
    )
    return record(messages=listing(one), count=NUMBER, value=ANYTHING, key=ANYTHING, headers=OBJECT)


def rows() -> Shape:
    """The result of a database's statement (FLOWS §5)."""
    return record(
        rows=listing(OBJECT),
        row_count=NUMBER,
        count=NUMBER,
        first_row=maybe(OBJECT),
        rows_affected=NUMBER,
        columns=ARRAY,
        attempts=NUMBER,
    )


def maybe(shape: Shape) -> Shape:
    """The same, or null.

    Args:
        shape: what it is otherwise.
    """
    return shape._replace(nullable=True)


def with_article(kind: Kind) -> str:
    """A kind in a sentence: ``a number``, ``an array``, ``null``.

    Args:
        kind: which.
    """
    if kind == "null":
        return kind
    return f"an {kind}" if kind[0] in "aio" else f"a {kind}"
