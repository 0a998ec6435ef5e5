"""Going down one level into a value, and saying which part of which path found nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.language.errors import MissingField, NotEvaluable, TypeMismatch, Undecided
from flows.language.expressions import tree as t
from flows.language.masked_text import Masked
from flows.language.values import described, exact, type_name


def field_of(value: Any, name: str, tree: t.Member | None = None) -> object:
    """A field of a map; ``length`` also of texts and lists.

    Args:
        value: what is gone into.
        name: the field.
        tree: for the message.

    Raises:
        MissingField: there is none.
    """
    if isinstance(value, Mapping):
        try:
            return value[name]
        except KeyError:
            if name == "length":
                return len(value)
    elif name == "length" and isinstance(value, str | list | tuple):
        return len(_known(value))
    raise _no_field(value, name, tree)


def item_of(value: Any, index: object, tree: t.Index | None = None) -> object:
    """An element of a list or a field of a map.

    Args:
        value: what is gone into.
        index: whole number (negative counts from the end) or field name.
        tree: for the message.

    Raises:
        MissingField: there is none.
        TypeMismatch: the index is of the wrong type.
    """
    kind = type_name(value)
    if isinstance(_known(index), str):
        index = str(index)
        if kind not in ("array", "string"):
            return field_of(value, index, None) if tree is None else _named(value, index, tree)
        raise TypeMismatch(f"an index of {described(value)} must be a number, not {described(index)}")
    number = _whole(index)
    if kind not in ("array", "string"):
        raise MissingField(_missing(value, f"element {number}", tree))
    try:
        item: object = _known(value)[number]
        return item
    except IndexError:
        has = f"it has {len(value)}"
        raise MissingField(f"{_missing(value, f'element {number}', tree)}; {has}") from None


def _named(value: Any, name: str, tree: t.Index) -> object:
    try:
        return value[name]
    except (KeyError, TypeError):
        raise _no_field(value, name, tree) from None


def _no_field(value: Any, name: str, tree: t.Member | t.Index | None) -> NotEvaluable:
    if isinstance(value, Mapping) and any(isinstance(key, Masked) for key in value):
        return Undecided()
    return MissingField(_missing(value, f"field '{name}'", tree), name, value if isinstance(value, Mapping) else ())


def slice_of(value: Any, lower: object, upper: object) -> object:
    """Part of a list or text, as Python slices.

    Args:
        value: list or text.
        lower: first index or None.
        upper: index after the last, or None.

    Raises:
        TypeMismatch: not a list or text, or an index that is no whole number.
    """
    if type_name(value) not in ("array", "string"):
        raise TypeMismatch(f"{described(value)} cannot be sliced")
    part: object = _known(value)[None if lower is None else _whole(lower) : None if upper is None else _whole(upper)]
    return part


def _known(value: Any) -> Any:
    """A value of which every part is shown.

    Raises:
        Undecided: it is hidden.
    """
    if isinstance(value, Masked):
        raise Undecided
    return value


def _whole(index: object) -> int:
    if type(index) is int:
        return index
    if type_name(index) != "number":
        raise TypeMismatch(f"an index must be a number, not {described(index)}")
    number = exact(index)
    if number != int(number):
        raise NotEvaluable(f"an index must be a whole number, not {index}")
    return int(number)


def _missing(value: Any, what: str, tree: t.Member | t.Index | None) -> str:
    from flows.language.expressions.printing import printed

    owner = f"'{printed(tree.target)}'" if tree is not None else "the value"
    kind = type_name(value)
    if kind in ("object", "array"):
        return f"{owner} has no {what}"
    return f"{owner} is {described(value)}, which has no {what}"
