"""JUnit XML, which every CI system reads: a flow execution is a test suite, a step a test case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from flows.reports import Report
from graph.runs import FlowRun, Run, StepRun

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_COUNTED = {"failed": "failures", "error": "errors", "skipped": "skipped", "not_run": "skipped"}


def write(run: Run) -> str:
    """The report.

    Args:
        run: a finished run.
    """
    suites = [_suite(flow) for flow in run.flows]
    totals = {name: sum(suite[1][name] for suite in suites) for name in ("tests", "failures", "errors", "skipped")}
    seconds = sum(flow.duration_ms for flow in run.flows) / 1000
    head = f'<testsuites name="testmesh" {_attributes(totals)} time="{seconds:.3f}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *(text for text, _ in suites), "</testsuites>\n"])


def _suite(flow: FlowRun) -> tuple[str, dict[str, int]]:
    cases = list(_cases(flow, flow.steps, ()))
    totals = {"tests": len(cases), "failures": 0, "errors": 0, "skipped": 0}
    for _, verdict in cases:
        if verdict in _COUNTED:
            totals[_COUNTED[verdict]] += 1
    if not cases:
        totals["tests"], totals["errors"] = 1, int(flow.verdict == "error")
        totals["skipped"] = int(flow.verdict == "cancelled")
        cases = [(_whole(flow), flow.verdict)]
    name = flow.name if flow.row is None else f"{flow.name} [row {flow.row}]"
    head = f"  <testsuite name={_quoted(name)} file={_quoted(flow.file)} {_attributes(totals)}"
    head += f' time="{flow.duration_ms / 1000:.3f}">'
    return "\n".join([head, *(text for text, _ in cases), "  </testsuite>"]), totals


def _whole(flow: FlowRun) -> str:
    """The one case of a flow that has no steps to show."""
    lines = [f"{p['file']}:{p['line']}:{p['column']}: {p['message']}" for p in flow.problems] or [flow.message]
    tag = "skipped" if flow.verdict == "cancelled" else "error"
    body = f"<{tag} message={_quoted(flow.message)}>{_text(chr(10).join(lines))}</{tag}>"
    return f"    <testcase classname={_quoted(flow.file)} name={_quoted(flow.name)}>{body}</testcase>"


def _cases(flow: FlowRun, steps: tuple[StepRun, ...], path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for step in steps:
        here = (*path, step.id) if step.iteration is None else (*path, f"{step.id}[{step.iteration}]")
        yield _case(flow, step, "/".join(here)), step.verdict
        yield from _cases(flow, step.steps, here)


def _case(flow: FlowRun, step: StepRun, name: str) -> str:
    shown = name if step.phase == "steps" else f"{step.phase}/{name}"
    head = f"    <testcase classname={_quoted(flow.name)} name={_quoted(shown)} file={_quoted(flow.file)}"
    head += f' line="{step.line}" time="{step.duration_ms / 1000:.3f}"'
    if step.verdict == "passed":
        return head + "/>"
    tag = {"failed": "failure", "error": "error"}.get(step.verdict, "skipped")
    first = step.message.splitlines()[0] if step.message else step.verdict
    if tag == "skipped":
        return f"{head}><skipped message={_quoted(first)}/></testcase>"
    kind = next((x.error_type for x in reversed(step.exchanges) if x.error_type), "assertion")
    return f"{head}><{tag} type={_quoted(kind)} message={_quoted(first)}>{_text(step.message)}</{tag}></testcase>"


def _attributes(totals: dict[str, int]) -> str:
    return " ".join(f'{name}="{count}"' for name, count in totals.items())


def _quoted(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("�", text))


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("�", text))


REPORT = Report("JUnit XML for CI systems.", write)
