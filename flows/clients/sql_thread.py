"""Blocking database drivers: a thread per connection that neither cancelling nor the end of the process waits for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Thread:
    """One daemon thread that does one thing after the other; abandoned, it ends with what it is doing.

    Args:
        name: for whoever looks at the process.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._name = name
        self._started = False

    async def call(self, work: Callable[[], T]) -> T:
        """The result of a call in the thread; when this is cancelled the thread goes on without anybody waiting.

        Args:
            work: blocks.
        """
        if not self._started:
            self._started = True
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put((work, done, loop))
        return await done

    def end(self) -> None:
        """The thread ends after what it has to do."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, done, loop = job
            try:
                result: Any = work()
            except BaseException as error:
                _tell(loop, done, None, error)
            else:
                _tell(loop, done, result, None)


def _tell(
    loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any], result: object, error: BaseException | None
) -> None:
    def tell() -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    # The loop of a thread that was given up may be closed by now.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(tell)
