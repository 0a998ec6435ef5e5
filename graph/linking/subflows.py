"""Flows that run other flows: what the inner flow touches, the step that runs it touches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from graph.linking.corpus import FileKey, Placed
from graph.linking.state import Linking, LooseEnd
from graph.values import Concat, Env, Fact, Unknown, Value

MAX_DEPTH = 10
MOST = 2_000
MOST_IN_ALL = 100_000
MOST_PARTS = 100
Inputs = tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class _Run:
    file: FileKey
    inputs: Inputs
    depth: int


class Subflows:
    """The flows of a link run by file.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._left = MOST_IN_ALL
        self._known = {placed.file for placed in state.corpus.of("flow")}
        self._touches: dict[FileKey, list[Placed]] = defaultdict(list)
        self._steps: dict[FileKey, list[Placed]] = defaultdict(list)
        for placed in state.corpus.of("touch"):
            self._touches[placed.file].append(placed)
        for placed in state.corpus.of("step"):
            if placed.fact.get("action") == "run_flow":
                self._steps[placed.file].append(placed)

    def steps(self) -> Iterator[Placed]:
        """Every step that runs another flow."""
        for steps in list(self._steps.values()):
            yield from steps

    def of(self, step: Placed) -> tuple[list[Placed], LooseEnd | None]:
        """What a step touches through the flows it runs, as its own touches, and what of it stays unknown.

        Args:
            step: a `run_flow` step.
        """
        found: list[Placed] = []
        loose: LooseEnd | None = None
        seen: set[tuple[FileKey, Inputs]] = set()
        waiting = [self._run(step, (), 0)]
        while waiting:
            run = waiting.pop()
            if run is None or run.file not in self._known or self._beyond(run, len(seen) + len(found)):
                loose = loose or _loose(run, self._known)
                continue
            if (run.file, run.inputs) in seen:
                continue
            seen.add((run.file, run.inputs))
            touches = self._touches.get(run.file, [])
            self._left -= 1 + len(touches)
            found += [_moved(touch, step, run.inputs) for touch in touches]
            waiting += [self._run(inner, run.inputs, run.depth + 1) for inner in self._steps.get(run.file, [])]
        return found, loose

    def _beyond(self, run: _Run, done: int) -> bool:
        return run.depth >= MAX_DEPTH or done > MOST or self._left <= 0

    def _run(self, step: Placed, outer: Inputs, depth: int) -> _Run | None:
        name = step.fact.get("runs", "")
        if not name:
            return None
        given = tuple((key, filled(value, dict(outer))) for key, value in step.fact.get("inputs", ()) or ())
        return _Run((step.file[0], name), given, depth)


def _loose(run: _Run | None, known: set[FileKey]) -> LooseEnd:
    if run is None:
        return LooseEnd("flow named at run time", "EXERCISES", "which flow it runs is only known at run time")
    if run.file not in known:
        return LooseEnd("unknown flow", "EXERCISES", f"the flow {run.file[1]} is missing or has errors")
    return LooseEnd("many flows", "EXERCISES", f"it runs more flows than are followed ({MAX_DEPTH} deep, {MOST} uses)")


def _moved(touch: Placed, step: Placed, inputs: Inputs) -> Placed:
    """A touch of the inner flow as one of the step that runs it."""
    own = step.fact.get
    fields = {**touch.fact.fields, "flow": own("flow", ""), "phase": own("phase", ""), "step": own("id", "")}
    url = touch.fact.get("url")
    if url is not None and inputs:
        fields["url"] = filled(url, dict(inputs))
    return replace(touch, fact=Fact("touch", fields, step.fact.at), file=step.file)


def filled(value: Value, inputs: Mapping[str, Value]) -> Value:
    """A Value of an inner flow with the variables that the outer one gives it.

    Args:
        value: as the inner flow says it.
        inputs: what it is given, already in the outer flow's terms.
    """
    if isinstance(value, Env):
        if value.name in inputs:
            return inputs[value.name]
        return value if value.default is None else replace(value, default=filled(value.default, inputs))
    if isinstance(value, Concat):
        return _joined(value, inputs)
    return value


def _joined(value: Concat, inputs: Mapping[str, Value]) -> Value:
    parts: list[Value] = []
    for part in value.parts:
        inner = filled(part, inputs)
        parts += inner.parts if isinstance(inner, Concat) else (inner,)
        if len(parts) > MOST_PARTS:
            return Unknown("too long to follow")
    return Concat(tuple(parts))
