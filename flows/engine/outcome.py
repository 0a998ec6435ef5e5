"""How a list of steps ended: what ran, the verdict of all of it, and the first failures in a line each."""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.engine.effects import CutOff
from flows.engine.log import Log
from flows.language.spec import Step
from graph.runs import StepRun, StepVerdict

MOST_FAILURES = 3


@dataclass(slots=True)
class Outcome:
    """How a list of steps ended.

    Args:
        runs: every step of it.
        verdict: of the list by its steps without `optional`: passed, failed or error.
        stopped: why the rest did not run; empty when all did.
        cut: thrown while it ran.
        failures: the first three steps that failed, each with its reason in one line.
        missing: why the first step that did not run did not; None when all ran.
        doubt: a step of a recording could not be judged because of what is masked.
        sure: a step did not pass whatever is masked.
    """

    runs: Log
    verdict: StepVerdict = "passed"
    stopped: str = ""
    cut: CutOff | None = None
    failures: list[str] = field(default_factory=list)
    missing: str | None = None
    doubt: bool = False
    sure: bool = False

    @property
    def undecided(self) -> bool:
        """Only what is masked could say whether all passed."""
        return self.doubt and not self.sure

    def add(self, run: StepRun) -> None:
        """Adds a step without its verdict.

        Args:
            run: its execution.
        """
        self.runs.append(run)
        if run.verdict in ("failed", "error") and len(self.failures) < MOST_FAILURES:
            reason = run.message.splitlines()[0] if run.message else run.verdict
            self.failures.append(f"step '{run.id}': {reason}")
        elif run.verdict == "not_run" and self.missing is None:
            self.missing = run.message

    def take(self, part: Outcome) -> None:
        """Adds a list beside or below this one.

        Args:
            part: ended.
        """
        self.runs.take(part.runs)
        self.failures += part.failures[: MOST_FAILURES - len(self.failures)]
        self.missing = part.missing if self.missing is None else self.missing
        self.doubt, self.sure = self.doubt or part.doubt, self.sure or part.sure
        if part.verdict == "failed" or (part.verdict == "error" and self.verdict == "passed"):
            self.verdict = part.verdict

    def count(self, step: Step, run: StepRun, *, doubt: bool = False) -> None:
        """Adds a step's verdict to the list's.

        Args:
            step: the step.
            run: its execution.
            doubt: only what is masked could say whether it passed.
        """
        self.add(run)
        if step.optional:
            return
        self.doubt = self.doubt or doubt
        self.sure = self.sure or (run.verdict in ("failed", "error") and not doubt)
        if run.verdict == "failed" or (run.verdict == "error" and self.verdict == "passed"):
            self.verdict = run.verdict
