"""Recordings of one flow, newest first, for questions about several of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from graph.runs import FlowRun, Run
from testmesh.compose.diagnosing import file_runs
from testmesh.compose.graphs import Checkout
from testmesh.kernel.errors import UserError

_PAGE = 50


def recent(checkout: Checkout) -> Iterator[Run]:
    """Every recording that can be read, newest first.

    Args:
        checkout: whose.
    """
    runs, before = file_runs(checkout), ""
    while page := runs.list(_PAGE, before=before):
        for summary in page:
            yield runs.load(summary.id)
        before = page[-1].id


def executions(checkout: Checkout, file: str, last: int) -> list[tuple[Run, FlowRun]]:
    """The executions of a flow in the last runs that held it.

    Args:
        checkout: whose.
        file: as recorded.
        last: most runs.
    """
    found: list[tuple[Run, FlowRun]] = []
    count = 0
    for run in recent(checkout):
        mine = [(run, flow) for flow in run.flows if flow.file == file]
        found += mine
        count += bool(mine)
        if count >= last:
            break
    return found


def recorded_name(checkout: Checkout, path: Path) -> str:
    """How runs of this repository call a flow file.

    Args:
        checkout: whose.
        path: as typed, from here or from the repository's top folder.

    Raises:
        UserError: there is no such file.
    """
    root = checkout.project.root
    found = next((p.resolve() for p in (path, root / path) if p.is_file()), None)
    if found is None:
        raise UserError(f"there is no flow {path}", hint="give the path of a flow file")
    return found.relative_to(root).as_posix() if found.is_relative_to(root) else found.as_posix()
