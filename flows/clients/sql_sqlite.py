"""SQLite through the standard library: one thread per connection, interrupted when nobody waits any more."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.sql import Rows, Statement
from flows.clients.sql_text import Bound, bind
from flows.clients.sql_thread import Thread
from flows.clients.sql_url import address_of
from flows.language.values import to_json

LOCKED_SECONDS = 5.0
LOOK_SECONDS = 0.02
_BUSY = frozenset(["SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_RECOVERY",
                   "SQLITE_LOCKED_SHAREDCACHE"])  # fmt: skip
_UNREADABLE = frozenset(["SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_IOERR", "SQLITE_CORRUPT"])


class SQLite:
    """One database file, or one in memory that lives as long as the run.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``sqlite://`` (in memory).

    Raises:
        ClientError: of type ``config``: the URL names a host.
    """

    def __init__(self, url: str) -> None:
        address = address_of(url)
        if address.host:
            raise ClientError(f"sqlite has no host: write sqlite:///{address.host}... for a file", "config")
        self._file = "" if address.database in ("", ":memory:") else address.database
        self._thread = Thread(f"sqlite {self._file or ':memory:'}")
        self._turn = asyncio.Lock()
        self._connection: sqlite3.Connection | None = None

    def __str__(self) -> str:
        return f"sqlite {self._file or ':memory:'}"

    async def execute(self, statements: Sequence[Statement]) -> dict[str, object]:
        """The result of the last statement: one by itself, several in one transaction.

        While another connection holds the lock it is tried again, for at most five seconds.

        Args:
            statements: at least one.
        """
        bound = [bind(statement.query, statement.params, "sqlite") for statement in statements]
        loop = asyncio.get_running_loop()
        end = loop.time() + LOCKED_SECONDS
        async with self._turn:
            while True:
                try:
                    return await self._once(bound)
                except sqlite3.Error as error:
                    locked = getattr(error, "sqlite_errorname", "") in _BUSY
                    if not locked or loop.time() >= end:
                        raise self._refused(error) from error
                    await asyncio.sleep(LOOK_SECONDS)

    async def _once(self, statements: Sequence[Bound]) -> dict[str, object]:
        work = asyncio.ensure_future(self._thread.call(lambda: self._all(statements)))
        awaiting(self)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if self._connection is not None:
                self._connection.interrupt()
            await asyncio.wait({work}, timeout=1)
            if work.done() and not work.cancelled():
                work.exception()
            raise

    def _refused(self, error: sqlite3.Error) -> ClientError:
        name = getattr(error, "sqlite_errorname", "")
        if any(name.startswith(unreadable) for unreadable in _UNREADABLE):
            return ClientError(f"{self}: {reason(error)}")
        waited = f" for {LOCKED_SECONDS:g}s (another connection holds it)" if name in _BUSY else ""
        return ClientError(f"{self}: {reason(error)}{waited}", "server")

    async def aclose(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            await self._thread.call(self._connection.close)
            self._connection = None
        self._thread.end()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._file and not Path(self._file).resolve().parent.is_dir():
                raise ClientError(f"{self}: its folder does not exist")
            self._connection = sqlite3.connect(
                self._file or ":memory:", timeout=0, isolation_level=None, check_same_thread=False
            )
        return self._connection

    def _all(self, statements: Sequence[Bound]) -> dict[str, object]:
        connection = self._opened()
        if len(statements) == 1:
            return _one(connection, statements[0])
        connection.execute("BEGIN")
        try:
            results = [_one(connection, statement) for statement in statements]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return results[-1]


def _one(connection: sqlite3.Connection, bound: Bound) -> dict[str, object]:
    text = bound.rendered("?")
    cursor = connection.execute(text, [_sent(value) for value in bound.values])
    try:
        if cursor.description is None:
            return Rows(()).result(max(cursor.rowcount, 0))
        rows = Rows(column[0] for column in cursor.description)
        for row in cursor:
            rows.add(row)
        return rows.result(max(cursor.rowcount, 0))
    finally:
        cursor.close()


def _sent(value: Any) -> Any:
    """SQLite has numbers, text and bytes; maps and lists are JSON text."""
    if isinstance(value, dict | list | tuple):
        return to_json(value)
    if isinstance(value, Decimal):
        return float(value) if Decimal(float(value)) == value else str(value)
    return value
