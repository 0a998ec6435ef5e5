"""What two revisions of the graph say differently."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from graph.query import Asked, Parameter, Query
from graph.schema import Json, Node
from graph.store import GraphStore, Subgraph
from testmesh.kernel.errors import UserError
from testmesh.kernel.ids import canonical

_KINDS = ("Service", "Endpoint", "Topic", "Store", "Dataset", "Schema", "Config", "Package", "Flow", "External")
_EDGES = (
    "HANDLED_BY", "CALLS", "PUBLISHES", "CONSUMES", "READS", "WRITES", "ROUTES_TO", "CONFIGURED_BY", "DEPENDS_ON",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    Args:
        what: node or edge kind.
        action: added, removed or modified.
        label: of the node, or ``source -> target``.
        place: ``file:line`` on the side it exists.
        detail: names of what differs, for a modified node.
    """

    what: str
    action: str
    label: str
    place: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Diff:
    """All differences of two graphs.

    Args:
        differences: sorted by (what, label, action).
    """

    differences: tuple[Difference, ...]


def diff(base: GraphStore, head: GraphStore, symbols: bool = False) -> Diff:
    """What the head says that the base does not, and the reverse; where things stand in files does not count.

    Args:
        base: one graph.
        head: the other.
        symbols: whether symbols and calls between them are compared too.
    """
    kinds = (*_KINDS, "Symbol") if symbols else _KINDS
    before, after = base.slice(kinds, _EDGES), head.slice(kinds, _EDGES)
    found = [*_nodes(before, after, kinds), *_edges(before, after, symbols)]
    return Diff(tuple(sorted(found, key=lambda d: (d.what, d.label, d.action))))


def _nodes(before: Subgraph, after: Subgraph, kinds: Collection[str]) -> list[Difference]:
    out: list[Difference] = []
    for uid in {*before.nodes, *after.nodes}:
        old, new = before.nodes.get(uid), after.nodes.get(uid)
        node = new or old
        if node is None or node.kind not in kinds:
            continue
        names = _changed(old, new) if old and new else []
        if names or old is None or new is None:
            action = "modified" if names else "removed" if new is None else "added"
            place = node.evidence[0].place() if node.evidence else ""
            out.append(Difference(node.kind, action, node.label, place, ", ".join(names)))
    return out


def _changed(old: Node, new: Node) -> list[str]:
    names = sorted({*old.props, *new.props} - {"line", "end_line"})
    return [n for n in names if _canonical(old.props.get(n)) != _canonical(new.props.get(n))]


def _canonical(value: Json) -> str:
    return canonical(value)


def _edges(before: Subgraph, after: Subgraph, symbols: bool) -> list[Difference]:
    out: list[Difference] = []
    for number in {*before.edges} ^ {*after.edges}:
        side, action = (after, "added") if number in after.edges else (before, "removed")
        source, target = side.nodes[number[1]], side.nodes[number[2]]
        if target.kind == "Unresolved" or (number[0] == "CALLS" and target.kind == "Symbol" and not symbols):
            continue
        edge = side.edges[number]
        place = edge.evidence[0].place() if edge.evidence else ""
        out.append(Difference(number[0], action, f"{source.label} -> {target.label}", place))
    return out


def _run(asked: Asked) -> Diff:
    if asked.base is None:
        raise UserError("diff compares two revisions", hint="testmesh graph diff main..HEAD")
    return diff(asked.base, asked.store, bool(asked.given("symbols", False)))


QUERY = Query(
    "diff",
    "What two revisions of the graph say differently.",
    {"symbols": Parameter("Compare symbols and their calls too", "flag", default=False)},
    _run,
    compares=True,
)
