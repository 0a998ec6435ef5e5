"""Libraries that block, in daemon threads: waiting for one can be given up, and none keeps the process from ending."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(name: str, work: Callable[[threading.Event], T]) -> T:
    """What blocking work gives; when the caller is cancelled the work is told and ends by itself.

    Args:
        name: of the thread.
        work: given an event that is set once nobody waits any more.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()
    given_up = threading.Event()

    def run() -> None:
        try:
            found = work(given_up)
        except BaseException as error:
            _tell(loop, result, lambda problem=error: result.set_exception(problem))  # type: ignore[misc]
        else:
            _tell(loop, result, lambda: result.set_result(found))

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        return await result
    finally:
        given_up.set()


def _tell(loop: asyncio.AbstractEventLoop, result: asyncio.Future[T], settle: Callable[[], None]) -> None:
    def settled() -> None:
        if not result.done():
            settle()

    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(settled)
