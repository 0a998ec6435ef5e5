"""CTRF, the common test report format (https://ctrf.io, specification 1.0): one JSON for dashboards of any vendor."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime

import testmesh
from flows.events import to_json
from flows.reports import Report
from flows.reports.beside import NOTHING, Beside
from flows.reports.failures import brief, failure_lines, line_of_failure
from flows.reports.places import flow_name, placed, texts_of
from flows.reports.surroundings import surroundings
from flows.reports.totals import BROKEN, COLUMNS, Case, all_cases, cases, totals
from graph.runs import FlowRun, Run, StepRun

SPECIFICATION = "1.0.0"
_STATUSES = ("passed", "failed", "skipped", "pending", "other")


def write(run: Run, beside: Beside = NOTHING) -> str:
    """The report.

    Args:
        run: a finished run.
        beside: spans.
    """
    return "".join(chunks(run, beside))


def chunks(run: Run, beside: Beside = NOTHING) -> Iterator[str]:
    """The report in pieces, a test at a time.

    Args:
        run: a finished run.
        beside: spans.
    """
    head, _, tail = to_json(_report(run)).partition('"tests":[]')
    yield head + '"tests":['
    for number, test in enumerate(test for flow in run.flows for test in _tests(run, flow, beside)):
        yield ("," if number else "") + to_json(test)
    yield f"]{tail}\n"


def _report(run: Run) -> dict[str, object]:
    """Everything but the tests."""
    counts: dict[str, int] = dict.fromkeys(_STATUSES, 0)
    by_verdict = totals(all_cases(run)).as_map()
    for verdict, count in by_verdict.items():
        counts[COLUMNS[verdict].ctrf] += count
    start, stop = _moment(run.started), _moment(run.finished)
    summary = {"tests": sum(counts.values()), **counts, "suites": len(run.flows), "start": start, "stop": stop}
    return {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "reportId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"testmesh:{run.id}")),
        "extra": {"run": run.id},
        "timestamp": run.finished,
        "generatedBy": "testmesh",
        "results": {
            "tool": {"name": "testmesh", "version": testmesh.__version__},
            "summary": {**summary, "duration": max(0, stop - start), "extra": {"verdicts": by_verdict}},
            "tests": [],
            "environment": _environment(run),
        },
    }


def _moment(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _environment(run: Run) -> dict[str, object]:
    found: dict[str, object] = {"healthy": run.verdict == "passed", "extra": {"seed": run.seed}}
    if run.environment:
        found["testEnvironment"] = run.environment
    if run.revision != "unknown":
        found["commit"] = run.revision
    if run.deployed:
        found["extra"] = {"seed": run.seed, "deployed": dict(run.deployed)}
    return found


def _tests(run: Run, flow: FlowRun, beside: Beside) -> Iterator[dict[str, object]]:
    around, places = surroundings(run, beside.spans, kept=False), iter(placed(flow, texts_of(run)))
    for case in cases(flow):
        file = next(places).file if case.step is not None else flow.file
        test = _test(run, case, file)
        if case.step is not None and case.verdict in BROKEN:
            test["trace"] = "\n".join(failure_lines(file, case.step, around))
        yield test


def _test(run: Run, case: Case, file: str) -> dict[str, object]:
    flow, step = case.flow, case.step
    started = flow.started_ms if step is None else step.started_ms
    length = flow.duration_ms if step is None else step.duration_ms
    start = _moment(run.started) + round(started)
    test: dict[str, object] = {
        "name": case.name or "(flow)",
        "status": COLUMNS[case.verdict].ctrf,
        "rawStatus": case.verdict,
        "duration": max(0, round(length)),
        "start": start,
        "stop": start + max(0, round(length)),
        "suite": [flow.file, flow_name(flow)],
        "type": "integration",
        "filePath": file,
    }
    message = brief(step) if step is not None else case.message
    if message:
        test["message"] = message
    if step is not None:
        test |= _of_step(step)
    return test


def _of_step(step: StepRun) -> dict[str, object]:
    found: dict[str, object] = {"line": line_of_failure(step), "extra": {"action": step.action, "phase": step.phase}}
    attempts = len(step.exchanges)
    if attempts > 1:
        found["retries"] = attempts - 1
        found["flaky"] = step.verdict == "passed"
        found["retryAttempts"] = [_attempt(step, number) for number in range(attempts)]
    return found


def _attempt(step: StepRun, number: int) -> Mapping[str, object]:
    last = number == len(step.exchanges) - 1
    passed = last and step.verdict == "passed"
    error = step.exchanges[number].error
    return {"attempt": number + 1, "status": "passed" if passed else "failed"} | ({"message": error} if error else {})


REPORT = Report("CTRF JSON (ctrf.io).", write, chunks)
