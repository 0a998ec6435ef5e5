"""Connections by what they connect to, so that the steps of a run share them and all are closed at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Protocol, TypeVar, cast

from flows.clients.awaiting import Awaited, awaited, awaiting


class Closable(Protocol):
    """A client that holds something open."""

    async def aclose(self) -> None:
        """Lets go of it; never raises."""
        ...


T = TypeVar("T", bound=Closable)


class Clients:
    """The open clients of a run or of one flow, in order of opening."""

    def __init__(self) -> None:
        self._open: dict[Hashable, asyncio.Future[Closable]] = {}
        self._opening: dict[Hashable, Awaited | None] = {}

    def shared(self, key: Hashable, make: Callable[[], T]) -> T:
        """The client of that key, made without waiting when there is none yet.

        Args:
            key: what it connects to; starts with the protocol's name.
            make: a constructor that does not connect.
        """
        found = self._open.get(key)
        if found is None:
            found = asyncio.get_running_loop().create_future()
            found.set_result(make())
            self._open[key] = found
        return cast("T", found.result())

    async def opened(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The client of that key, opened once even when several steps ask at the same time.

        Args:
            key: what it connects to; starts with the protocol's name.
            make: connects; its error reaches everyone who waits, and the next one tries again.
        """
        found = self._open.get(key)
        if found is None:
            found = cast("asyncio.Future[Closable]", asyncio.ensure_future(make()))
            self._open[key] = found
            self._opening[key] = awaited()
            found.add_done_callback(lambda task: self._settled(key, task))
        elif (first := self._opening.get(key)) is not None:
            awaiting("", first.__str__)
        return cast("T", await asyncio.shield(found))

    def _settled(self, key: Hashable, task: asyncio.Future[Closable]) -> None:
        self._opening.pop(key, None)
        if task.cancelled() or task.exception() is not None:
            self._open.pop(key, None)

    async def aclose(self) -> None:
        """Closes everything, last opened first; what is still connecting is given up."""
        for _, found in reversed(list(self._open.items())):
            if not found.done():
                found.cancel()
                continue
            if not found.cancelled() and found.exception() is None:
                await found.result().aclose()
        self._open.clear()
