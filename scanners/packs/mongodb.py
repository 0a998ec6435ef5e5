"""MongoDB from Node: the driver's collections, mongoose models and those of @nestjs/mongoose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.javascript import key_of, option
from scanners.idioms.js_files import of_the_service
from scanners.idioms.js_naming import collection
from scanners.idioms.js_scopes import exported
from scanners.idioms.js_types import argument_types, base_argument

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_READS = """find findOne findById distinct countDocuments estimatedDocumentCount count aggregate exists watch where
paginate findOneOrFail cursor populate"""
_WRITES = """insertOne insertMany updateOne updateMany replaceOne deleteOne deleteMany bulkWrite create save insert
remove update deleteById bulkSave"""
_BOTH = "findOneAndUpdate findOneAndDelete findOneAndReplace findByIdAndUpdate findByIdAndDelete findByIdAndRemove"
_BOTH += " findOneAndRemove"
_SORTS = ((_READS, ("read",)), (_WRITES, ("write",)), (_BOTH, ("read", "write")))
_MODES = {name: modes for names, modes in _SORTS for name in names.split()}
_MAKERS = ("mongoose.model", "mongoose.models.model", "model", "mongoose.default.model")
_MODELS = ("Model", "PaginateModel", "AggregatePaginateModel", "SoftDeleteModel", "mongoose.Model")
_PLAIN = ("save", "create", "remove", "update", "insert", "where", "count", "watch", "exists", "cursor", "populate")


class MongoDb:
    """MongoDB in JavaScript."""

    name: str = "mongodb"
    version: int = 2
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (
        b"mongo",
        b"Mongo",
        b".collection(",
        b"InjectModel",
        b".findById",
        b"Model",
        b".save()",
    )

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Models and accesses.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        yield from of_the_service(parsed.path, _told(parsed))


def _told(parsed: JsCode) -> Iterator[Fact]:
    yield from _schemas(parsed)
    yield from _repositories(parsed)
    for site in parsed.calls:
        if _makes_model(parsed, site):
            yield from _model(parsed, site)
        modes = _MODES.get(site.method)
        found = _dataset(parsed, site) if modes else None
        if modes and found is not None:
            yield from _said(parsed, site, modes, found)


def _said(code: JsCode, site: CallSite, modes: tuple[str, ...], found: tuple[Value, bool]) -> Iterator[Fact]:
    dataset, model = found
    for mode in modes:
        fields: dict[str, object] = {
            "store_kind": "mongodb",
            "dataset": dataset,
            "mode": mode,
            "symbol": site.scope.name,
        }
        columns = _columns(code, site)
        if columns:
            fields["columns"] = columns
        if model:
            fields["only"] = "model"
        yield Fact("access", fields, Location(code.path, site.line))


def _dataset(code: JsCode, site: CallSite) -> tuple[Value, bool] | None:
    """The collection a method is called on, or the model and True; None when it is something else."""
    if site.receiver is None:
        return None
    made = _collection(code, site.receiver, site)
    if made is not None:
        return code.value(made.args[0], made.scope), False
    name = _model_of(code, site)
    return (Name(name), True) if name else None


def _model_of(code: JsCode, site: CallSite) -> str:
    """The model a method is called on: injected, made here, imported, or a document of one."""
    dotted = code.dotted(site.receiver)
    inner = code.site(site.receiver) if site.receiver is not None else None
    if inner is not None and _makes_model(code, inner, 1):
        return _text(code.value(inner.args[0], inner.scope))
    if inner is not None and inner.node.type == "new_expression" and site.method == "save":
        return inner.dotted
    if not dotted:
        return ""
    injected = _injected(code, dotted, site.scope)
    if injected:
        return injected
    made_by = code.type_of(dotted, site.scope)
    if made_by in _MAKERS or _made_here(code, dotted, site):
        return dotted
    if site.method == "save":
        return _document(code, dotted, site)
    head = dotted.split(".", 1)[0]
    imported = head in code.imports and code.imports[head].module[:1] in (".", "@", "~")
    sure = imported and dotted[:1].isupper() and "." not in dotted
    return dotted if sure and (site.method not in _PLAIN or b"ongo" in code.data or _is_awaited(site)) else ""


def _is_awaited(site: CallSite) -> bool:
    parent = site.node.parent
    return parent is not None and parent.type in ("await_expression", "return_statement", "member_expression")


def _made_here(code: JsCode, dotted: str, site: CallSite) -> bool:
    made = code.made_of(dotted, site.scope)
    return made is not None and _makes_model(code, made)


def _document(code: JsCode, dotted: str, site: CallSite) -> str:
    """``const order = new Order(body); await order.save()``."""
    made = code.made_of(dotted, site.scope)
    if made is not None and made.node.type != "new_expression" and made.receiver is not None:
        return _model_of(code, made) if made.method in (*_MODES, "build") and made.method != "save" else ""
    if made is None or made.node.type != "new_expression":
        return ""
    injected = _injected(code, made.dotted, made.scope)
    return injected or (made.dotted if made.dotted[:1].isupper() else "")


def _injected(code: JsCode, dotted: str, scope: Scope) -> str:
    """``@InjectModel(Order.name) private orders: Model<Order>``."""
    target = scope.qualify(dotted)
    for decorator in code.decorators:
        if (
            decorator.name == "InjectModel"
            and f"{decorator.scope.owner}.{decorator.target}" == target
            and decorator.args
        ):
            given = code.dotted(decorator.args[0]).removesuffix(".name") or code.string(decorator.args[0])
            return given
    kind = code.type_of(dotted, scope)
    of = argument_types(code, dotted, scope) if kind.rpartition(".")[2] in _MODELS else ()
    return of[0].removesuffix("Document") if of else ""


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


def _makes_model(code: JsCode, site: CallSite, args: int = 2) -> bool:
    """``mongoose.model("Order", schema)``, ``connection.model(...)``."""
    if site.method != "model" or len(site.args) < args or not code.string(site.args[0]):
        return False
    receiver = code.dotted(site.receiver)
    known = code.callee(site) in _MAKERS or receiver.rpartition(".")[2].lower() in (
        "mongoose",
        "connection",
        "conn",
        "db",
    )
    return known or b"ongoose" in code.data


def _model(code: JsCode, site: CallSite) -> Iterator[Fact]:
    name = code.value(site.args[0], site.scope)
    given = site.arg(2)
    table = code.value(given, site.scope) if given is not None else _plural(name)
    schema = _schema_of(code, site.args[1], site.scope) if given is None else None
    named = option(code, schema.arg(1), "collection") if schema is not None else None
    if named is not None and schema is not None:
        table = code.value(named, schema.scope)
    columns = _fields(code, schema)
    holder = next((a for a in code.assigns if a.value is not None and _is_made(code, a.value, site)), None)
    known = exported(code.bound_name(holder)) if holder is not None else _default(site) or _text(name)
    for each in dict.fromkeys((known, _text(name))):
        fields = {"name": each, "dataset": table, "columns": columns, "store_kind": "mongodb"}
        yield Fact("model", fields, Location(code.path, site.line))


def _is_made(code: JsCode, node: Node, site: CallSite) -> bool:
    """The call itself, or ``mongoose.models.Order || mongoose.model("Order", schema)``."""
    made = code.site(node)
    if made is not None:
        return made.node.id == site.node.id
    right = node.child_by_field_name("right") if node.type == "binary_expression" else None
    return right is not None and _is_made(code, right, site)


def _default(site: CallSite) -> str:
    parent = site.node.parent
    return "default" if parent is not None and parent.type == "export_statement" else ""


def _schema_of(code: JsCode, node: Node, scope: Scope) -> CallSite | None:
    made = code.site(node)
    dotted = code.dotted(node)
    made = made or (code.made_of(dotted, scope) if dotted else None)
    return made if made is not None and made.method == "Schema" else None


def _fields(code: JsCode, schema: CallSite | None) -> tuple[str, ...]:
    first = schema.arg(0) if schema is not None else None
    if first is None or first.type != "object":
        return ()
    return tuple(k for c in first.named_children if c.type in ("pair", "method_definition") and (k := key_of(code, c)))


def _schemas(code: JsCode) -> Iterator[Fact]:
    """``@Schema({collection}) class Order`` and what ``MongooseModule.forFeature`` names otherwise."""
    for decorator in code.decorators:
        if decorator.name != "Schema" or decorator.target or decorator.scope.sort != "class":
            continue
        named = option(code, decorator.args[0], "collection") if decorator.args else None
        scope = decorator.scope
        table = code.value(named, code.scopes[0]) if named is not None else Lit(collection(scope.name))
        mine = (d for d in code.decorators if d.scope is scope and d.target and d.name == "Prop")
        columns = tuple(dict.fromkeys(d.target for d in mine))
        fields = {"name": scope.name, "dataset": table, "columns": columns, "store_kind": "mongodb"}
        yield Fact("model", fields, code.at(scope.node))


def _repositories(code: JsCode) -> Iterator[Fact]:
    """``class OrdersRepository extends AbstractRepository<OrderDocument>`` over a mongoose model."""
    if b"ongoose" not in code.data:
        return
    for scope in code.scopes[1:]:
        entity = base_argument(code, scope.node) if scope.sort == "class" else ""
        if entity and scope.bases and scope.bases[0].endswith(("Repository", "Dao", "Service", "DAO")):
            fields = {"name": scope.name, "entity": Name(entity), "store_kind": "mongodb", "framework": "mongodb"}
            yield Fact("repository", fields, code.at(scope.node))


def _text(value: Value) -> str:
    return str(value.value) if isinstance(value, Lit) else ""


def _plural(value: Value) -> Value:
    """mongoose stores a model ``Order`` in the collection ``orders``."""
    text = _text(value)
    return Lit(collection(text)) if text else value


PACK = MongoDb()
