"""What a change really affects: every flow run against the base and the changed system, each on fresh data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
    file = _file(trial)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(_run(trial))
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text)
        os.replace(temporary, file)
    data = json.loads(file.read_text())
    return {flow: Observed(verdict, leaves) for flow, (verdict, leaves) in data.items()}


def known(made: Sample, commit: str, texts: Mapping[str, str]) -> bool:
    """Whether the behaviour on a tree is in the cache.

    Args:
        made: the sample.
        commit: 40 hex the texts lie over.
        texts: files with another text.
    """
    return _file(Trial(made, commit, texts=dict(texts))).exists()


def _file(trial: Trial) -> Path:
    parts = [FORMAT, trial.key, *filter(None, _ORDERS[trial.again : trial.again + 1])]
    return CACHE / "impact" / f"{digest(parts)}.json"


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


@dataclass(frozen=True, slots=True)
class Calm:
    """How the unchanged system behaves.

    Args:
        seen: flow to its behaviour.
        moving: flow to paths whose values differ between runs.
        unsteady: flows whose verdict differs between runs; nothing is concluded from them.
    """

    seen: Mapping[str, Observed]
    moving: Mapping[str, frozenset[str]]
    unsteady: frozenset[str] = frozenset()


def steady(made: Sample, commit: str) -> Calm:
    """The base's behaviour, from several runs in different orders.

    Args:
        made: the sample.
        commit: 40 hex.
    """
    first, *others = [observed(made, commit, {}, again) for again in range(len(_ORDERS))]
    verdicts = {flow: {seen.verdict} | {o[flow].verdict for o in others if flow in o} for flow, seen in first.items()}
    moving = {
        flow: frozenset(p for o in others if flow in o for p in _differing(seen.leaves, o[flow].leaves))
        for flow, seen in first.items()
    }
    return Calm(first, moving, frozenset(f for f, found in verdicts.items() if len(found) > 1))


def _differing(one: Leaves, other: Leaves) -> set[str]:
    return {path for path in {*one, *other} if one.get(path) != other.get(path)}


def truth(base: Calm, changed: Mapping[str, Observed]) -> Truth:
    """Which flows a change affects.

    Args:
        base: behaviour of the unchanged system.
        changed: behaviour of the changed system.
    """
    flows = frozenset(base.seen) - base.unsteady
    if "" in changed:
        return Truth(flows, flows, False)
    verdict = frozenset(f for f in flows if f not in changed or base.seen[f].verdict != changed[f].verdict)
    return Truth(verdict, verdict | {f for f in flows & set(changed) if _differs(base, f, changed[f])})


def _differs(base: Calm, flow: str, changed: Observed) -> bool:
    return bool(_differing(base.seen[flow].leaves, changed.leaves) - base.moving[flow])


def both(one: Truth, other: Truth) -> Truth:
    """What two runs of the same change agree on.

    Args:
        one: from one run.
        other: from another.
    """
    return Truth(one.verdict & other.verdict, one.behaviour & other.behaviour, one.up or other.up)
