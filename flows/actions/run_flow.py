"""Another flow as one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.actions import Action
from flows.language.catalogue import ActionSpec, option


@dataclass(frozen=True, slots=True)
class RunFlowConfig:
    """Settings of a run_flow step."""

    flow: str = option(doc="A flow file, relative to this one.", file=True, flow=True)
    input: Mapping[str, object] | None = option(None, "Its variables; it sees no others of this flow.")


ACTION: Action[RunFlowConfig] = Action(
    spec=ActionSpec(
        name="run_flow",
        summary="Runs another flow file; its outputs are fields of this step by step id.",
        config=RunFlowConfig,
        family="container",
        checks_itself=True,
    ),
)
