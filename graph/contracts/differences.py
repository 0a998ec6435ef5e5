"""What changed between two versions of a payload, whether it breaks the other side, and a payload that proves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from graph.contracts.samples import sample
from graph.schema import Json
from graph.values import Field, Scalar, Shape

Direction = Literal["request", "response"]
Kind = Literal["added", "removed", "type", "required", "optional", "enum"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Args:
        path: dotted field, array items without a step of their own; empty for the payload itself.
        kind: added, removed, type, required (now required), optional (now optional), enum (other values allowed).
        breaking: a partner written for the old payload can fail with the new one.
        text: one clause for people.
        witness: for a breaking difference, a payload that was fine before and is not now (request), or that the new
            side may send and the old side does not expect (response); else None.
    """

    path: str
    kind: Kind
    breaking: bool
    text: str
    witness: Json = None


@dataclass(frozen=True, slots=True)
class _Pair:
    old: Shape
    new: Shape
    direction: Direction


def differences(old: Shape, new: Shape, direction: Direction) -> tuple[Difference, ...]:
    """Every difference between two payload shapes, sorted by path; unknown shapes differ in nothing.

    Args:
        old: before.
        new: after.
        direction: request (the partner sends it) or response (the partner reads it).
    """
    pair = _Pair(old, new, direction)
    return tuple(sorted(_of(pair, old, new, ""), key=lambda d: (d.path, d.kind)))


def _of(pair: _Pair, old: Shape, new: Shape, path: str) -> Iterator[Difference]:
    if "unknown" in (old.type, new.type):
        return
    if old.type != new.type:
        widened = (old.type, new.type) == (
            ("integer", "number") if pair.direction == "request" else ("number", "integer")
        )
        yield _difference(pair, path, "type", f"type {old.type} became {new.type}", breaking=not widened)
        return
    names = [f.name for f in old.fields] + [f.name for f in new.fields if old.field(f.name) is None]
    for name in names:
        yield from _field(pair, (old, new), name, f"{path}.{name}" if path else name)
    if old.item is not None and new.item is not None:
        yield from _of(pair, old.item, new.item, path)


def _field(pair: _Pair, shapes: tuple[Shape, Shape], name: str, path: str) -> Iterator[Difference]:
    old, new = shapes
    before, after = old.field(name), new.field(name)
    if after is None:
        if not new.open or pair.direction == "response":
            breaking = pair.direction == "response" or not new.open
            yield _difference(pair, path, "removed", f"field `{path}` removed", breaking=breaking)
        return
    if before is None:
        if not old.open or pair.direction == "request":
            breaking = pair.direction == "request" and after.required is True
            word = "required field" if after.required else "field"
            yield _difference(pair, path, "added", f"{word} `{path}` added", breaking=breaking)
        return
    yield from _required(pair, before, after, path)
    yield from _enum(pair, before, after, path)
    yield from _of(pair, before.shape, after.shape, path)


def _required(pair: _Pair, before: Field, after: Field, path: str) -> Iterator[Difference]:
    if before.required is False and after.required is True:
        yield _difference(pair, path, "required", f"`{path}` became required", breaking=pair.direction == "request")
    if before.required is True and after.required is False:
        yield _difference(pair, path, "optional", f"`{path}` became optional", breaking=pair.direction == "response")


def _enum(pair: _Pair, before: Field, after: Field, path: str) -> Iterator[Difference]:
    if not before.enum or not after.enum or set(before.enum) == set(after.enum):
        return
    gone = _sorted(set(before.enum) - set(after.enum))
    fresh = _sorted(set(after.enum) - set(before.enum))
    breaking = bool(gone) if pair.direction == "request" else bool(fresh)
    words = [f"no longer {v!r}" for v in gone] + [f"now also {v!r}" for v in fresh]
    yield _difference(pair, path, "enum", f"`{path}` allows {', '.join(words)}", breaking=breaking)


def _sorted(values: set[Scalar]) -> list[Scalar]:
    return sorted(values, key=lambda v: (type(v).__name__, str(v)))


def _difference(pair: _Pair, path: str, kind: Kind, text: str, *, breaking: bool) -> Difference:
    if not breaking:
        return Difference(path, kind, False, text)
    seen = pair.old if pair.direction == "request" else pair.new
    other = pair.new if pair.direction == "request" else pair.old
    return Difference(path, kind, True, text, sample(seen, unlike=(other, path)))
