"""Event descriptions (AsyncAPI): merged with the messages that code sends and receives, or the only source of them."""

from __future__ import annotations

from graph.linking.build import NodeKey
from graph.linking.corpus import Placed
from graph.linking.shapes import reads, sends
from graph.linking.state import Linking
from graph.schema import Resolution

_EDGES = {"publish": "PUBLISHES", "subscribe": "CONSUMES"}


def channels(state: Linking) -> None:
    """PUBLISHES and CONSUMES edges of described channels, from the service whose folder the description is in.

    Args:
        state: the link run; messages in code are linked.
    """
    known: dict[str, list[NodeKey]] = {}
    coded: dict[tuple[str, str], set[NodeKey]] = {}
    for node in state.builder.nodes:
        if node[0] == "Topic":
            known.setdefault(node[1][1], []).append(node)
    for kind, source, target in state.builder.edges:
        if kind in _EDGES.values() and target[0] == "Topic" and source[0] == "Symbol":
            for owner in state.owners((source[1][0], source[1][1])):
                coded.setdefault((owner, kind), set()).add(target)
    for placed in state.corpus.of("channel"):
        for service in state.owners(placed.file):
            _channel(state, placed, service, (known, coded))


_Seen = tuple[dict[str, list[NodeKey]], dict[tuple[str, str], set[NodeKey]]]


def _channel(state: Linking, placed: Placed, service: str, seen: _Seen) -> None:
    fact, (known, coded) = placed.fact, seen
    edge = _EDGES.get(fact.get("op", ""), "")
    name = fact.get("topic", "") or ""
    if not edge or not name:
        return
    mine = coded.get((service, edge), set())
    topic = _topic(fact.get("broker", "") or "", name, sorted(mine), known.get(name, []))
    evidence = [state.corpus.evidence(placed)]
    state.builder.node(*topic, evidence)
    shape = state.shapes.whole(fact.get("shape"), placed.file)
    if sends(shape) is not None and edge == "PUBLISHES":
        role = "described message" if topic in mine else "message"
        schema = state.builder.node("Schema", (":".join(topic[1]), role), evidence, {"shape": sends(shape)})
        state.builder.edge("CARRIES", (topic, schema), Resolution("resolved", "payload"), evidence)
    if topic in mine:
        return
    sure = Resolution("resolved", "spec", "described by its event description; its code shows no messages")
    open_end = Resolution("candidate", "spec", "described, but its code does not show it")
    props = {"sends": sends(shape)} if edge == "PUBLISHES" else {"reads": reads(shape), "expects": sends(shape)}
    state.builder.edge(edge, (("Service", (service,)), topic), open_end if mine else sure, evidence, props)


def _topic(broker: str, name: str, mine: list[NodeKey], known: list[NodeKey]) -> NodeKey:
    for node in (*[n for n in mine if n[1][1] == name], *known):
        if broker in ("", node[1][0].partition("@")[0]):
            return node
    return "Topic", (broker or (mine[0][1][0] if mine else "kafka"), name)
