"""AMQP 0-9-1 over asyncio streams: one connection with one channel (frames by pamqp, every wait bounded by ours)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flows.clients.amqp_messages import CHANNEL, FRAME_MAX, MAX_BODY, Content, Delivery, Refused, codec
from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.servers import Server, connected, greeted

HEARTBEAT_SECONDS = 30
_HEADER = 7


@dataclass(slots=True)
class _State:
    """What a connection knows.

    Args:
        waiting: who waits for the answer to the last method.
        confirming: who waits for the broker's confirmation of a message.
        returned: why the last message was given back.
        content: the message that is coming.
        lost: why the connection ended.
        closed: the channel is closed and must be opened again.
        blocked: why the broker takes no messages now.
        heard: loop time of the last frame.
    """

    waiting: asyncio.Future[Any] | None = None
    confirming: asyncio.Future[str] | None = None
    returned: str = ""
    content: Content | None = None
    lost: ClientError | None = None
    closed: bool = True
    blocked: str = ""
    heard: float = 0.0


class AmqpConnection:
    """One connection with one channel; made by :meth:`open`.

    Args:
        where: the server; its path is the virtual host.
        take: given every delivery.
        on_lost: told once when the connection or the consumer ends by itself.
    """

    def __init__(
        self,
        where: Server,
        take: Callable[[Delivery], None] | None = None,
        on_lost: Callable[[ClientError], None] | None = None,
    ) -> None:
        self.where = where
        self._take = take
        self._on_lost = on_lost
        self._amqp = codec()
        self._state = _State()
        self._turn = asyncio.Lock()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def lost(self) -> ClientError | None:
        """Why it ended, or None while it lives."""
        return self._state.lost

    async def open(self) -> AmqpConnection:
        """Connects, logs in, opens the virtual host.

        Raises:
            ClientError: unreachable, not AMQP, refused.
        """
        try:
            await greeted(self.where, self._handshake())
        except (OSError, EOFError, ValueError) as error:
            await self.aclose()
            raise ClientError(f"{self.where}: no AMQP 0-9-1 server answers ({reason(error)})") from error
        except BaseException:
            await self.aclose()
            raise
        self._state.heard = asyncio.get_running_loop().time()
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._beat())]
        return self

    async def _handshake(self) -> None:
        commands, where = self._amqp.commands, self.where
        self._reader, self._writer = await connected(where)
        self._write(b"AMQP\x00\x00\x09\x01")
        start = await self._answer(commands.Connection.Start)
        external = where.tls is not None and where.tls.cert is not None and not where.username
        mechanism = "EXTERNAL" if external else "PLAIN"
        if mechanism not in str(start.mechanisms).split():
            raise ClientError(f"{where}: the server offers no {mechanism} login ({start.mechanisms})", "config")
        user, password = (where.username, where.password) if where.username else ("guest", "guest")
        capabilities = {
            "authentication_failure_close": True,
            "basic.nack": True,
            "connection.blocked": True,
            "consumer_cancel_notify": True,
            "publisher_confirms": True,
        }
        properties = {"product": "testmesh", "capabilities": capabilities}
        response = "" if external else f"\0{user}\0{password}"
        self._send(commands.Connection.StartOk(properties, mechanism, response), channel=0)
        tune = await self._answer(commands.Connection.Tune)
        size = min(tune.frame_max or FRAME_MAX, FRAME_MAX)
        self._send(commands.Connection.TuneOk(tune.channel_max, size, HEARTBEAT_SECONDS), channel=0)
        self._send(commands.Connection.Open(where.path or "/"), channel=0)
        await self._answer(commands.Connection.OpenOk)

    async def _answer(self, wanted: type[Any]) -> Any:
        """The next method of channel 0, which must be of that kind."""
        found = (await self._frame())[1]
        if isinstance(found, self._amqp.commands.Connection.Close):
            raise self._closed(found)
        if not isinstance(found, wanted):
            raise ClientError(f"{self.where}: the answer is not the AMQP protocol")
        return found

    def _closed(self, close: Any) -> ClientError:
        text = str(close.reply_text)
        if close.reply_code == 403:
            return ClientError(f"{self.where}: the login was refused", "config")
        if close.reply_code == 530:
            return ClientError(f"{self.where}: {text}", "config")
        return ClientError(f"{self.where}: the server ended the connection: {text}")

    async def call(self, method: Any, what: str) -> Any:
        """A method and the broker's answer to it.

        Args:
            method: of pamqp's commands; a synchronous one.
            what: what it is about, for errors.

        Raises:
            Refused: the broker refuses, as for a name that does not exist.
            ClientError: the connection ended.
        """
        async with self._turn:
            if self._state.closed:
                await self._roundtrip(self._amqp.commands.Channel.Open(), "channel")
                self._state.closed = False
            return await self._roundtrip(method, what)

    async def _roundtrip(self, method: Any, what: str) -> Any:
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._state.waiting = waiting
        awaiting(self.where, f"no answer about {what}")
        self._send(method)
        found = await waiting
        if isinstance(found, self._amqp.commands.Channel.Close):
            raise Refused(f"{self.where}: {what}: {found.reply_text}", int(found.reply_code))
        return found

    async def publish(self, publish: Any, properties: Any, body: bytes) -> None:
        """Sends a message and waits until the broker has confirmed it; confirms must be selected.

        Args:
            publish: pamqp's ``Basic.Publish``.
            properties: pamqp's ``Basic.Properties``.
            body: bytes.

        Raises:
            Refused: of what the broker does not know, or will not take.
            ClientError: of type ``server`` when no queue got it; the connection ended.
        """
        amqp, size = self._amqp, FRAME_MAX - 8
        async with self._turn:
            if self._state.blocked:
                raise ClientError(f"{self.where}: the broker takes no messages now ({self._state.blocked})", "server")
            self._state.returned = ""
            confirming: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self._state.confirming = confirming
            self._send(publish)
            self._send(amqp.header.ContentHeader(0, len(body), properties))
            for at in range(0, len(body), size):
                self._send(amqp.body.ContentBody(body[at : at + size]))
            awaiting(self.where, self._unconfirmed)
            problem = await confirming
            if problem or self._state.returned:
                to = publish.exchange or "the default exchange"
                text = problem or f"no queue takes it ({self._state.returned})"
                raise ClientError(f"{self.where}: {to}, routing key '{publish.routing_key}': {text}", "server")

    async def ping(self) -> None:
        """Waits until the broker has answered; what it had to deliver before has come then."""
        await self.call(self._amqp.commands.Basic.Qos(prefetch_count=65_535), "the channel")

    def _unconfirmed(self) -> str:
        blocked = self._state.blocked
        return f"the broker takes no messages now ({blocked})" if blocked else "no confirmation"

    def notify(self, method: Any) -> None:
        """Sends a method that the broker does not answer (acknowledgements).

        Args:
            method: of pamqp's commands.
        """
        if self._state.lost is None and not self._state.closed:
            self._send(method)

    def _send(self, frame: Any, channel: int = CHANNEL) -> None:
        try:
            data = self._amqp.frame.marshal(frame, channel)
        except (ValueError, TypeError, UnicodeEncodeError) as error:
            raise ClientError(f"{self.where}: {reason(error)}", "config") from error
        self._write(data)

    def _write(self, data: bytes) -> None:
        if self._state.lost is not None or self._writer is None:
            raise self._state.lost or ClientError(f"{self.where}: not connected")
        self._writer.write(data)

    async def _frame(self) -> tuple[int, Any]:
        """Channel and content of the next frame."""
        reader = self._reader
        if reader is None:
            raise EOFError("not connected")
        head = await reader.readexactly(_HEADER)
        size = int.from_bytes(head[3:7], "big")
        if head[0] not in (1, 2, 3, 8) or size > FRAME_MAX:
            raise ValueError(f"the answer is not the AMQP protocol: {head!r}")
        data = head + await reader.readexactly(size + 1)
        if head[0] == 8:
            return 0, self._amqp.heartbeat.Heartbeat()
        try:
            _, channel, found = self._amqp.frame.unmarshal(data)
        except (self._amqp.exceptions.PAMQPException, ValueError, LookupError, RecursionError) as error:
            raise ValueError(f"the answer is not the AMQP protocol: {reason(error)}") from error
        return channel, found

    async def _receive(self) -> None:
        try:
            while True:
                channel, found = await self._frame()
                self._state.heard = asyncio.get_running_loop().time()
                self._arrived(channel, found)
        except ClientError as error:
            self._end(error)
        except (OSError, EOFError, ValueError) as error:
            self._end(ClientError(f"{self.where}: the connection ended ({reason(error)})"))

    def _arrived(self, channel: int, found: Any) -> None:
        commands, state = self._amqp.commands, self._state
        if isinstance(found, commands.Connection.Close):
            raise self._closed(found)
        if isinstance(found, commands.Connection.Blocked):
            state.blocked = str(found.reason) or "resource alarm"
        elif isinstance(found, commands.Connection.Unblocked):
            state.blocked = ""
        elif channel != CHANNEL:
            return
        elif isinstance(found, commands.Basic.Deliver | commands.Basic.Return):
            state.content = Content(found)
        elif isinstance(found, self._amqp.header.ContentHeader | self._amqp.body.ContentBody):
            self._content(found)
        elif isinstance(found, commands.Basic.Ack | commands.Basic.Nack):
            refused = isinstance(found, commands.Basic.Nack)
            _settle(state.confirming, "the broker did not take it" if refused else "")
        elif isinstance(found, commands.Basic.Cancel):
            raise ClientError(f"{self.where}: the queue was deleted", "server")
        elif isinstance(found, commands.Channel.Close):
            self._channel_closed(found)
        else:
            _settle(state.waiting, found)

    def _content(self, found: Any) -> None:
        content = self._state.content
        if content is None:
            raise ValueError("a body without a message")
        if isinstance(found, self._amqp.header.ContentHeader):
            if found.body_size > MAX_BODY:
                raise ValueError(f"a message of {found.body_size} bytes")
            content.header = found
        else:
            content.body += found.value
        if not content.complete:
            return
        self._state.content = None
        method = content.method
        if isinstance(method, self._amqp.commands.Basic.Return):
            self._state.returned = str(method.reply_text) or "NO_ROUTE"
        elif self._take is not None:
            self._take(
                Delivery(
                    str(method.exchange),
                    str(method.routing_key),
                    bool(method.redelivered),
                    int(method.delivery_tag),
                    content.header.properties,
                    bytes(content.body),
                )
            )

    def _channel_closed(self, close: Any) -> None:
        self._state.closed = True
        self._send(self._amqp.commands.Channel.CloseOk())
        if self._state.confirming is not None and not self._state.confirming.done():
            _settle(self._state.confirming, str(close.reply_text))
        elif self._state.waiting is not None and not self._state.waiting.done():
            _settle(self._state.waiting, close)
        else:
            raise ClientError(f"{self.where}: {close.reply_text}", "server")

    @property
    def channel_closed(self) -> bool:
        """The broker closed the channel after a refusal; settings of it (confirms) are gone."""
        return self._state.closed

    def _end(self, error: ClientError) -> None:
        state = self._state
        if state.lost is not None:
            return
        state.lost = error
        for waiting in (state.waiting, state.confirming):
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)
                waiting.exception()
        if self._on_lost is not None:
            self._on_lost(error)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while self._state.lost is None:
            await asyncio.sleep(HEARTBEAT_SECONDS / 2)
            if loop.time() - self._state.heard > HEARTBEAT_SECONDS * 2:
                self._end(ClientError(f"{self.where}: the server stopped answering"))
            elif self._state.lost is None:
                self._send(self._amqp.heartbeat.Heartbeat(), channel=0)

    async def aclose(self) -> None:
        """Says goodbye and drops the connection; what was not acknowledged goes back to its queue."""
        self._on_lost = None
        if self._state.lost is None and self._tasks:
            self._send(self._amqp.commands.Connection.Close(200, "done", 0, 0), channel=0)
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._end(ClientError(f"{self.where}: closed"))
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None


def _settle(waiting: asyncio.Future[Any] | None, value: object) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(value)
