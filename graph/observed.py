"""What code says and what spans showed, on the level both can speak about: a service and the thing it touches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from graph.schema import Edge, Node
from graph.store import GraphStore, Subgraph

RUNTIME = "runtime"
TOUCHING = ("CALLS", "PUBLISHES", "CONSUMES", "READS", "WRITES")
VERBS: Mapping[str, str] = {
    "CALLS": "calls",
    "PUBLISHES": "publishes to",
    "CONSUMES": "consumes from",
    "READS": "reads",
    "WRITES": "writes",
    "OWNS": "answers",
}
_NODES = ("Service", "Endpoint", "Symbol", "Topic", "Dataset", "External", "Unresolved")
_EDGES = ("OWNS", "HANDLED_BY", "ROUTES_TO", *TOUCHING)
_ENDS = ("Endpoint", "Topic", "Dataset", "External")

Claim = tuple[str, str, str]
"""(service name, edge kind, uid of what is touched)."""


@dataclass(frozen=True, slots=True)
class Window:
    """Days of one environment on which spans were observed.

    Args:
        environment: its name.
        days: how many.
        first: the first day.
        last: the last day.
    """

    environment: str
    days: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """How often spans showed something.

    Args:
        count: spans.
        first: when first, by our clock.
        last: when last.
        environments: where.
        runs: the latest runs that showed it.
        spans: some of them, ``<trace id>/<span id>``.
    """

    count: int = 0
    first: str = ""
    last: str = ""
    environments: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()

    def joined(self, edge: Edge) -> Sighting:
        """With what an observed edge adds.

        Args:
            edge: with runtime evidence.
        """
        said = edge.props
        firsts = [moment for moment in (self.first, str(said.get("first_seen") or "")) if moment]
        pointers = [e.pointer for e in edge.evidence if e.layer == RUNTIME]
        return Sighting(
            self.count + int(said.get("seen") or 1),
            min(firsts, default=""),
            max(self.last, str(said.get("last_seen") or "")),
            tuple(sorted({*self.environments, *said.get("environments", ())})),
            tuple(sorted({*self.runs, *said.get("runs", ())}))[-5:],
            tuple(sorted({*self.spans, *pointers}))[:5],
        )


@dataclass(slots=True)
class Observed:
    """Both sides.

    Args:
        graph: nodes and edges.
        windows: where and when spans were observed at all.
        seen: what spans showed.
        origins: labels of the endpoints (or services) spans showed it from.
        coded: what code, specs, deployment files or people say, with the edges that say it.
        owners: uid to names of the services it belongs to.
    """

    graph: Subgraph
    windows: tuple[Window, ...]
    seen: dict[Claim, Sighting] = field(default_factory=dict)
    origins: dict[Claim, set[str]] = field(default_factory=lambda: defaultdict(set))
    coded: dict[Claim, list[Edge]] = field(default_factory=lambda: defaultdict(list))
    owners: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def services(self, node: Node) -> Iterable[str]:
        """The services something belongs to.

        Args:
            node: where an edge starts.
        """
        if node.kind in ("Service", "Endpoint"):
            return (node.key[0],)
        return self.owners.get(node.uid, ())

    def sentence(self, claim: Claim) -> str:
        """A claim for people.

        Args:
            claim: whose.
        """
        service, kind, target = claim
        return f"{service} {VERBS[kind]} {self.graph.nodes[target].label}"


def observed(store: GraphStore) -> Observed:
    """Reads both sides in two round trips.

    Args:
        store: the graph.
    """
    both = Observed(store.slice(_NODES, _EDGES), windows_of(store))
    for kind, source, target in both.graph.edges:
        if kind == "OWNS":
            both.owners[target].add(both.graph.nodes[source].key[0])
    for edge in both.graph.edges.values():
        for claim in _claims(both, edge):
            if RUNTIME in {e.layer for e in edge.evidence}:
                both.seen[claim] = both.seen.get(claim, Sighting()).joined(edge)
                both.origins[claim].add(both.graph.nodes[edge.source].label)
            if said(edge):
                both.coded[claim].append(edge)
    return both


def windows_of(store: GraphStore) -> tuple[Window, ...]:
    """Where and on which days spans were observed; what is out of date is forgotten with its bucket.

    Args:
        store: the graph.
    """
    days: dict[str, list[str]] = defaultdict(list)
    for bucket in store.buckets():
        if bucket.scanner == RUNTIME:
            days[bucket.repository].append(bucket.root)
    return tuple(Window(name, len(found), min(found), max(found)) for name, found in sorted(days.items()))


def said(thing: Edge | Node) -> bool:
    """Whether anything but spans and flows says it.

    Args:
        thing: of the graph.
    """
    return not thing.evidence or any(e.layer not in (RUNTIME, "flow") for e in thing.evidence)


def _claims(both: Observed, edge: Edge) -> Iterator[Claim]:
    source, target = both.graph.nodes[edge.source], both.graph.nodes[edge.target]
    kind = "CALLS" if edge.kind == "ROUTES_TO" else edge.kind
    if target.kind not in _ENDS or (kind not in TOUCHING and kind != "OWNS"):
        return
    for service in both.services(source):
        if kind == "OWNS" or target.kind != "Endpoint" or target.key[0] != service:
            yield service, kind, target.uid
