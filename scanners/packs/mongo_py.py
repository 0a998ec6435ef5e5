"""MongoDB from Python: collections of pymongo, motor and Flask-PyMongo, read and written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Value
from scanners.idioms.code import MAX_DEPTH, SELVES, Assign, CallSite, Scope
from scanners.idioms.python_values import is_local, named_value

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_READS = "find find_one find_raw_batches count_documents estimated_document_count distinct aggregate watch count"
_WRITES = """insert_one insert_many update_one update_many replace_one delete_one delete_many bulk_write insert update
remove save drop rename"""
_BOTH = "find_one_and_update find_one_and_delete find_one_and_replace find_and_modify"
_SORTS = ((_READS, ("read",)), (_WRITES, ("write",)), (_BOTH, ("read", "write")))
_MODES = {name: modes for names, modes in _SORTS for name in names.split()}
_SURE = frozenset(name for name in _MODES if "_" in name)
_CLIENTS = ("MongoClient", "AsyncMongoClient", "AsyncIOMotorClient", "MotorClient", "PyMongo", "AgnosticClient")
_DATABASES = ("Database", "AsyncDatabase", "AsyncIOMotorDatabase", "MotorDatabase", "AgnosticDatabase")
_COLLECTIONS = ("Collection", "AsyncCollection", "AsyncIOMotorCollection", "MotorCollection", "AgnosticCollection")
_GIVES = ("get_database", "get_default_database")
_OTHERS = ("sqlalchemy", "redis", "requests", "httpx", "re.", "pandas", "django", "bs4", "peewee", "tinydb", "lxml")


class MongoPy:
    """MongoDB drivers."""

    name: str = "mongo_py"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"mongo", b"motor", b"Mongo", b"_one(", b"_many(", b".find(", b"aggregate(")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Accesses.

        Args:
            parsed: a Python file.
        """
        for site in parsed.called(*_MODES):
            if site.receiver is None or not _plausible(parsed, site):
                continue
            dataset = _collection(parsed, site.receiver, site.scope, 0)
            guessed = isinstance(dataset, Name) and dataset.name.split(".", 1)[0] in parsed.imports
            if dataset is None or (guessed and site.method not in _SURE):
                continue
            for mode in _MODES[site.method]:
                yield _access(parsed, site, dataset, mode)


def _access(code: PyCode, site: CallSite, dataset: Value, mode: str) -> Fact:
    fields: dict[str, object] = {"store_kind": "mongodb", "dataset": dataset, "mode": mode, "symbol": site.scope.name}
    columns = _columns(code, site)
    if columns:
        fields["columns"] = columns
    return Fact("access", fields, Location(code.path, site.line))


def _plausible(code: PyCode, site: CallSite) -> bool:
    """Whether a call may be the driver's: its method says so, or what the file imports."""
    if site.method in _SURE:
        return True
    if b"mongo" not in code.data.lower() and b"motor" not in code.data:
        return False
    made_by = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    return not made_by.startswith(_OTHERS)


def _columns(code: PyCode, site: CallSite) -> tuple[str, ...]:
    first = site.arg(0, "filter", "document")
    if first is None or first.type != "dictionary":
        return ()
    keys = [code.string(p.child_by_field_name("key")) for p in first.named_children if p.type == "pair"]
    return tuple(k for k in keys if k and not k.startswith("$"))


def _collection(code: PyCode, node: Node, scope: Scope, depth: int) -> Value | None:
    """The collection an expression is; None when it is nothing of MongoDB."""
    if depth > MAX_DEPTH // 10:
        return None
    site = code.site(node)
    if site is not None:
        return _called(code, site, depth)
    if node.type == "subscript":
        base, key = node.child_by_field_name("value"), node.child_by_field_name("subscript")
        if base is None or key is None or key.type in ("integer", "slice"):
            return None
        return code.value(key, scope) if _is_database(code, base, scope, depth) else None
    if node.type == "attribute":
        return _attribute(code, node, scope, depth)
    return _named(code, code.text(node), scope, depth) if node.type == "identifier" else None


def _called(code: PyCode, site: CallSite, depth: int) -> Value | None:
    """``db.get_collection("orders")``, ``Collection(db, "orders")``, or a function of ours that gives one."""
    if site.method in ("get_collection", "get_async_collection", "with_options") and site.receiver is not None:
        if site.method == "with_options":
            return _collection(code, site.receiver, site.scope, depth + 1)
        return code.value(_collection_name(code, site), site.scope) if site.args else None
    if site.method in _COLLECTIONS and len(site.args) > 1:
        return code.value(site.args[1], site.scope)
    made = code.scope(_own(site))
    for node, where in code.returns if made is not None else ():
        if where is made and node.named_child_count:
            found = _collection(code, node.named_children[0], where, depth + 1)
            return found if found is None or not is_local(found, where) else Name(f"{where.name}.{_text(found)}")
    return None


def _collection_name(code: PyCode, site: CallSite) -> Node:
    """The name given; a helper that is asked for a database, too, is given the collection last."""
    plain = len(site.args) < 2 or (site.receiver is not None and _is_database(code, site.receiver, site.scope, 0))
    return site.args[0] if plain else site.args[1]


def _own(site: CallSite) -> str:
    return f"{site.scope.owner}.{site.dotted[5:]}" if site.dotted.startswith("self.") else site.dotted


def _text(value: Value) -> str:
    return value.name if isinstance(value, Name) else ""


def _attribute(code: PyCode, node: Node, scope: Scope, depth: int) -> Value | None:
    """``db.orders``, ``client.shop.orders``, ``self.orders`` that was given a collection."""
    owner = node.child_by_field_name("object")
    name = code.text(node.child_by_field_name("attribute"))
    if owner is not None and _is_database(code, owner, scope, depth):
        return Lit(name)
    dotted = code.dotted(node)
    return _named(code, dotted, scope, depth) if dotted else None


def _named(code: PyCode, dotted: str, scope: Scope, depth: int) -> Value | None:
    """A name or attribute of this file that holds a collection; one of another file is told by its name."""
    held = _held(code, dotted, scope)
    for assign in held:
        if assign.value is None:
            continue
        found = _collection(code, assign.value, assign.scope, depth + 1)
        if found is not None:
            return found if not is_local(found, assign.scope) or assign.scope is scope else Name(dotted)
    declared = code.type_of(dotted, scope).rsplit(".", 1)[-1]
    last = dotted.rsplit(".", 1)[-1].lower()
    if declared in _COLLECTIONS or last.endswith(("collection", "_col", "coll")):
        return named_value(dotted, scope)
    imported = dotted.split(".", 1)[0] in code.imports and not held
    return Name(dotted) if imported and last.endswith(("s", "collection")) and b"ongo" in code.data else None


def _held(code: PyCode, dotted: str, scope: Scope) -> list[Assign]:
    names = {outer.qualify(dotted) for outer in scope.outward()}
    head = dotted.split(".", 1)[0]
    if head in SELVES:
        return [a for a in code.assigns if a.scope.qualify(a.target) in names]
    return [a for outer in scope.outward() for a in code.assigned(outer, dotted)]


def _is_database(code: PyCode, node: Node, scope: Scope, depth: int) -> bool:
    """Whether an expression is a database: made by a client, declared as one, or called ``db`` as everywhere."""
    if depth > MAX_DEPTH // 10:
        return False
    site = code.site(node)
    if site is not None:
        return site.method in (*_GIVES, *_DATABASES) or (
            site.method.lower().endswith(("db", "database")) and not site.args
        )
    if node.type in ("subscript", "attribute"):
        base = node.child_by_field_name("value" if node.type == "subscript" else "object")
        if base is not None and _is_client(code, base, scope):
            return True
    dotted = code.dotted(node)
    if not dotted:
        return False
    made_by = code.type_of(dotted, scope)
    if made_by.rsplit(".", 1)[-1] in (*_GIVES, *_DATABASES):
        return True
    for assign in _held(code, dotted, scope):
        if (
            assign.value is not None
            and assign.value.id != node.id
            and _is_database(code, assign.value, assign.scope, depth + 1)
        ):
            return True
    last = dotted.rsplit(".", 1)[-1].lower().lstrip("_")
    return last in ("db", "database", "mongo_db", "mongodb", "mongo") and not made_by.startswith(_OTHERS)


def _is_client(code: PyCode, node: Node, scope: Scope) -> bool:
    made_by = code.made_by(node, scope).rsplit(".", 1)[-1]
    if made_by in _CLIENTS:
        return True
    last = code.dotted(node).rsplit(".", 1)[-1].lower()
    return not made_by and last in ("client", "mongo_client", "mongo", "_client", "motor_client", "mongoclient")


PACK = MongoPy()
