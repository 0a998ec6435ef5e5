"""TypeORM and MikroORM: entities, repositories, entity managers and query builders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.javascript import bare, key_of, option
from scanners.idioms.js_files import of_the_service
from scanners.idioms.js_naming import snake
from scanners.idioms.js_types import argument_types, base_argument

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_READS = """find findBy findOne findOneBy findOneOrFail findOneByOrFail findAndCount findAndCountBy findByIds
findOneById count countBy exist exists existsBy sum average minimum maximum findAll findTrees findDescendants
findAncestors stream findByCursor findRoots preload countDescendants"""
_WRITES = """save insert update upsert delete remove softDelete softRemove restore recover increment decrement clear
persist persistAndFlush removeAndFlush nativeInsert nativeUpdate nativeDelete insertMany upsertMany truncate
deleteOne updateOne insertOne updateMany deleteMany"""
_MODES = {name: "read" for name in _READS.split()} | {name: "write" for name in _WRITES.split()}
_REPOSITORIES = ("Repository", "TreeRepository", "MongoRepository", "EntityRepository", "SqlEntityRepository")
_GETTERS = ("getRepository", "getTreeRepository", "getMongoRepository", "getCustomRepository")
_MANAGERS = ("EntityManager", "MongoEntityManager", "SqlEntityManager", "DataSource", "QueryRunner", "Connection")
_MANAGER_NAMES = ("manager", "em", "entityManager", "transactionalEntityManager", "trx")
_BUILDS = {"insert": "write", "update": "write", "delete": "write", "softDelete": "write", "restore": "write"}
_INTO = ("from", "into", "update", "insert", "delete", "softDelete")
_COLUMNS: tuple[str, ...] = (
    "Column",
    "PrimaryColumn",
    "PrimaryGeneratedColumn",
    "CreateDateColumn",
    "UpdateDateColumn",
)
_COLUMNS += ("DeleteDateColumn", "VersionColumn", "ObjectIdColumn", "Property", "PrimaryKey", "Enum", "ViewColumn")
_JOINS = ("ManyToOne", "OneToOne")
_CHAIN = 40


class TypeOrm:
    """TypeORM and MikroORM."""

    name: str = "typeorm"
    version: int = 1
    language: tuple[str, ...] = ("typescript", "javascript")
    markers: tuple[bytes, ...] = (
        b"typeorm",
        b"mikro-orm",
        b"Repository",
        b"EntityManager",
        b"EntitySchema",
        b"manager.",
    )

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Models, repositories and accesses.

        Args:
            parsed: a TypeScript or JavaScript file.
        """
        yield from of_the_service(parsed.path, _told(parsed))


def _told(parsed: JsCode) -> Iterator[Fact]:
    for decorator in parsed.decorators:
        if decorator.name in ("Entity", "ViewEntity") and not decorator.target:
            yield _model(parsed, decorator.scope, decorator.args)
    for site in parsed.calls:
        if site.method == "EntitySchema" and site.args:
            yield from _schema(parsed, site)
    own = dict(_own_repositories(parsed))
    lines = {parsed.bound_name(a): a.line for a in parsed.assigns}
    for name, entity in own.items():
        fields = {"name": name, "entity": Name(entity), "store_kind": "sql", "framework": "typeorm"}
        scope = parsed.scope(name)
        where = parsed.at(scope.node) if scope is not None else Location(parsed.path, lines.get(name, 1))
        yield Fact("repository", fields, where)
    for site in parsed.calls:
        if site.receiver is not None:
            yield from _access(parsed, site, own)


def _model(code: JsCode, scope: Scope, args: Sequence[Node]) -> Fact:
    first = bare(args[0]) if args else None
    keys = ("name", "tableName", "collection") if args else ()
    named = next((n for key in keys if (n := option(code, args[-1], key)) is not None), None)
    if named is None and first is not None and first.type != "object":
        named = first
    table: Value = code.value(named, code.scopes[0]) if named is not None else Lit(snake(scope.name.rpartition(".")[2]))
    columns = tuple(dict.fromkeys(_columns(code, scope)))
    mongo = any(d.scope is scope and d.name == "ObjectIdColumn" for d in code.decorators)
    kind = "mongodb" if mongo or b"SerializedPrimaryKey" in code.data else "sql"
    fields = {"name": scope.name, "dataset": table, "columns": columns, "store_kind": kind}
    return Fact("model", fields, code.at(scope.node))


def _columns(code: JsCode, scope: Scope) -> Iterator[str]:
    joined = {d.target: d for d in code.decorators if d.scope is scope and d.name == "JoinColumn"}
    for decorator in code.decorators:
        if decorator.scope is not scope or not decorator.target:
            continue
        options = decorator.args[-1] if decorator.args else None
        given = code.string(option(code, options, "name") or option(code, options, "fieldName"))
        if decorator.name in _COLUMNS:
            yield given or decorator.target
        elif decorator.name in _JOINS and decorator.target in joined:
            listed = joined[decorator.target].args
            yield (code.string(option(code, listed[0], "name")) if listed else "") or f"{decorator.target}Id"


def _schema(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``new EntitySchema({name, tableName, columns})``."""
    options = site.args[0]
    name = code.string(option(code, options, "name")) or code.dotted(option(code, options, "target"))
    held = code.held(site)
    table = option(code, options, "tableName")
    columns = bare(option(code, options, "columns") or option(code, options, "properties"))
    keys = tuple(key_of(code, c) for c in columns.named_children if c.type == "pair") if columns is not None else ()
    if name and held is not None:
        value = code.value(table, site.scope) if table is not None else Lit(snake(name))
        fields = {"name": code.bound_name(held), "dataset": value, "columns": keys, "store_kind": "sql"}
        yield Fact("model", fields, Location(code.path, site.line))


def _own_repositories(code: JsCode) -> Iterator[tuple[str, str]]:
    """``class Orders extends Repository<Order>``, ``@EntityRepository(Order)``, ``source.getRepository(Order)``."""
    for decorator in code.decorators:
        if decorator.name == "EntityRepository" and decorator.args and code.dotted(decorator.args[0]):
            yield decorator.scope.name, code.dotted(decorator.args[0])
    for scope in code.scopes[1:]:
        if scope.sort == "class" and scope.bases and scope.bases[0].endswith(("Repository", "Dao")):
            entity = base_argument(code, scope.node)
            if entity:
                yield scope.name, entity
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None and not assign.key else None
        inner = code.site(site.receiver) if site is not None and site.method == "extend" and site.receiver else site
        kept = not assign.scope.name or assign.target.startswith("this.")
        if kept and inner is not None and inner.method in _GETTERS and inner.args and code.dotted(inner.args[0]):
            yield code.bound_name(assign), code.dotted(inner.args[0])


def _access(code: JsCode, site: CallSite, own: dict[str, str]) -> Iterator[Fact]:
    if site.method == "createQueryBuilder":
        yield from _built(code, site, own)
        return
    mode = _MODES.get(site.method)
    if mode is None or site.receiver is None:
        return
    entity = _entity(code, site.receiver, site.scope, own)
    columns = _keys(code, site.arg(0))
    if not entity and site.args and _is_manager(code, site):
        first = site.args[0]
        named = code.dotted(first)
        entity = named if named[:1].isupper() else _type_of(code, first, site.scope)
        columns = _keys(code, site.arg(1))
    if entity:
        yield _said(code, site, (entity, mode, columns))


def _said(code: JsCode, site: CallSite, about: tuple[str, str, tuple[str, ...]]) -> Fact:
    entity, mode, columns = about
    fields: dict[str, object] = {"store_kind": "sql", "dataset": Name(entity), "mode": mode, "symbol": site.scope.name}
    fields |= {"only": "model"} | ({"columns": columns} if columns else {})
    return Fact("access", fields, Location(code.path, site.line))


def _keys(code: JsCode, node: Node | None) -> tuple[str, ...]:
    inner = bare(option(code, node, "where")) or bare(node)
    if inner is None or inner.type != "object":
        return ()
    listed = (
        code.text(c) if c.type == "shorthand_property_identifier" else key_of(code, c) for c in inner.named_children
    )
    ignored = ("where", "relations", "order", "take", "skip", "select", "cache", "lock", "withDeleted", "transaction")
    return tuple(k for k in listed if k.isidentifier() and k not in ignored)


def _entity(code: JsCode, node: Node, scope: Scope, own: dict[str, str]) -> str:
    """The entity class whose repository an expression is, empty for anything else."""
    dotted = code.dotted(node)
    if dotted == "this":
        return own.get(scope.owner, "")
    made = code.site(node) or (code.made_of(dotted, scope) if dotted else None)
    if made is not None and made.method in _GETTERS and made.args:
        named = code.dotted(made.args[0])
        return named if named[:1].isupper() else ""
    if not dotted:
        return ""
    kind = code.type_of(dotted, scope).rpartition(".")[2]
    if kind in _REPOSITORIES:
        of = argument_types(code, dotted, scope)
        return of[0].split("<", 1)[0] if of else _injected(code, dotted, scope)
    return _injected(code, dotted, scope) if not kind else ""


def _injected(code: JsCode, dotted: str, scope: Scope) -> str:
    """``@InjectRepository(Order) private orders``, in plain JavaScript or without type arguments."""
    target = scope.qualify(dotted)
    for decorator in code.decorators:
        same = decorator.name == "InjectRepository" and f"{decorator.scope.owner}.{decorator.target}" == target
        if same and decorator.args:
            return code.dotted(decorator.args[0])
    return ""


def _is_manager(code: JsCode, site: CallSite) -> bool:
    dotted = code.dotted(site.receiver)
    kind = code.type_of(dotted, site.scope).rpartition(".")[2] if dotted else ""
    return kind in _MANAGERS or (not kind and dotted.rpartition(".")[2] in _MANAGER_NAMES)


def _type_of(code: JsCode, node: Node, scope: Scope) -> str:
    made = code.site(node)
    if made is not None and made.node.type == "new_expression":
        return made.dotted
    dotted = code.dotted(node)
    return code.written(code.type_of(dotted, scope)) if dotted else ""


def _built(code: JsCode, site: CallSite, own: dict[str, str]) -> Iterator[Fact]:
    """A query builder: what it starts from and what its chain names."""
    entity = _entity(code, site.receiver, site.scope, own) if site.receiver is not None else ""
    first = code.dotted(site.args[0]) if site.args else ""
    entity = entity or (first if first[:1].isupper() else "")
    mode = "read"
    for outer in _chain(code, site):
        mode = _BUILDS.get(outer.method, mode)
        named = code.dotted(outer.args[0]) if outer.args and outer.method in _INTO else ""
        entity = entity or (named if named[:1].isupper() else "")
        if outer.method.endswith(("Join", "JoinAndSelect")) and outer.args and code.dotted(outer.args[0])[:1].isupper():
            yield _said(code, outer, (code.dotted(outer.args[0]), "read", ()))
    if entity:
        yield _said(code, site, (entity, mode, ()))


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


PACK = TypeOrm()
