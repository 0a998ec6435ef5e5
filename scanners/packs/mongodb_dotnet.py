"""Document databases of .NET: MongoDB.Driver collections, Marten documents, Cosmos containers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Param, Value
from scanners.idioms import cs_clients, cs_contexts
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_messages import made_type
from scanners.idioms.cs_noise import words
from scanners.idioms.cs_values import GENERIC

if TYPE_CHECKING:
    from scanners.idioms.cs_code import CsCode

_READS = words(
    """Find FindAsync FindSync Aggregate AggregateAsync CountDocuments CountDocumentsAsync AsQueryable Distinct
    DistinctAsync EstimatedDocumentCount EstimatedDocumentCountAsync Watch WatchAsync"""
)
_WRITES = words(
    """InsertOne InsertOneAsync InsertMany InsertManyAsync UpdateOne UpdateOneAsync UpdateMany UpdateManyAsync
    ReplaceOne ReplaceOneAsync DeleteOne DeleteOneAsync DeleteMany DeleteManyAsync FindOneAndUpdate
    FindOneAndUpdateAsync FindOneAndReplace FindOneAndReplaceAsync FindOneAndDelete FindOneAndDeleteAsync BulkWrite
    BulkWriteAsync"""
)
_SURE = _WRITES | words("CountDocumentsAsync CountDocuments EstimatedDocumentCountAsync")
_MARTEN = ("IDocumentSession", "IQuerySession", "IDocumentOperations", "IDocumentStore")
_MARTEN_READS = words("Query Load LoadAsync LoadManyAsync LoadMany")
_MARTEN_WRITES = words("Store Insert Update Delete DeleteWhere HardDelete DeleteObjects")
_COSMOS = {
    "CreateItemAsync": "write",
    "UpsertItemAsync": "write",
    "ReplaceItemAsync": "write",
    "DeleteItemAsync": "write",
    "PatchItemAsync": "write",
    "ReadItemAsync": "read",
    "GetItemQueryIterator": "read",
    "GetItemLinqQueryable": "read",
}


class MongodbDotnet:
    """MongoDB.Driver, Marten and Microsoft.Azure.Cosmos."""

    name: str = "mongodb_dotnet"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (
        b"MongoDB",
        b"IMongo",
        b"GetCollection",
        b"IDocumentSession",
        b"IQuerySession",
        b"GetContainer",
        b"OneAsync",
        b"ManyAsync",
    )

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Collections held by classes, reads and writes.

        Args:
            parsed: a C# file.
        """
        yield from _held(parsed)
        for site in parsed.calls:
            if site.receiver is None or cs_contexts.seeds(site.scope):
                continue
            if site.method in _READS or site.method in _WRITES:
                yield from _mongo(parsed, site)
            elif site.method in _COSMOS:
                yield from _cosmos(parsed, site)
            if site.method in _MARTEN_READS or site.method in _MARTEN_WRITES:
                yield from _marten(parsed, site)


def _held(code: CsCode) -> Iterator[Fact]:
    """Properties that are collections: ``Orders => database.GetCollection<Order>("orders")``."""
    for site in code.calls:
        if site.method != "GetCollection" or not site.args:
            continue
        name = _property(code, site)
        given = code.value(site.args[0], site.scope)
        if name and isinstance(given, Param) and given.index < GENERIC:
            fields = {"target": f"{site.scope.name}.{given.name}", "value": given, "scope": site.scope.name}
            yield Fact("binding", fields, Location(code.path, site.line))
        elif name:
            entity = cs_clients.qualified(code, given, site.scope)
            fields = {"name": name, "entity": entity, "store_kind": "mongodb", "framework": "mongodb_dotnet"}
            yield Fact("repository", {**fields, "writes": tuple(sorted(_WRITES))}, Location(code.path, site.line))


def _property(code: CsCode, site: CallSite) -> str:
    """The member of a class a collection is assigned to, or that gives it."""
    if site.scope.sort == "property":
        return site.scope.name
    assign = code.held(site)
    if assign is None:
        return ""
    target = code.bound_name(assign)
    owner, _, member = target.rpartition(".")
    return target if member in code.declared.get(owner, ()) else ""


def _mongo(code: CsCode, site: CallSite) -> Iterator[Fact]:
    mode = "write" if site.method in _WRITES else "read"
    dotted = code.dotted(site.receiver)
    made = (
        code.made_of(dotted, site.scope) if dotted else code.site(site.receiver) if site.receiver is not None else None
    )
    if made is not None and made.method == "GetCollection" and made.args:
        value = cs_clients.qualified(code, code.value(made.args[0], made.scope), made.scope)
        yield _access(code, site, (value, mode, "mongodb"))
        return
    ref = code.ref_of(dotted, site.scope) if dotted else None
    known = ref is not None and ref.short in ("IMongoCollection", "MongoCollectionBase")
    unknown = ref is None and dotted and (site.method in _SURE or (b"MongoDB" in code.data and "." in dotted))
    if known or unknown:
        fact = _access(code, site, (Name(dotted), mode, "mongodb"))
        yield Fact("access", {**fact.fields, "only": "repository"}, fact.at)


def _access(code: CsCode, site: CallSite, about: tuple[Value, str, str]) -> Fact:
    value, mode, kind = about
    fields = {"store_kind": kind, "dataset": value, "mode": mode, "symbol": site.scope.name}
    return Fact("access", fields, Location(code.path, site.line))


def _cosmos(code: CsCode, site: CallSite) -> Iterator[Fact]:
    dotted = code.dotted(site.receiver)
    made = (
        code.made_of(dotted, site.scope) if dotted else code.site(site.receiver) if site.receiver is not None else None
    )
    if made is None or made.method != "GetContainer" or not made.args:
        return
    value = cs_clients.qualified(code, code.value(made.args[-1], made.scope), made.scope)
    yield _access(code, site, (value, _COSMOS[site.method], "cosmosdb"))


def _marten(code: CsCode, site: CallSite) -> Iterator[Fact]:
    ref = code.ref_of(code.dotted(site.receiver), site.scope) if site.receiver is not None else None
    if ref is None or ref.short not in _MARTEN:
        return
    types = code.type_args(site)
    name = types[0].name if types else ""
    first = site.args[0] if site.args else None
    made = made_type(code, first, site.scope) if first is not None and not name else None
    name = name or (made.name if made is not None else "")
    if name and not _generic(code, name, site.scope):
        mode = "write" if site.method in _MARTEN_WRITES else "read"
        short = name.rpartition(".")[2].lower()
        yield _access(code, site, (Lit(f"mt_doc_{short}"), mode, "postgresql"))


def _generic(code: CsCode, name: str, scope: Scope) -> bool:
    return any(name in code.generics.get(outer.name, ()) for outer in scope.outward())


PACK = MongodbDotnet()
