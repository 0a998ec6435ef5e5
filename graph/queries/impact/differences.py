"""What the two graphs say differently about the wire: the surest sign of what a change touches."""

from __future__ import annotations

from collections.abc import Iterator

from graph.answers import Hop
from graph.queries.impact.rules import CHANGED, FED, SERVING
from graph.queries.impact.spread import Seed
from graph.queries.impact.world import EdgeId, World
from graph.schema import Json, Node
from graph.store import Subgraph
from testmesh.kernel.ids import canonical

_WIRE_EDGES = ("HANDLED_BY", "CALLS", "PUBLISHES", "CONSUMES", "READS", "WRITES", "ROUTES_TO")
_PAYLOADS = ("ACCEPTS", "RETURNS", "CARRIES")
_NOTHING = "in neither"


def differences(world: World, files: frozenset[str]) -> Iterator[Seed]:
    """A seed for every operation, payload and link on the wire that only one revision has, or that differs.

    Args:
        world: both revisions.
        files: files the change touches; links between symbols are compared for symbols of these only.
    """
    yield from _operations(world)
    yield from _payloads(world)
    yield from _links(world, files)


def _operations(world: World) -> Iterator[Seed]:
    for node in world.of("Endpoint"):
        sides = [graph.get(node.uid) for graph in world.named]
        if sides[0] is None or sides[1] is None:
            yield from _both(node, f"operation {'removed' if sides[0] is None else 'added'}")
        elif _said(sides[0]) != _said(sides[1]):
            yield from _both(node, "what it accepts or answers differs")


def _said(node: Node) -> str:
    return canonical([node.props.get(name) for name in ("statuses", "errors", "query", "operational")])


def _both(node: Node, note: str) -> Iterator[Seed]:
    first = Hop("CHANGED", note, node.label, _place(node), "resolved", "graph-diff", note)
    yield Seed(node.uid, SERVING, first)
    yield Seed(node.uid, FED, first)


def _payloads(world: World) -> Iterator[Seed]:
    for number in sorted(set(world.head.edges) | set(world.base.edges)):
        if number[0] not in _PAYLOADS:
            continue
        owner, shapes = world.node(number[1]), [_shape(g, number) for g in (world.head, world.base)]
        if canonical(shapes[0]) != canonical(shapes[1]):
            note = f"payload differs: {_what(shapes[1], shapes[0])}"
            first = Hop("CHANGED", note, owner.label, _place(world.node(number[2])), "resolved", "graph-diff", note)
            yield Seed(owner.uid, SERVING, first)


def _shape(graph: Subgraph, number: EdgeId) -> Json:
    return graph.nodes[number[2]].props.get("shape") if number in graph.edges else _NOTHING


def _what(before: Json, after: Json) -> str:
    names = [_fields(shape) for shape in (before, after)]
    gone, new = sorted(names[0] - names[1]), sorted(names[1] - names[0])
    parts = [f"without {', '.join(gone)}"] if gone else []
    parts += [f"new {', '.join(new)}"] if new else []
    return "; ".join(parts) or "types or requiredness"


def _fields(shape: Json) -> set[str]:
    if not isinstance(shape, dict):
        return set()
    inner = shape.get("item") if shape.get("type") == "array" else shape
    return {f["name"] for f in (inner or {}).get("fields", ())}


def _links(world: World, files: frozenset[str]) -> Iterator[Seed]:
    for number in sorted(set(world.head.edges) ^ set(world.base.edges)):
        if number[0] not in _WIRE_EDGES:
            continue
        source, target = world.node(number[1]), world.node(number[2])
        if target.kind == "Unresolved" or (target.kind == "Symbol" and not _inside(source, files)):
            continue
        edge, gone = world.edge(number), number not in world.head.edges
        note = f"{number[0]} {target.label} {'removed' if gone else 'added'}"
        place = edge.evidence[0].place() if edge.evidence else ""
        first = Hop("CHANGED", note, source.label, place, "resolved", "graph-diff", note)
        mode = SERVING if source.kind == "Endpoint" else CHANGED
        yield Seed(source.uid, mode, first)


def _inside(source: Node, files: frozenset[str]) -> bool:
    return source.kind != "Symbol" or source.key[1] in files


def _place(node: Node) -> str:
    return node.evidence[0].place() if node.evidence else ""
