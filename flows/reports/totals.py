"""What counts as one test in every report, and how verdicts are counted: one table, so that all totals agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from graph.runs import FlowRun, Run, StepRun

Counted = Literal["passed", "failed", "error", "skipped", "not_run", "tolerated"]
COUNTED: tuple[Counted, ...] = ("passed", "failed", "error", "skipped", "not_run", "tolerated")
"""``tolerated``: it failed or erred, and is optional, or what it belongs to passed all the same."""


class Column(NamedTuple):
    """How a verdict is called elsewhere.

    Args:
        junit: the element, empty for none.
        ctrf: the status.
        words: for people.
    """

    junit: str
    ctrf: str
    words: str


COLUMNS: Mapping[Counted, Column] = {
    "passed": Column("", "passed", "passed"),
    "failed": Column("failure", "failed", "failed"),
    "error": Column("error", "failed", "in error"),
    "skipped": Column("skipped", "skipped", "skipped"),
    "not_run": Column("skipped", "pending", "not run"),
    "tolerated": Column("skipped", "other", "failed but optional"),
}
BROKEN: frozenset[Counted] = frozenset({"failed", "error"})


@dataclass(frozen=True, slots=True)
class Case:
    """One test: an execution of a step, or a whole flow execution that no step speaks for.

    Args:
        flow: whose.
        step: the step, or None.
        path: ids from the outside, iterations in brackets; the flow's name without a step.
        verdict: as counted.
    """

    flow: FlowRun
    step: StepRun | None
    path: str
    verdict: Counted

    @property
    def name(self) -> str:
        """The path, with the phase when it is setup or teardown."""
        if self.step is None or self.step.phase == "steps":
            return self.path
        return f"{self.step.phase}/{self.path}"

    @property
    def message(self) -> str:
        """Why, in the words of the step or the flow."""
        return self.flow.message if self.step is None else self.step.message


def cases(flow: FlowRun) -> Iterator[Case]:
    """The tests of a flow execution, in order, one at a time.

    Args:
        flow: the execution.
    """
    none, told = True, flow.verdict == "passed"
    for case in _cases(flow, flow.steps, "", flow.verdict == "passed"):
        none = False
        told = told or case.verdict in BROKEN or (flow.verdict == "cancelled" and case.verdict == "not_run")
        yield case
    if none or not told:
        verdict: Counted = "not_run" if flow.verdict == "cancelled" else flow.verdict
        yield Case(flow, None, flow.name, verdict)


def _cases(flow: FlowRun, steps: Sequence[StepRun], above: str, passed: bool) -> Iterator[Case]:
    for step in steps:
        name = step.id if step.iteration is None else f"{step.id}[{step.iteration}]"
        path = f"{above}/{name}" if above else name
        tolerant = passed or step.optional
        yield Case(flow, step, path, "tolerated" if tolerant and step.verdict in BROKEN else step.verdict)
        yield from _cases(flow, step.steps, path, tolerant or step.verdict == "passed")


def all_cases(run: Run) -> Iterator[Case]:
    """The tests of a run, in order, one at a time.

    Args:
        run: a finished run.
    """
    for flow in run.flows:
        yield from cases(flow)


@dataclass(frozen=True, slots=True)
class Totals:
    """How many tests there were, by verdict."""

    passed: int = 0
    failed: int = 0
    error: int = 0
    skipped: int = 0
    not_run: int = 0
    tolerated: int = 0

    @property
    def tests(self) -> int:
        """All of them."""
        return self.passed + self.failed + self.error + self.skipped + self.not_run + self.tolerated

    def as_map(self) -> dict[Counted, int]:
        """By verdict, in the order of COUNTED."""
        return {name: getattr(self, name) for name in COUNTED}


def totals(found: Iterable[Case]) -> Totals:
    """Counts.

    Args:
        found: of a flow or a run.
    """
    counts: dict[str, int] = dict.fromkeys(COUNTED, 0)
    for case in found:
        counts[case.verdict] += 1
    return Totals(**counts)
