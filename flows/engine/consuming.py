"""Consumers (FLOWS §3, §7): a candidate is the latest `count` messages that match, in order of arrival."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from flows.engine.context import Context, seconds
from flows.engine.effects import Answer, Next, Steps, answered
from flows.engine.judging import condition
from flows.engine.waiting import SLACK_MS, Job, Reading, broken, in_time, out_of_time
from flows.language.errors import NotEvaluable, Undecided
from flows.language.expressions.scope import InnerScope

if TYPE_CHECKING:
    from flows.language.expressions import Expression


class ConsumerConfig(Protocol):
    """What the engine reads of a consumer's settings."""

    @property
    def match(self) -> Expression | None: ...
    @property
    def count(self) -> int: ...
    @property
    def timeout(self) -> float: ...
    @property
    def expect(self) -> str | None: ...


class _Tally:
    """Why messages did not match, for the failure's message."""

    def __init__(self) -> None:
        self.read = 0
        self.matched = 0
        self.problem = ""
        self.nearest: dict[str, object] | None = None

    def shortage(self, count: int, window: str) -> str:
        """What is missing.

        Args:
            count: how many were expected.
            window: how long was waited.
        """
        wanted = f"expected {count} message{'s' if count != 1 else ''} within {window}"
        text = f"{wanted}: {self.read} arrived, {self.matched} matched"
        return f"{text} (match cannot be evaluated: {self.problem})" if self.problem and not self.matched else text


def result_of(messages: list[dict[str, object]]) -> dict[str, object]:
    """The result of a messaging step (FLOWS §5).

    Args:
        messages: those of the candidate, in order of arrival.
    """
    first: Mapping[str, object] = messages[0] if messages else {}
    return {
        "messages": messages,
        "count": len(messages),
        "value": first.get("value"),
        "key": first.get("key"),
        "headers": first.get("headers", {}),
    }


def consume(context: Context, job: Job, reading: Reading) -> Steps[None]:
    """Reads messages until a candidate satisfies or the window ends.

    Args:
        context: of the flow.
        job: the attempt.
        reading: filled with every message read.
    """
    config: ConsumerConfig = job.request.config
    late = context.late.get((job.step.phase, job.step.id), "")
    if late and config.expect == "none":
        # What came before this step was not seen: silence from here on would prove nothing.
        reading.ended, reading.error_type = "error", "connection"
        reading.error = f"{late}, when the flow began: whether a message came since then is not known"
        return None
    end = min(context.clock() + _window(job) * 1000, job.limit.at)
    held: deque[dict[str, object]] = deque(maxlen=config.count)
    tally = _Tally()
    judged = 0
    while True:
        answer = yield from answered(Next(job.request, len(reading.candidates), end, sure=config.expect == "none"))
        if answer.candidate is None:
            return _over(context, job, reading, answer, tally)
        message = reading.add(answer)
        tally.read += 1
        if not _matches(job, message, tally):
            continue
        held.append(message)
        if config.expect == "none":
            reading.result = result_of([message])
            reading.failed = ("a message arrived although none was expected",)
            return None
        if len(held) < config.count:
            continue
        reading.result = result_of(list(held))
        judgement = job.judge(reading.result)
        judged += 1
        reading.doubted(judgement)
        if judged == 1 or judgement.score >= reading.judgement.score:
            reading.judgement = judgement
        if judgement.holds:
            reading.judgement = judgement
            return None
        if job.step.wait == 0:
            reading.ended, reading.failed = "window", judgement.failed
            reading.not_evaluable = judgement.error
            return None


def _window(job: Job) -> float:
    """Seconds to wait: the consumer's own timeout, or that of its `until`."""
    until = job.step.until
    config: ConsumerConfig = job.request.config
    return until.timeout if until is not None and until.timeout is not None else config.timeout


def _matches(job: Job, message: dict[str, object], tally: _Tally) -> bool:
    match: Expression | None = job.request.config.match
    if match is not None:
        try:
            if not match.condition(InnerScope(message, job.names)):
                tally.nearest = message
                return False
        except Undecided:
            raise
        except NotEvaluable as problem:
            tally.problem = problem.told()
            return False
    tally.matched += 1
    return True


def _unheard(context: Context, job: Job, answer: Answer, tally: _Tally) -> str:
    late = context.late.get((job.step.phase, job.step.id), "")
    if answer.at < job.limit.at - SLACK_MS:
        said = in_time(answer, _window(job))
        return f"{said}; {late}, when the flow began" if late else said
    counted = f"{tally.read} arrived, {tally.matched} matched" if not answer.awaited else ""
    return f"{out_of_time(answer, job.limit)}: {counted}".removesuffix(": ")


def _over(context: Context, job: Job, reading: Reading, answer: Answer, tally: _Tally) -> None:
    """The window ended, or the stream broke."""
    config: ConsumerConfig = job.request.config
    if answer.type == "ended":
        window_over = answer.ended == "window"
    else:
        timeout = answer.type == "timeout" and not answer.error
        window_over = timeout and not answer.awaited and answer.at < job.limit.at - SLACK_MS
        if timeout and not window_over:
            # A stream that could not be opened, or is not heard of, is no silence.
            answer = answer._replace(error=_unheard(context, job, answer, tally))
    if not window_over:
        return broken(context, job, reading, answer)
    reading.ended = "window"
    if config.expect == "none":
        reading.result = result_of([])
        return None
    if reading.result is None:
        late = context.late.get((job.step.phase, job.step.id), "")
        text = tally.shortage(config.count, seconds(_window(job)))
        text = f"{text}; reading began late: {late}, when the flow began" if late else text
        reading.failed = (text, *_why_none(job, tally))
    else:
        reading.failed = (f"not satisfied within {seconds(_window(job))}; nearest:", *reading.judgement.failed)
    return None


def _why_none(job: Job, tally: _Tally) -> tuple[str, ...]:
    """How the last message that `match` could judge, and refused, differs from what it wants."""
    match: Expression | None = job.request.config.match
    if match is None or tally.nearest is None or tally.matched:
        return ()
    return tuple(f"match: {why}" for why in condition(match, InnerScope(tally.nearest, job.names), "match").failed)
