"""Code that failing flows reach and passing flows do not is suspect (Ochiai coefficient, Abreu et al. 2006)."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import SUGGESTIVE, Case, Detector, Finding
from agents.diagnosis.failure import FAILING, leaves
from agents.diagnosis.walk import Reached, Trail
from graph.answers import Clue


def _find(case: Case) -> Iterable[Finding]:
    passing, failing = _spectra(case)
    if not passing or not failing:
        return
    for candidate in case.candidates:
        if not candidate.product or candidate.inert:
            continue
        bad = sum(1 for w in failing if _hits(w, candidate))
        good = sum(1 for w in passing if _hits(w, candidate))
        if not bad:
            continue
        ochiai = bad / sqrt(len(failing) * (bad + good))
        text = f"{bad} of {len(failing)} failing and {good} of {len(passing)} passing flows lead here"
        yield Finding(Clue(DETECTOR.name, text, candidate.place, round(SUGGESTIVE * ochiai, 4)), candidate.index)


def _spectra(case: Case) -> tuple[list[Reached], list[Reached]]:
    atlas = case.head or case.base
    passing: list[Reached] = []
    failing: list[Reached] = []
    if atlas is None:
        return passing, failing
    for flow in case.inputs.run.flows:
        way = atlas.reached(Trail(flow.file, tuple(leaves(flow.steps))))
        if way is not None:
            (failing if flow.verdict in FAILING else passing).append(way)
    return passing, failing


def _hits(way: Reached, candidate: Candidate) -> bool:
    if candidate.symbol:
        return way.of_symbol(candidate.file, candidate.symbol) is not None
    return way.of_file(candidate.file) is not None


def _blind(case: Case) -> str:
    passing, failing = _spectra(case)
    return "" if passing and failing else "spectrum: it needs a graph, passing flows and failing flows in one run"


DETECTOR = Detector("spectrum", "Passing against failing flows.", _find, _blind)
