"""SQLAlchemy and SQLModel: mapped classes, tables, and which of them code reads and writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name
from scanners.idioms.code import Assign, CallSite, Scope
from scanners.idioms.python_relations import related_reads, relation
from scanners.idioms.sql_text import is_migration, store_kind

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CLASS = re.compile(r"[A-Z]\w*")
_GENERIC = ("Mapped", "List", "Optional", "Set", "Sequence", "WriteOnlyMapped", "DynamicMapped", "Union")
_COLUMNS = ("Column", "mapped_column", "Field", "column_property")
_STATEMENTS = {"select": "read", "insert": "write", "update": "write", "delete": "write", "query": "read"}
_SESSION_READS = ("get", "get_one", "refresh")
_SESSION_WRITES = ("add", "add_all", "merge", "delete", "bulk_save_objects")
_LOADS = (
    "get",
    "get_one",
    "first",
    "one",
    "one_or_none",
    "scalar",
    "scalar_one",
    "scalar_one_or_none",
    "scalars",
    "all",
)


class SqlAlchemy:
    """The SQLAlchemy object-relational mapper and core, and SQLModel on top of it."""

    name: str = "sqlalchemy"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"sqlalchemy", b"sqlmodel", b"__tablename__", b"session", b"select(")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Models, accesses, SQL text.

        Args:
            parsed: a Python file.
        """
        if is_migration(parsed.path, parsed.data):
            return
        yield from _models(parsed)
        yield from _tables(parsed)
        loaded: dict[str, list[str]] = {}
        for site in parsed.calls:
            for fact in (*_statement(parsed, site), *_session(parsed, site)):
                dataset = fact.get("dataset")
                if fact.get("mode") == "read" and isinstance(dataset, Name):
                    loaded.setdefault(site.scope.name, []).append(dataset.name)
                yield fact
            yield from _text(parsed, site)
        yield from _changed_rows(parsed)
        for name, entities in loaded.items():
            scope = parsed.scope(name)
            if scope is not None and scope.sort in ("function", "method"):
                yield from related_reads(parsed, scope, entities)


def _models(code: PyCode) -> Iterator[Fact]:
    for scope in code.scopes:
        if scope.sort != "class":
            continue
        own = [a for a in code.assigns if a.scope is scope]
        named = next((a for a in own if a.target == "__tablename__"), None)
        header = code.data[scope.node.start_byte : scope.node.start_byte + 300].split(b":", 1)[0]
        by_name = _named_by_class(scope, header)
        if named is None and not by_name:
            continue
        table = code.value(named.value, scope) if named is not None else Lit(by_name)
        for assign in own:
            yield from _relation(code, scope, assign)
        columns = [a.target for a in own if _is_column(code, a.value, a.annotation)]
        fields = {"name": scope.name, "dataset": table, "columns": tuple(columns), "store_kind": store_kind(code.data)}
        yield Fact("model", fields, code.at(scope.node))


def _relation(code: PyCode, scope: Scope, assign: Assign) -> Iterator[Fact]:
    """``lines = relationship("Line")``, ``lines: Mapped[list["Line"]] = relationship()``."""
    site = code.site(assign.value) if assign.value is not None else None
    if site is None or site.method not in ("relationship", "Relationship", "dynamic_loader", "backref"):
        return
    given = site.arg(0, "argument")
    other = (code.dotted(given) or code.string(given).rsplit(".", 1)[-1]) if given is not None else ""
    named = _CLASS.findall(code.text(assign.annotation)) if not other else []
    other = other or next((n for n in named if n not in _GENERIC), "")
    if other:
        yield from relation(code, scope, (assign.target, other), assign.line)


def _named_by_class(scope: Scope, header: bytes) -> str:
    """The table of a class without ``__tablename__``: SQLModel lowers the name, Flask-SQLAlchemy snakes it."""
    if b"table=True" in header.replace(b" ", b""):
        return scope.name.lower()
    return _SNAKE.sub("_", scope.name).lower() if "db.Model" in scope.bases else ""


def _is_column(code: PyCode, value: Node | None, annotation: Node | None) -> bool:
    site = code.site(value) if value is not None else None
    if site is not None:
        return site.method in _COLUMNS
    text = code.text(annotation)
    return text.startswith("Mapped[") or (bool(text) and not text.startswith(("ClassVar", "list[", "List[")))


def _tables(code: PyCode) -> Iterator[Fact]:
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None else None
        if site is None or site.method != "Table" or not site.args:
            continue
        columns = [code.site(a) for a in site.args]
        names = [code.string(c.args[0]) for c in columns if c is not None and c.method == "Column" and c.args]
        fields = {
            "name": assign.scope.qualify(assign.target),
            "dataset": code.value(site.args[0], assign.scope),
            "columns": tuple(n for n in names if n),
            "store_kind": store_kind(code.data),
        }
        yield Fact("model", fields, Location(code.path, assign.line))


def _statement(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """``select(Order)``, ``insert(Order)``, ``session.query(Order)``, ``orders_table.select()``, ``.join(Line)``."""
    mode = _STATEMENTS.get(site.method)
    if mode is None:
        if site.method in ("join", "outerjoin", "select_from", "with_entities") and site.receiver is not None:
            yield from _entities(code, site, "read")
        return
    if (
        site.receiver is None
        or site.method == "query"
        or code.dotted(site.receiver) in ("sa", "db", "sqlalchemy", "orm")
    ):
        yield from _entities(code, site, mode)
    elif not site.args and _is_table(code, site):
        yield _access(code, site, code.dotted(site.receiver), (mode, _values(code, site)))


def _is_table(code: PyCode, site: CallSite) -> bool:
    if site.receiver is None or not code.dotted(site.receiver):
        return False
    made_by = code.made_by(site.receiver, site.scope)
    return made_by.rsplit(".", 1)[-1] == "Table" or code.dotted(site.receiver).endswith(("_table", ".__table__"))


def _entities(code: PyCode, site: CallSite, mode: str) -> Iterator[Fact]:
    columns: dict[str, list[str]] = {}
    for arg in site.args:
        dotted = code.dotted(arg)
        parts = dotted.split(".")
        at = next((i for i, part in enumerate(parts) if part[:1].isupper()), -1)
        if at >= 0:
            named = columns.setdefault(".".join(parts[: at + 1]), [])
            named += parts[at + 1 : at + 2]
        elif dotted.endswith("_table") or _table_name(code, dotted, site.scope):
            columns.setdefault(dotted, [])
    for entity, names in columns.items():
        yield _access(code, site, entity, (mode, names or (_values(code, site) if mode == "write" else [])))


def _table_name(code: PyCode, dotted: str, scope: Scope) -> bool:
    return bool(dotted) and code.type_of(dotted, scope).rsplit(".", 1)[-1] == "Table"


def _values(code: PyCode, site: CallSite) -> list[str]:
    """Columns given to ``.values(...)`` further along the chain."""
    node = site.node.parent
    for _ in range(8):
        if node is None or node.type not in ("attribute", "call"):
            return []
        found = code.site(node) if node.type == "call" else None
        if found is not None and found.method == "values":
            return list(found.named)
        node = node.parent
    return []


def _access(code: PyCode, site: CallSite, entity: str, about: tuple[str, list[str]]) -> Fact:
    mode, columns = about
    fields: dict[str, object] = {"store_kind": store_kind(code.data), "dataset": Name(entity), "mode": mode}
    if columns:
        fields["columns"] = tuple(dict.fromkeys(columns))
    fields["symbol"] = site.scope.name
    return Fact("access", fields, Location(code.path, site.line))


def _session(code: PyCode, site: CallSite) -> Iterator[Fact]:
    if site.receiver is None or not _is_session(code, site):
        return
    if site.method in _SESSION_READS and site.args and code.dotted(site.args[0])[:1].isupper():
        yield _access(code, site, code.dotted(site.args[0]), ("read", []))
    elif site.method in _SESSION_WRITES and site.args:
        for entity, columns in _saved(code, site.args[0], site.scope):
            yield _access(code, site, entity, ("write", columns))


def _is_session(code: PyCode, site: CallSite) -> bool:
    if site.receiver is None:
        return False
    made_by = code.made_by(site.receiver, site.scope).lower()
    last = code.text(site.receiver).rsplit(".", 1)[-1].lower()
    return "session" in made_by or last in (
        "s",
        "db",
        "session",
        "_session",
        "db_session",
        "dbsession",
        "sess",
        "tx",
        "uow",
    )


def _saved(code: PyCode, node: Node, scope: Scope) -> Iterator[tuple[str, list[str]]]:
    if node.type in ("list", "tuple", "list_comprehension"):
        for item in node.named_children:
            yield from _saved(code, item, scope)
        return
    site = code.site(node)
    if site is not None and site.method[:1].isupper():
        yield site.dotted, list(site.named)
        return
    name = code.dotted(node)
    made = code.made_of(name, scope) if name else None
    if made is not None and made.method[:1].isupper():
        yield made.dotted, list(made.named)
    elif name:
        entity = _loaded(code, name, scope) or _declared(code, name, scope)
        if entity:
            yield entity, []


def _declared(code: PyCode, name: str, scope: Scope) -> str:
    last = code.type_of(name, scope).rsplit(".", 1)[-1]
    return last if last[:1].isupper() and last not in ("Any",) else ""


def _loaded(code: PyCode, name: str, scope: Scope) -> str:
    """The model a local name was loaded as: ``order = session.get(Order, id)``."""
    for assign in code.assigns:
        if assign.scope is not scope or assign.target != name or assign.value is None:
            continue
        start, end = assign.value.start_byte, assign.value.end_byte
        for site in code.calls:
            if start <= site.node.start_byte < end and site.method in ("select", "query", *_LOADS) and site.args:
                dotted = code.dotted(site.args[0])
                if dotted[:1].isupper():
                    return dotted.split(".", 1)[0]
    return ""


def _changed_rows(code: PyCode) -> Iterator[Fact]:
    """``order.status = ...`` on a row loaded in the same function is a write."""
    for assign in code.assigns:
        head, _, column = assign.target.partition(".")
        if not column or "." in column or head in ("self", "cls") or assign.scope.sort not in ("function", "method"):
            continue
        entity = _loaded(code, head, assign.scope)
        if entity:
            fields = {
                "store_kind": store_kind(code.data),
                "dataset": Name(entity),
                "mode": "write",
                "columns": (column,),
                "symbol": assign.scope.name,
            }
            yield Fact("access", fields, Location(code.path, assign.line))


def _text(code: PyCode, site: CallSite) -> Iterator[Fact]:
    if code.callee(site) in ("sqlalchemy.text", "sqlalchemy.sql.text", "sqlalchemy.sql.expression.text") and site.args:
        fields = {
            "text": code.value(site.args[0], site.scope),
            "symbol": site.scope.name,
            "store_kind": store_kind(code.data),
        }
        yield Fact("sql", fields, Location(code.path, site.line))


PACK = SqlAlchemy()
