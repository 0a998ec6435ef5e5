"""Laws of waiting and holding (FLOWS §3) on a clock that the test turns: any system, any latency, any window."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.actions import catalogue
from flows.engine.builtins import Builtins
from flows.engine.context import Context
from flows.engine.driving import played
from flows.engine.effects import Answer, Ask, Effect, Follow, Pause, Shelter
from flows.engine.flow import execution
from flows.engine.loading import TextFiles, checked
from flows.engine.masking import Masks
from flows.engine.names import Names, Sources, step_ids
from flows.engine.recording import judge
from flows.events import run_from_json, run_to_json
from flows.runner.folding import present
from graph.runs import FlowRun, Run, StepRun
from testmesh.kernel.clock import iso

WINDOWS = st.sampled_from(["100ms", "400ms", "1s", "3s"])
LATENCY = st.floats(0.1, 60.0)
CHANGES = st.lists(st.floats(0.0, 4000.0), max_size=4).map(sorted)
MS = {"100ms": 100.0, "400ms": 400.0, "1s": 1000.0, "3s": 3000.0, "none": 0.0}


@dataclass
class System:
    """A value that changes between wrong and right at given moments, read with some latency.

    Args:
        changes: milliseconds at which it changes; it begins wrong.
        latency: milliseconds of a read; the value is that of its middle.
    """

    changes: Sequence[float]
    latency: float
    now: float = 0.0
    reads: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def right(self, at: float) -> bool:
        """Whether the value is right at a moment."""
        return sum(change <= at for change in self.changes) % 2 == 1

    def perform(self, effect: Effect) -> object:
        """Answers the engine and moves the clock."""
        if isinstance(effect, Ask):
            self.reads.append(self.now)
            seen = self.right(self.now + self.latency / 2)
            self.now += self.latency
            return Answer(self.now, {"rows": [{"v": seen}], "first_row": {"v": seen}, "count": 1})
        if isinstance(effect, Pause):
            rest = max(0.0, effect.deadline - self.now)
            self.now += min(effect.seconds * 1000, rest)
            self.pauses.append(effect.seconds)
            return Answer(self.now, type="timeout" if effect.seconds * 1000 >= rest else "")
        assert isinstance(effect, Follow | Shelter)
        return Answer(self.now)


def _ran(system: System, more: str) -> tuple[StepRun, Run]:
    text = (
        "flow:\n  name: laws\n  steps:\n    - {id: r, action: sql, config: {connection: 'sqlite://', "
        f"query: SELECT 1}}, assert: [first_row.v == true], {more}}}\n"
    )
    known = catalogue()
    found = checked(text, "laws.yaml", known, TextFiles("laws.yaml", {}))
    assert found.flow is not None, found.findings
    none: Any = None
    names = Names(
        {}, Builtins(1, ("laws.yaml", None), present()), Sources(none, none, none, none), ("", step_ids(found.flow))
    )
    context = Context(found.flow, known, lambda: system.now, Masks(), lambda event: None, "run", None)
    verdict, message, steps = played(execution(context, names), system.perform)
    flow = FlowRun("laws.yaml", "laws", None, verdict, system.now, tuple(steps), message, text)
    moment = iso(present())
    return flow.steps[0], Run("run", moment, moment, verdict, (flow,))


def _agrees(run: Run) -> None:
    again = judge(run_from_json(run_to_json(run)))
    assert again.verdict == run.verdict, (again.flows[0].steps[0].message, run.flows[0].steps[0].message)


def _longest(pauses: Sequence[float]) -> float:
    return max(pauses, default=0.0) * 1000


@given(changes=CHANGES, latency=LATENCY, window=WINDOWS)
def test_a_wait_ends_with_the_first_right_answer_or_with_its_window(
    changes: list[float], latency: float, window: str
) -> None:
    system = System(changes, latency)
    found, run = _ran(system, f"wait: {window}")
    (exchange,) = found.exchanges
    seen = [candidate["first_row"]["v"] for candidate in exchange.candidates]
    assert len(seen) == len(system.reads)
    assert not any(seen[:-1])
    assert (found.verdict == "passed") is seen[-1]
    assert all(start <= MS[window] for start in system.reads)
    if found.verdict == "failed":
        assert exchange.ended == "window"
        assert MS[window] - system.reads[-1] <= 2 + _longest(system.pauses) + latency
    _agrees(run)


@given(at=st.floats(0.0, 2500.0), latency=LATENCY)
def test_what_becomes_right_within_the_window_is_seen_one_pause_later(at: float, latency: float) -> None:
    system = System([at], latency)
    found, run = _ran(system, "wait: 3s")
    assert found.verdict == "passed"
    assert system.now - at <= 250 + 2 * latency
    if at <= 200 and latency <= 10:
        assert system.now - at <= 10 + 2 * latency
    _agrees(run)


@given(changes=CHANGES, latency=LATENCY, hold=st.sampled_from(["100ms", "400ms", "1s"]))
def test_a_hold_passes_only_when_every_read_of_it_is_right_to_its_very_end(
    changes: list[float], latency: float, hold: str
) -> None:
    system = System(changes, latency)
    found, run = _ran(system, f"wait: 3s, hold: {hold}")
    (exchange,) = found.exchanges
    seen = [candidate["first_row"]["v"] for candidate in exchange.candidates]
    if True in seen:
        first = seen.index(True)
        held = seen[first:]
        assert (found.verdict == "passed") is all(held)
        if found.verdict == "passed":
            assert exchange.at_ms[-1] >= exchange.at_ms[first] + MS[hold] - 3
        else:
            assert held[:-1] == [True] * (len(held) - 1)
            assert "held only for" in found.message
    else:
        assert found.verdict == "failed"
    _agrees(run)


@given(latency=LATENCY)
def test_pauses_are_short_for_250_ms_and_then_grow_however_slow_the_answers_are(latency: float) -> None:
    system = System([], latency)
    _ran(system, "wait: 3s")
    fast = [pause for pause, start in zip(system.pauses, system.reads, strict=False) if start + latency < 250]
    slow = [
        pause for pause, start in zip(system.pauses, system.reads, strict=False) if start + latency >= 270 + latency
    ]
    assert set(fast) <= {0.01}
    assert all(pause > 0.01 for pause in slow[:-1])
    assert all(after <= before * 1.5 + 1e-9 for before, after in itertools.pairwise(system.pauses))
    assert max(system.pauses) <= 0.25


@given(changes=CHANGES, latency=LATENCY)
def test_wait_none_looks_once(changes: list[float], latency: float) -> None:
    system = System(changes, latency)
    found, run = _ran(system, "wait: none")
    assert len(system.reads) == 1
    assert (found.verdict == "passed") is system.right(latency / 2)
    _agrees(run)


@given(changes=CHANGES, latency=LATENCY, limit=st.sampled_from(["200ms", "1s"]))
def test_nothing_outlasts_the_timeout_of_its_step(changes: list[float], latency: float, limit: str) -> None:
    system = System(changes, latency)
    found, _ = _ran(system, f"wait: 3s, timeout: {limit}")
    bound = {"200ms": 200.0, "1s": 1000.0}[limit]
    assert system.now <= bound + latency
    assert found.verdict in ("passed", "failed")


@pytest.mark.parametrize(("interval", "count"), [("100ms", 31), ("1s", 4)])
def test_an_interval_of_until_is_kept(interval: str, count: int) -> None:
    system = System([], 0.1)
    found, _ = _ran(system, f"until: {{expression: first_row.v == true, interval: {interval}, timeout: 3s}}")
    assert found.verdict == "failed"
    assert abs(len(system.reads) - count) <= 1


def test_the_recording_of_a_hold_that_was_cut_short_is_undecided() -> None:
    from dataclasses import replace

    found, run = _ran(System([0.0], 1.0), "wait: 1s, hold: 1s")
    (exchange,) = found.exchanges
    short = replace(exchange, candidates=exchange.candidates[:3], at_ms=exchange.at_ms[:3])
    step = replace(found, exchanges=(short,))
    cut = replace(run, flows=(replace(run.flows[0], steps=(step,)),))
    again = judge(run_from_json(run_to_json(cut)))
    assert again.verdict == "error"
    assert "undecided" in again.flows[0].steps[0].message
