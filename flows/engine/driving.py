"""The loop that asks the engine's questions: one for live runs, which wait, and for recordings, which do not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from flows.engine.effects import CutOff, Effect, NotRecorded, Steps

T = TypeVar("T")


async def driven(steps: Steps[T], perform: Callable[[Effect], Awaitable[object]]) -> T:
    """Runs the engine to its end.

    Args:
        steps: the engine's generator.
        perform: answers an effect, or raises CutOff or NotRecorded into the engine.
    """
    answer: object = None
    problem: Exception | None = None
    while True:
        try:
            effect = steps.send(answer) if problem is None else steps.throw(problem)
        except StopIteration as stop:
            result: T = stop.value
            return result
        problem = None
        try:
            answer = await perform(effect)
        except (CutOff, NotRecorded) as found:
            problem = found


def played(steps: Steps[T], perform: Callable[[Effect], object]) -> T:
    """Runs the engine to its end without waiting.

    Args:
        steps: the engine's generator.
        perform: as for :func:`driven`, with the answer at hand.
    """

    async def performed(effect: Effect) -> object:
        return perform(effect)

    try:
        driven(steps, performed).send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise RuntimeError("an answer at hand is not waited for")
