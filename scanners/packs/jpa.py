"""Java classes that object mappers store: JPA entities, Spring Data documents, hashes and rows, MyBatis-Plus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Fact, Lit, Value
from scanners.idioms.code import Scope
from scanners.idioms.java import Mark, Member
from scanners.idioms.java_shapes import qualified, snake
from scanners.idioms.java_values import filled
from scanners.idioms.java_web import around

if TYPE_CHECKING:
    from scanners.idioms.java import JavaCode

_SPEL = re.compile(r"[#$]\{")
_TO_ONE = ("ManyToOne", "OneToOne")
_TO_MANY = ("OneToMany", "ManyToMany", "ElementCollection")
_UNSTORED = ("Transient", "Formula", "OneToMany", "ManyToMany", "ElementCollection", "ReadOnlyProperty", "Autowired",
             "Embedded", "EmbeddedId")  # fmt: skip
_STORED = re.compile(r"CascadeType\.(ALL|PERSIST|MERGE|REMOVE)|\b(ALL|PERSIST|MERGE)\b")


class Jpa:
    """Classes bound to tables, collections, indexes and keys."""

    name: str = "jpa"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (
        b"@Entity",
        b"@Document",
        b"@RedisHash",
        b"@Table",
        b"@Node",
        b"@DynamoDBTable",
        b"@TableName",
        b"@DynamoDbBean",
        b"@MongoEntity",
        b"@MappedEntity",
    )

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Models.

        Args:
            parsed: a Java file.
        """
        for scope in parsed.scopes[1:]:
            if scope.sort == "class":
                yield from _model(parsed, scope)


def _model(code: JavaCode, scope: Scope) -> Iterator[Fact]:
    marks = {m.name: m for m in code.on.get(scope.name, ())}
    bound = _bound(code, scope, marks)
    if bound is None:
        return
    kind, dataset = bound
    fields = _stored(code, scope)
    out: dict[str, object] = {
        "name": scope.name,
        "dataset": dataset,
        "columns": tuple(dict.fromkeys(_column(code, f, kind) for f in fields)),
        "store_kind": kind,
    }
    joined = list(_join_tables(code, scope, dataset))
    parts = [*_related(code, scope, _is_part), *(str(f.get("name")) for f in joined)]
    joins = [name for name in _related(code, scope, _is_eager) if name not in parts]
    if parts:
        out["parts"] = tuple(dict.fromkeys(parts))
    if joins:
        out["joins"] = tuple(dict.fromkeys(joins))
    yield Fact("model", out, code.at(scope.node))
    yield from joined


def _bound(code: JavaCode, scope: Scope, marks: dict[str, Mark]) -> tuple[str, Value] | None:
    """Kind of store and name of the dataset a class is bound to."""
    simple = scope.name.rsplit(".", 1)[-1]
    table = marks.get("Table")
    if "Entity" in marks and ".mongodb." not in marks["Entity"].full and "dev.morphia" not in marks["Entity"].full:
        if "DiscriminatorValue" in marks and table is None and scope.bases:
            return None
        entity = code.string(marks["Entity"].arg("name"))
        return "sql", _named(code, table, ("name",)) or Lit(snake(entity or simple))
    if "Entity" in marks:
        return "mongodb", _named(code, marks["Entity"], ("value",)) or Lit(simple)
    if "Document" in marks:
        return _document(code, marks["Document"], simple)
    if "RedisHash" in marks:
        given = _named(code, marks["RedisHash"], ("value",)) or Lit(_full(code, scope))
        return "redis", given if isinstance(given, Concat) else Concat((given, Lit(":{}")))
    for name, kind, args in _OTHERS:
        if name in marks:
            return kind, _named(code, marks[name], args) or Lit(simple)
    if table is not None and not table.full.startswith(("javax.", "jakarta.", "org.hibernate", "com.google")):
        kind = "cassandra" if "cassandra" in table.full else "sql"
        return kind, _named(code, table, ("value", "name")) or Lit(snake(simple) if kind == "sql" else simple.lower())
    return None


_OTHERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("TableName", "sql", ("value",)),
    ("MappedEntity", "sql", ("value",)),
    ("Node", "neo4j", ("value", "primaryLabel", "labels")),
    ("NodeEntity", "neo4j", ("value", "label")),
    ("DynamoDBTable", "dynamodb", ("tableName",)),
    ("DynamoDbBean", "dynamodb", ()),
    ("MongoEntity", "mongodb", ("collection",)),
)


def _full(code: JavaCode, scope: Scope) -> str:
    return f"{code.package}.{scope.name}" if code.package else scope.name


def _document(code: JavaCode, mark: Mark, simple: str) -> tuple[str, Value]:
    if "elasticsearch" in mark.full or "indexName" in mark.args:
        return "elasticsearch", _named(code, mark, ("indexName",)) or Lit(simple.lower())
    if "couchbase" in mark.full:
        return "couchbase", Lit(simple)
    return "mongodb", _named(code, mark, ("collection", "value")) or Lit(simple[:1].lower() + simple[1:])


def _named(code: JavaCode, mark: Mark | None, args: tuple[str, ...]) -> Value | None:
    node = mark.arg(*args) if mark is not None else None
    if node is None or mark is None:
        return None
    value = code.value(node, around(mark.scope))
    text = value.value if isinstance(value, Lit) else None
    if isinstance(text, str):
        return (filled(value) if _SPEL.search(text) else Lit(text.strip('`"[]'))) if text else None
    return value


def _stored(code: JavaCode, scope: Scope) -> list[Member]:
    own = [m for m in code.members.values() if m.scope is scope and m.type is not None]
    return [m for m in own if not m.static and not m.transient and m.mark(*_UNSTORED) is None]


def _column(code: JavaCode, member: Member, kind: str) -> str:
    mark = member.mark("Column", "JoinColumn", "Field", "TableField", "TableId", "DynamoDBAttribute", "MappedProperty")
    given = code.string(mark.arg("name", "value", "attributeName")) if mark is not None else ""
    if given:
        return given.strip('`"[]')
    if member.mark(*_TO_ONE) is not None:
        return f"{snake(member.name)}_id"
    if kind == "mongodb" and member.mark("Id", "MongoId") is not None:
        return "_id"
    return snake(member.name) if kind == "sql" else member.name


def _relation(code: JavaCode, member: Member) -> tuple[Mark, str] | None:
    """A relation's annotation and the class it leads to."""
    mark = member.mark(*_TO_ONE, *_TO_MANY)
    if mark is None or member.type is None:
        return None
    target = mark.arg("targetEntity")
    args = code.type_args(member.type)
    node = args[-1] if args else member.type
    written = code.text(target).removesuffix(".class") if target is not None else code.type_text(node)
    return mark, qualified(code, written, member.node.start_byte)


def _related(code: JavaCode, scope: Scope, wanted: _Wanted) -> list[str]:
    found = []
    for member in code.members.values():
        relation = _relation(code, member) if member.scope is scope else None
        if relation is not None and relation[0].name != "ElementCollection" and wanted(code, relation[0]):
            found.append(relation[1])
    return found


def _is_part(code: JavaCode, mark: Mark) -> bool:
    return "cascade" in mark.args and _STORED.search(code.text(mark.args["cascade"])) is not None


def _is_eager(code: JavaCode, mark: Mark) -> bool:
    fetch = code.text(mark.arg("fetch"))
    return "EAGER" in fetch or (mark.name in _TO_ONE and "LAZY" not in fetch and "mappedBy" not in mark.args)


def _join_tables(code: JavaCode, scope: Scope, dataset: Value) -> Iterator[Fact]:
    """Tables of many-to-many relations, of one-to-many ones without a column, and of collections of values."""
    for member in code.members.values():
        relation = _relation(code, member) if member.scope is scope else None
        if relation is None or relation[0].name in _TO_ONE or "mappedBy" in relation[0].args:
            continue
        given = member.mark("JoinTable", "CollectionTable")
        if given is None and relation[0].name == "OneToMany" and member.mark("JoinColumn", "JoinColumns") is not None:
            continue
        named = _named(code, given, ("name",))
        if named is None:
            first = Lit(snake(scope.name.rsplit(".", 1)[-1])) if relation[0].name == "ElementCollection" else dataset
            named = Concat((first, Lit(f"_{snake(member.name)}")))
        fields = {"name": f"{scope.name}.{member.name}", "dataset": named, "columns": (), "store_kind": "sql"}
        yield Fact("model", fields, code.at(member.node))


if TYPE_CHECKING:
    from collections.abc import Callable

    _Wanted = Callable[[JavaCode, Mark], bool]

PACK = Jpa()
