"""A run as a page shows it: flows, their steps in time, and what each step sent, got and checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graph.runs import AssertionResult, Exchange, FlowRun, Run, StepRun

WIDTH = 1000.0
_NARROWEST = 3.0
_SHOWN = ("failed", "error")


@dataclass(frozen=True, slots=True)
class Bar:
    """A step's place in time, in units of a 1000 wide drawing.

    Args:
        x: left edge.
        width: at least 3, so that it can be seen.
    """

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a step.

    Args:
        number: 1-based.
        exchange: what it sent and got.
        answer: the last candidate, or None.
        earlier: how many candidates came before it.
    """

    number: int
    exchange: Exchange
    answer: Any
    earlier: int


@dataclass(frozen=True, slots=True)
class StepView:
    """One step as a page shows it.

    Args:
        anchor: id of its element.
        step: the recording.
        sentence: what it did and what came back, one line.
        bar: its place in time.
        depth: 0 for a step of the flow, 1 and more for nested ones.
        open: shown unfolded.
        attempts: in order.
        label: its number within a loop, or empty.
    """

    anchor: str
    step: StepRun
    sentence: str
    bar: Bar
    depth: int
    open: bool
    attempts: tuple[Attempt, ...]
    label: str = ""

    @property
    def failed_assertions(self) -> tuple[AssertionResult, ...]:
        """Those that did not hold."""
        return tuple(a for a in self.step.assertions if not a.passed)


@dataclass(frozen=True, slots=True)
class FlowView:
    """One flow execution as a page shows it.

    Args:
        anchor: id of its element.
        flow: the recording.
        steps: all, nested ones behind their parent.
        failure: the step that made it fail, or None.
        height: of its drawing.
    """

    anchor: str
    flow: FlowRun
    steps: tuple[StepView, ...]
    failure: StepView | None
    height: int


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as a page shows it.

    Args:
        run: the recording.
        flows: failed ones first, then as they ran.
        passed: how many.
        failed: how many failed or were in error.
        duration_ms: longest end of a flow.
    """

    run: Run
    flows: tuple[FlowView, ...]
    passed: int
    failed: int
    duration_ms: float

    @property
    def first_failure(self) -> tuple[FlowView, StepView | None] | None:
        """What to look at first."""
        return next(((flow, flow.failure) for flow in self.flows if flow.flow.verdict != "passed"), None)


def run_view(run: Run) -> RunView:
    """What the page of a run shows.

    Args:
        run: the recording.
    """
    flows = [_flow_view(number, flow) for number, flow in enumerate(run.flows, 1)]
    ordered = sorted(flows, key=lambda view: view.flow.verdict == "passed")
    passed = sum(flow.verdict == "passed" for flow in run.flows)
    failed = sum(flow.verdict in _SHOWN for flow in run.flows)
    longest = max((flow.started_ms + flow.duration_ms for flow in run.flows), default=0.0)
    return RunView(run, tuple(ordered), passed, failed, longest)


def _flow_view(number: int, flow: FlowRun) -> FlowView:
    anchor = f"flow-{number}"
    scale = _Scale.of(flow)
    steps = tuple(_steps(flow.steps, scale, anchor, 0))
    failure = next((s for s in steps if s.step.verdict in _SHOWN and not _inner_failed(s.step)), None)
    return FlowView(anchor, flow, steps, failure, 22 * sum(s.depth == 0 for s in steps))


def _inner_failed(step: StepRun) -> bool:
    return any(inner.verdict in _SHOWN for inner in step.steps)


@dataclass(frozen=True, slots=True)
class _Scale:
    start: float
    per_ms: float

    @classmethod
    def of(cls, flow: FlowRun) -> _Scale:
        starts = [step.started_ms for step in flow.steps if step.verdict not in ("skipped", "not_run")]
        ends = [step.started_ms + step.duration_ms for step in flow.steps]
        start = min(starts, default=0.0)
        length = max(max(ends, default=1.0) - start, 1.0)
        return cls(start, WIDTH / length)

    def bar(self, step: StepRun) -> Bar:
        width = max(_NARROWEST, step.duration_ms * self.per_ms)
        x = max(0.0, (step.started_ms - self.start) * self.per_ms)
        return Bar(round(min(x, WIDTH - _NARROWEST), 2), round(min(width, WIDTH - min(x, WIDTH - _NARROWEST)), 2))


def _steps(steps: Sequence[StepRun], scale: _Scale, parent: str, depth: int) -> Iterator[StepView]:
    for number, step in enumerate(steps, 1):
        anchor = f"{parent}-{number}"
        yield StepView(
            anchor=anchor,
            step=step,
            sentence=sentence(step),
            bar=scale.bar(step),
            depth=min(depth, 4),
            open=step.verdict in _SHOWN,
            attempts=tuple(_attempts(step)),
            label="" if step.iteration is None else f"round {step.iteration + 1}",
        )
        yield from _steps(step.steps, scale, anchor, depth + 1)


def _attempts(step: StepRun) -> Iterator[Attempt]:
    for number, exchange in enumerate(step.exchanges, 1):
        candidates = exchange.candidates
        yield Attempt(number, exchange, candidates[-1] if candidates else None, max(0, len(candidates) - 1))


def sentence(step: StepRun) -> str:
    """What a step did and what came back, one line.

    Args:
        step: the recording.
    """
    if not step.exchanges:
        return step.message.splitlines()[0] if step.message else ""
    last = step.exchanges[-1]
    asked = _asked(last.request)
    got = _got(last.candidates[-1]) if last.candidates else last.error or last.ended
    return f"{asked} → {got}" if asked and got else asked or got


def _asked(request: Any) -> str:
    if not isinstance(request, dict):
        return ""
    if "url" in request:
        return f"{request.get('method', 'GET')} {request['url']}"
    for key in ("query", "topic", "key", "channel", "command", "message"):
        if isinstance(request.get(key), str):
            return " ".join(str(request[key]).split())[:160]
    return ""


def _got(result: Any) -> str:
    if not isinstance(result, dict):
        return ""
    if isinstance(result.get("status"), int):
        return str(result["status"])
    for key, noun in (("row_count", "row"), ("rows", "row"), ("messages", "message")):
        value = result.get(key)
        number = len(value) if isinstance(value, list) else value
        if isinstance(number, int):
            return f"{number} {noun}{'' if number == 1 else 's'}"
    return ""
