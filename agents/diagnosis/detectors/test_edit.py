"""When the flow changed and what the product answers did not, the flow is what broke."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from agents.diagnosis.case import CLEAR, PROOF, STRONG, WEAK, Case, Detector, Finding
from agents.diagnosis.differences import last_exchange
from agents.diagnosis.failure import counterpart
from graph.answers import Clue

_STATIC = ("config",)
SETTINGS = ("flow/unset-variable",)
"""Findings about what the flow is given, not about the flow."""


def _find(case: Case) -> Iterable[Finding]:
    failure = case.failure
    broken = [p for p in failure.flow.problems if isinstance(p, dict) and p.get("rule") not in SETTINGS]
    if broken:
        place = f"{broken[0].get('file', failure.flow.file)}:{broken[0].get('line', 1)}"
        text = f"the flow file is not valid: {broken[0].get('message', failure.flow.message)}"
        yield Finding(Clue(DETECTOR.name, text, place, PROOF), None, "test defect")
    if failure.error_type in _STATIC:
        text = f"the step itself is not valid: {failure.step.message[:160]}"
        yield Finding(Clue(DETECTOR.name, text, failure.step.id, CLEAR), None, "test defect")
    green = failure.green
    if green is None or not green.source or green.source == failure.flow.source:
        return
    lines = changed_lines(green.source, failure.flow.source)
    touched = _touches(case, lines)
    weight = _weight(case, touched)
    text = "the flow changed" + (" at what fails" if touched else "") + " since it passed"
    place = f"{failure.flow.file}:{min(touched or lines or {1})}"
    yield Finding(Clue(DETECTOR.name, text, place, weight), None, "test defect")
    for candidate in case.candidates:
        if candidate.role == "flow" and candidate.file.endswith(failure.flow.file):
            yield Finding(Clue(DETECTOR.name, text, candidate.place, weight), candidate.index)


def changed_lines(old: str, new: str) -> set[int]:
    """1-based lines of the new text that the old one does not have.

    Args:
        old: text then.
        new: text now.
    """
    matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    found: set[int] = set()
    for tag, _, _, start, end in matcher.get_opcodes():
        if tag != "equal":
            found |= set(range(start + 1, max(end, start + 1) + 1))
    return found


def _touches(case: Case, lines: set[int]) -> set[int]:
    step = case.failure.step
    failing = {a.line for a in case.failure.failed_assertions if a.line}
    own = failing or ({step.line} if step.line else set())
    near = {n for n in own if n in lines}
    return near or ({step.line} & lines if step.line else set())


def _weight(case: Case, touched: set[int]) -> float:
    product_changed = any(c.product and not c.inert for c in case.candidates)
    same_answer = not case.failure.differences
    if same_answer and touched and not _asked_differently(case):
        return PROOF
    if not product_changed:
        return PROOF if touched else STRONG
    return CLEAR if same_answer and touched else WEAK


def _asked_differently(case: Case) -> bool:
    passed = counterpart(case.failure.green, case.failure.step)
    then, now = (last_exchange(passed) if passed else None), last_exchange(case.failure.step)
    return then is None or now is None or then.request != now.request


DETECTOR = Detector("flow edit", "The flow itself changed since it passed.", _find)
