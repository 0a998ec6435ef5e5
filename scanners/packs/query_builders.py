"""Query builders: Knex, Kysely and Drizzle, by the tables their calls name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.javascript import bare, key_of
from scanners.idioms.js_files import of_the_service
from scanners.idioms.sql_text import store_kind

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_KNEX = ("knex", "db", "trx", "tx", "database", "pg", "conn", "connection", "qb")
_KNEX_MAKERS = ("knex", "knex.knex", "knex.default", "knex.Knex")
_KNEX_TYPES = ("knex.Knex", "knex.Knex.Transaction", "Knex", "Knex.Transaction", "knex.knex.Knex")
_WRITES = ("insert", "update", "del", "delete", "increment", "decrement", "truncate", "upsert", "batchInsert", "merge")
_SHAPES = """select where first join leftJoin innerJoin whereIn count orderBy pluck max min sum limit returning andWhere
distinct whereNull whereRaw modify as"""
_BUILDS = (*_WRITES, *_SHAPES.split())
_TABLES = ("from", "into", "table")
_JOINS = ("join", "leftJoin", "innerJoin", "rightJoin", "fullJoin", "leftOuterJoin", "outerJoin", "fullOuterJoin")
_KYSELY = {"selectFrom": "read", "insertInto": "write", "updateTable": "write", "deleteFrom": "write"}
_KYSELY |= {"replaceInto": "write", "mergeInto": "write"}
_DRIZZLE = {"insert": "write", "update": "write", "delete": "write", "from": "read", "$count": "read"}
_DRIZZLE |= {name: "read" for name in _JOINS}
_DRIZZLE_TABLES = {"pgTable": "postgresql", "mysqlTable": "mysql", "sqliteTable": "sqlite", "singlestoreTable": "sql"}
_CHAIN = 40


class QueryBuilders:
    """Knex, Kysely and Drizzle."""

    name: str = "query_builders"
    version: int = 1
    language: tuple[str, ...] = ("typescript", "javascript")
    markers: tuple[bytes, ...] = (b"knex", b"Knex", b"kysely", b"drizzle", b"selectFrom", b"insertInto", b"trx(")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Tables and accesses.

        Args:
            parsed: a TypeScript or JavaScript file.
        """
        yield from of_the_service(parsed.path, _told(parsed))


def _told(parsed: JsCode) -> Iterator[Fact]:
    kind = store_kind(parsed.data)
    for site in parsed.calls:
        if site.method in _DRIZZLE_TABLES and len(site.args) > 1:
            yield from _table(parsed, site)
        elif site.receiver is not None and site.method in _KYSELY and site.args:
            yield from _kysely(parsed, site, kind)
        else:
            yield from _drizzle(parsed, site)
            yield from _knex(parsed, site, kind)


def _said(code: JsCode, site: CallSite, dataset: Value, about: tuple[str, str, tuple[str, ...]]) -> Fact:
    kind, mode, columns = about
    fields: dict[str, object] = {"store_kind": kind, "dataset": dataset, "mode": mode, "symbol": site.scope.name}
    return Fact("access", fields | ({"columns": columns} if columns else {}), Location(code.path, site.line))


def _table(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``export const orders = pgTable("orders", {...})``."""
    held = code.held(site)
    if held is None:
        return
    inner = bare(site.args[1])
    body = inner.child_by_field_name("body") if inner is not None and inner.type == "arrow_function" else inner
    body = bare(body)
    columns = []
    for child in body.named_children if body is not None and body.type == "object" else ():
        key = key_of(code, child) if child.type == "pair" else ""
        columns += [_column(code, child.child_by_field_name("value")) or key] if key else []
    fields = {
        "name": code.bound_name(held),
        "dataset": code.value(site.args[0], site.scope),
        "columns": tuple(columns),
        "store_kind": _DRIZZLE_TABLES[site.method],
    }
    yield Fact("model", fields, Location(code.path, site.line))


def _column(code: JsCode, node: Node | None) -> str:
    """The name given to ``varchar("customer_id", {...}).notNull()``."""
    for _ in range(_CHAIN):
        site = code.site(node) if node is not None and node.type == "call_expression" else None
        if site is None:
            return ""
        if site.receiver is None:
            return code.string(site.arg(0))
        node = site.receiver
    return ""


def _kysely(code: JsCode, site: CallSite, kind: str) -> Iterator[Fact]:
    for node in _items(site.args[0]):
        text = code.string(node)
        value = Lit(text.split(" as ", 1)[0].strip()) if text else code.value(node, site.scope)
        if not isinstance(value, Unknown) and node.type in ("string", "template_string", "identifier"):
            yield _said(code, site, value, (kind, _KYSELY[site.method], ()))
    for outer in _chain(code, site):
        text = code.string(outer.arg(0)) if outer.method in _JOINS else ""
        if text:
            yield _said(code, outer, Lit(text.split(" as ", 1)[0].strip()), (kind, "read", ()))


def _items(node: Node) -> list[Node]:
    return list(node.named_children) if node.type == "array" else [node]


def _drizzle(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``db.insert(orders)``, ``db.select().from(orders).leftJoin(lines, ...)``, ``db.query.orders.findMany()``."""
    dotted = code.dotted(site.receiver) if site.receiver is not None else ""
    if site.method in ("findMany", "findFirst") and ".query." in f".{dotted}":
        yield _model(code, site, dotted.rpartition(".")[2], "read")
        return
    mode = _DRIZZLE.get(site.method)
    if mode is None or not site.args or site.args[0].type not in ("identifier", "member_expression"):
        return
    if site.method in ("insert", "update", "delete", "$count") and not _is_database(code, dotted, site):
        return
    name = code.dotted(site.args[0])
    if name and (b"drizzle" in code.data or _imported(code, name)):
        yield _model(code, site, name, mode)


def _model(code: JsCode, site: CallSite, name: str, mode: str) -> Fact:
    fields = {"store_kind": "sql", "dataset": Name(name), "mode": mode, "symbol": site.scope.name, "only": "model"}
    return Fact("access", fields, Location(code.path, site.line))


def _is_database(code: JsCode, dotted: str, site: CallSite) -> bool:
    last = dotted.rpartition(".")[2].lower()
    return last in ("db", "tx", "trx", "database", "drizzle", "conn") or "drizzle" in code.type_of(dotted, site.scope)


def _imported(code: JsCode, name: str) -> bool:
    return name.split(".", 1)[0] in code.imports


def _knex(code: JsCode, site: CallSite, kind: str) -> Iterator[Fact]:
    if site.receiver is None:
        yield from _called(code, site, kind)
    elif site.method in _TABLES and site.args and site.args[0].type in ("string", "template_string", "identifier"):
        chained = [s.method for s in (*_inner(code, site), *_chain(code, site))]
        if _starts_at_knex(code, site):
            mode = "write" if any(m in _WRITES for m in chained) else "read"
            yield from _named(code, site, (kind, mode))


def _called(code: JsCode, site: CallSite, kind: str) -> Iterator[Fact]:
    """``knex("orders").where(...).update(...)``."""
    if not site.args or not _is_knex(code, site.dotted, site):
        return
    outer = list(_chain(code, site))
    if not outer or outer[0].method not in _BUILDS:
        return
    modes = [o for o in outer if o.method in _WRITES]
    columns = tuple(_keys(code, modes[0].arg(0))) if modes else ()
    yield from _named(code, site, (kind, "write" if modes else "read"), columns)
    for joined in outer:
        if joined.method in _JOINS and joined.args:
            yield from _named(code, joined, (kind, "read"))


def _named(code: JsCode, site: CallSite, about: tuple[str, str], columns: tuple[str, ...] = ()) -> Iterator[Fact]:
    text = code.string(site.args[0])
    value = Lit(text.split(" as ", 1)[0].split(" AS ", 1)[0].strip()) if text else code.value(site.args[0], site.scope)
    if not isinstance(value, Unknown):
        yield _said(code, site, value, (*about, columns))


def _is_knex(code: JsCode, dotted: str, site: CallSite) -> bool:
    made = code.type_of(dotted, site.scope) if dotted else ""
    if made:
        return made in (*_KNEX_MAKERS, *_KNEX_TYPES)
    if code.origin(dotted) in _KNEX_MAKERS:
        return site.args[0].type in ("string", "template_string", "identifier", "member_expression")
    last = dotted.rpartition(".")[2]
    known = last in _KNEX and site.args[0].type in ("string", "template_string", "identifier", "member_expression")
    return known and (b"nex" in code.data or last in ("knex", "trx"))


def _starts_at_knex(code: JsCode, site: CallSite) -> bool:
    for inner in _inner(code, site):
        dotted = code.dotted(inner.receiver) if inner.receiver is not None else ""
        if dotted:
            made = code.type_of(dotted, inner.scope)
            last = dotted.rpartition(".")[2]
            return made in (*_KNEX_MAKERS, *_KNEX_TYPES) or (not made and last in _KNEX and b"nex" in code.data)
    dotted = code.dotted(site.receiver)
    return code.type_of(dotted, site.scope) in (*_KNEX_MAKERS, *_KNEX_TYPES) or dotted.rpartition(".")[2] == "knex"


def _inner(code: JsCode, site: CallSite) -> Iterator[CallSite]:
    node = site.receiver
    for _ in range(_CHAIN):
        inner = code.site(node) if node is not None and node.type == "call_expression" else None
        if inner is None:
            return
        yield inner
        node = inner.receiver


def _chain(code: JsCode, site: CallSite) -> Iterator[CallSite]:
    node = site.node
    for _ in range(_CHAIN):
        member = node.parent
        call = member.parent if member is not None and member.type == "member_expression" else None
        outer = code.site(call) if call is not None and call.type == "call_expression" else None
        if outer is None or call is None:
            return
        yield outer
        node = call


def _keys(code: JsCode, node: Node | None) -> Iterator[str]:
    inner = bare(node)
    for child in inner.named_children if inner is not None and inner.type == "object" else ():
        key = code.text(child) if child.type == "shorthand_property_identifier" else key_of(code, child)
        if key.isidentifier():
            yield key


PACK = QueryBuilders()
