"""What a subscription has received, kept in order so that any number of steps read it from the start (FLOWS §7)."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Generic, Self, TypeVar

from flows.clients.errors import ClientError
from flows.clients.pool import Closable

MAX_MESSAGES = 100_000
MAX_BYTES = 256 * 1024 * 1024

C = TypeVar("C", bound="Closable | None")


class Inbox:
    """Messages in order of arrival; belongs to one event loop.

    Args:
        what: names the subscription in errors, as in ``nats 127.0.0.1:4222: subject orders``.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._messages: list[dict[str, object]] = []
        self._size = 0
        self._news = asyncio.Event()
        self._failed: ClientError | None = None
        self._interrupted: ClientError | None = None

    @property
    def failed(self) -> ClientError | None:
        """Why nothing comes (any more, or for now), or None."""
        return self._failed or self._interrupted

    @property
    def interrupted(self) -> bool:
        """Nothing comes for now, but may again."""
        return self._failed is None and self._interrupted is not None

    def put(self, message: dict[str, object], size: int) -> None:
        """Keeps a message; one too many ends the subscription, because a flow must not eat the machine.

        Args:
            message: as flows see it.
            size: bytes of its payload.
        """
        if self._failed is not None:
            return
        self._size += size
        if len(self._messages) >= MAX_MESSAGES or self._size > MAX_BYTES:
            limit = f"{MAX_MESSAGES} messages or {MAX_BYTES // 1024 // 1024} MB"
            self.fail(ClientError(f"{self.what}: more than {limit} since reading began", "server"))
            return
        self._messages.append(message)
        self._news.set()

    def fail(self, error: ClientError) -> None:
        """Nothing more will come; what is there stays readable.

        Args:
            error: why.
        """
        if self._failed is None:
            self._failed = error
        self._news.set()

    def interrupt(self, error: ClientError) -> None:
        """Nothing comes for now, from a broker that keeps messages: whoever waits is told, a retry waits again.

        Args:
            error: why.
        """
        self._interrupted = error
        self._news.set()

    def resume(self) -> None:
        """Messages come again, and none was missed."""
        self._interrupted = None

    async def get(self, index: int) -> dict[str, object]:
        """The message at that place, waiting for it to come.

        Args:
            index: 0-based, in order of arrival.

        Raises:
            ClientError: it will not come.
        """
        while len(self._messages) <= index:
            if self.failed is not None:
                raise self.failed
            self._news.clear()
            await self._news.wait()
        return self._messages[index]


class InboxLog(ABC, Generic[C]):
    """A subscription as steps read it: a connection, or tasks, fill its inbox until the flow ends.

    Args:
        what: names the subscription in errors.
        connection: where messages come from; None = it is made when reading begins.
    """

    def __init__(self, what: str, connection: C) -> None:
        self._inbox = Inbox(what)
        self._connection = connection
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> Self:
        """Subscribes, or takes the position, and begins to read.

        Raises:
            ClientError: the server cannot be reached, or refuses; nothing stays open then.
        """
        try:
            await self._start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def get(self, index: int) -> dict[str, object]:
        """The message at that place, waiting for it to come.

        Args:
            index: 0-based, in order of arrival.

        Raises:
            ClientError: it will not come.
        """
        return await self._inbox.get(index)

    @abstractmethod
    async def alive(self) -> None:
        """Waits until the server has answered something, so that its silence was one.

        Raises:
            ClientError: the connection broke off.
        """

    async def aclose(self) -> None:
        """Ends reading, then the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            await self._connection.aclose()

    @abstractmethod
    async def _start(self) -> None: ...

    def _lost(self, error: ClientError) -> None:
        """The connection broke off, and its server keeps nothing for who is away."""
        self._inbox.fail(ClientError(f"{error.message}; what was published since then is lost", error.type))
