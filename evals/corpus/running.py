"""The corpus run in any order and any number at once, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.corpus.places import FLOWS, Places
from flows.actions import ShellPolicy
from flows.runner import RunOptions, run_flows
from graph.runs import Run
from testmesh.guard.yaml import FLOW, plain, read

NEGATIVE = "negative"


@dataclass(frozen=True, slots=True)
class CorpusFlow:
    """One flow of the corpus.

    Args:
        file: its name.
        tags: servers it needs, and ``negative`` when it must fail.
    """

    file: str
    tags: tuple[str, ...]

    @property
    def expected(self) -> frozenset[str]:
        """Verdicts that are right."""
        return frozenset({"failed", "error"} if NEGATIVE in self.tags else {"passed"})


def flows(places: Places, folder: Path = FLOWS) -> list[CorpusFlow]:
    """The flows whose servers are there.

    Args:
        places: what is up.
        folder: with the flow files.
    """
    found = []
    for path in sorted(folder.glob("*.yaml")):
        root = plain(read(path.read_text(), path.name, FLOW).roots[0])
        flow = root.get("flow") if isinstance(root, dict) else None
        if not isinstance(flow, dict):
            continue
        tags = tuple(str(tag) for tag in flow.get("tags", ()))
        if "part" not in tags and not set(tags) & set(places.missing):
            found.append(CorpusFlow(path.name, tags))
    return found


def run(files: Sequence[str], places: Places, *, parallel: int = 1, seed: int = 7) -> Run:
    """One run of flows in this order.

    Args:
        files: names, in order.
        places: what is up.
        parallel: how many at once.
        seed: of random values.
    """
    options = RunOptions(
        tuple(files), FLOWS, process=dict(places.variables), parallel=parallel, seed=seed, shell=ShellPolicy()
    )
    return asyncio.run(run_flows(options))
