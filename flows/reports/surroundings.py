"""What is known around a step beside its own evidence: what services logged meanwhile, and the spans it caused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from flows.reports.loglines import ERROR, QUIET, WARNING, loudness, readable, time_of
from graph.runs import Run, StepRun
from graph.spans import Span

# Clocks of other machines differ a little; lines that we receive ourselves are never early.
BEFORE_MS = 50.0
_EARLY_MS = 5.0
_SOON_MS = 50.0
AFTER_MS = 500.0
_CALM_LINES = 2
BROKE, ASKED, REACHED, OTHER = range(4)
"""Its span failed first; the step's request went to it; the request led to it; nothing says that it did."""
_ADDRESS = re.compile(r"^(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?(?P<host>[\w.-]+:\d+)(?:/|$)", re.IGNORECASE)
_HOST = re.compile(r"^[a-z][a-z0-9+.-]*://(?:[^/@\s]*@)?(?P<host>[^/:?#\s]+)(?P<port>:\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What may be said about a step of a run beside its evidence.

    Args:
        run_id: empty when the run is not kept.
        started: of the run, RFC 3339.
        logs: service to lines.
        spans: of the run.
        log_times: service to when its lines were written, ms after the run's start.
        addresses: `host:port` to the services that variables say are there.
    """

    run_id: str = ""
    started: str = ""
    logs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    spans: Sequence[Span] = ()
    log_times: Mapping[str, Sequence[float]] = field(default_factory=dict)
    addresses: Mapping[str, frozenset[str]] = field(default_factory=dict)


def surroundings(run: Run, spans: Sequence[Span] = (), *, kept: bool = True) -> Surroundings:
    """What a finished run knows.

    Args:
        run: the recording.
        spans: kept beside it.
        kept: whether a person can open it again by its id.
    """
    return Surroundings(run.id if kept else "", run.started, run.logs, spans, run.log_times, _addresses(run))


def _addresses(run: Run) -> Mapping[str, frozenset[str]]:
    """Variables such as `ORDERS_URL` say where the service `orders` is."""
    found: dict[str, frozenset[str]] = {}
    names = {service: re.sub(r"\W", "_", service).lower() for service in run.logs}
    every = {item for flow in run.flows for item in flow.variables.items() if isinstance(item[1], str)}
    for name, value in sorted(every) if names else ():
        match = _ADDRESS.match(value)
        if match is not None:
            there = {service for service, begins in names.items() if f"{name.lower()}_".startswith(f"{begins}_")}
            found[match["host"]] = found.get(match["host"], frozenset()) | there
    return found


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


class _Said(NamedTuple):
    """What one service logged in the window of a step.

    Args:
        service: its name.
        lines: readable, in order.
        ranks: of each line, less is more telling.
        concern: BROKE, ASKED, REACHED or OTHER.
    """

    service: str
    lines: list[str]
    ranks: list[tuple[int, int, int]]
    concern: int

    @property
    def order(self) -> tuple[int, int, tuple[int, int, int]]:
        """Services that the step reached and that complain, any that logs an error, then the others."""
        untraced, loud, _ = best = min(self.ranks)
        if self.concern < OTHER or not untraced:
            return (0 if loud < QUIET else 2), self.concern, best
        return (1 if loud == ERROR else 3), self.concern, best


def logged(step: StepRun, around: Surroundings, most: int, nearby: int = 0) -> list[Logged]:
    """What services logged while a step ran: first the service whose span failed, or that the step reached.

    Of its lines those with the trace's id come first, then loud ones, then the latest; of an exception also the
    line of the program's own code that led to it.

    Args:
        step: the step.
        around: the run.
        most: telling lines in all.
        nearby: lines of a service that are shown at least, those next to the telling ones.
    """
    concerned = _concerned(step, around)
    unnamed = OTHER if concerned else REACHED  # when nothing says who was reached, everybody may have been
    window = _window(step, around)
    found: list[_Said] = []
    for service, lines in around.logs.items():
        times = around.log_times.get(service, ())
        timed = _timed(lines, times, step) if len(times) == len(lines) else _within(lines, window)
        within = [(readable(line), late) for line, late in timed]
        if within:
            ranks = [(*_rank(line, step), late) for line, late in within]
            found.append(_Said(service, [line for line, _ in within], ranks, concerned.get(service, unnamed)))
    shown: list[Logged] = []
    for said in sorted(found, key=lambda said: said.order):
        left = most - sum(len(item.lines) for item in shown)
        chosen = _chosen(said, left, first=not shown) if left > 0 else []
        if chosen:
            places = _with_those_nearby(said, chosen, nearby)
            shown.append(Logged(said.service, tuple(said.lines[index] for index in places), len(said.lines)))
    return shown


def _rank(line: str, step: StepRun) -> tuple[int, int]:
    return (0 if step.trace_id and step.trace_id in line else 1), loudness(line)


def _chosen(said: _Said, most: int, *, first: bool) -> list[int]:
    """The most telling lines, in order; of a service that did not complain a few, when it is told first."""
    from testmesh.kernel.stacks import blamed

    ordered = sorted(range(len(said.lines)), key=lambda index: (said.ranks[index], -index))
    telling = [index for index in ordered if _tells(said.ranks[index], said.concern)]
    if not telling and first and said.concern <= ASKED:
        return sorted([index for index in ordered if not said.ranks[index][2]][: min(most, _CALM_LINES)])
    chosen: set[int] = set()
    for index in telling:
        if len(chosen) >= most:
            break
        if said.lines[index].startswith("Traceback (most recent"):
            continue
        chosen.add(index)
        led = blamed(said.lines, index) if said.ranks[index][1] == ERROR and len(chosen) < most else None
        chosen |= {led} if led is not None else set()
    return sorted(chosen)


def _with_those_nearby(said: _Said, chosen: list[int], most: int) -> list[int]:
    if len(chosen) >= most:
        return chosen
    early = [index for index, rank in enumerate(said.ranks) if not rank[2] and index not in chosen]
    early.sort(key=lambda index: min(abs(index - other) for other in chosen))
    return sorted([*chosen, *early[: most - len(chosen)]])


def _tells(rank: tuple[int, int, int], concern: int) -> bool:
    """With the trace's id always; a complaint when it fits the step: of other services, and late, only errors."""
    untraced, loud, late = rank
    return not untraced or loud == ERROR or (loud == WARNING and concern < OTHER and not late)


def _concerned(step: StepRun, around: Surroundings) -> Mapping[str, int]:
    """Services that the step reached, by its trace or by the address it asked."""
    asked = dict.fromkeys(_addressed(step, around), ASKED)
    found = asked
    if around.spans and step.trace_id:
        from testmesh.telemetry.kept import caused, failing

        found = {span.service: REACHED for span in caused(step, around.spans)} | asked
        found |= {span.service: BROKE for span in failing(step, around.spans)[:1]}
    return found


def _addressed(step: StepRun, around: Surroundings) -> Iterable[str]:
    for exchange in step.exchanges[-1:]:
        request = exchange.request if isinstance(exchange.request, dict) else {}
        match = _HOST.match(str(request.get("url") or ""))
        if match is not None:
            yield from (service for service in around.logs if service == match["host"])
            yield from around.addresses.get(match["host"] + (match["port"] or ""), ())


def _window(step: StepRun, around: Surroundings) -> tuple[datetime, datetime] | None:
    try:
        begin = datetime.fromisoformat(around.started)
    except ValueError:
        return None
    first = begin + timedelta(milliseconds=step.started_ms - BEFORE_MS)
    return first, begin + timedelta(milliseconds=step.started_ms + step.duration_ms + AFTER_MS)


def _timed(lines: Sequence[str], times: Sequence[float], step: StepRun) -> Iterator[tuple[str, int]]:
    """Lines that were written while the step ran (0), or shortly after it (1)."""
    first, end = step.started_ms - _EARLY_MS, step.started_ms + step.duration_ms
    for line, at in zip(lines, times, strict=True):
        if first <= at <= end + AFTER_MS:
            yield line, int(at > end + _SOON_MS)


def _within(lines: Sequence[str], window: tuple[datetime, datetime] | None) -> Iterator[tuple[str, int]]:
    """Lines of the window; a line without a time belongs to the one before it; lines of no known time all count."""
    inside = True
    for line in lines:
        at = time_of(line)
        if at is not None and window is not None:
            inside = window[0] <= at <= window[1]
        if inside:
            yield line, 0
