"""Entity Framework migrations: tables and columns created, altered, renamed and dropped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location
from scanners.idioms.code import CallSite

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_TABLES = {"CreateTable": "create", "DropTable": "drop", "RenameTable": "rename"}
_COLUMNS = {"AddColumn": 0, "DropColumn": 0, "AlterColumn": 0, "RenameColumn": 0}
_STORES = (
    (b"Npgsql", "postgresql"),
    (b"SqlServer", "mssql"),
    (b"MySql", "mysql"),
    (b"Sqlite", "sqlite"),
    (b"Oracle", "oracle"),
)


class EfMigrations:
    """Migration classes of Entity Framework Core."""

    name: str = "ef_migrations"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (b"MigrationBuilder", b"migrationBuilder")

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Tables of a migration's ``Up``.

        Args:
            parsed: a C# file.
        """
        kind = next((store for mark, store in _STORES if mark in parsed.data), "sql")
        for site in parsed.calls:
            if site.scope.name.rpartition(".")[2] != "Up" or site.receiver is None:
                continue
            op, table, columns = _statement(parsed, site)
            if op and table:
                fields = {"dataset": table, "op": op, "columns": columns, "store_kind": kind}
                yield Fact("table", fields, Location(parsed.path, site.line))


def _statement(code: CsCode, site: CallSite) -> tuple[str, str, tuple[str, ...]]:
    """What is done to which table, with the columns named."""
    if site.method in _TABLES:
        name = code.string(site.arg(0, "name"))
        op = _TABLES[site.method]
        if op == "rename":
            return op, code.string(site.arg(2, "newName")) or name, ()
        return op, name, tuple(_columns(code, site.arg(1, "columns"))) if op == "create" else ()
    if site.method in _COLUMNS:
        column = code.string(site.arg(0, "name"))
        changed = (column, code.string(site.arg(2, "newName"))) if site.method == "RenameColumn" else (column,)
        return "alter", code.string(site.arg(1, "table")), tuple(c for c in changed if c)
    return "", "", ()


def _columns(code: CsCode, node: Node | None) -> Iterator[str]:
    """Names given in ``table => new { Id = table.Column<int>(..), .. }``, or the ``name:`` a column has there."""
    body = node.child_by_field_name("body") if node is not None else None
    if body is None or body.type != "anonymous_object_creation_expression":
        return
    named = None
    for child in body.children:
        if child.type == "identifier":
            named = code.text(child)
        elif child.type == "invocation_expression" and named is not None:
            site = code.site(child)
            own = code.string(site.named.get("name")) if site is not None else ""
            yield own or named
            named = None


PACK = EfMigrations()
