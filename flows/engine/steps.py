"""One step from `when` to `error_steps`, and lists of steps: who goes on after a failure (FLOWS §3)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from flows.actions import AnyAction, Result
from flows.engine.attempts import UNTIL_SECONDS, Attempt, Tries, delay_before_retry, settled, tried
from flows.engine.configuring import Configured, configured
from flows.engine.context import NEVER, Context, Limit, seconds
from flows.engine.effects import CutOff, NotRecorded, Path, Pause, Request, Steps, answered
from flows.engine.judging import condition, judged, scope_of
from flows.engine.masking import Masks
from flows.engine.names import Names
from flows.engine.outcome import Outcome
from flows.engine.streams import open_streams
from flows.engine.waiting import Job, pauses
from flows.language.errors import NotEvaluable, StepDidNotRun
from flows.language.spec import Retry, Step
from graph.runs import AssertionResult, Exchange, StepFinished, StepRun, StepStarted, StepVerdict


class Place(NamedTuple):
    """Where a step stands.

    Args:
        path: ids of the enclosing steps (and iterations), from the outside.
        names: everything before it.
        limit: of the enclosing containers and the flow.
        iteration: 0-based, None outside loops.
        retry: the flow's, for leaf steps without one of their own.
    """

    path: Path
    names: Names
    limit: Limit = NEVER
    iteration: int | None = None
    retry: Retry | None = None


def run_steps(context: Context, steps: Sequence[Step], place: Place) -> Steps[Outcome]:
    """Runs a list until a step stops it; the rest is reported as not run.

    Args:
        context: of the flow.
        steps: in order.
        place: of the list.
    """
    outcome = Outcome(context.log())
    for step in steps:
        if outcome.stopped:
            outcome.add(not_run(context, step, place, outcome.stopped))
            continue
        run, cut, doubt = yield from run_step(context, step, place)
        outcome.count(step, run, doubt=doubt)
        if context.unopened and cut is None:
            try:
                yield from open_streams(context, place.names)
            except CutOff as off:
                cut = off
        if cut is not None:
            outcome.cut, outcome.stopped = cut, cut.reason
        elif doubt and run.result is not None:
            continue  # what follows can be judged whatever is masked
        elif run.verdict in ("failed", "error") and _stops(context, step, place):
            outcome.stopped = f"step '{step.id}' {'failed' if run.verdict == 'failed' else 'ended in an error'}"
    return outcome


def _stops(context: Context, step: Step, place: Place) -> bool:
    if step.phase == "teardown" and not place.path:
        return False
    goes_on = step.optional or step.on_error.action == "continue"
    return not goes_on or context.clock() >= place.limit.at


def run_step(context: Context, step: Step, place: Place) -> Steps[tuple[StepRun, CutOff | None, bool]]:
    """Runs one step, whatever it is; and whether it did not pass only because a recording hides what it looks at.

    Args:
        context: of the flow.
        step: the step.
        place: where it stands.
    """
    full: Path = (*context.prefix, *place.path)
    file = context.root_file
    context.emit(StepStarted(context.run, file, context.row, step.id, step.phase, step.action, full))
    place.names.at((step.phase, *full, step.id))
    started = context.clock()
    work = _Work(context, step, place, started)
    yield from work.run()
    run = work.finished()
    context.emit(StepFinished(context.run, file, context.row, run, full))
    return run, work.cut, work.doubt


def not_run(context: Context, step: Step, place: Place, why: str, verdict: StepVerdict = "not_run") -> StepRun:
    """The record of a step that never started.

    Args:
        context: of the flow.
        step: the step.
        place: where it stands.
        why: shown to people.
        verdict: not_run or skipped.
    """
    run = StepRun(
        step.id, step.phase, step.action, verdict, why, context.clock(), iteration=place.iteration, line=step.at.line
    )
    context.emit(StepFinished(context.run, context.root_file, context.row, run, (*context.prefix, *place.path)))
    return run


class _Work:
    """The course of one step."""

    def __init__(self, context: Context, step: Step, place: Place, started: float) -> None:
        self.context = context
        self.step = step
        self.place = place
        self.started = started
        self.action: AnyAction = context.catalogue.action(step.action)
        self.verdict: StepVerdict = "passed"
        self.message = ""
        self.attempts: list[Attempt] = []
        self.inner: Sequence[StepRun] = ()
        self.cut: CutOff | None = None
        self.doubt = False
        self.limit = place.limit
        if step.timeout is not None:
            end = started + step.timeout * 1000
            self.limit = self.limit.sooner(Limit(end, f"the step's timeout of {seconds(step.timeout)} ran out"))

    def run(self) -> Steps[None]:
        """Everything from `when` to `error_steps`."""
        if not self._wanted():
            return
        try:
            yield from self._act()
        except NotRecorded as missing:
            self.verdict, self.message = "not_run", missing.reason
        except CutOff as off:
            self.verdict, self.message, self.cut = "not_run", off.reason, off
        except Exception as bug:
            self._broken(bug)
        if self.verdict in ("failed", "error") and self.step.error_steps and self.cut is None:
            yield from self._error_steps()

    def _broken(self, bug: Exception) -> None:
        from flows.engine.bugs import reported

        self.verdict, self.message = "error", reported(bug, self.context.masks)

    def _wanted(self) -> bool:
        if self.step.disabled:
            self.verdict, self.message = "skipped", "disabled"
            return False
        if self.step.when is None:
            return True
        try:
            if self.step.when.condition(self.place.names):
                return True
            self.verdict, self.message = "skipped", f"when: {self.step.when.text} is not true"
        except NotEvaluable as problem:
            self._not_evaluable(problem, f"when: {self.step.when.text}")
        return False

    def _not_evaluable(self, problem: NotEvaluable, what: str) -> None:
        self.message = f"{what}: {problem.told()}"
        missing_step = isinstance(problem, StepDidNotRun) and self.step.phase == "teardown"
        self.verdict = "skipped" if missing_step else "error"

    def _act(self) -> Steps[None]:
        try:
            settings = configured(self.context, self.step, self.action, self.place.names)
        except NotEvaluable as problem:
            self._not_evaluable(problem, "config")
            return
        if self.action.spec.container is not None or self.action.spec.name == "run_flow":
            yield from self._contain(settings)
        elif self.action.compute is not None:
            yield from self._compute(settings)
        else:
            yield from self._try(settings)

    def _contain(self, settings: Configured) -> Steps[None]:
        """A container, again while its `until` does not hold, and by its own `retry`."""
        retry = self.step.retry
        tries = 1 if retry is None or self.context.recorded else retry.max_attempts
        for number in range(1, tries + 1):
            yield from self._contain_until(settings)
            if self.verdict == "passed" or self.cut is not None or number == tries or retry is None:
                return
            waited = yield from answered(Pause(delay_before_retry(retry, number), self.limit.at))
            if waited.type == "timeout":
                return

    def _contain_until(self, settings: Configured) -> Steps[None]:
        until = self.step.until
        rhythm = pauses(until.interval if until is not None else None, self.context.clock)
        end = self.context.clock() + ((until.timeout if until is not None else None) or UNTIL_SECONDS) * 1000
        while True:
            attempt = yield from self._contain_once(settings)
            if until is None or attempt.verdict != "passed" or self.cut is not None:
                break
            scope = scope_of(attempt.view or {}, self.action.spec.alias, self.place.names)
            found = condition(until.expression, scope)
            if found.holds:
                break
            if self.context.recorded or self.context.clock() >= min(end, self.limit.at):
                attempt.verdict, attempt.message = "failed", "\n".join(("until did not hold; last:", *found.failed))
                break
            yield from answered(Pause(next(rhythm), self.limit.at))
        if attempt.verdict == "passed" and attempt.result is not None:
            request = Request(self._path, self.action, settings.config, None)
            _judged_once(Job(self.step, request, self.place.names, self.limit), attempt)
        self._ended(attempt)
        self.attempts = [attempt]
        self._keep(attempt)

    def _contain_once(self, settings: Configured) -> Steps[Attempt]:
        from flows.engine.containers import contained

        ended = yield from contained(self.context, self.step, self.place, self.limit, settings)
        self.inner, self.cut = ended.runs, ended.cut
        return Attempt(ended.verdict, ended.message, result=ended.result, view=ended.result, undecided=ended.doubt)

    def _ended(self, attempt: Attempt) -> None:
        self.verdict, self.message, self.doubt = attempt.verdict, attempt.message, attempt.undecided

    def _compute(self, settings: Configured) -> Steps[None]:
        """Actions without evidence: judged anew every time, also on a recording."""
        action, names = self.action, self.place.names
        if action.pause is not None:
            waited = yield from answered(Pause(action.pause(settings.config), self.limit.at))
            if waited.type == "timeout":
                self.verdict, self.message = "failed", self.limit.text
                return
        attempt = Attempt()
        self.attempts.append(attempt)
        try:
            result: Result = action.compute(settings.config, names) if action.compute else {}
        except NotEvaluable as problem:
            attempt.verdict = self.verdict = "error"
            attempt.message = self.message = problem.message
            return
        attempt.result, attempt.view = result, result
        request = Request(self._path, action, settings.config, None)
        job = Job(self.step, request, names, self.limit)
        self._ended(_judged_once(job, attempt))
        self._keep(attempt)

    def _try(self, settings: Configured) -> Steps[None]:
        recorded = settings.recorded

        def request(number: int) -> Request:
            span = self.context.trace_id and _span(self.context.trace_id, self._path, number)
            return Request(self._path, self.action, settings.config, recorded, number, span, self.context.flow.file)

        tries = Tries(self.step, self.place.names, self.limit, request)
        self.attempts = yield from tried(self.context, tries, self.step.retry or self.place.retry)
        last = self.attempts[-1]
        self._ended(last)
        self.cut = last.cut
        if len(self.attempts) > 1 and last.verdict in ("failed", "error"):
            self.message = f"{last.message}\n(after {len(self.attempts)} attempts)"
        self._keep(last)

    def _keep(self, attempt: Attempt) -> None:
        if attempt.view is not None:
            self.place.names.keep(self.step.id, attempt.view, attempt.outputs, self.action.spec.alias)
            if self.action.spec.open_config and attempt.result is not None:
                self.place.names.outputs.update(attempt.result)

    def _error_steps(self) -> Steps[None]:
        names = self.place.names.inner()
        last = self.attempts[-1] if self.attempts else Attempt()
        names.loop = {"error": {"message": self.message, "type": last.type, "step": self.step.id}}
        path = (*self.place.path, self.step.id)
        inner = self.place._replace(path=path, names=names, retry=None)
        outcome = yield from run_steps(self.context, self.step.error_steps, inner)
        self.inner = outcome.runs.sealed(before=self.inner)
        self.cut = outcome.cut

    @property
    def _path(self) -> Path:
        return (self.step.phase, *self.context.prefix, *self.place.path, self.step.id)

    def _evidence(self, last: Attempt) -> tuple[tuple[Exchange, ...], object]:
        """Every attempt's recording and the step's result, secrets masked."""
        masks = self.context.masks
        exchanges: list[Exchange] = []
        result: object = None
        for attempt in self.attempts:
            if attempt.exchange is None:
                continue
            x = attempt.exchange
            candidates = tuple([masks.evidence(candidate) for candidate in x.candidates])
            if x.candidates and x.candidates[-1] is last.result:
                result = candidates[-1]
            error = masks.text(x.error)
            exchanges.append(Exchange(x.request, candidates, x.at_ms, x.ended, error, x.error_type, x.span_id))
        return tuple(exchanges), masks.evidence(last.result) if result is None else result

    def finished(self) -> StepRun:
        """The record of the step; one that cannot be made is an error without evidence."""
        try:
            return self._record()
        except Exception as bug:
            self._broken(bug)
            self.attempts = []
            return self._record()

    def _record(self) -> StepRun:
        masks = self.context.masks
        last = self.attempts[-1] if self.attempts else Attempt()
        # What stands under a secret name in the outputs is a secret in the evidence too.
        outputs = {name: masks.request(value, name) for name, value in last.outputs.items()}
        exchanges, result = self._evidence(last)
        return StepRun(
            id=self.step.id,
            phase=self.step.phase,
            action=self.step.action,
            verdict=self.verdict,
            message=masks.text(self.message),
            started_ms=round(self.started, 3),
            duration_ms=round(self.context.clock() - self.started, 3),
            exchanges=exchanges,
            result=result,
            outputs=outputs,
            assertions=tuple([_masked(line, masks) for line in last.assertions]),
            steps=self.inner,
            iteration=self.place.iteration,
            trace_id=self.context.trace_id if exchanges else "",
            line=self.step.at.line,
            optional=self.step.optional,
        )


def _judged_once(job: Job, attempt: Attempt) -> Attempt:
    judgement = judged(job.step, scope_of(attempt.view or {}, job.request.action.spec.alias, job.names))
    attempt.assertions = judgement.lines
    if judgement.undecided:
        return settled(job, attempt, judgement.failed)
    if not judgement.holds:
        attempt.verdict = "error" if judgement.error else "failed"
        attempt.message, attempt.type = "\n".join(judgement.failed), "assertion"
        return attempt
    return settled(job, attempt)


def _masked(line: AssertionResult, masks: Masks) -> AssertionResult:
    left, right = masks.evidence(line.left), masks.evidence(line.right)
    message = masks.text(line.message) if line.message else ""
    if left is line.left and right is line.right and message == line.message:
        return line
    return AssertionResult(line.list, line.expression, line.passed, left, right, message, line.line)


def _span(trace_id: str, path: Path, number: int) -> str:
    return sha256("|".join((trace_id, *path, str(number))).encode()).hexdigest()[:16]
