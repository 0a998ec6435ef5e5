"""PostgreSQL through psycopg: raw ``$1`` placeholders, so that the server itself casts text to uuid or numeric."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.conninfo import conninfo_to_dict

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.postgres_types import adapt, array_columns, sent, streamed
from flows.clients.sql import MAX_BYTES, MAX_ROWS, Rows, Statement
from flows.clients.sql_text import bind
from flows.clients.tls import ReadsFiles, Tls

logging.getLogger("psycopg").addHandler(logging.NullHandler())  # what it warns of is a result here, not a line
MAX_IDLE = 8
CONNECT_SECONDS = 10
CANCEL_SECONDS = 0.5
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_AWAY = re.compile(r"the database system is (starting up|shutting down|in recovery|not (yet )?accepting)")
_WROTE = frozenset(["INSERT", "UPDATE", "DELETE", "MERGE"])


def libpq_url(url: str) -> str:
    """The URL as libpq reads it.

    Args:
        url: with SQLAlchemy's driver names.
    """
    scheme, _, rest = url.partition("://")
    rest = rest.replace("?ssl=", "?sslmode=").replace("&ssl=", "&sslmode=")
    return f"{scheme.partition('+')[0].lower()}://{rest}"


class Postgres:
    """Connections to one PostgreSQL database, reused between steps.

    Args:
        url: ``postgresql://...`` with libpq's parameters (``sslmode``, ``sslrootcert``, ``options``...).
        tls: of the step; it goes before what the URL says.
        files: beside the flow, for certificates that the URL names.

    Raises:
        ClientError: of type ``config``: libpq does not understand the URL.
    """

    def __init__(self, url: str, tls: Tls | None, files: ReadsFiles) -> None:
        try:
            parts = urlsplit(libpq_url(url))
        except ValueError:
            text = "not a database URL: the address after 'postgresql://' cannot be read"
            raise ClientError(text, "config") from None
        self._shown = f"postgresql {parts.netloc.rpartition('@')[2]}{parts.path}"
        self._pem: tempfile.TemporaryDirectory[str] | None = None
        self._idle: list[AsyncConnection[Any]] = []
        self._ending: set[asyncio.Task[Any]] = set()
        try:
            self._settings: dict[str, Any] = dict(conninfo_to_dict(libpq_url(url)))
        except psycopg.Error as error:
            raise ClientError(f"{self}: {reason(error)}", "config") from error
        self._settings.setdefault("connect_timeout", CONNECT_SECONDS)
        for name in _FILES:
            given = self._settings.get(name)
            if given and given != "system" and not Path(given).is_absolute():
                self._settings[name] = self._kept(name, files.read(given))
        if tls is not None:
            self._settings |= self._encrypted(tls)

    def __str__(self) -> str:
        return self._shown

    def _kept(self, name: str, pem: bytes) -> str:
        """libpq reads certificates from files only."""
        if self._pem is None:
            self._pem = tempfile.TemporaryDirectory(prefix="testmesh-tls-")
        path = Path(self._pem.name) / name
        path.touch(0o600)
        path.write_bytes(pem)
        return str(path)

    def _encrypted(self, tls: Tls) -> dict[str, Any]:
        found: dict[str, Any] = {"sslmode": "verify-full" if tls.verify else "require"}
        if tls.verify:
            found["sslrootcert"] = self._kept("sslrootcert", tls.ca) if tls.ca else "system"
        if tls.cert:
            found["sslcert"] = self._kept("sslcert", tls.cert)
            found["sslkey"] = self._kept("sslkey", tls.key or tls.cert)
        if tls.key_password:
            found["sslpassword"] = tls.key_password
        if tls.server_name:
            found |= {"host": tls.server_name, "hostaddr": self._settings.get("hostaddr") or _numeric(self._settings)}
        return found

    async def execute(self, statements: Sequence[Statement]) -> dict[str, object]:
        """The result of the last statement: one by itself, several in one transaction.

        Args:
            statements: at least one.
        """
        work = asyncio.ensure_future(self._execute(statements))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            # psycopg asks the server to stop, and may wait long for a server that hangs: that is nobody's time but its.
            work.cancel()
            self._ending.add(work)
            work.add_done_callback(self._ended)
            await asyncio.wait({work}, timeout=CANCEL_SECONDS)
            raise

    def _ended(self, work: asyncio.Task[Any]) -> None:
        self._ending.discard(work)
        if not work.cancelled():
            work.exception()

    async def _execute(self, statements: Sequence[Statement]) -> dict[str, object]:
        async with self._connection() as connection:
            awaiting(self)
            if len(statements) == 1:
                return await _one(connection, statements[0])
            async with connection.transaction():
                for statement in statements[:-1]:
                    await _one(connection, statement)
                return await _one(connection, statements[-1])

    async def aclose(self) -> None:
        """Closes idle connections; statements that are still being cancelled get a moment."""
        if self._ending:
            await asyncio.wait(set(self._ending), timeout=CANCEL_SECONDS)
        while self._idle:
            await self._idle.pop().close()
        if self._pem is not None:
            self._pem.cleanup()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        connection = await self._taken()
        keep = False
        try:
            yield connection
            keep = True
        except psycopg.Error as error:
            keep = not connection.closed and not connection.broken
            raise self._refused(error, connection) from error
        finally:
            if keep and len(self._idle) < MAX_IDLE and not connection.closed:
                self._idle.append(connection)
            else:
                with contextlib.suppress(psycopg.Error, OSError):
                    await connection.close()

    def _refused(self, error: psycopg.Error, connection: AsyncConnection[Any]) -> ClientError:
        if connection.broken or connection.closed:
            return ClientError(f"{self}: {reason(error)}")
        return ClientError(f"{self}: {_said(error)}", "server")

    async def _taken(self) -> AsyncConnection[Any]:
        while self._idle:
            connection = self._idle.pop()
            if not _gone(connection):
                return connection
            await connection.close()
        awaiting(self, "no connection")
        try:
            connection = await AsyncConnection.connect("", autocommit=True, prepare_threshold=None, **self._settings)
        except (psycopg.Error, OSError) as error:
            raise self._unreachable(error) from error
        adapt(connection)
        await connection.execute("SET TIME ZONE 'UTC'")
        return connection

    def _unreachable(self, error: Exception) -> ClientError:
        """Why there is no connection; what the server itself refuses (password, database) is the server's answer."""
        text = str(error)
        if "Connection refused" in text:
            return ClientError(f"{self}: connection refused")
        if isinstance(error, psycopg.errors.ConnectionTimeout):
            return ClientError(f"{self}: no connection within {self._settings['connect_timeout']}s")
        if isinstance(error, psycopg.ProgrammingError):
            return ClientError(f"{self}: {reason(error)}", "config")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = lines[-1] if lines else type(error).__name__
        refused = "FATAL:" in said and not _AWAY.search(said)
        said = said.rpartition("FATAL:")[2].strip() if "FATAL:" in said else said
        return ClientError(f"{self}: {said}", "server" if refused else "connection")


def _said(error: psycopg.Error) -> str:
    """The server's message with its place in a statement of several lines, its detail and its hint."""
    line = re.search(r"^LINE ([0-9]+):", str(error), re.MULTILINE)
    place = f", line {line[1]} of the query" if line is not None and line[1] != "1" else ""
    code = f" [{error.sqlstate}]" if error.sqlstate else ""
    more = [part.rstrip(".") for part in (error.diag.message_detail, error.diag.message_hint) if part]
    return f"{reason(error)}{place}{code}" + (f" ({'; '.join(more)})" if more else "")


def _numeric(settings: dict[str, Any]) -> str:
    """The address of the host itself, when a certificate is for another name."""
    import socket

    host = str(settings.get("host") or "localhost")
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise ClientError(f"postgresql {host}: {reason(error)}") from error


def _gone(connection: AsyncConnection[Any]) -> bool:
    """Whether the server closed an idle connection: then its socket is readable."""
    if connection.closed or connection.broken:
        return True
    import select

    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def _one(connection: AsyncConnection[Any], statement: Statement) -> dict[str, object]:
    bound = bind(statement.query, statement.params)
    values = [sent(value) for value in bound.values]
    query = bound.rendered().encode()
    if statement.reads:
        return await _read(connection, query, values)
    async with AsyncRawCursor(connection) as cursor:
        await cursor.execute(query, values or None)
        while cursor.nextset():
            pass
        if cursor.description is None:
            return Rows(()).result(max(cursor.rowcount, 0))
        raw = await cursor.fetchall()
        wrote = (cursor.statusmessage or "").split(" ")[0] in _WROTE
        columns = [(column.name, column.type_code) for column in cursor.description]
        return (await _shown(connection, columns, raw)).result(cursor.rowcount if wrote else 0)


async def _read(connection: AsyncConnection[Any], query: bytes, values: list[object]) -> dict[str, object]:
    """Rows as they come, and no more than a result may hold: a table without end never fills our memory."""
    size = 0
    found: list[Sequence[object]] = []

    def full(rows: Sequence[Sequence[object]]) -> bool:
        nonlocal size
        found.extend(rows)
        size += sum(len(value) for row in rows for value in row if isinstance(value, str | bytes))
        return len(found) > MAX_ROWS or size > MAX_BYTES

    columns = await connection.wait(streamed(connection, query, values, full))
    return (await _shown(connection, columns, found)).result()


async def _shown(
    connection: AsyncConnection[Any], columns: Sequence[tuple[str, int]], raw: Sequence[Sequence[object]]
) -> Rows:
    rows = Rows(name for name, _ in columns)
    readers = await array_columns(connection, [oid for _, oid in columns]) if len(raw) <= MAX_ROWS else {}
    for row in raw:
        if readers:
            row = [readers[at](v) if at in readers and isinstance(v, str) else v for at, v in enumerate(row)]
        rows.add(row)
    return rows
