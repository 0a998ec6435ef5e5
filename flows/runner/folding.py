"""What is said of a whole run when it is over: when, how it was asked for, the services' lines, the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from flows.runner.options import RunOptions
from graph.runs import Exchange, Run, StepRun
from testmesh.kernel.errors import TestMeshError


def present() -> datetime:
    """The present moment in whole milliseconds, as a run's times are kept."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def service_lines(options: RunOptions, started: str, finished: str) -> Mapping[str, tuple[str, ...]]:
    """The services' lines of the run's window; a run is not lost because they cannot be read.

    Args:
        options: with the way to them.
        started: RFC 3339.
        finished: RFC 3339.
    """
    if options.logs is None:
        return {}
    try:
        return options.logs(started, finished)
    except (TestMeshError, OSError) as problem:
        return {"(not read)": (str(problem),)}


def asked(options: RunOptions) -> dict[str, object]:
    """How a run was asked for, as its recording keeps it; names of variables, never values.

    Args:
        options: of the run.
    """
    found: dict[str, object] = {
        "paths": list(options.paths),
        "tags": list(options.tags),
        "suite": options.suite,
        "variables": sorted(options.variables),
        "parallel": options.parallel,
        "fail_fast": options.fail_fast,
    }
    return found | ({"shard": str(options.shard)} if options.shard is not None else {})


def exit_code(run: Run) -> int:
    """0 all passed, 1 a flow failed, 2 the request was wrong, 3 nothing could be reached (FLOWS §8).

    Args:
        run: a finished run.
    """
    if any(flow_run.problems for flow_run in run.flows):
        return 2
    if run.verdict == "passed":
        return 0
    return 3 if _nothing_reached(run) else 1


def _nothing_reached(run: Run) -> bool:
    unreachable = False
    for flow_run in run.flows:
        for step in flow_run.steps:
            for exchange in _exchanges(step):
                if exchange.candidates:
                    return False
                unreachable = unreachable or exchange.error_type == "connection"
    return unreachable


def _exchanges(step: StepRun) -> Iterator[Exchange]:
    yield from step.exchanges
    for inner in step.steps:
        yield from _exchanges(inner)
