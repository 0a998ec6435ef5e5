"""What is directly, or within a few steps, connected to a thing."""

from __future__ import annotations

from dataclasses import dataclass

from graph.labels import named
from graph.query import Asked, Parameter, Query
from graph.schema import Edge
from graph.store import Direction, GraphStore, Pattern, Subgraph

_DEPTH, _LIMIT = 1, 500


@dataclass(frozen=True, slots=True)
class Link:
    """One edge for people.

    Args:
        edge: kind.
        source: label.
        target: label.
        status: resolved, candidate or unresolved.
        rule: linking rule.
        place: ``file:line`` of its first evidence.
    """

    edge: str
    source: str
    target: str
    status: str
    rule: str
    place: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What lies around a node.

    Args:
        node: its label.
        kind: its kind.
        uid: its uid.
        links: sorted by (edge, source, target).
        truncated: there is more than was asked for.
    """

    node: str
    kind: str
    uid: str
    links: tuple[Link, ...]
    truncated: bool = False


def neighbours(store: GraphStore, text: str, depth: int = _DEPTH, direction: Direction = "both") -> Neighbours:
    """The links around a node.

    Args:
        store: the graph.
        text: label or uid.
        depth: steps, 1 for direct neighbours.
        direction: out, in or both.

    Raises:
        NotFoundError: no such node.
    """
    from graph.schema import EDGES

    node = named(store, text)
    pattern = Pattern(dict.fromkeys(EDGES, direction), frozenset({"Service"}))
    found = store.expand([node.uid], pattern, depth, _LIMIT)
    links = sorted((_link(found, e) for e in found.edges.values()), key=lambda k: (k.edge, k.source, k.target))
    return Neighbours(node.label, node.kind, node.uid, tuple(links), found.truncated)


def _link(found: Subgraph, edge: Edge) -> Link:
    place = edge.evidence[0].place() if edge.evidence else ""
    source, target = found.nodes[edge.source].label, found.nodes[edge.target].label
    return Link(edge.kind, source, target, edge.resolution.status, edge.resolution.rule, place)


def _run(asked: Asked) -> Neighbours:
    depth = int(asked.given("depth", _DEPTH))
    return neighbours(asked.store, str(asked.given("node", "")), depth, asked.given("direction", "both"))


QUERY = Query(
    "neighbours",
    "What is connected to a thing.",
    {
        "node": Parameter("Label such as orders:POST /orders, or a uid", required=True),
        "depth": Parameter("Steps", "number", default=_DEPTH),
        "direction": Parameter("out, in or both", default="both"),
    },
    _run,
)
