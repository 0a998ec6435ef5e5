"""The artefact piece by piece: what is on disk already goes from file to file, and never all into memory.

A step has a line of its own, so that a reader need not take the file as a whole either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flows.events import flow_data, run_data, step_data, to_json
from flows.runner.spool import SpooledSteps
from graph.runs import FlowRun, Run, StepRun


def run_chunks(run: Run) -> Iterator[str]:
    """The pieces of an artefact; together they are what `run_to_json` gives.

    Args:
        run: a finished run.
    """
    yield to_json(run_data(replace(run, flows=()))).removesuffix("]}")
    for number, flow in enumerate(run.flows):
        yield "\n," if number else "\n"
        yield from _flow_chunks(flow)
    yield "\n]}\n"


def _flow_chunks(flow: FlowRun) -> Iterator[str]:
    yield from _around(flow_data(replace(flow, steps=())), flow.steps)


def _around(data: dict[str, object], steps: Sequence[StepRun]) -> Iterator[str]:
    """A record with its steps in the place where they belong."""
    keys = list(data)
    at = keys.index("steps") if "steps" in data else len(keys)
    before, after = {key: data[key] for key in keys[:at]}, {key: data[key] for key in keys[at + 1 :]}
    yield to_json(before).removesuffix("}") + ',"steps":['
    yield from _steps_chunks(steps)
    yield "\n]," + to_json(after)[1:] if after else "\n]}"


def _steps_chunks(steps: Sequence[StepRun]) -> Iterator[str]:
    entries: Iterator[StepRun | str] = steps.entries() if isinstance(steps, SpooledSteps) else iter(steps)
    for number, entry in enumerate(entries):
        yield "\n," if number else "\n"
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry.steps, SpooledSteps):
            yield from _around(step_data(replace(entry, steps=())), entry.steps)
        else:
            yield _step_text(entry)


def _step_text(step: StepRun) -> str:
    """A record's JSON; one that has none is written without its evidence, rather than losing the run."""
    try:
        return to_json(step_data(step))
    except (TypeError, ValueError, RecursionError) as problem:
        message = f"{step.message}\n(its evidence cannot be written: {type(problem).__name__}: {problem})".lstrip()
        bare = replace(step, exchanges=(), result=None, outputs={}, assertions=(), message=message)
        return to_json(step_data(replace(bare, steps=tuple(_bare(inner) for inner in step.steps))))


def _bare(step: StepRun) -> StepRun:
    return replace(step, exchanges=(), result=None, outputs={}, assertions=(), steps=())
