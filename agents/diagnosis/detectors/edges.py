"""A link that was there when the flow passed and is gone now, or a new one, points at the code that held it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.diagnosis.case import CLEAR, STRONG, SUGGESTIVE, WEAK, Case, Detector, Finding
from agents.diagnosis.walk import Reached, reached
from graph.answers import Clue
from graph.schema import Edge
from graph.store import Subgraph

_LINKS = ("CALLS", "PUBLISHES", "CONSUMES", "READS", "WRITES", "HANDLED_BY", "ROUTES_TO")
_ABROAD = ("Endpoint", "Topic", "Dataset", "External")


def _find(case: Case) -> Iterable[Finding]:
    before, after = _both(case)
    if before is None or after is None:
        return
    gone = [(e, "vanished", STRONG) for e in _missing(before, after)]
    new = [(e, "is new", SUGGESTIVE) for e in _missing(after, before)]
    for way, (edge, verb, weight) in [*((before, g) for g in gone), *((after, n) for n in new)]:
        yield from _blamed(case, way.graph, (edge, verb, weight))


def _both(case: Case) -> tuple[Reached | None, Reached | None]:
    views, file = case.inputs.views, case.failure.flow.file
    if views.base is None or views.head is None:
        return None, None
    return reached(views.base, file), reached(views.head, file)


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
        yield Finding(Clue(DETECTOR.name, text, candidate.place, min(worth, CLEAR)), candidate.index)


def _blind(case: Case) -> str:
    before, after = _both(case)
    return "" if before and after else "vanished links: graphs of both revisions are needed"


DETECTOR = Detector("links", "Links that vanished or are new against the last green run.", _find, _blind)
