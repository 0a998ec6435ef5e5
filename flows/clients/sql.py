"""SQL on any database: PostgreSQL, MariaDB and MySQL on the event loop, SQLite and the rest in threads of their own."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from flows.clients.errors import ClientError
from flows.clients.sql_text import Params
from flows.language.values import instant_text, simplest

if TYPE_CHECKING:
    from flows.clients.pool import Clients
    from flows.clients.tls import ReadsFiles, Tls

MAX_ROWS = 10_000
MAX_BYTES = 64 * 1024 * 1024
_POSTGRES = frozenset(["postgres", "postgresql"])
_MYSQL = frozenset(["mysql", "mariadb"])


@dataclass(frozen=True, slots=True)
class Statement:
    """What to execute.

    Args:
        query: SQL, one or several statements.
        params: see :func:`flows.clients.sql_text.bind`.
        reads: by its text it changes nothing, so its rows may be streamed and cut off.
    """

    query: str
    params: Params = None
    reads: bool = False


class Database(Protocol):
    """One database."""

    async def execute(self, statements: Sequence[Statement]) -> dict[str, object]:
        """The result of the last statement (FLOWS §5): one by itself, several in one transaction.

        Args:
            statements: at least one.

        Raises:
            ClientError: unreachable, or the server refuses the statement.
        """
        ...

    async def aclose(self) -> None:
        """Closes idle connections."""
        ...


class Settings(Protocol):
    """What a step says about its database."""

    @property
    def connection(self) -> str | None: ...
    @property
    def tls(self) -> object: ...


def database(clients: Clients, settings: Settings, files: ReadsFiles) -> Database:
    """The client of a step, shared with every step that connects to the same place in the same way.

    Args:
        clients: of the run.
        settings: of the step.
        files: beside the flow.

    Raises:
        ClientError: of type ``config``: the URL or the TLS settings cannot be used.
    """
    from flows.clients.tls import tls_of

    url, tls = settings.connection or "", tls_of(settings.tls, files)
    return clients.shared(("sql", url, tls), lambda: open_database(url, tls, files))


def open_database(url: str, tls: Tls | None, files: ReadsFiles) -> Database:
    """The client for a URL; it connects with the first statement.

    Args:
        url: any SQLAlchemy URL.
        tls: None when the step does not ask for it; then the URL decides.
        files: beside the flow, for certificates that the URL names.

    Raises:
        ClientError: of type ``config``: the URL cannot be used.
    """
    name = url.partition("://")[0].partition("+")[0].lower()
    if name in _POSTGRES:
        from flows.clients.postgres import Postgres

        return Postgres(url, tls, files)
    if name in _MYSQL:
        from flows.clients.sql_mysql import MySQL

        return MySQL(url, tls, files)
    if tls is not None:
        raise ClientError(f"'tls' is for PostgreSQL, MariaDB and MySQL; for '{name}' write it into the URL", "config")
    if name == "sqlite":
        from flows.clients.sql_sqlite import SQLite

        return SQLite(url)
    from flows.clients.sqlalchemy_engine import AnyDatabase

    return AnyDatabase(url)


class Rows:
    """Rows as flows see them, as many as a result may hold.

    Args:
        columns: names; a repeated one keeps its last value.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        self.columns = list(columns)
        self._shown: list[dict[str, object]] = []
        self._bytes = 0

    def add(self, row: Sequence[object]) -> None:
        """Adds a row.

        Args:
            row: raw values.

        Raises:
            ClientError: there are too many, or they are too large.
        """
        if len(self._shown) >= MAX_ROWS:
            raise ClientError(f"the query gives more than {MAX_ROWS} rows; add a LIMIT", "server")
        self._bytes += sum(len(value) for value in row if isinstance(value, str | bytes))
        if self._bytes > MAX_BYTES:
            raise ClientError(f"the query gives more than {MAX_BYTES >> 20} MiB; select less", "server")
        self._shown.append({name: plain(value) for name, value in zip(self.columns, row, strict=True)})

    def __len__(self) -> int:
        return len(self._shown)

    def result(self, affected: int = 0) -> dict[str, object]:
        """A SQL result.

        Args:
            affected: rows written.
        """
        shown = self._shown
        return {
            "rows": shown,
            "row_count": len(shown),
            "count": len(shown),
            "first_row": shown[0] if shown else None,
            "rows_affected": affected,
            "columns": self.columns,
        }


def result_of(columns: Sequence[str], rows: Iterable[Sequence[object]], affected: int) -> dict[str, object]:
    """A SQL result as flows see it.

    Args:
        columns: names.
        rows: raw values.
        affected: rows written.
    """
    found = Rows(columns)
    for row in rows:
        found.add(row)
    return found.result(affected)


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
        return value.isoformat() if value.tzinfo is None else instant_text(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return clock_text(value) if isinstance(value, timedelta) else str(value)


def clock_text(value: timedelta) -> str:
    """A span of time as ``[-]HH:MM:SS[.ffffff]``, hours beyond a day included.

    Args:
        value: the span.
    """
    sign, size = ("-", -value) if value < timedelta(0) else ("", value)
    seconds = size.days * 86400 + size.seconds
    fraction = f".{size.microseconds:06}" if size.microseconds else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
