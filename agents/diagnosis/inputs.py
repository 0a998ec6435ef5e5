"""What a diagnosis is computed from, and nothing else: it opens no file and asks no server but through these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from graph.answers import Diagnosis
from graph.change import Change
from graph.runs import Run
from graph.spans import SpanSource
from graph.store import GraphStore
from graph.values import Fact


class Sources(Protocol):
    """The texts of both sides of the change."""

    def base(self, path: str) -> str | None:
        """The file's text before, None when it does not exist there or is not text."""
        ...

    def head(self, path: str) -> str | None:
        """The file's text after, None when it does not exist there or is not text."""
        ...

    def head_files(self) -> Sequence[str]:
        """Paths of all files after, sorted."""
        ...


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the range.

    Args:
        id: 40 hex.
        message: whole text.
        change: what it changed against its first parent.
        sources: texts of its parent (base) and of itself (head), or None.
    """

    id: str
    message: str
    change: Change
    sources: Sources | None = None


@dataclass(frozen=True, slots=True)
class Views:
    """The graph before and after.

    Args:
        base: graph of the base, or None.
        head: graph of the head, or None.
        base_facts: what scanners said of the base.
        head_facts: what scanners said of the head.
    """

    base: GraphStore | None = None
    head: GraphStore | None = None
    base_facts: tuple[Fact, ...] = ()
    head_facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class PastFailure:
    """An earlier failure that looks alike, with what a person or a revert found it to be.

    Args:
        run: its run id.
        failure: its class.
        similarity: 0..1.
    """

    run: str
    failure: str
    similarity: float


Similar = Callable[[str], Sequence[PastFailure]]


@dataclass(frozen=True, slots=True)
class DiagnosisInputs:
    """Everything a diagnosis may look at; what is missing is named in its `not_checked`.

    Args:
        run: the failing run.
        flow: file of the failing flow to explain; the first failing one when empty.
        green: last run in which that flow passed, or None.
        history: further runs, newest first, for same-revision verdicts.
        change: what differs between the green revision (or the base asked for) and the one that ran, or None.
        commits: commits of that range, newest first.
        sources: texts of both sides, or None.
        views: graphs and facts of both sides.
        spans: where traces are, or None.
        similar: finds past failures by a text; never evidence by itself, only shown.
    """

    run: Run
    flow: str = ""
    green: Run | None = None
    history: tuple[Run, ...] = ()
    change: Change | None = None
    commits: tuple[Commit, ...] = ()
    sources: Sources | None = None
    views: Views = Views()
    spans: SpanSource | None = None
    similar: Similar | None = None


Diagnose = Callable[[DiagnosisInputs], Diagnosis]
