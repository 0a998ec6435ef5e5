"""A line for the reader of a run."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions import Action, Result
from flows.language.catalogue import ActionSpec, option
from flows.language.expressions.scope import Scope
from flows.language.shapes import STRING, record
from flows.language.values import as_text


@dataclass(frozen=True, slots=True)
class LogConfig:
    """Settings of a log step."""

    message: object = option(doc="What to say; anything but text is written as JSON.")
    level: str = option("info", "How important it is.", choices=("debug", "info", "warning", "error"))


def compute(config: LogConfig, names: Scope) -> Result:
    """The line.

    Args:
        config: rendered.
        names: everything before the step.
    """
    return {"message": as_text(config.message), "level": config.level}


ACTION: Action[LogConfig] = Action(
    spec=ActionSpec(
        name="log",
        summary="Writes a line into the run.",
        config=LogConfig,
        result=record(message=STRING, level=STRING),
        exempt=True,
    ),
    compute=compute,
)
