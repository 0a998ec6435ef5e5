"""Everything a run leaves behind, as texts to look for a secret in."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

from evals.canary.cases import FLOWS, SHARED, Case
from evals.canary.echo import forms_of
from evals.canary.forms import ENCODINGS, left
from flows.actions import ShellPolicy
from flows.events import event_data, run_to_json, to_json
from flows.reports import report
from flows.reports.beside import Beside
from flows.reports.comparing import compare, comparison_data, comparison_lines
from flows.reports.terminal import Terminal, run_lines
from flows.runner import RunOptions, run_flows
from graph.runs import Event, Run, StepRun
from graph.spans import Span
from testmesh.kernel.errors import UserError

REPORTS = ("junit", "json", "md", "ctrf", "github", "html")


@dataclass(slots=True)
class Spans:
    """A trace whose spans hold the secret in every encoding, as a careless service would write it.

    Args:
        secret: the value.
    """

    secret: str
    where: str = "canary"

    async def caused(self, trace_id: str) -> Sequence[Span]:
        """Two spans.

        Args:
            trace_id: of the flow.
        """
        forms = forms_of(self.secret)
        one = Span(trace_id, "a" * 16, "", "orders", "server", "GET /x", 1, 2, True, "\n".join(forms.values()), forms)
        return (one, Span(trace_id, "b" * 16, "a" * 16, "orders", "client", forms["plain"], 1, 2, True, forms["url"]))


@dataclass(slots=True)
class Found:
    """What was looked at, and what was found.

    Args:
        run: of the case.
        texts: artefact to text.
        leaks: artefact, encoding.
    """

    run: Run
    texts: dict[str, str] = field(default_factory=dict)
    leaks: list[tuple[str, str]] = field(default_factory=list)


def looked_at(case: Case, secret: str, process: Mapping[str, str]) -> Found:
    """Runs a case and looks for the secret in everything that comes of it.

    Args:
        case: the flow.
        secret: the value of `secret('CANARY')`.
        process: the process environment with the servers' addresses.
    """
    with tempfile.TemporaryDirectory(prefix="testmesh-canary-") as folder:
        root = Path(folder)
        (root / "flow.yaml").write_text(case.text)
        for name in SHARED:
            (root / name).write_text((FLOWS / name).read_text())
        events: list[Event] = []
        screen = io.StringIO()
        lines = tuple(f"2026-11-26T08:00:00Z ERROR {text}" for text in forms_of(secret).values())
        options = RunOptions(
            paths=("flow.yaml",),
            root=root,
            process=dict(process),
            secrets={"CANARY": secret}.get,
            logs=lambda started, finished: {"orders": lines},
            spans=Spans(secret),
            shell=ShellPolicy(),
        )
        run = asyncio.run(run_flows(options, [events.append, Terminal(screen, colour=True, verbose=True)]))
    found = Found(run)
    found.texts = {"terminal": screen.getvalue(), **dict(_texts(run, events))}
    for name, text in found.texts.items():
        found.leaks += [(name, encoding) for encoding in leaks_in(text, secret)]
    return found


def _texts(run: Run, events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    yield "events", "\n".join(to_json(event_data(event)) for event in events)
    yield "recording", run_to_json(run)
    for name in REPORTS:
        text = report(name).write(run, Beside())
        yield name, text if isinstance(text, str) else "".join(text)
    yield "show", "\n".join(run_lines(run, verbose=True))
    empty = Run(run.id, run.started, run.finished, "passed", ())
    comparison = compare(empty, run)
    yield "compare", "\n".join(comparison_lines(comparison)) + to_json(comparison_data(comparison))
    yield "diagnosis", _diagnosis(run)


def _diagnosis(run: Run) -> str:
    from agents.diagnosis import DiagnosisInputs, diagnose
    from graph.codec import dumps

    try:
        return dumps(diagnose(DiagnosisInputs(run=run)))
    except UserError as nothing_failed:
        return str(nothing_failed)


def leaks_in(text: str, secret: str) -> list[str]:
    """Encodings in which a secret stands in a text, also inside its JSON strings and HTML.

    Args:
        text: an artefact.
        secret: the value.
    """
    inside = "\n".join([text, unescape(text), *_json_strings(text)])
    return left(inside, secret)


def _json_strings(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line[:1] in "{[":
            try:
                yield from _strings(json.loads(line))
            except ValueError:
                continue


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def exercised(run: Run) -> dict[str, str]:
    """Actions that ran, with the best verdict of their steps.

    Args:
        run: of a case.
    """
    order = {"passed": 0, "failed": 1, "error": 2}
    found: dict[str, str] = {}
    waiting: list[StepRun] = [step for flow in run.flows for step in flow.steps]
    while waiting:
        step = waiting.pop()
        waiting += step.steps
        if order.get(step.verdict, 9) < order.get(found.get(step.action, ""), 9):
            found[step.action] = step.verdict
    return found


ENCODING_COUNT = len(ENCODINGS)
