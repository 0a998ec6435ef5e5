"""One attempt of a step, and how many there are: timeouts, kinds of failure, retries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from flows.engine.consuming import consume
from flows.engine.context import Context, Limit, seconds
from flows.engine.effects import CutOff, NotRecorded, Pause, Request, Steps, answered
from flows.engine.judging import Judgement, judged, outputs, scope_of
from flows.engine.names import Names
from flows.engine.waiting import SLACK_MS, Job, Reading, cut, read
from flows.language.errors import NotEvaluable, Undecided
from flows.language.expressions.scope import InnerScope
from flows.language.spec import Retry, Step
from graph.runs import AssertionResult, Exchange, StepVerdict

ATTEMPT_SECONDS = 30.0
UNTIL_SECONDS = 60.0
WAIT_SECONDS = 5.0


@dataclass(slots=True)
class Attempt:
    """What one attempt amounts to.

    Args:
        verdict: passed, failed, error, or not_run when it was cut off.
        message: why.
        type: failure kind for `retry_on`; also assertion.
        exchange: the recording, None for actions without one.
        view: the result as expressions see it.
        result: as recorded.
        outputs: by name.
        assertions: on the result, or the nearest candidate.
        cut: thrown while it ran.
        undecided: in a recording, it did not pass only because of what is masked.
    """

    verdict: StepVerdict = "passed"
    message: str = ""
    type: str = ""
    exchange: Exchange | None = None
    view: dict[str, object] | None = None
    result: dict[str, object] | None = None
    outputs: dict[str, object] = field(default_factory=dict)
    assertions: tuple[AssertionResult, ...] = ()
    cut: CutOff | None = None
    undecided: bool = False

    @property
    def kinds(self) -> frozenset[str]:
        """What `retry_on` may call this failure."""
        found = {self.type} if self.type else set()
        status = (self.result or {}).get("status")
        if isinstance(status, int) and status >= 400:
            found.add("5xx" if status >= 500 else "4xx")
        return frozenset(found)


class Tries(NamedTuple):
    """Everything needed to try a step.

    Args:
        step: the step.
        names: everything before it.
        limit: of the whole step.
        request: what is sent, attempt by attempt.
    """

    step: Step
    names: Names
    limit: Limit
    request: Callable[[int], Request]


def tried(context: Context, tries: Tries, retry: Retry | None) -> Steps[list[Attempt]]:
    """Attempts until one passes, none is left, or the failure is not to be retried.

    Args:
        context: of the flow.
        tries: the step.
        retry: the step's or the flow's; None = one attempt.
    """
    found: list[Attempt] = []
    while True:
        try:
            attempt = yield from attempted(context, tries, tries.request(len(found)))
        except NotRecorded as missing:
            if not found:
                raise
            _no_more(context, found[-1], tries, missing.reason)
            return found
        found.append(attempt)
        more = retry is not None and len(found) < retry.max_attempts
        if attempt.cut or attempt.verdict == "passed" or retry is None or not more:
            return found
        if context.clock() >= tries.limit.at or not _retryable(attempt, retry, tries):
            return found
        try:
            waited = yield from answered(Pause(delay_before_retry(retry, len(found)), tries.limit.at))
        except CutOff as off:
            attempt.cut = off
            return found
        if waited.type == "timeout":
            attempt.message = f"{tries.limit.text} while waiting to retry; last: {attempt.message}"
            attempt.verdict, attempt.type = "failed", "timeout"
            return found


def _no_more(context: Context, last: Attempt, tries: Tries, reason: str) -> None:
    """A recording has no further attempt: there was no time for one, or nobody knows how it would have ended."""
    if context.clock() >= tries.limit.at - SLACK_MS:
        last.verdict, last.type = "failed", "timeout"
    else:
        last.verdict, last.message = "error", f"undecided: {reason}; last: {last.message}"


def delay_before_retry(retry: Retry, done: int) -> float:
    """Seconds to wait before another attempt.

    Args:
        retry: the policy.
        done: attempts made.
    """
    factor = {"constant": 1, "linear": done, "exponential": 2 ** (done - 1)}[retry.backoff]
    return float(retry.delay * factor)


def _retryable(attempt: Attempt, retry: Retry, tries: Tries) -> bool:
    scope = InnerScope(
        {**(attempt.view or {}), "error": {"message": attempt.message, "type": attempt.type, "step": tries.step.id}},
        tries.names,
        attempt.result or {},
    )

    def met(rule: object, *, when_hidden: bool) -> bool:
        if isinstance(rule, str):
            return rule in attempt.kinds
        try:
            return bool(rule.condition(scope))  # type: ignore[attr-defined]
        except Undecided:
            return when_hidden  # whether there was another attempt, the recording knows
        except NotEvaluable:
            return False

    if any(met(rule, when_hidden=False) for rule in retry.retry_on_not):
        return False
    return not retry.retry_on or any(met(rule, when_hidden=True) for rule in retry.retry_on)


def attempted(context: Context, tries: Tries, request: Request) -> Steps[Attempt]:
    """One attempt.

    Args:
        context: of the flow.
        tries: the step.
        request: with the attempt's number.
    """
    job = _job(context, tries, request)
    reading = Reading()
    try:
        if request.action.follow is not None:
            yield from consume(context, job, reading)
        elif request.action.converse is not None:
            from flows.engine.conversing import converse

            yield from converse(context, job, reading)
        else:
            yield from read(context, job, reading)
    except CutOff as off:
        cut(reading, off)
        return Attempt("not_run", off.reason, exchange=reading.exchange(request), cut=off)
    except Undecided:
        reading.failed = reading.doubt = ("undecided: whether a message matches depends on a masked value",)
    return concluded(job, reading)


def _job(context: Context, tries: Tries, request: Request) -> Job:
    step, config, spec = tries.step, request.config, request.action.spec
    timeout = float(getattr(config, "timeout", None) or 0.0)
    if request.action.converse is not None:
        from flows.engine.conversing import script_seconds

        timeout = script_seconds(config)
    window, interval = 0.0, getattr(config, "interval", None)
    if step.until is not None:
        own_window = timeout if spec.windowed else step.timeout or max(UNTIL_SECONDS, timeout)
        window, interval = step.until.timeout or own_window, step.until.interval or interval
    elif spec.windowed:
        window = 0.0 if step.wait == 0 else timeout
    elif step.reads and (step.assertions or request.action.condition is not None):
        window = _wait(context, step)
    own = max(window + (step.hold or 0.0) + (0.0 if spec.windowed else timeout), timeout)
    own = max(own, float(getattr(config, "duration", None) or 0.0))
    length = max(UNTIL_SECONDS if step.until is not None else ATTEMPT_SECONDS, own + 1)
    limit = tries.limit
    if step.timeout is None:
        limit = limit.sooner(Limit(context.clock() + length * 1000, f"timed out after {seconds(length)}"))
    return Job(step, request, tries.names, limit, window, interval)


def _wait(context: Context, step: Step) -> float:
    if step.wait is not None:
        return step.wait
    return WAIT_SECONDS if context.flow.config.wait is None else context.flow.config.wait


def concluded(job: Job, reading: Reading) -> Attempt:
    """The attempt that a finished reading amounts to.

    Args:
        job: the attempt.
        reading: finished.
    """
    exchange = reading.exchange(job.request)
    attempt = Attempt(exchange=exchange, result=reading.result, assertions=reading.judgement.lines)
    step, failed = job.step, bool(reading.error or reading.failed)
    if not (failed or job.conditional or step.output or job.names.wanted(step.id)):
        # Nothing will ask for the result: most steps of most flows.
        return attempt
    if reading.result is not None:
        attempt.view = _view(job, reading.result)
    if failed and reading.doubt:
        if reading.result is None:
            attempt.undecided = True
            return _failed(attempt, reading.doubt, error=True)
        return settled(job, attempt, reading.doubt)
    if reading.error:
        attempt.verdict = "failed" if reading.error_type == "timeout" else "error"
        attempt.message = reading.error
        attempt.type = "" if reading.error_type == "undecided" else reading.error_type
        return attempt
    if reading.failed:
        return _failed(attempt, reading.failed, error=reading.not_evaluable)
    return settled(job, attempt)


def _view(job: Job, result: dict[str, object]) -> dict[str, object]:
    try:
        return dict(job.view(result))
    except Undecided:
        return result


def settled(job: Job, attempt: Attempt, doubt: tuple[str, ...] = ()) -> Attempt:
    """Judges the assertions once where something else ended the wait, then takes the outputs.

    Args:
        job: the attempt.
        attempt: with a result.
        doubt: why nobody can tell whether it passed, as far as it is known already.
    """
    scope = scope_of(attempt.view or {}, job.request.action.spec.alias, job.names)
    if job.conditional:
        judgement: Judgement = judged(job.step, scope)
        attempt.assertions = (*(line for line in attempt.assertions if line.list == "until"), *judgement.lines)
        if judgement.undecided:
            doubt = (*doubt, *judgement.failed)
        elif not judgement.holds:
            return _failed(attempt, judgement.failed, error=judgement.error)
    found = outputs(job.step, scope)
    attempt.outputs = dict(found.values)
    if found.problem:
        return _failed(attempt, (found.problem,), error=found.undecided)
    if doubt:
        attempt.undecided = True
        return _failed(attempt, doubt, error=True)
    return attempt


def _failed(attempt: Attempt, why: tuple[str, ...], *, error: bool) -> Attempt:
    attempt.verdict = "error" if error else "failed"
    attempt.message = "\n".join(why)
    attempt.type = "assertion"
    return attempt
