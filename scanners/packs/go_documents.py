"""Document stores from Go: the MongoDB driver and mgo, Firestore and DynamoDB: collections and tables accessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Member, Name, Param, Unknown, Value
from scanners.idioms.code import Assign, CallSite, Scope
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
_REFERRED = {
    "Documents": "read",
    "Get": "read",
    "Set": "write",
    "Create": "write",
    "Update": "write",
    "Delete": "write",
    "GetAll": "read",
}
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
_ROUNDS = 4
_CHAIN = 12
_LIKELY = re.compile(r"(?i)(collection|coll|col|c|\w*(collection|coll|repo|store|db))$")


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
        for assign in _nearest(code.assigned(outer, dotted), node.start_byte):
            made = code.site(assign.value) if assign.value is not None else None
            opened = _opened(code, made)
            if opened is not None and made is not None:
                return code.value(opened, made.scope)
            if made is not None and (found := _returned(code, made)) is not None:
                return found
    return _held(code, dotted, scope)


def _nearest(assigned: Iterable[Assign], before: int) -> list[Assign]:
    """The assignment that holds at a place first: ``c = db.C("cards")`` after ``c := db.C("addresses")``."""
    valued = [a for a in assigned if a.value is not None]
    return sorted(valued, key=lambda a: (a.value.start_byte > before, -a.value.start_byte) if a.value else (True, 0))


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
        for outer in scope.outward():
            if dotted in outer.params and dotted not in outer.bound:
                return Param(outer.params.index(dotted), dotted) if outer is scope else Name(dotted)
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
    references = _References(code)
    for site in code.calls:
        if site.receiver is None or (not site.args and site.method not in _FIRESTORE_MODES):
            continue
        modes = _FIRESTORE_MODES.get(site.method, ())
        dataset = references.of(site.receiver) if modes else None
        mode = modes[0] if modes else ""
        if dataset is None and site.method in _REFERRED and references.transaction(site):
            given = [a for a in site.args if "ontext" not in code.made_by(a, site.scope) and code.text(a) != "ctx"]
            dataset, mode = (references.of(given[0]) if given else None), _REFERRED[site.method]
        if dataset is not None and site.method not in ("Where", "OrderBy", "Select"):
            yield _access(code, site, "firestore", (dataset, mode))


class _References:
    """Functions and variables of a file that hold a reference to a Firestore collection or document.

    Args:
        code: the file.
    """

    def __init__(self, code: GoCode) -> None:
        self._code = code
        self._known: dict[str, Value] = {}
        for _ in range(_ROUNDS):
            before = len(self._known)
            for node, scope in code.returns:
                self._learn(scope.name.rpartition(".")[2], _first(node))
            for assign in code.assigns:
                if not assign.key and assign.value is not None:
                    self._learn(assign.target.rpartition(".")[2], assign.value)
            if len(self._known) == before:
                break

    def _learn(self, name: str, node: Node | None) -> None:
        if name in self._known or node is None:
            return
        found = self.of(node)
        site = self._code.site(node) if found is None else None
        if site is not None and site.method == "Get" and site.args and self.transaction(site):
            found = self.of(site.args[-1])
        if found is not None:
            self._known[name] = found

    def of(self, node: Node | None) -> Value | None:
        """The collection an expression refers to, None when it refers to none.

        Args:
            node: expression.
        """
        code = self._code
        for _ in range(_CHAIN):
            node = bare(node)
            if node is None:
                return None
            site = code.site(node)
            if site is not None and site.method in ("Collection", "CollectionGroup") and site.args:
                return code.value(site.args[0], site.scope)
            if site is not None and site.method in self._known:
                return self._known[site.method]
            dotted = code.dotted(node) if site is None else ""
            if dotted:
                parts = dotted.split(".")
                return next((self._known[p] for p in reversed(parts) if p in self._known), None)
            node = site.receiver if site is not None else node.child_by_field_name("operand")
        return None

    def transaction(self, site: CallSite) -> bool:
        """Whether a method is called on a transaction or a batch.

        Args:
            site: a call.
        """
        made = self._code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
        if made:
            return made.startswith(_FIRESTORE) and made.endswith(("Transaction", "WriteBatch", "BulkWriter", ".Batch"))
        last = self._code.dotted(site.receiver).rpartition(".")[2].lower()
        return last in ("tx", "t", "transaction", "batch", "bulk", "writer")


def _first(node: Node) -> Node | None:
    listed = node.named_children[0] if node.named_child_count else None
    return listed.named_children[0] if listed is not None and listed.named_child_count else listed


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
