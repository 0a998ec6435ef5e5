"""Stored data: ORM models, SQL text, keys and collections as Datasets, with the columns read and written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import copy

from graph.linking.build import NodeKey
from graph.linking.corpus import Placed, SymbolKey
from graph.linking.models import Models
from graph.linking.names import dotted
from graph.linking.outcomes import Context, Frame
from graph.linking.repositories import Repositories, Through, conventional, entities
from graph.linking.routines import Routines
from graph.linking.sqltext import UNKNOWN_TABLE, table_name, table_uses
from graph.linking.state import Linking, LooseEnd
from graph.linking.stores import SQL_KINDS, Stores
from graph.linking.wrappers import Reading, Results, all_params
from graph.schema import Evidence, Resolution
from graph.values import Fact, Member, Name

_EDGE = {"read": "READS", "write": "WRITES"}


def datasets(state: Linking) -> None:
    """READS and WRITES edges, Dataset nodes and their columns.

    Args:
        state: the link run.
    """
    shared = _Shared(state)
    _declare(state, shared)
    for kind, link in (("access", _access), ("sql", _sql)):
        for given in state.corpus.of(kind):
            placed = _mapped(state, given)
            for service in state.owners(placed.file) or ("",):
                link(state, _Use(placed, service, shared))
    for through in shared.repositories.calls():
        for service in state.owners(through.placed.file) or ("",):
            for mode in through.modes:
                _through(state, _Use(through.placed, service, shared), through, (mode, None))
    _tables(state, shared.stores)


def _mapped(state: Linking, placed: Placed) -> Placed:
    """Statements of a mapping file (MyBatis) run where the method of the interface is called."""
    method = placed.fact.get("method") or ""
    found = state.names.packages.within(placed.file, tuple(method.split(".")), "java") if method else None
    if found is None:
        return placed
    return Placed(Fact("sql", {**placed.fact.fields, "symbol": ".".join(found[1])}, placed.fact.at), found[0])


class _Shared:
    __slots__ = ("models", "repositories", "routines", "stores")

    def __init__(self, state: Linking) -> None:
        self.stores, self.models, self.repositories = Stores(state), Models(state), Repositories(state)
        self.routines = Routines(state.corpus)


class _Use:
    __slots__ = ("behind", "models", "placed", "repositories", "routines", "service", "stores")

    def __init__(self, placed: Placed, service: str, shared: _Shared) -> None:
        self.placed, self.service = placed, service
        self.stores, self.models, self.repositories = shared.stores, shared.models, shared.repositories
        self.routines = shared.routines
        self.behind: tuple[Placed, ...] = ()

    def through(self, routine: Placed) -> _Use:
        """The same use, by way of something the database runs."""
        made = copy(self)
        made.behind = (routine,)
        return made


def _declare(state: Linking, shared: _Shared) -> None:
    """Dataset nodes of model classes, with their columns."""
    for key, placed in shared.models.chosen():
        for service in state.owners(placed.file):
            kind, name = shared.models.table(key, service)
            if name:
                node = shared.stores.dataset(service, kind, name)
                known = tuple(placed.fact.get("columns", ()) or ()) or None
                state.builder.node(*node, [state.corpus.evidence(placed)], {"columns": known, "declared": known})


def _need(results: Sequence[Results]) -> Sequence[SymbolKey]:
    known = [text.template.replace("{}", "").strip(":/._-") for text, _ in results[0]]
    return all_params(results[0]) if not all(known) else ()


def _access(state: Linking, use: _Use) -> None:
    fact = use.placed.fact
    kind = fact.get("store_kind", "") or "sql"
    value, at = fact.get("dataset"), use.placed.symbol
    how = (fact.get("mode", "read"), fact.get("columns"))
    if use.repositories and isinstance(value, Name | Member):
        repository = use.repositories.behind(value, *at)
        if repository is not None:
            _through(state, use, Through(use.placed, repository, (), value), how)
            return
    model = use.models.behind(value, at, use.service)
    if model is None and fact.get("only") == "model":
        model = use.models.simple(use.service, dotted(value))
    if model is not None:
        _models(state, use, model, how)
    if model is not None or fact.get("only") in ("repository", "model"):
        return
    for reading in state.wrappers.readings([value], at, use.service, _need):
        for text, _ in reading.results[0]:
            name = text.template
            if text.holes and name == "{}" and kind in SQL_KINDS:
                _loose(state, use, reading, text.holes[0].reason)
                continue
            name = table_name(name) if kind in SQL_KINDS else name
            _edge(state, use, (kind, name), how, reading)


_How = tuple[str, Iterable[str] | None]


def _models(state: Linking, use: _Use, model: SymbolKey, how: _How) -> None:
    """A read or write of a model's table, and of those that come along with it."""
    mode, columns = how
    reading = Reading((), use.placed.symbol)
    for key, way in use.models.along(model, mode, cascade=bool(use.placed.fact.get("cascade"))):
        where = use.models.table(key, use.service)
        _edge(state, use, where, (way, columns if key == model else None), reading)


def _through(state: Linking, use: _Use, through: Through, how: _How) -> None:
    """A read or write of what a repository holds: a model's table, or a name it gives itself."""
    repository = through.repository
    entity = use.repositories.entity(through)
    scope = str(repository.fact.get("name", "")).rpartition(".")[0]
    kind = repository.fact.get("store_kind", "") or "sql"
    reading = Reading((), use.placed.symbol)
    where = use.repositories.written(through)
    model = use.models.behind(entity, where, use.service) if entity is not None else None
    if model is not None:
        _models(state, use, model, how)
        return
    found = state.names.find(*where, dotted(entity)) if dotted(entity) else None
    if found is not None and found.kind == "symbol":
        named = str(repository.fact.get("name", ""))
        held = repository.file[1].endswith(".cs") and "." in named
        table = table_name(named.rpartition(".")[2]) if held else conventional(found.name)
        _edge(state, use, (kind, table), how, reading)
        return
    for text, _ in state.evaluator.texts(entity, Frame(repository.file, scope), Context(service=use.service)):
        if text.template.strip("{}"):
            name = table_name(text.template) if kind in SQL_KINDS else text.template
            _edge(state, use, (kind, name), how, reading)
        else:
            reason = text.holes[0].reason if text.holes else "the repository's entity is not known"
            _loose(state, use, reading, reason)


def _sql(state: Linking, use: _Use) -> None:
    fact = use.placed.fact
    kind = fact.get("store_kind", "") or "sql"
    for reading in state.wrappers.readings([fact.get("text")], use.placed.symbol, use.service, _need):
        for text, _ in reading.results[0]:
            written = any(isinstance(part, str) and part.strip() for part in text.parts)
            named = use.models.classes(use.service) if use.placed.file[1].endswith((".java", ".kt")) else {}
            objects = entities(text.template, named) if written and named else None
            if objects is not None:
                for table, mode in objects:
                    _edge(state, use, (kind, table), (mode, None), reading)
                continue
            uses = table_uses(text.template, use.stores.store(use.service, kind)[0]) if written else None
            behind = list(use.routines.run_by(text.template, uses or ())) if written else []
            for touched, routine in behind:
                _edge(state, use.through(routine), (kind, touched.table), (touched.mode, None), reading)
            if uses is None and not behind:
                why = text.holes[0].reason if text.holes else "the SQL could not be parsed"
                _loose(state, use, reading, why)
                continue
            for touched in uses or ():
                if touched.table == UNKNOWN_TABLE:
                    _loose(state, use, reading, text.holes[0].reason if text.holes else "the table is not known")
                else:
                    table = _as_modelled(use, touched.table)
                    _edge(state, use, (kind, table), (touched.mode, touched.columns), reading)


def _as_modelled(use: _Use, table: str) -> str:
    """A table as models name it: SQL may say its schema where they do not."""
    short = table.rpartition(".")[2]
    known = use.models.tables if short != table else ()
    return short if short in known and table not in known else table


def _edge(
    state: Linking, use: _Use, where: tuple[str, str], how: tuple[str, Iterable[str] | None], reading: Reading
) -> None:
    kind, name = where
    mode, columns = how
    evidence = _evidence(state, use, reading)
    if not name:
        _loose(state, use, reading, "the table of the model is not known")
        return
    node = use.stores.dataset(use.service, kind, name)
    state.builder.node(*node, evidence)
    owners = state.owners(reading.origin[0]) if use.service else ()
    using = [owner for owner in owners if state.sources.made_for(reading, owner)]
    if using and use.service not in using:
        return
    alone = len({use.stores.dataset(owner, kind, name) for owner in owners}) > 1 or len(using) < len(owners)
    named = tuple(columns or ())
    props = {"columns": named or None}
    said = use.placed.fact.kind
    rule = "repository" if said == "call" else "model" if kind == "sql" and said == "access" else said
    resolution = Resolution("resolved", rule)
    for source in state.starts(reading, use.service, evidence, alone=alone):
        state.builder.edge(_EDGE[mode], (source, node), resolution, evidence, props)
        state.configured(source, [use.service] * bool(use.service), sorted(reading.keys), evidence)
    known = [c for c in named if c != "*"]
    if known and use.placed.fact.kind != "sql":
        state.builder.node(*node, (), {"columns": known})


def _evidence(state: Linking, use: _Use, reading: Reading) -> list[Evidence]:
    corpus = state.corpus
    wrapped = [corpus.evidence(Placed(site.fact, site.file), "call") for site in reading.sites]
    return [corpus.evidence(use.placed), *wrapped, *(corpus.evidence(placed) for placed in use.behind)]


def _loose(state: Linking, use: _Use, reading: Reading, reason: str) -> None:
    evidence = _evidence(state, use, reading)
    source = state.symbol(reading.origin, evidence)
    mode = use.placed.fact.get("mode") or "read"
    node = state.loose_end(use.placed, LooseEnd("unknown dataset", _EDGE[mode], reason))
    resolution = Resolution("unresolved", "unknown dataset", reason)
    state.builder.edge(_EDGE[mode], (source, node), resolution, evidence)


def _tables(state: Linking, stores: Stores) -> None:
    """Migrations say which columns a table has; they create a Dataset only where code uses the table."""
    used = {(key[1][2]): key for key in state.builder.nodes if key[0] == "Dataset" and key[1][0] in SQL_KINDS}
    declared: dict[NodeKey, set[str]] = defaultdict(set)
    for placed in state.corpus.of("table"):
        node = used.get(table_name(placed.fact.get("dataset", "")))
        columns = tuple(c.lower() for c in placed.fact.get("columns", ()) or ())
        if node is not None and placed.fact.get("op") != "drop":
            state.builder.node(*node, [state.corpus.evidence(placed)], {"columns": columns or None})
            declared[node].update(columns)
            declared[node].difference_update(c.lower() for c in placed.fact.get("dropped", ()) or ())
    for node, names in declared.items():
        state.builder.node(*node, (), {"declared": sorted(names) or None})


def contained(state: Linking) -> None:
    """CONTAINS edges from stores to their datasets.

    Args:
        state: the link run.
    """
    for kind, key in [k for k in state.builder.nodes if k[0] == "Dataset"]:
        store: NodeKey = ("Store", (key[0], key[1]))
        if key[1] and store in state.builder.nodes:
            evidence = sorted(state.builder.nodes[kind, key].evidence)[:1]
            state.builder.edge(
                "CONTAINS", (store, (kind, key)), Resolution("resolved", "store of the service"), evidence
            )
