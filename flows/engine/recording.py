"""A recording judged again: the same engine, asked of evidence instead of servers (FLOWS §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from flows.actions import ActionCatalogue, catalogue
from flows.engine.builtins import Builtins
from flows.engine.context import Context
from flows.engine.driving import played
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
    NotRecorded,
    Part,
    Pause,
    Request,
    Say,
    Shelter,
    Together,
)
from flows.engine.flow import execution, run_verdict
from flows.engine.given import Given
from flows.engine.loading import TextFiles, beside, checked, parsed_file
from flows.engine.log import Keeper
from flows.engine.masking import Masks, same_but_for_secrets
from flows.engine.names import Names, Sources, step_ids
from flows.engine.variables import VariableProblem, resolve
from flows.language.errors import NotEvaluable
from flows.language.masked_text import MASK, Masked, recorded
from flows.language.spec import Flow
from graph.runs import Exchange, FlowRun, Run, StepRun
from testmesh.kernel.clock import iso
from testmesh.kernel.errors import DiagnosticsError

Path = tuple[str, ...]
Faked = Callable[[str, bytes], object]


def judge(
    run: Run,
    sources: Mapping[str, str] | None = None,
    actions: ActionCatalogue | None = None,
    faked: Faked | None = None,
    keeper: Keeper | None = None,
) -> Run:
    """The run as it would have ended with the flows as they are now, by its evidence alone.

    Args:
        run: a recording.
        sources: file (as in the run) to text, also of files that flows name; what is missing is taken from the
            recording.
        actions: the catalogue; that of this installation when None.
        faked: gives FAKER values; None = the Faker library.
        keeper: where judged steps are kept; None = in memory.
    """
    texts = {**_included(run), **(sources or {})}
    known = actions or catalogue()
    judging = _Judging(run, texts, known, faked or _faked, keeper)
    flows = tuple(_judged_flow(judging, flow_run) for flow_run in run.flows)
    return replace(run, flows=flows, verdict=run_verdict(flows, cancelled=False))


class _Judging(NamedTuple):
    """What the executions of a run are judged with."""

    run: Run
    texts: Mapping[str, str]
    known: ActionCatalogue
    faked: Faked
    keeper: Keeper | None


def _faked(provider: str, data: bytes) -> object:
    from flows.runner.sources import faked

    return faked(provider, data)


def _included(run: Run) -> dict[str, str]:
    found = run.options.get("included", {})
    texts = {str(name): str(text) for name, text in found.items()} if isinstance(found, Mapping) else {}
    return texts | {flow_run.file: flow_run.source for flow_run in run.flows}


def _judged_flow(judging: _Judging, flow_run: FlowRun) -> FlowRun:
    run, texts, known = judging.run, judging.texts, judging.known
    if not flow_run.steps and flow_run.verdict == "cancelled":
        return flow_run
    if not flow_run.steps:
        return replace(flow_run, verdict="error", message=flow_run.message or "nothing of it was recorded")
    text = texts[flow_run.file]
    world = World(run, flow_run, texts, known)
    blank = replace(flow_run, source=text, steps=(), verdict="error", message="", problems=())
    loaded = world.load(flow_run.file)
    if isinstance(loaded, DiagnosticsError):
        problems = tuple(found.as_json() for found in loaded.diagnostics)
        return replace(blank, message=loaded.message, problems=problems)
    flow = loaded
    variables = {name: recorded(value, world.own) for name, value in flow_run.variables.items()}
    builtins = Builtins(run.seed, (flow_run.file, flow_run.row), world.moment(flow_run.started_ms), flow_run.builtins)
    sources = Sources(
        now=world.now,
        secret=lambda name: Masked(MASK),
        faker=judging.faked,
        file=world.schema,
        outside=Given(environment=variables),
    )
    names = Names({}, builtins, sources, (flow.file, step_ids(flow)))
    names.used = flow.used
    try:
        names.variables = resolve(flow, Given(recorded=variables), names).values
    except (VariableProblem, NotEvaluable) as problem:
        return replace(blank, message=problem.message)
    context = Context(
        flow=flow,
        catalogue=known,
        clock=lambda: world.clock,
        masks=Masks(),
        emit=lambda event: None,
        run=run.id,
        row=flow_run.row,
        recorded=True,
        root_file=flow_run.file,
        keeper=judging.keeper,
    )
    verdict, message, steps = played(execution(context, names), world.perform)
    if verdict == "passed" and flow_run.verdict == "cancelled":
        verdict, message = "error", "undecided: the recording was cancelled"
    return replace(blank, name=flow.name, verdict=verdict, message=message, steps=steps)


def indexed(steps: Sequence[StepRun], path: Path = ()) -> Iterator[tuple[Path, Sequence[StepRun], int]]:
    """Where every step execution is, with the path the engine asks for it by.

    Args:
        steps: of one level.
        path: of the level.
    """
    for place, step in enumerate(steps):
        inner = path if step.iteration is None else (*path, str(step.iteration))
        yield (step.phase, *inner, step.id), steps, place
        yield from indexed(step.steps, (*inner, step.id))


class World:
    """Answers from the evidence of one flow execution.

    Args:
        run: the recording.
        flow_run: the execution in it.
        texts: file to text.
        known: the catalogue.
    """

    def __init__(self, run: Run, flow_run: FlowRun, texts: Mapping[str, str], known: ActionCatalogue) -> None:
        self._started = datetime.fromisoformat(run.started)
        self._steps = {path: (steps, place) for path, steps, place in indexed(flow_run.steps)}
        self._latest: tuple[Path, StepRun] | None = None
        self._texts = texts
        self._known = known
        self._read: dict[tuple[Path, int], int] = {}
        self.own = own_stars(run)
        self.clock = flow_run.started_ms

    def moment(self, at_ms: float) -> datetime:
        """Wall-clock time of a moment of the run.

        Args:
            at_ms: after its start.
        """
        return self._started + timedelta(milliseconds=at_ms)

    def now(self) -> str:
        """What `now()` gives: the time of the evidence that is being judged."""
        return iso(self.moment(self.clock))

    def load(self, file: str) -> Flow | DiagnosticsError:
        """A flow from its text.

        Args:
            file: as in the run.
        """
        found = checked(self._texts[file], file, self._known, TextFiles(file, self._texts))
        return found.flow if found.flow is not None else DiagnosticsError(found.errors)

    def schema(self, name: str, base: str) -> object:
        """A schema file's parsed content.

        Args:
            name: relative to `base`.
            base: the flow that names it.
        """
        text = self._texts.get(beside(base, name))
        if text is None:
            raise NotEvaluable(f"schema file {name} is not part of the recording")
        return parsed_file(name, text)

    def perform(self, effect: Effect) -> object:
        """The recorded answer.

        Args:
            effect: what the engine asks.

        Raises:
            NotRecorded: there is no evidence.
            CutOff: it was cut off there.
        """
        if isinstance(effect, Ask | Hear):
            key = (effect.request.path, effect.request.attempt)
            index = self._read.get(key, 0)
            self._read[key] = index + 1
            return self._answer(self._exchange(effect.request), index)
        if isinstance(effect, Next):
            return self._answer(self._exchange(effect.request), effect.place)
        if isinstance(effect, Together):
            return self._together(effect)
        if isinstance(effect, Load):
            return self._child(effect)
        if isinstance(effect, Say):
            return self._said(self._exchange(effect.request), effect.request)
        if isinstance(effect, Follow | Pause | Part | Shelter):
            return Answer(self.clock)
        raise TypeError(f"the engine asked for {type(effect).__name__}")

    def _together(self, effect: Together) -> Joined:
        """One child after the other; what one at a time would never have started is not started here either."""
        results: list[object] = []
        stopped = False
        for child in effect.children:
            if stopped and effect.limit == 1:
                child.close()
                results.append(None)
                continue
            results.append(played(child, self.perform))
            stopped = stopped or bool(effect.cut(results[-1]))
        return Joined(tuple(results))

    def _step(self, path: Path) -> StepRun | None:
        """A step's recording; one that is on disk is read once for all that its step asks."""
        if self._latest is not None and self._latest[0] == path:
            return self._latest[1]
        steps, place = self._steps.get(path, ((), -1))
        if place < 0:
            return None
        self._latest = (path, steps[place])
        return self._latest[1]

    def _exchange(self, request: Request) -> Exchange:
        step = self._step(request.path)
        if step is None or not step.exchanges:
            raise NotRecorded(f"it was not recorded{self._renamed(request)}")
        if request.attempt >= len(step.exchanges):
            self.clock = max(self.clock, step.started_ms + step.duration_ms)
            raise NotRecorded(f"attempt {request.attempt + 1} was not recorded")
        exchange = step.exchanges[request.attempt]
        if request.attempt == 0 and not self._read.get((request.path, 0), 0) > 1:
            self.clock = max(self.clock, step.started_ms)
        if not same_but_for_secrets(exchange.request, request.recorded):
            differs = _difference(exchange.request, request.recorded)
            raise NotRecorded(f"its request differs from the recorded one{differs}")
        return exchange

    def _renamed(self, request: Request) -> str:
        """A step of the same list that asked the same under another id."""
        for path in self._steps:
            step = self._step(path) if path[:-1] == request.path[:-1] else None
            alike = step is not None and step.action == request.action.spec.name and step.exchanges
            if step is not None and alike and same_but_for_secrets(step.exchanges[0].request, request.recorded):
                return f"; '{step.id}' asked the same: was it renamed?"
        return ""

    def _said(self, exchange: Exchange, request: Request) -> Answer:
        """What was said was heard, unless nothing is recorded after it and the recording ends in an error."""
        index = self._read.get((request.path, request.attempt), 0)
        broken = index >= len(exchange.candidates) and exchange.ended in ("error", "timeout", "cancelled")
        return self._answer(exchange, index) if broken else Answer(self.clock)

    def _answer(self, exchange: Exchange, index: int) -> Answer:
        if index < len(exchange.candidates):
            if index < len(exchange.at_ms):
                self.clock = exchange.at_ms[index]
            candidate = exchange.candidates[index]
            known = recorded(candidate, self.own)
            return Answer(self.clock, known if isinstance(known, dict) else {})
        if exchange.ended == "cancelled":
            raise CutOff(exchange.error or "cut off in the recording")
        if exchange.error:
            return Answer(self.clock, error=exchange.error, type=exchange.error_type)
        return Answer(self.clock, type="ended", ended=exchange.ended)

    def _child(self, effect: Load) -> Loaded:
        file = beside(effect.base, effect.file)
        if file not in self._texts:
            return Loaded(None, f"{file} is not part of the recording")
        found = self.load(file)
        return Loaded(None, found.message) if isinstance(found, DiagnosticsError) else Loaded(found)


def own_stars(run: Run) -> frozenset[str]:
    """Fingerprints of texts that came with ``***`` of their own.

    Args:
        run: a recording.
    """
    return frozenset(map(str, run.options.get("unmasked", ())))


def _difference(recorded: object, now: object) -> str:
    if not isinstance(recorded, Mapping) or not isinstance(now, Mapping):
        return ""
    keys = [
        key
        for key in (*recorded, *(k for k in now if k not in recorded))
        if not same_but_for_secrets(recorded.get(key), now.get(key))
    ]
    return f" ({', '.join(str(key) for key in keys)})" if keys else ""
