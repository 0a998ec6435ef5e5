"""One of two lists of steps."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions import Action
from flows.language.catalogue import ActionSpec, Steps, option
from flows.language.expressions import Expression
from flows.language.shapes import STRING, record


@dataclass(frozen=True, slots=True)
class ConditionConfig:
    """Settings of a condition."""

    if_: Expression = option(doc="Decides.", also=("condition",), scope="flow")
    then: Steps = option((), "Run when it is true.")
    else_: Steps = option((), "Run when it is false.")


ACTION: Action[ConditionConfig] = Action(
    spec=ActionSpec(
        name="condition",
        summary="Runs one of two lists of steps.",
        config=ConditionConfig,
        family="container",
        result=record(branch=STRING),
        container="condition",
    ),
)
