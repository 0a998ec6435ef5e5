"""Waiting (FLOWS §3): when another candidate is worth reading, and what the read ones amount to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.engine.context import Context, Limit, seconds
from flows.engine.effects import Answer, Ask, CutOff, Pause, Request, Steps, answered
from flows.engine.judging import Judgement, condition, judged, scope_of
from flows.language.errors import Undecided
from flows.language.spec import Step
from graph.runs import Exchange

SLACK_MS = 2.0
HOLD_TOLERANCE_MS = 50.0
_FIRST_PAUSE = 0.010
_FAST_PHASE_MS = 250.0
_LONGEST_PAUSE = 0.250


class Job(NamedTuple):
    """One attempt of one step.

    Args:
        step: the step.
        request: what is sent.
        names: everything before the step.
        limit: when the attempt ends.
        window: seconds in which further candidates are read; 0 = the first only.
        interval: seconds between reads; None = the growing pause.
    """

    step: Step
    request: Request
    names: Any
    limit: Limit
    window: float = 0.0
    interval: float | None = None

    def view(self, candidate: dict[str, object]) -> Mapping[str, object]:
        """A candidate as expressions see it.

        Args:
            candidate: the action's result.
        """
        action = self.request.action
        if action.seen is not None:
            return action.seen(self.request.config, candidate, self.names)
        return candidate if action.view is None else action.view(candidate)

    def judge(self, candidate: dict[str, object]) -> Judgement:
        """Whether a candidate ends the wait.

        Args:
            candidate: the action's result.
        """
        try:
            return self._judged(candidate)
        except Undecided as problem:
            return Judgement(holds=False, failed=(problem.message,), error=True, undecided=True)

    def _judged(self, candidate: dict[str, object]) -> Judgement:
        action = self.request.action
        scope = scope_of(self.view(candidate), action.spec.alias, self.names)
        if self.step.until is not None:
            found = condition(self.step.until.expression, scope)
            # What the action checks by itself holds beside `until`: no step passes that its own settings contradict.
            own = action.condition(self.request.config, candidate, scope) if found.holds and action.condition else None
            return Judgement(holds=False, failed=(own,)) if own else found
        if action.condition is not None:
            problem = action.condition(self.request.config, candidate, scope)
            if problem is not None:
                return Judgement(holds=not problem, failed=(problem,) if problem else ())
        return judged(self.step, scope)

    @property
    def conditional(self) -> bool:
        """Something other than the assertions may end the wait."""
        return self.step.until is not None or self.request.action.condition is not None


@dataclass(slots=True)
class Reading:
    """What one attempt read.

    Args:
        candidates: everything that came back, as recorded.
        at_ms: when.
        ended: as in Exchange.
        error: why there is no (further) answer.
        error_type: as in Exchange; ``undecided`` is the engine's own.
        result: what becomes the step's result.
        judgement: of the result, or of the nearest candidate when nothing satisfied.
        failed: the wait's own failure; empty when a candidate satisfied.
        not_evaluable: the failure is one line that has no value, and there was no window.
        doubt: in a recording, a candidate that may have satisfied: why nobody can tell.
    """

    candidates: list[dict[str, object]] = field(default_factory=list)
    at_ms: list[float] = field(default_factory=list)
    ended: str = "satisfied"
    error: str = ""
    error_type: str = ""
    result: dict[str, object] | None = None
    judgement: Judgement = field(default_factory=Judgement)
    failed: tuple[str, ...] = ()
    not_evaluable: bool = False
    doubt: tuple[str, ...] = ()

    def add(self, answer: Answer) -> dict[str, object]:
        """Keeps a candidate.

        Args:
            answer: with a candidate.
        """
        candidate = answer.candidate or {}
        self.candidates.append(candidate)
        self.at_ms.append(round(answer.at, 3))
        return candidate

    def nearest(self, judgement: Judgement) -> None:
        """Keeps the judgement when it is at least as near as the best so far.

        Args:
            judgement: of the latest candidate.
        """
        self.doubted(judgement)
        if len(self.candidates) == 1 or judgement.score >= self.judgement.score:
            self.judgement = judgement

    def doubted(self, judgement: Judgement) -> None:
        """Remembers what may have satisfied.

        Args:
            judgement: of the latest candidate.
        """
        if judgement.undecided:
            self.doubt = judgement.failed

    def exchange(self, request: Request) -> Exchange:
        """The recording of this attempt.

        Args:
            request: what was sent.
        """
        kind = "" if self.error_type == "undecided" else self.error_type
        answers, times = tuple(self.candidates), tuple(self.at_ms)
        return Exchange(request.recorded, answers, times, self.ended, self.error, kind, request.span)


def pauses(interval: float | None, clock: Callable[[], float]) -> Iterator[float]:
    """Seconds between reads: 10 ms during the first 250 ms, then growing by half up to 250 ms.

    Args:
        interval: fixed pause, or None.
        clock: in ms; slow answers count as time that has passed.
    """
    pause = _FIRST_PAUSE if interval is None else interval
    slower = clock() + _FAST_PHASE_MS
    while True:
        yield pause
        if interval is None and clock() >= slower:
            pause = min(pause * 1.5, _LONGEST_PAUSE)


def read(context: Context, job: Job, reading: Reading) -> Steps[None]:
    """Asks until a candidate satisfies or the window ends, then goes on for the hold.

    Args:
        context: of the flow.
        job: the attempt.
        reading: filled as candidates come, so that a cut-off keeps them.
    """
    end = context.clock() + job.window * 1000
    rhythm = pauses(job.interval, context.clock)
    while True:
        answer = yield from answered(Ask(job.request, _request_limit(context, job)))
        if answer.candidate is None:
            return broken(context, job, reading, answer)
        judgement = job.judge(reading.add(_counted(context, job, reading, answer)))
        reading.result = answer.candidate
        reading.nearest(judgement)
        if judgement.holds:
            reading.judgement = judgement
            break
        rest = end - max(answer.at, context.clock())
        if job.window <= 0 or (rest <= SLACK_MS and not context.recorded):
            return unsatisfied(job, reading)
        pause = min(next(rhythm), max(rest - SLACK_MS, 0.1) / 1000)
        waited = yield from answered(Pause(pause, job.limit.at))
        if waited.type == "timeout":
            return broken(context, job, reading, waited)
    if job.step.hold:
        yield from _hold(context, job, reading, rhythm)
    return None


def _counted(context: Context, job: Job, reading: Reading, answer: Answer) -> Answer:
    """How often it was asked so far is a field of a SQL result (FLOWS §5)."""
    if answer.candidate is not None and not context.recorded and job.request.action.spec.family == "sql":
        answer.candidate["attempts"] = len(reading.candidates) + 1
    return answer


def _request_limit(context: Context, job: Job) -> float:
    own = getattr(job.request.config, "timeout", None)
    if own is None or job.request.action.spec.windowed:
        return job.limit.at
    return min(job.limit.at, context.clock() + float(own) * 1000)


def _hold(context: Context, job: Job, reading: Reading, rhythm: Iterator[float]) -> Steps[None]:
    """Reads go on, one last at the end; the first that does not satisfy fails the step at once."""
    hold = (job.step.hold or 0.0) * 1000
    since = reading.at_ms[-1]
    end = since + hold
    final = False
    while not final:
        rest = end - context.clock()
        final = rest <= SLACK_MS and not context.recorded
        if not final:
            yield from answered(Pause(min(next(rhythm), max(rest, 0.0) / 1000), job.limit.at))
        answer = yield from answered(Ask(job.request, _request_limit(context, job)))
        if answer.type == "ended":
            return _hold_recorded(reading, answer, end)
        if answer.candidate is None:
            return broken(context, job, reading, answer)
        judgement = job.judge(reading.add(_counted(context, job, reading, answer)))
        reading.doubted(judgement)
        if not judgement.holds:
            held = seconds(round((answer.at - since) / 1000, 3))
            reading.result, reading.judgement, reading.ended = answer.candidate, judgement, "window"
            reading.failed = (f"held only for {held} of {seconds(hold / 1000)}", *judgement.failed)
            return None
    return None


def _hold_recorded(reading: Reading, answer: Answer, end: float) -> None:
    if answer.ended in ("satisfied", "window") and reading.at_ms[-1] >= end - HOLD_TOLERANCE_MS:
        return
    _undecided(reading, f"the recording of the hold ends at {seconds(reading.at_ms[-1] / 1000)}")


FRESH_MS = 1_000.0


def _undecided(reading: Reading, what: str) -> None:
    reading.error, reading.error_type, reading.ended = f"undecided: {what}", "undecided", "error"


def broken(context: Context, job: Job, reading: Reading, answer: Answer) -> None:
    """Ends a reading for which no (further) answer came.

    Args:
        context: of the flow.
        job: the attempt.
        reading: to end.
        answer: without a candidate.
    """
    if answer.type == "ended":
        if answer.ended == "window":
            unsatisfied(job, reading)
        else:
            at = reading.at_ms[-1] if reading.at_ms else answer.at
            _undecided(reading, f"recording ends at {seconds(round(at / 1000, 3))}")
        return
    reading.error_type = answer.type
    reading.error = answer.error
    reading.ended = "timeout" if answer.type == "timeout" else "error"
    if answer.type == "timeout" and not answer.error:
        own = getattr(job.request.config, "timeout", None)
        asked = own is not None and not job.request.action.spec.windowed and answer.at < job.limit.at - SLACK_MS
        # A read that had only just begun when time ran out says nothing about a server that answered all the time.
        fresh = bool(reading.at_ms) and answer.at - reading.at_ms[-1] < FRESH_MS
        late = job.limit.text if fresh else out_of_time(answer, job.limit)
        reading.error = in_time(answer, own) if asked else late
    if reading.error_type == "timeout" and reading.judgement.failed:
        reading.error = f"{reading.error}; nearest: {reading.judgement.failed[0]}"


def in_time(answer: Answer, own: float | None) -> str:
    """What did not come within a time of its own, as in ``localhost:80: no connection within 2s``.

    Args:
        answer: of type ``timeout``.
        own: seconds.
    """
    return f"{answer.awaited or 'no answer'} within {seconds(own or 0.0)}"


def out_of_time(answer: Answer, limit: Limit) -> str:
    """What was waited for when the step's time was over.

    Args:
        answer: of type ``timeout``.
        limit: that ended it.
    """
    return f"{answer.awaited}; {limit.text}" if answer.awaited else limit.text


def unsatisfied(job: Job, reading: Reading) -> None:
    """Ends a reading whose window ran out.

    Args:
        job: the attempt.
        reading: with at least one candidate, or none for a consumer.
    """
    reading.ended = "window"
    judgement = reading.judgement
    reading.not_evaluable = job.window <= 0 and judgement.error
    reading.failed = judgement.failed
    if job.window > 0 and len(reading.candidates) > 1:
        what = "until did not hold" if job.step.until is not None else "not satisfied"
        count = len(reading.candidates)
        reading.failed = (f"{what} within {seconds(job.window)} ({count} reads); nearest:", *judgement.failed)


def cut(reading: Reading, off: CutOff) -> None:
    """Ends a reading that was cut off.

    Args:
        reading: keeps what it has.
        off: why.
    """
    reading.ended, reading.error = "cancelled", off.reason
