"""What flows were edited to follow in the same range was meant and is met: it is not why this flow fails."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import SUGGESTIVE, Case, Detector, Finding
from graph.answers import Clue

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d+")


def _find(case: Case) -> Iterable[Finding]:
    gone, come = Counter[str](), Counter[str]()
    for candidate in case.candidates:
        if candidate.role == "flow":
            removed, added = _swapped(candidate)
            gone += removed
            come += added
    for candidate in case.candidates:
        if not candidate.product or candidate.inert:
            continue
        removed, added = _swapped(candidate)
        followed = set(removed) <= set(gone) and set(added) <= set(come)
        if followed and (removed or added):
            words = f"{', '.join(sorted(removed)[:2])} -> {', '.join(sorted(added)[:2]) or 'nothing'}"
            text = f"flows of this range already follow it ({words})"
            yield Finding(Clue(DETECTOR.name, text, candidate.place, SUGGESTIVE), candidate.index, against=True)


def _swapped(candidate: Candidate) -> tuple[Counter[str], Counter[str]]:
    before, after = _words(candidate.removed), _words(candidate.added)
    return before - after, after - before


def _words(lines: tuple[str, ...]) -> Counter[str]:
    return Counter(word for line in lines for word in _WORD.findall(line))


DETECTOR = Detector("followed", "Changes that flows of the same range already follow.", _find)
