"""Markdown for pull-request comments and step summaries: never longer than a forge accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flows.reports import Report
from flows.reports.beside import NOTHING, Beside
from flows.reports.failures import duration, failure_lines, flow_failure, told_inside
from flows.reports.places import Placed, flow_name, placed, texts_of
from flows.reports.surroundings import Surroundings, surroundings
from flows.reports.totals import BROKEN, COLUMNS, COUNTED, Counted, all_cases, cases, totals
from graph.runs import FlowRun, Run

LIMIT = 65_536
_ROOM_FOR_END = 400
_WORDS = {"passed": "passed", "failed": "failed", "error": "ended in an error", "cancelled": "was cancelled"}


def write(run: Run, beside: Beside = NOTHING) -> str:
    """The report.

    Args:
        run: a finished run.
        beside: spans.
    """
    text = "\n".join(_head(run)) + "\n"
    around, texts = surroundings(run, beside.spans, kept=False), texts_of(run)
    left = 0
    for flow in run.flows:
        if flow.verdict == "passed":
            continue
        for block in _blocks(flow, placed(flow, texts), around):
            if left or len(text) + len(block) > LIMIT - _ROOM_FOR_END:
                left += 1
            else:
                text += block
    if left:
        text += f"\n… and {left} more failures: `testmesh show {run.id}` shows all of them.\n"
    return text


def _head(run: Run) -> Iterator[str]:
    yield f"### {'✅' if run.verdict == 'passed' else '❌'} TestMesh {_WORDS[run.verdict]}"
    yield ""
    counts = totals(all_cases(run)).as_map()
    shown: list[Counted] = [
        verdict for verdict in COUNTED if counts[verdict] or COLUMNS[verdict].junit in ("", "failure")
    ]
    yield "| flows | steps | " + " | ".join(COLUMNS[verdict].words for verdict in shown) + " | time |"
    yield "| ---: | ---: | " + " | ".join("---:" for _ in shown) + " | ---: |"
    took = duration(sum(flow.duration_ms for flow in run.flows))
    numbers = " | ".join(str(counts[verdict]) for verdict in shown)
    yield f"| {len(run.flows)} | {sum(counts.values())} | {numbers} | {took} |"
    yield ""
    facts = [f"run `{run.id}`", f"revision {code(run.revision[:40])}"]
    if run.environment:
        facts.append(f"environment {code(run.environment)}")
    yield " · ".join(facts)


def _blocks(flow: FlowRun, places: Iterator[Placed], around: Surroundings) -> Iterator[str]:
    """One block per failure, so that a long report is cut between them."""
    title = f"\n#### {code(flow.file)} {plain(flow_name(flow))}\n"
    for case in cases(flow):
        file = next(places).file if case.step is not None else flow.file
        if case.step is not None and (case.verdict not in BROKEN or told_inside(case.step)):
            continue
        lines = failure_lines(file, case.step, around) if case.step is not None else flow_failure(flow)
        yield title + fenced("\n".join(lines))
        title = ""


def fenced(text: str) -> str:
    """A block of text that shows as it is, whatever it holds.

    Args:
        text: any text.
    """
    longest = max([2, *(len(found) for found in re.findall("`+", text))])
    fence = "`" * (longest + 1)
    return f"\n{fence}text\n{text}\n{fence}\n"


def code(text: str) -> str:
    """A text as code on one line.

    Args:
        text: any text.
    """
    flat = " ".join(text.split()) or " "
    longest = max([0, *(len(found) for found in re.findall("`+", flat))])
    tick = "`" * (longest + 1)
    space = " " if flat[0] == "`" or flat[-1] == "`" else ""
    return f"{tick}{space}{flat}{space}{tick}"


def plain(text: str) -> str:
    """A text without anything that Markdown or HTML would take for markup, and without mentions.

    Args:
        text: any text.
    """
    flat = " ".join(text.split())
    escaped = re.sub(r"([\\`*_{}\[\]()#+\-.!|~>])", r"\\\1", flat.replace("&", "&amp;").replace("<", "&lt;"))
    return escaped.replace("@", "@\u200b")


REPORT = Report("Markdown for pull requests, at most 65,536 characters.", write)
