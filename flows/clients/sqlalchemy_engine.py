"""Every other database: SQLAlchemy in threads of its own, so that its waiting stops nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import exc

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.sql import Rows, Statement
from flows.clients.sql_text import Bound, bind
from flows.clients.sql_thread import Thread

MAX_IDLE = 8


class AnyDatabase:
    """One database by its SQLAlchemy URL.

    Args:
        url: any URL that SQLAlchemy understands.

    Raises:
        ClientError: of type ``config``: it is no URL, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        name = url.partition("://")[0]
        try:
            self._engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
        except exc.NoSuchModuleError as error:
            hint = "install the package that brings its SQLAlchemy dialect"
            raise ClientError(f"no database '{name}' is known: {hint}", "config") from error
        except exc.ArgumentError as error:
            raise ClientError("not a database URL: it needs 'dialect://host/database'", "config") from error
        except ModuleNotFoundError as error:
            hint = f"pip install {error.name}" if error.name else "install its driver"
            raise ClientError(f"'{name}://' needs a driver that is not installed: {hint}", "config") from error
        self._idle: list[Thread] = []

    def __str__(self) -> str:
        return str(self._engine.url.render_as_string(hide_password=True))

    async def execute(self, statements: Sequence[Statement]) -> dict[str, object]:
        """The result of the last statement, all of them in one transaction.

        A statement that nobody waits for any more goes on in its thread, which is then given up.

        Args:
            statements: at least one.
        """
        bound = [bind(statement.query, statement.params, "other") for statement in statements]
        thread = self._idle.pop() if self._idle else Thread(str(self._engine.dialect.name))
        awaiting(self)
        result = await thread.call(lambda: self._execute(bound))
        if len(self._idle) < MAX_IDLE:
            self._idle.append(thread)
        return result

    async def aclose(self) -> None:
        """Closes idle connections."""
        thread = Thread("closing")
        await thread.call(self._engine.dispose)
        for idle in (*self._idle, thread):
            idle.end()

    def _execute(self, statements: Sequence[Bound]) -> dict[str, object]:
        try:
            connection = self._engine.connect()
        except exc.SQLAlchemyError as error:
            raise ClientError(f"{self}: {reason(getattr(error, 'orig', None) or error)}") from error
        result: dict[str, object] = {}
        with connection:
            try:
                for statement in statements:
                    result = _one(connection, statement)
                connection.commit()
            except exc.SQLAlchemyError as error:
                lost = isinstance(error, exc.DBAPIError) and error.connection_invalidated
                text = f"{self}: {reason(getattr(error, 'orig', None) or error)}"
                raise ClientError(text, "connection" if lost else "server") from error
        return result


def _one(connection: Any, bound: Bound) -> dict[str, object]:
    escaped = (part.replace(":", "\\:") if isinstance(part, str) else f":p{part + 1}" for part in bound.parts)
    values = {f"p{index + 1}": value for index, value in enumerate(bound.values)}
    found = connection.execution_options(stream_results=True).execute(sqlalchemy.text("".join(escaped)), values)
    if not found.returns_rows:
        return Rows(()).result(max(found.rowcount, 0))
    rows = Rows(found.keys())
    for row in found:
        rows.add(tuple(row))
    return rows.result()
