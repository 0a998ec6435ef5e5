"""A link that was there when the flow passed and is gone now, or a new one, points at the code that held it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.diagnosis.case import STRONG, WEAK, Case, Detector, Finding
from agents.diagnosis.walk import Reached
from graph.answers import Clue
from graph.schema import Edge
from graph.store import Subgraph

_LINKS = ("CALLS", "PUBLISHES", "CONSUMES", "READS", "WRITES", "HANDLED_BY", "ROUTES_TO")
_ABROAD = ("Endpoint", "Topic", "Dataset", "External")


def _find(case: Case) -> Iterable[Finding]:
    before, after = _both(case)
    if before is None or after is None:
        return
    gone, new = list(_missing(before, after)), list(_missing(after, before))
    if any(not any(_replaces(after.graph, lost, other) for other in new) for lost in _unreached(before, after)):
        for edge in _cut(before, after):
            yield from _blamed(case, before.graph, (edge, "is gone and with it what lay behind", STRONG))
    for edge in gone:
        if not any(_replaces(after.graph, edge, other) for other in new):
            yield from _blamed(case, before.graph, (edge, "vanished", STRONG))
    for edge in new:
        if not _served(after.graph, edge):
            yield from _blamed(case, after.graph, (edge, "leads to nothing that is served", STRONG))
        elif not any(_replaces(after.graph, other, edge) for other in gone):
            yield from _blamed(case, after.graph, (edge, "is new", WEAK))


def _abroad(way: Reached) -> set[tuple[str, str, str]]:
    edges = way.graph.edges.values()
    here = (e for e in edges if e.source in way.distance and way.graph.nodes[e.target].kind in _ABROAD)
    return {e.id for e in here if e.kind in ("CALLS", "PUBLISHES", "WRITES")}


def _unreached(before: Reached, after: Reached) -> Iterator[Edge]:
    """Links abroad that the flow used to lead to and does not any more."""
    yield from (before.graph.edges[key] for key in sorted(_abroad(before) - _abroad(after)))


def _cut(before: Reached, after: Reached) -> Iterator[Edge]:
    """Calls inside the code that were on the way and are gone."""
    for key in sorted(before.graph.edges):
        edge = before.graph.edges[key]
        inside = edge.kind == "CALLS" and before.graph.nodes[edge.target].kind == "Symbol"
        if inside and key not in after.graph.edges and edge.source in before.distance:
            yield edge


def _replaces(graph: Subgraph, old: Edge, new: Edge) -> bool:
    """The same code does the same towards something else that exists: it moved on purpose."""
    if old.kind != new.kind:
        return False
    if old.kind == "HANDLED_BY":
        return old.target == new.target
    return old.source == new.source and _served(graph, new)


def _served(graph: Subgraph, edge: Edge) -> bool:
    """Whether an endpoint has somebody who answers; other targets exist by being named."""
    target = graph.nodes[edge.target]
    if target.kind != "Endpoint" or edge.kind == "HANDLED_BY":
        return True
    return any(e.kind in ("HANDLED_BY", "ROUTES_TO") and e.source == target.uid for e in graph.edges.values())


def _both(case: Case) -> tuple[Reached | None, Reached | None]:
    if case.base is None or case.head is None:
        return None, None
    return case.base.reached(case.green_trail), case.head.reached(case.trail)


def _missing(here: Reached, there: Reached) -> Iterator[Edge]:
    """Links abroad on the flow's way here that the other side does not have."""
    known = set(there.graph.edges)
    for key in sorted(here.graph.edges):
        edge = here.graph.edges[key]
        on_way = edge.source in here.distance and edge.target in here.distance
        abroad = here.graph.nodes[edge.target].kind in _ABROAD or edge.kind == "HANDLED_BY"
        if edge.kind in _LINKS and key not in known and on_way and abroad:
            yield edge


def _blamed(case: Case, graph: Subgraph, seen: tuple[Edge, str, float]) -> Iterator[Finding]:
    edge, verb, weight = seen
    source, target = graph.nodes[edge.source], graph.nodes[edge.target]
    text = f"{source.label} -{edge.kind}-> {target.label} {verb}"
    files = {e.file for e in edge.evidence}
    for candidate in case.candidates:
        if not candidate.product or candidate.inert or candidate.file not in files:
            continue
        symbols = {n.key[2] for n in (source, target) if n.kind == "Symbol" and n.key[1] == candidate.file}
        exact = not symbols or candidate.symbol in symbols
        worth = weight if exact else min(weight, WEAK)
        yield Finding(Clue(DETECTOR.name, text, candidate.place, worth), candidate.index)


def _blind(case: Case) -> str:
    before, after = _both(case)
    return "" if before and after else "vanished links: graphs of both revisions are needed"


DETECTOR = Detector("links", "Links that vanished or are new against the last green run.", _find, _blind)
