"""Effects at the edge: the engine's questions are asked of real servers, one asyncio task per list of steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from flows.actions import Call, Conversation, MessageLog, ShellPolicy
from flows.clients.awaiting import watched
from flows.clients.errors import ClientError
from flows.clients.pool import Clients
from flows.engine.bugs import reported
from flows.engine.context import FOREVER
from flows.engine.driving import driven
from flows.engine.effects import (
    Answer,
    Ask,
    CutOff,
    Effect,
    Follow,
    Hear,
    Joined,
    Load,
    Loaded,
    Next,
    Part,
    Pause,
    Request,
    Say,
    Shelter,
    Steps,
    Together,
)
from flows.engine.masking import Masks
from flows.language.errors import NotEvaluable
from flows.language.files import DiskFiles, bounds
from flows.runner.alarm import Alarm
from flows.runner.cuts import Cuts
from testmesh.kernel.errors import UnavailableError, UserError

if TYPE_CHECKING:
    from graph.spans import LiveSpans

T = TypeVar("T")


class Alive(NamedTuple):
    """Whether a consumer's server still answers."""

    request: Request
    deadline: float


Question: TypeAlias = Ask | Follow | Next | Alive | Hear | Say | Part
"""What a server is asked."""
NOT_BEGUN = "reading could not begin"
ALIVE_MS = 2_000.0


class Time:
    """Milliseconds since the run's start, on the event loop's clock."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()

    def now(self) -> float:
        """Milliseconds since the start."""
        return (self._loop.time() - self._start) * 1000

    def at(self, deadline: float) -> float | None:
        """The loop's time of a deadline; None = never.

        Args:
            deadline: ms after the start.
        """
        return None if deadline == FOREVER else self._start + deadline / 1000


@dataclass(slots=True)
class Live:
    """Drives the engine for one flow execution.

    Args:
        time: of the run.
        cuts: of the run.
        clients: of the run.
        trace_id: 32 hex of this flow execution.
        services: service to base URL.
        load: (file, base file) to a flow.
        root: flow files are relative to it.
        masks: of the run.
        spans: where the spans this flow causes can be had, or None.
        hide: masks a secret everywhere in the run.
        shell: None = commands are not allowed.
    """

    time: Time
    cuts: Cuts
    clients: Clients
    trace_id: str
    services: Mapping[str, str]
    load: Callable[[str, str], Loaded]
    root: Path = field(default_factory=Path)
    masks: Masks = field(default_factory=Masks)
    spans: LiveSpans | None = None
    hide: Callable[[str], None] = lambda secret: None
    shell: ShellPolicy | None = None
    flow_clients: Clients = field(default_factory=Clients)
    _logs: dict[tuple[str, ...], MessageLog] = field(default_factory=dict)
    _talks: dict[tuple[str, ...], Conversation] = field(default_factory=dict)
    _files: dict[str, DiskFiles] = field(default_factory=dict)

    async def drive(self, steps: Steps[T], course: _Course | None = None) -> T:
        """Runs a list of steps to its end.

        Args:
            steps: the engine's generator.
            course: of the task when it drives several lists, one inside the other.
        """
        own = _Course(self) if course is None else course
        try:
            return await driven(steps, own.perform)
        finally:
            if course is None:
                own.alarm.close()

    async def aclose(self) -> None:
        """Closes what this execution alone used, also when it is cut off meanwhile."""
        closing = asyncio.ensure_future(self.flow_clients.aclose())
        while not closing.done():
            try:
                await asyncio.shield(closing)
            except asyncio.CancelledError:
                if self.cuts.taken() is None:
                    raise

    def asked(self, effect: Question) -> Coroutine[Any, Any, dict[str, object] | None]:
        """What a server says, however long it takes.

        Args:
            effect: the question.
        """
        if isinstance(effect, Ask):
            return self._ask(effect)
        if isinstance(effect, Next):
            return self._logs[effect.request.path].get(effect.place)
        if isinstance(effect, Hear):
            return self._hear(effect)
        if isinstance(effect, Alive):
            return self._alive(effect)
        if isinstance(effect, Follow):
            return self._follow(effect)
        return self._say(effect) if isinstance(effect, Say) else self._part(effect)

    def followed(self, request: Request) -> bool:
        """Whether a consumer's stream is open.

        Args:
            request: the consumer's.
        """
        return request.path in self._logs

    def _call(self, request: Request) -> Call:
        traceparent = f"00-{self.trace_id}-{request.span or '0' * 15 + '1'}-01"
        files = self._beside(request.file)
        where = (self.clients, self.flow_clients, traceparent, self.services, request.path, files)
        return Call(*where, self.spans, self.hide, self.shell)

    def _beside(self, file: str) -> DiskFiles:
        found = self._files.get(file)
        if found is None:
            found = self._files[file] = DiskFiles((self.root / file).parent, inside=bounds(self.root, file))
        return found

    async def _ask(self, effect: Ask) -> dict[str, object]:
        run = effect.request.action.run
        if run is None:
            raise TypeError(f"{effect.request.action.spec.name} cannot be asked")
        return await run(effect.request.config, self._call(effect.request))

    async def _log(self, request: Request) -> MessageLog:
        log = self._logs.get(request.path)
        if log is None:
            follow = request.action.follow
            if follow is None:
                raise TypeError(f"{request.action.spec.name} cannot be followed")
            log = self._logs[request.path] = await follow(request.config, self._call(request))
        return log

    async def _alive(self, effect: Alive) -> None:
        await self._logs[effect.request.path].alive()

    async def _follow(self, effect: Follow) -> None:
        converse = effect.request.action.converse
        if converse is not None:
            await converse(effect.request.config, self._call(effect.request))
        else:
            await self._log(effect.request)

    async def _hear(self, effect: Hear) -> dict[str, object]:
        request = effect.request
        if effect.place == 0 or request.path not in self._talks:
            converse = request.action.converse
            if converse is None:
                raise TypeError(f"{request.action.spec.name} holds no conversation")
            self._talks[request.path] = await converse(request.config, self._call(request))
        return await self._talks[request.path].hear(effect.place)

    async def _say(self, effect: Say) -> None:
        await self._talks[effect.request.path].say(effect.line)

    async def _part(self, effect: Part) -> None:
        await self._talks.pop(effect.request.path).part(effect.clean)

    async def pause(self, effect: Pause) -> Answer:
        """Waits.

        Args:
            effect: how long.
        """
        rest = (effect.deadline - self.time.now()) / 1000
        await asyncio.sleep(max(0.0, min(effect.seconds, rest)))
        return Answer(self.time.now(), type="timeout" if effect.seconds >= rest else "")


class _Course:
    """What one task does for the engine, list inside list.

    Args:
        live: of the flow execution.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self.alarm = Alarm()
        self.taken: list[CutOff] = []

    async def perform(self, effect: Effect) -> object:
        """The answer to an effect.

        Args:
            effect: what the engine asks.

        Raises:
            CutOff: the task was cut off while it waited.
        """
        try:
            if isinstance(effect, Pause):
                return await self._live.pause(effect)
            if isinstance(effect, Together):
                return await self._together(effect)
            if isinstance(effect, Shelter):
                return self._sheltered(on=effect.on)
            if isinstance(effect, Load):
                return self._live.load(effect.file, effect.base)
            return await (self._next(effect) if isinstance(effect, Next) else self._answer(effect))
        except asyncio.CancelledError:
            off = self._live.cuts.taken()
            if off is None:
                raise
            # A loop around the list that is cut off ends too.
            self.taken.append(off)
            raise off from None

    async def _next(self, effect: Next) -> Answer:
        if not self._live.followed(effect.request):
            began = await self._answer(Follow(effect.request, effect.deadline))
            if began.type:
                return began if began.type != "timeout" else began._replace(awaited=began.awaited or NOT_BEGUN)
        answer = await self._answer(effect)
        if answer.type == "timeout" and effect.sure:
            alive = await self._answer(Alive(effect.request, self._live.time.now() + ALIVE_MS))
            # Without a word about whom it waited for, this would count as the silence of a living server.
            silent = alive._replace(awaited=alive.awaited or "no answer") if alive.type == "timeout" else alive
            # What came before the server's word was on its way within the window.
            found = silent if alive.type else await self._answer(effect)
            return found._replace(at=answer.at)
        return answer

    def _sheltered(self, *, on: bool) -> bool:
        """Whether it was so before; at the end what came meanwhile is thrown."""
        if on:
            return self._live.cuts.sheltered()
        off = self._live.cuts.unsheltered()
        if off is not None:
            self.taken.append(off)
            raise off
        return True

    async def _answer(self, effect: Question) -> Answer:
        live, missing = self._live, watched()
        deadline = FOREVER if isinstance(effect, Part) else effect.deadline
        try:
            with self.alarm.until(live.time.at(deadline)):
                candidate = await live.asked(effect)
        except TimeoutError:
            return Answer(live.time.now(), type="timeout", awaited=str(missing))
        except ClientError as error:
            return Answer(live.time.now(), error=error.message, type=error.type)
        except NotEvaluable as problem:
            return Answer(live.time.now(), error=problem.message, type="config")
        except (UserError, UnavailableError) as problem:
            hint = f" ({problem.hint})" if problem.hint else ""
            return Answer(live.time.now(), error=f"{problem.message}{hint}", type="config")
        except Exception as bug:
            return Answer(live.time.now(), error=reported(bug, live.masks), type="internal")
        return Answer(live.time.now(), candidate)

    async def _in_turn(self, effect: Together) -> Joined:
        """One child after the other, in this very task."""
        results: list[Any] = [None] * len(effect.children)
        before = len(self.taken)
        for index in range(len(results)):
            results[index] = await self._live.drive(effect.children[index], self)
            if len(self.taken) > before or effect.cut(results[index]):
                break
        return Joined(tuple(results), self.taken[before] if len(self.taken) > before else None)

    async def _together(self, effect: Together) -> Joined:
        if effect.limit == 1:
            return await self._in_turn(effect)
        group = _Group(self._live, effect)
        while group.busy:
            group.start()
            try:
                done, _ = await asyncio.wait(group.running, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                off = self._live.cuts.taken()
                group.cut(off or CutOff("cancelled", cancelled=True))
                if off is None:
                    await asyncio.wait(group.running)
                    raise
                group.off = off
                self.taken.append(off)
                continue
            group.finish(done)
        return group.joined()


class _Group:
    """The children of one Together while they run."""

    def __init__(self, live: Live, effect: Together) -> None:
        self._live = live
        self._effect = effect
        self._next = 0
        self._results: list[Any] = [None] * len(effect.children)
        self._stopped = False
        self.running: dict[asyncio.Task[Any], int] = {}
        self.off: CutOff | None = None

    @property
    def busy(self) -> bool:
        """Whether anything runs or may still start."""
        return bool(self.running) or (self._next < len(self._results) and not self._stopped)

    def start(self) -> None:
        """Starts children up to the limit."""
        while self._next < len(self._results) and len(self.running) < self._effect.limit and not self._stopped:
            child = self._effect.children[self._next]
            self.running[asyncio.create_task(self._live.drive(child))] = self._next
            self._next += 1

    def finish(self, done: set[asyncio.Task[Any]]) -> None:
        """Takes results, in the order of the children; the first that says so cuts the others.

        Args:
            done: finished tasks.
        """
        for task in sorted(done, key=lambda found: self.running[found]):
            index = self.running.pop(task)
            if task.cancelled():
                continue
            self._results[index] = task.result()
            why = self._effect.cut(self._results[index])
            if why and not self._stopped:
                self.cut(CutOff(why))

    def cut(self, off: CutOff) -> None:
        """Ends what runs and starts nothing more.

        Args:
            off: why.
        """
        self._stopped = True
        for task in self.running:
            self._live.cuts.cut(task, off)

    def joined(self) -> Joined:
        """Everything that came of it."""
        return Joined(tuple(self._results), self.off)
