"""What a diagnosis is given in an eval: exactly what the command line would gather."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from agents.diagnosis import DiagnosisInputs, GitSources, Views, commits
from evals.seeding import CACHE, Sample
from graph.change import Change
from graph.runs import Run
from scanners.changes import changes
from testmesh.compose.graphs import Tree, View, view_of
from testmesh.guard.git import Repository
from testmesh.kernel.workspace import LOCAL


@lru_cache(maxsize=64)
def view(path: Path, commit: str, name: str) -> View:
    """The graph of a commit, in memory.

    Args:
        path: the repository.
        commit: 40 hex.
        name: of the repository.
    """
    return view_of([Tree(path, name, commit)], CACHE / "facts.db", LOCAL)


@lru_cache(maxsize=512)
def change(path: Path, base: str, head: str) -> Change:
    """What differs between two commits.

    Args:
        path: the repository.
        base: 40 hex.
        head: 40 hex.
    """
    return changes(path, base, head)


def known(
    made: Sample, sides: tuple[str, str], runs: tuple[Run, Run | None], history: tuple[Run, ...]
) -> DiagnosisInputs:
    """Everything the diagnosis of a run may look at.

    Args:
        made: the sample.
        sides: base and head, 40 hex.
        runs: the failing one and the last green one.
        history: further runs.
    """
    base, head = sides
    repository = Repository(made.path)
    before, after = view(made.path, base, made.system), view(made.path, head, made.system)
    return DiagnosisInputs(
        run=runs[0],
        green=runs[1],
        history=history,
        change=change(made.path, base, head),
        commits=commits(repository, base, head, lambda a, b: change(made.path, a, b)),
        sources=GitSources(repository, base, head),
        views=Views(before.graph, after.graph, before.facts, after.facts),
    )
