"""The run as one page in one file: it needs no network, no server, and lets nothing that a server said become code."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html import escape
from pathlib import Path

from flows.reports import Report
from flows.reports.beside import NOTHING, Beside
from flows.reports.failures import duration, failure_lines, flow_failure
from flows.reports.pagedata import page_chunks
from flows.reports.places import flow_name, placed, texts_of
from flows.reports.surroundings import Surroundings, surroundings
from flows.reports.totals import BROKEN, COLUMNS, all_cases, cases, totals
from graph.runs import FlowRun, Run

FOLDER = Path(__file__).parent / "page"
STATIC_FAILURES = 40
STATIC_FLOWS = 300


def write(run: Run, beside: Beside = NOTHING) -> str:
    """The page.

    Args:
        run: a finished run.
        beside: spans, last green runs, the root for links.
    """
    return "".join(chunks(run, beside))


def chunks(run: Run, beside: Beside = NOTHING) -> Iterator[str]:
    """The page in pieces; of the steps of a long run one at a time is held.

    Args:
        run: a finished run.
        beside: spans, last green runs, the root for links.
    """
    style, script = _part("page.css"), _part("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts: Mapping[str, Iterable[str]] = {
        "policy": (escape(policy),),
        "title": (escape(f"{'✓' if run.verdict == 'passed' else '✗'} TestMesh run {run.id}"),),
        "style": (style,),
        "script": (script,),
        "headline": (escape(headline(run)),),
        "verdict": (run.verdict,),
        "facts": (_facts(run),),
        "static": (line + "\n" for line in _static(run, beside)),
        "data": (harmless(piece) for piece in page_chunks(run, beside)),
    }
    for number, piece in enumerate(_part("page.html").split("@@")):
        yield from parts[piece] if number % 2 else (piece,)


@cache
def _part(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def harmless(text: str) -> str:
    """JSON for a script element: nothing in it can end the element or begin a comment.

    Args:
        text: JSON, or a piece of it.
    """
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def headline(run: Run) -> str:
    """The run in a few words.

    Args:
        run: a finished run.
    """
    failed = sum(flow.verdict in ("failed", "error") for flow in run.flows)
    stopped = sum(flow.verdict == "cancelled" for flow in run.flows)
    number = len(run.flows)
    noun = "flow" if number == 1 else "flows"
    if failed:
        return f"{failed} of {number} {noun} failed"
    if stopped or run.verdict == "cancelled":
        return f"The run was cancelled; {stopped} of {number} {noun} did not finish"
    if run.verdict != "passed":
        return f"The run ended: {run.verdict}"
    return "The flow passed" if number == 1 else f"All {number} flows passed"


def _facts(run: Run) -> str:
    counts = totals(all_cases(run)).as_map()
    steps = ", ".join(f"{count} {COLUMNS[verdict].words}" for verdict, count in counts.items() if count) or "no steps"
    facts = [
        ("Steps", steps),
        ("Took", duration(_took(run))),
        ("Started", run.started.replace("T", " ")[:19] + " UTC"),
        ("Revision", run.revision[:20]),
        ("Environment", run.environment),
        ("Seed", str(run.seed)),
        ("Run", run.id),
        *_deployed(run),
    ]
    return "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts if value)


def _deployed(run: Run) -> Iterator[tuple[str, str]]:
    """Services by revision: one fact for all that run the same."""
    services: dict[str, list[str]] = {}
    for service, revision in sorted(run.deployed.items()):
        services.setdefault(revision, []).append(service)
    for revision, names in sorted(services.items(), key=lambda item: item[1])[:20]:
        yield f"Deployed {', '.join(names)}", "the same" if revision == run.revision else revision[:20]


def _took(run: Run) -> float:
    return max((flow.started_ms + flow.duration_ms for flow in run.flows), default=0.0)


def _static(run: Run, beside: Beside) -> Iterator[str]:
    """What is there without JavaScript: the flows, and why steps failed."""
    around, texts = surroundings(run, beside.spans, kept=False), texts_of(run)
    yield "<h2>Flows</h2><table><thead><tr><th>Verdict</th><th>Flow</th><th>File</th><th>Time</th></tr></thead><tbody>"
    for flow in run.flows[:STATIC_FLOWS]:
        cells = (flow.verdict, flow_name(flow), flow.file, duration(flow.duration_ms))
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    yield "</tbody></table>"
    if len(run.flows) > STATIC_FLOWS:
        yield f"<p>… and {len(run.flows) - STATIC_FLOWS} more flows.</p>"
    more = 0
    for number, text in enumerate(text for flow in run.flows for text in _failures(flow, around, texts)):
        if not number:
            yield "<h2>What failed</h2>"
        if number < STATIC_FAILURES:
            yield f"<pre>{escape(text)}</pre>"
        more = number + 1 - STATIC_FAILURES
    if more > 0:
        yield f"<p>… and {more} more failures.</p>"


def _failures(flow: FlowRun, around: Surroundings, texts: Mapping[str, str]) -> Iterator[str]:
    if flow.verdict == "passed":
        return
    places = iter(placed(flow, texts))
    for case in cases(flow):
        item = next(places) if case.step is not None else None
        if case.verdict in BROKEN:
            lines = flow_failure(flow) if item is None else failure_lines(item.file, item.step, around)
            yield "\n".join(lines)


_ABOUT = "One self-contained page: timeline, evidence, assertions, difference to the last green run."
REPORT = Report(_ABOUT, write, chunks)
