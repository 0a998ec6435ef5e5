"""What a repair is computed from; the system under test is only reached through the seams given here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from graph.answers import Diagnosis
from graph.runs import FlowRun, Run
from testmesh.kernel.diagnostics import Diagnostic

Judge = Callable[[FlowRun, str], FlowRun]
"""Judges a recorded execution again with another text of the flow."""

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

    def execution(self, run: Run | None) -> FlowRun | None:
        """The execution of this flow in a run, failing ones first, or None.

        Args:
            run: any run.
        """
        if run is None:
            return None
        same = [f for f in run.flows if _alike(f.file, self.path) or f.file == self.diagnosis.flow]
        return next(iter(sorted(same, key=lambda f: f.verdict == "passed")), None)


def _alike(one: str, other: str) -> bool:
    a, b = one.removeprefix("./"), other.removeprefix("./")
    return a == b or a.endswith("/" + b) or b.endswith("/" + a)
