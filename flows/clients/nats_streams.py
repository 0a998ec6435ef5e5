"""What a flow reads from NATS: subjects as they are published, and JetStream streams from a position on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from flows.clients.errors import ClientError
from flows.clients.inbox import InboxLog
from flows.clients.messages import message
from flows.clients.nats import Login, NatsConnection, NatsMessage
from flows.clients.resuming import keep_reading
from flows.clients.servers import Server

Position = Literal["start_of_flow", "beginning", "end"]
API_SECONDS = 5.0
HEARTBEAT = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscribing step reads.

    Args:
        subject: wildcards included; empty = all of the stream.
        stream: JetStream stream; empty = the one that takes the subject.
        jetstream: read the stream, not what is published live.
        position: where reading begins.
    """

    subject: str
    stream: str = ""
    jetstream: bool = False
    position: Position = "start_of_flow"

    def __str__(self) -> str:
        named = [f"stream {self.stream}" if self.stream else "", f"subject {self.subject}" if self.subject else ""]
        return ", ".join(text for text in named if text)


def shown(found: NatsMessage) -> dict[str, object]:
    """A message as flows see it; one that JetStream delivers has its place in the stream.

    Args:
        found: as delivered.
    """
    headers: dict[str, str] = {}
    for name, value in found.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    place = _place(found.reply)
    at = (None, place.sequence, place.timestamp) if place is not None else (None, None, None)
    seen = message(found.payload, headers=headers, topic=found.subject, place=at)
    return {**seen, "reply": found.reply if place is None and found.reply else None}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a message stands, by its acknowledgement subject (ADR-15)."""

    sequence: int
    delivered: int
    timestamp: str


def _place(reply: str) -> _Place | None:
    """``$JS.ACK.[domain.account.]stream.consumer.deliveries.sequence.delivered.nanoseconds.pending[.token]``"""
    words = reply.split(".")
    if words[:2] != ["$JS", "ACK"] or len(words) < 9:
        return None
    rest = words[2:] if len(words) == 9 else words[4:]
    try:
        sequence, delivered, nanoseconds = int(rest[3]), int(rest[4]), int(rest[5])
    except (ValueError, IndexError):
        return None
    moment = datetime.fromtimestamp(nanoseconds // 1_000_000 / 1000, UTC)
    return _Place(sequence, delivered, moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


async def api(connection: NatsConnection, name: str, body: Mapping[str, object]) -> dict[str, object]:
    """The answer of JetStream's API.

    Args:
        connection: open.
        name: below ``$JS.API.``.
        body: the request.

    Raises:
        ClientError: of type ``server`` when JetStream refuses or is not there.
    """
    request = NatsMessage(f"$JS.API.{name}", "", (), json.dumps(body).encode() if body else b"")
    try:
        async with asyncio.timeout(API_SECONDS):
            answer = await connection.request(request)
    except TimeoutError:
        raise ClientError(f"{connection.where}: JetStream does not answer", "server") from None
    except ClientError as error:
        if error.type == "server" and "no responders" in error.message:
            raise ClientError(f"{connection.where}: the server has no JetStream", "server") from None
        raise
    return answered(connection.where, answer.payload)


def answered(where: Server, payload: bytes) -> dict[str, object]:
    """A JetStream answer that is no refusal.

    Args:
        where: the server.
        payload: JSON.

    Raises:
        ClientError: it is a refusal, or not JSON.
    """
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        raise ClientError(f"{where}: the answer is not JetStream's", "server") from None
    if not isinstance(found, dict):
        raise ClientError(f"{where}: the answer is not JetStream's", "server")
    error = found.get("error")
    if isinstance(error, dict):
        raise ClientError(f"{where}: JetStream: {error.get('description') or error}", "server")
    return found


class SubjectLog(InboxLog[NatsConnection]):
    """Everything published to a subject since the subscription; core NATS keeps nothing.

    Args:
        where: the server.
        login: beside user and password.
        wanted: the subject.
    """

    def __init__(self, where: Server, login: Login, wanted: Wanted) -> None:
        super().__init__(f"{where}: {wanted}", NatsConnection(where, login, self._lost))
        self._wanted = wanted

    async def _start(self) -> None:
        await self._connection.open()
        await self._connection.subscribe(self._wanted.subject, self._take)

    async def alive(self) -> None:
        """Waits until the server has answered."""
        await self._connection.ping()

    def _take(self, found: NatsMessage) -> None:
        self._inbox.put(shown(found), len(found.payload))


class StreamLog(InboxLog["NatsConnection | None"]):
    """Messages of a JetStream stream from a position on; a broken connection loses none.

    Args:
        where: the server.
        login: beside user and password.
        wanted: stream, subject and position.
    """

    def __init__(self, where: Server, login: Login, wanted: Wanted) -> None:
        super().__init__(f"{where}: {wanted}", None)
        self._where = where
        self._login = login
        self._wanted = wanted
        self._next: int | None = 1 if wanted.position == "beginning" else None
        self._delivered = 0
        self._consumer = 0
        self._again = asyncio.Event()

    async def _start(self) -> None:
        """A stream that does not exist yet is read from its beginning."""
        began = await self._again_from_there()
        reading = keep_reading(self._inbox, self._again, self._again_from_there, began=began)
        self._tasks.append(asyncio.create_task(reading))

    async def alive(self) -> None:
        """Waits until the server has answered."""
        await (await self._living()).ping()

    async def _begin(self, connection: NatsConnection) -> bool:
        """Asks for everything from the position on; False when there is no such stream yet."""
        stream = await self._stream(connection)
        if not stream:
            self._next = 1
            return False
        if self._next is None:
            info = await api(connection, f"STREAM.INFO.{stream}", {})
            state = info.get("state")
            self._next = int(state.get("last_seq", 0)) + 1 if isinstance(state, dict) else 1
        self._consumer += 1
        self._delivered = 0
        inbox, number = f"_INBOX.{uuid4().hex}", self._consumer
        await connection.subscribe(inbox, lambda found: self._take(found, number))
        config: dict[str, object] = {
            "deliver_subject": inbox,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._next,
            "ack_policy": "none",
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "max_deliver": 1,
            "inactive_threshold": HEARTBEAT,
        }
        if self._wanted.subject:
            config["filter_subject"] = self._wanted.subject
        await api(connection, f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": config})
        return True

    async def _stream(self, connection: NatsConnection) -> str:
        if self._wanted.stream:
            try:
                await api(connection, f"STREAM.INFO.{self._wanted.stream}", {})
            except ClientError as error:
                if "stream not found" in error.message:
                    return ""
                raise
            return self._wanted.stream
        found = await api(connection, "STREAM.NAMES", {"subject": self._wanted.subject})
        names = found.get("streams")
        return str(names[0]) if isinstance(names, list) and names else ""

    def _take(self, found: NatsMessage, consumer: int) -> None:
        place = _place(found.reply)
        if place is None or consumer != self._consumer or (self._next is not None and place.sequence < self._next):
            return
        if place.delivered != self._delivered + 1:
            self._consumer += 1
            self._again.set()
            return
        self._delivered = place.delivered
        self._next = place.sequence + 1
        self._inbox.put(shown(found), len(found.payload))

    def _lost(self, error: ClientError) -> None:
        self._again.set()

    async def _again_from_there(self) -> bool:
        return await self._begin(await self._living())

    async def _living(self) -> NatsConnection:
        connection = self._connection
        if connection is None or connection.lost is not None:
            if connection is not None:
                await connection.aclose()
            connection = NatsConnection(self._where, self._login, self._lost)
            self._connection = await connection.open()
        return connection
