"""PostgreSQL through psycopg: raw ``$1`` placeholders, so that the server itself casts text to uuid or numeric."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.types.json import Jsonb

from flows.clients.errors import ClientError, reason
from flows.clients.sql import MAX_ROWS, Statement, result_of
from flows.clients.sql_text import bind

MAX_IDLE = 8
_TEXT_TYPES = ("interval", "time", "timetz", "date", "timestamp", "money", "inet", "cidr")


class _TextLoader(Loader):
    """The server's own text."""

    def load(self, data: Any) -> str:
        """Decodes it."""
        return bytes(data).decode("utf-8", "replace")


class _TimestampLoader(_TextLoader):
    """A timestamp without zone as ISO text, also ``infinity`` and years psycopg refuses."""

    def load(self, data: Any) -> str:
        """The server's text with a ``T``."""
        return super().load(data).replace(" ", "T", 1)


class _ZonedLoader(_TextLoader):
    """A timestamp with zone as ISO text in UTC."""

    def load(self, data: Any) -> str:
        """The session runs in UTC, so the offset is always ``+00``."""
        text = super().load(data).replace(" ", "T", 1)
        return text.removesuffix("+00") + "Z" if text.endswith("+00") else text


class _UnknownDumper(Dumper):
    """Text goes without a type: the server infers what the column needs."""

    format = Format.TEXT
    oid = 0

    def dump(self, obj: str) -> bytes:
        """UTF-8."""
        return obj.encode()


def libpq_url(url: str) -> str:
    """The URL as libpq reads it.

    Args:
        url: with SQLAlchemy's driver names.
    """
    scheme, _, rest = url.partition("://")
    return f"{scheme.split('+')[0]}://{rest}"


class Postgres:
    """Connections to one PostgreSQL database, reused between steps.

    Args:
        url: ``postgresql://...``.
    """

    def __init__(self, url: str) -> None:
        self._url = libpq_url(url)
        self._idle: list[AsyncConnection[Any]] = []

    def __str__(self) -> str:
        parts = urlsplit(self._url)
        return f"postgresql {parts.netloc.rpartition('@')[2]}{parts.path}"

    async def execute(self, statements: Sequence[Statement]) -> dict[str, object]:
        """The result of the last statement, all of them in one transaction.

        Args:
            statements: at least one.
        """
        async with self._connection() as connection:
            result: dict[str, object] = {}
            for statement in statements:
                result = await _one(connection, statement)
            if all(statement.commit for statement in statements):
                await connection.commit()
            else:
                await connection.rollback()
            return result

    async def aclose(self) -> None:
        """Closes idle connections."""
        while self._idle:
            await self._idle.pop().close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        connection = await self._taken()
        keep = False
        try:
            yield connection
            keep = True
        except psycopg.Error as error:
            keep = not connection.closed and not connection.broken
            if keep:
                await connection.rollback()
            raise self._refused(error, connection) from error
        finally:
            if keep and len(self._idle) < MAX_IDLE and not connection.closed:
                self._idle.append(connection)
            else:
                await _dropped(connection)

    def _refused(self, error: psycopg.Error, connection: AsyncConnection[Any]) -> ClientError:
        if connection.broken or connection.closed:
            return ClientError(f"{self}: {reason(error)}")
        code = f" [{error.sqlstate}]" if error.sqlstate else ""
        return ClientError(f"{self}: {reason(error)}{code}", "server")

    async def _taken(self) -> AsyncConnection[Any]:
        while self._idle:
            connection = self._idle.pop()
            if not await _ended(connection):
                return connection
            await _dropped(connection)
        try:
            connection = await AsyncConnection.connect(self._url, connect_timeout=10)
        except (psycopg.Error, OSError) as error:
            raise ClientError(f"{self}: {_connect_reason(error)}") from error
        connection.prepare_threshold = None
        _adapt(connection)
        await connection.execute("SET TIME ZONE 'UTC'")
        await connection.commit()
        return connection


async def _ended(connection: AsyncConnection[Any]) -> bool:
    """Whether the server closed an idle connection: then its socket is readable."""
    if connection.closed or connection.broken:
        return True
    import select

    ready, _, _ = select.select([connection.fileno()], [], [], 0)
    return bool(ready)


async def _dropped(connection: AsyncConnection[Any]) -> None:
    await asyncio.shield(connection.close())


def _connect_reason(error: Exception) -> str:
    text = str(error)
    if "Connection refused" in text:
        return "connection refused"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("FATAL: ").strip() if lines else type(error).__name__


def _adapt(connection: AsyncConnection[Any]) -> None:
    adapters = connection.adapters
    for name in _TEXT_TYPES:
        adapters.register_loader(name, _TimestampLoader if name == "timestamp" else _TextLoader)
    adapters.register_loader("timestamptz", _ZonedLoader)
    adapters.register_dumper(str, _UnknownDumper)


def _sent(value: object) -> object:
    return Jsonb(value) if isinstance(value, dict) else value


async def _one(connection: AsyncConnection[Any], statement: Statement) -> dict[str, object]:
    bound = bind(statement.query, statement.params)
    values = [_sent(value) for value in bound.values]
    async with AsyncRawCursor(connection) as cursor:
        await cursor.execute(bound.rendered().encode(), values or None)
        while cursor.nextset():
            pass
        if cursor.description is None:
            return result_of((), (), max(cursor.rowcount, 0))
        columns = [column.name for column in cursor.description]
        rows = await cursor.fetchmany(MAX_ROWS + 1)
        if len(rows) > MAX_ROWS:
            raise ClientError(f"the query gives more than {MAX_ROWS} rows; add a LIMIT", "server")
        wrote = (cursor.statusmessage or "").split(" ")[0] in ("INSERT", "UPDATE", "DELETE", "MERGE")
        return result_of(columns, rows, cursor.rowcount if wrote else 0)
