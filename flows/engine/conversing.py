"""Scripts of messages (`websocket`, `sse`): what arrived is kept in order, so that a recording can be asked again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from flows.engine.context import Context, seconds
from flows.engine.effects import Hear, Part, Pause, Say, Steps, answered
from flows.engine.judging import condition, short
from flows.engine.waiting import SLACK_MS, Job, Reading, broken, in_time, pauses, unsatisfied
from flows.language.expressions.scope import InnerScope

if TYPE_CHECKING:
    from flows.engine.effects import Answer
    from flows.language.expressions import Expression

OPEN_SECONDS = 10.0


class Receive(Protocol):
    """What the engine reads of one `receive`."""

    @property
    def match(self) -> Expression | None: ...
    @property
    def timeout(self) -> float: ...
    @property
    def expect(self) -> str: ...


class Line(Protocol):
    """One line of a script."""

    @property
    def receive(self) -> Receive | None: ...


class ScriptConfig(Protocol):
    """What the engine reads of a conversation's settings."""

    @property
    def timeout(self) -> float | None: ...
    @property
    def script(self) -> Sequence[Line]: ...


def script_seconds(config: ScriptConfig) -> float:
    """The longest that a script can take.

    Args:
        config: the step's settings.
    """
    windows = (line.receive.timeout for line in config.script if line.receive is not None)
    return (config.timeout or OPEN_SECONDS) + sum(windows)


def converse(context: Context, job: Job, reading: Reading) -> Steps[None]:
    """Opens the conversation, follows the script, and judges what it gave; again while an `until` does not hold.

    Args:
        context: of the flow.
        job: the attempt.
        reading: filled with the opening and everything that happened after it.
    """
    talk = _Talk(context, job, reading)
    end = context.clock() + job.window * 1000
    rhythm = pauses(job.interval, context.clock)
    while True:
        yield from talk.once()
        if reading.failed or reading.error:
            return
        reading.result = talk.result()
        reading.judgement = job.judge(reading.result)
        reading.doubted(reading.judgement)
        if reading.judgement.holds:
            return
        rest = end - context.clock()
        if job.window <= 0:
            unsatisfied(job, reading)
            reading.ended = "satisfied"  # the script came to its end: what would have followed is not known
            return
        if rest <= SLACK_MS and not context.recorded:
            unsatisfied(job, reading)
            return
        waited = yield from answered(Pause(min(next(rhythm), max(rest, 0.1) / 1000), job.limit.at))
        if waited.type == "timeout":
            broken(context, job, reading, waited)
            return


class _Tried(NamedTuple):
    """A message that was not the one.

    Args:
        event: the message.
        why: how `match` came out.
        evaluable: it had a value.
    """

    event: dict[str, object]
    why: str = ""
    evaluable: bool = True


class _Talk:
    """One conversation while it goes on."""

    def __init__(self, context: Context, job: Job, reading: Reading) -> None:
        self._context = context
        self._job = job
        self._reading = reading
        self._config: ScriptConfig = job.request.config
        self._place = 0
        self._opening: dict[str, object] = {}
        self._met: list[dict[str, object]] = []
        self._heard: list[dict[str, object]] = []
        self._closing: dict[str, object] | None = None

    def once(self) -> Steps[None]:
        """The opening, the script, the parting; a shared stream goes on where it was."""
        shared = self._job.request.action.early is not None and bool(self._opening)
        self._met = []
        if not shared:
            self._place, self._opening, self._heard, self._closing = 0, {}, [], None
            yield from self._open()
        if self._opening:
            yield from self._script()
            yield from answered(Part(self._job.request, clean=not self._reading.error))

    def _open(self) -> Steps[None]:
        end = self._context.clock() + (self._config.timeout or OPEN_SECONDS) * 1000
        opening = yield from self._hear(min(end, self._job.limit.at))
        if opening.candidate is None:
            if opening.type == "timeout" and not opening.error and opening.at < self._job.limit.at - SLACK_MS:
                opening = opening._replace(error=in_time(opening, self._config.timeout or OPEN_SECONDS))
            broken(self._context, self._job, self._reading, opening)
            return
        self._opening = self._reading.add(opening)

    def _script(self) -> Steps[None]:
        for number, line in enumerate(self._config.script):
            if line.receive is not None:
                yield from self._receive(number, line.receive)
            else:
                said = yield from answered(Say(self._job.request, number, self._job.limit.at))
                if said.type:
                    broken(self._context, self._job, self._reading, said)
            if self._reading.failed or self._reading.error:
                break

    def _hear(self, deadline: float) -> Steps[Answer]:
        answer = yield from answered(Hear(self._job.request, self._place, deadline))
        self._place += answer.candidate is not None and answer.candidate.get("kind") != "silence"
        return answer

    def _receive(self, number: int, wanted: Receive) -> Steps[None]:
        """Reads on until a message matches; with `expect: none` until the window has passed without one."""
        tried: list[_Tried] = []
        end = min(self._context.clock() + wanted.timeout * 1000, self._job.limit.at)
        while self._closing is None:
            answer = yield from self._hear(end)
            if answer.candidate is None:
                return self._over(number, wanted, answer, tried)
            event = self._reading.add(answer)
            kind = event.get("kind")
            if kind == "silence":
                if wanted.expect == "none":
                    return None
            elif kind == "closed":
                self._closing = event
            elif self._fits(event, wanted, tried):
                return self._taken(number, wanted, event)
            if self._reading.doubt:
                return None
        if wanted.expect == "message":
            self._reading.ended = "window"
            self._reading.failed = self._shortage(number, wanted, self._end_text(), tried)
        return None

    def _fits(self, event: dict[str, object], wanted: Receive, tried: list[_Tried]) -> bool:
        self._heard.append(event)
        if wanted.expect == "close":
            tried.append(_Tried(event))
            return False
        if wanted.match is None:
            return True
        judgement = condition(wanted.match, InnerScope(event, self._job.names), "match")
        if judgement.undecided:
            self._reading.failed = self._reading.doubt = judgement.failed
        elif not judgement.holds:
            tried.append(_Tried(event, judgement.failed[0], not judgement.error))
        return judgement.holds

    def _taken(self, number: int, wanted: Receive, event: dict[str, object]) -> None:
        if wanted.expect == "none":
            what = f"{_place(number)}: a message arrived although none was expected: {short(event.get('value'))}"
            self._reading.failed = (what,)
        else:
            self._met.append(event)

    def _over(self, number: int, wanted: Receive, answer: Answer, tried: list[_Tried]) -> None:
        """The window of a `receive` ended, or the stream broke."""
        ended = answer.type == "ended" and answer.ended == "window"
        if not ended and (answer.type != "timeout" or answer.at >= self._job.limit.at - SLACK_MS):
            broken(self._context, self._job, self._reading, answer)
            return
        if wanted.expect == "none":
            if answer.type == "timeout":
                self._reading.add(answer._replace(candidate={"kind": "silence", "seconds": wanted.timeout}))
                return
            broken(self._context, self._job, self._reading, answer._replace(ended="satisfied"))
            return
        self._reading.ended = "window"
        self._reading.failed = self._shortage(number, wanted, f"within {seconds(wanted.timeout)}", tried)

    def _shortage(self, number: int, wanted: Receive, when: str, tried: list[_Tried]) -> tuple[str, ...]:
        """What did not come, and the nearest that did: the last one on which `match` had a value."""
        if wanted.expect == "close":
            text = f"{_place(number)}: the server did not close the connection {when}"
        elif wanted.match is None:
            text = f"{_place(number)}: no message {when}"
        else:
            text = f"{_place(number)}: no message matched '{wanted.match.text}' {when}"
        if not tried:
            return (f"{text}; none arrived",)
        nearest = next((one for one in reversed(tried) if one.evaluable), tried[-1])
        which = "the last" if nearest is tried[-1] else "the nearest"
        why = (nearest.why,) if nearest.why else ()
        return (f"{text}; {len(tried)} arrived, {which}: {short(nearest.event.get('value'))}", *why)

    def _end_text(self) -> str:
        closing = self._closing or {}
        code, why = closing.get("code"), closing.get("reason")
        shown = "".join((f" with code {code}" if code is not None else "", f" ({why})" if why else ""))
        return f"before the server ended it{shown}"

    def result(self) -> dict[str, object]:
        """The step's result: the messages that met the script's `receive` lines, and everything heard."""
        first = self._met[0] if self._met else {}
        closing = self._closing or {}
        opening = {name: value for name, value in self._opening.items() if name != "kind"}
        return {
            **opening,
            "messages": self._met,
            "received": self._heard,
            "count": len(self._met),
            "value": first.get("value"),
            "closed": self._closing is not None,
            "close_code": closing.get("code"),
            "close_reason": closing.get("reason"),
        }


def _place(number: int) -> str:
    return f"messages[{number}]"
