"""New variables from expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.actions import Action, Result
from flows.language.catalogue import ActionSpec
from flows.language.expressions.scope import Scope


@dataclass(frozen=True, slots=True)
class SetConfig:
    """A set step's config has no keys of its own: every key is a variable."""


def compute(config: Mapping[str, object], names: Scope) -> Result:
    """The variables.

    Args:
        config: name to rendered value.
        names: everything before the step.
    """
    return dict(config)


ACTION: Action[Mapping[str, object]] = Action(
    spec=ActionSpec(
        name="set",
        summary="Sets variables; they are fields of the step too.",
        config=SetConfig,
        open_config=True,
        fields_from="",
        exempt=True,
    ),
    compute=compute,
)
