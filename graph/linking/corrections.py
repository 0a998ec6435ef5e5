"""What people wrote in testmesh.toml: declared edges are added with their reason, dismissed ones removed."""

from __future__ import annotations

from graph.linking.build import NodeKey
from graph.linking.corpus import Placed
from graph.linking.paths import template
from graph.linking.state import Linking, LooseEnd
from graph.schema import EDGES, Resolution, label

_WIRE = ("CALLS", "PUBLISHES", "CONSUMES", "READS", "WRITES", "ROUTES_TO", "EXERCISES")
_BY_TARGET = {"Endpoint": "CALLS", "Topic": "PUBLISHES", "Dataset": "READS", "External": "CALLS"}


def corrections(state: Linking) -> None:
    """Declared and dismissed edges.

    Args:
        state: the link run.
    """
    labels: dict[str, list[NodeKey]] = {}
    for kind, key in state.builder.nodes:
        labels.setdefault(label(kind, key), []).append((kind, key))
    for placed in state.corpus.of("declared_edge"):
        _declare(state, placed, labels)
    for placed in state.corpus.of("dismissed"):
        for source in _find(labels, placed.fact.get("source", "")):
            for target in _find(labels, placed.fact.get("to", "")):
                _dismiss(state, source, target)


def _find(labels: dict[str, list[NodeKey]], text: str) -> list[NodeKey]:
    """Nodes of a label; an operation may be written with its parameter names."""
    if text in labels:
        return labels[text]
    head, space, path = text.partition(" ")
    return labels.get(f"{head} {template(path)}", []) if space and path.startswith("/") else []


def _declare(state: Linking, placed: Placed, labels: dict[str, list[NodeKey]]) -> None:
    fact = placed.fact
    evidence = [state.corpus.evidence(placed)]
    why = fact.get("why", "") or "declared in testmesh.toml"
    sources = _find(labels, fact.get("source", ""))
    targets = _find(labels, fact.get("to", ""))
    if not sources or not targets:
        missing = fact.get("source", "") if not sources else fact.get("to", "")
        reason = f"the declared edge names `{missing}`, which is not in the graph"
        state.loose_end(placed, LooseEnd("unknown label", "CALLS", reason, "", missing))
        return
    for source in sources:
        for target in targets:
            kind = _BY_TARGET.get(target[0], "DEPENDS_ON" if target[0] in ("Service", "Store") else "")
            if kind and source[0] in EDGES[kind].sources and target[0] in EDGES[kind].targets:
                state.builder.edge(kind, (source, target), Resolution("resolved", "annotation", why), evidence)


def _dismiss(state: Linking, source: NodeKey, target: NodeKey) -> None:
    """A dismissal by service takes the edges of all its symbols with it."""
    origins = {source}
    if source[0] == "Service":
        origins |= {t for kind, s, t in state.builder.edges if kind == "OWNS" and s == source}
    for origin in origins:
        for kind in _WIRE:
            state.builder.drop_edge(kind, origin, target)
