"""Redis over asyncio streams (RESP2): the protocol is one page, the usual library costs 320 ms CPU to import."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from flows.clients.errors import ClientError, reason

Reply: TypeAlias = "int | bytes | str | list[Reply] | RedisError | None"
MAX_REPLY = 64 * 1024 * 1024
MAX_DEPTH = 32


class RedisError(Exception):
    """The server's own refusal of a command (``-ERR ...``)."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where a Redis server is and how to log in.

    Args:
        host: name or address.
        port: TCP port.
        db: database number.
        username: empty = the default user.
        password: empty = no login.
        tls: rediss.
    """

    host: str = "localhost"
    port: int = 6379
    db: int = 0
    username: str = ""
    password: str = ""
    tls: bool = False

    def __str__(self) -> str:
        return f"redis {self.host}:{self.port}"


def address(url: str) -> RedisAddress:
    """The address in a Redis URL.

    Args:
        url: ``redis[s]://[user[:password]@]host[:port][/db]``, or ``host:port``.

    Raises:
        ClientError: another scheme or a bad port.
    """
    try:
        parts = urlsplit(url if "://" in url else f"redis://{url}")
        port = parts.port or 6379
    except ValueError as error:
        raise ClientError(f"not a Redis URL ({error})", "config") from error
    if parts.scheme not in ("redis", "rediss"):
        raise ClientError(f"not a Redis URL: scheme '{parts.scheme}'", "config")
    db = parts.path.strip("/") or parse_qs(parts.query).get("db", ["0"])[0]
    if not db.isdecimal():
        raise ClientError(f"not a Redis database number: '{db}'", "config")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return RedisAddress(parts.hostname or "localhost", port, int(db), user, password, parts.scheme == "rediss")


def server_of(url: str | None, named: RedisAddress) -> RedisAddress:
    """The server a publishing or subscribing step names; its own password goes before the URL's.

    Args:
        url: the step's URL, or None.
        named: host, port, database and password of the step; the server when there is no URL.
    """
    if not url:
        return named
    server = address(url)
    return replace(server, password=named.password) if named.password else server


class RedisConnection:
    """One connection; commands take turns."""

    def __init__(self, where: RedisAddress) -> None:
        self._where = where
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._turn = asyncio.Lock()

    async def command(self, *words: str | bytes | int | float) -> Reply:
        """A command's reply; connects first when needed.

        Args:
            words: the command and its arguments.

        Raises:
            ClientError: unreachable, broken off, not Redis, login refused.
            RedisError: the server refuses the command.
        """
        async with self._turn:
            await self._ready()
            reply = await self._roundtrip(words)
        if isinstance(reply, RedisError):
            raise reply
        return reply

    async def read(self) -> Reply:
        """The next reply that comes by itself (pub/sub)."""
        return await self._guarded(self._reply())

    async def aclose(self) -> None:
        """Drops the connection."""
        self._drop()

    async def _ready(self) -> None:
        if self._reader is not None and not self._reader.at_eof():
            return
        self._drop()
        where = self._where
        context = ssl.create_default_context() if where.tls else None
        try:
            self._reader, self._writer = await asyncio.open_connection(where.host, where.port, ssl=context)
        except (OSError, ValueError) as error:
            raise ClientError(f"{where}: {reason(error)}") from error
        login: list[tuple[str | bytes | int | float, ...]] = []
        if where.password:
            login.append(("AUTH", where.username, where.password) if where.username else ("AUTH", where.password))
        if where.db:
            login.append(("SELECT", where.db))
        for words in login:
            reply = await self._roundtrip(words)
            if isinstance(reply, RedisError):
                self._drop()
                raise ClientError(f"{where}: {reply}", "config")

    async def _roundtrip(self, words: Sequence[str | bytes | int | float]) -> Reply:
        return await self._guarded(self._exchange(words))

    async def _exchange(self, words: Sequence[str | bytes | int | float]) -> Reply:
        writer = self._writer
        if writer is None:
            raise EOFError("not connected")
        writer.write(encoded(words))
        await writer.drain()
        return await self._reply()

    async def _guarded(self, work: object) -> Reply:
        finished = False
        try:
            reply: Reply = await work  # type: ignore[misc]
            finished = True
        except (ConnectionError, EOFError, OSError) as error:
            raise ClientError(f"{self._where}: the connection ended ({reason(error)})") from error
        except ValueError as error:
            raise ClientError(f"{self._where}: the answer is not the Redis protocol ({error})") from error
        finally:
            if not finished:
                self._drop()
        return reply

    async def _reply(self, depth: int = 0) -> Reply:
        reader = self._reader
        if reader is None:
            raise EOFError("not connected")
        line = await reader.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("closed by the server")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode("utf-8", "replace")
        if kind == b"-":
            return RedisError(rest.decode("utf-8", "replace"))
        size = int(rest)
        if kind == b":":
            return size
        if kind not in b"$*" or size > MAX_REPLY or depth > MAX_DEPTH:
            raise ValueError(f"unexpected {line[:20]!r}")
        if size < 0:
            return None
        if kind == b"$":
            return (await reader.readexactly(size + 2))[:-2]
        return [await self._reply(depth + 1) for _ in range(size)]

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


class RedisPool:
    """Connections to one server, one command on each at a time.

    Args:
        where: the server.
    """

    def __init__(self, where: RedisAddress) -> None:
        self._where = where
        self._idle: list[RedisConnection] = []

    async def command(self, *words: str | bytes | int | float) -> Reply:
        """A command's reply; see :meth:`RedisConnection.command`.

        Args:
            words: the command and its arguments.
        """
        connection = self._idle.pop() if self._idle else RedisConnection(self._where)
        try:
            return await connection.command(*words)
        finally:
            self._idle.append(connection)

    async def aclose(self) -> None:
        """Closes every connection."""
        for connection in self._idle:
            await connection.aclose()
        self._idle.clear()


def encoded(words: Sequence[str | bytes | int | float]) -> bytes:
    """A command on the wire: an array of bulk strings.

    Args:
        words: command and arguments; numbers as their text.
    """
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Subscription:
    """Messages of one channel since the subscription was confirmed; a connection of its own reads them."""

    def __init__(self, where: RedisAddress, channel: str, pattern: bool) -> None:
        self._connection = RedisConnection(where)
        self._channel = channel
        self._pattern = pattern
        self._messages: list[tuple[str, bytes]] = []
        self._news = asyncio.Event()
        self._failed: ClientError | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> Subscription:
        """Subscribes; every later message of the channel is kept."""
        try:
            await self._connection.command("PSUBSCRIBE" if self._pattern else "SUBSCRIBE", self._channel)
        except RedisError as error:
            raise ClientError(f"subscribe to {self._channel}: {error}", "server") from error
        self._task = asyncio.create_task(self._receive())
        return self

    async def at(self, index: int) -> tuple[str, bytes]:
        """Channel and payload of the message at that place, waiting for it to come.

        Args:
            index: 0-based.
        """
        while len(self._messages) <= index:
            if self._failed is not None:
                raise self._failed
            self._news.clear()
            await self._news.wait()
        return self._messages[index]

    async def aclose(self) -> None:
        """Ends the subscription with its connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._connection.aclose()

    async def _receive(self) -> None:
        try:
            while True:
                reply = await self._connection.read()
                if isinstance(reply, list) and reply[:1] in ([b"message"], [b"pmessage"]):
                    channel, payload = reply[-2], reply[-1]
                    if isinstance(channel, bytes) and isinstance(payload, bytes):
                        self._messages.append((channel.decode("utf-8", "replace"), payload))
                        self._news.set()
        except ClientError as error:
            self._failed = error
            self._news.set()
