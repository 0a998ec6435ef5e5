"""The strength of flows, from the recordings kept here and what the graph knows of who reads what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graph.runs import FlowRun, Run
from testmesh.compose.diagnosing import file_runs
from testmesh.compose.graphs import Checkout, open_store
from testmesh.compose.past_flows import recorded_name
from testmesh.kernel.errors import UserError

if TYPE_CHECKING:
    from flows.strength.measuring import Strength
    from graph.store import GraphStore

HISTORY = 50
RECORDINGS = 6
NO_GREEN = f"it has no green recording among the last {HISTORY} runs"


@dataclass(frozen=True, slots=True)
class Measured:
    """One flow with its strength.

    Args:
        path: the flow file on disk.
        text: its text now.
        strength: what was measured.
    """

    path: Path
    text: str
    strength: Strength


def strengths(checkout: Checkout, target: str, step: str = "") -> list[Measured]:
    """The strength of a flow on its last green recording, or of every flow that passed in a run.

    Args:
        checkout: whose repository.
        target: a flow file or folder, or a run id, prefix or ``latest``.
        step: only this step.

    Raises:
        UserError: there is no green recording.
    """
    file = _flow_file(checkout, target)
    if file is not None:
        return [_of_file(checkout, file, step)]
    if any(path.is_dir() for path in (Path(target), checkout.project.root / target)):
        return _of_folder(checkout, target, step)
    run = file_runs(checkout).load(target)
    passed = list(dict.fromkeys(flow.file for flow in run.flows if flow.verdict == "passed"))
    if not passed:
        raise UserError(f"no flow passed in run {run.id}", hint="only green evidence can be changed: testmesh runs")
    found = []
    for name in passed:
        mine = [flow for flow in run.flows if flow.file == name and flow.verdict == "passed"]
        older = _recordings(checkout, name, before=run.id)
        found.append(_measured(checkout, name, [*((run, flow) for flow in mine), *older], step))
    return found


def _flow_file(checkout: Checkout, target: str) -> str | None:
    is_file = any(path.is_file() for path in (Path(target), checkout.project.root / target))
    if is_file or target.endswith((".yaml", ".yml")):
        return recorded_name(checkout, Path(target))
    return None


def _of_file(checkout: Checkout, file: str, step: str) -> Measured:
    greens = list(_recordings(checkout, file))
    if not greens:
        raise UserError(
            f"{file} has no green recording among the last {HISTORY} runs", hint=f"make one: testmesh run {file}"
        )
    return _measured(checkout, file, greens, step)


def _of_folder(checkout: Checkout, target: str, step: str) -> list[Measured]:
    """Every flow of a folder; those without a green recording say so."""
    from flows.runner.discovery import discover
    from flows.strength.measuring import Strength

    root = checkout.project.root
    folder = Path(target).resolve() if Path(target).is_dir() else root / target
    found = []
    for file in discover((str(folder),), root):
        greens = list(_recordings(checkout, file))
        if greens:
            found.append(_measured(checkout, file, greens, step))
        else:
            found.append(Measured(root / file, "", Strength(file, "", problem=NO_GREEN)))
    return found


def _recordings(checkout: Checkout, file: str, before: str = "") -> Iterator[tuple[Run, FlowRun]]:
    """Green executions of a flow, newest first, as long as the same revisions were deployed."""
    runs, count = file_runs(checkout), 0
    deployed: Mapping[str, str] | None = None
    for summary in runs.list(HISTORY, before=before):
        if not summary.passed:
            continue
        run = runs.load(summary.id)
        for flow in run.flows:
            same = deployed is None or run.deployed == deployed
            if flow.file == file and flow.verdict == "passed" and count < RECORDINGS and same:
                count, deployed = count + 1, run.deployed
                yield run, flow


def _measured(checkout: Checkout, file: str, greens: list[tuple[Run, FlowRun]], step: str) -> Measured:
    from flows.strength.measuring import Measure, alone, measured

    path = checkout.project.root / file
    text = path.read_bytes().decode("utf-8") if path.is_file() else greens[0][1].source
    runs = [alone(run, flow) for run, flow in greens[:RECORDINGS]]
    reads = consumed(checkout, file)
    first: Strength | None = None
    for index in range(len(runs)):
        found = measured(Measure(runs[index:], text, step, reads))
        if not found.problem:
            return Measured(path, text, found)
        first = first or found
    assert first is not None
    return Measured(path, text, first)


def consumed(checkout: Checkout, file: str) -> Mapping[str, frozenset[str]]:
    """Names of the fields that code reads of what each step of a flow touches, by step id.

    Args:
        checkout: whose graph; one that was never scanned knows nothing.
        file: the flow, relative to its repository.
    """
    if not (checkout.project.state / "graph.db").exists():
        return {}
    store = open_store(checkout)
    try:
        return _consumed(store, file) if store.version() else {}
    finally:
        store.close()


def _consumed(store: GraphStore, file: str) -> Mapping[str, frozenset[str]]:
    touched = store.slice(("Step",), ("EXERCISES",))
    used = store.slice((), ("CALLS", "CONSUMES", "READS"))
    read: dict[str, set[str]] = {}
    for edge in used.edges.values():
        names = edge.props.get("reads") or edge.props.get("columns") or ()
        for name in names:
            read.setdefault(edge.target, set()).update(str(name).replace("[]", "").split("."))
    found: dict[str, set[str]] = {}
    for edge in touched.edges.values():
        step = touched.nodes[edge.source]
        if file in step.key:
            found.setdefault(step.key[-1], set()).update(read.get(edge.target, ()))
    return {step: frozenset(names) for step, names in found.items() if names}
