"""Past failures that look alike are shown to people; they never decide."""

from __future__ import annotations

from collections.abc import Iterable

from agents.diagnosis.case import HINT, Case, Detector, Finding
from graph.answers import Clue

_SHOWN = 3


def _find(case: Case) -> Iterable[Finding]:
    if case.inputs.similar is None:
        return
    past = sorted(case.inputs.similar(case.failure.words()), key=lambda p: (-p.similarity, p.run))
    for one in past[:_SHOWN]:
        text = f"looks like run {one.run}, which was {one.failure} (similarity {one.similarity:.2f})"
        yield Finding(Clue(DETECTOR.name, text, one.run, HINT))


DETECTOR = Detector("similar failures", "Earlier failures that read alike.", _find)
