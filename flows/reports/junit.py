"""JUnit XML, which every CI system reads: a flow execution is a test suite, a step a test case.

What is written is valid by the strictest schema in use (junit-10.xsd of Jenkins' xunit plugin); file and line of a
failure stand in its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from flows.reports import Report
from flows.reports.beside import NOTHING, Beside
from flows.reports.places import flow_name
from flows.reports.totals import BROKEN, COLUMNS, Case, cases, totals
from graph.runs import FlowRun, Run

if TYPE_CHECKING:
    from flows.reports.surroundings import Surroundings

_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_IN_ATTRIBUTES = _IN_TEXT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
"""xml.sax.saxutils does the same and imports an HTTP client: 6 ms of a start."""
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write(run: Run, beside: Beside = NOTHING) -> str:
    """The report.

    Args:
        run: a finished run.
        beside: spans.
    """
    return "".join(chunks(run, beside))


def chunks(run: Run, beside: Beside = NOTHING) -> Iterator[str]:
    """The report's lines, each with its end; a step of a long run is held for its own line only.

    Args:
        run: a finished run.
        beside: spans.
    """
    seconds = sum(flow.duration_ms for flow in run.flows) / 1000
    suites = [_counts(cases(flow)) for flow in run.flows]
    counts = {name: sum(suite[name] for suite in suites) for name in ("tests", "failures", "errors")}
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="testmesh" {_attributes(counts)} time="{seconds:.3f}">\n'
    around = None if all(flow.verdict == "passed" for flow in run.flows) else _around(run, beside)
    for flow, suite in zip(run.flows, suites, strict=True):
        for line in _suite(run, flow, suite, around):
            yield line + "\n"
    yield "</testsuites>\n"


def _around(run: Run, beside: Beside) -> Surroundings:
    """What a failure may name; a run that passes imports nothing of it."""
    from flows.reports.surroundings import surroundings

    return surroundings(run, beside.spans, kept=False)


def _counts(found: Iterable[Case]) -> dict[str, int]:
    columns = {"failure": "failures", "error": "errors", "skipped": "skipped"}
    counted = totals(found)
    counts = {"tests": counted.tests, "failures": 0, "errors": 0, "skipped": 0}
    for verdict, count in counted.as_map().items():
        column = columns.get(COLUMNS[verdict].junit)
        if column is not None:
            counts[column] += count
    return counts


def _suite(run: Run, flow: FlowRun, counts: dict[str, int], around: Surroundings | None) -> Iterator[str]:
    head = f"  <testsuite name={_quoted(flow_name(flow))} file={_quoted(flow.file)} {_attributes(counts)}"
    yield head + f' time="{flow.duration_ms / 1000:.3f}" timestamp={_quoted(run.started[:19])}>'
    yield "    <properties>"
    for name, value in _properties(run, flow):
        yield f"      <property name={_quoted(name)} value={_quoted(value)}/>"
    yield "    </properties>"
    if flow.verdict == "passed" or around is None:
        for case in cases(flow):
            yield _case(flow, case, [])
    else:
        yield from _failing(run, flow, around)
    yield "  </testsuite>"


def _failing(run: Run, flow: FlowRun, around: Surroundings) -> Iterator[str]:
    """The cases of a flow that did not pass, with why."""
    from flows.reports.failures import failure_lines, flow_failure
    from flows.reports.places import placed, texts_of

    places = placed(flow, texts_of(run))
    for case in cases(flow):
        file = next(places).file if case.step is not None else flow.file
        lines = flow_failure(flow) if case.step is None else []
        if case.step is not None and case.verdict in BROKEN:
            lines = failure_lines(file, case.step, around)
        yield _case(flow, case, lines)


def _properties(run: Run, flow: FlowRun) -> Iterator[tuple[str, str]]:
    yield "run", run.id
    yield "revision", run.revision
    yield "seed", str(run.seed)
    if run.environment:
        yield "environment", run.environment
    if flow.row is not None:
        yield "row", str(flow.row)
    for service, revision in sorted(run.deployed.items()):
        yield f"deployed.{service}", revision


def _case(flow: FlowRun, case: Case, lines: list[str]) -> str:
    seconds = (flow.duration_ms if case.step is None else case.step.duration_ms) / 1000
    head = f'    <testcase classname={_quoted(flow_name(flow))} name={_quoted(case.name)} time="{seconds:.3f}"'
    tag = COLUMNS[case.verdict].junit
    if not tag:
        return head + "/>"
    first = _first(case) or case.verdict
    if tag == "skipped":
        said = f"{COLUMNS[case.verdict].words}: {first}" if case.verdict == "tolerated" else first
        return f"{head}><skipped message={_quoted(said)}/></testcase>"
    text = _text("\n".join(lines))
    return f"{head}><{tag} type={_quoted(_kind(case))} message={_quoted(first)}>{text}</{tag}></testcase>"


def _first(case: Case) -> str:
    if case.step is None:
        return case.message.split("\n", 1)[0]
    from flows.reports.failures import brief

    return brief(case.step)


def _kind(case: Case) -> str:
    exchanges = () if case.step is None else case.step.exchanges
    return next((found.error_type for found in reversed(exchanges) if found.error_type), "assertion")


def _attributes(counts: dict[str, int]) -> str:
    return " ".join(f'{name}="{count}"' for name, count in counts.items())


def _quoted(text: str) -> str:
    return f'"{_FORBIDDEN.sub(chr(0xFFFD), text).translate(_IN_ATTRIBUTES)}"'


def _text(text: str) -> str:
    return _FORBIDDEN.sub(chr(0xFFFD), text).translate(_IN_TEXT)


REPORT = Report("JUnit XML for CI systems.", write, chunks)
