"""What an expression's text says, as nodes with offsets; nothing here is evaluated."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias


class Literal(NamedTuple):
    """A number, text, true, false or null."""

    value: object
    start: int
    end: int


class Joined(NamedTuple):
    """Text with templates in it; text parts are str."""

    parts: tuple[str | Tree, ...]
    start: int
    end: int


class Default(NamedTuple):
    """``${NAME:default}``; the default is literal text."""

    name: str
    default: str
    start: int
    end: int


class Name(NamedTuple):
    """A bare name."""

    name: str
    start: int
    end: int


class Faker(NamedTuple):
    """``FAKER.internet.email``; `provider` is what follows the first dot."""

    provider: str
    start: int
    end: int


class Element(NamedTuple):
    """``.``, the element of the nearest closure."""

    start: int
    end: int


class Root(NamedTuple):
    """``$``, the step's own result."""

    start: int
    end: int


class PathOf(NamedTuple):
    """A JSONPath on the step's own result."""

    path: str
    start: int
    end: int


class Member(NamedTuple):
    """``target.name``; `at` is where the name starts."""

    target: Tree
    name: str
    at: int
    start: int
    end: int


class Index(NamedTuple):
    """``target[key]``."""

    target: Tree
    key: Tree
    start: int
    end: int


class Slice(NamedTuple):
    """``target[lower:upper]``."""

    target: Tree
    lower: Tree | None
    upper: Tree | None
    start: int
    end: int


class Call(NamedTuple):
    """A function, or a method as ``method=True`` (then the target is the first argument)."""

    function: str
    arguments: tuple[Tree, ...]
    method: bool
    start: int
    end: int


class Closure(NamedTuple):
    """``any(xs, body)`` and its like."""

    function: str
    items: Tree
    body: Tree
    start: int
    end: int


class Unary(NamedTuple):
    """``!`` (also written ``not``) or ``-``."""

    operator: str
    operand: Tree
    start: int
    end: int


class Binary(NamedTuple):
    """Any infix operator, under its canonical spelling; `at` is where it is written."""

    operator: str
    left: Tree
    right: Tree
    at: int
    start: int
    end: int


class Exists(NamedTuple):
    """``operand exists`` / ``not exists``."""

    operand: Tree
    negated: bool
    start: int
    end: int


class Is(NamedTuple):
    """``operand is [not] what``."""

    operand: Tree
    what: str
    negated: bool
    start: int
    end: int


class Conditional(NamedTuple):
    """``test ? then : other``."""

    test: Tree
    then: Tree
    other: Tree
    start: int
    end: int


class ListOf(NamedTuple):
    """``[a, b]``."""

    items: tuple[Tree, ...]
    start: int
    end: int


class MapOf(NamedTuple):
    """``{a: 1, "b": 2}``."""

    keys: tuple[str, ...]
    values: tuple[Tree, ...]
    start: int
    end: int


Tree: TypeAlias = (
    Literal
    | Joined
    | Default
    | Name
    | Faker
    | Element
    | Root
    | PathOf
    | Member
    | Index
    | Slice
    | Call
    | Closure
    | Unary
    | Binary
    | Exists
    | Is
    | Conditional
    | ListOf
    | MapOf
)


def children(tree: Tree) -> tuple[Tree, ...]:
    """The nodes directly below.

    Args:
        tree: any node.
    """
    found: list[Any] = []
    for value in tree:
        if isinstance(value, tuple):
            found += [value] if hasattr(value, "_fields") else [item for item in value if isinstance(item, tuple)]
    return tuple(found)
