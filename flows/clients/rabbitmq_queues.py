"""Existing queues and streams of RabbitMQ: a queue gives a message once, so a flow looks and gives it back."""

from __future__ import annotations

import asyncio
import contextlib

from flows.clients.amqp import AmqpConnection
from flows.clients.amqp_messages import Delivery, codec
from flows.clients.errors import ClientError
from flows.clients.inbox import InboxLog
from flows.clients.rabbitmq import MAX_BEHIND, STREAM_PREFETCH, Position, shown
from flows.clients.resuming import keep_reading
from flows.clients.servers import Server, greeted

CLOSE_SECONDS = 5.0


class QueueLog(InboxLog[AmqpConnection]):
    """Messages of a queue, held by the flow until it ends; several steps look at them through views.

    Nobody else may consume from that queue meanwhile: they would get some of the messages, and we the others.

    Args:
        where: the server.
        queue: its name.
    """

    def __init__(self, where: Server, queue: str) -> None:
        super().__init__(f"{where}: queue {queue}", AmqpConnection(where, self._take, self._lost))
        self._queue = queue
        self._commands = codec().commands
        self._older = 0
        self._tags: list[int] = []
        self._bodies: list[int] = []
        self._given = 0
        self._turn = asyncio.Lock()
        self._taken: set[int] = set()

    async def _start(self) -> None:
        self._older = await self._hold()

    async def _hold(self) -> int:
        """Begins to hold the queue's messages; gives how many there are."""
        connection, name = await self._connection.open(), f"queue {self._queue}"
        found = await connection.call(self._commands.Queue.Declare(queue=self._queue, passive=True), name)
        self._usable(int(found.consumer_count), int(found.message_count))
        await connection.call(self._commands.Basic.Qos(prefetch_count=65_535), name)
        await connection.call(self._commands.Basic.Consume(queue=self._queue), name)
        return int(found.message_count)

    async def _again(self) -> None:
        """After the connection broke off the queue gives all it had given before, and goes on from there."""
        async with self._turn:
            if not self._inbox.interrupted:
                return
            await self._connection.aclose()
            where = self._connection.where
            self._connection = AmqpConnection(where, self._take, self._lost)
            self._given = 0
            await greeted(where, self._hold())
            self._inbox.resume()

    async def alive(self) -> None:
        """Waits until the server has answered."""
        await self._connection.ping()

    def _usable(self, consumers: int, held: int) -> None:
        where = f"{self._connection.where}: queue {self._queue}"
        if consumers:
            others = "one consumer" if consumers == 1 else f"{consumers} consumers"
            text = f"{where} has {others}: a step would see only some of its messages and take those away"
            raise ClientError(f"{text}; name the exchange and routing_key instead", "server")
        if held > MAX_BEHIND:
            raise ClientError(f"{where} holds {held} messages; new ones cannot be seen behind them", "server")

    def view(self, position: Position, *, ack: bool) -> QueueView:
        """The messages from a position on.

        Args:
            position: ``end`` is now.
            ack: those that are read are taken away when the flow ends.
        """
        skipped = {"beginning": 0, "start_of_flow": self._older, "end": max(self._older, len(self._tags))}
        return QueueView(self, skipped[position], ack=ack)

    async def at(self, index: int, *, ack: bool) -> dict[str, object]:
        """The message at that place, waiting for it to come.

        Args:
            index: 0-based, those from before the flow included.
            ack: it is taken away when the flow ends.
        """
        if self._inbox.interrupted:
            await self._again()
        found = await self._inbox.get(index)
        if ack:
            self._taken.add(index)
        return found

    async def aclose(self) -> None:
        """Takes away what was read when asked to; everything else goes back."""
        connection = self._connection
        if self._taken and connection.lost is None:
            for index in sorted(self._taken):
                connection.notify(self._commands.Basic.Ack(self._tags[index]))
            with contextlib.suppress(ClientError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await connection.call(self._commands.Channel.Close(200, "done", 0, 0), f"queue {self._queue}")
        await super().aclose()

    def _take(self, found: Delivery) -> None:
        place, body = self._given, hash((found.exchange, found.routing_key, found.body))
        self._given += 1
        if place == len(self._tags):
            self._tags.append(found.tag)
            self._bodies.append(body)
            self._inbox.put(shown(found), len(found.body))
            return
        self._tags[place] = found.tag
        if body != self._bodies[place]:
            text = f"{self._inbox.what} came back with other messages after the connection had ended"
            self._inbox.fail(ClientError(text, "server"))

    def _lost(self, error: ClientError) -> None:
        self._inbox.interrupt(ClientError(f"{error.message}; the queue has its messages again", error.type))


class QueueView:
    """A queue's messages from a position on.

    Args:
        log: all of them.
        skipped: how many come before.
        ack: those that are read are taken away when the flow ends.
    """

    def __init__(self, log: QueueLog, skipped: int, *, ack: bool) -> None:
        self._log = log
        self._skipped = skipped
        self._ack = ack

    async def get(self, index: int) -> dict[str, object]:
        """The message at that place, waiting for it to come.

        Args:
            index: 0-based, in order of arrival.
        """
        return await self._log.at(self._skipped + index, ack=self._ack)

    async def alive(self) -> None:
        """Waits until the server has answered."""
        await self._log.alive()


class StreamLog(InboxLog["AmqpConnection | None"]):
    """Messages of a RabbitMQ stream from a position on; a broken connection loses none.

    Args:
        where: the server.
        stream: its name.
        position: from when on.
    """

    def __init__(self, where: Server, stream: str, position: Position) -> None:
        super().__init__(f"{where}: stream {stream}", None)
        self._where = where
        self._stream = stream
        self._next: int | str = "first" if position == "beginning" else "next"
        self._commands = codec().commands
        self._broken = asyncio.Event()

    async def _start(self) -> None:
        """A stream that does not exist yet is read from its beginning."""
        began = await self._begin()
        self._tasks.append(asyncio.create_task(keep_reading(self._inbox, self._broken, self._begin, began=began)))

    async def alive(self) -> None:
        """Waits until the server has answered."""
        await (await self._living()).ping()

    async def _begin(self) -> bool:
        connection, name = await self._living(), f"stream {self._stream}"
        try:
            await connection.call(self._commands.Queue.Declare(queue=self._stream, passive=True), name)
        except ClientError as error:
            if error.type != "server" or "NOT_FOUND" not in error.message:
                raise
            self._next = "first"
            return False
        await connection.call(self._commands.Basic.Qos(prefetch_count=STREAM_PREFETCH), name)
        offset = {"x-stream-offset": self._next}
        await connection.call(self._commands.Basic.Consume(queue=self._stream, arguments=offset), name)
        return True

    async def _living(self) -> AmqpConnection:
        connection = self._connection
        if connection is None or connection.lost is not None:
            if connection is not None:
                await connection.aclose()
            self._connection = connection = AmqpConnection(self._where, self._take, self._lost)
            await connection.open()
        return connection

    def _take(self, found: Delivery) -> None:
        seen = shown(found)
        offset = seen["offset"]
        if isinstance(offset, int):
            old = isinstance(self._next, int) and offset < self._next
            self._next = self._next if old else offset + 1
            if not old:
                self._inbox.put(seen, len(found.body))
        if self._connection is not None:
            self._connection.notify(self._commands.Basic.Ack(found.tag))

    def _lost(self, error: ClientError) -> None:
        if self._next == "next":
            self._inbox.fail(ClientError(f"{error.message}; what was published since then is not seen", error.type))
            return
        self._broken.set()
