"""GitHub annotations as workflow commands: failures show beside the line of the flow in the pull request.

GitHub shows the first ten errors of a step: the totals come first, and a container that failed because of a step in
it is not told beside that step.
https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from flows.reports import Report
from flows.reports.beside import NOTHING, Beside
from flows.reports.failures import failure_lines, line_of_failure, told_inside
from flows.reports.places import Placed, flow_name, placed, texts_of
from flows.reports.surroundings import Surroundings, surroundings
from flows.reports.totals import BROKEN, COLUMNS, all_cases, cases, totals
from flows.reports.visible import visible
from graph.runs import FlowRun, Run

_WORDS = {"passed": "passed", "failed": "failed", "error": "ended in an error", "cancelled": "was cancelled"}


def write(run: Run, beside: Beside = NOTHING) -> str:
    """The report.

    Args:
        run: a finished run.
        beside: spans.
    """
    return "".join(chunks(run, beside))


def chunks(run: Run, beside: Beside = NOTHING) -> Iterator[str]:
    """The report's lines, each with its end.

    Args:
        run: a finished run.
        beside: spans.
    """
    counts = totals(all_cases(run)).as_map()
    said = ", ".join(f"{count} {COLUMNS[verdict].words}" for verdict, count in counts.items() if count)
    kind = "notice" if run.verdict == "passed" else "error"
    above = below_workspace(beside.root, os.environ.get("GITHUB_WORKSPACE", ""))
    around, texts = surroundings(run, beside.spans, kept=False), texts_of(run)
    yield command(kind, {"title": f"TestMesh {_WORDS[run.verdict]}"}, f"{said} (run {run.id})") + "\n"
    for flow in run.flows:
        yield from (line + "\n" for line in _of_flow(flow, placed(flow, texts), around, above))


def below_workspace(root: str, workspace: str) -> str:
    """What stands before the names of files in an annotation, which are relative to the checkout.

    Args:
        root: the folder that the run's files are relative to.
        workspace: the folder of the checkout, as GitHub says it.
    """
    if not root or not workspace or not Path(root).is_relative_to(workspace):
        return ""
    found = Path(root).relative_to(workspace).as_posix()
    return "" if found == "." else found + "/"


def _of_flow(flow: FlowRun, places: Iterator[Placed], around: Surroundings, above: str) -> Iterator[str]:
    for problem in flow.problems:
        kind = "error" if problem["severity"] == "error" else "warning"
        where = {"file": above + str(problem["file"]), "line": str(problem["line"]), "col": str(problem["column"])}
        yield command(kind, where | {"title": str(problem["rule"])}, str(problem["message"]))
    for case in cases(flow):
        file = next(places).file if case.step is not None else flow.file
        if case.step is None and not flow.problems and case.verdict != "passed":
            yield command("error", {"file": above + flow.file, "title": flow_name(flow)}, flow.message or flow.verdict)
        elif case.step is not None and case.verdict in (*BROKEN, "tolerated") and not told_inside(case.step):
            kind = "warning" if case.verdict == "tolerated" else "error"
            where = {
                "file": above + file,
                "line": str(line_of_failure(case.step) or 1),
                "title": f"{flow_name(flow)}: {case.name}",
            }
            yield command(kind, where, "\n".join(failure_lines(file, case.step, around)))


def command(name: str, properties: dict[str, str], message: str) -> str:
    """A workflow command on one line; nothing in it can begin another.

    Args:
        name: error, warning or notice.
        properties: file, line, title.
        message: any text.
    """
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {given}::{_data(message)}"


def _data(text: str) -> str:
    return "%0A".join(visible(line).replace("%", "%25") for line in text.split("\n"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


REPORT = Report("GitHub workflow commands: annotations at the lines of flows that failed.", write, chunks)
