"""Equality and order of the language's values; what is hidden in a recording is never guessed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flows.language.errors import TypeMismatch, Undecided
from flows.language.masked_text import Masked, may_be
from flows.language.values import described, exact, type_name


def equal(left: object, right: object) -> bool:
    """``==`` of the language.

    Args:
        left: any value.
        right: any value; null compares with anything.

    Raises:
        TypeMismatch: two different types, also inside lists and maps.
        Undecided: a hidden part decides.
    """
    kind = type(left)
    if kind is type(right) and kind in (str, int, bool):
        return left == right
    if left is None or right is None:
        return left is right
    name = type_name(left)
    if name != type_name(right):
        raise TypeMismatch(f"cannot compare {described(left)} with {described(right)}")
    if name == "number":
        return bool(exact(left) == exact(right))
    if name == "array":
        return _equal_lists(left, right)
    if name == "object":
        return _equal_maps(left, right)
    return same_text(left, right) if name == "string" else left == right


def _equal_lists(left: Any, right: Any) -> bool:
    return len(left) == len(right) and _all_equal(zip(left, right, strict=True))


def _equal_maps(left: Any, right: Any) -> bool:
    if set(left) != set(right):
        if len(left) == len(right) and any(isinstance(key, Masked) for key in (*left, *right)):
            raise Undecided
        return False
    return _all_equal((value, right[key]) for key, value in left.items())


def _all_equal(pairs: Iterable[tuple[object, object]]) -> bool:
    """Every pair is looked at, so that types that differ are said; one that is unequal decides."""
    same, doubt = True, False
    for left, right in pairs:
        try:
            same = equal(left, right) and same
        except Undecided:
            doubt = True
    if same and doubt:
        raise Undecided
    return same


def same_text(left: Any, right: Any) -> bool:
    """Whether two texts are equal.

    Args:
        left: text.
        right: text.

    Raises:
        Undecided: a hidden part decides.
    """
    if isinstance(left, Masked) or isinstance(right, Masked):
        whole, part = (right, left) if isinstance(left, Masked) else (left, right)
        if isinstance(whole, Masked) or may_be(whole, part):
            raise Undecided
        return False
    return bool(left == right)


def ordered(left: object, right: object) -> tuple[Any, Any]:
    """Both sides in a form that Python orders like the language.

    Args:
        left: number, text, instant or duration.
        right: the same type.

    Raises:
        TypeMismatch: different types, or a type without order.
        Undecided: one of them is hidden.
    """
    name = type_name(left)
    if name != type_name(right):
        raise TypeMismatch(f"cannot compare {described(left)} with {described(right)}")
    if name == "number":
        return exact(left), exact(right)
    if isinstance(left, Masked) or isinstance(right, Masked):
        raise Undecided
    if name in ("string", "instant", "duration"):
        return left, right
    raise TypeMismatch(f"{described(left)} has no order")
