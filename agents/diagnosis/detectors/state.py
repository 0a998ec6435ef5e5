"""Left-over or missing data breaks a flow although the code is the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from agents.diagnosis.case import CLEAR, STRONG, SUGGESTIVE, Case, Detector, Finding
from agents.diagnosis.differences import last_result
from graph.answers import Clue

_SIGNS = re.compile(
    r"duplicate key value|UNIQUE constraint failed|already exists|unique constraint|duplicate entry|E11000", re.I
)


def _find(case: Case) -> Iterable[Finding]:
    for text, place, weight in (*_texts(case), *_more(case)):
        yield Finding(Clue(DETECTOR.name, text, place, weight), None, "data/state")


def _texts(case: Case) -> Iterator[tuple[str, str, float]]:
    step = case.failure.step
    body = last_result(step)
    seen = f"{step.message}\n{body.get('body', '') if isinstance(body, Mapping) else ''}"
    if _SIGNS.search(seen):
        yield f"{step.id} met data that was already there", step.id, CLEAR
    for service, lines in sorted(case.inputs.run.logs.items()):
        green = case.inputs.green
        known = any(_SIGNS.search(t) for t in green.logs.get(service, ())) if green else False
        line = next((t for t in lines if _SIGNS.search(t)), "")
        if line and not known:
            yield f"{service} says: {line.split(chr(9))[-1][:160]}", f"log of {service}", SUGGESTIVE


def _more(case: Case) -> Iterator[tuple[str, str, float]]:
    """More rows than when it passed, nothing else differing, and no code changed."""
    lengths = [d for d in case.failure.differences if d.kind in ("length", "value") and d.asserted]
    changed = any(c.product and not c.inert for c in case.candidates)
    for item in lengths:
        grew = isinstance(item.old, int) and isinstance(item.new, int) and item.new > item.old
        if grew and not changed:
            yield f"{item.step} sees {item.new} where there were {item.old}", item.step, STRONG


DETECTOR = Detector("data", "Data left over or missing.", _find)
