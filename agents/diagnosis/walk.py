"""How far the code is from a flow's steps, and what the steps exercise, read from one graph."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from graph.schema import Edge, Node
from graph.store import GraphStore, Page, Pattern, Subgraph

FORWARD = frozenset({"EXERCISES", "HANDLED_BY", "CALLS", "PUBLISHES", "ROUTES_TO", "READS", "WRITES", "CONFIGURED_BY"})
BACKWARD = {"Topic": frozenset({"CONSUMES", "PUBLISHES"}), "Dataset": frozenset({"WRITES"})}
_PATTERN = Pattern(edges={kind: "both" for kind in sorted(FORWARD | {"CONSUMES"})})
_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Reached:
    """What the steps of one flow lead to.

    Args:
        distance: hops from the nearest step, by uid.
        graph: the part of the graph that was read.
        open: loose ends on the way, by uid; absence proves nothing when there are any.
    """

    distance: Mapping[str, int]
    graph: Subgraph
    open: tuple[str, ...]

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
        yield from (n for n in self.graph.nodes.values() if n.kind == "Symbol" and n.key[1] == file)


def _related(one: str, other: str) -> bool:
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


def steps_of(store: GraphStore, flow_file: str, ids: Collection[str] = ()) -> tuple[Node, ...]:
    """The step nodes of a flow, found by the end of its path.

    Args:
        store: a graph.
        flow_file: as the run names it.
        ids: only these steps; all when empty.
    """
    same = [n for n in every(store, "Step") if ends_alike(n.key[1], flow_file)]
    return tuple(n for n in same if not ids or n.key[3] in ids)


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


def reached(store: GraphStore, flow_file: str, ids: Collection[str] = ()) -> Reached | None:
    """What a flow's steps lead to, or None when the graph does not know the flow.

    Args:
        store: a graph.
        flow_file: as the run names it.
        ids: only these steps; all when empty.
    """
    starts = steps_of(store, flow_file, ids)
    if not starts:
        return None
    graph = store.expand([n.uid for n in starts], _PATTERN, _DEPTH)
    distance = _distances(graph, [n.uid for n in starts])
    loose = tuple(sorted(u for u in distance if graph.nodes[u].kind == "Unresolved"))
    return Reached(distance, graph, loose)


def _distances(graph: Subgraph, starts: Collection[str]) -> dict[str, int]:
    after: dict[str, list[str]] = {}
    for edge in graph.edges.values():
        for source, target in _ways(graph, edge):
            after.setdefault(source, []).append(target)
    distance = dict.fromkeys(starts, 0)
    queue = deque(starts)
    while queue:
        here = queue.popleft()
        for there in after.get(here, ()):
            if there not in distance:
                distance[there] = distance[here] + 1
                queue.append(there)
    return distance


def _ways(graph: Subgraph, edge: Edge) -> Iterator[tuple[str, str]]:
    """With the edge, and from topics and datasets back to whoever fills them."""
    if edge.kind in FORWARD:
        yield edge.source, edge.target
    if edge.kind in BACKWARD.get(graph.nodes[edge.target].kind, frozenset()):
        yield edge.target, edge.source
