"""The proof paths of a change as one drawing, laid out here so that a page needs no script for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from graph.answers import Hop, Impact

_COLUMN = 183
_ROW = 54
_BOX = (156, 42)
_MARGIN = 8
_LONGEST = (24, 20)
_MOST_NODES = 80
_SWEEPS = 4


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
        sure: every hop it stands for is resolved.
        title: its hops, one a line.
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
class _Stop:
    """A thing on the way from the change, and the hops that lead to it from the stop before."""

    label: str
    hops: tuple[Hop, ...] = ()


@dataclass(slots=True)
class _Layout:
    columns: dict[str, int] = field(default_factory=dict)
    links: dict[tuple[str, str], tuple[Hop, ...]] = field(default_factory=dict)
    rows: dict[str, float] = field(default_factory=dict)


def draw(impact: Impact) -> Drawing | None:
    """The proof paths as layers from left to right; code between two endpoints is one line, a step is its flow.

    Args:
        impact: the answer.
    """
    layout = _Layout()
    for path in [item.path for item in impact.affected] + [flow.path for flow in impact.flows]:
        _add(layout, _stops(path))
    if not layout.columns:
        return None
    kept = dict(sorted(layout.columns.items(), key=lambda item: item[1])[:_MOST_NODES])
    left_out = len(layout.columns) - len(kept)
    layout.columns = kept
    layout.links = {ends: hops for ends, hops in layout.links.items() if ends[0] in kept and ends[1] in kept}
    _arrange(layout)
    flows = {flow.file for flow in impact.flows}
    places = {label: _place(column, layout.rows[label]) for label, column in kept.items()}
    boxes = tuple(_box(label, places[label], kept[label], flows) for label in kept)
    lines = tuple(_line(places[a], places[b], hops) for (a, b), hops in layout.links.items())
    width = max(x for x, _ in places.values()) + _BOX[0] + _MARGIN
    height = max(y for _, y in places.values()) + _BOX[1] + _MARGIN
    return Drawing(width, height, boxes, lines, left_out)


def _stops(path: tuple[Hop, ...]) -> Iterator[_Stop]:
    """What is drawn of a path: the change, the changed thing, then everything that is not code in between."""
    hops: list[Hop] = []
    walked = list(_walk(path))
    for position, (label, hop) in enumerate(walked):
        if hop is not None:
            hops.append(hop)
        if "::" in label and 1 < position < len(walked) - 1:
            continue
        yield _Stop(_flow_of(label), tuple(hops))
        hops = []


def _walk(path: tuple[Hop, ...]) -> Iterator[tuple[str, Hop | None]]:
    """The labels of a path from the change outwards; a hop followed against its arrow is walked target first."""
    at = ""
    for position, hop in enumerate(path):
        near, far = hop.source, hop.target
        following = path[position + 1] if position + 1 < len(path) else None
        if at == far or (not at and following is not None and near in (following.source, following.target)):
            near, far = far, near
        if not at and near:
            yield near, None
        if far and far != at:
            yield far, hop
        at = far or at


def _flow_of(label: str) -> str:
    file, mark, _ = label.partition("#")
    return file if mark and file.endswith((".yaml", ".yml")) else label


def _add(layout: _Layout, stops: Iterable[_Stop]) -> None:
    """The longest way from the change decides a thing's column."""
    before, column = "", 0
    for stop in stops:
        if stop.label == before:
            continue
        layout.columns[stop.label] = max(layout.columns.get(stop.label, 0), column)
        if before:
            layout.links.setdefault((before, stop.label), stop.hops)
        before, column = stop.label, column + 1


def _arrange(layout: _Layout) -> None:
    """Rows near the neighbours' rows, swept there and back; deterministic, no two boxes of a column overlap."""
    columns: dict[int, list[str]] = defaultdict(list)
    for label, column in layout.columns.items():
        columns[column].append(label)
    for labels in columns.values():
        layout.rows.update({label: float(row) for row, label in enumerate(labels)})
    near: dict[str, list[str]] = defaultdict(list)
    for one, other in layout.links:
        near[one].append(other)
        near[other].append(one)
    for sweep in range(_SWEEPS):
        for column in sorted(columns, reverse=bool(sweep % 2)):
            _settle(columns[column], near, layout.rows)
    top = min(layout.rows.values())
    layout.rows = {label: row - top for label, row in layout.rows.items()}


def _settle(labels: list[str], near: Mapping[str, list[str]], rows: dict[str, float]) -> None:
    wanted = {label: fmean(rows[n] for n in near[label]) if near[label] else rows[label] for label in labels}
    ordered = sorted(labels, key=lambda label: (wanted[label], label))
    placed: list[float] = []
    for label in ordered:
        placed.append(max(wanted[label], placed[-1] + 1) if placed else wanted[label])
    shift = fmean(placed) - fmean(wanted.values())
    rows.update({label: row - shift for label, row in zip(ordered, placed, strict=True)})


def _place(column: int, row: float) -> tuple[int, int]:
    return column * _COLUMN + _MARGIN, round(row * _ROW) + _MARGIN


def _box(label: str, place: tuple[int, int], column: int, flows: set[str]) -> Box:
    sort = "change" if column == 0 else "flow" if label in flows else "node"
    above, text = _two_lines(label, sort)
    return Box(label, _cut(above, _LONGEST[0]), _cut(text, _LONGEST[1]), *place, sort)


def _two_lines(label: str, sort: str) -> tuple[str, str]:
    if sort == "change":
        return "changed", label
    if sort == "flow":
        folder, _, name = label.rpartition("/")
        return f"flow in {folder}" if folder else "flow", name
    file, found, symbol = label.partition("::")
    if found:
        return file.rpartition("/")[2], symbol
    split = min((at for at in (label.find(":"), label.find("/")) if at > 0), default=-1)
    return (label[:split], label[split + 1 :]) if split > 0 else ("", label)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _line(near: tuple[int, int], far: tuple[int, int], hops: tuple[Hop, ...]) -> Line:
    half = _BOX[1] // 2
    (x1, y1), (x2, y2) = sorted((near, far))
    left, right = x1 + _BOX[0], x2
    bend = (left + right) // 2
    if x1 == x2:
        right, bend = left, left + 24
    path = f"M{left} {y1 + half}C{bend} {y1 + half} {bend} {y2 + half} {right} {y2 + half}"
    return Line(path, all(hop.status == "resolved" for hop in hops), "\n".join(_said(hop) for hop in hops))


def _said(hop: Hop) -> str:
    return " · ".join(part for part in (f"{hop.source} {hop.edge} {hop.target}", hop.place, hop.note) if part)
