"""What changed between two runs of the same flows: verdicts, the first step that differs, values, durations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flows.reports.differing import MISSING, Difference, clipped, differences, line_of, shown
from flows.reports.expressions import left_path
from flows.reports.places import flow_name
from flows.reports.volatile import Volatile, volatile_between
from graph.runs import AssertionResult, FlowRun, Run, StepRun

MOST_VALUES = 12
SLOWER = 1.5
SLOWER_MS = 50.0


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that is in both executions and came out differently.

    Args:
        path: phase (unless steps) and ids from the outside.
        line: 1-based, in the later flow.
        before: verdict.
        after: verdict.
        values: what differs in assertions and results, first in order of appearance.
        left_out: how many more values differ.
    """

    path: str
    line: int
    before: str
    after: str
    values: tuple[Difference, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class FlowChange:
    """A flow execution in two runs.

    Args:
        file: flow file.
        name: with its data row.
        before: verdict, empty when the flow is new.
        after: verdict, empty when it is gone.
        steps: that differ, in order.
        new: steps that only the later one has.
        gone: steps that only the earlier one had.
        before_ms: length.
        after_ms: length.
        passed_over: kind of volatile value to how many there were.
        edited: the flow's text is not the same.
    """

    file: str
    name: str
    before: str
    after: str
    steps: tuple[StepChange, ...] = ()
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    before_ms: float = 0.0
    after_ms: float = 0.0
    passed_over: Mapping[str, int] | None = None
    edited: bool = False

    @property
    def same(self) -> bool:
        """Nothing but volatile values and durations differs."""
        return self.before == self.after and not self.steps and not self.new and not self.gone


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs.

    Args:
        before: id of the earlier one as named.
        after: id of the later one.
        verdicts: of both.
        revisions: of both.
        flows: in the order of the later run, then those that are gone.
    """

    before: str
    after: str
    verdicts: tuple[str, str]
    revisions: tuple[str, str]
    flows: tuple[FlowChange, ...]


def compare(before: Run, after: Run) -> Comparison:
    """Compares two runs.

    Args:
        before: usually the one that passed.
        after: usually the one that failed.
    """
    earlier = {(flow.file, flow.row): flow for flow in before.flows}
    later = {(flow.file, flow.row): flow for flow in after.flows}
    found = [compare_flows(earlier.get(key), flow) for key, flow in later.items()]
    found += [compare_flows(flow, None) for key, flow in earlier.items() if key not in later]
    verdicts, revisions = (before.verdict, after.verdict), (before.revision, after.revision)
    return Comparison(before.id, after.id, verdicts, revisions, tuple(found))


def compare_flows(before: FlowRun | None, after: FlowRun | None) -> FlowChange:
    """Compares two executions of one flow.

    Args:
        before: None when it is new.
        after: None when it is gone.
    """
    one = after or before
    if one is None:
        raise ValueError("nothing to compare")
    if before is None or after is None:
        return FlowChange(one.file, flow_name(one), before.verdict if before else "", after.verdict if after else "")
    volatile = volatile_between(before, after)
    earlier, later = dict(_places(before.steps)), dict(_places(after.steps))
    changes = [
        change
        for path, now in later.items()
        if path in earlier and (change := _step_change(path, _at(*earlier[path]), _at(*now), volatile)) is not None
    ]
    return FlowChange(
        after.file,
        flow_name(after),
        before.verdict,
        after.verdict,
        tuple(changes),
        tuple(path for path in later if path not in earlier),
        tuple(path for path in earlier if path not in later),
        before.duration_ms,
        after.duration_ms,
        dict(volatile.passed_over),
        before.source != after.source,
    )


def _places(steps: Sequence[StepRun], above: str = "") -> Iterator[tuple[str, tuple[Sequence[StepRun], int]]]:
    """Where each step is, by its path: the steps of a long run are on disk."""
    for place, step in enumerate(steps):
        name = step.id if step.iteration is None else f"{step.id}[{step.iteration}]"
        path = f"{above}/{name}" if above else (name if step.phase == "steps" else f"{step.phase}/{name}")
        yield path, (steps, place)
        yield from _places(step.steps, path)


def _at(steps: Sequence[StepRun], place: int) -> StepRun:
    return steps[place]


def _step_change(path: str, before: StepRun, after: StepRun, volatile: Volatile) -> StepChange | None:
    if after.verdict in ("skipped", "not_run") or before.verdict in ("skipped", "not_run"):
        same = before.verdict == after.verdict
        return None if same else StepChange(path, after.line, before.verdict, after.verdict)
    told: dict[str, Difference] = {}
    for item in _values(before, after):
        if not volatile.same(item.left, item.right, item.path):
            told.setdefault(line_of(item), item)
    values = list(told.values())
    if before.verdict == after.verdict and not values:
        return None
    some = tuple(values[:MOST_VALUES])
    return StepChange(path, after.line, before.verdict, after.verdict, some, len(values) - len(some))


def _values(before: StepRun, after: StepRun) -> Iterator[Difference]:
    """Both sides of assertions first, then the result, then what was asked."""
    earlier = dict(_numbered(before.assertions))
    seen: list[tuple[str, str]] = []
    for key, line in _numbered(after.assertions):
        other = earlier.get(key)
        if other is None or other.passed is line.passed:
            continue
        for side, a, b in (("left", other.left, line.left), ("right", other.right, line.right)):
            for item in differences(a, b, _side(line.expression, side)):
                seen.append((shown(item.left), shown(item.right)))
                yield item
    for item in _results(before, after):
        if (shown(item.left), shown(item.right)) not in seen:
            yield item
    if before.exchanges and after.exchanges:
        yield from differences(before.exchanges[-1].request, after.exchanges[-1].request, "request")


def _numbered(lines: Iterable[AssertionResult]) -> Iterator[tuple[tuple[str, str, int], AssertionResult]]:
    """A step may assert the same text twice, each time of other values: the n-th is compared with the n-th."""
    count: Counter[tuple[str, str]] = Counter()
    for line in lines:
        told = (line.list, line.expression)
        yield (*told, count[told]), line
        count[told] += 1


def _side(expression: str, side: str) -> str:
    """Where a side's value stands: its path when it is one, else the side of the expression."""
    return (left_path(expression) if side == "left" else "") or f"{side} of {clipped(' '.join(expression.split()), 60)}"


def _results(before: StepRun, after: StepRun) -> Iterator[Difference]:
    if isinstance(before.result, dict) and isinstance(after.result, dict):
        one = {
            key: value for key, value in before.result.items() if key not in ("headers_all", "duration_ms", "first_row")
        }
        other = {
            key: value for key, value in after.result.items() if key not in ("headers_all", "duration_ms", "first_row")
        }
        yield from differences(one, other)
    elif before.result != after.result:
        yield Difference("result", before.result, MISSING if after.result is None else after.result)


def comparison_lines(found: Comparison) -> Iterator[str]:
    """A comparison for people.

    Args:
        found: the comparison.
    """
    yield f"{found.before} ({found.verdicts[0]}, {found.revisions[0][:12]}) → {found.after} " \
          f"({found.verdicts[1]}, {found.revisions[1][:12]})"  # fmt: skip
    same = [flow for flow in found.flows if flow.same]
    for flow in found.flows:
        if not flow.same:
            yield from flow_lines(flow)
    if same:
        yield f"{len(same)} flow{'' if len(same) == 1 else 's'} without a difference"
    yield from _slower(found.flows)
    over: dict[str, int] = {}
    for flow in found.flows:
        for kind, count in (flow.passed_over or {}).items():
            over[kind] = over.get(kind, 0) + count
    if over:
        kinds = ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in sorted(over.items()))
        yield f"passed over as different in every run: {kinds}"


def flow_lines(flow: FlowChange) -> Iterator[str]:
    """What changed in one flow.

    Args:
        flow: the change.
    """
    if not flow.before or not flow.after:
        yield f"{flow.file}: {flow.name}: {'only in the later run' if not flow.before else 'only in the earlier run'}"
        return
    edited = ", and the flow was edited" if flow.edited else ""
    yield f"{flow.file}: {flow.name}: {flow.before} → {flow.after}{edited}"
    for number, step in enumerate(flow.steps):
        first = "first difference: " if number == 0 else ""
        verdicts = step.after if step.before == step.after else f"{step.before} → {step.after}"
        yield f"    {first}{step.path} (line {step.line}): {verdicts}"
        yield from (f"        {line_of(item)}" for item in step.values)
        if step.left_out:
            yield f"        … and {step.left_out} more values"
    for word, paths in (("new", flow.new), ("gone", flow.gone)):
        if paths:
            yield f"    {word}: {', '.join(paths[:10])}{f' and {len(paths) - 10} more' if len(paths) > 10 else ''}"


def _slower(flows: Iterable[FlowChange]) -> Iterator[str]:
    for flow in flows:
        if flow.before and flow.after and flow.after_ms > SLOWER * flow.before_ms + SLOWER_MS:
            yield f"{flow.file}: {flow.name} took {flow.after_ms:.0f} ms instead of {flow.before_ms:.0f} ms"


def comparison_data(found: Comparison) -> dict[str, object]:
    """A comparison as JSON-shaped data; a missing side of a value is left out.

    Args:
        found: the comparison.
    """
    return {
        "before": {"run": found.before, "verdict": found.verdicts[0], "revision": found.revisions[0]},
        "after": {"run": found.after, "verdict": found.verdicts[1], "revision": found.revisions[1]},
        "flows": [_flow_data(flow) for flow in found.flows],
    }


def _flow_data(flow: FlowChange) -> dict[str, object]:
    return {
        "file": flow.file,
        "name": flow.name,
        "before": flow.before or None,
        "after": flow.after or None,
        "same": flow.same,
        "edited": flow.edited,
        "duration_ms": [round(flow.before_ms, 3), round(flow.after_ms, 3)],
        "steps": [_step_data(step) for step in flow.steps],
        "new": list(flow.new),
        "gone": list(flow.gone),
        "passed_over": dict(flow.passed_over or {}),
    }


def _step_data(step: StepChange) -> dict[str, object]:
    values: list[dict[str, object]] = []
    for item in step.values:
        sides = {"before": item.left, "after": item.right}
        values.append({"path": item.path, **{key: value for key, value in sides.items() if value is not MISSING}})
    head = {"path": step.path, "line": step.line, "before": step.before, "after": step.after}
    return head | {"values": values, "left_out": step.left_out}
