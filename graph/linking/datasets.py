"""Stored data: ORM models, SQL text, keys and collections as Datasets, with the columns read and written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from graph.linking.build import NodeKey
from graph.linking.corpus import Placed, SymbolKey
from graph.linking.names import dotted
from graph.linking.outcomes import Context, Definition, Frame, Instance
from graph.linking.repositories import Repositories, conventional, entities
from graph.linking.sqltext import UNKNOWN_TABLE, table_name, table_uses
from graph.linking.state import Linking, LooseEnd
from graph.linking.stores import SQL_KINDS, Stores
from graph.linking.wrappers import Reading, Results, all_params
from graph.schema import Evidence, Resolution
from graph.values import Member, Name, Value

_EDGE = {"read": "READS", "write": "WRITES"}


def datasets(state: Linking) -> None:
    """READS and WRITES edges, Dataset nodes and their columns.

    Args:
        state: the link run.
    """
    stores = Stores(state)
    models = _models(state, stores)
    shared = _Shared(stores, models, Repositories(state))
    for placed in state.corpus.of("access"):
        for service in state.owners(placed.file) or ("",):
            _access(state, _Use(placed, service, shared))
    for placed in state.corpus.of("sql"):
        for service in state.owners(placed.file) or ("",):
            _sql(state, _Use(placed, service, shared))
    for through in shared.repositories.calls():
        for service in state.owners(through.placed.file) or ("",):
            for mode in through.modes:
                _through(state, _Use(through.placed, service, shared), through.repository, (mode, None))
    _tables(state, stores)


class _Shared:
    __slots__ = ("models", "repositories", "stores")

    def __init__(self, stores: Stores, models: dict[SymbolKey, Placed], repositories: Repositories) -> None:
        self.stores, self.models, self.repositories = stores, models, repositories


class _Use:
    __slots__ = ("models", "placed", "repositories", "service", "stores")

    def __init__(self, placed: Placed, service: str, shared: _Shared) -> None:
        self.placed, self.service = placed, service
        self.stores, self.models, self.repositories = shared.stores, shared.models, shared.repositories


def _models(state: Linking, stores: Stores) -> dict[SymbolKey, Placed]:
    models = {}
    for placed in state.corpus.of("model"):
        models[placed.file, placed.fact.get("name", "")] = placed
        for service in state.owners(placed.file):
            name = _model_table(state, placed, service)
            if name:
                node = stores.dataset(service, placed.fact.get("store_kind", "") or "sql", name)
                known = tuple(placed.fact.get("columns", ()) or ()) or None
                state.builder.node(*node, [state.corpus.evidence(placed)], {"columns": known, "declared": known})
    return models


def _model_table(state: Linking, placed: Placed, service: str) -> str:
    scope = str(placed.fact.get("name", "")).rpartition(".")[0]
    texts = state.evaluator.texts(placed.fact.get("dataset"), Frame(placed.file, scope), Context(service=service))
    names = [text.template for text, _ in texts if not text.holes]
    return table_name(names[0]) if names else ""


def _need(results: Sequence[Results]) -> Sequence[SymbolKey]:
    text = results[0][0][0]
    return all_params(results[0]) if not text.template.replace("{}", "").strip(":/._-") else ()


def _access(state: Linking, use: _Use) -> None:
    fact = use.placed.fact
    kind = fact.get("store_kind", "") or "sql"
    value = fact.get("dataset")
    if use.repositories and isinstance(value, Name | Member):
        repository = use.repositories.behind(value, *use.placed.symbol)
        if repository is not None:
            _through(state, use, repository, (fact.get("mode", "read"), fact.get("columns")))
            return
    if fact.get("only") == "repository":
        return
    model = _model(state, use, value, use.placed.symbol)
    if model is None and fact.get("only") == "model":
        model = _by_name(state, use, dotted(value))
        if model is None:
            return
    if model is not None:
        name = _model_table(state, model, use.service)
        kind = model.fact.get("store_kind", "") or kind
        reading = Reading((), use.placed.symbol)
        _edge(state, use, (kind, name), (fact.get("mode", "read"), fact.get("columns")), reading)
        return
    for reading in state.wrappers.readings([fact.get("dataset")], use.placed.symbol, use.service, _need):
        for text, _ in reading.results[0]:
            name = text.template
            if text.holes and name == "{}" and kind in SQL_KINDS:
                _loose(state, use, reading, text.holes[0].reason)
                continue
            name = table_name(name) if kind in SQL_KINDS else name
            _edge(state, use, (kind, name), (fact.get("mode", "read"), fact.get("columns")), reading)


def _through(state: Linking, use: _Use, repository: Placed, how: tuple[str, Iterable[str] | None]) -> None:
    """A read or write of what a repository holds: a model's table, or a name it gives itself."""
    entity = repository.fact.get("entity")
    scope = str(repository.fact.get("name", "")).rpartition(".")[0]
    kind = repository.fact.get("store_kind", "") or "sql"
    reading = Reading((), use.placed.symbol)
    model = _model(state, use, entity, (repository.file, scope)) if entity is not None else None
    if model is not None:
        kind = model.fact.get("store_kind", "") or kind
        _edge(state, use, (kind, _model_table(state, model, use.service)), how, reading)
        return
    found = state.names.find(repository.file, scope, dotted(entity)) if dotted(entity) else None
    if found is not None and found.kind == "symbol":
        named = str(repository.fact.get("name", ""))
        context = repository.file[1].endswith(".cs") and "." in named
        _edge(
            state,
            use,
            (kind, table_name(named.rpartition(".")[2]) if context else conventional(found.name)),
            how,
            reading,
        )
        return
    for text, _ in state.evaluator.texts(entity, Frame(repository.file, scope), Context(service=use.service)):
        if text.template.strip("{}"):
            name = table_name(text.template) if kind in SQL_KINDS else text.template
            _edge(state, use, (kind, name), how, reading)
        else:
            reason = text.holes[0].reason if text.holes else "the repository's entity is not known"
            _loose(state, use, reading, reason)


def _model(state: Linking, use: _Use, value: Value | None, at: SymbolKey) -> Placed | None:
    """The model class behind a value: the class, an object of it, or a bound table."""
    name = dotted(value)
    found = state.names.find(at[0], at[1], name) if name else None
    if found is not None and (found.file, found.name) in use.models:
        return use.models[found.file, found.name]
    if value is None:
        return None
    for outcome in state.evaluator.evaluate(value, Frame(*at), Context(service=use.service)):
        thing = outcome.thing
        owner = thing.owner if isinstance(thing, Instance) else thing.symbol if isinstance(thing, Definition) else None
        if owner is not None and owner in use.models:
            return use.models[owner]
    return None


def _by_name(state: Linking, use: _Use, name: str) -> Placed | None:
    """The only model of that name in the service: ``db.User``, where ``db`` is filled by a loop over files."""
    last = name.rpartition(".")[2]
    known = [m for m in use.models.values() if m.fact.get("name") == last and use.service in state.owners(m.file)]
    return known[0] if last and len(known) == 1 else None


def _sql(state: Linking, use: _Use) -> None:
    fact = use.placed.fact
    kind = fact.get("store_kind", "") or "sql"
    for reading in state.wrappers.readings([fact.get("text")], use.placed.symbol, use.service, _need):
        for text, _ in reading.results[0]:
            written = any(isinstance(part, str) and part.strip() for part in text.parts)
            objects = entities(text.template, _classes(state, use)) if written and use.models else None
            if objects is not None:
                for table, mode in objects:
                    _edge(state, use, (kind, table), (mode, None), reading)
                continue
            uses = table_uses(text.template, use.stores.store(use.service, kind)[0]) if written else None
            if uses is None:
                why = text.holes[0].reason if text.holes else "the SQL could not be parsed"
                _loose(state, use, reading, why)
                continue
            for touched in uses:
                if touched.table == UNKNOWN_TABLE:
                    _loose(state, use, reading, text.holes[0].reason if text.holes else "the table is not known")
                else:
                    _edge(state, use, (kind, touched.table), (touched.mode, touched.columns), reading)


def _classes(state: Linking, use: _Use) -> Mapping[str, str]:
    """Entity classes of the service by simple name, for queries that name them instead of tables."""
    if use.placed.file[1].endswith((".java", ".kt")):
        return use.repositories.tables(use.service, lambda: _named_models(state, use))
    return {}


def _named_models(state: Linking, use: _Use) -> dict[str, str]:
    found: dict[str, str] = {}
    for (file, name), placed in use.models.items():
        if use.service in state.owners(file):
            found[name.rpartition(".")[2]] = _model_table(state, placed, use.service)
    return found


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
    source = state.symbol(reading.origin, evidence)
    named = tuple(columns or ())
    props = {"columns": named or None}
    resolution = Resolution(
        "resolved", "model" if kind == "sql" and use.placed.fact.kind == "access" else use.placed.fact.kind
    )
    state.builder.edge(_EDGE[mode], (source, node), resolution, evidence, props)
    known = [c for c in named if c != "*"]
    if known and use.placed.fact.kind != "sql":
        state.builder.node(*node, (), {"columns": known})
    state.configured(source, [use.service] * bool(use.service), sorted(reading.keys), evidence)


def _evidence(state: Linking, use: _Use, reading: Reading) -> list[Evidence]:
    corpus = state.corpus
    wrapped = [corpus.evidence(Placed(site.fact, site.file), "call") for site in reading.sites]
    return [corpus.evidence(use.placed), *wrapped]


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
