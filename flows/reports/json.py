"""The run as `run --json` prints it (FLOWS §8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flows.events import flow_report, run_report, step_report, to_json
from flows.reports import Report
from flows.reports.beside import NOTHING, Beside
from graph.runs import FlowRun, Run, StepRun

_AT_ONCE = 100


def write(run: Run, beside: Beside = NOTHING) -> str:
    """The report.

    Args:
        run: a finished run.
        beside: not used.
    """
    return "".join(chunks(run, beside))


def chunks(run: Run, beside: Beside = NOTHING) -> Iterator[str]:
    """The report in pieces, a step at a time.

    Args:
        run: a finished run.
        beside: not used.
    """
    yield to_json(run_report(replace(run, flows=()))).removesuffix("]}")
    for number, flow in enumerate(run.flows):
        yield "," if number else ""
        yield from _flow(flow)
    yield "]}\n"


def _flow(flow: FlowRun) -> Iterator[str]:
    head, _, tail = to_json(flow_report(replace(flow, steps=()))).partition('"steps":[]')
    yield head + '"steps":['
    yield from _steps(flow.steps)
    yield "]" + tail


def _steps(steps: Sequence[StepRun]) -> Iterator[str]:
    for number, step in enumerate(steps):
        yield "," if number else ""
        if len(step.steps) <= _AT_ONCE:
            yield to_json(step_report(step))
            continue
        head, _, tail = to_json(step_report(replace(step, steps=()))).rpartition('"steps":[]')
        yield head + '"steps":['
        yield from _steps(step.steps)
        yield "]" + tail


REPORT = Report("The run as JSON, as `run --json` prints it.", write, chunks)
