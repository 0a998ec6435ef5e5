"""One timer for many limits: each ends what it should, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from flows.runner.alarm import Alarm

Scene = Callable[[Alarm, asyncio.AbstractEventLoop], Awaitable[None]]


def play(scene: Scene) -> None:
    async def whole() -> None:
        alarm = Alarm()
        await scene(alarm, asyncio.get_running_loop())
        alarm.close()

    asyncio.run(whole())


async def never() -> None:
    await asyncio.Event().wait()


def test_a_limit_ends_what_is_waited_for_and_leaves_no_cancellation() -> None:
    async def scene(alarm: Alarm, loop: asyncio.AbstractEventLoop) -> None:
        with pytest.raises(TimeoutError), alarm.until(loop.time() + 0.01):
            await never()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)

    play(scene)


@pytest.mark.parametrize("first", [0.01, 100.0])
def test_a_limit_counts_from_itself_whatever_the_one_before_was(first: float) -> None:
    async def scene(alarm: Alarm, loop: asyncio.AbstractEventLoop) -> None:
        with alarm.until(loop.time() + first):
            await asyncio.sleep(0)
        over = asyncio.Event()
        loop.call_at(loop.time() + 0.03, over.set)
        with alarm.until(loop.time() + 100):
            await over.wait()
        with pytest.raises(TimeoutError), alarm.until(loop.time() + 0.01):
            await never()

    play(scene)


def test_a_limit_that_is_over_ends_only_what_waits() -> None:
    async def scene(alarm: Alarm, loop: asyncio.AbstractEventLoop) -> None:
        with alarm.until(loop.time() - 1):
            pass
        await asyncio.sleep(0.01)
        with pytest.raises(TimeoutError), alarm.until(loop.time() - 1):
            await never()

    play(scene)


def test_without_a_limit_nothing_rings() -> None:
    async def scene(alarm: Alarm, loop: asyncio.AbstractEventLoop) -> None:
        with alarm.until(loop.time() + 0.01):
            pass
        with alarm.until(None):
            await asyncio.sleep(0.03)

    play(scene)


def test_a_cancellation_from_outside_is_no_timeout() -> None:
    async def scene(alarm: Alarm, loop: asyncio.AbstractEventLoop) -> None:
        task = asyncio.current_task()
        assert task is not None
        loop.call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError), alarm.until(loop.time() + 100):
            await never()
        assert task.cancelling() == 1
        task.uncancel()

    play(scene)


def test_an_error_stays_that_error() -> None:
    async def scene(alarm: Alarm, loop: asyncio.AbstractEventLoop) -> None:
        with pytest.raises(ValueError, match="mine"), alarm.until(loop.time() + 100):
            raise ValueError("mine")

    play(scene)
