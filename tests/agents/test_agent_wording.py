"""A model's words are taken only when the evidence carries them."""

from __future__ import annotations

from collections.abc import Mapping

from agents.agent import Agent, ask, unsupported

FACTS = {"summary": "`shown` in app.py:41 changed 3 fields", "class": "product regression"}


def agent() -> Agent[int, str]:
    return Agent("demo", "A demo.", "demo", lambda n: f"answer {n}", lambda _: FACTS, lambda _, text: text)


class Scripted:
    """A model that says its lines one after the other."""

    def __init__(self, *lines: str | None) -> None:
        self.lines = list(lines)
        self.seen: list[Mapping[str, str]] = []

    def __call__(self, prompt: str, facts: Mapping[str, str]) -> str | None:
        self.seen.append(dict(facts))
        return self.lines.pop(0)


def test_without_a_model_the_answer_is_ours() -> None:
    assert ask(agent(), 7) == "answer 7"


def test_words_that_stay_within_the_evidence_are_taken() -> None:
    assert ask(agent(), 7, Scripted("`shown` at app.py:41 is to blame.")) == "`shown` at app.py:41 is to blame."


def test_an_invented_place_is_rejected_once_with_the_reason_then_dropped() -> None:
    model = Scripted("see app.py:42", "see other.py:1")
    assert ask(agent(), 7, model) == "answer 7"
    assert model.seen[1]["rejected"] == "app.py:42 is not in the evidence"


def test_a_corrected_second_attempt_is_taken() -> None:
    assert ask(agent(), 7, Scripted("see app.py:42", "see app.py:41")) == "see app.py:41"


def test_a_silent_model_changes_nothing() -> None:
    assert ask(agent(), 7, Scripted(None)) == "answer 7"


def test_invented_numbers_and_names_are_not_carried() -> None:
    assert unsupported("it changed 4 fields", FACTS) == "the number 4 is not in the evidence"
    assert unsupported("`hidden` did it", FACTS) == "`hidden` is not in the evidence"
    assert unsupported("", FACTS) is not None
