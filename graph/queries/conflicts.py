"""Where sources contradict each other: a spec and the code, a sender and a reader, two services with one operation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graph.query import Asked, Query
from graph.schema import Edge, Json, Node
from graph.store import GraphStore, Subgraph

_EDGES = ("CALLS", "RETURNS", "ACCEPTS", "PUBLISHES", "CONSUMES", "CARRIES", "HANDLED_BY")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two claims that cannot both be right.

    Args:
        rule: which comparison found it.
        label: what it is about.
        text: one sentence.
        places: ``file:line`` of both sides.
    """

    rule: str
    label: str
    text: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """All contradictions.

    Args:
        conflicts: sorted by (rule, label, text).
    """

    conflicts: tuple[Conflict, ...]


def conflicts(store: GraphStore) -> Conflicts:
    """Contradictions in the graph.

    Args:
        store: the graph.
    """
    graph = store.slice(("Endpoint", "Topic"), _EDGES)
    found = [*_spec_only(graph), *_read_but_not_sent(graph), *_heard_but_not_published(graph)]
    return Conflicts(tuple(sorted(found, key=lambda c: (c.rule, c.label, c.text))))


def _place(thing: Node | Edge) -> str:
    return thing.evidence[0].place() if thing.evidence else ""


def _spec_only(graph: Subgraph) -> Iterator[Conflict]:
    """An operation a description promises and no code of a service we read offers."""
    handled = {e[1] for e in graph.edges if e[0] == "HANDLED_BY"}
    with_code = {graph.nodes[uid].key[0] for uid in handled if graph.nodes[uid].kind == "Endpoint"}
    for node in graph.nodes.values():
        layers = {e.layer for e in node.evidence}
        if node.kind == "Endpoint" and layers == {"spec"} and node.uid not in handled and node.key[0] in with_code:
            text = "an API description promises it, and no code of the service offers it"
            yield Conflict("spec-without-code", node.label, text, (_place(node),))


def _read_but_not_sent(graph: Subgraph) -> Iterator[Conflict]:
    """A field a client reads and no answer of the operation has; only where every answer is known and closed."""
    for number, edge in graph.edges.items():
        target = graph.nodes[number[2]]
        reads = edge.props.get("reads")
        if number[0] != "CALLS" or target.kind != "Endpoint" or not reads:
            continue
        shapes = [graph.nodes[e[2]] for e in graph.edges if e[0] == "RETURNS" and e[1] == target.uid]
        known = [s.props.get("shape") for s in shapes]
        if not known or any(not _closed(shape) for shape in known):
            continue
        names = {name for shape in known for name in _fields(shape)}
        for field in sorted({r.split(".")[0].split("[")[0] for r in reads} - names - {""}):
            source = graph.nodes[number[1]].label
            text = f"{source} reads '{field}', which no answer of it has"
            yield Conflict("read-without-field", target.label, text, (_place(edge), _place(shapes[0])))


def _closed(shape: Json) -> bool:
    return isinstance(shape, dict) and shape.get("type") == "object" and bool(shape.get("closed"))


def _fields(shape: Json) -> list[str]:
    return [str(field["name"]) for field in shape.get("fields", ())]


def _heard_but_not_published(graph: Subgraph) -> Iterator[Conflict]:
    """A topic somebody listens to while every publisher we know sends elsewhere."""
    heard = {e[2]: e for e in graph.edges if e[0] == "CONSUMES"}
    sent = {e[2] for e in graph.edges if e[0] == "PUBLISHES"}
    loose = any(e[0] == "PUBLISHES" and graph.nodes[e[2]].kind == "Unresolved" for e in graph.edges)
    for uid, number in heard.items():
        node = graph.nodes[uid]
        if node.kind == "Topic" and uid not in sent and not loose and sent:
            text = "somebody listens to it and nothing we know publishes it"
            yield Conflict("listener-without-publisher", node.label, text, (_place(graph.edges[number]),))


def _run(asked: Asked) -> Conflicts:
    return conflicts(asked.store)


QUERY = Query("conflicts", "Where sources contradict each other.", {}, _run)
