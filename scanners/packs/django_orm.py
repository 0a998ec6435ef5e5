"""Django's object-relational mapper: models with their tables, migrations, and what code reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Value
from scanners.idioms.code import SELVES, CallSite, Scope
from scanners.idioms.django_rows import (
    KNOWN_TABLES,
    RELATIONS,
    app_of,
    is_model,
    model_of_rows,
    model_of_set,
    step_modes,
)
from scanners.idioms.django_views import writes_rows
from scanners.idioms.python_values import named_value
from scanners.idioms.sql_text import looks_like_sql, store_kind

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_NOT_COLUMNS = ("ManyToManyField", "GenericRelation", "GenericForeignKey", "TaggableManager")
_ROWS = ("save", "asave", "delete", "adelete", "refresh_from_db", "arefresh_from_db")
_ON_SETS: tuple[str, ...] = (
    "all",
    "filter",
    "exclude",
    "get",
    "create",
    "count",
    "first",
    "last",
    "exists",
    "order_by",
    "update",
    "delete",
)
_ON_SETS += ("bulk_create", "values", "values_list", "get_or_create", "update_or_create", "select_related", "aggregate")
_STEPS = 20
_SHORTCUTS = ("get_object_or_404", "get_list_or_404", "aget_object_or_404", "aget_list_or_404")
_OPERATIONS = {
    "CreateModel": "create",
    "DeleteModel": "drop",
    "AddField": "alter",
    "RemoveField": "alter",
    "AlterField": "alter",
    "RenameField": "alter",
}


class DjangoOrm:
    """Django's models and query sets."""

    name: str = "django_orm"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"django", b".objects", b"rest_framework", b"models.Model")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Models, accesses, migrations.

        Args:
            parsed: a Python file.
        """
        yield from _migrations(parsed)
        if "/migrations/" in f"/{parsed.path}":
            return
        yield from _models(parsed)
        yield from _chains(parsed)
        yield from _rows(parsed)
        yield from _saved(parsed)
        yield from _views(parsed)


def _models(code: PyCode) -> Iterator[Fact]:
    for scope in code.scopes:
        if scope.sort != "class" or not scope.bases:
            continue
        proxied = _proxied(code, scope)
        if proxied is None and not is_model(code, scope):
            continue
        columns = list(_columns(code, proxied or scope))
        yield from _related(code, scope)
        table = _table(code, scope)
        if table is not None:
            fields = {"name": scope.name, "dataset": table, "columns": tuple(columns), "store_kind": "sql"}
            yield Fact("model", fields, code.at(scope.node))


def _proxied(code: PyCode, scope: Scope) -> Scope | None:
    """The model of this file that a proxy model stands for."""
    return code.scope(scope.bases[0]) if code.text(_meta(code, scope).get("proxy")) == "True" else None


def _meta(code: PyCode, scope: Scope) -> dict[str, Node]:
    return {
        a.target: a.value
        for a in code.assigns
        if a.scope.sort == "class"
        and a.scope.parent is scope
        and a.scope.name.endswith(".Meta")
        and a.value is not None
    }


def _columns(code: PyCode, scope: Scope) -> Iterator[str]:
    for assign in code.assigns:
        site = code.site(assign.value) if assign.scope is scope and assign.value is not None else None
        if site is None or site.method in _NOT_COLUMNS or not site.dotted:
            continue
        if site.method in RELATIONS:
            yield code.string(site.arg(-1, "db_column")) or f"{assign.target}_id"
        elif site.method.endswith("Field"):
            yield code.string(site.arg(-1, "db_column")) or assign.target


def _table(code: PyCode, scope: Scope) -> Value | None:
    """The table of a model; None for an abstract one."""
    meta = _meta(code, scope)
    if code.text(meta.get("abstract")) == "True":
        return None
    if "db_table" in meta:
        return code.value(meta["db_table"], scope)
    named = scope.name.rsplit(".", 1)[-1]
    if code.text(meta.get("proxy")) == "True":
        other = code.scope(scope.bases[0])
        if other is not None and other is not scope:
            return _table(code, other)
        named = scope.bases[0].rsplit(".", 1)[-1]
    label = code.string(meta.get("app_label")) or app_of(code.path)
    return Lit(f"{label}_{named.lower()}" if label else named.lower())


def _related(code: PyCode, scope: Scope) -> Iterator[Fact]:
    """What a foreign key's attribute holds, and the set the other model gets by it."""
    for assign in code.assigns:
        site = code.site(assign.value) if assign.scope is scope and assign.value is not None else None
        if site is None or site.method not in RELATIONS:
            continue
        given = site.arg(0, "to")
        other = code.dotted(given) or code.string(given).rsplit(".", 1)[-1]
        if not other[:1].isupper():
            continue
        where = Location(code.path, assign.line)
        yield Fact("typed", {"target": f"{scope.name}.{assign.target}", "type": other}, where)
        known = code.scope(other)
        name = code.string(site.arg(-1, "related_name")) or f"{scope.name.lower()}_set"
        if known is not None and name.isidentifier() and site.method != "OneToOneField":
            fields = {"name": f"{other}.{name}", "entity": Name(scope.name), "store_kind": "sql"}
            yield Fact("repository", fields | {"framework": "django_orm"}, where)


def _access(code: PyCode, place: tuple[Scope, int], model: str, mode: str, columns: tuple[str, ...] = ()) -> Fact:
    scope, line = place
    table = KNOWN_TABLES.get(code.origin(model))
    fields: dict[str, object] = {"store_kind": "sql", "dataset": Lit(table) if table else Name(model), "mode": mode}
    if columns:
        fields["columns"] = columns
    fields["symbol"] = scope.name
    return Fact("access", fields, Location(code.path, line))


def _chains(code: PyCode) -> Iterator[Fact]:
    """``Order.objects.filter(...).update(...)``: once for a whole chain."""
    for site in code.calls:
        if site.receiver is None or _continues(site.node):
            continue
        model = model_of_set(code, site.node, site.scope)
        if not model:
            yield from _related_set(code, site)
            continue
        modes, columns = step_modes(code, site)
        for mode in modes:
            yield _access(code, (site.scope, site.line), model, mode, columns if mode == "write" else ())
        if site.method == "raw" and site.args and looks_like_sql(code.value(site.args[0], site.scope)):
            fields = {"text": code.value(site.args[0], site.scope), "symbol": site.scope.name}
            yield Fact("sql", fields | {"store_kind": store_kind(code.data)}, Location(code.path, site.line))
    for site in code.called(*_SHORTCUTS):
        model = code.dotted(site.args[0]) if site.args else ""
        if model.rsplit(".", 1)[-1][:1].isupper():
            yield _access(code, (site.scope, site.line), model, "read")


def _related_set(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """``order.lines.filter(...)``: rows that belong to a row of this file, where its model has such a set."""
    start = site
    for _ in range(_STEPS):
        inner = code.site(start.receiver) if start.receiver is not None else None
        if inner is None or inner.receiver is None:
            break
        start = inner
    if start.method not in _ON_SETS or start.receiver is None or start.receiver.type != "attribute":
        return
    holder, _, attribute = code.dotted(start.receiver).rpartition(".")
    model = model_of_rows(code, holder, site.scope) if holder else ""
    for mode in step_modes(code, site)[0] if model else ():
        fields = {"store_kind": "sql", "dataset": Name(f"{model}.{attribute}"), "mode": mode, "only": "repository"}
        yield Fact("access", fields | {"symbol": site.scope.name}, Location(code.path, site.line))


def _continues(node: Node) -> bool:
    """Whether another method is called on a call's result."""
    parent = node.parent
    while parent is not None and parent.type in ("await", "parenthesized_expression"):
        parent = parent.parent
    return (
        parent is not None and parent.type == "attribute" and parent.parent is not None and parent.parent.type == "call"
    )


def _rows(code: PyCode) -> Iterator[Fact]:
    """``order.save()``, ``order.delete()`` on a row whose model this file shows."""
    for site in code.called(*_ROWS):
        name = code.dotted(site.receiver) if site.receiver is not None else ""
        model = model_of_rows(code, name, site.scope) if name else _made_here(code, site)
        if model:
            mode = "read" if "refresh" in site.method else "write"
            listed = site.arg(-1, "update_fields")
            columns = tuple(code.string(n) for n in listed.named_children) if listed is not None else ()
            yield _access(code, (site.scope, site.line), model, mode, tuple(c for c in columns if c))
        elif name and not site.args and name not in SELVES and _may_be_row(code, site, name):
            yield _elsewhere(code, site, name)


def _may_be_row(code: PyCode, site: CallSite, name: str) -> bool:
    made = code.made_of(name, site.scope)
    handled = made is not None and made.method.endswith(("Serializer", "Form"))
    return not handled and not name.rsplit(".", 1)[-1][:1].isupper()


def _elsewhere(code: PyCode, site: CallSite, name: str) -> Fact:
    """A row another file made: it counts where that turns out to be a model."""
    fields = {
        "store_kind": "sql",
        "dataset": named_value(name, site.scope),
        "mode": "read" if "refresh" in site.method else "write",
        "only": "model",
        "symbol": site.scope.name,
    }
    return Fact("access", fields, Location(code.path, site.line))


def _made_here(code: PyCode, site: CallSite) -> str:
    """``Order(...).save()``."""
    made = code.site(site.receiver) if site.receiver is not None else None
    if made is not None and made.dotted.rsplit(".", 1)[-1][:1].isupper():
        scope = code.scope(made.dotted)
        return made.dotted if scope is None or list(_columns(code, scope)) else ""
    return ""


def _saved(code: PyCode) -> Iterator[Fact]:
    """``serializer.save()`` writes the model of the serializer, ``form.save()`` that of the form."""
    for site in code.called("save"):
        name = code.dotted(site.receiver) if site.receiver is not None else ""
        made = code.made_of(name, site.scope) if name else None
        if made is not None and made.dotted and made.method.endswith(("Serializer", "Form")):
            fact = _access(code, (site.scope, site.line), f"{made.dotted}.Meta.model", "write")
            yield Fact("access", {**fact.fields, "only": "model"}, fact.at)


def _views(code: PyCode) -> Iterator[Fact]:
    """What generic views and view sets write without a line of code."""
    for scope in code.scopes:
        if scope.sort != "class":
            continue
        for assign in code.assigned(scope, "model"):
            model = code.dotted(assign.value)
            if model[:1].isupper() and any(b.rsplit(".", 1)[-1].endswith("View") for b in scope.bases):
                yield _access(code, (scope, assign.line), model, "read")
                if writes_rows(scope):
                    yield _access(code, (scope, assign.line), model, "write")
        for assign in code.assigned(scope, "queryset"):
            model = model_of_set(code, assign.value, scope) if assign.value is not None else ""
            if model and writes_rows(scope):
                yield _access(code, (scope, assign.line), model, "write")


def _migrations(code: PyCode) -> Iterator[Fact]:
    named: dict[str, str] = {}
    for site in code.called(*_OPERATIONS):
        op = _OPERATIONS[site.method]
        model = code.string(site.arg(0, "name" if op != "alter" else "model_name"))
        if site.dotted.startswith("migrations.") and model:
            named[model.lower()] = _db_table(code, site) or named.get(model.lower(), "")
            yield _migrated(code, site, (op, named[model.lower()] or f"{app_of(code.path)}_{model.lower()}"))


def _migrated(code: PyCode, site: CallSite, about: tuple[str, str]) -> Fact:
    op, table = about
    fields: dict[str, object] = {
        "dataset": table,
        "op": op,
        "columns": tuple(_migrated_columns(code, site)),
        "store_kind": "sql",
    }
    return Fact("table", fields, Location(code.path, site.line))


def _db_table(code: PyCode, site: CallSite) -> str:
    options = site.arg(2, "options")
    for pair in options.named_children if options is not None and options.type == "dictionary" else ():
        if pair.type == "pair" and code.string(pair.child_by_field_name("key")) == "db_table":
            return code.string(pair.child_by_field_name("value"))
    return ""


def _migrated_columns(code: PyCode, site: CallSite) -> Iterator[str]:
    if site.method == "DeleteModel":
        return
    if site.method != "CreateModel":
        names = ("old_name", "new_name") if site.method == "RenameField" else ("name",)
        field = site.arg(2, "field") if site.method in ("AddField", "AlterField") else None
        made = code.site(field) if field is not None else None
        if made is not None and made.method in _NOT_COLUMNS:
            return
        ending = "_id" if made is not None and made.method in RELATIONS else ""
        found = [code.string(site.arg(1 + at, name)) for at, name in enumerate(names)]
        yield from (f"{name}{ending}" for name in found if name)
        return
    listed = site.arg(1, "fields")
    for item in listed.named_children if listed is not None else ():
        if item.type != "tuple" or item.named_child_count < 2:
            continue
        made = code.site(item.named_children[1])
        name = code.string(item.named_children[0])
        if name and (made is None or made.method not in _NOT_COLUMNS):
            yield f"{name}_id" if made is not None and made.method in RELATIONS else name


PACK = DjangoOrm()
