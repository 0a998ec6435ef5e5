"""SQL text in Java: JDBC, Spring's JdbcTemplate and JdbcClient, R2DBC, JPA queries, MyBatis annotations, Jdbi."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Fact, Lit, Name, Param, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.java import Mark, items
from scanners.idioms.java_http import made_of
from scanners.idioms.java_noise import words
from scanners.idioms.java_web import around, from_package
from scanners.idioms.sql_text import looks_like_sql

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_TEMPLATES = tuple(
    words(
        """JdbcTemplate NamedParameterJdbcTemplate JdbcClient DatabaseClient JdbcOperations Jdbi Handle
        SimpleJdbcTemplate NamedParameterJdbcOperations R2dbcEntityTemplate"""
    )
)
_RUNS = words(
    """query queryForObject queryForList queryForMap queryForRowSet queryForStream queryForInt queryForLong update
    batchUpdate execute sql createQuery createUpdate select prepareBatch"""
)
_CONNECTIONS = (
    "Connection",
    "Statement",
    "PreparedStatement",
    "SqlClient",
    "PgPool",
    "Pool",
    "SqlConnection",
)
_PREPARES = words(
    "prepareStatement prepareCall executeQuery executeUpdate execute addBatch createStatement preparedQuery"
)
_JPA = ("createQuery", "createNativeQuery")
_MYBATIS = ("Select", "Insert", "Update", "Delete")
_JDBI = ("SqlQuery", "SqlUpdate", "SqlBatch")
_BOUND = re.compile(r"[#$]\{[^}]*\}")
_WORDS = re.compile(r"<(where|set)\b[^>]*>")
_TAG = re.compile(r"</?(?:script|where|set|trim|if|foreach|choose|when|otherwise|bind)\b[^>]*>")


class JavaSql:
    """SQL and JPQL written as text."""

    name: str = "java_sql"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (
        b"java.sql",
        b"Jdbc",
        b"jdbc",
        b"DatabaseClient",
        b"createQuery",
        b"createNativeQuery",
        b"ibatis",
        b"jdbi",
        b"sqlclient",
        b"r2dbc",
    )

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Statements sent.

        Args:
            parsed: a Java file.
        """
        for site in parsed.calls:
            text = _text(parsed, site)
            if text is not None:
                yield _sql(parsed, text, site.scope.name, site.node)
        for name in (*_MYBATIS, *_JDBI):
            for mark in parsed.marks.get(name, ()):
                yield from _annotated(parsed, mark)


def _sql(code: JavaCode, text: Value, symbol: str, node: Node) -> Fact:
    return Fact("sql", {"text": text, "symbol": symbol, "store_kind": "sql"}, code.at(node))


def _text(code: JavaCode, site: CallSite) -> Value | None:
    """The statement a call sends, None when it sends none."""
    if site.receiver is None or not site.args:
        return None
    if site.method in _RUNS and made_of(code, site.receiver, site.scope, _TEMPLATES):
        return _first(code, site, sure=True)
    if site.method in _PREPARES:
        sure = site.method.startswith("prepare") and made_of(code, site.receiver, site.scope, _CONNECTIONS)
        return _first(code, site, sure=sure)
    if site.method in _JPA:
        return _first(code, site, sure=made_of(code, site.receiver, site.scope, ("EntityManager", "Session")))
    return None


def _first(code: JavaCode, site: CallSite, *, sure: bool) -> Value | None:
    value = code.value(site.args[0], site.scope)
    if looks_like_sql(value) or _starts_with_sql(code, value, site.scope):
        return value
    named = isinstance(value, Name | Param) and site.args[0].type in ("identifier", "field_access")
    declared = code.type_of(code.dotted(site.args[0]), site.scope).rsplit(".", 1)[-1] if named else ""
    return value if sure and named and declared in ("", "String") else None


def _starts_with_sql(code: JavaCode, value: Value, scope: Scope) -> bool:
    """A name of this file that holds SQL, or JPQL that starts with ``from``."""
    first = value.parts[0] if isinstance(value, Concat) else value
    if isinstance(first, Lit) and isinstance(first.value, str):
        return first.value.lstrip().lower().startswith("from ")
    if not isinstance(first, Name):
        return False
    dotted = first.name.removeprefix("this.")
    held = [a for outer in scope.outward() for a in code.assigned(outer, dotted) if a.value is not None]
    if any(looks_like_sql(code.value(a.value, a.scope)) for a in held):
        return True
    member = code.members.get(dotted) or code.members.get(f"{scope.owner}.{dotted}")
    return member is not None and member.value is not None and looks_like_sql(code.value(member.value, member.scope))


def _annotated(code: JavaCode, mark: Mark) -> Iterator[Fact]:
    if mark.name in _MYBATIS and not from_package(code, mark, "org.apache.ibatis"):
        return
    node = mark.arg("value", "query")
    if node is None:
        return
    scope = around(mark.scope)
    pieces: list[Value] = []
    for item in items(node):
        pieces += [Lit(" ")] if pieces else []
        pieces.append(_plain(code.value(item, scope)))
    text = concat(pieces)
    if not isinstance(text, Unknown):
        yield _sql(code, text, mark.scope.name, mark.node)


def _plain(value: Value) -> Value:
    """A statement without MyBatis's parameters and tags."""
    if isinstance(value, Lit) and isinstance(value.value, str):
        return Lit(_TAG.sub(" ", _WORDS.sub(r" \1 ", _BOUND.sub("?", value.value))))
    if isinstance(value, Concat):
        return concat([_plain(p) for p in value.parts])
    return value


PACK = JavaSql()
