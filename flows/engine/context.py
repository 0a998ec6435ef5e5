"""What every part of the engine needs to know about the flow execution it works for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from flows.engine.log import Keeper, Log
from flows.engine.masking import Masks
from graph.runs import StepFinished, StepStarted

if TYPE_CHECKING:
    from flows.actions import ActionCatalogue
    from flows.language.spec import Flow, Step

FOREVER = math.inf
MAX_DEPTH = 10


class Limit(NamedTuple):
    """When something ends, and how to say so.

    Args:
        at: ms after the run's start.
        text: for the failure's message.
        flow: it is the whole flow's.
    """

    at: float = FOREVER
    text: str = ""
    flow: bool = False

    def sooner(self, other: Limit) -> Limit:
        """The one that comes first.

        Args:
            other: another limit.
        """
        return other if other.at < self.at else self


NEVER = Limit()


@dataclass(slots=True)
class Context:
    """One flow execution, or one `run_flow` child inside it.

    Args:
        flow: the checked file.
        catalogue: actions.
        clock: ms after the run's start; of the recording when one is judged.
        masks: secrets met so far.
        emit: told of every step that starts and ends.
        run: run id.
        row: 0-based data row or None.
        recorded: a recording answers, so windows end where it ends.
        trace_id: 32 hex, sent with every request.
        limit: end of setup and steps; teardown is outside.
        prefix: path of the enclosing `run_flow` step.
        depth: of `run_flow`.
        root_file: the file the execution began with.
        keeper: where finished steps are kept; None = in memory.
        inputs: what `run_flow` children were given from outside, for the recording.
        unopened: consumer steps whose stream waits for a name.
        late: (phase, id) of consumer steps whose stream could not be opened when the flow began, to why.
    """

    flow: Flow
    catalogue: ActionCatalogue
    clock: Callable[[], float]
    masks: Masks
    emit: Callable[[StepStarted | StepFinished], None]
    run: str
    row: int | None
    recorded: bool = False
    trace_id: str = ""
    limit: Limit = NEVER
    prefix: tuple[str, ...] = ()
    depth: int = 0
    root_file: str = ""
    keeper: Keeper | None = None
    inputs: dict[str, object] = field(default_factory=dict)
    unopened: list[Step] = field(default_factory=list)
    late: dict[tuple[str, str], str] = field(default_factory=dict)

    def log(self) -> Log:
        """An empty list of finished steps."""
        return Log(self.keeper)


def seconds(value: float) -> str:
    """A duration for a message.

    Args:
        value: seconds.
    """
    if value < 1:
        return f"{value * 1000:g}ms"
    return f"{value:g}s" if value < 60 or value % 60 else f"{value / 60:g}m"
