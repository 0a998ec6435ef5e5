"""Why tasks that drive steps are cut off, and shelter from it while a teardown runs (FLOWS §3)."""

from __future__ import annotations

import asyncio
from typing import Any

from flows.engine.effects import CutOff


class Cuts:
    """Why tasks are being cancelled: a task without a reason here is cancelled by someone else."""

    def __init__(self) -> None:
        self._reasons: dict[asyncio.Task[Any], CutOff] = {}
        self._sheltered: dict[asyncio.Task[Any], list[CutOff]] = {}

    def cut(self, task: asyncio.Task[Any], off: CutOff) -> None:
        """Cancels a task that drives steps; a sheltered one hears of it later.

        Args:
            task: the task.
            off: thrown into the engine where it waits.
        """
        if task.done():
            return
        if task in self._sheltered:
            self._sheltered[task].append(off)
            return
        if task not in self._reasons:
            task.cancel()
        self._reasons[task] = off

    def taken(self) -> CutOff | None:
        """Why the current task was cancelled, once; None when not by a cut."""
        task = asyncio.current_task()
        off = self._reasons.pop(task, None) if task is not None else None
        if off is not None and task is not None:
            task.uncancel()
        return off

    def sheltered(self) -> bool:
        """Cuts of the current task are kept from now on; whether they were already."""
        task = asyncio.current_task()
        before = task in self._sheltered
        if task is not None:
            self._sheltered.setdefault(task, [])
        return before

    def unsheltered(self) -> CutOff | None:
        """The first cut that was kept; from now on they come at once again."""
        task = asyncio.current_task()
        kept = self._sheltered.pop(task, []) if task is not None else []
        return kept[0] if kept else None
