"""Time limits without a timer for each: most requests are answered long before their time is over."""

from __future__ import annotations

import asyncio


class Alarm:
    """Ends what its task waits for at a time, as `asyncio.timeout_at` does; one timer serves request after request.

    A timer that rings for a limit that is over looks whether a later one holds now, and waits for that.
    """

    def __init__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("an alarm belongs to a task")
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._when: float | None = None
        self._before = 0
        self._rang = False

    def until(self, when: float | None) -> Alarm:
        """The limit of the next ``with``; one at a time.

        Args:
            when: of the loop's clock; None = never.
        """
        self._when = when
        return self

    def __enter__(self) -> None:
        self._before = self._task.cancelling()
        if self._when is not None and (self._timer is None or self._timer.when() > self._when):
            self.close()
            self._timer = self._loop.call_at(self._when, self._ring)

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: object) -> None:
        self._when = None
        if self._rang:
            self._rang = False
            if self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
                raise TimeoutError from problem

    def _ring(self) -> None:
        self._timer = None
        if self._when is None:
            return
        if self._when > self._loop.time():
            self._timer = self._loop.call_at(self._when, self._ring)
        else:
            self._rang = True
            self._task.cancel()

    def close(self) -> None:
        """Lets go of the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
