"""Prisma: reads and writes of models through the generated client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Config, Fact, Lit, Location
from scanners.idioms.javascript import bare, key_of, option
from scanners.idioms.js_files import of_the_service
from scanners.idioms.sql_text import looks_like_sql, store_kind

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.code import CallSite
    from scanners.idioms.javascript import JsCode

_READS = "findMany findUnique findFirst findUniqueOrThrow findFirstOrThrow count aggregate groupBy findRaw aggregateRaw"
_WRITES = "create createMany createManyAndReturn update updateMany updateManyAndReturn upsert delete deleteMany"
_MODES = {name: "read" for name in _READS.split()} | {name: "write" for name in _WRITES.split()}
_SURE = ("findMany", "findUnique", "findFirst", "findUniqueOrThrow", "findFirstOrThrow", "createMany", "groupBy")
_CLIENTS = (
    "prisma",
    "tx",
    "db",
    "prismaclient",
    "prismaservice",
    "client",
    "trx",
    "database",
    "prismadb",
    "transaction",
)
_RAW = ("$queryRaw", "$executeRaw", "$queryRawUnsafe", "$executeRawUnsafe")
_RELATED = re.compile(r"\{\s*(connect|connectOrCreate|create|createMany|some|every|none|is|isNot|disconnect)\s*:")
_LOOKED_AT = 200
_GROUPS = ("where", "data", "select", "create", "update", "orderBy", "by", "distinct")


class PrismaClient:
    """The Prisma client."""

    name: str = "prisma"
    version: int = 1
    language: tuple[str, ...] = ("typescript", "javascript")
    markers: tuple[bytes, ...] = (b"risma", b"db.", b"tx.")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Accesses.

        Args:
            parsed: a TypeScript or JavaScript file.
        """
        yield from of_the_service(parsed.path, _told(parsed))


def _told(parsed: JsCode) -> Iterator[Fact]:
    for site in parsed.calls:
        mode = _MODES.get(site.method)
        if mode is not None and site.receiver is not None:
            yield from _access(parsed, site, mode)
        elif site.method in _RAW and site.args:
            yield from _raw(parsed, site)


def _access(code: JsCode, site: CallSite, mode: str) -> Iterator[Fact]:
    client, _, model = code.dotted(site.receiver).rpartition(".")
    if not client or not _is_client(code, client, site) or model in ("query", "user_metadata"):
        return
    dataset = Config(f"prisma:{model}", Lit(f"{model[:1].upper()}{model[1:]}"))
    columns = tuple(dict.fromkeys(_columns(code, site.arg(0))))
    modes = ("read", "write") if site.method == "upsert" else (mode,)
    for each in modes:
        fields: dict[str, object] = {
            "store_kind": "sql",
            "dataset": dataset,
            "mode": each,
            "symbol": site.scope.name,
        }
        yield Fact("access", fields | ({"columns": columns} if columns else {}), Location(code.path, site.line))


def _is_client(code: JsCode, client: str, site: CallSite) -> bool:
    """An object of the generated client, by its type, its class, or the usual names of it."""
    kind = code.type_of(client, site.scope).rpartition(".")[2].lower()
    if kind:
        return "prisma" in kind or kind in ("transactionclient", "omit", "$extends", "tx")
    if client == "this":
        owner = code.scope(site.scope.owner)
        return owner is not None and any("Prisma" in base for base in owner.bases)
    last = client.rpartition(".")[2].lower()
    if last in _CLIENTS or "prisma" in last:
        return b"risma" in code.data or last == "prisma" or site.method in _SURE
    return False


def _columns(code: JsCode, node: Node | None) -> Iterator[str]:
    for group in _GROUPS:
        inner = bare(option(code, node, group))
        for child in inner.named_children if inner is not None and inner.type == "object" else ():
            key = code.text(child) if child.type == "shorthand_property_identifier" else key_of(code, child)
            related = _RELATED.search(code.text(child.child_by_field_name("value"))[:_LOOKED_AT])
            if key.isidentifier() and key not in ("AND", "OR", "NOT") and key[0] != "_" and related is None:
                yield key


def _raw(code: JsCode, site: CallSite) -> Iterator[Fact]:
    value = code.value(site.args[0], site.scope)
    if looks_like_sql(value):
        kind = store_kind(code.data)
        fields = {"text": value, "symbol": site.scope.name, "store_kind": kind}
        yield Fact("sql", fields, Location(code.path, site.line))


PACK = PrismaClient()
