"""Entity Framework: contexts and their sets, tables of entities, reads and writes through them, raw SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Member, Name, Param, Value
from scanners.idioms import cs_contexts
from scanners.idioms.code import Assign, CallSite, Scope
from scanners.idioms.cs_contexts import SetUse, is_context
from scanners.idioms.cs_scopes import base_refs
from scanners.idioms.cs_values import GENERIC

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode
    from scanners.idioms.cs_records import Declared

_SETS = ("DbSet", "IDbSet")
_TABLES = {"ToTable": 0, "ToView": 0, "ToContainer": 0, "ToCollection": 0}
_SQL = frozenset(
    {
        "FromSql",
        "FromSqlRaw",
        "FromSqlInterpolated",
        "ExecuteSql",
        "ExecuteSqlAsync",
        "ExecuteSqlRaw",
        "ExecuteSqlRawAsync",
        "ExecuteSqlInterpolated",
        "ExecuteSqlInterpolatedAsync",
        "SqlQuery",
        "SqlQueryRaw",
    }
)
_FINDS = ("Find", "FindAsync")
_INCLUDES = ("Include", "ThenInclude", "Collection", "Reference")
_LIBRARY = ("IRepositoryBase", "IReadRepositoryBase", "RepositoryBase")
_SAVES = ("SaveChanges", "SaveChangesAsync", "SaveEntitiesAsync", "CommitAsync", "Commit", "Complete", "CompleteAsync")


class EfCore:
    """Entity Framework Core and Entity Framework 6."""

    name: str = "ef_core"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (
        b"DbSet",
        b"DbContext",
        b"ntext.",
        b"db.",
        b"_ctx.",
        b"IEntityTypeConfiguration",
        b"ModelBuilder",
        b"RepositoryBase",
        b"[Table(",
    )

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Repositories, models, accesses, SQL.

        Args:
            parsed: a C# file.
        """
        yield from _repositories(parsed)
        yield from _models(parsed)
        if b"using MongoDB." in parsed.data and b"Microsoft.EntityFrameworkCore" not in parsed.data:
            return
        uses = [u for u in cs_contexts.set_uses(parsed) if not cs_contexts.seeds(u.scope)]
        found = [f for use in uses for f in _used(parsed, use)]
        found += [f for site in parsed.calls if not cs_contexts.seeds(site.scope) for f in _called(parsed, site)]
        found += _changed(parsed, uses)
        seen: set[str] = set()
        for fact in found:
            if repr(fact) not in seen:
                seen.add(repr(fact))
                yield fact


def _repositories(code: CsCode) -> Iterator[Fact]:
    for scope in code.scopes[1:]:
        if scope.sort not in ("class", "interface"):
            continue
        generic = code.generics.get(scope.name, ())
        for made in code.declared.get(scope.name, {}).values():
            if made.type is not None and made.type.short in _SETS and made.type.args:
                yield from _set(code, scope, made, generic)
        if generic and _is_generic_repository(code, scope, generic):
            fields = {"name": scope.name, "entity": Param(GENERIC, "<0>"), "store_kind": "sql", "framework": "ef_core"}
            yield Fact("repository", fields, code.at(scope.node))


def _set(code: CsCode, scope: Scope, made: Declared, generic: tuple[str, ...]) -> Iterator[Fact]:
    entity = made.type.args[0].name if made.type is not None else ""
    at = generic.index(entity) if entity in generic else -1
    value: Value = Param(GENERIC + at, f"<{at}>") if at >= 0 else Name(entity)
    fields = {"name": f"{scope.name}.{made.name}", "entity": value, "store_kind": "sql", "framework": "ef_core"}
    yield Fact("repository", fields, code.at(made.node))
    if entity not in generic and "static" not in made.modifiers and scope.sort == "class":
        model = {"name": entity, "dataset": Lit(made.name), "columns": (), "store_kind": "sql", "weak": True}
        yield Fact("model", model, code.at(made.node))


def _is_generic_repository(code: CsCode, scope: Scope, generic: tuple[str, ...]) -> bool:
    """A class or interface over an entity type that is a parameter: it holds the set, asks for it, or extends one."""
    if any(ref.short in _LIBRARY and ref.args and ref.args[0].name in generic for ref in base_refs(code, scope.node)):
        return True
    return any(
        site.method == "Set" and site.scope.owner == scope.name and any(r.name in generic for r in code.type_args(site))
        for site in code.calls
    ) or any(
        made.type is not None and made.type.short in _SETS and made.type.args and made.type.args[0].name in generic
        for made in code.declared.get(scope.name, {}).values()
    )


def _models(code: CsCode) -> Iterator[Fact]:
    for scope in code.scopes[1:]:
        for mark in code.attributes_of(scope.node):
            if mark.name == "Table" and scope.sort == "class" and mark.args:
                columns = tuple(_columns(code, scope))
                table = code.value(mark.args[0], scope)
                yield _model(scope.name, table, columns, code.at(mark.node))
    for site in code.calls:
        if (
            site.method in _TABLES
            and site.receiver is not None
            and site.args
            and site.args[0].type != "lambda_expression"
        ):
            entity = _entity(code, site)
            if entity:
                yield _model(entity, code.value(site.args[0], site.scope), (), Location(code.path, site.line))


def _model(name: str, table: Value, columns: tuple[str, ...], where: Location) -> Fact:
    return Fact("model", {"name": name, "dataset": table, "columns": columns, "store_kind": "sql"}, where)


def _columns(code: CsCode, scope: Scope) -> Iterator[str]:
    for made in code.declared.get(scope.name, {}).values():
        if made.sort == "property" and made.type is not None and made.type.item is None:
            named = next((a for a in code.attributes_of(made.node) if a.name == "Column"), None)
            yield (code.string(named.arg(0)) if named is not None else "") or made.name


def _entity(code: CsCode, site: CallSite) -> str:
    """The entity a table is given to: of the builder's type, of ``Entity<T>()``, or of ``Entity<T>(b => ..)``."""
    root = site.receiver
    for _ in range(32):
        inner = code.site(root) if root is not None and root.type == "invocation_expression" else None
        if inner is None:
            break
        if inner.method in ("OwnsMany", "OwnsOne", "UsingEntity"):
            return ""
        if inner.method == "Entity" and code.type_args(inner):
            return code.type_args(inner)[0].name
        root = inner.receiver
    dotted = code.dotted(root)
    ref = code.ref_of(dotted, site.scope) if dotted else None
    if ref is not None and ref.short == "EntityTypeBuilder" and ref.args:
        return ref.args[0].name
    return _entity_of_lambda(code, site.node)


def _entity_of_lambda(code: CsCode, node: Node) -> str:
    parent = node.parent
    while parent is not None:
        outer = code.site(parent) if parent.type == "invocation_expression" else None
        if outer is not None and outer.method in ("OwnsMany", "OwnsOne", "UsingEntity"):
            return ""
        if outer is not None and outer.method == "Entity" and code.type_args(outer):
            return code.type_args(outer)[0].name
        if outer is not None and outer.method == "Entity" and outer.args and outer.args[0].type == "typeof_expression":
            return code.dotted(outer.args[0].named_children[0])
        parent = parent.parent
    return ""


def _access(code: CsCode, dataset: Value, about: tuple[str, Scope, int], *, cascade: bool = False) -> Fact:
    mode, scope, line = about
    fields: dict[str, object] = {"store_kind": "sql", "dataset": dataset, "mode": mode, "only": "repository"}
    if cascade:
        fields["cascade"] = True
    fields["symbol"] = scope.name
    return Fact("access", fields, Location(code.path, line))


def _line(node: Node) -> int:
    return int(node.end_point[0]) + 1


def _used(code: CsCode, use: SetUse) -> Iterator[Fact]:
    methods = {c.method for c in use.calls}
    added = bool(methods & {"Add", "AddAsync", "AddRange", "AddRangeAsync", "Update", "UpdateRange", "Remove"})
    mode = "write" if use.writes else "read"
    dataset = Name(use.dotted)
    yield _access(code, dataset, (mode, use.scope, _line(use.node)), cascade=added)
    yield from _navigations(code, dataset, use.calls, use.scope)


def _navigations(code: CsCode, dataset: Value, calls: tuple[CallSite, ...], scope: Scope) -> Iterator[Fact]:
    """Other entities a query follows: ``Include(o => o.Items)``, ``Where(o => o.Buyer.Name == x)``."""
    seen: set[tuple[str, ...]] = set()
    for call in calls:
        for arg in call.args:
            if arg.type == "lambda_expression":
                for path in _paths(code, arg, include=call.method in _INCLUDES):
                    if path not in seen:
                        seen.add(path)
                        value: Value = Member(dataset, "[]")
                        for part in path:
                            value = Member(value, part)
                        yield _access(code, value, ("read", scope, call.line))


def _paths(code: CsCode, node: Node, *, include: bool) -> list[tuple[str, ...]]:
    """Member chains of a lambda's parameter; the last part of one that is no call and no include is a column."""
    param = node.child_by_field_name("parameters")
    name = code.text(param).strip("() ") if param is not None else ""
    if not name.isidentifier():
        return []
    found = []
    body = code.data[node.start_byte : node.end_byte].decode("utf-8", "replace")
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}((?:[?!]?\.[A-Z]\w*)+)(\s*\()?", body):
        parts = tuple(p.strip("?!") for p in match[1].split(".") if p.strip("?!"))
        parts = parts if include and not match[2] else parts[:-1]
        if parts:
            found.append(parts[:2])
    return found


def _called(code: CsCode, site: CallSite) -> Iterator[Fact]:
    if site.receiver is None:
        return
    if site.method in _SQL and site.args:
        given = (
            site.args[1]
            if len(site.args) > 1 and site.args[0].type == "identifier" and _is_facade(code, site)
            else site.args[0]
        )
        text = code.value(given, site.scope)
        if isinstance(text, Lit) and isinstance(text.value, str):
            text = Lit(re.sub(r"\{\d+\}", "?", text.value))
        fields = {"text": text, "symbol": site.scope.name, "store_kind": "sql"}
        yield Fact("sql", fields, Location(code.path, site.line))
        return
    dotted = code.dotted(site.receiver)
    if not dotted or not is_context(code, dotted.removeprefix("this."), site.scope):
        return
    types = code.type_args(site)
    generic = {n for outer in site.scope.outward() for n in code.generics.get(outer.name, ())}
    if site.method == "Set" and types and types[0].name not in generic:
        calls = tuple(cs_contexts.chained(code, site.node))
        mode = "write" if any(c.method in cs_contexts.WRITES for c in calls) else "read"
        yield _access(code, Name(types[0].name), (mode, site.scope, site.line), cascade=mode == "write")
        yield from _navigations(code, Name(types[0].name), calls, site.scope)
    elif site.method in _FINDS and types:
        yield _access(code, Name(types[0].name), ("read", site.scope, site.line))
    elif site.method in cs_contexts.WRITES and site.args:
        yield from _tracked(code, site, site.args[0])
    elif site.method == "Entry" and site.args:
        yield from _entry(code, site)


def _is_facade(code: CsCode, site: CallSite) -> bool:
    return code.dotted(site.args[0]).endswith("Database")


def _tracked(code: CsCode, site: CallSite, node: Node) -> Iterator[Fact]:
    """``context.Add(order)``: the entity is what the argument is."""
    made = code.site(node)
    name = made.dotted if made is not None and made.node.type == "object_creation_expression" else ""
    ref = code.ref_of(code.dotted(node), site.scope) if code.dotted(node) else None
    if ref is not None:
        name = (ref.inner.item or ref.inner).name
    if not name and code.dotted(node):
        made = code.made_of(code.dotted(node), site.scope)
        name = made.dotted if made is not None and made.receiver is None else ""
    name = name or _loaded(code, code.dotted(node), site.scope)
    if name and not any(name in code.generics.get(outer.name, ()) for outer in site.scope.outward()):
        yield _access(code, Name(name), ("write", site.scope, site.line), cascade=True)


def _entry(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``context.Entry(order).State = ..`` writes, ``.Collection(o => o.Items).LoadAsync()`` reads the navigation."""
    ref = code.ref_of(code.dotted(site.args[0]), site.scope) if code.dotted(site.args[0]) else None
    calls = tuple(cs_contexts.chained(code, site.node))
    if calls and calls[0].method in _INCLUDES:
        loaded = _loaded(code, code.dotted(site.args[0]), site.scope)
        base: Value | None = Name(loaded) if loaded else Member(Name(ref.name), "") if ref is not None else None
        if isinstance(base, Name):
            yield from _navigations(code, base, calls, site.scope)
        return
    text = (
        code.text(site.node.parent.parent)
        if site.node.parent is not None and site.node.parent.parent is not None
        else ""
    )
    if ref is not None and ("State" in text or "SetValues" in text):
        yield _access(code, Name(ref.name), ("write", site.scope, site.line))


def _loaded(code: CsCode, name: str, scope: Scope) -> str:
    """The set a local was loaded from: ``var order = await context.Orders.FindAsync(id)``."""
    for assign in code.assigned(scope, name):
        for use in cs_contexts.set_uses(code):
            if assign.value is not None and assign.value.start_byte <= use.node.start_byte < assign.value.end_byte:
                return use.dotted
    return ""


def _changed(code: CsCode, uses: list[SetUse]) -> Iterator[Fact]:
    """An entity loaded, changed and saved in one function is written."""
    saving = {s.scope.name: s for s in code.calls if s.method in _SAVES}
    for use in uses:
        if use.writes or use.scope.name not in saving:
            continue
        held = _held(code, use)
        if held is not None and _is_changed(code, held, use.scope):
            yield _access(code, Name(use.dotted), ("write", use.scope, saving[use.scope.name].line))


def _held(code: CsCode, use: SetUse) -> Assign | None:
    for assign in code.assigns:
        made = assign.value
        if made is not None and assign.scope is use.scope and made.start_byte <= use.node.start_byte < made.end_byte:
            return assign if "." not in assign.target else None
    return None


def _is_changed(code: CsCode, held: Assign, scope: Scope) -> bool:
    if any(a.scope is scope and a.target.startswith(f"{held.target}.") for a in code.assigns):
        return True
    return any(
        s.scope is scope
        and s.receiver is not None
        and code.dotted(s.receiver) == held.target
        and s.node.parent is not None
        and s.node.parent.type in ("expression_statement", "await_expression")
        for s in code.calls
    )


PACK = EfCore()
