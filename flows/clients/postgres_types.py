"""PostgreSQL values as FLOWS §5 wants them: mostly the server's own text, arrays of any type as lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from psycopg import AsyncConnection, pq
from psycopg.abc import PQGen
from psycopg.adapt import Dumper, Loader, PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch, send
from psycopg.pq import ExecStatus, Format
from psycopg.types import TypeInfo
from psycopg.types.json import Jsonb

_TEXT_TYPES = ("interval", "time", "timetz", "date", "timestamp", "money", "inet", "cidr",
               "int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange",
               "int4multirange", "int8multirange", "nummultirange", "datemultirange", "tsmultirange",
               "tstzmultirange")  # fmt: skip
_CHUNK_ROWS = 100
_CHUNKS_SINCE = 170000
_WITH_ROWS = (ExecStatus.TUPLES_OK, ExecStatus.SINGLE_TUPLE, ExecStatus.TUPLES_CHUNK)
_FIRST_OWN_OID = 16384
"""Types below are PostgreSQL's own (``FirstNormalObjectId`` of its transam.h); psycopg knows their arrays."""
_ARRAYS = """
    SELECT a.oid::int8, e.oid::int8, format_type(e.oid, NULL) FROM pg_type a JOIN pg_type e ON e.oid = a.typelem
    WHERE a.oid = ANY($1::int8[]::oid[]) AND a.typcategory = 'A'
"""


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


def adapt(connection: AsyncConnection[Any]) -> None:
    """Makes a connection give and take values by our rules.

    Args:
        connection: a new one.
    """
    adapters = connection.adapters
    for name in _TEXT_TYPES:
        adapters.register_loader(name, _TimestampLoader if name == "timestamp" else _TextLoader)
    adapters.register_loader("timestamptz", _ZonedLoader)
    adapters.register_dumper(str, _UnknownDumper)


def sent(value: object) -> object:
    """A parameter; a map is JSON, a list an array.

    Args:
        value: JSON-shaped.
    """
    return Jsonb(value) if isinstance(value, dict) else value


async def array_columns(connection: AsyncConnection[Any], oids: Sequence[int]) -> dict[int, Callable[[str], object]]:
    """How to read columns whose type is an array of a type of the database's own (enum, composite, extension).

    Args:
        connection: idle; asked once for every type.
        oids: of the columns.
    """
    own = [oid for oid in oids if oid >= _FIRST_OWN_OID]
    if not own:
        return {}
    types = connection.adapters.types
    unknown = [oid for oid in own if types.get(oid) is None]
    if unknown:
        found = await connection.execute(_ARRAYS.replace("$1", "%s"), [unknown])
        for array, element, name in await found.fetchall():
            TypeInfo(name, element, array).register(connection)
    transformer = Transformer(connection)
    readers: dict[int, Callable[[str], object]] = {}
    for at, oid in enumerate(oids):
        info = types.get(oid) if oid >= _FIRST_OWN_OID else None
        if info is not None and info.array_oid == oid:
            load = transformer.get_loader(oid, Format.TEXT).load
            readers[at] = lambda text, load=load: load(text.encode())  # type: ignore[misc]
    return readers


Full = Callable[[Sequence[Sequence[object]]], bool]


def streamed(
    connection: AsyncConnection[Any], query: bytes, values: Sequence[object], full: Full
) -> PQGen[list[tuple[str, int]]]:
    """Names and types of a statement's columns; its rows are handed on as they come.

    `AsyncCursor.stream` does the same but for the columns of no rows, which it forgets.

    Args:
        connection: idle; runs this with its `wait`.
        query: with ``$1`` placeholders.
        values: for them.
        full: takes rows; once it says so nothing more is read, and the connection is of no further use.
    """
    pgconn, transformer = connection.pgconn, Transformer(connection)
    parameters = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
    pgconn.send_query_params(query, parameters, param_types=transformer.types, param_formats=transformer.formats)
    if pq.version() >= _CHUNKS_SINCE:
        pgconn.set_chunked_rows_mode(_CHUNK_ROWS)
    else:
        pgconn.set_single_row_mode()
    yield from send(pgconn)
    columns: list[tuple[str, int]] = []
    problem: Exception | None = None
    while (result := (yield from fetch(pgconn))) is not None:
        if result.status not in _WITH_ROWS:
            problem = error_from_result(result, encoding="utf-8")
            continue
        if not columns:
            columns = [((result.fname(at) or b"").decode(), result.ftype(at)) for at in range(result.nfields)]
        transformer.set_pgresult(result)
        if full(transformer.load_rows(0, result.ntuples, tuple_row_of)):
            pgconn.finish()
            break
    if problem is not None:
        raise problem
    return columns


def tuple_row_of(values: Sequence[Any]) -> tuple[Any, ...]:
    """A row as psycopg hands it over.

    Args:
        values: of the row.
    """
    return tuple(values)
