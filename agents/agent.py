"""The shape every agent has: code answers from evidence, a model may only word it, and code checks the words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Inputs = TypeVar("Inputs")
Answer = TypeVar("Answer")

_PLACE = re.compile(r"[\w./-]+\.\w+:\d+")
_QUOTED = re.compile(r"`([^`]+)`")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
ATTEMPTS = 2
LONGEST = 4000


class Wording(Protocol):
    """A language model seen from an agent: it gets checked facts and gives a text, nothing else."""

    def __call__(self, prompt: str, facts: Mapping[str, str]) -> str | None:
        """A proposed text, or None when no model answers.

        Args:
            prompt: name of the prompt file.
            facts: what the text may use; `rejected` holds the reason when an earlier text was refused.
        """
        ...


@dataclass(frozen=True, slots=True)
class Agent(Generic[Inputs, Answer]):
    """One agent, declared as `AGENT` by its module.

    Args:
        name: the word people type.
        summary: one sentence.
        prompt: name of the prompt file a model is asked with.
        answer: the deterministic answer.
        facts: the answer as the texts a model may use.
        reword: the answer with another text for people.
    """

    name: str
    summary: str
    prompt: str
    answer: Callable[[Inputs], Answer]
    facts: Callable[[Answer], Mapping[str, str]]
    reword: Callable[[Answer, str], Answer]


def ask(agent: Agent[Inputs, Answer], inputs: Inputs, wording: Wording | None = None) -> Answer:
    """The agent's answer; a model's text replaces ours only when the evidence carries all of it.

    Args:
        agent: which.
        inputs: what it needs.
        wording: a model, or None: the answer is complete without one.
    """
    answer = agent.answer(inputs)
    if wording is None:
        return answer
    facts = dict(agent.facts(answer))
    for _ in range(ATTEMPTS):
        text = wording(agent.prompt, facts)
        if text is None:
            return answer
        problem = unsupported(text, facts)
        if problem is None:
            return agent.reword(answer, text.strip())
        facts["rejected"] = problem
    return answer


def unsupported(text: str, facts: Mapping[str, str]) -> str | None:
    """What a proposed text claims beyond the evidence, or None when it claims nothing more.

    Places (`file:line`), quoted names and numbers must all stand in the facts.

    Args:
        text: the proposal.
        facts: the evidence as texts.
    """
    if not text.strip() or len(text) > LONGEST:
        return f"the text must have between 1 and {LONGEST} characters"
    carried = "\n".join(value for name, value in facts.items() if name != "rejected")
    for place in _PLACE.findall(text):
        if place not in carried:
            return f"{place} is not in the evidence"
    for name in _QUOTED.findall(text):
        if name not in carried:
            return f"`{name}` is not in the evidence"
    numbers = set(_NUMBER.findall(carried))
    for number in _NUMBER.findall(_PLACE.sub(" ", text)):
        if number not in numbers:
            return f"the number {number} is not in the evidence"
    return None
