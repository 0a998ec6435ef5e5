"""Redis over asyncio streams (RESP2): the protocol is one page, the usual library costs 320 ms CPU to import."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias
from urllib.parse import parse_qs

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.servers import REDIS, Server, ServerConfig, connected, greeted, server
from flows.clients.tls import ReadsFiles

Reply: TypeAlias = "int | bytes | str | list[Reply] | RedisError | None"
MAX_REPLY = 64 * 1024 * 1024
MAX_DEPTH = 32
MAX_REDIRECTS = 5
ELEMENT_SIZE = 64


class RedisError(Exception):
    """The server's own refusal of a command (``-ERR ...``)."""


def redis_server(config: ServerConfig, db: int | None, files: ReadsFiles) -> Server:
    """The server a step means; its path is the database's number.

    Args:
        config: rendered.
        db: of the step; None = the URL's.
        files: beside the flow, for certificates.

    Raises:
        ClientError: not a Redis URL, or not a database number.
    """
    found = server(config, REDIS, files)
    path = str(db) if db is not None else found.path.strip("/") or parse_qs(found.query).get("db", ["0"])[0]
    if not path.isdecimal():
        raise ClientError(f"not a Redis database number: '{path[:20]}'", "config")
    return replace(found, path=path.lstrip("0"), query="")


def moved(error: RedisError, where: Server) -> tuple[Server, bool] | None:
    """Where a cluster sends a command on to, and whether only this once; None when the error is another.

    Args:
        error: ``MOVED 3999 127.0.0.1:6381`` or ``ASK ...``.
        where: the server that said so.
    """
    words = str(error).split()
    if len(words) < 3 or words[0] not in ("MOVED", "ASK"):
        return None
    host, _, port = words[2].rpartition(":")
    if not port.isdecimal():
        return None
    return replace(where, host=host.strip("[]") or where.host, port=int(port)), words[0] == "ASK"


class RedisConnection:
    """One connection; commands take turns."""

    def __init__(self, where: Server) -> None:
        self._where = where
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._turn = asyncio.Lock()
        self._budget = MAX_REPLY

    async def command(self, *words: str | bytes | int | float) -> Reply:
        """A command's reply; connects first when needed.

        Args:
            words: the command and its arguments.

        Raises:
            ClientError: unreachable, broken off, not Redis, login refused.
            RedisError: the server refuses the command.
        """
        async with self._turn:
            if self._reader is None or self._reader.at_eof() or self._reader.exception() is not None:
                await greeted(self._where, self._log_in())
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

    async def _log_in(self) -> None:
        self._drop()
        where = self._where
        self._reader, self._writer = await connected(where)
        login: list[tuple[str | bytes | int | float, ...]] = []
        if where.password:
            login.append(("AUTH", where.username, where.password) if where.username else ("AUTH", where.password))
        if where.path:
            login.append(("SELECT", where.path))
        for words in login:
            reply = await self._roundtrip(words)
            if isinstance(reply, RedisError):
                self._drop()
                refused = words[0] == "AUTH"
                raise ClientError(f"{where}: {'the login was refused' if refused else reply}", "config")

    async def _roundtrip(self, words: Sequence[str | bytes | int | float]) -> Reply:
        awaiting(self._where)
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
        if depth == 0:
            self._budget = MAX_REPLY
        reader = self._reader
        if reader is None:
            raise EOFError("not connected")
        line = await reader.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("closed by the server")
        kind, rest = line[:1], line[1:-2]
        self._budget -= ELEMENT_SIZE + len(line)
        if kind == b"+":
            return rest.decode("utf-8", "replace")
        if kind == b"-":
            return RedisError(rest.decode("utf-8", "replace"))
        size = int(rest)
        if kind == b":":
            return size
        self._afford(line, kind, size, depth)
        if size < 0:
            return None
        if kind == b"$":
            return (await reader.readexactly(size + 2))[:-2]
        return [await self._reply(depth + 1) for _ in range(size)]

    def _afford(self, line: bytes, kind: bytes, size: int, depth: int) -> None:
        """Refuses what is not the protocol, and an answer that would eat the machine."""
        if kind not in b"$*" or size > MAX_REPLY or depth > MAX_DEPTH:
            raise ValueError(f"unexpected {line[:20]!r}")
        self._budget -= max(size, 0) if kind == b"$" else 0
        if self._budget < 0:
            raise ValueError(f"an answer of more than {MAX_REPLY // 1024 // 1024} MB")

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


class RedisPool:
    """Connections to one server, one command on each at a time; a cluster's other servers too.

    Args:
        where: the server.
    """

    def __init__(self, where: Server) -> None:
        self._where = where
        self._idle: dict[Server, list[RedisConnection]] = {}

    async def command(self, *words: str | bytes | int | float) -> Reply:
        """A command's reply, from the server of a cluster that has the key.

        Args:
            words: the command and its arguments.

        Raises:
            ClientError: unreachable, broken off, not Redis, login refused.
            RedisError: the server refuses the command.
        """
        where, asking = self._where, False
        for _ in range(MAX_REDIRECTS):
            try:
                return await self._at(where, words, asking=asking)
            except RedisError as error:
                onward = moved(error, where)
                if onward is None:
                    raise
                where, asking = onward
        raise ClientError(f"{self._where}: the cluster sends the command in circles", "server")

    async def _at(self, where: Server, words: Sequence[str | bytes | int | float], *, asking: bool) -> Reply:
        idle = self._idle.setdefault(where, [])
        connection = idle.pop() if idle else RedisConnection(where)
        try:
            if asking:
                await connection.command("ASKING")
            return await connection.command(*words)
        finally:
            idle.append(connection)

    async def aclose(self) -> None:
        """Closes every connection."""
        for connection in [one for idle in self._idle.values() for one in idle]:
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
