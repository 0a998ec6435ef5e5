"""How far the code is from what a flow's steps touched, read from one graph."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agents.diagnosis.touches import touched
from graph.runs import StepRun
from graph.schema import Edge, Node
from graph.store import GraphStore, Page, Pattern, Subgraph

FORWARD = frozenset({"EXERCISES", "HANDLED_BY", "CALLS", "PUBLISHES", "ROUTES_TO", "READS", "WRITES", "CONFIGURED_BY"})
FILLED_BY: Mapping[str, str] = {"Topic": "PUBLISHES", "Dataset": "WRITES"}
_PATTERN = Pattern(edges={kind: "both" for kind in sorted(FORWARD | {"CONSUMES"})})
_DEPTH = 14
_TOUCHED = ("Endpoint", "Topic", "Dataset")
_Way = Literal["down", "up"]
_Place = tuple[str, _Way]


@dataclass(frozen=True, slots=True)
class Trail:
    """The steps whose way through the graph is asked for.

    Args:
        flow: file as the run names it.
        steps: executions, whose requests name endpoints, topics and tables even when the graph has no steps.
    """

    flow: str
    steps: tuple[StepRun, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """What the steps of one flow lead to.

    Args:
        distance: hops from the nearest step, by uid.
        graph: the part of the graph that was read.
        open: loose ends on the way, by uid; absence proves nothing when there are any.
        code: symbols by file.
    """

    distance: Mapping[str, int]
    graph: Subgraph
    open: tuple[str, ...]
    code: Mapping[str, Sequence[Node]]

    def of_symbol(self, file: str, name: str) -> int | None:
        """Hops to a symbol, an inner name or the symbol around it, or None.

        Args:
            file: repository-relative.
            name: qualified name.
        """
        hops = (self.distance.get(n.uid) for n in self._symbols(file) if _related(n.key[2], name))
        return min((h for h in hops if h is not None), default=None)

    def of_file(self, file: str) -> int | None:
        """Hops to the nearest symbol of a file, or None.

        Args:
            file: repository-relative.
        """
        return min((self.distance[n.uid] for n in self._symbols(file) if n.uid in self.distance), default=None)

    def nodes(self, kind: str) -> Iterator[Node]:
        """Reached nodes of a kind, nearest first.

        Args:
            kind: node kind.
        """
        found = (n for n in self.graph.nodes.values() if n.kind == kind and n.uid in self.distance)
        yield from sorted(found, key=lambda n: (self.distance[n.uid], n.uid))

    def _symbols(self, file: str) -> Iterator[Node]:
        yield from self.code.get(file, ())


def _related(one: str, other: str) -> bool:
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


def ends_alike(one: str, other: str) -> bool:
    """Whether two paths name one file, seen from different folders.

    Args:
        one: a path.
        other: a path.
    """
    a, b = one.removeprefix("./"), other.removeprefix("./")
    return a == b or a.endswith("/" + b) or b.endswith("/" + a)


def every(store: GraphStore, kind: str) -> Iterator[Node]:
    """All nodes of a kind.

    Args:
        store: a graph.
        kind: node kind.
    """
    after = ""
    while True:
        found = store.find(kind, None, Page(after=after))
        yield from found.nodes
        if found.next is None:
            return
        after = found.next


class Atlas:
    """What all the flows of a case may lead to in one graph, read at once; ways are then measured in memory.

    Args:
        store: a graph.
        trails: every trail that will be asked for, or one that has its steps.
    """

    def __init__(self, store: GraphStore, trails: Iterable[Trail]) -> None:
        self._nodes = {kind: tuple(every(store, kind)) for kind in ("Step", *_TOUCHED)}
        starts = dict.fromkeys(uid for trail in trails for uid in self._starts(trail))
        self._graph = store.expand(list(starts), _PATTERN, _DEPTH) if starts else Subgraph({}, {})
        self._after: dict[_Place, list[_Place]] = {}
        for edge in self._graph.edges.values():
            for source, target in _ways(self._graph, edge):
                self._after.setdefault(source, []).append(target)
        self._code: dict[str, list[Node]] = {}
        for node in self._graph.nodes.values():
            if node.kind == "Symbol":
                self._code.setdefault(node.key[1], []).append(node)
        self._known: dict[tuple[str, tuple[int, ...]], Reached | None] = {}

    def reached(self, trail: Trail) -> Reached | None:
        """What the steps lead to, or None when the graph knows nothing of what they touch.

        Args:
            trail: the steps.
        """
        key = trail.flow, tuple(map(id, trail.steps))
        if key not in self._known:
            self._known[key] = self._measured(trail)
        return self._known[key]

    def _starts(self, trail: Trail) -> dict[str, int]:
        ids = {s.id for s in trail.steps}
        steps = (n for n in self._nodes["Step"] if n.key[3] in ids and ends_alike(n.key[1], trail.flow))
        starts = dict.fromkeys((n.uid for n in steps), 0)
        for kind in _TOUCHED:
            for node in touched(trail.steps, kind, self._nodes[kind]):
                starts.setdefault(node.uid, 1)
        return starts

    def _measured(self, trail: Trail) -> Reached | None:
        starts = {uid: hops for uid, hops in self._starts(trail).items() if uid in self._graph.nodes}
        if not starts:
            return None
        distance = _distances(self._after, starts)
        loose = tuple(sorted(u for u in distance if self._graph.nodes[u].kind == "Unresolved"))
        return Reached(distance, self._graph, loose, self._code)


def _distances(after: Mapping[_Place, Sequence[_Place]], starts: Mapping[str, int]) -> dict[str, int]:
    hops: dict[_Place, int] = {(uid, "down"): distance for uid, distance in starts.items()}
    queue = deque(sorted(hops, key=lambda place: (hops[place], place)))
    while queue:
        here = queue.popleft()
        for there in after.get(here, ()):
            if there not in hops:
                hops[there] = hops[here] + 1
                queue.append(there)
    distance: dict[str, int] = {}
    for (uid, _), count in hops.items():
        distance[uid] = min(count, distance.get(uid, count))
    return distance


def _ways(graph: Subgraph, edge: Edge) -> Iterator[tuple[_Place, _Place]]:
    """Down with the edge; from what is filled up to who fills it, to its callers, and down again from any of them."""
    source, target = graph.nodes[edge.source], graph.nodes[edge.target]
    if edge.kind in FORWARD:
        yield (source.uid, "down"), (target.uid, "down")
        yield (source.uid, "up"), (target.uid, "down")
    if edge.kind == FILLED_BY.get(target.kind):
        yield (target.uid, "down"), (source.uid, "up")
        yield (target.uid, "up"), (source.uid, "up")
    elif edge.kind == "CALLS" and target.kind == "Symbol":
        yield (target.uid, "up"), (source.uid, "up")
    elif edge.kind == "CONSUMES":
        yield (target.uid, "down"), (source.uid, "down")
        yield (source.uid, "up"), (target.uid, "up")


def handling(way: Reached, most: int) -> Sequence[Node]:
    """The symbols right behind what the steps touched.

    Args:
        way: from the steps.
        most: hops.
    """
    return [n for n in way.nodes("Symbol") if way.distance[n.uid] <= most]


def uids_at(way: Reached, hops: int) -> Collection[str]:
    """Nodes at exactly a distance.

    Args:
        way: from the steps.
        hops: distance.
    """
    return {uid for uid, distance in way.distance.items() if distance == hops}
