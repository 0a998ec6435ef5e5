"""One flow execution: setup, steps, teardown whatever happened, and the verdict (FLOWS §3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flows.engine.context import NEVER, Context, Limit, seconds
from flows.engine.effects import CutOff, Shelter, Steps
from flows.engine.names import Names
from flows.engine.outcome import Outcome
from flows.engine.steps import Place, not_run, run_steps
from flows.engine.streams import follow_all
from flows.language.errors import UNDECIDED
from flows.language.spec import Step
from graph.runs import FlowRun, RunVerdict, StepRun, StepVerdict


class Ended(NamedTuple):
    """How the phases of a flow ended.

    Args:
        verdict: passed, failed or error; not_run when cut off.
        message: why.
        runs: every step of every phase.
        cut: thrown while it ran.
        doubt: it did not pass only because of what is masked in a recording.
    """

    verdict: StepVerdict
    message: str
    runs: Sequence[StepRun]
    cut: CutOff | None = None
    doubt: bool = False


def execution(context: Context, names: Names) -> Steps[tuple[RunVerdict, str, Sequence[StepRun]]]:
    """Runs a flow.

    Args:
        context: of the flow.
        names: with its variables.
    """
    ended = yield from child_phases(context, Place((), names))
    verdict: RunVerdict = "error" if ended.verdict in ("not_run", "skipped") else ended.verdict  # type: ignore[assignment]
    if ended.cut is not None and ended.cut.cancelled:
        verdict = "cancelled"
    return verdict, ended.message, ended.runs


def child_phases(context: Context, place: Place) -> Steps[Ended]:
    """Setup, steps and teardown of a flow, for the whole execution or inside `run_flow`.

    Args:
        context: of the flow.
        place: with its scope and the limit of what encloses it.
    """
    config = context.flow.config
    limit = place.limit
    if config.timeout is not None:
        end = context.clock() + config.timeout * 1000
        limit = limit.sooner(Limit(end, f"the flow's timeout of {seconds(config.timeout)} ran out", flow=True))
    within = place._replace(limit=limit, retry=config.retry)
    try:
        yield from follow_all(context, place.names)
        setup = yield from run_steps(context, context.flow.setup, within)
    except CutOff as off:
        setup = _none_of(context, context.flow.setup, within, off.reason)
        setup.cut = off
    if setup.stopped:
        why = setup.stopped if setup.cut is not None else f"setup: {setup.stopped}"
        main = _none_of(context, context.flow.steps, within, why)
    else:
        main = yield from run_steps(context, context.flow.steps, within)
    cut = setup.cut or main.cut
    so_far = _worst((setup, main))
    place.names.builtins.set("FLOW_STATUS", "passed" if so_far == "passed" and cut is None else "failed")
    sheltered = yield Shelter(on=True)
    last = yield from run_steps(context, context.flow.teardown, place._replace(limit=NEVER))
    try:
        if not sheltered:
            yield Shelter(on=False)
    except CutOff as off:
        # A whole execution that got so far is complete; a child's parent has steps left that must not run.
        cut = cut or (off if context.depth else None)
    together = Outcome(context.log())
    for outcome in (setup, main, last):
        together.take(outcome)
    runs = together.runs.sealed()
    cut = cut or last.cut
    if cut is not None:
        return Ended("not_run", cut.reason, runs, cut)
    return _verdict(context, together, runs)


def _none_of(context: Context, steps: Sequence[Step], place: Place, why: str) -> Outcome:
    outcome = Outcome(context.log(), stopped=why)
    for step in steps:
        outcome.add(not_run(context, step, place, why))
    return outcome


def _worst(outcomes: Sequence[Outcome]) -> StepVerdict:
    verdicts = {outcome.verdict for outcome in outcomes}
    return "failed" if "failed" in verdicts else "error" if "error" in verdicts else "passed"


def _verdict(context: Context, outcome: Outcome, runs: Sequence[StepRun]) -> Ended:
    if context.recorded and (outcome.verdict == "passed" or outcome.undecided):
        missing = [run for run in _flat(runs) if run.verdict == "not_run"]
        if missing:
            return Ended("error", f"step '{missing[0].id}' was not judged: {missing[0].message}", runs)
        if outcome.undecided:
            return Ended("error", UNDECIDED, runs, doubt=True)
    return Ended(outcome.verdict, "", runs)


def _flat(runs: Sequence[StepRun]) -> Iterator[StepRun]:
    for run in runs:
        yield run
        yield from _flat(run.steps)


def run_verdict(flow_runs: Sequence[FlowRun], cancelled: bool) -> RunVerdict:
    """The verdict of a run: failed, else error, else cancelled, else passed.

    Args:
        flow_runs: its executions.
        cancelled: by the user.
    """
    verdicts = {flow_run.verdict for flow_run in flow_runs}
    if cancelled:
        return "cancelled"
    for verdict in ("failed", "error", "cancelled"):
        if verdict in verdicts:
            return verdict
    return "passed"
