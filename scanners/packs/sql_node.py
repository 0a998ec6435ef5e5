"""SQL text handed to Node database drivers: pg, mysql2, sqlite, sequelize and knex raw queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location
from scanners.idioms.javascript import option
from scanners.idioms.js_files import of_the_service
from scanners.idioms.sql_text import looks_like_sql, store_kind

if TYPE_CHECKING:
    from scanners.idioms.code import CallSite
    from scanners.idioms.javascript import JsCode

_NAMES = "query execute raw run all get prepare any one oneOrNone none many exec unsafe"
_RUNS = frozenset(_NAMES.split())


class SqlNode:
    """SQL text in JavaScript."""

    name: str = "sql_node"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (
        b"SELECT ",
        b"select ",
        b"INSERT ",
        b"insert ",
        b"UPDATE ",
        b"update ",
        b"DELETE ",
        b"delete ",
    )

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Statements sent.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        yield from of_the_service(parsed.path, _told(parsed))


def _told(parsed: JsCode) -> Iterator[Fact]:
    for site in parsed.calls:
        run = site.receiver is not None and site.method in _RUNS
        tagged = site.receiver is None and site.method in ("sql", "SQL") and site.args[:1] != ()
        if site.args and (run or (tagged and site.args[0].type == "template_string")):
            yield from _statement(parsed, site)


def _statement(code: JsCode, site: CallSite) -> Iterator[Fact]:
    first = option(code, site.args[0], "text") or option(code, site.args[0], "sql") or site.args[0]
    value = code.value(first, site.scope)
    if looks_like_sql(value) or _names_sql(code, site):
        fields = {"text": value, "symbol": site.scope.name, "store_kind": store_kind(code.data)}
        yield Fact("sql", fields, Location(code.path, site.line))


def _names_sql(code: JsCode, site: CallSite) -> bool:
    dotted = code.dotted(site.args[0])
    names = {outer.qualify(dotted) for outer in site.scope.outward()} if dotted else set()
    return any(
        assign.value is not None
        and code.bound_name(assign) in names
        and looks_like_sql(code.value(assign.value, assign.scope))
        for assign in code.assigns
    )


PACK = SqlNode()
