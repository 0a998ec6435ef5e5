"""The same steps for every item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.actions import Action
from flows.language.catalogue import ActionSpec, Steps, option
from flows.language.expressions import Expression
from flows.language.shapes import ARRAY, NUMBER, record


@dataclass(frozen=True, slots=True)
class RangeConfig:
    """Whole numbers from one to another."""

    from_: int = option(0, "First number.")
    to: int = option(doc="Last number, included.")
    step: int = option(1, "Distance; negative counts down.")


@dataclass(frozen=True, slots=True)
class ForEachConfig:
    """Settings of a loop."""

    items: Expression | tuple[object, ...] | None = option(None, "A list, or an expression for one.", scope="flow")
    range: RangeConfig | None = option(None, "Whole numbers instead of items.", record=RangeConfig)
    as_: str = option("item", "Name of the loop variable; its place is in `index`.", name=True)
    steps: Steps = option((), "What to run for each item.")
    max_concurrent: int = option(1, "How many iterations at once.", least=1)


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    counted = config.get("range")
    if config.get("items") is not None and counted is not None:
        yield "range", "'items' and 'range' exclude each other"
    if config.get("items") is None and counted is None:
        yield "config", "for_each needs 'items' or 'range'"
    if isinstance(counted, Mapping) and counted.get("step") == 0:
        yield "range.step=", "a range with step 0 never ends"


ACTION: Action[ForEachConfig] = Action(
    spec=ActionSpec(
        name="for_each",
        summary="Runs steps for every item of a list.",
        config=ForEachConfig,
        family="container",
        result=record(results=ARRAY, count=NUMBER),
        container="for_each",
        check=_problems,
    ),
)
