"""SQL files: the tables that migrations and init scripts create, alter and drop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Fact, Location

if TYPE_CHECKING:
    from sqlglot import exp

_DEFINES = re.compile(
    rb"(?is)\b(create\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?(?:temp(?:orary)?\s+|unlogged\s+)?table"
    rb"|alter\s+table|drop\s+table)\b[^;]*"
)
_COMMENT = re.compile(rb"--[^\n]*|/\*.*?\*/", re.DOTALL)
_DIALECTS = (
    (
        "postgres",
        re.compile(rb"(?i)\b(serial|bigserial|timestamptz|jsonb|uuid|bytea|text\[\])\b|::|\$\$|if not exists"),
    ),
    ("mysql", re.compile(rb"(?i)engine\s*=|auto_increment|`")),
)
_STORE_KINDS = {"postgres": "postgresql", "mysql": "mysql", "": "sql"}
_MOST = 2000


@dataclass(frozen=True, slots=True)
class SqlMigrations:
    """SQL files that define tables."""

    name: str = "sql_migrations"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a SQL file.

        Args:
            path: relative to the repository.
        """
        return path.endswith(".sql")

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Statements about tables.

        Args:
            source: the file.
        """
        data = _COMMENT.sub(lambda m: b" " * 2 + b"\n" * m.group().count(b"\n"), source.data)
        dialect = _dialect(data)
        for number, match in enumerate(_DEFINES.finditer(data)):
            if number == _MOST:
                return
            line = data.count(b"\n", 0, match.start()) + 1
            yield from _statement(source, match.group().decode("utf-8", "replace"), (line, dialect))


def _dialect(data: bytes) -> str:
    mysql = _DIALECTS[1][1].search(data)
    return "mysql" if mysql else "postgres" if _DIALECTS[0][1].search(data) else ""


def _statement(source: SourceFile, text: str, about: tuple[int, str]) -> Iterator[Fact]:
    import logging

    import sqlglot
    from sqlglot.errors import SqlglotError

    line, dialect = about
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        parsed = sqlglot.parse_one(text, read=dialect or None, error_level=sqlglot.ErrorLevel.RAISE)
    except (SqlglotError, RecursionError) as error:
        message = f"this statement cannot be read: {str(error).splitlines()[0][:200]}"
        fields = {"rule": "sql/syntax", "message": message, "severity": "warning"}
        yield Fact("problem", fields, Location(source.path, line))
        return
    yield from _tables(source, parsed, (line, _STORE_KINDS[dialect]))


def _tables(source: SourceFile, parsed: exp.Expr, about: tuple[int, str]) -> Iterator[Fact]:
    from sqlglot import exp

    line, kind = about
    sorts = ((exp.Create, "create"), (exp.Alter, "alter"), (exp.Drop, "drop"))
    op = next((name for kind_of, name in sorts if isinstance(parsed, kind_of)), "")
    tables = list(parsed.find_all(exp.Table))
    if not op or not tables:
        return
    for table in tables if op == "drop" else tables[:1]:
        fields = {
            "dataset": ".".join(p for p in (table.db, table.name) if p),
            "op": op,
            "columns": tuple(_columns(parsed)),
            "store_kind": kind,
        }
        yield Fact("table", fields, Location(source.path, line))
    renamed = next(parsed.find_all(exp.AlterRename), None)
    if renamed is not None:
        new = next(renamed.find_all(exp.Table), None)
        if new is not None:
            fields = {"dataset": new.name, "op": "create", "columns": (), "store_kind": kind}
            yield Fact("table", fields, Location(source.path, line))


def _columns(parsed: exp.Expr) -> Iterator[str]:
    from sqlglot import exp

    seen: set[str] = set()
    for column in parsed.find_all(exp.ColumnDef, exp.AlterColumn, exp.RenameColumn, exp.Drop):
        if isinstance(column, exp.Drop) and column is parsed:
            continue
        names = [column.this, column.args.get("to"), *(column.args.get("tables") or ())]
        for name in names:
            text = name.name if isinstance(name, exp.Expr) else ""
            if text and text not in seen:
                seen.add(text)
                yield text


MANIFEST = SqlMigrations()
