"""MongoDB from Node: the driver's collections and mongoose models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Value
from scanners.idioms.code import CallSite
from scanners.idioms.javascript import key_of

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_READS = "find findOne findById distinct countDocuments estimatedDocumentCount count aggregate exists watch"
_WRITES = "insertOne insertMany updateOne updateMany replaceOne deleteOne deleteMany bulkWrite create save insert"
_BOTH = "findOneAndUpdate findOneAndDelete findOneAndReplace findByIdAndUpdate findByIdAndDelete"
_SORTS = ((_READS, ("read",)), (_WRITES, ("write",)), (_BOTH, ("read", "write")))
_MODES = {name: modes for names, modes in _SORTS for name in names.split()}


@dataclass(frozen=True, slots=True)
class MongoDb:
    """MongoDB in JavaScript."""

    name: str = "mongodb"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"mongo", b"Mongo", b".collection(")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Models and accesses.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        for site in parsed.calls:
            if parsed.callee(site) in ("mongoose.model", "mongoose.models.model", "model") and len(site.args) > 1:
                yield _model(parsed, site)
            modes = _MODES.get(site.method)
            dataset = _dataset(parsed, site) if modes else None
            for mode in modes or () if dataset is not None else ():
                fields: dict[str, object] = {
                    "store_kind": "mongodb",
                    "dataset": dataset,
                    "mode": mode,
                    "symbol": site.scope.name,
                }
                columns = _columns(parsed, site)
                if columns:
                    fields["columns"] = columns
                yield Fact("access", fields, Location(parsed.path, site.line))


def _dataset(code: JsCode, site: CallSite) -> Value | None:
    """The collection or model a method is called on; None when it is something else."""
    if site.receiver is None:
        return None
    made = _collection(code, site.receiver, site)
    if made is not None:
        return code.value(made.args[0], made.scope)
    dotted = code.dotted(site.receiver)
    made_by = code.type_of(dotted, site.scope) if dotted else ""
    head = dotted.split(".", 1)[0]
    imported = head in code.imports and code.imports[head].module.startswith(".")
    if made_by in ("mongoose.model", "model") or (imported and dotted[:1].isupper() and "." not in dotted):
        return Name(dotted)
    return None


def _collection(code: JsCode, node: Node, site: CallSite) -> CallSite | None:
    """The ``db.collection("x")`` that an expression or a name of this file comes from."""
    direct = code.site(node)
    if direct is None:
        dotted = code.dotted(node)
        direct = code.made_of(dotted, site.scope) if dotted else None
    return direct if direct is not None and direct.method == "collection" and direct.args else None


def _columns(code: JsCode, site: CallSite) -> tuple[str, ...]:
    first = site.arg(0)
    if first is None or first.type != "object":
        return ()
    keys = [key_of(code, c) for c in first.named_children if c.type == "pair"]
    return tuple(k for k in keys if k and not k.startswith("$"))


def _model(code: JsCode, site: CallSite) -> Fact:
    name = code.value(site.args[0], site.scope)
    given = site.arg(2)
    table = code.value(given, site.scope) if given is not None else _plural(name)
    holder = next((a.target for a in code.assigns if a.value is not None and a.value.id == site.node.id), "")
    fields = {"name": holder or _text(name), "dataset": table, "columns": (), "store_kind": "mongodb"}
    return Fact("model", fields, Location(code.path, site.line))


def _text(value: Value) -> str:
    return str(value.value) if isinstance(value, Lit) else ""


def _plural(value: Value) -> Value:
    """mongoose stores a model ``Order`` in the collection ``orders``."""
    if not isinstance(value, Lit) or not isinstance(value.value, str):
        return value
    name = value.value.lower()
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return Lit(f"{name[:-1]}ies")
    return Lit(name if name.endswith("s") else f"{name}s")


PACK = MongoDb()
