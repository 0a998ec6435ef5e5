"""A change as a page shows it: the sentence, the groups, and a drawing of the proof paths laid out here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from api.dashboard.render import count
from graph.answers import Affected, Hop, Impact, SelectedFlow

KIND_ORDER = ("Service", "Endpoint", "Topic", "Dataset", "Flow")
_COLUMN = 175
_ROW = 56
_BOX = (146, 42)
_LONGEST = 21
_MOST_NODES = 60
_MARGIN = 8


@dataclass(frozen=True, slots=True)
class Box:
    """A node of the drawing.

    Args:
        label: whole text, for the tooltip.
        above: first line, what it belongs to.
        text: second line, its own name.
        x: left edge.
        y: top edge.
        sort: change, flow or node.
    """

    label: str
    above: str
    text: str
    x: int
    y: int
    sort: str


@dataclass(frozen=True, slots=True)
class Line:
    """An edge of the drawing.

    Args:
        path: SVG path data.
        sure: resolved.
        title: edge kind, place and note.
    """

    path: str
    sure: bool
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The proof paths, change on the left, flows on the right.

    Args:
        width: in user units.
        height: in user units.
        boxes: nodes.
        lines: edges.
        left_out: nodes that did not fit.
        box: width and height of every node.
    """

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    left_out: int = 0
    box: tuple[int, int] = _BOX


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
    span = impact.base if impact.head == "worktree" else f"{impact.base}..{impact.head}"
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


def draw(impact: Impact) -> Drawing | None:
    """The proof paths as layers from left to right; the longest way from the change decides the column.

    Args:
        impact: the answer.
    """
    paths = [item.path for item in impact.affected] + [flow.path for flow in impact.flows]
    order = _visited(paths)
    if not order:
        return None
    kept = dict(list(order.items())[:_MOST_NODES])
    columns: dict[int, list[str]] = defaultdict(list)
    for label, column in kept.items():
        columns[column].append(label)
    places = _places(columns)
    flows = {flow.file for flow in impact.flows}
    boxes = tuple(_box(label, place, kept[label], flows) for label, place in places.items())
    lines = tuple(_lines(paths, places))
    height = max(len(column) for column in columns.values()) * _ROW + 2 * _MARGIN
    width = max(columns) * _COLUMN + _BOX[0] + 2 * _MARGIN
    return Drawing(width, height, boxes, lines, len(order) - len(kept))


def _drawn(label: str) -> str:
    """A step is drawn as its flow."""
    file, mark, _ = label.partition("#")
    return file if mark and file.endswith((".yaml", ".yml")) else label


def _visited(paths: Iterable[tuple[Hop, ...]]) -> Mapping[str, int]:
    """Every label with its column: how far from the change it is on the longest path that holds it."""
    found: dict[str, int] = {}
    for path in paths:
        for position, label in enumerate(_walk(path)):
            found[label] = max(found.get(label, 0), position)
    return found


def _walk(path: tuple[Hop, ...]) -> list[str]:
    """The labels of a path from the change outwards; a hop followed against its arrow is walked target first."""
    walked: list[str] = []
    for position, hop in enumerate(path):
        ends = [_drawn(hop.source), _drawn(hop.target)]
        following = path[position + 1] if position + 1 < len(path) else None
        if walked:
            ends.sort(key=lambda end: end != walked[-1])
        elif following is not None and hop.source in (following.source, following.target):
            ends.reverse()
        walked += [end for end in ends if end and end not in walked]
    return walked


def _places(columns: Mapping[int, list[str]]) -> dict[str, tuple[int, int]]:
    tallest = max(len(labels) for labels in columns.values())
    found: dict[str, tuple[int, int]] = {}
    for column, labels in sorted(columns.items()):
        top = (tallest - len(labels)) * _ROW // 2 + _MARGIN
        for row, label in enumerate(labels):
            found[label] = (column * _COLUMN + _MARGIN, top + row * _ROW)
    return found


def _box(label: str, place: tuple[int, int], column: int, flows: set[str]) -> Box:
    sort = "change" if column == 0 else "flow" if label in flows else "node"
    above, text = _two_lines(label, sort)
    return Box(label, _cut(above), _cut(text), *place, sort)


def _two_lines(label: str, sort: str) -> tuple[str, str]:
    if sort == "change":
        return "changed", label
    if sort == "flow":
        folder, _, name = label.rpartition("/")
        return f"flow in {folder}" if folder else "flow", name
    for mark in ("::", ":", "/"):
        above, found, text = label.partition(mark)
        if found and above and text:
            return above, text
    return "", label


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _lines(paths: Iterable[tuple[Hop, ...]], places: Mapping[str, tuple[int, int]]) -> Iterator[Line]:
    drawn: set[tuple[str, str, str]] = set()
    for hop in (hop for path in paths for hop in path):
        ends = _drawn(hop.source), _drawn(hop.target)
        key = (hop.edge, *ends)
        if key in drawn or ends[0] == ends[1] or not all(end in places for end in ends):
            continue
        drawn.add(key)
        note = " · ".join(part for part in (hop.edge, hop.place, hop.note) if part)
        yield Line(_curve(*sorted(places[end] for end in ends)), hop.status == "resolved", note)


def _curve(near: tuple[int, int], far: tuple[int, int]) -> str:
    half = _BOX[1] // 2
    left, y1, y2 = near[0] + _BOX[0], near[1] + half, far[1] + half
    right, bend = (left, left + 24) if near[0] == far[0] else (far[0], (left + far[0]) // 2)
    return f"M{left} {y1}C{bend} {y1} {bend} {y2} {right} {y2}"
