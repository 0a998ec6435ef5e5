"""How two values differ, place by place, in few and short lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from flows.language.errors import NotEvaluable
from flows.language.values import to_json, type_name

MISSING = object()
_ABSENT = "(missing)"
_AROUND = 24
_MOST_ALIGNED = 400


class Difference(NamedTuple):
    """One place where two values differ.

    Args:
        path: of the place.
        left: value, or MISSING.
        right: value, or MISSING.
    """

    path: str
    left: object
    right: object


def differences(left: object, right: object, path: str = "") -> Iterator[Difference]:
    """The places where two values differ, outermost first, in the order of the left value.

    Args:
        left: JSON-shaped.
        right: JSON-shaped.
        path: of both.
    """
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        yield from _of_maps(left, right, path)
    elif _is_list(left) and _is_list(right):
        yield from _of_lists(left, right, path)  # type: ignore[arg-type]
    elif not _same(left, right):
        yield Difference(path, left, right)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _same(left: object, right: object) -> bool:
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return left == right


def _of_maps(left: Mapping[str, object], right: Mapping[str, object], path: str) -> Iterator[Difference]:
    for key in (*left, *(key for key in right if key not in left)):
        yield from _at(left.get(key, MISSING), right.get(key, MISSING), joined(path, key))


def _at(left: object, right: object, path: str) -> Iterator[Difference]:
    if left is MISSING or right is MISSING:
        yield Difference(path, left, right)
    else:
        yield from differences(left, right, path)


def _of_lists(left: Sequence[object], right: Sequence[object], path: str) -> Iterator[Difference]:
    """Items that were put in or taken out are found by aligning both lists; places are those of the left one."""
    if len(left) == len(right) or max(len(left), len(right)) > _MOST_ALIGNED:
        for index in range(max(len(left), len(right))):
            a = left[index] if index < len(left) else MISSING
            b = right[index] if index < len(right) else MISSING
            yield from _at(a, b, f"{path}[{index}]")
        return
    from difflib import SequenceMatcher

    a_texts, b_texts = [shown(item) for item in left], [shown(item) for item in right]
    for kind, a, a_end, b, b_end in SequenceMatcher(None, a_texts, b_texts, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for number in range(max(a_end - a, b_end - b)):
            one = left[a + number] if a + number < a_end else MISSING
            other = right[b + number] if b + number < b_end else MISSING
            yield from _at(one, other, f"{path}[{a + number if one is not MISSING else b + number}]")


def reordered(left: object, right: object) -> bool:
    """Whether two lists hold the same items in another order.

    Args:
        left: JSON-shaped.
        right: JSON-shaped.
    """
    if not (isinstance(left, list) and isinstance(right, list)) or len(left) != len(right):
        return False
    return left != right and sorted(map(shown, left)) == sorted(map(shown, right))


def joined(path: str, key: str) -> str:
    """The path of a field.

    Args:
        path: of the map.
        key: the field's name.
    """
    if key.isidentifier():
        return f"{path}.{key}" if path else key
    return f"{path}[{shown(key)}]"


def shown(value: object) -> str:
    """A value as JSON.

    Args:
        value: JSON-shaped, or MISSING.
    """
    if value is MISSING:
        return _ABSENT
    try:
        return to_json(value)
    except (NotEvaluable, RecursionError):
        return str(value)


def clipped(text: str, width: int = 120) -> str:
    """A text that is short enough, and says how much is left out.

    Args:
        text: any text.
        width: characters.
    """
    if len(text) <= width:
        return text
    rest = f"… ({len(text) - width:,} more)"
    return text[: max(8, width - len(rest) + 1)] + rest


def line_of(difference: Difference, width: int = 160) -> str:
    """A difference as one line.

    Args:
        difference: the place.
        width: characters, roughly.
    """
    left, right = difference.left, difference.right
    where = f"{clipped(difference.path)}: " if difference.path else ""
    if isinstance(left, str) and isinstance(right, str) and max(len(left), len(right)) > 2 * _AROUND:
        return f"{where}{around(left, right)}"
    each = max(30, (width - len(where)) // 2)
    a, b = clipped(shown(left), each), clipped(shown(right), each)
    if MISSING not in (left, right) and _kind(left) != _kind(right) and None not in (left, right):
        a, b = f"{a} ({_kind(left)})", f"{b} ({_kind(right)})"
    return f"{where}{a} → {b}"


def _kind(value: object) -> str:
    try:
        return type_name(value)
    except NotEvaluable:
        return type(value).__name__


def around(left: str, right: str) -> str:
    """Two long texts, cut to where they begin to differ and where they are the same again.

    Args:
        left: a text.
        right: another.
    """
    start = 0
    least = min(len(left), len(right))
    while start < least and left[start] == right[start]:
        start += 1
    end = 0
    while end < least - start and left[-1 - end] == right[-1 - end]:
        end += 1
    lengths = "" if len(left) == len(right) else f"; {len(left):,} and {len(right):,} characters"
    return f"{_cut(left, start, end)} → {_cut(right, start, end)} (from character {start + 1}{lengths})"


def _cut(text: str, start: int, end: int) -> str:
    first, last = max(0, start - _AROUND), len(text) - max(0, end - _AROUND)
    middle = text[first:last]
    if len(middle) > 3 * _AROUND:
        middle = middle[: 3 * _AROUND] + "…"
        last = len(text)
    before, after = "…" if first else "", "…" if last < len(text) else ""
    return f'"{before}{shown(middle)[1:-1]}{after}"'


def told_apart(left: object, right: object) -> tuple[str, str]:
    """Two values as JSON; of texts that look alike also the characters by which they differ.

    Args:
        left: JSON-shaped.
        right: JSON-shaped.
    """
    a, b = shown(left), shown(right)
    if not isinstance(left, str) or not isinstance(right, str) or left == right:
        return a, b
    different = [n for n, (one, other) in enumerate(zip(left, right, strict=False)) if one != other]
    if not different or (left + right).isascii():
        return a, b
    at = different[0]
    alike = len(left) == len(right) and len(different) <= max(1, len(left) // 4)
    if not alike and unicodedata.normalize("NFKC", left) != unicodedata.normalize("NFKC", right):
        return a, b
    return a, f"{b} (character {at + 1} is U+{ord(left[at]):04X}, not U+{ord(right[at]):04X})"
