"""A hunk after which a sender and a reader no longer fit explains why the reader does not see what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import CLEAR, STRONG, Case, Detector, Finding
from agents.diagnosis.words import counted
from graph.answers import Clue
from graph.contracts.findings import Finding as Misfit
from graph.queries.check import compared


def _find(case: Case) -> Iterable[Finding]:
    views = case.inputs.views
    if views.base is None or views.head is None:
        return
    misfits = [f for f in compared(views.base, views.head).findings if f.severity == "breaking"]
    for misfit in misfits:
        for candidate in case.candidates:
            if candidate.product and not candidate.inert and _made_by(misfit, candidate):
                yield from _blamed(case, misfit, candidate)


def _made_by(misfit: Misfit, candidate: Candidate) -> bool:
    """Whether the hunk takes the field's name away or brings it, in a file of this seam or in a type it sends."""
    word = misfit.field.rpartition(".")[2]
    if not word:
        return candidate.file == misfit.sender_at.rpartition(":")[0]
    return counted(candidate.removed, word) != counted(candidate.added, word)


def _blamed(case: Case, misfit: Misfit, candidate: Candidate) -> Iterator[Finding]:
    on_way = misfit.seam in _reached(case)
    at = f" at {misfit.reader_at}" if misfit.reader_at else ""
    weight = STRONG if on_way and misfit.status == "resolved" else CLEAR if on_way else 0.0
    if weight:
        yield Finding(Clue(DETECTOR.name, f"{misfit.text}{at}", candidate.place, weight), candidate.index)


def _reached(case: Case) -> frozenset[str]:
    """Labels of what the failing flow passes on either side."""
    ways = ((case.base, case.green_trail), (case.head, case.trail))
    found = [walk.reached(trail) for walk, trail in ways if walk is not None]
    return frozenset(way.graph.nodes[uid].label for way in found if way is not None for uid in way.distance)


def _blind(case: Case) -> str:
    views = case.inputs.views
    return "" if views.base and views.head else "payloads of both sides: graphs of both revisions are needed"


DETECTOR = Detector("seams", "A sender and a reader that no longer fit.", _find, _blind)
