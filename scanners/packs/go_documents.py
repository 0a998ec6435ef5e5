"""Document stores from Go: the MongoDB driver and mgo, Firestore and DynamoDB: collections and tables accessed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Member, Name, Param, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_messages import uses
from scanners.idioms.go_values import members

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_MONGO = ("go.mongodb.org/mongo-driver", "gopkg.in/mgo.v2", "github.com/globalsign/mgo", "github.com/qiniu/qmgo")
_FIRESTORE = ("cloud.google.com/go/firestore", "firebase.google.com/go")
_DYNAMO = ("github.com/aws/aws-sdk-go",)


def _modes(reads: str, writes: str, both: str) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = dict.fromkeys(reads.split(), ("read",))
    return table | dict.fromkeys(writes.split(), ("write",)) | dict.fromkeys(both.split(), ("read", "write"))


_MONGO_MODES = _modes(
    "Find FindOne FindId Aggregate CountDocuments EstimatedDocumentCount Distinct Watch Pipe Count One All",
    """InsertOne InsertMany UpdateOne UpdateMany UpdateByID ReplaceOne DeleteOne DeleteMany BulkWrite Insert Update
    UpdateId
    Upsert UpsertId Remove RemoveId RemoveAll UpdateAll""",
    "FindOneAndUpdate FindOneAndDelete FindOneAndReplace",
)
_FIRESTORE_MODES = _modes("Documents GetAll Get Where OrderBy Snapshots Select", "Add Set Create Update Delete", "")
_REFERRED = {"Get": "read", "Set": "write", "Create": "write", "Update": "write", "Delete": "write", "GetAll": "read"}
_DYNAMO_MODES = {
    "GetItem": "read",
    "BatchGetItem": "read",
    "Query": "read",
    "Scan": "read",
    "PutItem": "write",
    "UpdateItem": "write",
    "DeleteItem": "write",
    "BatchWriteItem": "write",
    "TransactWriteItems": "write",
}
_LIKELY = re.compile(r"(?i)(collection|coll|col|c|\w*(collection|coll|repo|store|db))$")


@dataclass(frozen=True, slots=True)
class Documents:
    """MongoDB, Firestore and DynamoDB."""

    name: str = "go_documents"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"mongo", b"mgo", b"firestore", b"firebase", b"dynamodb")

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Accesses.

        Args:
            parsed: a Go file.
        """
        if uses(parsed, *_MONGO):
            for site in parsed.calls:
                yield from _mongo(parsed, site)
        if uses(parsed, *_FIRESTORE):
            yield from _firestore(parsed)
        if b"dynamodb" in parsed.data and uses(parsed, *_DYNAMO):
            yield from _dynamo(parsed)


def _access(code: GoCode, site: CallSite, store: str, about: tuple[Value, str]) -> Fact:
    dataset, mode = about
    fields = {"store_kind": store, "dataset": dataset, "mode": mode, "symbol": site.scope.name}
    return Fact("access", fields, Location(code.path, site.line))


def _mongo(code: GoCode, site: CallSite) -> Iterator[Fact]:
    modes = _MONGO_MODES.get(site.method, ())
    dataset = _collection(code, site.receiver, site.scope) if modes and site.receiver is not None else None
    for mode in modes if dataset is not None else ():
        yield _access(code, site, "mongodb", (dataset or Lit(""), mode))


def _opened(code: GoCode, site: CallSite | None) -> Node | None:
    """The name in ``db.Collection("orders")`` and mgo's ``db.C("orders")``."""
    return site.args[0] if site is not None and site.method in ("Collection", "C") and site.args else None


def _collection(code: GoCode, node: Node, scope: Scope) -> Value | None:
    """The collection a method is called on; None when it is something else."""
    inner = bare(node)
    direct = code.site(inner) if inner is not None else None
    if direct is not None:
        opened = _opened(code, direct)
        if opened is not None:
            return code.value(opened, direct.scope)
        return _returned(code, direct)
    dotted = code.dotted(inner)
    if not dotted or dotted.partition(".")[0] in code.imports:
        return None
    for outer in scope.outward():
        for assign in code.assigned(outer, dotted):
            made = code.site(assign.value) if assign.value is not None else None
            opened = _opened(code, made)
            if opened is not None and made is not None:
                return code.value(opened, made.scope)
            if made is not None and (found := _returned(code, made)) is not None:
                return found
    return _held(code, dotted, scope)


def _returned(code: GoCode, site: CallSite) -> Value | None:
    """A helper of this file that returns a collection: ``s.orders().Find(...)``."""
    from scanners.idioms.go_handlers import local

    found = local(code, site.dotted, site.scope)
    for node, scope in code.returns if found is not None else ():
        inner = (
            bare(node.named_children[0].named_children[0])
            if scope is found and node.named_child_count and node.named_children[0].named_child_count
            else None
        )
        opened = _opened(code, code.site(inner)) if inner is not None else None
        if opened is not None:
            value = code.value(opened, scope)
            return code.value(site.arg(value.index), site.scope) if isinstance(value, Param) else value
    return None


def _held(code: GoCode, dotted: str, scope: Scope) -> Value | None:
    """A collection kept in a field: where this file opens it for that field, else the field itself."""
    made = code.type_of(dotted, scope)
    typed = (made.startswith(_MONGO) and made.endswith(".Collection")) or made.endswith((".Collection", ".C"))
    if made and not typed:
        return None
    last = dotted.rpartition(".")[2]
    for site in code.calls:
        opened = _opened(code, site)
        if opened is not None and last in (_field(code, site), _held_as(code, site)):
            value = code.value(opened, site.scope)
            if not isinstance(value, Unknown | Param | Name | Member) or site.scope is scope:
                return value
    if typed or ("." in dotted and _LIKELY.search(last)):
        return Name(dotted)
    return None


def _held_as(code: GoCode, site: CallSite) -> str:
    holder = code.held(site)
    return holder.target.rpartition(".")[2] if holder is not None else ""


def _field(code: GoCode, site: CallSite) -> str:
    parent = site.node.parent
    while parent is not None and parent.type in ("literal_element", "unary_expression"):
        parent = parent.parent
    return code.text(parent.child_by_field_name("key")) if parent is not None and parent.type == "keyed_element" else ""


def _firestore(code: GoCode) -> Iterator[Fact]:
    for site in code.calls:
        if site.receiver is None or not site.args:
            continue
        if site.method in ("Collection", "CollectionGroup"):
            dataset = _path(code, site)
            mode = _chain_mode(code, site)
            if mode:
                yield _access(code, site, "firestore", (dataset, mode))
            elif site.method == "Collection":
                yield from _through_helper(code, site, dataset)


def _path(code: GoCode, site: CallSite) -> Value:
    return code.value(site.args[0], site.scope)


def _chain_mode(code: GoCode, site: CallSite) -> str:
    node: Node | None = site.node
    for _ in range(12):
        parent = node.parent if node is not None else None
        call = parent.parent if parent is not None and parent.type == "selector_expression" else None
        found = code.site(call) if call is not None and call.type == "call_expression" else None
        if found is None:
            return ""
        modes = _FIRESTORE_MODES.get(found.method)
        if modes:
            return modes[0]
        node = found.node
    return ""


def _through_helper(code: GoCode, site: CallSite, dataset: Value) -> Iterator[Fact]:
    """A collection returned or kept, and used in functions of this file: each kind of use once a function."""
    holder = code.held(site)
    marks = (
        {holder.target.rpartition(".")[2]}
        if holder is not None
        else {site.scope.name.rpartition(".")[2], *_fields_of(code, site)}
    )
    seen: set[tuple[str, str]] = set()
    for other in code.calls:
        if other is site or other.receiver is None:
            continue
        mode = _use_mode(code, other, marks)
        if mode and (other.scope.name, mode) not in seen:
            seen.add((other.scope.name, mode))
            yield _access(code, other, "firestore", (dataset, mode))


def _fields_of(code: GoCode, site: CallSite) -> Iterator[str]:
    field = _field(code, site)
    if field:
        yield field


def _use_mode(code: GoCode, other: CallSite, marks: set[str]) -> str:
    root = _called(bare(other.receiver))
    for _ in range(12):
        inner = code.site(root) if root is not None else None
        if inner is None or inner.receiver is None:
            break
        if inner.method in marks:
            return (_FIRESTORE_MODES.get(other.method) or ("",))[0]
        root = _called(bare(inner.receiver))
    last = code.dotted(root).rpartition(".")[2] if root is not None else ""
    if last in marks:
        return (_FIRESTORE_MODES.get(other.method) or ("",))[0]
    if last in ("tx", "t", "transaction", "batch", "bulk") and other.method in _REFERRED:
        return _REFERRED[other.method] if any(m in _referred(code, other) for m in marks) else ""
    return ""


def _called(node: Node | None) -> Node | None:
    """The call in front of a field: ``h.trainings().Query``."""
    operand = node.child_by_field_name("operand") if node is not None and node.type == "selector_expression" else None
    return operand if operand is not None and operand.type == "call_expression" else node


def _referred(code: GoCode, site: CallSite) -> str:
    """What a transaction's first argument was made from, as text."""
    dotted = code.dotted(site.args[0]) if site.args else ""
    made = [code.text(a.value) for a in code.assigned(site.scope, dotted)] if dotted else []
    return " ".join([code.text(site.args[0]) if site.args else "", *made])


def _dynamo(code: GoCode) -> Iterator[Fact]:
    """``&dynamodb.PutItemInput{TableName: aws.String("orders")}``."""
    for node in code.literals:
        kind = code.annotation(node.child_by_field_name("type"))
        name = kind.rpartition(".")[2].removesuffix("Input")
        mode = _DYNAMO_MODES.get(name)
        if mode is None or "dynamodb" not in kind:
            continue
        scope = code.scope_at(node.start_byte)
        table = dict(members(code, node)).get("TableName")
        if table is None:
            continue
        inner = code.site(bare(table) or table)
        given = inner.args[0] if inner is not None and inner.method in ("String", "ToString") and inner.args else table
        value = code.value(given, scope)
        yield _access(code, CallSite(node, "", None, "", (), {}, scope), "dynamodb", (value, mode))


PACK = Documents()
