"""MQTT over asyncio streams: publishing with acknowledgement, and subscribing (importing paho costs 370 ms)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from flows.clients import mqtt_packets as wire
from flows.clients import mqtt_reading as read
from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.servers import MQTT, Server, connected, greeted, server_problems

NEWEST_FIRST = (5, 4)


def mqtt_problems(config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What is wrong with the settings that every MQTT step has, known without asking the server.

    Args:
        config: as written.
    """
    yield from server_problems(config, MQTT)
    version, qos = config.get("version"), config.get("qos")
    if version is not None and "{" not in str(version) and str(version) not in wire.LEVELS:
        yield "version", f"'version' is one of {', '.join(wire.LEVELS)}"
    if isinstance(qos, int) and qos not in (0, 1, 2):
        yield "qos", "'qos' is 0, 1 or 2"
    topic = config.get("topic")
    if isinstance(topic, str) and "${" not in topic and "{{" not in topic:
        levels = topic.split("/")
        if not topic or any(len(level) > 1 and set(level) & {"#", "+"} for level in levels) or "#" in levels[:-1]:
            yield "topic", f"no topic of MQTT: {topic!r} ('+' is a whole level, '#' is the last one)"


def level_of(version: object) -> int:
    """The protocol level of a step's `version`; 0 = the newest the server speaks.

    Args:
        version: as written, or None.

    Raises:
        ClientError: another version.
    """
    if version is None:
        return 0
    level = wire.LEVELS.get(str(version))
    if level is None:
        raise ClientError(f"no version of MQTT: '{version}' ({', '.join(wire.LEVELS)})", "config")
    return level


@dataclass(slots=True)
class _State:
    """What a connection knows.

    Args:
        level: protocol level in use.
        waiting: packet type and identifier to who waits for that answer.
        taking: packets of QoS 2 that are taken and not yet released.
        lost: why it ended.
        identifier: the last one used.
        silent: a PINGREQ is unanswered.
    """

    level: int = 5
    waiting: dict[tuple[int, int], asyncio.Future[read.Acknowledged]] = field(default_factory=dict)
    taking: set[int] = field(default_factory=set)
    lost: ClientError | None = None
    identifier: int = 0
    silent: bool = False


class MqttConnection:
    """One connection; made by :meth:`open`.

    Args:
        where: the server.
        level: protocol level; 0 = the newest the server speaks.
        take: given every message that arrives.
        on_lost: told once when the connection ends by itself.
    """

    def __init__(
        self,
        where: Server,
        level: int = 0,
        take: Callable[[wire.Message], None] | None = None,
        on_lost: Callable[[ClientError], None] | None = None,
    ) -> None:
        self.where = where
        self._levels = (level,) if level else NEWEST_FIRST
        self._take = take
        self._on_lost = on_lost
        self._state = _State()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def lost(self) -> ClientError | None:
        """Why it ended, or None while it lives."""
        return self._state.lost

    @property
    def level(self) -> int:
        """Protocol level in use: 4 (3.1.1) or 5."""
        return self._state.level

    async def open(self) -> MqttConnection:
        """Connects and logs in.

        Raises:
            ClientError: unreachable, not MQTT, refused.
        """
        try:
            for level in self._levels:
                if await greeted(self.where, self._greeted(level, last=level == self._levels[-1])):
                    break
        except BaseException:
            await self.aclose()
            raise
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._keep_alive())]
        return self

    async def _greeted(self, level: int, *, last: bool) -> bool:
        """Whether the server speaks that version; an old one may also just hang up."""
        self._state.level = level
        self._reader, self._writer = await connected(self.where)
        login = wire.Login(f"testmesh-{uuid4().hex[:12]}", self.where.username, self.where.password)
        self._writer.write(wire.connect(level, login))
        try:
            kind, _, body = await self._packet()
            answer = read.connack(body) if kind == wire.CONNACK else None
        except (OSError, EOFError, ValueError) as error:
            self._drop()
            if last or not isinstance(error, EOFError | ConnectionError):
                raise ClientError(f"{self.where}: no MQTT server answers ({reason(error)})") from error
            return False
        if answer is None:
            raise ClientError(f"{self.where}: the answer is not the MQTT protocol")
        if answer.problem and not last and answer.code in (1, 0x84):
            self._drop()
            return False
        if answer.problem:
            raise ClientError(f"{self.where}: {answer.problem}", "config")
        return True

    async def publish(self, found: wire.Message) -> None:
        """Sends a message and waits until the server has taken it.

        Args:
            found: what; its identifier is chosen here.

        Raises:
            ClientError: refused, or the connection ended.
        """
        identifier = self._next() if found.qos else 0
        try:
            data = wire.publish(self.level, found._replace(identifier=identifier))
        except (ValueError, UnicodeEncodeError) as error:
            raise ClientError(f"{self.where}: topic {found.topic[:100]}: {reason(error)}", "config") from error
        if found.qos == 0:
            self._write(data)
            await self._asked(wire.packet(wire.PINGREQ, 0, b""), wire.PINGRESP, 0)
            return
        answer = await self._asked(data, wire.PUBACK if found.qos == 1 else wire.PUBREC, identifier)
        if found.qos == 2 and not answer.problem:
            answer = await self._asked(wire.acknowledge(wire.PUBREL, identifier), wire.PUBCOMP, identifier)
        if answer.problem:
            raise ClientError(f"{self.where}: topic {found.topic}: {answer.problem}", "server")

    async def ping(self) -> None:
        """Waits until the server has answered; what it had to deliver before has come then."""
        await self._asked(wire.packet(wire.PINGREQ, 0, b""), wire.PINGRESP, 0)

    async def subscribe(self, wanted: str, qos: int, *, retained: bool) -> None:
        """Subscribes; everything published once this returns arrives.

        Args:
            wanted: topic filter.
            qos: at most.
            retained: also what the server keeps from before.

        Raises:
            ClientError: refused, or the connection ended.
        """
        identifier = self._next()
        try:
            data = wire.subscribe(self.level, identifier, wanted, qos, retained=retained)
        except (ValueError, UnicodeEncodeError) as error:
            raise ClientError(f"{self.where}: topic {wanted[:100]}: {reason(error)}", "config") from error
        answer = await self._asked(data, wire.SUBACK, identifier)
        if answer.problem:
            raise ClientError(f"{self.where}: topic {wanted}: {answer.problem}", "server")

    def _next(self) -> int:
        self._state.identifier = self._state.identifier % 65535 + 1
        return self._state.identifier

    async def _asked(self, data: bytes, kind: int, identifier: int) -> read.Acknowledged:
        key = (kind, identifier)
        waiting = self._state.waiting.get(key)
        if waiting is None:
            waiting = self._state.waiting[key] = asyncio.get_running_loop().create_future()
        self._write(data)
        awaiting(self.where, "no acknowledgement")
        return await asyncio.shield(waiting)

    def _write(self, data: bytes) -> None:
        if self._state.lost is not None or self._writer is None:
            raise self._state.lost or ClientError(f"{self.where}: not connected")
        self._writer.write(data)

    async def _packet(self) -> tuple[int, int, bytes]:
        """Type, flags and body of the next packet."""
        reader = self._reader
        if reader is None:
            raise EOFError("not connected")
        first = (await reader.readexactly(1))[0]
        size = shift = 0
        while True:
            byte = (await reader.readexactly(1))[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
            if shift > 21:
                raise read.Malformed("a length of more than four bytes")
        if size > wire.MAX_PACKET or not first >> 4:
            raise read.Malformed(f"a packet of type {first >> 4} and {size} bytes")
        return first >> 4, first & 15, await reader.readexactly(size)

    async def _receive(self) -> None:
        try:
            while True:
                self._understood(*await self._packet())
        except read.Malformed as error:
            self._end(ClientError(f"{self.where}: the answer is not the MQTT protocol ({reason(error)})"))
        except (OSError, EOFError) as error:
            self._end(ClientError(f"{self.where}: the connection ended ({reason(error)})"))
        except ClientError as error:
            self._end(error)

    def _understood(self, kind: int, flags: int, body: bytes) -> None:
        state = self._state
        if kind == wire.PUBLISH:
            self._arrived(read.published(state.level, flags, body))
        elif kind == wire.PUBREL:
            identifier = read.acknowledged(body).identifier
            state.taking.discard(identifier)
            self._write(wire.acknowledge(wire.PUBCOMP, identifier))
        elif kind == wire.DISCONNECT:
            raise ClientError(f"{self.where}: the server ended the connection: {read.disconnected(body).problem}")
        elif kind == wire.PINGRESP:
            state.silent = False
            self._answer(kind, read.Acknowledged(0, ""))
        elif kind == wire.SUBACK:
            self._answer(kind, read.suback(state.level, body))
        elif kind in (wire.PUBACK, wire.PUBREC, wire.PUBCOMP):
            self._answer(kind, read.acknowledged(body))
        else:
            raise read.Malformed(f"a packet of type {kind}")

    def _answer(self, kind: int, found: read.Acknowledged) -> None:
        waiting = self._state.waiting.pop((kind, found.identifier), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(found)

    def _arrived(self, found: wire.Message) -> None:
        again = found.qos == 2 and found.identifier in self._state.taking
        if found.qos:
            self._write(wire.acknowledge(wire.PUBACK if found.qos == 1 else wire.PUBREC, found.identifier))
        if found.qos == 2:
            self._state.taking.add(found.identifier)
        if self._take is not None and not again:
            self._take(found)

    def _end(self, error: ClientError) -> None:
        if self._state.lost is not None:
            return
        self._state.lost = error
        for waiting in self._state.waiting.values():
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()
        if self._on_lost is not None:
            self._on_lost(error)

    async def _keep_alive(self) -> None:
        while self._state.lost is None:
            await asyncio.sleep(wire.Login("").keep_alive / 2)
            if self._state.silent:
                self._end(ClientError(f"{self.where}: the server stopped answering"))
            with contextlib.suppress(ClientError):
                self._state.silent = True
                self._write(wire.packet(wire.PINGREQ, 0, b""))

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def aclose(self) -> None:
        """Says goodbye and drops the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writer is not None and self._state.lost is None and self._tasks:
            self._writer.write(wire.packet(wire.DISCONNECT, 0, b""))
            await asyncio.sleep(0)
        self._tasks = []
        self._on_lost = None
        self._end(ClientError(f"{self.where}: closed"))
        self._drop()


class MqttPublisher:
    """Publishes for the steps of a run; connects again when the server moved.

    Args:
        where: the server.
        level: protocol level; 0 = the newest the server speaks.
    """

    def __init__(self, where: Server, level: int) -> None:
        self._where = where
        self._level = level
        self._connection: MqttConnection | None = None
        self._turn = asyncio.Lock()

    async def publish(self, found: wire.Message, *, newest: bool) -> None:
        """Sends a message and waits for the acknowledgement.

        Args:
            found: what.
            newest: it says something that only MQTT 5 can carry.

        Raises:
            ClientError: also when the server cannot carry it; nothing was sent then.
        """
        async with self._turn:
            connection = self._connection
            if connection is None or connection.lost is not None:
                if connection is not None:
                    await connection.aclose()
                self._connection = connection = await MqttConnection(self._where, self._level).open()
            if newest and connection.level < 5:
                raise ClientError(f"{self._where}: MQTT 3.1.1 carries no headers or properties", "config")
            await connection.publish(found)

    async def aclose(self) -> None:
        """Drops the connection."""
        if self._connection is not None:
            await self._connection.aclose()
