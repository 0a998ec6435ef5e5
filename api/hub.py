"""Wakes those who follow a run when its events arrive in this process; other replicas look once a second."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

FALLBACK_SECONDS = 1.0
Key: TypeAlias = tuple[str, str]


class Listener:
    """One follower on one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def wake(self) -> None:
        """Let the follower look again; from any thread."""
        self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        """Return at the next announcement, or after a second because another replica may have received it."""
        try:
            await asyncio.wait_for(self._event.wait(), FALLBACK_SECONDS)
        except TimeoutError:
            return
        self._event.clear()


class Hub:
    """Followers by (workspace, run)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[Key, set[Listener]] = defaultdict(set)

    @contextmanager
    def listening(self, key: Key) -> Iterator[Listener]:
        """Follow a run for the length of the block.

        Args:
            key: workspace id and run id.
        """
        listener = Listener()
        with self._lock:
            self._listeners[key].add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners[key].discard(listener)
                if not self._listeners[key]:
                    del self._listeners[key]

    def followers(self) -> int:
        """How many follow a run now."""
        with self._lock:
            return sum(map(len, self._listeners.values()))

    def announce(self, key: Key) -> None:
        """Wake all who follow that run.

        Args:
            key: workspace id and run id.
        """
        with self._lock:
            for listener in self._listeners.get(key, ()):
                listener.wake()
