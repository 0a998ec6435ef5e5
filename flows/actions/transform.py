"""Fields computed from an input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.actions import Action, Result
from flows.language.catalogue import ActionSpec, option
from flows.language.errors import NotEvaluable
from flows.language.expressions import Expression
from flows.language.expressions.scope import InnerScope, Scope


@dataclass(frozen=True, slots=True)
class TransformConfig:
    """Settings of a transform step."""

    input: object = option(None, "What paths start from; its fields are bare names, `input` is the whole.")
    transforms: Mapping[str, Expression] = option(doc="Name to path or expression.")


def compute(config: TransformConfig, names: Scope) -> Result:
    """Evaluates every transform; later ones see earlier ones.

    Args:
        config: rendered.
        names: everything before the step.

    Raises:
        NotEvaluable: a transform has no value.
    """
    fields: dict[str, object] = {}
    known = dict(config.input) if isinstance(config.input, Mapping) else {}
    for name, expression in config.transforms.items():
        scope = InnerScope({**known, "input": config.input, **fields}, names, config.input)
        try:
            fields[name] = expression.evaluate(scope)
        except NotEvaluable as problem:
            raise NotEvaluable(f"transforms.{name}: {problem.message}") from problem
    return fields


ACTION: Action[TransformConfig] = Action(
    spec=ActionSpec(
        name="transform",
        summary="Computes fields from an input with paths or expressions.",
        config=TransformConfig,
        fields_from="transforms",
        exempt=True,
    ),
    compute=compute,
)
