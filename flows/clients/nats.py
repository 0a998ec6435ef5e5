"""NATS over asyncio streams: the protocol is one page, and the usual library hides refusals behind reconnects."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import uuid4

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.servers import Server, connected, greeted, within
from flows.clients.tls import ReadsFiles

MAX_LINE = 1024 * 1024
MAX_MESSAGE = 64 * 1024 * 1024
_SUBJECT = re.compile(r"[^\s\x00-\x1f\x7f]+\Z")
_HEADER = re.compile(r"[!-9;-~]+\Z")


class NatsMessage(NamedTuple):
    """A message as the server delivers it.

    Args:
        subject: where it was published.
        reply: where an answer goes; empty = none is wanted.
        headers: in order, repeated names included.
        payload: bytes.
        status: of a server's own message, as ``503``; else empty.
    """

    subject: str
    reply: str
    headers: tuple[tuple[str, str], ...]
    payload: bytes
    status: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """How a client proves who it is, beside user and password.

    Args:
        token: auth token.
        credentials: text of a ``.creds`` file (JWT and nkey seed).
    """

    token: str = ""
    credentials: str = ""


def login(token: str | None, credentials: str | None, files: ReadsFiles) -> Login:
    """What a step says beside user and password.

    Args:
        token: of the step.
        credentials: name of its ``.creds`` file.
        files: beside the flow.
    """
    text = files.read(credentials).decode("utf-8", "replace") if credentials else ""
    return Login(token or "", text)


def subject(text: str) -> str:
    """A subject that can be put on the wire.

    Args:
        text: as the flow gives it.

    Raises:
        ClientError: it has spaces or control characters, or is empty.
    """
    if not _SUBJECT.match(text):
        raise ClientError(f"not a NATS subject: {text[:100]!r}", "config")
    return text


@dataclass(slots=True)
class _State:
    """What a connection knows.

    Args:
        info: the server's.
        handlers: subscription number to what takes its messages.
        pongs: who waits for a PONG, first come first served.
        refused: the server's complaint that came since the last PONG.
        lost: why the connection ended.
    """

    info: dict[str, object] = field(default_factory=dict)
    handlers: dict[int, Callable[[NatsMessage], None]] = field(default_factory=dict)
    pongs: deque[asyncio.Future[None]] = field(default_factory=deque)
    refused: str = ""
    lost: ClientError | None = None
    subscribed: int = 0


class NatsConnection:
    """One connection; made by :meth:`open`.

    Args:
        where: the server.
        login: beside user and password.
        on_lost: told once when the connection ends by itself.
    """

    def __init__(
        self, where: Server, login: Login = Login(), on_lost: Callable[[ClientError], None] | None = None
    ) -> None:
        self.where = where
        self._login = login
        self._on_lost = on_lost
        self._state = _State()
        self._turn = asyncio.Lock()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def lost(self) -> ClientError | None:
        """Why it ended, or None while it lives."""
        return self._state.lost

    async def open(self) -> NatsConnection:
        """Connects, logs in and waits for the server's consent.

        Raises:
            ClientError: unreachable, not NATS, login refused.
        """
        try:
            await greeted(self.where, self._handshake())
        except BaseException:
            await self.aclose()
            raise
        self._task = asyncio.create_task(self._receive())
        return self

    async def _handshake(self) -> None:
        reader, writer = await connected(self.where, encrypt=False)
        self._reader, self._writer = reader, writer
        line = await self._line("no NATS server answers")
        if not line.startswith(b"INFO "):
            raise ClientError(f"{self.where}: the answer is not the NATS protocol ({line[:40]!r})")
        info = self._parsed(line[5:])
        self._state.info = info
        if info.get("tls_required") or self.where.tls is not None:
            await self._encrypt(writer)
        writer.write(b"CONNECT " + json.dumps(self._connect(info)).encode() + b"\r\nPING\r\n")
        while not (line := await self._line("the login was not answered")).startswith(b"PONG"):
            if line.startswith(b"-ERR"):
                raise ClientError(f"{self.where}: {_complaint(line)}", "config")

    async def _encrypt(self, writer: asyncio.StreamWriter) -> None:
        tls = self.where.tls
        if tls is None:
            raise ClientError(f"{self.where}: the server asks for TLS (tls: true, or a tls:// URL)", "config")
        if not (self._state.info.get("tls_required") or self._state.info.get("tls_available")):
            raise ClientError(f"{self.where}: the server does not offer TLS", "config")
        name = tls.server_name or self.where.host

        async def upgrade() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            await writer.start_tls(tls.context(), server_hostname=name)
            return self._reader or asyncio.StreamReader(), writer

        await within(self.where, upgrade())

    def _connect(self, info: Mapping[str, object]) -> dict[str, object]:
        options: dict[str, object] = {
            "verbose": False,
            "pedantic": False,
            "lang": "testmesh",
            "version": "1",
            "protocol": 1,
            "headers": True,
            "no_responders": True,
            "tls_required": self.where.tls is not None,
        }
        if self._login.credentials:
            from flows.clients.nats_keys import signed

            return options | signed(self._login.credentials, str(info.get("nonce", "")))
        if self._login.token or (self.where.username and not self.where.password):
            options["auth_token"] = self._login.token or self.where.username
        elif self.where.username:
            options |= {"user": self.where.username, "pass": self.where.password}
        return options

    async def _line(self, missing: str) -> bytes:
        reader = self._reader
        try:
            line = await reader.readline() if reader is not None else b""
        except (OSError, ValueError) as error:
            raise ClientError(f"{self.where}: {reason(error)}") from error
        if not line.endswith(b"\n"):
            raise ClientError(f"{self.where}: {missing} (the server closed the connection)")
        return line

    def _parsed(self, text: bytes) -> dict[str, object]:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ClientError(f"{self.where}: the answer is not the NATS protocol") from error
        return found if isinstance(found, dict) else {}

    async def publish(self, message: NatsMessage) -> None:
        """Sends a message and waits until the server has taken it.

        Args:
            message: `status` is not sent.

        Raises:
            ClientError: too large, not permitted, or the connection ended.
        """
        async with self._turn:
            self._state.refused = ""
            self._write(self._encoded(message))
            await self._pong()
            if self._state.refused:
                raise ClientError(f"{self.where}: subject {message.subject}: {self._state.refused}", "server")

    async def subscribe(self, wanted: str, take: Callable[[NatsMessage], None]) -> int:
        """Subscribes and waits until the server has done so: everything published later arrives.

        Args:
            wanted: subject, wildcards included.
            take: given every message, in order.

        Raises:
            ClientError: not permitted, or the connection ended.
        """
        async with self._turn:
            self._state.refused = ""
            self._state.subscribed += 1
            number = self._state.subscribed
            self._state.handlers[number] = take
            self._write(f"SUB {subject(wanted)} {number}\r\n".encode())
            await self._pong()
            if self._state.refused:
                raise ClientError(f"{self.where}: subject {wanted}: {self._state.refused}", "server")
            return number

    async def ping(self) -> None:
        """Waits until the server has answered; what it had to deliver before has come then."""
        async with self._turn:
            await self._pong()

    async def request(self, message: NatsMessage) -> NatsMessage:
        """Sends a message and waits for the first answer to it.

        Args:
            message: `reply` is chosen here.

        Raises:
            ClientError: nobody answers requests of that subject, or the connection ended.
        """
        answer: asyncio.Future[NatsMessage] = asyncio.get_running_loop().create_future()
        inbox = f"_INBOX.{uuid4().hex}"
        number = await self.subscribe(inbox, lambda found: None if answer.done() else answer.set_result(found))
        try:
            await self.publish(message._replace(reply=inbox))
            awaiting(self.where, f"nobody answered on subject {message.subject}")
            while not answer.done():
                if self._state.lost is not None:
                    raise self._state.lost
                await asyncio.wait([answer], timeout=0.25)
        finally:
            self._state.handlers.pop(number, None)
            if self._state.lost is None:
                self._write(f"UNSUB {number}\r\n".encode())
        found = answer.result()
        if found.status == "503":
            raise ClientError(f"{self.where}: subject {message.subject}: nobody answers (no responders)", "server")
        return found

    def _encoded(self, message: NatsMessage) -> bytes:
        head = b""
        if message.headers:
            lines = [f"{_header_name(name)}: {_header_value(name, value)}\r\n" for name, value in message.headers]
            head = b"NATS/1.0\r\n" + "".join(lines).encode() + b"\r\n"
        size, limit = len(head) + len(message.payload), self._state.info.get("max_payload")
        if isinstance(limit, int) and size > limit:
            text = f"a message of {size} bytes is larger than the server takes ({limit})"
            raise ClientError(f"{self.where}: subject {message.subject}: {text}", "config")
        reply = f" {message.reply}" if message.reply else ""
        verb, lengths = ("HPUB", f"{len(head)} {size}") if head else ("PUB", f"{size}")
        return f"{verb} {subject(message.subject)}{reply} {lengths}\r\n".encode() + head + message.payload + b"\r\n"

    def _write(self, data: bytes) -> None:
        if self._state.lost is not None or self._writer is None:
            raise self._state.lost or ClientError(f"{self.where}: not connected")
        self._writer.write(data)

    async def _pong(self) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._state.pongs.append(waiting)
        awaiting(self.where)
        self._write(b"PING\r\n")
        await waiting

    async def _receive(self) -> None:
        try:
            while True:
                await self._take(await self._line("the connection ended"))
        except ClientError as error:
            self._end(error)
        except (OSError, ValueError, IndexError, asyncio.IncompleteReadError) as error:
            self._end(ClientError(f"{self.where}: the answer is not the NATS protocol ({reason(error)})"))

    def _end(self, error: ClientError) -> None:
        if self._state.lost is not None:
            return
        if self._state.refused and error.type == "connection":
            error = ClientError(f"{self.where}: {self._state.refused}", "server")
        self._state.lost = error
        for waiting in self._state.pongs:
            if not waiting.done():
                waiting.set_exception(error)
        if self._on_lost is not None:
            self._on_lost(error)

    async def _take(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb in (b"MSG ", b"HMSG"):
            number, message = await self._message(line, headers=verb == b"HMSG")
            take = self._state.handlers.get(number)
            if take is not None:
                take(message)
        elif verb == b"PING":
            self._write(b"PONG\r\n")
        elif verb == b"PONG":
            if self._state.pongs:
                waiting = self._state.pongs.popleft()
                if not waiting.done():
                    waiting.set_result(None)
        elif verb == b"-ERR":
            self._state.refused = _complaint(line)
        elif verb == b"INFO":
            self._state.info = self._parsed(line[5:])
        elif verb[:3] != b"+OK":
            raise ValueError(f"unexpected {line[:20]!r}")

    async def _message(self, line: bytes, *, headers: bool) -> tuple[int, NatsMessage]:
        words = line.decode("utf-8", "replace").split()
        sizes = [int(word) for word in (words[-2:] if headers else words[-1:])]
        head_size, size = (sizes[0], sizes[1]) if headers else (0, sizes[0])
        if not 0 <= head_size <= size <= MAX_MESSAGE:
            raise ValueError(f"a message of {size} bytes")
        reader = self._reader
        if reader is None:
            raise ValueError("not connected")
        data = (await reader.readexactly(size + 2))[:-2]
        reply = words[3] if len(words) > (5 if headers else 4) else ""
        status, found = _headers(data[:head_size])
        return int(words[2]), NatsMessage(words[1], reply, found, data[head_size:], status)

    async def aclose(self) -> None:
        """Drops the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._on_lost = None
        self._end(ClientError(f"{self.where}: closed"))
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.transport.abort()
            self._writer = None


def _complaint(line: bytes) -> str:
    text = line.decode("utf-8", "replace")[4:].strip().strip("'")
    return "the login was refused" if "authorization violation" in text.lower() else text


def _header_name(name: str) -> str:
    if not _HEADER.match(name):
        raise ClientError(f"not a header name: {name[:100]!r}", "config")
    return name


def _header_value(name: str, value: str) -> str:
    if "\r" in value or "\n" in value:
        raise ClientError(f"header {name}: a value has one line", "config")
    return value


def _headers(data: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Status and pairs of a header block (``NATS/1.0 503\\r\\nname: value\\r\\n\\r\\n``)."""
    if not data:
        return "", ()
    first, *lines = data.decode("utf-8", "replace").split("\r\n")
    pairs = [line.partition(":") for line in lines if line]
    words = first.split()
    status = words[1] if len(words) > 1 else ""
    return status, tuple((name.strip(), value.strip()) for name, _, value in pairs)
