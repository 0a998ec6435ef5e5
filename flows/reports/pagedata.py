"""What the run page shows, as JSON of bounded size: every step, and as much evidence as there is room for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from flows.reports.answers import answered, sentence
from flows.reports.beside import Beside, Earlier
from flows.reports.commands import Sent, command_line
from flows.reports.comparing import StepChange, compare_flows
from flows.reports.differing import differences, line_of, reordered
from flows.reports.failures import (
    brief,
    conditional,
    evaluated,
    failed_assertions,
    failure_lines,
    line_of_failure,
)
from flows.reports.pagevalues import Room, clip, pretty, sections, value_of
from flows.reports.places import Placed, flow_name, placed, texts_of
from flows.reports.surroundings import Surroundings, logged, surroundings
from flows.reports.totals import BROKEN, all_cases, cases, totals
from graph.runs import AssertionResult, Exchange, FlowRun, Run, StepRun
from graph.spans import Span

MOST_STEPS = 50_000
OF_A_FAILURE = 400_000
OF_A_STEP = 60_000
OF_A_SIDE = 4_000
MOST_CANDIDATES = 12
MOST_TICKS = 300
MOST_LINES = 20
MOST_SPANS = 60
SOURCE_ROOM = 1_500_000
_NONE: list[object] = ["", 0]


@dataclass(slots=True)
class _Sheet:
    """What is known while the steps go by, one at a time: those of a long run are on disk.

    Args:
        run: reported.
        around: logs and spans.
        texts: files by name.
        broken: for every step, whether it failed.
    """

    run: Run
    around: Surroundings
    texts: Mapping[str, str]
    broken: bytearray = field(default_factory=bytearray)
    room: Room = field(default_factory=Room)
    rows: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)

    def every(self) -> Iterator[tuple[int, Placed]]:
        """Every step with the number of its flow."""
        for number, flow in enumerate(self.run.flows):
            for item in placed(flow, self.texts):
                yield number, item

    def shown(self) -> Iterator[tuple[int, int, Placed]]:
        """The steps of the page with their numbers: what failed always, of the rest the first."""
        others = MOST_STEPS - sum(self.broken)
        kept = (pair for index, pair in enumerate(self.every()) if self.broken[index] or index < others)
        for index, (number, item) in enumerate(islice(kept, MOST_STEPS)):
            yield index, number, item

    def detail(self, index: int, step: Placed) -> Iterator[str]:
        """A step's evidence under its number, when there is any and room for it."""
        if not _has_evidence(step.step):
            return
        if self.room.left <= 0:
            self.room.steps_without += 1
            return
        text = as_json(_detail(step, self.around, self.room))
        self.room.left -= len(text)
        yield f'"{index}":{text}'

    def details(self) -> Iterator[str]:
        """Evidence of what failed first, then of the rest in order; their rows on the way."""
        for index, _, item in self.shown() if any(self.broken) else ():
            if item.step.verdict in BROKEN:
                yield from self.detail(index, item)
        for index, number, item in self.shown():
            self.rows.append(as_json(_row(number, item)))
            self.files.add(item.file)
            if item.step.verdict not in BROKEN:
                yield from self.detail(index, item)


def page_chunks(run: Run, beside: Beside) -> Iterator[str]:
    """Everything the page shows: the pieces of one JSON object.

    Args:
        run: a finished run.
        beside: spans, last green runs, the root for links.
    """
    sheet = _Sheet(run, surroundings(run, beside.spans, kept=False), texts_of(run))
    sheet.broken.extend(item.step.verdict in BROKEN for _, item in sheet.every())
    if len(sheet.broken) > MOST_STEPS:
        left_out = len(sheet.broken) - MOST_STEPS
        sheet.room.notes.append(f"{left_out:,} of {len(sheet.broken):,} steps are left out")
    yield f'{{"run":{as_json(_run(run, beside))},"flows":['
    yield from _joined(as_json(_flow(flow, beside)) for flow in run.flows)
    yield '],"details":{'
    yield from _joined(sheet.details())
    yield '},"steps":['
    yield from _joined(sheet.rows)
    files = _files(sheet.texts, sheet.files | {flow.file for flow in run.flows}, sheet.room)
    yield f'],"files":{as_json(files)},"cut":{as_json(_notes(run, sheet.room))}}}'


def as_json(value: object) -> str:
    """Compact JSON.

    Args:
        value: JSON-shaped.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _joined(items: Iterable[str]) -> Iterator[str]:
    for number, item in enumerate(items):
        yield f",{item}" if number else item


def _run(run: Run, beside: Beside) -> dict[str, object]:
    return {
        "id": run.id,
        "started": run.started,
        "finished": run.finished,
        "verdict": run.verdict,
        "environment": run.environment,
        "revision": run.revision,
        "seed": run.seed,
        "deployed": dict(run.deployed),
        "totals": totals(all_cases(run)).as_map(),
        "root": beside.root,
    }


def _flow(flow: FlowRun, beside: Beside) -> dict[str, object]:
    green = beside.green.get((flow.file, flow.row))
    data: dict[str, object] = {
        "file": flow.file,
        "name": flow_name(flow),
        "verdict": flow.verdict,
        "ms": round(flow.duration_ms, 1),
        "at": round(flow.started_ms, 1),
        "totals": totals(cases(flow)).as_map(),
    }
    if flow.message:
        data["message"] = flow.message[:OF_A_SIDE]
    if flow.problems:
        data["problems"] = [
            f"{p['file']}:{p['line']}:{p['column']}: {p['message']} [{p['rule']}]" for p in flow.problems[:50]
        ]
    if flow.variables:
        data["variables"] = value_of(dict(flow.variables), OF_A_SIDE)
    past = beside.past.get((flow.file, flow.row), ())
    if past:
        data["past"] = [[found.verdict, round(found.duration_ms, 1), found.started, found.run] for found in past][::-1]
    if green is not None:
        data["green"] = _green(flow, green)
    return data


def _green(flow: FlowRun, green: Earlier) -> dict[str, object]:
    change = compare_flows(green.flow, flow)
    return {
        "run": green.run,
        "started": green.started,
        "revision": green.revision,
        "ms": round(green.flow.duration_ms, 1),
        "edited": change.edited,
        "steps": [_changed(step) for step in change.steps[:MOST_LINES]],
        "more": max(0, len(change.steps) - MOST_LINES),
        "new": list(change.new[:MOST_LINES]),
        "gone": list(change.gone[:MOST_LINES]),
        "over": dict(change.passed_over or {}),
    }


def _changed(step: StepChange) -> dict[str, object]:
    values = [line_of(item) for item in step.values]
    return {"path": step.path, "before": step.before, "after": step.after, "values": values}


def _row(number: int, item: Placed) -> list[object]:
    """One step, small; page.js names the places of the list."""
    step = item.step
    exchange = step.exchanges[-1] if step.exchanges else None
    request = exchange.request if exchange is not None and isinstance(exchange.request, dict) else {}
    answer = exchange.candidates[-1] if exchange is not None and exchange.candidates else None
    return [
        number,
        step.phase,
        step.action,
        step.verdict,
        item.depth,
        line_of_failure(step),
        item.file,
        round(step.started_ms, 1),
        round(step.duration_ms, 1),
        item.path,
        brief(step),
        sentence(step.action, request)[:200],
        answered(answer)[:60] if isinstance(answer, dict) else "",
        len(step.exchanges),
        sum(len(found.candidates) for found in step.exchanges),
    ]


def _has_evidence(step: StepRun) -> bool:
    return bool(step.exchanges or step.assertions or step.outputs or step.message or step.result is not None)


def _detail(item: Placed, around: Surroundings, room: Room) -> dict[str, object]:
    step = item.step
    failed = step.verdict in BROKEN
    most = OF_A_FAILURE if failed else OF_A_STEP
    most = max(2_000, min(most, room.left))
    data: dict[str, object] = {}
    if failed:
        data["failure"] = failure_lines(item.file, step, around)
    if step.message and step.verdict != "passed":
        data["message"] = step.message[:OF_A_SIDE]
    if step.assertions:
        failing = failed_assertions(step)
        data["assertions"] = [_assertion(step, line, line in failing) for line in step.assertions[:200]]
    if step.exchanges:
        data["exchanges"] = [_exchange(step, found, most, room) for found in step.exchanges[:10]]
    elif step.result is not None:
        data["result"] = sections(step.result, most, room)
    if step.outputs:
        data["outputs"] = value_of(dict(step.outputs), OF_A_SIDE, room)
    if step.trace_id:
        data["trace"] = step.trace_id
    logs = logged(step, around, MOST_LINES, MOST_LINES) if around.logs else []
    if logs:
        data["logs"] = [[found.service, [line[:1_000] for line in found.lines], found.of] for found in logs]
    spans = _spans(step, around)
    if spans:
        data["spans"] = spans
    return data


def _assertion(step: StepRun, line: AssertionResult, failing: bool) -> list[object]:
    different = [line_of(item) for item in differences(line.left, line.right)][:MOST_LINES] if failing else []
    if reordered(line.left, line.right):
        different = ["the same items in another order"]
    deep = isinstance(line.left, dict | list) and isinstance(line.right, dict | list)
    valued = evaluated(step, line)
    return [
        line.list,
        line.expression,
        line.passed,
        clip(pretty(line.left), OF_A_SIDE) if valued or line.left is not None else _NONE,
        _NONE if conditional(line) or (line.right is None and not valued) else clip(pretty(line.right), OF_A_SIDE),
        line.message,
        line.line,
        different if deep else [],
        failing,
    ]


def _exchange(step: StepRun, exchange: Exchange, most: int, room: Room) -> dict[str, object]:
    last = exchange.candidates[-1] if exchange.candidates else None
    request = exchange.request if isinstance(exchange.request, dict) else {}
    command = command_line(Sent(step.action, request, last if isinstance(last, dict) else {}))
    kept = _some(exchange.candidates)
    return {
        "request": value_of(exchange.request, most, room),
        "command": command[:20_000],
        "candidates": [
            [number, sections(exchange.candidates[number], most // max(1, len(kept)), room)] for number in kept
        ],
        "count": len(exchange.candidates),
        "at": [round(at, 1) for at in exchange.at_ms[:MOST_TICKS]],
        "ended": exchange.ended if len(exchange.candidates) > 1 or exchange.error_type else "",
        "error": exchange.error[:OF_A_SIDE],
        "kind": exchange.error_type,
    }


def _some(candidates: Sequence[object]) -> list[int]:
    """Which candidates are shown: the first few and the last ones."""
    count = len(candidates)
    if count <= MOST_CANDIDATES:
        return list(range(count))
    return [*range(2), *range(count - MOST_CANDIDATES + 2, count)]


def _spans(step: StepRun, around: Surroundings) -> list[list[object]]:
    """Spans of the step's requests by start: service, name, kind, depth, start and length in ms, error, message."""
    asked = {exchange.span_id for exchange in step.exchanges if exchange.span_id}
    mine = [span for span in around.spans if span.trace_id == step.trace_id] if asked else []
    children: dict[str, list[Span]] = {}
    for span in mine:
        children.setdefault(span.parent_id, []).append(span)
    found: list[tuple[Span, int]] = []
    waiting = [(span, 0) for parent in sorted(asked) for span in reversed(children.get(parent, []))]
    while waiting and len(found) < MOST_SPANS:
        span, depth = waiting.pop()
        found.append((span, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(span.span_id, [])) if depth < 50]
    begin = min((span.start_ns for span, _ in found), default=0)
    return [
        [span.service, span.name, span.kind, depth, round((span.start_ns - begin) / 1e6, 2),
         round(span.duration_ns / 1e6, 2), span.error, span.message[:500]]
        for span, depth in found
    ]  # fmt: skip


def _files(texts: Mapping[str, str], wanted: set[str], room: Room) -> dict[str, str]:
    found: dict[str, str] = {}
    left = SOURCE_ROOM
    for name in sorted(wanted):
        text = texts.get(name, "")
        if not text:
            continue
        if len(text) > left:
            room.notes.append(f"the text of {name} is left out")
            continue
        left -= len(text)
        found[name] = text
    return found


def _notes(run: Run, room: Room) -> list[str]:
    notes = list(room.notes)
    if room.steps_without:
        notes.append(f"the evidence of {room.steps_without:,} steps is left out")
    if room.cut_values:
        notes.append(f"{room.cut_values:,} long values are shown only in part")
    if notes:
        notes.append(f"`testmesh show {run.id} --recording` has all of it")
    return notes
