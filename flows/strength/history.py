"""Assertions of today asked of recordings of yesterday: would this line have held?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from flows.actions import catalogue
from flows.engine.loading import TextFiles, checked
from flows.language.errors import UNDECIDED
from flows.language.spec import Flow, Step
from flows.strength.measuring import alone, judged
from graph.runs import FlowRun, Run, StepRun
from testmesh.kernel.errors import DiagnosticsError

Outcome = Literal["held", "failed", "undecided", "not_run"]
OUTCOMES: tuple[Outcome, ...] = ("held", "failed", "undecided", "not_run")
Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One assertion over several recordings.

    Args:
        step: step id.
        phase: of the step.
        list: assert, assert_any or assert_none.
        expression: as written.
        line: in the flow file.
        outcomes: run id to what became of it, newest first.
        sides: run id to both sides where it failed.
    """

    step: str
    phase: str
    list: str
    expression: str
    line: int
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    sides: Mapping[str, tuple[object, object]] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        """How many recordings.

        Args:
            outcome: which.
        """
        return sum(found == outcome for found in self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Past:
    """A flow's text over its recordings.

    Args:
        lines: every assertion in file order.
        verdicts: execution to (recorded, judged now), newest first.
        differs: execution to why it could not be judged to its end.
    """

    lines: tuple[Line, ...]
    verdicts: Mapping[str, tuple[str, str]]
    differs: Mapping[str, str]


def over(runs: Sequence[tuple[Run, FlowRun]], text: str, file: str) -> Past:
    """What each assertion of a text says about recorded executions.

    Args:
        runs: recordings, newest first.
        text: the flow's text now.
        file: the flow as recorded.

    Raises:
        DiagnosticsError: the text is no flow.
    """
    lines = _lines(text, file, runs)
    outcomes: dict[Key, dict[str, Outcome]] = {key: {} for key in lines}
    sides: dict[Key, dict[str, tuple[object, object]]] = {key: {} for key in lines}
    verdicts: dict[str, tuple[str, str]] = {}
    differs: dict[str, str] = {}
    for run, flow in runs:
        name = run.id if flow.row is None else f"{run.id} row {flow.row}"
        again = judged(alone(run, flow), text)
        verdicts[name] = (flow.verdict, again.verdict)
        for step in _all(again.steps):
            if step.verdict == "not_run" and name not in differs and step.message:
                differs[name] = f"{step.id}: {step.message}"
        found = _outcomes(again)
        for key in lines:
            outcomes[key][name], both = found.get(key, ("not_run", None))
            if both is not None:
                sides[key][name] = both
    made = tuple(
        Line(step.id, step.phase, key[1], key[2], key[0], outcomes[key], sides[key]) for key, step in lines.items()
    )
    return Past(made, verdicts, differs)


def _lines(text: str, file: str, runs: Sequence[tuple[Run, FlowRun]]) -> dict[Key, Step]:
    included = runs[0][0].options.get("included", {}) if runs else {}
    texts = {str(k): str(v) for k, v in included.items()} if isinstance(included, Mapping) else {}
    found = checked(text, file, catalogue(), TextFiles(file, texts))
    if found.flow is None:
        raise DiagnosticsError(found.errors)
    return {
        (assertion.at.line, name, assertion.text): step
        for step in _steps(found.flow)
        for name, assertion in step.assertions
    }


def _steps(flow: Flow) -> Iterator[Step]:
    for phase in (flow.setup, flow.steps, flow.teardown):
        for step in phase:
            yield from _nested(step)


def _nested(step: Step) -> Iterator[Step]:
    yield step
    for branch in step.branches:
        for inner in branch.steps:
            yield from _nested(inner)


def _all(steps: Sequence[StepRun]) -> Iterator[StepRun]:
    """Step executions of this file; a child flow's lines are its own."""
    for step in steps:
        yield step
        if step.action != "run_flow":
            yield from _all(step.steps)


def _outcomes(flow: FlowRun) -> dict[Key, tuple[Outcome, tuple[object, object] | None]]:
    """The worst of a line's iterations."""
    found: dict[Key, tuple[Outcome, tuple[object, object] | None]] = {}
    for step in _all(flow.steps):
        undecided = step.verdict == "error" and step.message.startswith(_TOO_SHORT)
        for one in step.assertions:
            key = (one.line, one.list, one.expression)
            doubt = undecided or one.message == UNDECIDED
            outcome: Outcome = "held" if one.passed else "undecided" if doubt else "failed"
            if key not in found or _WORSE.index(outcome) > _WORSE.index(found[key][0]):
                found[key] = (outcome, None if one.passed else (one.left, one.right))
    return found


_TOO_SHORT = ("undecided: recording ends", "undecided: the recording ", "undecided: attempt ")
"""How messages of the engine begin where a recording has no further read or attempt."""
_WORSE: tuple[Outcome, ...] = ("held", "undecided", "failed")
