"""Java repositories: Spring Data interfaces, Panache, MyBatis-Plus mappers and services, with their written queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Name, Value
from scanners.idioms.code import Scope
from scanners.idioms.java_scopes import base_nodes
from scanners.idioms.java_shapes import qualified
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
        "PageableRepository",
        "JpaSpecificationExecutor", "GenericRepository", "CoroutineCrudRepository", "RedisDocumentRepository",
        "CosmosRepository", "SimpleJpaRepository", "QuerydslPredicateExecutor", "JpaRepositoryImplementation",
    )
)  # fmt: skip
_OTHERS = ("PanacheRepository", "PanacheRepositoryBase", "PanacheMongoRepository", "PanacheMongoRepositoryBase",
           "ReactivePanacheMongoRepository", "BaseMapper", "ServiceImpl", "IService", "MPJBaseMapper")  # fmt: skip
_ACTIVE = ("PanacheEntity", "PanacheEntityBase", "PanacheMongoEntity", "PanacheMongoEntityBase",
           "ReactivePanacheMongoEntity")  # fmt: skip
_WRITES = ("save", "insert", "update", "delete", "remove", "add", "upsert", "persist", "store", "create", "put", "mark")


@dataclass(frozen=True, slots=True)
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
        entity = args[1] if base == "ServiceImpl" and len(args) > 1 else args[0]
        written = code.type_text(entity)
        if len(written) > 1:
            return qualified(code, written, node.start_byte), base
    for mark in code.on.get(scope.name, ()):
        given = mark.arg("domainClass") if mark.name == "RepositoryDefinition" else None
        if given is not None:
            return code.text(given).removesuffix(".class"), "Repository"
    return None


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
        text = _query(code, mark.arg("value", "nativeQuery"), mark.scope)
        if mark.scope.parent is scope and text is not None and _kind(code, base) == "sql":
            yield Fact("sql", {"text": text, "symbol": mark.scope.name, "store_kind": "sql"}, code.at(mark.node))


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
