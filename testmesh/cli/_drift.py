"""How the differences between code and runtime look on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from testmesh.cli._options import counted

if TYPE_CHECKING:
    from graph.observed import Sighting, Window
    from graph.queries.dead import DeadEdges
    from graph.queries.shadow import Shadows

_NOTHING = (
    "no spans were observed yet: run flows with --env NAME (services that send OTLP), or upload runs to a service "
    "that receives spans"
)


def shown_shadow(answer: Shadows) -> Iterator[str]:
    """What was seen and is not in the code.

    Args:
        answer: of the query.
    """
    if not answer.windows:
        yield _NOTHING
        return
    for row in answer.shadows:
        yield f"{row.text}: seen {_often(row.seen)}, {row.reason}"
        if row.origins and row.origins != (row.service,):
            yield f"  from  {', '.join(row.origins[:3])}"
        yield from _spans(row.seen)
        yield from (f"  {line}" for line in row.advice.splitlines())
    where = _windows(answer.windows)
    found = counted(len(answer.shadows), "link")
    yield f"{found} seen and not in the code, {answer.confirmed} in both; observed: {where}"


def shown_dead(answer: DeadEdges) -> Iterator[str]:
    """What is in the code and was not seen.

    Args:
        answer: of the query.
    """
    if not answer.windows:
        yield _NOTHING
        return
    for row in answer.dead:
        when = f"last {row.exposed.last[:16]}, {', '.join(row.exposed.environments)}"
        yield f"{row.text}: {', '.join(row.entries[:3])} ({when})"
        if row.place:
            yield f"  code  {row.place}"
        yield from _spans(row.exposed)
        yield f"  {row.advice}"
    for group in answer.unobserved:
        yield f"not known for {counted(group.links, 'link')}: {group.reason}"
        yield from (f"  {text}" for text in group.examples[:3])
    where = _windows(answer.windows)
    yield (
        f"{counted(len(answer.dead), 'link')} never seen although what leads there ran, {answer.seen} seen, "
        f"{sum(group.links for group in answer.unobserved)} not known; observed: {where}"
    )


def _often(seen: Sighting) -> str:
    times = "once" if seen.count == 1 else f"{seen.count} times"
    return f"{times}, last {seen.last[:16]} in {', '.join(seen.environments)}"


def _spans(seen: Sighting) -> Iterator[str]:
    if seen.spans:
        yield f"  span  {seen.spans[0]}{f' in run {seen.runs[-1]}' if seen.runs else ''}"


def _windows(windows: Sequence[Window]) -> str:
    return "; ".join(
        f"{w.environment} on {counted(w.days, 'day')} ({w.first}{'' if w.first == w.last else f' to {w.last}'})"
        for w in windows
    )
