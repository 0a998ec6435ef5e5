"""From clues to ranked causes and one class, by arithmetic anyone can redo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import Case, Finding
from graph.answers import Cause, Clue, FailureClass

ABSTAIN_BELOW = 0.35
ABSTAIN_BELOW_GREEN = 0.15
SURE_OF_CODE = 0.8
SURE_OF_SURROUNDINGS = 0.6
SURE_OF_TEST = 0.7
SURE_OF_DATA = 0.65
MEANT = 0.55
OPPOSED = 0.6
_SUPPORT = ("reach", "spectrum", "affinity")
_BACKGROUND: Mapping[str, float] = {
    "code": 0.12,
    "migration": 0.12,
    "config": 0.1,
    "deploy": 0.1,
    "spec": 0.03,
    "flow": 0.02,
    "test": 0.01,
    "docs": 0.0,
}
_SHOWN = 12


def combined(weights: Iterable[float]) -> float:
    """Chance that at least one of several independent clues points right (noisy or).

    Args:
        weights: each 0..1.
    """
    return 1.0 - prod(1.0 - w for w in weights)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score.

    Args:
        candidate: the region.
        score: 0..1.
        specific: the score of what fits this very failure, without mere closeness.
        clues: strongest first.
    """

    candidate: Candidate
    score: float
    specific: float
    clues: tuple[Clue, ...]


def rank(case: Case, findings: Sequence[Finding]) -> tuple[Ranked, ...]:
    """Every candidate, best first; ties by place.

    Args:
        case: the failure.
        findings: of all detectors.
    """
    out = [_scored(c, [f for f in findings if f.candidate == c.index]) for c in case.candidates]
    return tuple(sorted(out, key=lambda r: (-r.score, r.candidate.file, r.candidate.line)))


def _scored(candidate: Candidate, own: Sequence[Finding]) -> Ranked:
    support = [f.clue for f in own if not f.against]
    against = [f.clue for f in own if f.against]
    strongest = _strongest(support)
    specific = combined(w for name, w in strongest.items() if name not in _SUPPORT)
    near = combined(w for name, w in strongest.items() if name in _SUPPORT)
    background = 0.0 if candidate.inert else _BACKGROUND[candidate.role]
    score = combined((specific, near, background))
    for clue in against:
        score *= 1.0 - clue.weight
    if candidate.inert:
        score = 0.0
    clues = tuple(sorted((*support, *against), key=lambda c: (-c.weight, c.detector)))
    return Ranked(candidate, round(score, 4), round(specific, 4), clues)


def _strongest(clues: Sequence[Clue]) -> dict[str, float]:
    """Clues of one detector are not independent: only its strongest counts."""
    found: dict[str, float] = {}
    for clue in clues:
        found[clue.detector] = max(clue.weight, found.get(clue.detector, 0.0))
    return found


def causes(ranked: Sequence[Ranked]) -> tuple[Cause, ...]:
    """The causes worth showing.

    Args:
        ranked: best first.
    """
    return tuple(_cause(r) for r in ranked[:_SHOWN] if r.score > 0)


def _cause(ranked: Ranked) -> Cause:
    c = ranked.candidate
    where = f"`{c.symbol}` in {c.place}" if c.symbol else c.place
    why = ranked.clues[0].text if ranked.clues else "it changed in this range"
    return Cause(f"{where}: {why}", c.file, c.line, c.symbol, c.hunk, c.commit, ranked.score, ranked.clues)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The class and what speaks for it.

    Args:
        failure: the class.
        clues: about the class, strongest first.
    """

    failure: FailureClass
    clues: tuple[Clue, ...]


def classify(case: Case, findings: Sequence[Finding], ranked: Sequence[Ranked]) -> Verdict:
    """The class of the failure; `unknown` when nothing carries one.

    A run of the same revision that passed rules out any class that blames a change. Signs of failing surroundings
    count unless a hunk explains this very failure. Intent needs positive signs and no caller left behind.

    Args:
        case: the failure.
        findings: of all detectors.
        ranked: candidates, best first.
    """
    top = next((r.candidate.index for r in ranked if r.candidate.product), None)
    votes = _votes([f for f in findings if not f.about or top in f.about])
    failure = _decide(case, votes, ranked)
    return Verdict(failure, _about(findings, failure))


def _votes(findings: Sequence[Finding]) -> dict[str, float]:
    by_class: dict[str, list[float]] = {}
    for finding in findings:
        if finding.failure is not None:
            by_class.setdefault(finding.failure, []).append(finding.clue.weight)
    strongest = ("environment", "flaky", "data/state", "test defect", "product regression")
    return {name: max(w) if name in strongest else combined(w) for name, w in by_class.items()}


def _decide(case: Case, votes: Mapping[str, float], ranked: Sequence[Ranked]) -> FailureClass:
    product = [r for r in ranked if r.candidate.product]
    specific = max((r.specific for r in product), default=0.0)
    surroundings, data = votes.get("environment", 0.0), votes.get("data/state", 0.0)
    if votes.get("flaky", 0.0) > 0:
        return _unchanged(surroundings, data)
    if surroundings >= SURE_OF_SURROUNDINGS and specific < SURE_OF_CODE:
        return "environment"
    if votes.get("test defect", 0.0) >= SURE_OF_TEST and votes["test defect"] > specific:
        return "test defect"
    if data >= SURE_OF_DATA and specific < SURE_OF_SURROUNDINGS:
        return "data/state"
    best = max((r.score for r in product), default=0.0)
    if best < (ABSTAIN_BELOW if case.failure.green is None else ABSTAIN_BELOW_GREEN):
        return "unknown"
    meant, opposed = votes.get("contract change", 0.0), votes.get("product regression", 0.0)
    return "contract change" if meant >= MEANT and opposed < OPPOSED else "product regression"


def _unchanged(surroundings: float, data: float) -> FailureClass:
    """The same revision passed before: what else is it?"""
    if surroundings >= SURE_OF_SURROUNDINGS:
        return "environment"
    return "data/state" if data >= SURE_OF_DATA else "flaky"


def _about(findings: Sequence[Finding], failure: FailureClass) -> tuple[Clue, ...]:
    """Clues for the class first, then those that speak for another one."""
    own = [f.clue for f in findings if f.failure == failure]
    other = [f.clue for f in findings if f.failure not in (failure, None)]
    shown = [f.clue for f in findings if f.failure is None and f.candidate is None]
    by_weight = [sorted(group, key=lambda c: (-c.weight, c.text)) for group in (own, other, shown)]
    return tuple(clue for group in by_weight for clue in group)
