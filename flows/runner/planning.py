"""`run --dry-run`: every request as it would be sent, as far as it is known before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from flows.actions import AnyAction, catalogue
from flows.engine.configuring import configured, supplied
from flows.engine.containers import loop_items
from flows.engine.context import MAX_DEPTH, Context
from flows.engine.judging import outputs, scope_of
from flows.engine.masking import Masks
from flows.engine.names import Names, step_ids
from flows.engine.variables import VariableProblem, child_variables
from flows.language.errors import NotEvaluable
from flows.language.spec import PHASES, Branch, Flow, Step
from flows.runner.discovery import discover
from flows.runner.inputs import Inputs, RunNamed
from flows.runner.loading import Loader
from flows.runner.options import RunOptions
from flows.runner.partly import NotYetKnown, PlannedNames, certain, partly
from flows.runner.units import Unit, unusable_run, wanted, work_of
from graph.runs import Json
from testmesh.kernel.errors import UserError
from testmesh.kernel.ids import run_id

State = Literal["known", "partly", "maybe", "skipped", "error"]
MOST_ITERATIONS = 20
_LISTS = frozenset({"steps", "branches", "then", "else"})


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step before it runs.

    Args:
        id: step id.
        phase: setup, steps or teardown.
        action: canonical action.
        line: 1-based line in its file.
        state: known (all of it), partly, maybe (whether it runs is decided by an earlier step), skipped, error.
        request: rendered settings, secrets masked; what is not known yet stands as its template.
        later: names whose values come with the run.
        message: why it is skipped, may be skipped, or can never be evaluated.
        steps: nested ones.
        iteration: 0-based, None outside loops.
    """

    id: str
    phase: str
    action: str
    line: int
    state: State
    request: Json = None
    later: tuple[str, ...] = ()
    message: str = ""
    steps: tuple[PlannedStep, ...] = ()
    iteration: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedFlow:
    """A flow execution before it runs.

    Args:
        file: as in a run.
        name: of the flow.
        row: 0-based data row or None.
        steps: of all phases.
        problems: findings of a file or an environment that cannot be run (exit 2), JSON-shaped.
        message: why, when no finding says it.
        source: the file's text, for showing findings.
    """

    file: str
    name: str
    row: int | None
    steps: tuple[PlannedStep, ...] = ()
    problems: tuple[Json, ...] = ()
    message: str = ""
    source: str = ""


def plan(options: RunOptions) -> list[PlannedFlow]:
    """What a run would send.

    Args:
        options: as for `run_flows`.

    Raises:
        UserError: no flows.
    """
    masks, loader = Masks(), Loader(options.root, catalogue(), shell=options.shell is not None)
    seed = int.from_bytes(os.urandom(4), "big") if options.seed is None else options.seed
    inputs = Inputs(options, RunNamed(run_id(), seed), masks, loader)
    opened = loader.open_all(discover(options.paths, options.root))
    chosen = [found for found in opened if found.outline is None or wanted(found.outline, options)]
    if not chosen:
        raise UserError("no flow has that tag or suite", hint="leave out --tag or --suite to plan all of them")
    work = work_of(chosen, options)
    found = [_unusable(run.file, run.problems, run.source) for run in map(unusable_run, work.unusable)]
    found += [_planned(unit, inputs, masks, loader) for group in work.groups for unit in group]
    return sorted(found, key=lambda flow: (flow.file, -1 if flow.row is None else flow.row))


def exit_code(flows: Sequence[PlannedFlow]) -> int:
    """2 a file or the environment is wrong, 1 a step can never be evaluated, else 0.

    Args:
        flows: a plan.
    """
    if any(flow.problems or flow.message for flow in flows):
        return 2
    return int(any(step.state == "error" for flow in flows for step in every(flow.steps)))


def every(steps: Sequence[PlannedStep]) -> Iterator[PlannedStep]:
    """Steps with those nested in them.

    Args:
        steps: of one level.
    """
    for step in steps:
        yield step
        yield from every(step.steps)


def _unusable(file: str, problems: tuple[Json, ...], source: str) -> PlannedFlow:
    return PlannedFlow(file, file, None, problems=problems, source=source)


def _planned(unit: Unit, inputs: Inputs, masks: Masks, loader: Loader) -> PlannedFlow:
    flow = loader.flow(unit.opened)
    blank = PlannedFlow(unit.opened.file, flow.name, unit.row, source=unit.opened.text)
    given = inputs.names(unit, flow)
    try:
        inputs.resolved(unit, flow, given)
    except VariableProblem as problem:
        return replace(blank, problems=(problem.finding.as_json(),))
    except NotEvaluable as problem:
        return replace(blank, message=masks.text(problem.message))
    context = Context(flow, catalogue(), lambda: 0.0, masks, lambda event: None, "", unit.row)
    planner, names = _Planner(context, loader), PlannedNames.before(given, certain(flow))
    return replace(blank, steps=tuple(found for phase in PHASES for found in planner.walk(flow.phase(phase), names)))


@dataclass(slots=True)
class _Planner:
    """Walks the steps of one flow file in order."""

    context: Context
    loader: Loader
    path: tuple[str, ...] = ()
    iteration: int | None = None

    def walk(self, steps: Sequence[Step], names: Names) -> list[PlannedStep]:
        """The steps of one list.

        Args:
            steps: in order.
            names: everything before them.
        """
        return [self._step(step, names) for step in steps]

    def _step(self, step: Step, names: Names) -> PlannedStep:
        names.at((step.phase, *self.context.prefix, *self.path, step.id))
        blank = PlannedStep(step.id, step.phase, step.action, step.at.line, "known", iteration=self.iteration)
        if step.disabled:
            return replace(blank, state="skipped", message="disabled")
        unsure = ""
        try:
            if step.when is not None and not step.when.condition(names):
                return replace(blank, state="skipped", message=f"when: {step.when.text} is not true")
        except NotYetKnown:
            unsure = f"when: {step.when.text if step.when else ''}"
        except NotEvaluable as problem:
            return replace(blank, state="error", message=f"when: {problem.message}")
        try:
            found = self._sent(blank, step, names)
        except NotEvaluable as problem:
            return replace(blank, state="error", message=self.context.masks.text(problem.message))
        handlers = _inner(self, step.id).walk(step.error_steps, names.inner())
        found = replace(
            found, steps=(*found.steps, *(replace(h, state="maybe", message="after a failure") for h in handlers))
        )
        return replace(found, state="maybe", message=unsure) if unsure and found.state != "error" else found

    def _sent(self, blank: PlannedStep, step: Step, names: Names) -> PlannedStep:
        action = self.context.catalogue.action(step.action)
        if action.spec.container is not None or action.spec.name == "run_flow":
            return self._contained(blank, step, action, names)
        try:
            settings = configured(self.context, step, action, names)
        except NotYetKnown:
            request, later = self._partly(step, action, names)
            return replace(blank, state="partly", request=request, later=later)
        if action.compute is None:
            return replace(blank, request=settings.recorded)
        request = self.context.masks.request(settings.config) if action.spec.open_config else settings.recorded
        try:
            self._keep(step, action, action.compute(settings.config, names), names)
        except NotYetKnown as problem:
            return replace(blank, state="partly", request=request, later=(problem.name,))
        return replace(blank, request=request)

    def _keep(self, step: Step, action: AnyAction, result: Mapping[str, object], names: Names) -> None:
        taken = outputs(step, scope_of(result, action.spec.alias, names))
        names.keep(step.id, result, taken.values, action.spec.alias)
        if action.spec.open_config:
            names.outputs.update(result)

    def _partly(self, step: Step, action: AnyAction, names: Names) -> tuple[Json, tuple[str, ...]]:
        later: dict[str, None] = {}
        unsent = () if action.spec.open_config else (*action.unsent, *_LISTS)
        written = {key: value for key, value in step.source.items() if key not in unsent and value is not None}
        found = {key: partly(value, names, self.context.flow.ids, later) for key, value in written.items()}
        found |= supplied(step, action.spec, found, names)
        if action.spec.open_config:
            names.outputs.update({key: found[key] for key in found if found[key] != written[key]})
        return self.context.masks.request(found), tuple(later)

    def _contained(self, blank: PlannedStep, step: Step, action: AnyAction, names: Names) -> PlannedStep:
        kind = action.spec.container
        if kind == "for_each":
            return self._loop(blank, step, action, names)
        if kind == "condition":
            return self._condition(blank, step, names)
        if kind == "parallel":
            below = _inner(self, step.id)
            scopes = [(branch, names.inner()) for branch in step.branches]
            nested = tuple(found for branch, scope in scopes for found in below.walk(branch.steps, scope))
            for _, scope in scopes:
                names.take(scope)
            return replace(blank, steps=nested)
        return self._child(blank, step, action, names)

    def _loop(self, blank: PlannedStep, step: Step, action: AnyAction, names: Names) -> PlannedStep:
        body = step.branches[0].steps if step.branches else ()
        below = _inner(self, step.id)
        try:
            settings = configured(self.context, step, action, names)
            items = loop_items(settings, names)
        except NotYetKnown as problem:
            nested = below.walk(body, names.inner())
            return replace(blank, state="partly", later=(problem.name,), steps=tuple(nested))
        if isinstance(items, str):
            return replace(blank, state="error", message=items)
        name = str(getattr(settings.config, "as_", None) or "item")
        found: list[PlannedStep] = []
        for index, item in enumerate(items[:MOST_ITERATIONS]):
            inside = replace(below, path=(*below.path, str(index)), iteration=index)
            found += inside.walk(body, names.inner({name: item, "index": index}))
        more = len(items) - MOST_ITERATIONS
        message = f"{more} more iterations are not shown" if more > 0 else ""
        return replace(blank, request={"iterations": len(items)}, steps=tuple(found), message=message)

    def _condition(self, blank: PlannedStep, step: Step, names: Names) -> PlannedStep:
        below = _inner(self, step.id)
        expression = step.config.render(names).get("if_") or step.config.render(names).get("if")
        try:
            taken = "then" if expression.condition(names) else "else"
        except NotYetKnown as problem:
            nested = [self._either(below, branch, names, "") for branch in step.branches]
            return replace(
                blank, state="partly", later=(problem.name,), steps=tuple(s for part in nested for s in part)
            )
        nested = [self._either(below, branch, names, taken) for branch in step.branches]
        return replace(blank, request={"branch": taken}, steps=tuple(s for part in nested for s in part))

    def _either(self, below: _Planner, branch: Branch, names: Names, taken: str) -> list[PlannedStep]:
        if taken == branch.name:
            return below.walk(branch.steps, names)
        if taken:
            why = f"the condition takes '{taken}'"
            return [PlannedStep(s.id, s.phase, s.action, s.at.line, "skipped", message=why) for s in branch.steps]
        found = below.walk(branch.steps, names.inner())
        return [
            replace(s, state="maybe", message=f"only in '{branch.name}'") if s.state != "error" else s for s in found
        ]

    def _child(self, blank: PlannedStep, step: Step, action: AnyAction, names: Names) -> PlannedStep:
        if self.context.depth >= MAX_DEPTH:
            return replace(blank, state="error", message=f"run_flow nested more than {MAX_DEPTH} deep")
        request, later = self._partly(step, action, names)
        loaded = self.loader.load(str(request.get("flow")), self.context.flow.file)
        if loaded.flow is None:
            return replace(blank, state="error", message=loaded.problem)
        flow = loaded.flow
        try:
            child = self._child_names(step, flow, names)
        except VariableProblem as problem:
            return replace(blank, state="error", message=f"{flow.file}: {problem.message}")
        prefix = (*self.context.prefix, *self.path, step.id)
        inner = _Planner(replace(self.context, flow=flow, depth=self.context.depth + 1, prefix=prefix), self.loader)
        nested = tuple(found for phase in PHASES for found in inner.walk(flow.phase(phase), child))
        return replace(blank, state="partly" if later else "known", request=request, later=later, steps=nested)

    def _child_names(self, step: Step, flow: Flow, names: Names) -> PlannedNames:
        fresh = Names({}, names.builtins, names.sources, (flow.file, step_ids(flow)))
        child = PlannedNames.before(fresh, certain(flow))
        given: dict[str, object] = {}
        written = step.source.get("input")
        for key, value in written.items() if isinstance(written, Mapping) else ():
            missing: dict[str, None] = {}
            given[key] = partly(value, names, self.context.flow.ids, missing)
            child.unknown |= {key} if missing else set()
        child.early = True
        child.variables = child_variables(flow, given, child).values
        child.early = False
        return child


def _inner(planner: _Planner, step_id: str) -> _Planner:
    return replace(planner, path=(*planner.path, step_id), iteration=None)
