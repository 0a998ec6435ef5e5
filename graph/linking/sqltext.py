"""SQL text through a real SQL parser: which tables and columns a statement reads and writes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

_PLACES = re.compile(r"%\((\w+)\)s|%s|\$\d+|:(?=[A-Za-z_])(\w+)|\?|\{\}")
_DIALECTS = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite", "mssql": "tsql"}
_DEFAULT_SCHEMAS = frozenset({"public", "dbo", "main"})
_QUOTES = {"tsql": re.compile(r"\[[A-Za-z_][\w ]*\]|@[A-Za-z_]"), "mysql": re.compile("`")}
_CATALOGS = frozenset({"sys", "information_schema", "pg_catalog", "performance_schema", "mysql"})
_CATALOG_TABLES = frozenset({"dual", "sqlite_master", "sqlite_schema", "sysobjects"})
_LONGEST = 20_000
_MOST = 1_000
UNKNOWN_TABLE = "null"


@dataclass(frozen=True, slots=True, order=True)
class TableUse:
    """One table in a statement.

    Args:
        table: name without default schema, lower case.
        mode: read or write.
        columns: columns named, lower case, sorted; ``*`` for all.
    """

    table: str
    mode: str
    columns: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def table_uses(text: str, kind: str = "sql") -> tuple[TableUse, ...] | None:
    """Tables a statement touches, sorted, or None when it cannot be parsed.

    Args:
        text: SQL, placeholders of any driver allowed.
        kind: store kind, for the dialect.
    """
    if len(text) > _LONGEST:
        return None
    statements = _parsed(text, kind)
    if statements is None:
        return None
    found: dict[tuple[str, str], set[str]] = {}
    for statement in _flat(statements):
        _statement(statement, found)
    return tuple(sorted(TableUse(table, mode, tuple(sorted(cols))) for (table, mode), cols in found.items()))


def _parsed(text: str, kind: str) -> list[exp.Expr] | None:
    """The statements in the dialect of the store, else in the one whose way of quoting names the text shows."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    cleaned = _PLACES.sub(_replaced, text)
    shown = [dialect for dialect, quoted in _QUOTES.items() if quoted.search(text)]
    for dialect in dict.fromkeys([_DIALECTS.get(kind, "postgres"), *shown]):
        try:
            return [statement for statement in sqlglot.parse(cleaned, read=dialect) if statement is not None]
        except (SqlglotError, RecursionError):
            continue
    return None


def _flat(statements: Iterable[exp.Expr]) -> Iterator[exp.Expr]:
    """Statements, those inside IF included; its condition only reads."""
    from sqlglot import exp

    waiting = list(statements)
    for _ in range(_MOST):
        if not waiting:
            return
        one = waiting.pop(0)
        if isinstance(one, exp.IfBlock):
            yield from one.this.find_all(exp.Select)
            waiting[:0] = [part for part in (one.args.get("true"), one.args.get("false")) if part]
        elif isinstance(one, exp.Block):
            waiting[:0] = one.expressions
        else:
            yield one


def _catalog(table: exp.Table) -> bool:
    """Whether a table is the database's own description of itself."""
    name, schema = table.name.lower(), table.db.lower()
    return schema in _CATALOGS or (not schema and (name in _CATALOG_TABLES or name.startswith("pg_")))


def _replaced(match: re.Match[str]) -> str:
    if match.group(0).startswith(":") and match.string[max(0, match.start() - 1)] == ":":
        return match.group(0)
    return "NULL"


def _statement(statement: exp.Expr, found: dict[tuple[str, str], set[str]]) -> None:
    from sqlglot import exp

    written = _written(statement)
    names = {cte.alias.lower() for cte in statement.find_all(exp.CTE)}
    again = [t for t in _named(statement) if t is not written]
    tables = [t for t in statement.find_all(exp.Table) if _kept(t, names) and t not in again]
    target = written.name.lower() if written is not None else ""
    if written is not None and target not in names:
        columns = _written_columns(statement)
        found.setdefault((table_name(written.name, written.db), "write"), set()).update(columns)
        if isinstance(statement, exp.Insert | exp.Merge) and statement.args.get("returning") is not None:
            _reads(statement.args["returning"], [written], found)
    others = [
        t for t in tables if t is not written and not (isinstance(statement, exp.Delete) and t.name.lower() == target)
    ]
    if others and not isinstance(statement, exp.Create | exp.Drop | exp.Alter):
        _reads(statement, others, found)


def _kept(table: exp.Table, names: set[str]) -> bool:
    return bool(table.name) and table.name.lower() not in names and not _catalog(table)


def _named(statement: exp.Expr) -> list[exp.Expr]:
    """Tables that DELETE names before FROM, or without it (``DELETE orders WHERE ..``, ``DELETE o FROM orders o``)."""
    from sqlglot import exp

    return list(statement.args.get("tables") or ()) if isinstance(statement, exp.Delete) else []


def _written(statement: exp.Expr) -> exp.Table | None:
    from sqlglot import exp

    if isinstance(statement, exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.TruncateTable):
        target = statement.this if not isinstance(statement, exp.TruncateTable) else statement.expressions[0]
        target = target or next(iter(_named(statement)), None)
        return target.find(exp.Table) if isinstance(target, exp.Expr) else None
    return None


def _written_columns(statement: exp.Expr) -> set[str]:
    from sqlglot import exp

    if isinstance(statement, exp.Insert):
        schema = statement.this
        named = [c.name.lower() for c in schema.expressions] if isinstance(schema, exp.Schema) else ["*"]
        conflict = statement.args.get("conflict")
        changed = conflict.find_all(exp.EQ) if conflict is not None else ()
        return set(named) | {e.this.name.lower() for e in changed if isinstance(e.this, exp.Column)}
    if isinstance(statement, exp.Update):
        return {e.this.name.lower() for e in statement.expressions if isinstance(e, exp.EQ)}
    return {"*"} if isinstance(statement, exp.Delete | exp.TruncateTable) else set()


def _reads(part: exp.Expr, tables: list[exp.Table], found: dict[tuple[str, str], set[str]]) -> None:
    from sqlglot import exp

    aliases = {t.alias_or_name.lower(): table_name(t.name, t.db) for t in tables}
    for name in aliases.values():
        found.setdefault((name, "read"), set())
    for column in part.find_all(exp.Column):
        owner = aliases.get(column.table.lower()) if column.table else None
        for name in [owner] if owner else [] if column.table else sorted(set(aliases.values())):
            found[name, "read"].add(column.name.lower())
    if any(not isinstance(star.parent, exp.Count) for star in part.find_all(exp.Star)):
        for name in set(aliases.values()):
            found[name, "read"].add("*")


def table_name(name: str, schema: str = "") -> str:
    """A table's name as keyed: lower case, without a default schema.

    Args:
        name: bare name, or dotted with its schema.
        schema: its schema, or empty.
    """
    parts = [p.strip("\"`[]' ").lower() for p in [*schema.split("."), *name.split(".")] if p]
    if len(parts) > 1 and parts[-2] in _DEFAULT_SCHEMAS:
        parts = parts[-1:]
    return ".".join(parts[-2:])
