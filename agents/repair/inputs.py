"""What a repair is computed from; the system under test is only reached through the seams given here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from graph.answers import Diagnosis
from graph.runs import FlowRun, Run
from testmesh.kernel.diagnostics import Diagnostic

Judge = Callable[[Run, Mapping[str, str]], Run]
"""Judges a recorded run again with other texts of its flows, by file as in the run."""

Validate = Callable[[str, str], Sequence[Diagnostic]]
"""Findings of a flow's text: (text, file)."""

Again = Callable[[Run], Diagnosis]
"""Diagnoses a further run of the same flow under the same circumstances."""


class Live(Protocol):
    """The system as it is now, put back to its first state before each run."""

    def run(self, texts: Mapping[str, str], flows: Sequence[str]) -> Run:
        """Run these flow files, some with another text.

        Args:
            texts: file to the text to use instead.
            flows: files to run.
        """
        ...


@dataclass(frozen=True, slots=True)
class Seams:
    """How a repair asks others; what is None is reported as not checked.

    Args:
        validate: checks a flow's text.
        judge: judges recorded evidence.
        live: runs flows now.
        again: diagnoses a further failure after a first edit.
    """

    validate: Validate
    judge: Judge | None = None
    live: Live | None = None
    again: Again | None = None


@dataclass(frozen=True, slots=True)
class RepairInputs:
    """One failing flow to repair.

    Args:
        diagnosis: why it failed.
        run: the failing run.
        green: last run in which the flow passed, or None.
        path: the flow's path in its repository.
        text: the flow's text now.
        seams: how to check.
        impacted: flow files that the change affects, the failing one included.
        system: repository the counts of other systems are taken against.
        times: how often it must fail before and pass after.
        outcomes: file of counted outcomes, or None for the one that ships.
        suggestion: a product-side change as text, for a refusal, or empty.
    """

    diagnosis: Diagnosis
    run: Run
    path: str
    text: str
    seams: Seams
    green: Run | None = None
    impacted: tuple[str, ...] = ()
    system: str = ""
    times: int = 3
    outcomes: Path | None = None
    suggestion: str = ""

    def execution(self, run: Run | None) -> Run | None:
        """The recording of this flow alone, a failing execution before a passing one, or None.

        Args:
            run: any run.
        """
        if run is None:
            return None
        same = [f for f in run.flows if _alike(f.file, self.path) or f.file == self.diagnosis.flow]
        first = next(iter(sorted(same, key=lambda f: f.verdict == "passed")), None)
        return None if first is None else alone(run, first)


def alone(run: Run, flow: FlowRun) -> Run:
    """The recording of one execution only.

    Args:
        run: a run.
        flow: one of its executions.
    """
    return replace(run, flows=(flow,), verdict=flow.verdict)


def judged(judge: Judge, run: Run, text: str) -> FlowRun:
    """One recorded execution judged with another text.

    Args:
        judge: judges recorded runs.
        run: with one execution.
        text: the flow's text.
    """
    return judge(run, {run.flows[0].file: text}).flows[0]


def _alike(one: str, other: str) -> bool:
    a, b = one.removeprefix("./"), other.removeprefix("./")
    return a == b or a.endswith("/" + b) or b.endswith("/" + a)
