"""MariaDB and MySQL through aiomysql on the event loop; a statement nobody waits for is killed on the server."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl as tls_library
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.sql import Rows, Statement, clock_text
from flows.clients.sql_text import Bound, bind
from flows.clients.sql_url import Address, address_of
from flows.clients.tls import ReadsFiles, Tls, tls_of

MAX_IDLE = 8
CONNECT_SECONDS = 10
KILL_SECONDS = 2.0
CHUNK_ROWS = 100
_NUMBERS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_TLS_OPTIONS = {"ssl_ca": "ca", "sslrootcert": "ca", "ssl_cert": "cert", "sslcert": "cert", "ssl_key": "key",
                "sslkey": "key"}  # fmt: skip
_VERIFIED = frozenset(["verify-full", "verify_identity"])
_ENCRYPTED = frozenset(["require", "required", "true", "1", "verify-ca", "verify_ca"])
_IGNORED = frozenset(["charset", "use_unicode", "connect_timeout", "unix_socket", "autocommit"])
_WORD = re.compile(r"[\s(]*([A-Za-z]+)")
_WROTE = frozenset(["INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD"])
_LOST = frozenset([1053, 1927, 2006, 2013, 2055])
_TIMESTAMP, _BIT, _TIME, _JSON = 7, 16, 11, 245


class MySQL:
    """Connections to one MariaDB or MySQL database, reused between steps.

    Args:
        url: ``mysql://...`` or ``mariadb://...`` with any driver's name; ``ssl_ca``, ``ssl_cert``, ``ssl_key``,
            ``ssl_mode``, ``unix_socket`` and ``connect_timeout`` count.
        tls: of the step; it goes before what the URL says.
        files: beside the flow.

    Raises:
        ClientError: of type ``config``: the URL cannot be used.
    """

    def __init__(self, url: str, tls: Tls | None, files: ReadsFiles) -> None:
        self._address = address_of(url)
        self._tls = tls or _tls_of_url(self._address, files)
        self._idle: list[Any] = []
        self._ending: set[asyncio.Task[None]] = set()

    def __str__(self) -> str:
        return str(self._address)

    async def execute(self, statements: Sequence[Statement]) -> dict[str, object]:
        """The result of the last statement: one by itself, several in one transaction.

        Args:
            statements: at least one.
        """
        bound = [bind(statement.query, statement.params, "mysql") for statement in statements]
        connection = await self._taken()
        awaiting(self)
        keep = False
        try:
            result = await _all(connection, bound)
            keep = True
            return result
        except asyncio.CancelledError:
            self._kill(connection.thread_id())
            raise
        except _errors() as error:
            keep = not (connection.closed or _is_lost(error))
            with contextlib.suppress(*_errors()):
                if keep and len(bound) > 1:
                    await connection.rollback()
            raise self._refused(error) from error
        finally:
            if keep and len(self._idle) < MAX_IDLE and not connection.closed:
                self._idle.append(connection)
            else:
                connection.close()

    def _refused(self, error: Exception) -> ClientError:
        number, text = _said(error)
        if _is_lost(error):
            return ClientError(f"{self}: {text or 'the connection was lost'}")
        return ClientError(f"{self}: {text}" + (f" [{number}]" if number else ""), "server")

    async def aclose(self) -> None:
        """Closes idle connections; statements that are still being killed get a moment."""
        if self._ending:
            await asyncio.wait(set(self._ending), timeout=KILL_SECONDS)
        while self._idle:
            connection = self._idle.pop()
            with contextlib.suppress(*_errors()):
                async with asyncio.timeout(1):
                    await connection.ensure_closed()
            connection.close()

    def _kill(self, thread: int) -> None:
        """Closing our end does not stop a statement that is running: the server has to be told."""
        task = asyncio.ensure_future(self._killed(thread))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _killed(self, thread: int) -> None:
        with contextlib.suppress(ClientError, TimeoutError, *_errors()):
            async with asyncio.timeout(KILL_SECONDS):
                connection = await self._connected()
                try:
                    await connection.query(f"KILL {thread}")
                finally:
                    connection.close()

    async def _taken(self) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if not _gone(connection):
                return connection
            connection.close()
        awaiting(self, "no connection")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._connected()
        except TimeoutError:
            raise ClientError(f"{self}: no connection within {CONNECT_SECONDS}s") from None

    async def _connected(self) -> Any:
        aiomysql = _library()
        address = self._address
        encrypted = {"ssl": self._tls.context()} if self._tls is not None else {}
        try:
            return await aiomysql.connect(
                host=address.host or "localhost",
                port=address.port or 3306,
                user=address.user,
                password=address.password,
                db=address.database or None,
                unix_socket=address.options.get("unix_socket"),
                charset="utf8mb4",
                autocommit=True,
                init_command="SET time_zone = '+00:00'",
                conv=_decoders(),
                **encrypted,
            )
        except _errors() as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> ClientError:
        """Why there is no connection; what the server itself says (password, database) is the server's answer."""
        cause = error.__cause__ or error.__context__ or error
        number, text = _said(error)
        if isinstance(cause, tls_library.SSLError):
            return ClientError(f"{self}: TLS: {reason(cause)}")
        if isinstance(cause, OSError):
            return ClientError(f"{self}: {reason(cause)}")
        if 1000 <= number < 2000 or number >= 3000:
            return ClientError(f"{self}: {text} [{number}]", "server")
        return ClientError(f"{self}: {text or 'no MariaDB or MySQL server answers there'}")


def _library() -> Any:
    try:
        import aiomysql  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise ClientError("MariaDB and MySQL need a driver: pip install 'testmesh[mysql]'", "config") from error
    return aiomysql


def _errors() -> tuple[type[Exception], ...]:
    """What a connection raises: the server's refusals, a broken socket, and nonsense in place of the protocol."""
    import pymysql  # type: ignore[import-untyped]

    return (pymysql.err.Error, OSError, EOFError, RuntimeError, AssertionError, ValueError, LookupError, TypeError)


def _said(error: Exception) -> tuple[int, str]:
    """Number and text of a server's error."""
    arguments = error.args
    if len(arguments) >= 2 and isinstance(arguments[0], int):
        return arguments[0], str(arguments[1]).splitlines()[0] if str(arguments[1]) else ""
    return 0, reason(error)


def _is_lost(error: Exception) -> bool:
    import pymysql

    return not isinstance(error, pymysql.err.MySQLError) or _said(error)[0] in _LOST


def _gone(connection: Any) -> bool:
    """Whether the server closed an idle connection."""
    return bool(connection.closed or connection._reader.at_eof() or connection._reader.exception() is not None)


def _tls_of_url(address: Address, files: ReadsFiles) -> Tls | None:
    given: dict[str, object] = {}
    mode = ""
    for name, value in address.options.items():
        if name in _TLS_OPTIONS:
            given[_TLS_OPTIONS[name]] = value
        elif name in ("ssl_mode", "sslmode", "ssl"):
            mode = value.lower()
        elif name in ("ssl_verify_cert", "ssl_verify_identity"):
            given["verify"] = _NUMBERS.get(value.lower(), True)
        elif name not in _IGNORED:
            raise ClientError(f"{address}: '{name}' is not understood in the URL", "config")
    if not given and not mode:
        return None
    if mode in ("disabled", "disable", "false", "0"):
        return None
    if mode and mode not in _VERIFIED | _ENCRYPTED:
        raise ClientError(f"{address}: ssl mode '{mode}' is none of disable, require, verify-full", "config")
    if mode in _ENCRYPTED and "ca" not in given:
        given.setdefault("verify", False)
    return tls_of(given or True, files)


def _decoders() -> dict[int, Any]:
    from pymysql.converters import decoders  # type: ignore[import-untyped]

    own = {_BIT: lambda data: int.from_bytes(data, "big"), _TIMESTAMP: _instant}
    return {**decoders, **own}


def _instant(data: Any) -> str:
    """A TIMESTAMP is an instant, and the session runs in UTC."""
    text = data.decode() if isinstance(data, bytes) else str(data)
    return text.replace(" ", "T", 1) + "Z"


async def _all(connection: Any, statements: Sequence[Bound]) -> dict[str, object]:
    if len(statements) == 1:
        return await _one(connection, statements[0])
    await connection.begin()
    result: dict[str, object] = {}
    for statement in statements:
        result = await _one(connection, statement)
    await connection.commit()
    return result


async def _one(connection: Any, bound: Bound) -> dict[str, object]:
    """Rows as they come from the server, never a whole table in memory."""
    text = "".join(part if isinstance(part, str) else _literal(connection, bound.values[part]) for part in bound.parts)
    cursor = await connection.cursor(_streaming())
    try:
        await cursor.execute(text)
        result = await _result(cursor, text)
        while await cursor.nextset():
            result = await _result(cursor, text)
    except (ClientError, asyncio.CancelledError):
        # Closing the cursor would read all that the server still sends.
        connection.close()
        raise
    await cursor.close()
    return result


@cache
def _streaming() -> Any:
    class Streaming(_library().SSCursor):  # type: ignore[misc]
        """A cursor that reads row by row and asks for no warnings."""

        async def _show_warnings(self, conn: Any) -> None:
            """Warnings of the server are no part of a result, and asking costs another round trip."""

    return Streaming


async def _result(cursor: Any, text: str) -> dict[str, object]:
    if cursor.description is None:
        return Rows(()).result(max(cursor.rowcount, 0))
    rows = Rows(column[0] for column in cursor.description)
    times = [at for at, column in enumerate(cursor.description) if column[1] == _TIME]
    while chunk := await cursor.fetchmany(CHUNK_ROWS):
        for row in chunk:
            rows.add(_with_clock(row, times) if times else row)
    word = _WORD.match(text)
    return rows.result(len(rows) if word is not None and word[1].upper() in _WROTE else 0)


def _with_clock(row: Sequence[object], times: Sequence[int]) -> list[object]:
    found = list(row)
    for at in times:
        value = found[at]
        found[at] = clock_text(value) if hasattr(value, "days") else value  # type: ignore[arg-type]
    return found


def _literal(connection: Any, value: object) -> str:
    """A parameter as the server reads it; maps and lists are JSON."""
    if isinstance(value, dict | list | tuple):
        from flows.language.values import to_json

        value = to_json(value)
    if isinstance(value, Decimal):
        return str(value)
    return str(connection.literal(value))
