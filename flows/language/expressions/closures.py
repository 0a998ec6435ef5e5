"""The loops behind any, all, none, one, filter, map and count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flows.language.errors import TypeMismatch
from flows.language.expressions.frame import Frame, Run
from flows.language.values import described

Loop = Callable[[Any, Run, Frame], object]


def _verdicts(values: Any, body: Run, frame: Frame) -> Iterator[tuple[object, bool]]:
    for value in values:
        frame.spend(1)
        frame.element = value
        found = body(frame)
        if found is not True and found is not False:
            raise TypeMismatch(f"the condition on each element must be a boolean, not {described(found)}")
        yield value, found


def _any(values: Any, body: Run, frame: Frame) -> object:
    return any(found for _, found in _verdicts(values, body, frame))


def _all(values: Any, body: Run, frame: Frame) -> object:
    return all(found for _, found in _verdicts(values, body, frame))


def _none(values: Any, body: Run, frame: Frame) -> object:
    return not _any(values, body, frame)


def _count(values: Any, body: Run, frame: Frame) -> int:
    return sum(found for _, found in _verdicts(values, body, frame))


def _one(values: Any, body: Run, frame: Frame) -> object:
    return _count(values, body, frame) == 1


def _filter(values: Any, body: Run, frame: Frame) -> object:
    return [value for value, found in _verdicts(values, body, frame) if found]


def _map(values: Any, body: Run, frame: Frame) -> object:
    results: list[object] = []
    for value in values:
        frame.spend(1)
        frame.element = value
        results.append(body(frame))
    return results


CLOSURE_LOOPS: Mapping[str, Loop] = {
    "any": _any,
    "all": _all,
    "none": _none,
    "one": _one,
    "filter": _filter,
    "map": _map,
    "count": _count,
}
