"""Service, Store, Symbol, Config and Package nodes: what is there, before anything is linked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from posixpath import splitext

from graph.linking.build import NodeKey
from graph.linking.callgraph import HANDED_OVER
from graph.linking.corpus import Placed
from graph.linking.deployed import Service
from graph.linking.implementations import OVERRIDE
from graph.linking.names import dotted
from graph.linking.outcomes import Context, Frame
from graph.linking.roles import aside
from graph.linking.state import Linking
from graph.schema import Resolution, Status
from graph.values import Lit, Member, Name

_LANGUAGES = {
    ".py": "Python",
    ".js": "JavaScript",
    ".mjs": "JavaScript",
    ".cjs": "JavaScript",
    ".jsx": "JavaScript",
    ".ts": "TypeScript",
    ".tsx": "TypeScript",
    ".java": "Java",
    ".go": "Go",
    ".cs": "C#",
}


def services(state: Linking) -> None:
    """Service and Store nodes and DEPENDS_ON edges.

    Args:
        state: the link run.
    """
    languages = _languages(state)
    for service in state.services.by_name.values():
        _service(state, service, languages.get(service.name, Counter()))
    for placed in state.corpus.of("depends"):
        owner = state.services.lookup(placed.file[0], placed.fact.get("service", ""))
        target = state.services.lookup(placed.file[0], placed.fact.get("on", ""))
        if owner is not None and target is not None and owner is not target:
            node = _store_node(target) or ("Service", (target.name,))
            evidence = [state.corpus.evidence(placed)]
            resolution = Resolution("resolved", "declared", "start-up order, not a call")
            state.builder.edge("DEPENDS_ON", (("Service", (owner.name,)), node), resolution, evidence)


def _service(state: Linking, service: Service, languages: Counter[str]) -> None:
    evidence = sorted(service.evidence)
    most = sorted(languages.items(), key=lambda row: (-row[1], row[0]))
    props = {
        "root": service.root,
        "sort": service.sort,
        "repository": service.repository,
        "language": most[0][0] if most else None,
        "hosts": sorted(service.hosts | {f"${{{name}}}" for name in service.variables}),
    }
    state.builder.node("Service", (service.name,), evidence, props)
    store = _store_node(service)
    if store is not None:
        state.builder.node(*store, evidence)


def _store_node(service: Service) -> NodeKey | None:
    return ("Store", (service.store_kind, service.name)) if service.store_kind else None


def _languages(state: Linking) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for file, index in state.corpus.files.items():
        language = _LANGUAGES.get(splitext(file[1])[1])
        if language and not aside(file[1]):
            for owner in state.owners(file):
                found.setdefault(owner, Counter())[language] += len(index.symbols) + 1
    return found


def symbols(state: Linking) -> None:
    """Symbol nodes with OWNS.

    Args:
        state: the link run.
    """
    for placed in state.corpus.of("symbol"):
        fact = placed.fact
        evidence = [state.corpus.evidence(placed)]
        props = {
            "sort": fact.get("sort"),
            "line": fact.at.line,
            "end_line": fact.at.end_line or fact.at.line,
            "digest": fact.get("digest"),
            "decorated": fact.get("decorated"),
        }
        node = state.builder.node("Symbol", (*placed.file, fact.get("name", "") or ""), evidence, props)
        if aside(placed.file[1]):
            continue
        for owner in state.owners(placed.file):
            resolution = Resolution("resolved", "service root")
            state.builder.edge("OWNS", (("Service", (owner,)), node), resolution, evidence)


def configs(state: Linking) -> None:
    """Config nodes for what code reads and what deployment files set, and CONFIGURED_BY edges.

    Args:
        state: the link run.
    """
    for placed in state.corpus.of("config_read"):
        evidence = [state.corpus.evidence(placed)]
        source = state.symbol(placed.symbol, evidence)
        for owner in state.owners(placed.file):
            state.configured(source, [owner], _keys(state, placed, owner), evidence)
    for placed in state.corpus.of("env_value"):
        service = state.services.lookup(placed.file[0], placed.fact.get("service", "") or "")
        if service is None:
            continue
        evidence = [state.corpus.evidence(placed)]
        value = placed.fact.get("value")
        key = (service.name, placed.fact.get("key", ""))
        shown = str(value.value) if isinstance(value, Lit) and not _secret(key[1]) else None
        config = state.builder.node("Config", key, evidence, {"value": shown})
        resolution = Resolution("resolved", "deployment")
        state.builder.edge("CONFIGURED_BY", (("Service", (service.name,)), config), resolution, evidence)


def _keys(state: Linking, placed: Placed, service: str) -> Sequence[str]:
    """The keys a read means: as written, or those a property of an options class is filled from."""
    value = placed.fact.get("of")
    if value is None:
        return [placed.fact.get("key", "")]
    context = Context(service=service)
    state.evaluator.evaluate(value, Frame(*placed.symbol), context)
    return sorted(context.keys)


def _secret(key: str) -> bool:
    words = ("PASSWORD", "PASSWD", "SECRET", "TOKEN", "CREDENTIAL", "PRIVATE", "API_KEY", "ACCESS_KEY", "DSN")
    return any(word in key.upper() for word in words)


def packages(state: Linking) -> None:
    """Package nodes and IMPORTS edges from the services whose folder declares them.

    Args:
        state: the link run.
    """
    for placed in state.corpus.of("dependency"):
        if aside(placed.file[1]):
            continue
        evidence = [state.corpus.evidence(placed)]
        key = (placed.fact.get("ecosystem", ""), placed.fact.get("name", ""))
        for owner in state.owners(placed.file):
            node = state.builder.node("Package", key, evidence)
            resolution = Resolution("resolved", "declared dependency")
            state.builder.edge("IMPORTS", (("Service", (owner,)), node), resolution, evidence)


def calls(state: Linking) -> None:
    """CALLS edges between symbols, functions handed over as arguments, and uses of constants and types.

    Args:
        state: the link run.
    """
    for site in state.calls.sites:
        if site.symbol == site.target:
            continue
        evidence = [state.corpus.evidence(Placed(site.fact, site.file))]
        ends = (state.symbol(site.symbol, evidence), state.symbol(site.target, evidence))
        status: Status = "candidate" if site.rule == OVERRIDE else "resolved"
        state.builder.edge("CALLS", ends, Resolution(status, site.rule), evidence)
    for placed in state.corpus.of("call"):
        named = [value for _, value in placed.fact.get("named", ()) or ()]
        for value in (*(placed.fact.get("args", ()) or ()), *named):
            _handed_over(state, placed, value)
    for placed in state.corpus.of("use"):
        _use(state, placed, placed.fact.get("name", ""), "use")


def _handed_over(state: Linking, placed: Placed, value: object) -> None:
    if isinstance(value, Name | Member):
        name = dotted(value)
        if name:
            _use(state, placed, name, HANDED_OVER, classes=True)


def _use(state: Linking, placed: Placed, name: str, rule: str, *, classes: bool = False) -> None:
    file, scope = placed.symbol
    found = state.names.find(file, scope, name)
    if found is None or found.kind not in ("symbol", "binding"):
        return
    target = (found.file, found.name)
    fact = state.names.files[found.file].symbols.get(found.name)
    if fact is None or target == (file, scope) or (classes and (found.rest or fact.get("sort") != "class")):
        return
    evidence = [state.corpus.evidence(placed)]
    ends = (state.symbol((file, scope), evidence), state.symbol(target, evidence))
    state.builder.edge("CALLS", ends, Resolution("resolved", rule), evidence)
