"""Sequelize, sequelize-typescript and Objection: models with their tables, and what is done through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.javascript import bare, key_of, option
from scanners.idioms.js_files import of_the_service
from scanners.idioms.js_naming import plural, snake

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_READS = """findAll findOne findByPk findAndCountAll findOrBuild count max min sum aggregate findById findCreateFind"""
_WRITES = """create bulkCreate update destroy upsert restore truncate increment decrement insert insertGraph
insertAndFetch patch patchAndFetchById deleteById upsertGraph"""
_BOTH = ("findOrCreate", "findCreateFind")
_SORTS: tuple[tuple[str, tuple[str, ...]], ...] = ((_READS, ("read",)), (_WRITES, ("write",)))
_MODES = {name: modes for names, modes in _SORTS for name in names.split()}
_MODES |= {name: ("read", "write") for name in _BOTH}
_SHARED = ("count", "max", "min", "sum", "create", "update", "insert", "increment", "decrement", "restore", "patch")
_QUERY_WRITES = (*_WRITES.split(), "delete", "del", "updateAndFetchById")
_WORDS = """where include order limit offset attributes transaction defaults raw group returning paranoid force hooks
individualHooks lock logging plain distinct rejectOnEmpty"""
_OPTIONS = frozenset(_WORDS.split())
_CHAIN = 30


class Sequelize:
    """Sequelize and Objection."""

    name: str = "sequelize"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"equelize", b"objection", b"findByPk", b"findAll", b"findOrCreate", b".query()")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Models and accesses.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        yield from of_the_service(parsed.path, _told(parsed))


def _told(parsed: JsCode) -> Iterator[Fact]:
    for site in parsed.calls:
        if site.method == "define" and len(site.args) > 1 and site.receiver is not None:
            yield from _defined(parsed, site)
        elif site.method == "init" and len(site.args) > 1 and site.receiver is not None:
            yield from _initialised(parsed, site)
        elif site.receiver is not None:
            yield from _access(parsed, site)
    for decorator in parsed.decorators:
        if decorator.name == "Table" and not decorator.target:
            yield _decorated(parsed, decorator.scope, decorator.args)
    yield from _tables_of_classes(parsed)


def _defined(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``sequelize.define("Order", {columns}, {tableName})``; the variable and the model's name both mean it."""
    name = code.string(site.args[0])
    if not name or site.args[1].type not in ("object", "identifier", "call_expression"):
        return
    held = code.held(site)
    names = [code.bound_name(held)] if held is not None else []
    outside = name if not any(n == name for n in names) else ""
    for known in (*names, *((outside,) if outside else ())):
        yield _model(code, site, (known, name), (site.args[1], site.arg(2)))


def _initialised(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``Order.init({columns}, {sequelize, modelName, tableName})``."""
    options = site.args[1]
    named = code.string(option(code, options, "modelName"))
    holder = code.dotted(site.receiver)
    owner = site.scope.owner if holder in ("this", "super") else holder
    sequelize = option(code, options, "sequelize") is not None or option(code, options, "tableName") is not None
    if owner and sequelize:
        known = next((s.name for s in code.scopes if s.sort == "class" and s.name.rpartition(".")[2] == owner), owner)
        yield _model(code, site, (known, named or owner.rpartition(".")[2]), (site.args[0], options))


def _model(code: JsCode, site: CallSite, names: tuple[str, str], given: tuple[Node, Node | None]) -> Fact:
    known, name = names
    columns, options = given
    table = _table(code, options, name, site.scope)
    listed = tuple(_columns(code, columns))
    fields = {"name": known, "dataset": table, "columns": listed, "store_kind": "sql"}
    return Fact("model", fields, Location(code.path, site.line))


def _table(code: JsCode, options: Node | None, name: str, scope: Scope) -> Value:
    given = option(code, options, "tableName")
    if given is not None:
        return code.value(given, scope)
    flags = {key: code.text(option(code, options, key)) == "true" for key in ("freezeTableName", "underscored")}
    word = snake(name) if flags["underscored"] else name
    return Lit(word if flags["freezeTableName"] else plural(word))


def _columns(code: JsCode, node: Node) -> Iterator[str]:
    inner = bare(node)
    for child in inner.named_children if inner is not None and inner.type == "object" else ():
        key = key_of(code, child) if child.type == "pair" else ""
        if key:
            yield code.string(option(code, child.child_by_field_name("value"), "field")) or key


def _decorated(code: JsCode, scope: Scope, args: Sequence[Node]) -> Fact:
    """``@Table({tableName}) class Order extends Model`` of sequelize-typescript."""
    name = scope.name.rpartition(".")[2]
    table = _table(code, args[0] if args else None, name, code.scopes[0])
    table = table if args and option(code, args[0], "tableName") is not None else Lit(name)
    mine = [d for d in code.decorators if d.scope is scope and d.target]
    marks = ("Column", "PrimaryKey", "ForeignKey", "CreatedAt", "UpdatedAt", "DeletedAt")
    columns = tuple(dict.fromkeys(d.target for d in mine if d.name in marks))
    fields = {"name": scope.name, "dataset": table, "columns": columns, "store_kind": "sql"}
    return Fact("model", fields, code.at(scope.node))


def _tables_of_classes(code: JsCode) -> Iterator[Fact]:
    """Objection's ``static tableName = "orders"`` and ``static get tableName() { return "orders"; }``."""
    for assign in code.assigns:
        if assign.target in ("this.tableName", "tableName") and assign.scope.sort == "class":
            yield from _objection(code, assign.scope, code.value(assign.value, assign.scope))
        elif assign.target.endswith(".tableName") and not assign.scope.name:
            scope = code.scope(assign.target.rpartition(".")[0])
            yield from _objection(code, scope, code.value(assign.value, assign.scope)) if scope is not None else ()
    for node, scope in code.returns:
        if scope.name.endswith(".tableName") and scope.parent is not None and node.named_child_count:
            yield from _objection(code, scope.parent, code.value(node.named_children[0], scope))


def _objection(code: JsCode, scope: Scope, table: Value) -> Iterator[Fact]:
    if not isinstance(table, Unknown) and scope.sort == "class" and scope.bases:
        fields = {"name": scope.name, "dataset": table, "columns": (), "store_kind": "sql"}
        yield Fact("model", fields, code.at(scope.node))


def _access(code: JsCode, site: CallSite) -> Iterator[Fact]:
    modes = _MODES.get(site.method)
    receiver = site.receiver
    if site.method == "query" and not site.args:
        yield from _queried(code, site)
        return
    if modes is None or receiver is None:
        return
    model = _named(code, receiver, site)
    if not model or (site.method in _SHARED and not model.rpartition(".")[2][:1].isupper()):
        return
    columns = _keys(code, site)
    for mode in modes:
        yield _said(code, site, (model, mode, columns))


def _said(code: JsCode, site: CallSite, about: tuple[str, str, tuple[str, ...]]) -> Fact:
    model, mode, columns = about
    fields: dict[str, object] = {"store_kind": "sql", "dataset": Name(model), "mode": mode, "symbol": site.scope.name}
    fields |= {"only": "model"} | ({"columns": columns} if columns else {})
    return Fact("access", fields, Location(code.path, site.line))


def _named(code: JsCode, node: Node, site: CallSite) -> str:
    """The model a method is called on: a class, ``db.Order``, or what is injected by ``@InjectModel(Order)``."""
    dotted = code.dotted(node)
    if not dotted:
        return ""
    target = site.scope.qualify(dotted)
    for decorator in code.decorators:
        if decorator.name == "InjectModel" and f"{decorator.scope.owner}.{decorator.target}" == target:
            return code.dotted(decorator.args[0]) if decorator.args else ""
    last = dotted.rpartition(".")[2]
    if dotted == "this" and site.scope.owner:
        owner = code.scope(site.scope.owner)
        return site.scope.owner if owner is not None and "Model" in owner.bases else ""
    return dotted if last[:1].isupper() and not dotted.startswith("this.") else ""


def _keys(code: JsCode, site: CallSite) -> tuple[str, ...]:
    found: list[str] = []
    for node in (option(code, site.arg(0), "where"), site.arg(0), option(code, site.arg(1), "where")):
        inner = bare(node)
        for child in inner.named_children if inner is not None and inner.type == "object" else ():
            key = code.text(child) if child.type == "shorthand_property_identifier" else key_of(code, child)
            found += [key] if key.isidentifier() and key not in _OPTIONS else []
    return tuple(dict.fromkeys(found))


def _queried(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """Objection's ``Order.query().where(...)``; what the chain does decides."""
    model = code.dotted(site.receiver)
    if not model.rpartition(".")[2][:1].isupper():
        return
    mode, node = "read", site.node
    for _ in range(_CHAIN):
        member = node.parent
        call = member.parent if member is not None and member.type == "member_expression" else None
        outer = code.site(call) if call is not None and call.type == "call_expression" else None
        if outer is None or call is None:
            break
        mode = "write" if outer.method in _QUERY_WRITES else mode
        node = call
    yield _said(code, site, (model, mode, ()))


PACK = Sequelize()
