"""What is known around a step beside its own evidence: what services logged meanwhile, and the spans it caused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from graph.runs import Run, StepRun
from graph.spans import Span

BEFORE_MS = 50.0
AFTER_MS = 500.0
_TIME = r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<part>\d{1,9}))?\s?(?P<zone>Z|[+-]\d\d:?\d\d)?"
_LOUD = (
    r"(?i)\b(?:"
    r"error|exit code|err|fatal|critical|panic|exception|traceback|warn(?:ing)?|fail(?:ed|ure)?|refused|denied)\b"
    r"|Exception\b|Error\b|\b[45]\d\d\b"
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What may be said about a step of a run beside its evidence.

    Args:
        run_id: empty when the run is not kept.
        started: of the run, RFC 3339.
        logs: service to lines.
        spans: of the run.
        log_times: service to when its lines were written, ms after the run's start.
    """

    run_id: str = ""
    started: str = ""
    logs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    spans: Sequence[Span] = ()
    log_times: Mapping[str, Sequence[float]] = field(default_factory=dict)


def surroundings(run: Run, spans: Sequence[Span] = (), *, kept: bool = True) -> Surroundings:
    """What a finished run knows.

    Args:
        run: the recording.
        spans: kept beside it.
        kept: whether a person can open it again by its id.
    """
    return Surroundings(run.id if kept else "", run.started, run.logs, spans, run.log_times)


class Logged(NamedTuple):
    """Lines of one service.

    Args:
        service: its name.
        lines: the most telling ones, in order.
        of: how many there were in the window.
    """

    service: str
    lines: tuple[str, ...]
    of: int


def logged(step: StepRun, around: Surroundings, most: int) -> list[Logged]:
    """What services logged while a step ran: lines with its trace id first, then loud ones, then the latest.

    Args:
        step: the step.
        around: the run.
        most: lines in all.
    """
    window = _window(step, around)
    found: list[tuple[tuple[int, int], str, list[str], list[int]]] = []
    for service, lines in around.logs.items():
        times = around.log_times.get(service, ())
        within = _timed(lines, times, step) if len(times) == len(lines) else list(_within(lines, window))
        ranked = sorted(range(len(within)), key=lambda index: (*_rank(within[index], step), -index))
        if within:
            found.append((_rank(within[ranked[0]], step), service, within, ranked))
    shown: list[Logged] = []
    for _, service, within, ranked in sorted(found, key=lambda item: item[0]):
        share = most - sum(len(item.lines) for item in shown)
        chosen = [index for index in ranked[:share] if _rank(within[index], step)[0] < 2 or not shown]
        if chosen:
            shown.append(Logged(service, tuple(within[index] for index in sorted(chosen)), len(within)))
    return shown


def _rank(line: str, step: StepRun) -> tuple[int, int]:
    traced = bool(step.trace_id) and step.trace_id in line
    loud = re.search(_LOUD, line) is not None
    return (2 - loud - traced, 0)


def _window(step: StepRun, around: Surroundings) -> tuple[datetime, datetime] | None:
    try:
        begin = datetime.fromisoformat(around.started)
    except ValueError:
        return None
    first = begin + timedelta(milliseconds=step.started_ms - BEFORE_MS)
    return first, begin + timedelta(milliseconds=step.started_ms + step.duration_ms + AFTER_MS)


def _timed(lines: Sequence[str], times: Sequence[float], step: StepRun) -> list[str]:
    """Lines that were written while the step ran, or shortly after it."""
    first, last = step.started_ms - BEFORE_MS, step.started_ms + step.duration_ms + AFTER_MS
    return [line for line, at in zip(lines, times, strict=True) if first <= at <= last]


def _within(lines: Sequence[str], window: tuple[datetime, datetime] | None) -> Iterator[str]:
    """Lines of the window; a line without a time belongs to the one before it; lines of no known time all count."""
    inside = True
    for line in lines:
        at = time_of(line)
        if at is not None and window is not None:
            inside = window[0] <= at <= window[1]
        if inside:
            yield line


def time_of(line: str) -> datetime | None:
    """When a line says it was written (UTC unless it names a zone); None when it does not say.

    Args:
        line: of a log.
    """
    match = re.search(_TIME, line[:200])
    if match is None:
        return None
    zone = (match["zone"] or "Z").replace("Z", "+00:00")
    part = (match["part"] or "0")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{match['day']}T{match['time']}.{part}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
