"""Every other database: SQLAlchemy in a worker thread, so that its waiting stops nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import exc

from flows.clients.errors import ClientError, reason
from flows.clients.sql import MAX_ROWS, Statement, result_of
from flows.clients.sql_text import bind
from testmesh.kernel.errors import MissingExtra


class AnyDatabase:
    """One database by its SQLAlchemy URL.

    Args:
        url: any URL that SQLAlchemy understands.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = sqlalchemy.create_engine(url, pool_pre_ping=True)
        except exc.ArgumentError as error:
            raise ClientError(f"not a database URL: {reason(error)}", "config") from error
        except ModuleNotFoundError as error:
            raise MissingExtra(error.name or "a database driver", "all") from error

    def __str__(self) -> str:
        return self._engine.url.render_as_string(hide_password=True)

    async def execute(self, statements: Sequence[Statement]) -> dict[str, object]:
        """The result of the last statement, all of them in one transaction.

        Args:
            statements: at least one.
        """
        return await asyncio.to_thread(self._execute, statements)

    async def aclose(self) -> None:
        """Closes idle connections."""
        await asyncio.to_thread(self._engine.dispose)

    def _execute(self, statements: Sequence[Statement]) -> dict[str, object]:
        try:
            connection = self._engine.connect()
        except exc.SQLAlchemyError as error:
            raise ClientError(f"{self}: {reason(getattr(error, 'orig', None) or error)}") from error
        result: dict[str, object] = {}
        with connection:
            try:
                for statement in statements:
                    result = _one(connection, statement)
                if all(statement.commit for statement in statements):
                    connection.commit()
            except exc.SQLAlchemyError as error:
                lost = isinstance(error, exc.DBAPIError) and error.connection_invalidated
                text = f"{self}: {reason(getattr(error, 'orig', None) or error)}"
                raise ClientError(text, "connection" if lost else "server") from error
        return result


def _one(connection: Any, statement: Statement) -> dict[str, object]:
    bound = bind(statement.query, statement.params)
    escaped = tuple(part.replace(":", "\\:") if isinstance(part, str) else part for part in bound.parts)
    text = "".join(part if isinstance(part, str) else f":p{part + 1}" for part in escaped)
    values = {f"p{index + 1}": value for index, value in enumerate(bound.values)}
    found = connection.execute(sqlalchemy.text(text), values)
    if not found.returns_rows:
        return result_of((), (), max(found.rowcount, 0))
    rows = found.fetchmany(MAX_ROWS + 1)
    if len(rows) > MAX_ROWS:
        raise ClientError(f"the query gives more than {MAX_ROWS} rows; add a LIMIT", "server")
    return result_of(list(found.keys()), [tuple(row) for row in rows], 0)
