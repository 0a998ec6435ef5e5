"""Code that the failing step leads to is likelier than code it does not; near code likelier than far code."""

from __future__ import annotations

from collections.abc import Iterable

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import CLEAR, WEAK, Case, Detector, Finding
from agents.diagnosis.walk import Reached
from graph.answers import Clue

_FADING = 0.9
_ELSEWHERE = 0.6


def _find(case: Case) -> Iterable[Finding]:
    ways = _ways(case)
    if not ways:
        return
    for candidate in case.candidates:
        if not candidate.product:
            continue
        hops = min((h for h in (_hops(w, candidate) for w in ways) if h is not None), default=None)
        if hops is not None:
            text = f"the failing step leads here in {hops:g} hops"
            yield Finding(Clue(DETECTOR.name, text, candidate.place, round(WEAK * _FADING**hops, 4)), candidate.index)
        elif candidate.role == "code":
            sure = not any(w.open or w.graph.truncated for w in ways)
            text = "nothing leads from the failing step here" + ("" if sure else ", as far as links are known")
            weight = CLEAR if sure else _ELSEWHERE
            yield Finding(Clue(DETECTOR.name, text, candidate.place, weight), candidate.index, against=True)


def _ways(case: Case) -> list[Reached]:
    """From the steps up to the failing one, on both sides: what vanished is only in the base."""
    sides = ((case.head, case.trail), (case.base, case.green_trail))
    found = (atlas.reached(trail) for atlas, trail in sides if atlas is not None)
    return [w for w in found if w is not None]


def _hops(way: Reached, candidate: Candidate) -> float | None:
    exact = way.of_symbol(candidate.file, candidate.symbol) if candidate.symbol else None
    if exact is not None:
        return exact
    near = way.of_file(candidate.file)
    return None if near is None else near + 1.5


def _blind(case: Case) -> str:
    if not case.atlases:
        return "distance in the graph: no graph was given"
    return "" if _ways(case) else "distance in the graph: it does not know this flow"


DETECTOR = Detector("reach", "Changed symbols the failing flow leads to, by distance.", _find, _blind)
