"""A place inside a recorded result: read, changed and written as an expression in one way everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from graph.runs import Json


class Each(str):
    """The part of a path that means every element of a list; told apart from a key of that name by its type."""

    __slots__ = ()


ALL = Each("*")
Part: TypeAlias = "str | int"
Place: TypeAlias = tuple[Part, ...]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def shown(place: Place) -> str:
    """A place as an expression reads it, e.g. ``body.items[0].total``; every element is ``[*]``.

    Args:
        place: parts from the result down.
    """
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        elif isinstance(part, Each):
            text += "[*]"
        elif _NAME.match(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text


def lists(value: Json) -> bool:
    """Whether a value is a list.

    Args:
        value: JSON-shaped.
    """
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def found(root: Json, place: Place) -> Iterator[Json]:
    """The values at a place; none where the result has no such place.

    Args:
        root: a result.
        place: in it.
    """
    if not place:
        yield root
        return
    part, rest = place[0], place[1:]
    if isinstance(part, Each):
        for item in root if lists(root) else ():
            yield from found(item, rest)
    elif holds(root, part):
        yield from found(root[part], rest)


def holds(here: Json, part: Part) -> bool:
    """Whether a container has that part.

    Args:
        here: any value.
        part: index or key.
    """
    if isinstance(part, int):
        return lists(here) and part < len(here)
    return isinstance(here, Mapping) and part in here


def copied(value: Json) -> Json:
    """A deep copy that may be changed.

    Args:
        value: JSON-shaped.
    """
    if isinstance(value, Mapping):
        return {k: copied(v) for k, v in value.items()}
    if lists(value):
        return [copied(v) for v in value]
    return value


def update(root: Json, place: Place, how: Callable[[Json], Json]) -> None:
    """Puts something else at a place, in place; nothing where there is no such place.

    Args:
        root: a copied result.
        place: not empty.
        how: old value to new value.
    """
    for holder, part in _holders(root, place):
        holder[part] = how(holder[part])


def remove(root: Json, place: Place) -> None:
    """Takes a key or an element out, in place.

    Args:
        root: a copied result.
        place: not empty.
    """
    for holder, part in list(_holders(root, place)):
        del holder[part]


def _holders(root: Json, place: Place) -> Iterator[tuple[Json, Part]]:
    part = place[-1]
    for holder in found(root, place[:-1]):
        if isinstance(part, Each):
            yield from ((holder, index) for index in reversed(range(len(holder))) if lists(holder))
        elif holds(holder, part):
            yield holder, part
