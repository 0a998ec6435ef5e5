"""Links in the code that were never seen, told apart from those that nothing could have shown."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graph.observed import TOUCHING, Claim, Observed, Sighting, Window, observed
from graph.query import Asked, Parameter, Query
from graph.schema import Edge, Node
from graph.store import GraphStore

_ANY_STORE = ("", "sql", "unknown")


@dataclass(frozen=True, slots=True)
class Dead:
    """A link never seen although what leads to it ran.

    Args:
        service: who.
        edge: kind of link.
        label: what it would touch.
        text: one sentence.
        place: ``file:line`` of the code.
        entries: what ran on the way to it, with counts.
        exposed: how often, when and where what leads to it ran.
        advice: what to do.
    """

    service: str
    edge: str
    label: str
    text: str
    place: str
    entries: tuple[str, ...]
    exposed: Sighting
    advice: str


@dataclass(frozen=True, slots=True)
class Unobserved:
    """Links about which nothing can be said.

    Args:
        reason: why.
        links: how many.
        examples: some, one sentence each.
    """

    reason: str
    links: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeadEdges:
    """All links of the code, by what was seen of them.

    Args:
        dead: never seen although exposed, the most exposed first.
        seen: links that were seen.
        unobserved: the rest, by reason; not seen is not dead.
        windows: where and when spans were observed; empty when never.
    """

    dead: tuple[Dead, ...]
    seen: int
    unobserved: tuple[Unobserved, ...]
    windows: tuple[Window, ...]


@dataclass(slots=True)
class _Exposure:
    """What ran, and which kinds of spans each service sends.

    Args:
        entries: symbol uid to the endpoints and topics whose handling reaches it.
        ran: (service, entry uid) to how often it ran.
        shows: services' names with the kinds of thing their spans speak of.
    """

    entries: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ran: dict[tuple[str, str], Sighting] = field(default_factory=dict)
    shows: set[tuple[str, str]] = field(default_factory=set)


def dead(store: GraphStore, service: str = "") -> DeadEdges:
    """Links of the code that spans never showed.

    Args:
        store: the graph.
        service: only of this one, or of all when empty.
    """
    both = observed(store)
    exposure = _exposure(both)
    rows: list[Dead] = []
    silent: dict[str, list[str]] = defaultdict(list)
    seen = 0
    for claim, edges in sorted(both.coded.items(), key=lambda item: item[0]):
        if claim[1] not in TOUCHING or service not in ("", claim[0]):
            continue
        if claim in both.seen:
            seen += 1
            continue
        found = _judged(both, exposure, claim, edges)
        if isinstance(found, Dead):
            rows.append(found)
        else:
            silent[found].append(both.sentence(claim))
    rows.sort(key=lambda row: (-row.exposed.count, row.service, row.edge, row.label))
    unobserved = [Unobserved(reason, len(texts), tuple(sorted(texts)[:5])) for reason, texts in silent.items()]
    unobserved.sort(key=lambda one: (-one.links, one.reason))
    return DeadEdges(tuple(rows), seen, tuple(unobserved), both.windows)


def _exposure(both: Observed) -> _Exposure:
    found = _Exposure()
    calls: dict[str, list[str]] = defaultdict(list)
    handlers: list[tuple[str, str]] = []
    for kind, source, target in both.graph.edges:
        if kind == "CALLS" and both.graph.nodes[target].kind == "Symbol":
            calls[source].append(target)
        elif kind == "HANDLED_BY":
            handlers.append((source, target))
    for entry, handler in handlers:
        for symbol in _reach(handler, calls):
            found.entries[symbol].add(entry)
    for (service, kind, target), sighting in both.seen.items():
        if kind in ("OWNS", "CONSUMES"):
            found.ran[service, target] = sighting
        if kind != "OWNS":
            found.shows |= {(service, family) for family in _families(kind, both.graph.nodes[target])}
    return found


def _reach(start: str, calls: Mapping[str, list[str]]) -> set[str]:
    passed = {start}
    waiting = deque(passed)
    while waiting:
        for target in calls.get(waiting.popleft(), ()):
            if target not in passed:
                passed.add(target)
                waiting.append(target)
    return passed


def _families(kind: str, target: Node) -> set[str]:
    """What kind of library must be instrumented for such a link to be seen."""
    if kind == "CALLS":
        return {f"{target.key[1] if target.kind == 'Endpoint' else 'http'} clients"}
    family = "messages" if target.kind == "Topic" else "stores"
    broker = target.key[0].partition("@")[0]
    return {f"{broker} {family}", family}


def _judged(both: Observed, exposure: _Exposure, claim: Claim, edges: Iterable[Edge]) -> Dead | str:
    """The row of a dead link, or why nothing can be said."""
    service, kind, target = claim
    entries = {entry for edge in edges for entry in _entries(both, exposure, edge)}
    ran = {entry: exposure.ran[service, entry] for entry in entries if (service, entry) in exposure.ran}
    if not both.windows:
        return "nothing was observed yet"
    if not entries:
        return "no endpoint and no message is known that leads there"
    if not ran:
        return "nothing that leads there ran while spans were observed"
    wanted = _wanted(kind, both.graph.nodes[target])
    if (service, wanted) not in exposure.shows:
        return f"{service} sends no spans that name its {wanted}"
    if _returning(both, claim, edges):
        return "seen only as written, by code that both writes and reads it (a RETURNING clause reads, too)"
    if _exchange(both, claim):
        return "its spans name a topic of RabbitMQ that no code knows: it may be the exchange of this message"
    place = min((e.place() for edge in edges for e in edge.evidence if e.file), default="")
    told = [f"{both.graph.nodes[entry].label} × {sighting.count}" for entry, sighting in ran.items()]
    text = f"{both.sentence(claim)} in code, and was not seen doing so"
    return Dead(service, kind, both.graph.nodes[target].label, text, place, tuple(sorted(told)), _all(ran), _ADVICE)


def _returning(both: Observed, claim: Claim, edges: Iterable[Edge]) -> bool:
    """The reading code writes the same thing, and was seen writing: one statement may do both."""
    service, kind, target = claim
    written = (service, "WRITES", target)
    if kind != "READS" or written not in both.seen:
        return False
    writers = {edge.source for edge in both.coded.get(written, ())}
    return all(edge.source in writers for edge in edges)


def _exchange(both: Observed, claim: Claim) -> bool:
    """Some clients' spans name the exchange alone; then a name that no code knows may be this very message."""
    service, kind, target = claim
    if not _rabbit(both.graph.nodes[target]):
        return False
    others = (c for c in both.seen if c[:2] == (service, kind) and c not in both.coded)
    return any(_rabbit(both.graph.nodes[other]) for _, _, other in others)


def _rabbit(node: Node) -> bool:
    return node.kind == "Topic" and node.key[0].partition("@")[0] == "rabbitmq"


_ADVICE = (
    "write a flow that needs it (a branch or an error may lead there), or remove the code; "
    "partial sampling can hide it, too"
)


def _wanted(kind: str, target: Node) -> str:
    exact, *general = sorted(_families(kind, target), key=len, reverse=True)
    return general[0] if general and target.key[0].partition("@")[0] in _ANY_STORE else exact


def _entries(both: Observed, exposure: _Exposure, edge: Edge) -> set[str]:
    source = both.graph.nodes[edge.source]
    if source.kind == "Endpoint":
        return {source.uid}
    return exposure.entries.get(source.uid, set()) if source.kind == "Symbol" else set()


def _all(ran: Mapping[str, Sighting]) -> Sighting:
    found = list(ran.values())
    return Sighting(
        sum(one.count for one in found),
        min((one.first for one in found if one.first), default=""),
        max((one.last for one in found), default=""),
        tuple(sorted({name for one in found for name in one.environments})),
        tuple(sorted({run for one in found for run in one.runs}))[-5:],
        tuple(sorted({span for one in found for span in one.spans}))[:5],
    )


def _run(asked: Asked) -> DeadEdges:
    return dead(asked.store, str(asked.given("service", "")))


QUERY = Query(
    "dead",
    "What is in the code and was never seen although what leads to it ran.",
    {"service": Parameter("Only of this service")},
    _run,
)
