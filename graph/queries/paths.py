"""How one thing leads to another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from graph.answers import Hop
from graph.labels import named
from graph.query import Asked, Parameter, Query
from graph.store import GraphStore, Pattern, Subgraph

_DEPTH, _MOST, _LIMIT = 12, 5, 50_000
_FORWARD = Pattern(
    {
        "CALLS": "out",
        "HANDLED_BY": "out",
        "PUBLISHES": "out",
        "CONSUMES": "in",
        "WRITES": "out",
        "READS": "in",
        "ROUTES_TO": "out",
        "EXERCISES": "out",
        "CONTAINS": "out",
        "OWNS": "out",
    }
)


@dataclass(frozen=True, slots=True)
class Paths:
    """Ways from one node to another.

    Args:
        source: label.
        target: label.
        paths: shortest first, then by labels; empty when there is none.
        truncated: the search was cut, so absence proves nothing.
    """

    source: str
    target: str
    paths: tuple[tuple[Hop, ...], ...]
    truncated: bool = False


def paths(store: GraphStore, source: str, target: str, most: int = _MOST) -> Paths:
    """The shortest ways data or control goes from one node to another.

    Args:
        store: the graph.
        source: label or uid.
        target: label or uid.
        most: ways to show.

    Raises:
        NotFoundError: one of them does not exist.
    """
    start, end = named(store, source), named(store, target)
    found = store.expand([start.uid], _FORWARD, _DEPTH, _LIMIT)
    ways = _shortest(found, start.uid, end.uid, most) if end.uid in found.nodes else []
    return Paths(start.label, end.label, tuple(ways), found.truncated)


def _shortest(found: Subgraph, start: str, end: str, most: int) -> list[tuple[Hop, ...]]:
    import networkx as nx

    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for kind, source, target in found.edges:
        near, far = (source, target) if _FORWARD.edges[kind] == "out" else (target, source)
        graph.add_edge(near, far, key=kind, number=(kind, source, target))
    if not (graph.has_node(start) and graph.has_node(end) and nx.has_path(graph, start, end)):
        return []
    ways: list[tuple[Hop, ...]] = []
    for route in nx.all_shortest_paths(nx.DiGraph(graph), start, end):
        ways.append(tuple(_hop(found, graph, a, b) for a, b in pairwise(route)))
        if len(ways) >= most * 20:
            break
    return sorted(ways, key=lambda way: [(h.source, h.edge, h.target) for h in way])[:most]


def _hop(found: Subgraph, graph: object, near: str, far: str) -> Hop:
    number = min(data["number"] for data in graph[near][far].values())  # type: ignore[index]
    edge = found.edges[number]
    place = edge.evidence[0].place() if edge.evidence else ""
    source, target = found.nodes[edge.source].label, found.nodes[edge.target].label
    return Hop(edge.kind, source, target, place, edge.resolution.status, edge.resolution.rule)


def _run(asked: Asked) -> Paths:
    most = int(asked.given("most", _MOST))
    return paths(asked.store, str(asked.given("from", "")), str(asked.given("to", "")), most)


QUERY = Query(
    "paths",
    "How one thing leads to another.",
    {
        "from": Parameter("Label or uid", required=True),
        "to": Parameter("Label or uid", required=True),
        "most": Parameter("Ways to show", "number", default=_MOST),
    },
    _run,
)
