"""Was it meant? When the spec, the callers and the words of the change agree with the new answer, the flow is stale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.diagnosis import intent, sayings
from agents.diagnosis.case import STRONG, Case, Detector, Finding
from agents.diagnosis.edits import Seen, contract_edits
from agents.diagnosis.signs import Sign
from graph.answers import Clue


def _find(case: Case) -> Iterable[Finding]:
    for view in contract_edits(case):
        for sign in _signs(case, view):
            yield Finding(
                Clue(DETECTOR.name, sign.text, sign.place, sign.weight),
                None,
                "contract change" if sign.meant else "product regression",
                about=view.candidates,
            )
    yield from _broken(case)


def _signs(case: Case, view: Seen) -> Iterator[Sign]:
    yield from intent.of_spec(case, view)
    yield from intent.of_callers(case, view)
    yield from intent.of_companions(case, view)
    yield from sayings.of_words(case, view)


def _broken(case: Case) -> Iterator[Finding]:
    """Nobody means to answer 5xx or to stop sending at all."""
    for item in case.failure.differences:
        if item.kind == "status" and isinstance(item.new, int) and item.new >= 500:
            text = f"{item.step} answers {item.new}, which no contract promises"
            yield Finding(Clue(DETECTOR.name, text, item.step, STRONG), None, "product regression")
            return


DETECTOR = Detector("intent", "Whether spec, callers and commit agree with the new behaviour.", _find)
