"""Smaller object mappers of Python, each as a row of a table: Tortoise, Peewee, Beanie, MongoEngine, ODMantic, Pony."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.python_tasks import mapping
from scanners.idioms.python_values import named_value

if TYPE_CHECKING:
    from scanners.idioms.python import PyCode

_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class _Mapper:
    """An object mapper.

    Args:
        name: what must occur in a file with models.
        bases: classes that models extend, as dotted origins end.
        inner: class inside a model that names its table.
        key: attribute there.
        case: the default name: lower, snake or same as the class.
        kind: kind of store.
    """

    name: bytes
    bases: tuple[str, ...]
    inner: str
    key: str
    case: str
    kind: str


_MONGOENGINE = ("mongoengine.Document", "mongoengine.DynamicDocument", "mongoengine.document.Document", "me.Document")
_MAPPERS = (
    _Mapper(b"tortoise", ("tortoise.models.Model", "tortoise.Model", "models.Model"), "Meta", "table", "lower", "sql"),
    _Mapper(b"peewee", ("peewee.Model", "peewee_async.AioModel"), "Meta", "table_name", "lower", "sql"),
    _Mapper(b"beanie", ("beanie.Document", "beanie.UnionDoc"), "Settings", "name", "same", "mongodb"),
    _Mapper(b"mongoengine", _MONGOENGINE, "", "collection", "snake", "mongodb"),
    _Mapper(b"odmantic", ("odmantic.Model",), "", "collection", "snake", "mongodb"),
)
_FIELDS = ("Field", "ForeignKeyField", "ManyToManyField")
_READS = """select select_extend get get_or_none get_by_id get_by get_all all filter first exclude find find_one
find_all find_many count aggregate exists raw values values_list in_bulk objects"""
_WRITES = """create insert insert_one insert_many insert_from bulk_create bulk_update update update_all delete
delete_all delete_by_id replace replace_many set_by_id truncate_table"""
_BOTH = "get_or_create update_or_create find_one_and_update upsert"
_SORTS = ((_READS, ("read",)), (_WRITES, ("write",)), (_BOTH, ("read", "write")))
_MODES: Mapping[str, tuple[str, ...]] = {name: modes for names, modes in _SORTS for name in names.split()}
_ROWS = ("save", "delete", "insert", "replace", "update", "set", "delete_instance", "save_changes", "upsert", "sync")
_CHANGES = ("update", "delete", "set", "inc", "update_one", "update_all", "modify", "insert")
_STEPS = 20
_MARKS = (b"odel", b"ocument", b"ntit", b"chema", b"tortoise", b"peewee", b"beanie", b"mongoengine")


class OdmPy:
    """Object mappers."""

    name: str = "odm_py"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"tortoise", b"peewee", b"beanie", b"mongoengine", b"odmantic", b"models import")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Models and accesses.

        Args:
            parsed: a Python file.
        """
        for mapper in _MAPPERS:
            if mapper.name in parsed.data:
                yield from _models(parsed, mapper)
        if b"sqlalchemy" in parsed.data or b"django" in parsed.data:
            return
        yield from _accesses(parsed)


def _models(code: PyCode, mapper: _Mapper) -> Iterator[Fact]:
    known: set[str] = set()
    for scope in code.scopes:
        if scope.sort != "class" or not any(_extends(code, b, mapper, known) for b in scope.bases):
            continue
        known.add(scope.name)
        if _inner(code, scope, mapper, "abstract") == Lit(True):
            continue
        columns = tuple(_columns(code, scope))
        table = _inner(code, scope, mapper, mapper.key) or Lit(_default(scope.name, mapper.case))
        fields = {"name": scope.name, "dataset": table, "columns": columns, "store_kind": mapper.kind}
        if columns or scope.name.rsplit(".", 1)[-1] not in ("BaseModel", "Base"):
            yield Fact("model", fields, code.at(scope.node))


def _extends(code: PyCode, base: str, mapper: _Mapper, known: set[str]) -> bool:
    origin = code.origin(base)
    if base in known or any(origin == b or origin.endswith(f".{b}") for b in mapper.bases):
        return True
    return origin.endswith((".BaseModel", ".Base")) and mapper.name == b"peewee" and "pydantic" not in origin


def _columns(code: PyCode, scope: Scope) -> Iterator[str]:
    for assign in code.assigns:
        if assign.scope is not scope or assign.target.startswith("_") or assign.target in ("meta", "id"):
            continue
        site = code.site(assign.value) if assign.value is not None else None
        if assign.annotation is not None or (site is not None and site.method.endswith(_FIELDS)):
            yield assign.target


def _inner(code: PyCode, scope: Scope, mapper: _Mapper, key: str) -> Value | None:
    """What the inner class, or ``meta = {...}``, gives for a key."""
    if mapper.inner:
        inner = code.scope(f"{scope.name}.{mapper.inner}")
        found = code.assigned(inner, key) if inner is not None else []
        return code.value(found[0].value, scope) if found else None
    for assign in code.assigned(scope, "meta") + code.assigned(scope, "model_config"):
        node = mapping(code, assign.value).get(key)
        if node is not None:
            return code.value(node, scope)
    return None


def _default(name: str, case: str) -> str:
    last = name.rsplit(".", 1)[-1]
    if case == "snake":
        return _SNAKE.sub("_", last).lower()
    return last.lower() if case == "lower" else last


def _accesses(code: PyCode) -> Iterator[Fact]:
    """``Order.filter(...)``, ``order.save()``: counted where the class turns out to be a model."""
    for site in code.called(*_MODES):
        name = code.dotted(site.receiver) if site.receiver is not None else ""
        last = name.rsplit(".", 1)[-1]
        if not last[:1].isupper() or last.isupper() or not _ours(code, name):
            continue
        for mode in _chained(code, site):
            yield _access(code, site, name, mode)
    if not any(m.name in code.data for m in _MAPPERS):
        return
    for site in code.called(*_ROWS):
        name = code.dotted(site.receiver) if site.receiver is not None else ""
        if name and not name.rsplit(".", 1)[-1][:1].isupper() and name not in ("self.db", "db", "session"):
            yield _access(code, site, name, "write")


def _chained(code: PyCode, site: CallSite) -> tuple[str, ...]:
    """What a chain does to the table: ``Order.filter(...).update(...)`` writes it."""
    node = site.node
    for _ in range(_STEPS):
        attribute = node.parent
        call = attribute.parent if attribute is not None and attribute.type == "attribute" else None
        if call is None or call.type != "call":
            break
        node = call
        outer = code.site(node)
        if outer is not None and outer.method in _CHANGES:
            return ("write",)
    return _MODES[site.method]


def _ours(code: PyCode, name: str) -> bool:
    head = name.split(".", 1)[0]
    found = code.imports.get(head)
    if found is None:
        return code.scope(name) is not None
    where = f"{found.module}.{found.name}".encode()
    return found.module.startswith(".") or any(mark in where for mark in _MARKS)


def _access(code: PyCode, site: CallSite, name: str, mode: str) -> Fact:
    fields: dict[str, object] = {
        "store_kind": "sql",
        "dataset": named_value(name, site.scope),
        "mode": mode,
        "only": "model",
        "symbol": site.scope.name,
    }
    columns = tuple(n for n in site.named if n.isidentifier() and n not in ("defaults", "session"))
    if columns and mode == "write" and site.method in ("create", "update", "insert"):
        fields["columns"] = columns
    return Fact("access", fields, Location(code.path, site.line))


PACK = OdmPy()
