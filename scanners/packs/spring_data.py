"""Java repositories: Spring Data interfaces, Panache, MyBatis-Plus mappers and services, with their written queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Fact, Lit, Name, Value
from scanners.idioms.code import Scope
from scanners.idioms.java import Mark
from scanners.idioms.java_scopes import base_nodes
from scanners.idioms.java_shapes import generic, of_type, qualified
from scanners.idioms.java_web import around

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_KINDS = (
    ("mongo", "mongodb"),
    ("elasticsearch", "elasticsearch"),
    ("cassandra", "cassandra"),
    ("neo4j", "neo4j"),
    ("redis", "redis"),
    ("couchbase", "couchbase"),
    ("dynamo", "dynamodb"),
)
_SPRING = frozenset(
    (
        "Repository", "CrudRepository", "JpaRepository", "PagingAndSortingRepository", "ListCrudRepository",
        "ListPagingAndSortingRepository", "ReactiveCrudRepository", "ReactiveSortingRepository", "MongoRepository",
        "ReactiveMongoRepository", "R2dbcRepository", "ElasticsearchRepository", "ReactiveElasticsearchRepository",
        "CassandraRepository", "ReactiveCassandraRepository", "Neo4jRepository", "ReactiveNeo4jRepository",
        "KeyValueRepository", "RevisionRepository", "RxJava3CrudRepository", "CouchbaseRepository",
        "PageableRepository", "GraphRepository",
        "JpaSpecificationExecutor", "GenericRepository", "CoroutineCrudRepository", "RedisDocumentRepository",
        "CosmosRepository", "SimpleJpaRepository", "QuerydslPredicateExecutor", "JpaRepositoryImplementation",
    )
)  # fmt: skip
_OTHERS = ("PanacheRepository", "PanacheRepositoryBase", "PanacheMongoRepository", "PanacheMongoRepositoryBase",
           "ReactivePanacheMongoRepository", "BaseMapper", "ServiceImpl", "IService", "MPJBaseMapper")  # fmt: skip
_ACTIVE = ("PanacheEntity", "PanacheEntityBase", "PanacheMongoEntity", "PanacheMongoEntityBase",
           "ReactivePanacheMongoEntity")  # fmt: skip
_WRITES = ("save", "insert", "update", "delete", "remove", "add", "upsert", "persist", "store", "create", "put", "mark")


class SpringData:
    """Repositories of Spring Data and what resembles them."""

    name: str = "spring_data"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (b"Repository<", b"BaseMapper<", b"Panache", b"RepositoryDefinition", b"ServiceImpl<")

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Repositories and the queries written in them.

        Args:
            parsed: a Java file.
        """
        for scope in parsed.scopes[1:]:
            if scope.sort == "method":
                continue
            found = _entity(parsed, scope)
            if found is not None:
                yield from _repository(parsed, scope, found)


def _entity(code: JavaCode, scope: Scope) -> tuple[str, str] | None:
    """The entity a repository is for, and its base's name."""
    for node in base_nodes(scope.node):
        base = code.type_text(node).rsplit(".", 1)[-1]
        args = code.type_args(node)
        if base in _ACTIVE:
            return scope.name, base
        if not args or not _is_repository(code, base):
            continue
        entity = _chosen(code, base, args)
        written = code.type_text(entity)
        if entity is not None and not generic(written):
            return qualified(code, written, node.start_byte), base
    for mark in code.on.get(scope.name, ()):
        given = mark.arg("domainClass") if mark.name == "RepositoryDefinition" else None
        if given is not None:
            return code.text(given).removesuffix(".class"), "Repository"
    return None


def _chosen(code: JavaCode, base: str, args: list[Node]) -> Node | None:
    """The type argument that is the entity; of a base that is not known, the only one that is no identifier's type."""
    if base == "ServiceImpl" and len(args) > 1:
        return args[1]
    if base in _SPRING or base in _OTHERS:
        return args[0]
    own = [a for a in args if of_type(code, a).named]
    return own[0] if len(own) == 1 else None


def _is_repository(code: JavaCode, base: str) -> bool:
    if base in _SPRING or base in _OTHERS:
        return True
    known = code.imports.get(base)
    foreign = known is None or not known.module.startswith(("java.", "javax.", "jakarta."))
    return foreign and base.endswith("Repository")


def _repository(code: JavaCode, scope: Scope, about: tuple[str, str]) -> Iterator[Fact]:
    entity, base = about
    changing = [_plain(m.scope) for m in code.marks.get("Modifying", ()) if m.scope.parent is scope and not m.member]
    fields: dict[str, object] = {
        "name": scope.name,
        "entity": Name(entity),
        "store_kind": _kind(code, base),
        "framework": "spring_data",
    }
    if changing:
        fields["writes"] = tuple(dict.fromkeys((*_WRITES, *changing)))
    yield Fact("repository", fields, code.at(scope.node))
    for mark in code.marks.get("Query", ()):
        text = _query(code, mark.arg("value"), mark.scope)
        if mark.scope.parent is scope and text is not None and _is_sql(mark, text) and _kind(code, base) == "sql":
            yield Fact("sql", {"text": text, "symbol": mark.scope.name, "store_kind": "sql"}, code.at(mark.node))


def _is_sql(mark: Mark, text: Value) -> bool:
    first = text.parts[0] if isinstance(text, Concat) else text
    tree = isinstance(first, Lit) and str(first.value).lstrip().startswith(("{", "["))
    return not tree and not any(word in mark.full for word, _ in _KINDS)


def _plain(method: Scope) -> str:
    return method.name.split("/")[0].rsplit(".", 1)[-1]


def _query(code: JavaCode, node: Node | None, scope: Scope) -> Value | None:
    if node is None:
        return None
    value = code.value(node, around(scope))
    return None if isinstance(value, Lit) and not isinstance(value.value, str) else value


def _kind(code: JavaCode, base: str) -> str:
    text = f"{base} {code.origin(base)}".lower()
    return next((kind for word, kind in _KINDS if word in text), "sql")


PACK = SpringData()
