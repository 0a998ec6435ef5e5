"""Messages: who publishes to and who consumes from which topic, through wrappers, with payload shapes."""

from __future__ import annotations

from collections.abc import Sequence

from graph.linking.build import NodeKey
from graph.linking.corpus import Placed, SymbolKey
from graph.linking.outcomes import Text
from graph.linking.shapes import reads, sends
from graph.linking.state import Linking, LooseEnd
from graph.linking.wrappers import Reading, Results, all_params
from graph.schema import Resolution
from graph.values import Shape


def topics(state: Linking) -> None:
    """PUBLISHES and CONSUMES edges and Topic nodes with HANDLED_BY.

    Args:
        state: the link run.
    """
    for kind, edge in (("publish", "PUBLISHES"), ("consume", "CONSUMES")):
        for placed in state.corpus.of(kind):
            for service in state.owners(placed.file) or ("",):
                _link(state, placed, (edge, service))


def _link(state: Linking, placed: Placed, how: tuple[str, str]) -> None:
    edge, service = how
    fact = placed.fact

    def need(results: Sequence[Results]) -> Sequence[SymbolKey]:
        return all_params(results[0])

    for reading in state.wrappers.readings([fact.get("topic")], placed.symbol, service, need):
        if service not in (state.owners(reading.origin[0]) or (service,)):
            continue
        for text, trail in reading.results[0]:
            _edge(state, placed, _Row(edge, service, reading, text, trail))


class _Row:
    __slots__ = ("edge", "reading", "service", "text", "trail")

    def __init__(self, edge: str, service: str, reading: Reading, text: Text, trail: frozenset[str]) -> None:
        self.edge, self.service, self.reading, self.text, self.trail = edge, service, reading, text, trail


def _edge(state: Linking, placed: Placed, row: _Row) -> None:
    fact, corpus = placed.fact, state.corpus
    evidence = [corpus.evidence(placed)]
    evidence += [corpus.evidence(Placed(site.fact, site.file), "call") for site in row.reading.sites]
    handler = fact.get("handler", "") or ""
    source = state.symbol((placed.file, handler) if handler else row.reading.origin, evidence)
    shape: Shape | None = fact.get("shape")
    if shape is None and row.edge == "PUBLISHES":
        shape = next((s.fact.get("sends") for s in reversed(row.reading.sites) if s.fact.get("sends")), None)
    whole = state.shapes.whole(shape, placed.file, fact.get("symbol", "") or "")
    reader = {"reads": reads(whole), "expects": sends(whole)}
    props = {"sends": sends(whole)} if row.edge == "PUBLISHES" else reader
    target, resolution = _target(state, placed, row)
    if target[0] == "Topic":
        state.builder.node(*target, evidence)
        if row.edge == "CONSUMES":
            handled = Resolution("resolved", "subscription")
            state.builder.edge("HANDLED_BY", (target, source), handled, evidence)
        carried = whole if row.edge == "PUBLISHES" else None
        if carried is not None and sends(carried) is not None:
            schema = state.builder.node("Schema", (":".join(target[1]), "message"), evidence, {"shape": sends(carried)})
            state.builder.edge("CARRIES", (target, schema), Resolution("resolved", "payload sent"), evidence)
    state.builder.edge(row.edge, (source, target), resolution, evidence, props)
    state.configured(source, [row.service] * bool(row.service), sorted(row.reading.keys), evidence)


def _target(state: Linking, placed: Placed, row: _Row) -> tuple[NodeKey, Resolution]:
    broker = placed.fact.get("broker", "") or "kafka"
    holes = row.text.holes
    name = row.text.template
    if not holes and name:
        rule = "+".join(["topic name", *sorted(row.trail)])
        return ("Topic", (broker, name)), Resolution("resolved", rule)
    if name.replace("{}", "").strip("./:-_"):
        reason = "; ".join(dict.fromkeys(h.reason for h in holes))
        return ("Topic", (broker, name)), Resolution("candidate", "topic pattern", reason)
    reason = "; ".join(dict.fromkeys(h.reason for h in holes)) or "the topic is empty"
    key = next((h.env for h in holes if h.env), "")
    annotation = f'[environments.local]\nvariables = {{ {key} = "TOPIC" }}' if key else ""
    end = LooseEnd(f"unknown topic ({broker})", row.edge, reason, annotation, key)
    return state.loose_end(placed, end), Resolution("unresolved", "unknown topic", reason)
