"""Alembic migrations: the tables they create, alter and drop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location
from scanners.idioms.sql_text import store_kind

if TYPE_CHECKING:
    from scanners.idioms.code import CallSite
    from scanners.idioms.python import PyCode

_OPS = {"create_table": "create", "drop_table": "drop"}
_ALTERS = ("add_column", "drop_column", "alter_column", "batch_alter_table", "rename_table")
_NAMED = ("create_unique_constraint", "create_foreign_key", "create_check_constraint", "create_primary_key")


class Alembic:
    """Alembic."""

    name: str = "alembic"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"alembic",)

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Statements about tables; only of upgrades, a downgrade is what an upgrade undoes.

        Args:
            parsed: a Python file.
        """
        for site in parsed.calls:
            known = site.method in _OPS or site.method in (*_ALTERS, *_NAMED)
            if known and site.dotted.startswith("op.") and site.args and site.scope.name != "downgrade":
                yield from _table(parsed, site)


def _table(code: PyCode, site: CallSite) -> Iterator[Fact]:
    table = code.string(site.args[0] if site.method not in _NAMED else site.arg(1, "table_name", "source_table"))
    if not table:
        return
    columns = [code.site(a) for a in site.args[1:]]
    names = [code.string(c.args[0]) for c in columns if c is not None and c.method == "Column" and c.args]
    if site.method in ("drop_column", "alter_column"):
        names = [code.string(site.arg(1, "column_name"))]
    fields = {
        "dataset": table,
        "op": _OPS.get(site.method, "alter"),
        "columns": tuple(n for n in names if n),
        "store_kind": store_kind(code.data),
    }
    yield Fact("table", fields, Location(code.path, site.line))


PACK = Alembic()
