"""GORM and its relatives bun, go-pg and xorm: structs bound to tables, and which of them code reads and writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_shapes import struct, tags, written
from scanners.idioms.go_stores import snake, store_kind, table_of
from scanners.idioms.go_types import Member, type_parameter

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_READS = frozenset("Find First Last Take Scan Pluck Count Rows FirstOrInit FindInBatches Preload Joins".split())  # noqa: SIM905
_WRITES = frozenset(
    """Create Save Delete Update Updates UpdateColumn UpdateColumns CreateInBatches FirstOrCreate Upsert""".split()  # noqa: SIM905
)
_BOTH = ("FirstOrCreate",)
_BUN = {"NewSelect": "read", "NewInsert": "write", "NewUpdate": "write", "NewDelete": "write"}
_MODULES = ("gorm.io/", "github.com/jinzhu/gorm", "github.com/uptrace/bun", "github.com/go-pg/pg", "xorm.io/")
_CHAIN = 24
_SCALARS = (
    "string",
    "int",
    "int64",
    "int32",
    "uint",
    "bool",
    "float64",
    "[]string",
    "[]int",
    "[]int64",
    "[]uint",
    "map[]string",
    "map[]any",
    "error",
)


class Gorm:
    """Object-relational mappers of Go."""

    name: str = "go_gorm"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"gorm", b"uptrace/bun", b"go-pg/pg", b"TableName()", b"bun:", b"pg:", b"xorm")

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Models and accesses.

        Args:
            parsed: a Go file.
        """
        yield from _models(parsed)
        named: set[str] = set()
        if any(found.module.startswith(_MODULES) for found in parsed.all_imports):
            for site in parsed.calls:
                for fact in _accessed(parsed, site) if site.receiver is not None else ():
                    yield from _unsaid(parsed, fact, named)
                    yield fact


def _unsaid(code: GoCode, fact: Fact, named: set[str]) -> Iterator[Fact]:
    """The default table of a struct of another file or one without tags; its own file may say another."""
    entity = fact.get("dataset")
    name = entity.name if isinstance(entity, Name) else ""
    if name and name not in named:
        named.add(name)
        table = Lit(table_of(name.rpartition(".")[2]))
        fields = {"name": name, "dataset": table, "columns": (), "store_kind": store_kind(code), "weak": True}
        yield Fact("model", fields, fact.at)


def _models(code: GoCode) -> Iterator[Fact]:
    named = dict(_table_names(code))
    owners: dict[str, list[Member]] = {}
    for member in code.fields:
        owners.setdefault(member.owner.name, []).append(member)
    migrated = set(_migrated(code))
    for owner, members in owners.items():
        tagged = _table_tag(members)
        mapped = any(re.search(r'\b(gorm|bun|pg|xorm):"', m.tag) for m in members) or any(
            m.embedded and code.text(m.type) in ("gorm.Model", "bun.BaseModel") for m in members
        )
        if owner not in named and not tagged and not mapped and owner not in migrated:
            continue
        table = named.get(owner) or Lit(tagged or table_of(owner))
        scope = code.scope(owner)
        if scope is not None:
            fields = {
                "name": owner,
                "dataset": table,
                "columns": tuple(_columns(code, owner, members)),
                "store_kind": store_kind(code),
            }
            yield Fact("model", fields, code.at(scope.node))


def _table_names(code: GoCode) -> Iterator[tuple[str, Value]]:
    """``func (Order) TableName() string { return "orders" }``."""
    for node, scope in code.returns:
        owner, _, method = scope.name.rpartition(".")
        if method == "TableName" and owner and node.named_child_count:
            value = code.value(node.named_children[0], scope)
            if not isinstance(value, Unknown):
                yield owner, value


def _table_tag(members: list[Member]) -> str:
    """bun's ``bun:"table:orders,alias:o"`` and go-pg's ``pg:"orders"`` on an embedded or unnamed field."""
    for member in members:
        found = re.search(r'bun:"table:([\w.]+)', member.tag) or (
            re.search(r'(?:pg|sql):"(?:table:|name:)?([\w.]+)', member.tag)
            if member.name in ("tableName", "TableName")
            else None
        )
        if found:
            return found.group(1)
    return ""


def _migrated(code: GoCode) -> Iterator[str]:
    for site in code.calls:
        if site.method in ("AutoMigrate", "Sync2", "CreateTable"):
            for arg in site.args:
                yield code.made_by(arg, site.scope)


def _columns(code: GoCode, owner: str, members: list[Member]) -> Iterator[str]:
    if any(m.embedded and code.text(m.type) == "gorm.Model" for m in members):
        yield from ("id", "created_at", "updated_at", "deleted_at")
    for member in members:
        tag = tags(member.tag)
        given = tag.get("gorm", "") or tag.get("bun", "") or tag.get("pg", "")
        if (
            member.embedded
            or not member.name[:1].isupper()
            or given.startswith("-")
            or "foreignKey" in given
            or "many2many" in given
            or "rel:" in given
        ):
            continue
        made = code.types.get(f"{owner}.{member.name}", "")
        plain = made.removeprefix("[]")
        related = bool(plain) and plain[:1].isupper() and "." not in plain and struct(code, plain) is not None
        if not related and not (made.startswith("[]") and made not in ("[]byte", "[]string")):
            column = re.search(r"column:(\w+)", given)
            first = given.split(",", 1)[0] if "gorm" not in tag else ""
            yield column.group(1) if column else first if re.fullmatch(r"[a-z_]\w*", first) else snake(member.name)


def _accessed(code: GoCode, site: CallSite) -> Iterator[Fact]:
    if site.method in _BUN and _is_database(code, site):
        yield from _bun(code, site)
        return
    if site.method == "AutoMigrate" or site.method not in (_READS | _WRITES) or not _is_database(code, site):
        return
    if any(f".{start}()" in code.text(site.receiver) for start in _BUN):
        return
    mode = "write" if site.method in _WRITES else "read"
    found = list(_entities(code, site)) + list(_related(code, site))
    for entity in found:
        yield _access(code, site, entity, mode)
        if site.method in _BOTH:
            yield _access(code, site, entity, "read")


def _is_database(code: GoCode, site: CallSite) -> bool:
    """The chain starts at a ``*gorm.DB``, or at something called like one in a file that uses GORM."""
    node = bare(site.receiver)
    for _ in range(_CHAIN):
        if node is None:
            return False
        inner = code.site(node)
        if inner is None or inner.receiver is None:
            break
        node = bare(inner.receiver)
    made = code.made_by(node, site.scope) if node is not None else ""
    if made:
        return made.startswith(_MODULES)
    last = code.dotted(node).rpartition(".")[2].lower() if node is not None else ""
    return bool(re.search(r"(db|tx|orm|conn|database|query|gorm)$", last))


def _entities(code: GoCode, site: CallSite) -> Iterator[Value]:
    """What a finisher works on: ``Table("x")``, ``Model(&Order{})``, else the first argument's type."""
    named = _chained(code, site)
    if named is not None:
        yield named
        return
    if site.method in ("Preload", "Joins"):
        return
    found = _entity(code, site.args[0], site.scope) if site.args else None
    if found is not None:
        yield found


def _related(code: GoCode, site: CallSite) -> Iterator[Value]:
    """What ``Preload("Orders")`` in a chain loads besides, when this file has the struct."""
    entity = next((e.name for e in _entities(code, site) if isinstance(e, Name)), "") if site.method in _READS else ""
    node = bare(site.receiver)
    for _ in range(_CHAIN if entity else 0):
        inner = code.site(node) if node is not None else None
        if inner is None:
            return
        if inner.method in ("Preload", "Joins") and inner.args:
            made = entity
            for part in code.string(inner.args[0]).split("."):
                made = code.types.get(f"{made}.{part}", "").lstrip("[]")
                if made:
                    yield Name(written(code, made))
        node = bare(inner.receiver) if inner.receiver is not None else None


def _chained(code: GoCode, site: CallSite) -> Value | None:
    node = bare(site.receiver)
    for _ in range(_CHAIN):
        inner = code.site(node) if node is not None else None
        if inner is None:
            return None
        if inner.method == "Table" and inner.args:
            value = code.value(inner.args[0], inner.scope)
            if isinstance(value, Lit) and isinstance(value.value, str):
                return Lit(re.split(r"\s", value.value.strip())[0])
            return value
        if inner.method == "Model" and inner.args:
            return _entity(code, inner.args[0], inner.scope)
        node = bare(inner.receiver) if inner.receiver is not None else None
    return None


def _entity(code: GoCode, node: Node, scope: Scope) -> Value | None:
    made = code.made_by(node, scope).lstrip("[]*")
    if (
        not made
        or made in _SCALARS
        or made in code.factories
        or made.startswith("map")
        or (made[:1].islower() and "." not in made and code.scope(made) is None)
    ):
        return None
    text = written(code, made)
    if type_parameter(code, text, scope):
        return None
    return Name(text) if text.count(".") <= 1 and text not in ("any", "error") and len(text) > 1 else None


def _bun(code: GoCode, site: CallSite) -> Iterator[Fact]:
    """``db.NewSelect().Model(&orders).Where(...)``."""
    node: Node | None = site.node
    for _ in range(_CHAIN):
        parent = node.parent if node is not None else None
        call = parent.parent if parent is not None and parent.type == "selector_expression" else None
        found = code.site(call) if call is not None and call.type == "call_expression" else None
        if found is None:
            return
        if found.method in ("Model", "Table", "TableExpr") and found.args:
            entity = (
                _entity(code, found.args[0], found.scope)
                if found.method == "Model"
                else code.value(found.args[0], found.scope)
            )
            if entity is not None and not isinstance(entity, Unknown):
                yield _access(code, found, entity, _BUN[site.method])
            return
        node = found.node


def _access(code: GoCode, site: CallSite, entity: Value, mode: str) -> Fact:
    fields = {"store_kind": store_kind(code), "dataset": entity, "mode": mode, "symbol": site.scope.name}
    return Fact("access", fields, Location(code.path, site.line))


PACK = Gorm()
