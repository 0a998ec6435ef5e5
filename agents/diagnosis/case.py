"""What every detector is handed and what it gives back, on one scale."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.failure import Failure, leaves
from agents.diagnosis.inputs import DiagnosisInputs
from agents.diagnosis.walk import Atlas, Trail
from graph.answers import Clue, FailureClass

PROOF: Final = 0.95
STRONG: Final = 0.85
CLEAR: Final = 0.7
SUGGESTIVE: Final = 0.5
WEAK: Final = 0.3
HINT: Final = 0.15
"""The one scale of clue weights. A weight is meant as the chance that the clue alone points at the cause."""


@dataclass(frozen=True, slots=True)
class Case:
    """One failure under examination.

    Args:
        inputs: everything there is.
        failure: the failing step and its differences.
        candidates: changed regions, `index` is the position here.
        base: the graph before, or None.
        head: the graph after, or None.
    """

    inputs: DiagnosisInputs
    failure: Failure
    candidates: tuple[Candidate, ...]
    base: Atlas | None = None
    head: Atlas | None = None

    @property
    def atlases(self) -> tuple[Atlas, ...]:
        """The graphs there are, the one before first."""
        return tuple(a for a in (self.base, self.head) if a is not None)

    @property
    def trail(self) -> Trail:
        """The steps up to and with the failing one."""
        return Trail(self.failure.flow.file, (self.failure.step, *self.failure.earlier))

    @property
    def green_trail(self) -> Trail:
        """The same steps as they were when they passed, for the graph of the base."""
        ids = {step.id for step in self.trail.steps}
        green = self.failure.green
        steps = tuple(s for s in leaves(green.steps) if s.id in ids) if green else self.trail.steps
        return Trail(self.failure.flow.file, steps)

    def trail_of(self, step: str) -> Trail:
        """One step alone.

        Args:
            step: its id.
        """
        return Trail(self.failure.flow.file, tuple(s for s in self.trail.steps if s.id == step))


@dataclass(frozen=True, slots=True)
class Finding:
    """A clue and what it speaks for.

    Args:
        clue: with its weight.
        candidate: index of the candidate it is about, None when it is about the class alone.
        failure: the class it speaks for, or None.
        against: it lowers the candidate instead.
        about: for a class, the candidates it holds for; any when empty.
    """

    clue: Clue
    candidate: int | None = None
    failure: FailureClass | None = None
    against: bool = False
    about: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Detector:
    """One way to look at a failure, declared as `DETECTOR` by one module of `agents.diagnosis.detectors`.

    Args:
        name: as shown beside its clues.
        about: one sentence.
        find: what it sees in a case.
        blind: why it cannot look at this case, or empty.
    """

    name: str
    about: str
    find: Callable[[Case], Iterable[Finding]]
    blind: Callable[[Case], str] = lambda case: ""
