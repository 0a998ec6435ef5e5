"""SQL on any database: PostgreSQL through psycopg on the event loop, everything else through SQLAlchemy in a thread."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from flows.clients.sql_text import Params
from flows.language.values import simplest

MAX_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Statement:
    """What to execute.

    Args:
        query: SQL, one or several statements.
        params: see :func:`flows.clients.sql_text.bind`.
        commit: keep what it wrote; a read is rolled back.
    """

    query: str
    params: Params = None
    commit: bool = True


class Database(Protocol):
    """One database; every statement is a transaction of its own."""

    async def execute(self, statements: Sequence[Statement]) -> dict[str, object]:
        """The result of the last statement (FLOWS §5), all of them in one transaction.

        Args:
            statements: at least one.

        Raises:
            ClientError: unreachable, or the server refuses the statement.
        """
        ...

    async def aclose(self) -> None:
        """Closes idle connections."""
        ...


def is_postgres(url: str) -> bool:
    """Whether a URL is served by psycopg itself.

    Args:
        url: any SQLAlchemy URL.
    """
    scheme = url.split("://", 1)[0].lower()
    return scheme in ("postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg")


def open_database(url: str) -> Database:
    """The client for a URL; it connects with the first statement.

    Args:
        url: any SQLAlchemy URL.
    """
    if is_postgres(url):
        from flows.clients.postgres import Postgres

        return Postgres(url)
    from flows.clients.sqlalchemy_engine import AnyDatabase

    return AnyDatabase(url)


def result_of(columns: Sequence[str], rows: Sequence[Sequence[object]], affected: int) -> dict[str, object]:
    """A SQL result as flows see it.

    Args:
        columns: names.
        rows: raw values.
        affected: rows written.
    """
    shown = [{name: plain(value) for name, value in zip(columns, row, strict=True)} for row in rows]
    return {
        "rows": shown,
        "row_count": len(shown),
        "count": len(shown),
        "first_row": shown[0] if shown else None,
        "rows_affected": affected,
        "columns": list(columns),
    }


def plain(value: Any) -> object:
    """A database value by the type rules of FLOWS §5.

    Args:
        value: as the driver gives it.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return simplest(value) if value.is_finite() else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.isoformat()
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta | UUID):
        return str(value)
    return str(value)
