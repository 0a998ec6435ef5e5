"""Assertions from an answer that was recorded: what is the same the next time, and the kind of what is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flows.engine.masking import is_secret_key
from flows.importers.chaining import as_text, opaque
from flows.importers.draft import DraftStep, literal
from flows.importers.paths import dotted

MAX_PROPOSED = 8
_LONG = 80


Known = Callable[[object, str], "str | None"]


def _unknown(value: object, key: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known about a question when its answer is looked at.

    Args:
        values: it sent, as text: what comes back of them is no accident.
        known: (value, key) → the expression of an earlier answer it came from.
    """

    values: frozenset[str] = frozenset()
    known: Known = _unknown


def propose(step: DraftStep, status: int, body: object, sent: Sent) -> None:
    """Adds assertions about a recorded answer to a step.

    Args:
        step: that got it.
        status: of the answer; 0 = there was none.
        body: parsed, or text, or None.
        sent: about the question.
    """
    if status:
        step.check(f"status == {status}")
    if isinstance(body, Mapping):
        for key, value in body.items():
            _field(step, [str(key)], value, sent)
    elif isinstance(body, list):
        step.check("body is array")


def _field(step: DraftStep, path: list[str | int], value: object, sent: Sent) -> None:
    if len(step.assertions) > MAX_PROPOSED:
        return
    where = dotted("body", path)
    origin = sent.known(value, str(path[-1])) if isinstance(value, str | int) else None
    if origin is not None:
        step.check(f"{where} == {origin}")
    elif isinstance(value, Mapping):
        if len(path) < 2:
            for key, item in value.items():
                _field(step, [*path, str(key)], item, sent)
    elif isinstance(value, list):
        step.check(f"{where} is array")
    elif isinstance(value, str):
        _text(step, path, value, sent)
    elif isinstance(value, bool):
        step.check(f"{where} == {literal(value)}")
    elif value is not None:
        same = as_text(value) in sent.values
        step.check(f"{where} == {literal(value)}" if same else f"{where} is number")


def _text(step: DraftStep, path: list[str | int], value: str, sent: Sent) -> None:
    where = dotted("body", path)
    stable = value in sent.values or not (opaque(value) or len(value) > _LONG or "\n" in value)
    risky = "${" in value or "{{" in value or is_secret_key(str(path[-1]))
    step.check(f"{where} == {literal(value)}" if stable and not risky else f"{where} is string")
