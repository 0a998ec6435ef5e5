"""Branches that run beside each other."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions import Action
from flows.language.catalogue import ActionSpec, Branches, Steps, option
from flows.language.shapes import NUMBER, record


@dataclass(frozen=True, slots=True)
class ParallelConfig:
    """Settings of a parallel step."""

    branches: Branches = option((), "Lists of steps, or maps with `steps`.")
    steps: Steps = option((), "Each step is a branch of its own.")
    max_concurrent: int | None = option(None, "How many branches at once; all by default.", least=1)
    fail_fast: bool = option(True, "The first failing step ends the other branches.")


ACTION: Action[ParallelConfig] = Action(
    spec=ActionSpec(
        name="parallel",
        summary="Runs branches beside each other.",
        config=ParallelConfig,
        family="container",
        result=record(branches=NUMBER),
        container="parallel",
    ),
)
