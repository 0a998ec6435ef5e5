"""A fixed pause; waiting for something is better done by the step that reads it."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions import Action, Result
from flows.language.catalogue import ActionSpec, Duration, option
from flows.language.expressions.scope import Scope
from flows.language.shapes import NUMBER, record


@dataclass(frozen=True, slots=True)
class DelayConfig:
    """Settings of a delay step."""

    duration: Duration = option(doc="How long to wait.")


def compute(config: DelayConfig, names: Scope) -> Result:
    """How long was waited.

    Args:
        config: rendered.
        names: everything before the step.
    """
    return {"duration_ms": config.duration * 1000}


ACTION: Action[DelayConfig] = Action(
    spec=ActionSpec(
        name="delay",
        summary="Waits for a fixed time.",
        config=DelayConfig,
        result=record(duration_ms=NUMBER),
        exempt=True,
    ),
    compute=compute,
    pause=lambda config: config.duration,
)
