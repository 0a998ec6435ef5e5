"""Flows that passed and failed at one revision, and what was different when they did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flows.engine.judging import short
from flows.strength.answers import streamed
from flows.strength.circumstances import Execution, circumstance
from flows.strength.mutation import leaves
from graph.runs import FlowRun, Json, Run, StepRun
from testmesh.kernel.ids import digest
from testmesh.kernel.proportion import wilson

_ADDRESS = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]|0\.0\.0\.0):\d+")
_CLOSE = 0.8


@dataclass(frozen=True, slots=True)
class Flake:
    """One place at which a flow fails now and then.

    Args:
        file: the flow.
        row: data row, None without data.
        step: where it failed.
        assertion: the first line that did not hold, or the step's message when none was judged.
        passed: executions of that revision that passed.
        failed: executions of that revision that failed here.
        low: lower end of the 95 % interval of the share that fails here.
        high: its upper end.
        first: when it first failed here, RFC 3339.
        last: when it last did.
        runs: ids of those runs, newest first.
        difference: what a red run had that a green one had not, one line.
        known: the revision of everything that ran is known; else it may have been other code.
        revision: of the flows' repository.
        deployed: service to revision.
        circumstance: what all red runs had and no green one, one line; empty when nothing tells them apart.
        retried: those runs passed in the end, at a further attempt.
    """

    file: str
    row: int | None
    step: str
    assertion: str
    passed: int
    failed: int
    low: float
    high: float
    first: str
    last: str
    runs: tuple[str, ...]
    difference: str
    known: bool
    revision: str
    deployed: Mapping[str, str]
    circumstance: str = ""
    retried: bool = False


def flakes(runs: Iterable[Run], file: str = "") -> list[Flake]:
    """Different verdicts at one revision: deployed services, the flow's text and its variables are the same.

    Args:
        runs: recordings, in any order.
        file: only this flow.
    """
    groups: dict[str, list[Execution]] = {}
    for run in sorted(runs, key=lambda r: r.id):
        for flow in run.flows:
            if flow.steps and not flow.problems and file in ("", flow.file):
                groups.setdefault(_same(run, flow), []).append(Execution(run, flow))
    found = [flake for group in groups.values() for flake in _of_group(group)]
    return sorted(found, key=lambda f: (not f.known, -f.failed / (f.failed + f.passed), f.file, f.step, f.assertion))


def _same(run: Run, flow: FlowRun) -> str:
    """Hash of what decides the outcome, as far as a recording knows; ports and random values are not part of it."""
    made_up = [str(value) for value in flow.builtins.values() if isinstance(value, str) and len(value) > 3]
    variables = {name: _settled(value, made_up) for name, value in flow.variables.items()}
    what = [flow.file, flow.row, flow.source, variables, dict(run.deployed), run.revision, run.environment]
    return digest(what)


def _settled(value: Json, made_up: Sequence[str]) -> Json:
    if not isinstance(value, str):
        return value
    for random in made_up:
        value = value.replace(random, "<random>")
    return _ADDRESS.sub(r"\1", value)


def _of_group(group: Sequence[Execution]) -> Iterator[Flake]:
    green = [one for one in group if one.flow.verdict == "passed"]
    red = [one for one in group if one.red]
    if green:
        yield from _of_retries(green)
    if not green or not red:
        return
    places: dict[tuple[str, str], list[Execution]] = {}
    for one in red:
        places.setdefault(failing(one.flow), []).append(one)
    for place, mine in places.items():
        told = difference(mine[-1].flow, _nearest(mine[-1], green).flow, place[0])
        yield _flake(place, mine, green, told)


def _flake(place: tuple[str, str], red: Sequence[Execution], green: Sequence[Execution], told: str) -> Flake:
    low, high = wilson(len(red), len(red) + len(green))
    last, run = red[-1], red[-1].run
    return Flake(
        file=last.flow.file,
        row=last.flow.row,
        step=place[0],
        assertion=place[1],
        passed=len(green),
        failed=len(red),
        low=low,
        high=high,
        first=red[0].run.started,
        last=run.started,
        runs=tuple(one.run.id for one in reversed(red)),
        difference=told,
        known=_known(run),
        revision=run.revision,
        deployed=dict(run.deployed),
        circumstance=circumstance(red, green),
    )


def _of_retries(green: Sequence[Execution]) -> Iterator[Flake]:
    """Steps that passed at once in some runs and needed another attempt in others: a flake that `retry` hides."""
    attempts: dict[str, list[tuple[int, Execution]]] = {}
    for one in green:
        most: dict[str, int] = {}
        for _, step in leaves(one.flow.steps):
            if step.exchanges:
                most[step.id] = max(most.get(step.id, 0), len(step.exchanges))
        for name, count in most.items():
            attempts.setdefault(name, []).append((count, one))
    for name, found in attempts.items():
        again = [one for count, one in found if count > 1]
        at_once = [one for count, one in found if count == 1]
        if again and at_once:
            place = (name, f"passed only at attempt {max(count for count, _ in found)}")
            flake = _flake(place, again, at_once, _first_attempt(_step(again[-1].flow, name)))
            yield replace(flake, retried=True)


def _first_attempt(step: StepRun | None) -> str:
    """What the attempt that did not do gave."""
    first = step.exchanges[0] if step is not None and step.exchanges else None
    if first is None:
        return ""
    if first.error:
        return f"first attempt: {first.error}"
    status = first.candidates[-1].get("status") if first.candidates and isinstance(first.candidates[-1], dict) else None
    return f"first attempt: status {status}" if status is not None else "first attempt: its assertions did not hold"


def _known(run: Run) -> bool:
    deployed = list(run.deployed.values())
    return bool(deployed) and "unknown" not in deployed and run.revision != "unknown"


def _nearest(red: Execution, green: Sequence[Execution]) -> Execution:
    """The last green run before the red one, else the first after it."""
    before = [one for one in green if one.run.id < red.run.id]
    return before[-1] if before else green[0]


def failing(flow: FlowRun) -> tuple[str, str]:
    """The step a failed execution failed at and the first line that did not hold, or its message.

    Args:
        flow: a failed execution.
    """
    for _, step in leaves(flow.steps):
        if step.verdict in ("failed", "error") and not step.optional:
            line = next((one.expression for one in step.assertions if not one.passed), "")
            return step.id, line or step.message.split("\n")[0]
    return "", flow.message


def difference(red: FlowRun, green: FlowRun, step: str) -> str:
    """What the failing step had in the red run that it had not in the green one, in one line.

    Args:
        red: a failed execution.
        green: one that passed.
        step: where it failed.
    """
    bad, good = _step(red, step), _step(green, step)
    if bad is None or good is None:
        return "the step has no counterpart in a green run"
    parts = [found for compare in _COMPARISONS if (found := compare(bad, good))]
    return "; ".join(parts[:3]) if parts else f"red took {_time(bad)}, green {_time(good)}; nothing else differs"


def _step(flow: FlowRun, name: str) -> StepRun | None:
    return next((step for _, step in leaves(flow.steps) if step.id == name), None)


def _time(step: StepRun) -> str:
    return f"{step.duration_ms / 1000:.2f}s"


def _candidates(step: StepRun) -> list[Json]:
    return [candidate for exchange in step.exchanges for candidate in exchange.candidates]


def _reach(bad: StepRun, good: StepRun) -> str:
    error = bad.exchanges[-1].error if bad.exchanges else ""
    return f"red: {error}; green answered in {_time(good)}" if error and bad.exchanges[-1].error_type else ""


def _count(bad: StepRun, good: StepRun) -> str:
    red, green = len(_candidates(bad)), len(_candidates(good))
    noun = "messages" if streamed(bad) or streamed(good) else "reads"
    return f"{noun}: red {red}, green {green}" if red != green else ""


def _window(bad: StepRun, good: StepRun) -> str:
    """A green run that was nearly too late explains a red one that was."""
    ended = bad.exchanges[-1].ended if bad.exchanges else ""
    waited = len(_candidates(bad)) > 1 or streamed(bad) or ended == "timeout"
    if ended not in ("window", "timeout") or not waited or not bad.duration_ms:
        return ""
    share = good.duration_ms / bad.duration_ms
    close = ", close to it" if share >= _CLOSE else ""
    return f"red used its whole window of {_time(bad)}, green {_time(good)} ({share:.0%}{close})"


def _order(bad: StepRun, good: StepRun) -> str:
    red, green = _told(bad), _told(good)
    if red != green and sorted(red) == sorted(green):
        return f"the same messages in another order: red {short(red)}, green {short(green)}"
    return ""


def _told(step: StepRun) -> list[str]:
    return [str(c.get("raw")) for c in _candidates(step) if isinstance(c, Mapping) and "raw" in c]


def _sides(bad: StepRun, good: StepRun) -> str:
    for line in bad.assertions:
        if not line.passed:
            same = next((o for o in good.assertions if (o.list, o.expression) == (line.list, line.expression)), None)
            if same is not None and (line.left, line.right) != (same.left, same.right):
                return f"red {short(line.left)} and {short(line.right)}, green {short(same.left)}"
            return ""
    return ""


_COMPARISONS = (_reach, _window, _count, _order, _sides)
