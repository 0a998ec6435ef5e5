"""Where services meet: who sends and who reads each message, request and response, read from the graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal, TypeAlias

from graph.contracts.fields import fields
from graph.linking.build import united
from graph.schema import Edge, Json, Node
from graph.store import Subgraph
from graph.values import Shape, decode_shape

SeamKind = Literal["message", "request", "response"]
EdgeId: TypeAlias = tuple[str, str, str]
NODES = ("Service", "Endpoint", "Topic", "Schema", "Dataset", "Unresolved")
EDGES = (
    "OWNS", "HANDLED_BY", "CALLS", "PUBLISHES", "CONSUMES", "CARRIES", "READS", "WRITES", "ROUTES_TO",
    "ACCEPTS", "RETURNS", "EXERCISES",
)  # fmt: skip
_ROUTES_DEEP = 4


@dataclass(frozen=True, slots=True)
class Side:
    """Somebody who sends or reads at a seam.

    Args:
        uid: of the Symbol, Endpoint, Service or Step.
        label: its name for people.
        service: the services it belongs to, joined by ``, ``; a flow's file for a step.
        place: ``file:line``.
        repository: of that file.
        shape: what it sends, or what it takes the payload to be; None when not known.
        reads: dotted fields it reads; None when not known; empty for senders.
        sure: the link to the seam is resolved.
        span: ``file:first-last`` of its code, empty when it is not a symbol.
    """

    uid: str
    label: str
    service: str
    place: str
    repository: str = ""
    shape: Shape | None = None
    reads: frozenset[str] | None = None
    sure: bool = True
    span: str = ""


@dataclass(frozen=True, slots=True)
class Seam:
    """One kind of payload that travels between sides.

    Args:
        kind: message, request or response.
        uid: of the Topic or Endpoint.
        label: of the Topic or Endpoint.
        senders: sorted by label.
        readers: sorted by label.
    """

    kind: SeamKind
    uid: str
    label: str
    senders: tuple[Side, ...]
    readers: tuple[Side, ...]


class Seams:
    """All seams of a graph.

    Args:
        graph: a slice with the kinds of NODES and EDGES.
    """

    def __init__(self, graph: Subgraph) -> None:
        self.graph = graph
        self._into: dict[tuple[str, str], list[Edge]] = defaultdict(list)
        self._from: dict[tuple[str, str], list[Edge]] = defaultdict(list)
        self._owners: dict[str, set[str]] = defaultdict(set)
        for number in sorted(graph.edges):
            edge = graph.edges[number]
            if edge.kind == "OWNS":
                self._owners[edge.target].add(graph.nodes[edge.source].label)
            if graph.nodes[edge.target].kind != "Symbol" or edge.kind == "HANDLED_BY":
                self._into[edge.kind, edge.target].append(edge)
                self._from[edge.kind, edge.source].append(edge)

    def into(self, kind: str, uid: str) -> list[Edge]:
        """Edges of a kind that end at a node, in a fixed order; calls between symbols are left out.

        Args:
            kind: edge kind.
            uid: of the node.
        """
        return self._into.get((kind, uid), [])

    def leaving(self, kind: str, uid: str) -> list[Edge]:
        """Edges of a kind that start at a node, in a fixed order; calls between symbols are left out.

        Args:
            kind: edge kind.
            uid: of the node.
        """
        return self._from.get((kind, uid), [])

    def all(self) -> Mapping[tuple[str, str], Seam]:
        """Seams by (kind, uid of the Topic or Endpoint), those without anybody on one side included."""
        found: dict[tuple[str, str], Seam] = {}
        for node in sorted(self.graph.nodes.values(), key=lambda n: n.label):
            for seam in self._of(node):
                found[seam.kind, seam.uid] = seam
        return found

    def _of(self, node: Node) -> Iterator[Seam]:
        if node.kind == "Topic":
            senders = [self.side(e, e.props.get("sends")) for e in self.into("PUBLISHES", node.uid)]
            readers = [self._reader(e) for e in (*self.into("CONSUMES", node.uid), *self._steps(node.uid))]
            yield Seam("message", node.uid, node.label, _sorted(senders), _sorted(readers))
        elif node.kind == "Endpoint":
            calls = [e for uid in self._doors(node.uid) for e in self.into("CALLS", uid)]
            steps = [e for uid in self._doors(node.uid) for e in self._steps(uid)]
            answers = self._payloads("RETURNS", node.uid)
            readers = [self._reader(e) for e in (*calls, *steps)]
            yield Seam("response", node.uid, node.label, (self._own(node, answers),), _sorted(readers))
            senders = [self.side(e, e.props.get("sends")) for e in calls]
            taken = self._own(node, self._payloads("ACCEPTS", node.uid))
            yield Seam("request", node.uid, node.label, _sorted(senders), (_with_reads(taken),))

    def _doors(self, uid: str) -> list[str]:
        """The operation, and the gateway operations in front of it."""
        found = [uid]
        for _ in range(_ROUTES_DEEP):
            found += [
                e.source
                for door in list(found)
                for e in self.into("ROUTES_TO", door)
                if e.source not in found and self.graph.nodes[e.source].kind == "Endpoint"
            ]
        return list(dict.fromkeys(found))

    def _steps(self, uid: str) -> list[Edge]:
        """Steps of flows that read the payload; those that expect an error answer read another one."""
        every = [e for e in self.into("EXERCISES", uid) if e.props.get("reads")]
        return [e for e in every if not (said := e.props.get("statuses")) or any(str(v)[:1] not in "45" for v in said)]

    def _payloads(self, kind: str, uid: str) -> list[tuple[Edge, Shape]]:
        """Payloads the code shows; those of descriptions only when the code shows none."""
        rows = [(e, self.graph.nodes[e.target]) for e in self.leaving(kind, uid)]
        coded = [(e, n) for e, n in rows if any(v.layer == "code" for v in n.evidence)] or rows
        shapes = [(e, decode_shape(n.props["shape"])) for e, n in coded if n.props.get("shape")]
        good = [(e, s) for e, s in shapes if str(e.props.get("status", "2"))[:1] not in "45"]
        return good or shapes

    def _own(self, node: Node, payloads: list[tuple[Edge, Shape]]) -> Side:
        shape = reduce(united, [s for _, s in payloads]) if payloads else None
        handlers = self.leaving("HANDLED_BY", node.uid)
        first = payloads[0][0] if payloads else handlers[0] if handlers else None
        place, repository = _place(first if first is not None else node)
        code = span(self.graph.nodes[handlers[0].target]) if handlers else ""
        return Side(node.uid, node.label, node.key[0], place, repository, shape, span=code)

    def _reader(self, edge: Edge) -> Side:
        reads = edge.props.get("reads")
        side = self.side(edge, edge.props.get("expects"))
        known = None if reads is None else frozenset(str(r).replace("[*]", "").replace("[]", "") for r in reads)
        return replace(side, reads=known)

    def side(self, edge: Edge, shape: Json) -> Side:
        """The source of an edge as a side.

        Args:
            edge: PUBLISHES, CONSUMES, CALLS or EXERCISES.
            shape: JSON of what it sends or expects, or None.
        """
        node = self.graph.nodes[edge.source]
        place, repository = _place(edge)
        known = decode_shape(shape) if isinstance(shape, dict) else None
        sure = edge.resolution.status == "resolved"
        return Side(node.uid, node.label, self.service(node), place, repository, known, None, sure, span(node))

    def service(self, node: Node) -> str:
        """Whose a node is, for people.

        Args:
            node: of the graph.
        """
        if node.kind in ("Service", "Endpoint"):
            return node.key[0]
        if node.kind == "Step":
            return node.key[1]
        return ", ".join(sorted(self._owners.get(node.uid, ()))) or node.label


def span(node: Node) -> str:
    """The lines of a symbol, ``file:first-last``; empty for anything else.

    Args:
        node: of the graph.
    """
    if node.kind != "Symbol" or not node.props.get("line"):
        return ""
    return f"{node.key[1]}:{node.props['line']}-{node.props.get('end_line') or node.props['line']}"


def _with_reads(side: Side) -> Side:
    reads = frozenset(fields(side.shape)) if side.shape is not None else None
    return replace(side, reads=reads)


def _sorted(sides: Iterable[Side]) -> tuple[Side, ...]:
    return tuple(sorted(sides, key=lambda s: (s.label, s.place, s.uid)))


def _place(thing: Node | Edge) -> tuple[str, str]:
    return (thing.evidence[0].place(), thing.evidence[0].repository) if thing.evidence else ("", "")
