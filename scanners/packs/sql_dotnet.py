"""SQL text in C#: Dapper, ADO.NET commands, Npgsql data sources and PetaPoco."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Choice, Concat, Fact, Format, Lit, Location, Name, Param, Value
from scanners.idioms import cs_contexts
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.sql_text import looks_like_sql

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_RUNS = re.compile(r"^(Query|Execute|Fetch|ReadAll|SqlQuery)(\w*?)(Async)?$")
_COMMANDS = re.compile(r"(Sql|Npgsql|MySql|Sqlite|Oracle|SQLite|Db|Snowflake|DuckDB)Command$|^CommandDefinition$")
_CONNECTIONS = re.compile(r"(Connection|DataSource|IDatabase|Database)$")
_KINDS = (
    (b"Npgsql", "postgresql"),
    (b"MySql", "mysql"),
    (b"Sqlite", "sqlite"),
    (b"SQLite", "sqlite"),
    (b"OracleC", "oracle"),
    (b"SqlConnection", "mssql"),
    (b"SqlClient", "mssql"),
)
_EF = ("ExecuteSql", "SqlQueryRaw", "SqlQuery")
_SETTING = re.compile(r"^\s*(PRAGMA|SET|BEGIN|COMMIT|ROLLBACK|VACUUM|ANALYZE|USE|LISTEN|NOTIFY|SHOW)\b", re.IGNORECASE)
_STARTS = re.compile(
    r"^\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|EXEC|CALL|TRUNCATE|CREATE|ALTER|DROP)\b", re.IGNORECASE
)


class SqlDotnet:
    """SQL text handed to .NET's database libraries."""

    name: str = "sql_dotnet"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (b"Dapper", b"Command", b"Query", b"Execute", b"DbConnection")

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Statements.

        Args:
            parsed: a C# file.
        """
        kind = next((k for mark, k in _KINDS if mark in parsed.data), "sql")
        for site in parsed.calls:
            value = _statement(parsed, site) if not cs_contexts.seeds(site.scope) else None
            if value is not None:
                yield _fact(parsed, value, (site.scope, site.line), kind)
        for assign in parsed.assigns:
            if assign.target.rpartition(".")[2] == "CommandText" and assign.value is not None:
                value = parsed.value(assign.value, assign.scope)
                if _SETTING.match(str(value.value)) if isinstance(value, Lit) else cs_contexts.seeds(assign.scope):
                    continue
                yield _fact(parsed, value, (assign.scope, assign.line), kind)


def _fact(code: CsCode, value: Value, about: tuple[Scope, int], kind: str) -> Fact:
    scope, line = about
    return Fact("sql", {"text": value, "symbol": scope.name, "store_kind": kind}, Location(code.path, line))


def _statement(code: CsCode, site: CallSite) -> Value | None:
    if site.receiver is None:
        if not _COMMANDS.search(site.method):
            return None
        given = site.arg(0, "commandText", "cmdText")
        return _text(code, given, site.scope, sure=True)
    if site.method in ("CreateCommand", "CreateBatchCommand"):
        return _text(code, site.arg(0, "commandText"), site.scope, sure=False)
    if site.method.startswith(_EF) or not _RUNS.match(site.method) or not (site.args or site.named):
        return None
    made_by = code.made_by(site.receiver, site.scope).rpartition(".")[2]
    sure = bool(_CONNECTIONS.search(made_by)) or b"Dapper" in code.data
    return _text(code, site.arg(0, "sql", "query", "commandText"), site.scope, sure=sure)


def _text(code: CsCode, node: Node | None, scope: Scope, *, sure: bool) -> Value | None:
    if node is None or node.type in ("lambda_expression", "object_creation_expression"):
        return None
    value = code.value(node, scope)
    if looks_like_sql(value) or _named_sql(code, value, scope):
        return value
    handed = isinstance(value, Name | Param | Choice) and sure
    return value if handed and _text_typed(code, node, scope) else None


def _text_typed(code: CsCode, node: Node, scope: Scope) -> bool:
    ref = code.ref_of(code.dotted(node), scope) if code.dotted(node) else None
    return ref is None or ref.short in ("string", "String")


def _named_sql(code: CsCode, value: Value, scope: Scope) -> bool:
    """Whether a name of this file holds a statement."""
    if not isinstance(value, Name):
        return False
    owner, _, name = value.name.rpartition(".")
    made = code.declared.get(owner or scope.owner, {}).get(name)
    if made is not None and made.value is not None:
        return _begins(code.value(made.value, scope))
    for outer in scope.outward():
        for assign in code.assigned(outer, value.name):
            if assign.value is not None and _begins(code.value(assign.value, outer)):
                return True
    return False


def _begins(value: Value) -> bool:
    first = value.parts[0] if isinstance(value, Concat) and value.parts else value
    text = first.template if isinstance(first, Format) else first.value if isinstance(first, Lit) else ""
    return isinstance(text, str) and bool(_STARTS.match(text))


PACK = SqlDotnet()
