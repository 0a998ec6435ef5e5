"""What a report may use beside the run itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from graph.runs import FlowRun, Run

if TYPE_CHECKING:
    from graph.spans import Span

Key = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Earlier:
    """The last execution of a flow that passed before the one reported.

    Args:
        run: id of its run.
        started: of its run, RFC 3339.
        revision: of its run.
        flow: the execution.
    """

    run: str
    started: str
    revision: str
    flow: FlowRun


class Past(NamedTuple):
    """How an earlier execution of a flow ended.

    Args:
        run: id of its run.
        started: of its run, RFC 3339.
        verdict: of the execution.
        duration_ms: its length.
    """

    run: str
    started: str
    verdict: str
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known beside the recording.

    Args:
        spans: kept with the run.
        green: (file, row) to the last green execution before it.
        root: the repository's top folder as an absolute path, for links into an editor; empty for none.
        past: (file, row) to its executions before it, newest first.
    """

    spans: Sequence[Span] = ()
    green: Mapping[Key, Earlier] = field(default_factory=dict)
    root: str = ""
    past: Mapping[Key, Sequence[Past]] = field(default_factory=dict)


NOTHING = Beside()


def add_past(run: Run, earlier: Run, found: dict[Key, list[Past]]) -> None:
    """Adds how an older run of the same flows ended.

    Args:
        run: the reported one.
        earlier: an older one, newest first.
        found: filled.
    """
    wanted = {(flow.file, flow.row) for flow in run.flows}
    for flow in earlier.flows:
        if (flow.file, flow.row) in wanted:
            past = Past(earlier.id, earlier.started, flow.verdict, flow.duration_ms)
            found.setdefault((flow.file, flow.row), []).append(past)


def last_green(run: Run, earlier: Run, found: dict[Key, Earlier]) -> bool:
    """Adds what an earlier run has passed; True when every execution of the run has one.

    Args:
        run: the reported one.
        earlier: an older one, newest first.
        found: filled.
    """
    wanted = {(flow.file, flow.row) for flow in run.flows}
    for flow in earlier.flows:
        key = (flow.file, flow.row)
        if flow.verdict == "passed" and key in wanted and key not in found:
            found[key] = Earlier(earlier.id, earlier.started, earlier.revision, flow)
    return len(found) == len(wanted)
