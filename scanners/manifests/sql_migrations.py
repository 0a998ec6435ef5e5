"""SQL files: the tables, views and routines that migrations and init scripts create, alter and drop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms.sql_scripts import forward, made, uncommented

if TYPE_CHECKING:
    from sqlglot import exp

_DEFINES = re.compile(
    rb"(?is)\b(create\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?(?:temp(?:orary)?\s+|unlogged\s+)?table"
    rb"|alter\s+table|drop\s+table)\b[^;]*"
)
_UNDOES = re.compile(r"\.down\.sql$|(^|/)U\d[^/]*__[^/]*\.sql$|(^|/)(down|rollback|undo)(\.sql$|/)|[._-]rollback\.sql$")
_DIALECTS = (
    (
        "postgres",
        re.compile(rb"(?i)\b(serial|bigserial|timestamptz|jsonb|uuid|bytea|text\[\])\b|::|\$\$|if not exists"),
    ),
    ("mysql", re.compile(rb"(?i)engine\s*=|auto_increment|`")),
    (
        "tsql",
        re.compile(
            rb"(?im)\[\w+\]\.\[|\bnvarchar\b|\bidentity\s*\(|\bdatetime2\b|\buniqueidentifier\b"
            rb"|^[ \t]*+go[ \t\r]*+$"
        ),
    ),
)
_BATCH = re.compile(rb"(?im)^[ \t]*go[ \t]*\r?$")
_STORE_KINDS = {"postgres": "postgresql", "mysql": "mysql", "tsql": "mssql", "": "sql"}
_MOST = 2000


class SqlMigrations:
    """SQL files that define tables."""

    name: str = "sql_migrations"
    version: int = 2

    def matches(self, path: str) -> bool:
        """Whether a path is a SQL file; migrations that go down undo what others say.

        Args:
            path: relative to the repository.
        """
        return path.endswith(".sql") and not _UNDOES.search(path)

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Statements about tables.

        Args:
            source: the file.
        """
        data = uncommented(forward(source.data))
        dialect = _dialect(data)
        data = _BATCH.sub(b";", data) if dialect == "tsql" else data
        for number, match in enumerate(_DEFINES.finditer(data)):
            if number == _MOST:
                return
            line = data.count(b"\n", 0, match.start()) + 1
            yield from _statement(source, match.group().decode("utf-8", "replace"), (line, dialect))
        for found in made(data.decode("utf-8", "replace")):
            fields = {
                "dataset": found.name,
                "op": "create",
                "columns": (),
                "store_kind": _STORE_KINDS[dialect],
                "sort": found.sort,
                "reads": found.reads,
                "writes": found.writes,
                "definition": found.definition,
            }
            yield Fact("table", fields, Location(source.path, found.line))


def _dialect(data: bytes) -> str:
    ranked = (_DIALECTS[2], _DIALECTS[1], _DIALECTS[0])
    return next((name for name, pattern in ranked if pattern.search(data)), "")


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
        fields: dict[str, object] = {
            "dataset": ".".join(p for p in (table.db, table.name) if p),
            "op": op,
            "columns": tuple(_columns(parsed)),
            "store_kind": kind,
        }
        gone = tuple(_dropped(parsed))
        yield Fact("table", fields | ({"dropped": gone} if gone else {}), Location(source.path, line))
    renamed = next(parsed.find_all(exp.AlterRename), None)
    if renamed is not None:
        new = next(renamed.find_all(exp.Table), None)
        if new is not None:
            made_now = {"dataset": new.name, "op": "create", "columns": (), "store_kind": kind}
            yield Fact("table", made_now, Location(source.path, line))


def _dropped(parsed: exp.Expr) -> Iterator[str]:
    """Columns an ALTER takes away or renames."""
    from sqlglot import exp

    for action in parsed.find_all(exp.Drop, exp.RenameColumn):
        if action is not parsed:
            names = [action.this, *(action.args.get("tables") or ())]
            yield from (n.name for n in names if isinstance(n, exp.Expr) and n.name)


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
