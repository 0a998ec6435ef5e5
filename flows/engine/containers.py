"""Steps that hold steps: parallel, for_each, condition, run_flow (FLOWS §3 Containers, §7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from flows.actions import Result
from flows.engine.configuring import Configured
from flows.engine.context import MAX_DEPTH, Context, Limit
from flows.engine.effects import Children, CutOff, Load, Steps, Together, joined, loaded
from flows.engine.names import Names, step_ids
from flows.engine.outcome import Outcome
from flows.engine.steps import Place, not_run, run_steps
from flows.language.errors import NotEvaluable
from flows.language.spec import Branch, Flow, Step
from graph.runs import StepRun, StepVerdict

if TYPE_CHECKING:
    from flows.actions.for_each import RangeConfig

MAX_ITERATIONS = 100_000


class Contained(NamedTuple):
    """How a container ended.

    Args:
        verdict: of the container.
        message: why.
        runs: nested executions.
        result: its own result.
        cut: thrown while it ran.
        doubt: it did not pass only because of what is masked in a recording.
    """

    verdict: StepVerdict
    message: str = ""
    runs: Sequence[StepRun] = ()
    result: Result | None = None
    cut: CutOff | None = None
    doubt: bool = False


def contained(context: Context, step: Step, place: Place, limit: Limit, settings: Configured) -> Steps[Contained]:
    """Runs a container's nested steps.

    Args:
        context: of the flow.
        step: the container.
        place: where it stands.
        limit: of the container itself.
        settings: rendered.
    """
    below = place._replace(path=(*place.path, step.id), limit=limit, iteration=None)
    kind = context.catalogue.action(step.action).spec.container
    if kind == "parallel":
        return (yield from _parallel(context, step, below, settings))
    if kind == "for_each":
        return (yield from _for_each(context, step, below, settings))
    if kind == "condition":
        return (yield from _condition(context, step, below, settings))
    return (yield from _run_flow(context, step, below, settings))


def _ended(outcome: Outcome, result: Result) -> Contained:
    """A container's end by the end of its list."""
    runs = outcome.runs.sealed()
    if outcome.cut is not None:
        return Contained("not_run", outcome.cut.reason, runs, result, outcome.cut)
    if outcome.verdict == "passed" and outcome.missing is not None:
        return Contained("not_run", outcome.missing, runs, result)
    message = "; ".join(outcome.failures) if outcome.verdict != "passed" else ""
    return Contained(outcome.verdict, message, runs, result, doubt=outcome.undecided)


def _parallel(context: Context, step: Step, place: Place, settings: Configured) -> Steps[Contained]:
    fail_fast = bool(getattr(settings.config, "fail_fast", True))
    limit = int(getattr(settings.config, "max_concurrent", None) or len(step.branches) or 1)
    scopes = [place.names.inner() for _ in step.branches]
    children = [
        run_steps(context, branch.steps, place._replace(names=names))
        for branch, names in zip(step.branches, scopes, strict=True)
    ]

    def cut(outcome: Outcome) -> str:
        return f"{outcome.stopped} in another branch" if fail_fast and outcome.stopped else ""

    group = yield from joined(Together(children, limit, cut))
    total = Outcome(context.log(), cut=group.cut)
    for branch, names, found in zip(step.branches, scopes, group.results, strict=True):
        if found is None:
            for inner in branch.steps:
                total.add(not_run(context, inner, place, "another branch failed first"))
            continue
        total.take(found)
        place.names.take(names)
    return _ended(total, {"branches": len(step.branches)})


def loop_items(settings: Configured, names: Names) -> Sequence[object] | str:
    """What a loop goes over, or why it cannot.

    Args:
        settings: of the loop, rendered.
        names: everything before it.

    Raises:
        NotEvaluable: `items` has no value.
    """
    config = settings.config
    items = getattr(config, "items", None)
    if items is None:
        return _range(getattr(config, "range", None))
    if hasattr(items, "evaluate"):
        items = items.evaluate(names)
    if not isinstance(items, list | tuple):
        from flows.language.values import described

        return f"'items' must be a list, not {described(items)}"
    return items


def _range(given: RangeConfig | None) -> Sequence[object] | str:
    if given is None:
        return "a loop needs 'items' or 'range'"
    if given.step == 0:
        return "'range.step' must not be 0"
    return range(given.from_, given.to + (1 if given.step > 0 else -1), given.step)


class _Iterations:
    """The iterations of a loop: scopes are kept only when something asks for what was in them."""

    def __init__(self, context: Context, step: Step, place: Place, name: str, items: Sequence[object]) -> None:
        self._context = context
        self._body = step.branches[0].steps if step.branches else ()
        self._place = place
        self._name = name
        self._items = items
        self._kept = place.names.wanted(step.id)
        self._scopes: dict[int, Names] = {}

    def steps(self, index: int) -> Steps[Outcome]:
        """The steps of one iteration.

        Args:
            index: 0-based.
        """
        place = self._place
        names = place.names.inner({self._name: self._items[index], "index": index}, everything=self._kept)
        if self._kept:
            self._scopes[index] = names
        inside = place._replace(path=(*place.path, str(index)), names=names, iteration=index)
        return run_steps(self._context, self._body, inside)

    def result(self, outcomes: Sequence[Outcome | None]) -> Result:
        """The loop's own result.

        Args:
            outcomes: of the iterations, None = never started.
        """
        done = [index for index, found in enumerate(outcomes) if found is not None]
        if not self._kept:
            return {"count": len(done)}
        return {"results": [dict(self._scopes[index].results) for index in done], "count": len(done)}


def _for_each(context: Context, step: Step, place: Place, settings: Configured) -> Steps[Contained]:
    try:
        items = loop_items(settings, place.names)
    except NotEvaluable as problem:
        return Contained("error", f"items: {problem.told()}")
    if isinstance(items, str):
        return Contained("error", items)
    if len(items) > MAX_ITERATIONS:
        return Contained("error", f"{len(items)} iterations; at most {MAX_ITERATIONS} are run")
    iterations = _Iterations(context, step, place, str(getattr(settings.config, "as_", None) or "item"), items)
    goes_on = step.on_error.action == "continue"

    def cut(outcome: Outcome) -> str:
        return "an iteration failed" if outcome.verdict != "passed" and not (goes_on or outcome.undecided) else ""

    limit = int(getattr(settings.config, "max_concurrent", None) or 1)
    group = yield from joined(Together(Children(len(items), iterations.steps), limit, cut))
    total = Outcome(context.log(), cut=group.cut)
    for found in group.results:
        if found is not None:
            total.take(found)
    ended = _ended(total, iterations.result(group.results))
    if not items:
        return ended._replace(message="warning: the list is empty, nothing was run")
    return ended


def _condition(context: Context, step: Step, place: Place, settings: Configured) -> Steps[Contained]:
    try:
        taken = "then" if settings.config.if_.condition(place.names) else "else"
    except NotEvaluable as problem:
        return Contained("error", f"if: {problem.told()}")
    total = Outcome(context.log())
    for branch in step.branches:
        if branch.name == taken:
            part = yield from run_steps(context, branch.steps, place)
            total.take(part)
            total.cut = part.cut
        else:
            for skipped in _skipped(context, branch, place, taken):
                total.add(skipped)
    return _ended(total, {"branch": taken})


def _skipped(context: Context, branch: Branch, place: Place, taken: str) -> list[StepRun]:
    why = f"the condition took '{taken}'"
    return [not_run(context, step, place, why, "skipped") for step in branch.steps]


def _rows_not_given(flow: Flow, given: Mapping[str, object]) -> str:
    """Why a flow with data rows cannot run as one execution; empty when its columns come as input."""
    missing = [] if flow.data is None else [name for name in flow.data.columns if name not in given]
    if not missing:
        return ""
    return f"{flow.file} has data rows, and run_flow runs it once: give its columns as input ({', '.join(missing)})"


def _run_flow(context: Context, step: Step, place: Place, settings: Configured) -> Steps[Contained]:
    from flows.engine.flow import child_phases
    from flows.engine.variables import VariableProblem, child_variables

    if context.depth >= MAX_DEPTH:
        return Contained("error", f"run_flow nested more than {MAX_DEPTH} deep")
    answer = yield from loaded(Load(str(settings.config.flow), context.flow.file))
    if answer.flow is None:
        return Contained("error", answer.problem)
    flow = answer.flow
    names = Names({}, place.names.builtins, place.names.sources, (flow.file, step_ids(flow)))
    rowless = _rows_not_given(flow, settings.config.input or {})
    if rowless:
        return Contained("error", rowless)
    try:
        found = child_variables(flow, dict(settings.config.input or {}), names)
    except VariableProblem as problem:
        return Contained("error", f"{flow.file}: {problem.message}")
    names.variables = found.values
    given = settings.config.input or {}
    context.inputs.update({name: value for name, value in found.inputs.items() if name not in given})
    inner = replace(
        context, flow=flow, depth=context.depth + 1, prefix=(*context.prefix, *place.path), limit=place.limit
    )
    ended = yield from child_phases(inner, Place((), names, place.limit))
    result: Result = {**{key: dict(value) for key, value in names.results.items()}, "status": ended.verdict}
    message = f"{flow.file}: {ended.message}" if ended.verdict != "passed" and ended.message else ended.message
    return Contained(ended.verdict, message, ended.runs, result, ended.cut, ended.doubt)
