"""The spans of a run, kept beside its recording, so that a failure can be explained after the system is gone."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from graph.codec import from_json, to_json
from graph.runs import Run, StepRun
from graph.spans import Span
from testmesh.kernel.errors import UserError
from testmesh.kernel.stacks import where

MOST_OF_A_TRACE = 2_000
MOST = 20_000
_RUN_ID = re.compile(r"[A-Za-z0-9_-]+\Z")
_SERVER_ERROR = 500
_LONG_REASON = 120
_STATUSES = ("http.response.status_code", "http.status_code", "rpc.grpc.status_code")


def file_of(root: Path, run_id: str) -> Path:
    """Where the spans of a run are.

    Args:
        root: repository's top folder.
        run_id: whose, in full.

    Raises:
        UserError: that is no run id.
    """
    if not _RUN_ID.match(run_id):
        raise UserError(f"'{run_id}' is not the id of a run")
    return root / ".testmesh" / "spans" / f"{run_id}.json"


def spans_of(root: Path, run_id: str) -> tuple[Span, ...]:
    """The spans kept with a run, empty when there are none.

    Args:
        root: repository's top folder.
        run_id: whose, in full.

    Raises:
        UserError: the file of its spans cannot be read.
    """
    file = file_of(root, run_id)
    try:
        data = json.loads(file.read_bytes()) if file.is_file() else []
        return from_json(tuple[Span, ...], data)
    except (OSError, ValueError, RecursionError, UserError) as error:
        raise UserError(f"{file} does not hold the spans of a run", hint="delete it, or run again") from error


def document(spans: Sequence[Span]) -> bytes:
    """What is written beside the run: the spans within bounds, those that failed and what led to them first.

    Args:
        spans: of all its traces.
    """
    return json.dumps([to_json(span) for span in within(spans)]).encode()


def within(spans: Sequence[Span], most: int = MOST, of_a_trace: int = MOST_OF_A_TRACE) -> list[Span]:
    """As many of the spans as may be kept, in the order given; failed ones and their ancestors are kept first.

    Args:
        spans: of any number of traces.
        most: in all.
        of_a_trace: of each.
    """
    if len(spans) <= min(most, of_a_trace):
        return list(spans)
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    telling = {id(above) for span in spans if fails(span) for above in _upwards(span, by_id)}
    chosen: list[Span] = []
    of: dict[str, int] = defaultdict(int)
    for span in sorted(spans, key=lambda span: id(span) not in telling):
        if len(chosen) < most and of[span.trace_id] < of_a_trace:
            chosen.append(span)
            of[span.trace_id] += 1
    kept = {id(span) for span in chosen}
    return [span for span in spans if id(span) in kept]


def _upwards(span: Span, by_id: Mapping[tuple[str, str], Span]) -> Iterator[Span]:
    passed: set[str] = set()
    at: Span | None = span
    while at is not None and at.span_id not in passed:
        passed.add(at.span_id)
        yield at
        at = by_id.get((at.trace_id, at.parent_id))


def trace_ids(run: Run) -> set[str]:
    """Every trace id a run sent.

    Args:
        run: a recording.
    """
    found: set[str] = set()
    pending = [step for flow in run.flows for step in flow.steps]
    while pending:
        step = pending.pop()
        pending += step.steps
        if step.trace_id:
            found.add(step.trace_id)
    return found


def fails(span: Span) -> bool:
    """It says that it failed, or that it answered with a server's error.

    Args:
        span: any.
    """
    if span.error:
        return True
    status = span.attributes.get("http.response.status_code") or span.attributes.get("http.status_code") or ""
    return status.isdigit() and int(status) >= _SERVER_ERROR


def caused(step: StepRun, spans: Iterable[Span]) -> list[Span]:
    """The spans that a step's requests led to; others of its flow may carry the same trace id.

    Args:
        step: of a run.
        spans: of that run.
    """
    asked = {exchange.span_id for exchange in step.exchanges if exchange.span_id}
    if not asked or not step.trace_id:
        return []
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        if span.trace_id == step.trace_id or any(link.startswith(step.trace_id) for link in span.links):
            for above in (span.parent_id, *(link.partition("/")[2] for link in span.links)):
                children[above].append(span)
    return _below(asked, children)


def failing(step: StepRun, spans: Iterable[Span]) -> tuple[Span, ...]:
    """The failed spans that a step's requests caused, those without a failed one below them first, then by start.

    A span that says nothing comes after one around it, of the same service, that does.

    Args:
        step: of a run.
        spans: of that run.
    """
    below = caused(step, spans)
    failed = [span for span in below if fails(span)]
    by_id = {(span.trace_id, span.span_id): span for span in below}
    speaking = {(span.trace_id, span.span_id, span.service) for span in failed if _said(span)}
    silent = {
        id(span)
        for span in failed
        if not _said(span)
        and any((up.trace_id, up.span_id, span.service) in speaking for up in _upwards(span, by_id) if up is not span)
    }
    led_here = {
        at.span_id for span in failed if id(span) not in silent for at in _upwards(span, by_id) if at is not span
    }
    key = {id(span): (id(span) in silent, span.span_id in led_here, span.start_ns, span.span_id) for span in failed}
    return tuple(sorted(failed, key=lambda span: key[id(span)]))


def reason(span: Span) -> str:
    """Why a span failed, as it says itself: the exception with the line that threw it, or its status.

    Args:
        span: failed.
    """
    return _said(span) or next((f"status {span.attributes[key]}" for key in _STATUSES if key in span.attributes), "")


def _said(span: Span) -> str:
    kind, said = span.attributes.get("exception.type", ""), span.attributes.get("exception.message") or span.message
    if not kind:
        return said
    place = where(span.attributes.get("exception.stacktrace", ""))
    first = said.partition("\n")[0][:_LONG_REASON]
    told = first if first.startswith(kind) or not first else f"{kind.rpartition('.')[2]}: {first}"
    return f"{told or kind} at {place}" if place else told or kind


def _below(starts: Iterable[str], children: Mapping[str, Sequence[Span]]) -> list[Span]:
    found: dict[str, Span] = {}
    waiting = list(starts)
    while waiting:
        for span in children.get(waiting.pop(), ()):
            if span.span_id not in found:
                found[span.span_id] = span
                waiting.append(span.span_id)
    return list(found.values())
