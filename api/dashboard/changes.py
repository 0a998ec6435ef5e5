"""A change as a page shows it: the sentence, the groups, and a drawing of the proof paths laid out here."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from api.dashboard.drawing import Drawing, draw
from api.dashboard.render import count, short
from graph.answers import Affected, Impact, SelectedFlow

KIND_ORDER = ("Service", "Endpoint", "Topic", "Dataset", "Flow")


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A change as a page shows it.

    Args:
        impact: the answer.
        summary: one sentence.
        must: flows that must run.
        may: flows that may run.
        groups: affected things by kind, in a fixed order; flows are shown on their own.
        drawing: the proof paths, None when there are none.
        command: what to type to run the selected flows.
    """

    impact: Impact
    summary: str
    must: tuple[SelectedFlow, ...]
    may: tuple[SelectedFlow, ...]
    groups: tuple[tuple[str, tuple[Affected, ...]], ...]
    drawing: Drawing | None
    command: str


def change_view(impact: Impact) -> ChangeView:
    """What the page of a change shows.

    Args:
        impact: the answer.
    """
    must = tuple(flow for flow in impact.flows if flow.selection == "must")
    may = tuple(flow for flow in impact.flows if flow.selection == "may")
    by_kind: dict[str, list[Affected]] = defaultdict(list)
    for item in impact.affected:
        by_kind[item.kind].append(item)
    kinds = sorted(by_kind, key=lambda kind: (KIND_ORDER.index(kind) if kind in KIND_ORDER else 9, kind))
    groups = tuple((kind, tuple(by_kind[kind])) for kind in kinds if kind not in ("Flow", "Step"))
    base, head = short(impact.base), short(impact.head)
    span = base if head == "worktree" else f"{base}..{head}"
    command = f"testmesh run --affected {span}" if impact.flows else ""
    return ChangeView(impact, _summary(impact, len(must), len(may)), must, may, groups, draw(impact), command)


def _summary(impact: Impact, must: int, may: int) -> str:
    if not impact.changed:
        return "Nothing that the graph knows has changed."
    flows = f"{count(must, 'flow')} must run" + (f", {may} may run" if may else "")
    safe = f", {len(impact.unaffected_flows)} proven unaffected" if impact.unaffected_flows else ""
    services = sum(item.kind == "Service" for item in impact.affected)
    reached = f"It reaches {count(services, 'service')} and {_endpoints(impact)}."
    open_ends = f" {count(len(impact.unknown), 'place')} could not be resolved." if impact.unknown else ""
    return f"{flows}{safe}. {reached}{open_ends}"


def _endpoints(impact: Impact) -> str:
    return count(sum(item.kind == "Endpoint" for item in impact.affected), "endpoint")
