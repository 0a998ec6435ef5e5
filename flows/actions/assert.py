"""Assertions in a step of their own, over everything before it."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions import Action, Result
from flows.language.catalogue import ActionSpec, Assertions, option
from flows.language.expressions.scope import Scope
from flows.language.shapes import record


@dataclass(frozen=True, slots=True)
class AssertConfig:
    """Settings of an assert step."""

    assertions: Assertions = option((), "Expressions, or `{expression, message}`; all must hold.")


def compute(config: AssertConfig, names: Scope) -> Result:
    """Nothing of its own: the language hands the assertions to the step.

    Args:
        config: rendered.
        names: everything before the step.
    """
    return {}


ACTION: Action[AssertConfig] = Action(
    spec=ActionSpec(
        name="assert",
        summary="Checks values of earlier steps.",
        config=AssertConfig,
        result=record(),
        checks_itself=True,
    ),
    compute=compute,
)
