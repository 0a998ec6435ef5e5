"""What impact says about a trap and its twin: found by a path, unknown, or called unaffected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evals.systems import Edit, Shelf, edited, workspace
from evals.traps.cases import Trap
from flows.facts.files import FLOWS
from graph.answers import Hop, Impact, SelectedFlow
from graph.overlay import Overlay
from graph.queries.impact import affected
from scanners.changes import changes

Outcome = Literal["found", "unknown", "unaffected"]
_GUESSES = ("MAY RUN IN", "MAY BE", "MAY ASK", "MAY CHANGE")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out for one trap.

    Args:
        name: of the trap.
        language: of its code.
        indirection: what hides the way.
        change: the worst outcome over the flows that the change affects.
        twin: the best outcome over the same flows for the twin: it should be unaffected.
        bystanders: flows apart that were selected for the change.
        path: the shown way to the first affected flow, or why there is none.
        twin_path: the same for the twin.
    """

    name: str
    language: str
    indirection: str
    change: Outcome
    twin: Outcome
    bystanders: int
    path: str
    twin_path: str


def _rank(one: Outcome) -> int:
    return ("unaffected", "unknown", "found").index(one)


def judged(shelf: Shelf, trap: Trap) -> Verdict:
    """The verdict on a trap.

    Args:
        shelf: where its commits go.
        trap: the trap.
    """
    base = shelf.commit(trap.files)
    hit, beside = _impact(shelf, trap, base, trap.change), _impact(shelf, trap, base, trap.twin)
    hits: list[Outcome] = [outcome(hit, flow) for flow in trap.affected]
    besides: list[Outcome] = [outcome(beside, flow) for flow in trap.affected]
    return Verdict(
        name=trap.name,
        language=trap.language,
        indirection=trap.indirection,
        change=min(hits, key=_rank),
        twin=max(besides, key=_rank),
        bystanders=sum(outcome(hit, flow) != "unaffected" for flow in trap.apart),
        path=_told(hit, trap.affected[0]),
        twin_path=_told(beside, trap.affected[0]),
    )


def _impact(shelf: Shelf, trap: Trap, base: str, edits: tuple[Edit, ...]) -> Impact:
    head = shelf.commit(edited(trap.files, edits), base)
    graphs = [Overlay(content=workspace([shelf.facts(commit)])) for commit in (base, head)]
    change = changes(shelf.path, base, head, repository=shelf.name, extra=(FLOWS,))
    return affected(graphs[0], graphs[1], change)


def outcome(impact: Impact, flow: str) -> Outcome:
    """Whether a flow is affected by a path that can be read, maybe affected, or said to be unaffected.

    Args:
        impact: the answer.
        flow: flow file.
    """
    chosen = _selected(impact, flow)
    if chosen is None:
        return "unaffected"
    return "found" if chosen.path and not _guess(chosen.path) else "unknown"


def _selected(impact: Impact, flow: str) -> SelectedFlow | None:
    return next((f for f in impact.flows if f.file == flow), None)


def _guess(path: Sequence[Hop]) -> bool:
    """Whether a path says no more than that it may run in the service, or leads over a loose end."""
    whole = path[0].status != "resolved" and len(path) > 1 and path[1].edge == "OWNS"
    return whole or any(hop.edge in _GUESSES or hop.status == "unresolved" for hop in path)


def _told(impact: Impact, flow: str) -> str:
    chosen = _selected(impact, flow)
    if chosen is None:
        return "unaffected" + "".join(f"; {b.place} {b.reason}" for b in impact.unknown[:2])
    return (
        f"{chosen.selection}: " + " > ".join(f"{h.edge} {h.target}" for h in chosen.path)
        if chosen.path
        else (f"{chosen.selection}: {chosen.reason}")
    )
