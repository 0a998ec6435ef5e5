"""SQL text handed to Python database drivers: psycopg, asyncpg, PyMySQL, sqlite3 and the like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location, Name, Param, Value
from scanners.idioms.code import CallSite
from scanners.idioms.sql_text import is_migration, looks_like_sql, store_kind

if TYPE_CHECKING:
    from scanners.idioms.python import PyCode

_RUNS = (
    "execute",
    "executemany",
    "execute_many",
    "fetch",
    "fetchrow",
    "fetchval",
    "fetch_one",
    "fetch_all",
    "fetch_val",
    "iterate",
    "execute_values",
    "execute_batch",
    "executescript",
    "query",
    "copy",
    "raw",
    "prepare",
    "stream",
)
_SURE = ("execute", "executemany", "fetch", "fetchrow", "fetchval", "fetch_one", "fetch_all", "executescript")
_DRIVER = re.compile(
    rb"(?m)^[ \t]*+(?:from|import) (?:psycopg|asyncpg|sqlite3|aiosqlite|MySQLdb|pymysql|aiomysql|pg8000|databases)"
)


class SqlText:
    """SQL text in Python."""

    name: str = "sql_text"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = tuple(r.encode() + b"(" for r in _RUNS)

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Statements sent.

        Args:
            parsed: a Python file.
        """
        if is_migration(parsed.path, parsed.data):
            return
        for site in parsed.called(*_RUNS):
            text = _statement(parsed, site)
            if text is not None:
                fields = {"text": text, "symbol": site.scope.name, "store_kind": store_kind(parsed.data)}
                yield Fact("sql", fields, Location(parsed.path, site.line))


def _statement(code: PyCode, site: CallSite) -> Value | None:
    candidates = [*site.args[:2], *(site.named[n] for n in ("query", "sql", "statement") if n in site.named)]
    for node in candidates:
        value = code.value(node, site.scope)
        if looks_like_sql(value) or (isinstance(value, Name) and _names_sql(code, site, value.name)):
            return value
    first = code.value(candidates[0], site.scope) if candidates else None
    handed = isinstance(first, Name | Param) and site.receiver is not None
    return first if handed and site.method in _SURE and _DRIVER.search(code.data) else None


def _names_sql(code: PyCode, site: CallSite, dotted: str) -> bool:
    names = {outer.qualify(dotted) for outer in site.scope.outward()}
    return any(
        assign.value is not None
        and assign.scope.qualify(assign.target) in names
        and looks_like_sql(code.value(assign.value, assign.scope))
        for assign in code.assigns
    )


PACK = SqlText()
