"""What a change really affects: every flow run against the base and the changed system, each on fresh data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.seeding import CACHE, Sample, Trial, flow_files, system
from graph.runs import FlowRun, Run, StepRun
from testmesh.kernel.errors import UnavailableError, UserError
from testmesh.kernel.ids import digest

FORMAT = 1
_ORDERS = ("", "reversed", "rotated")
Leaves = dict[str, str]


@dataclass(frozen=True, slots=True)
class Observed:
    """What one flow showed.

    Args:
        verdict: of the flow.
        leaves: path in the recording to the value there, times and counters left out.
    """

    verdict: str
    leaves: Leaves


def observed(made: Sample, commit: str, texts: Mapping[str, str], again: int = 0) -> dict[str, Observed]:
    """Every flow's behaviour on a tree, from the cache or by running it; empty when the system does not come up.

    Args:
        made: the sample.
        commit: 40 hex the texts lie over.
        texts: files with another text.
        again: number of the repetition.
    """
    trial = Trial(made, commit, texts=dict(texts), again=again)
    file = CACHE / "impact" / f"{digest([FORMAT, trial.key, *filter(None, _ORDERS[again : again + 1])])}.json"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(_run(trial))
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text)
        os.replace(temporary, file)
    data = json.loads(file.read_text())
    return {flow: Observed(verdict, leaves) for flow, (verdict, leaves) in data.items()}


def _run(trial: Trial) -> dict[str, tuple[str, Leaves]]:
    """One flow at a time, so that no flow sees what another one left behind."""
    found: dict[str, tuple[str, Leaves]] = {}
    try:
        with system(trial) as up:
            for flow in _ordered(flow_files(up.tree), trial.again):
                run = up.run({}, (flow,))
                if run.flows:
                    found[flow] = _verdict(run), dict(leaf for f in run.flows for leaf in _leaves(f))
    except (UserError, UnavailableError, TimeoutError) as error:
        return {"": (f"did not come up: {error}", {})}
    return found


def _ordered(flows: Sequence[str], again: int) -> list[str]:
    """Another order each time, so that what depends on the order (numbers a database hands out) shows as moving."""
    half = len(flows) // 2
    return [list(flows), list(reversed(flows)), [*flows[half:], *flows[:half]]][again % len(_ORDERS)]


def _verdict(run: Run) -> str:
    return "passed" if all(f.verdict == "passed" for f in run.flows) else "failed"


def _leaves(flow: FlowRun) -> Iterator[tuple[str, str]]:
    for step in flow.steps:
        yield from _step(f"{flow.row}/{step.phase}/{step.id}", step)


def _step(path: str, step: StepRun) -> Iterator[tuple[str, str]]:
    yield f"{path}/verdict", step.verdict
    yield from _values(f"{path}/result", step.result)
    for inner in step.steps:
        yield from _step(f"{path}/{inner.iteration}/{inner.id}", inner)


def _values(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _values(f"{path}/{name}", item)
    elif isinstance(value, list | tuple):
        yield f"{path}/length", str(len(value))
        for number, item in enumerate(value):
            yield from _values(f"{path}/{number}", item)
    else:
        yield path, json.dumps(value, default=str)


@dataclass(frozen=True, slots=True)
class Truth:
    """Flows that behave differently.

    Args:
        verdict: flows whose verdict differs.
        behaviour: flows whose verdict or recorded answers differ, values that change from run to run left out.
        up: the changed system came up.
    """

    verdict: frozenset[str]
    behaviour: frozenset[str]
    up: bool = True


def steady(made: Sample, commit: str) -> tuple[dict[str, Observed], dict[str, set[str]]]:
    """The base's behaviour, and the paths whose values differ between runs of the unchanged system.

    Args:
        made: the sample.
        commit: 40 hex.
    """
    runs = [observed(made, commit, {}, again) for again in range(len(_ORDERS))]
    first, *others = runs
    moving: dict[str, set[str]] = {flow: set() for flow in first}
    for other in others:
        for flow, seen in first.items():
            if flow not in other or other[flow].verdict != seen.verdict:
                raise UserError(f"{flow} does not behave the same twice on the unchanged system")
            moving[flow] |= _differing(seen.leaves, other[flow].leaves)
    return first, moving


def _differing(one: Leaves, other: Leaves) -> set[str]:
    return {path for path in {*one, *other} if one.get(path) != other.get(path)}


def truth(base: Mapping[str, Observed], moving: Mapping[str, set[str]], changed: Mapping[str, Observed]) -> Truth:
    """Which flows a change affects.

    Args:
        base: behaviour of the base.
        moving: paths that mean nothing.
        changed: behaviour of the changed system.
    """
    if "" in changed:
        return Truth(frozenset(base), frozenset(base), False)
    verdict = frozenset(f for f in base if f not in changed or base[f].verdict != changed[f].verdict)
    behaviour = frozenset(
        f for f in base if f in verdict or _differing(base[f].leaves, changed[f].leaves) - moving.get(f, set())
    )
    return Truth(verdict, behaviour)
