"""What every red run of a flow had that no green one had: other flows beside or before it, the hour of the day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from math import comb
from typing import NamedTuple

from graph.runs import FlowRun, Run

_CHANCE = 0.05
_HOURS = 24


class Execution(NamedTuple):
    """One recorded execution of a flow."""

    run: Run
    flow: FlowRun

    @property
    def red(self) -> bool:
        """It failed or could not be evaluated."""
        return self.flow.verdict in ("failed", "error")


def circumstance(red: Sequence[Execution], green: Sequence[Execution]) -> str:
    """What separates red from green in one line; empty when nothing does, or chance alone may do it.

    Args:
        red: executions of one flow at one revision that failed.
        green: those that passed.
    """
    found = (tell(red, green) for tell in (_alone, _beside, _before, _hour))
    return next((text for text in found if text), "")


def _telling(red: Sequence[Execution], green: Sequence[Execution], candidates: int) -> bool:
    """Whether so many runs separate by chance in at most one of twenty such questions."""
    return candidates <= _CHANCE * comb(len(red) + len(green), len(red))


def _alone(red: Sequence[Execution], green: Sequence[Execution]) -> str:
    if not _telling(red, green, 1):
        return ""
    company = [bool(_at_once(one)) for one in red], [bool(_at_once(one)) for one in green]
    if all(company[0]) and not any(company[1]):
        return "red only when other flows ran at the same time, green only alone"
    if all(company[1]) and not any(company[0]):
        return "green only when other flows ran at the same time, red only alone"
    return ""


def _beside(red: Sequence[Execution], green: Sequence[Execution]) -> str:
    return _files(red, green, _at_once, "at the same time as")


def _before(red: Sequence[Execution], green: Sequence[Execution]) -> str:
    return _files(red, green, _earlier, "after")


def _files(
    red: Sequence[Execution], green: Sequence[Execution], of: Callable[[Execution], frozenset[str]], how: str
) -> str:
    """A flow that every red run had there and no green one, or the reverse."""
    bad, good = [of(one) for one in red], [of(one) for one in green]
    seen = frozenset().union(*bad, *good)
    if not seen or not _telling(red, green, len(seen)):
        return ""
    for only, others, colour in ((bad, good, "red"), (good, bad, "green")):
        found = frozenset.intersection(*only) - frozenset().union(*others)
        if found:
            return f"{colour} only {how} {_first(found)} in the same run"
    return ""


def _first(files: Iterable[str]) -> str:
    first, *more = sorted(files)
    return f"{first} (and {len(more)} more)" if more else first


def _at_once(one: Execution) -> frozenset[str]:
    """The other flows that ran while it did."""
    mine = one.flow
    return frozenset(
        other.file
        for other in one.run.flows
        if other.file != mine.file
        and other.started_ms < mine.started_ms + mine.duration_ms
        and mine.started_ms < other.started_ms + other.duration_ms
    )


def _earlier(one: Execution) -> frozenset[str]:
    """The flows that had ended in that run when it began."""
    mine = one.flow
    return frozenset(
        other.file
        for other in one.run.flows
        if other.file != mine.file and other.steps and other.started_ms + other.duration_ms <= mine.started_ms
    )


def _hour(red: Sequence[Execution], green: Sequence[Execution]) -> str:
    """Red on several days, always in the same hour or two, in which it was never green."""
    moments = [datetime.fromisoformat(one.run.started) for one in red]
    hours = {moment.hour for moment in moments}
    others = {datetime.fromisoformat(one.run.started).hour for one in green}
    near = len(hours) == 1 or (len(hours) == 2 and (max(hours) - min(hours)) in (1, _HOURS - 1))
    days = {moment.date() for moment in moments}
    if not near or hours & others or len(days) < 2 or not _telling(red, green, _HOURS):
        return ""
    first, last = (max(hours), min(hours)) if hours == {0, _HOURS - 1} else (min(hours), max(hours))
    return f"red only from {first:02}:00 to {(last + 1) % _HOURS:02}:00 UTC, on {len(days)} days"
