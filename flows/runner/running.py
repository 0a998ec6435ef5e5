"""`testmesh run`: flows in, events out, one artefact at the end (DESIGN §7)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flows.actions import catalogue
from flows.clients.pool import Clients
from flows.clients.resolving import abandonable
from flows.engine.bugs import reported
from flows.engine.context import Context
from flows.engine.effects import CutOff
from flows.engine.flow import execution, run_verdict
from flows.engine.masking import Masks
from flows.engine.variables import VariableProblem
from flows.language.errors import NotEvaluable
from flows.runner.cuts import Cuts
from flows.runner.discovery import discover
from flows.runner.folding import asked, exit_code, present, service_lines
from flows.runner.inputs import Inputs, RunNamed
from flows.runner.live import Live, Time
from flows.runner.loading import Loader
from flows.runner.options import MAX_PARALLEL, Listener, RunOptions
from flows.runner.secrets import learn_named
from flows.runner.spool import Spool
from flows.runner.units import Key, Unit, not_started, sorted_runs, unusable_run, wanted, work_of
from graph.runs import Event, FlowFinished, FlowRun, FlowStarted, Run, RunFinished, RunStarted, RunStore
from testmesh.kernel.clock import iso
from testmesh.kernel.errors import UserError
from testmesh.kernel.ids import run_id


async def run_flows(options: RunOptions, listeners: Sequence[Listener] = (), store: RunStore | None = None) -> Run:
    """Runs flows against live systems.

    Args:
        options: what and with what.
        listeners: told of every event, in order; they must not raise.
        store: where the artefact is kept; None = nowhere.

    Raises:
        UserError: no flows, or the artefact cannot be saved (the run is then still given to the listeners).
    """
    abandonable(asyncio.get_running_loop())
    run = await _Execution(options, listeners).everything(discover(options.paths, options.root))
    if store is not None:
        store.save(run)
    return run


KEPT_STEPS = 1000
"""Of checked flows, 8.5 KB each: what is more is checked, let go, and checked again when its turn comes."""


@dataclass(slots=True)
class _State:
    """What changes while a run goes on."""

    tasks: dict[asyncio.Task[FlowRun], Unit] = field(default_factory=dict)
    stopped: str = ""
    cancelled: bool = False


class _Execution:
    """One run."""

    def __init__(self, options: RunOptions, listeners: Sequence[Listener]) -> None:
        if not 1 <= options.parallel <= MAX_PARALLEL:
            raise UserError(f"--parallel must be between 1 and {MAX_PARALLEL}, not {options.parallel}")
        self._options = options
        self._listeners = listeners
        self._id = run_id()
        self._started = present()
        self._seed = int.from_bytes(os.urandom(4), "big") if options.seed is None else options.seed
        self._masks = Masks() if options.masks is None else options.masks
        self._loader = Loader(options.root, catalogue(), KEPT_STEPS, shell=options.shell is not None)
        self._spool = Spool()
        self._state = _State()
        self._time = Time()
        self._cuts = Cuts()
        self._clients = Clients()
        self._inputs = Inputs(options, RunNamed(self._id, self._seed), self._masks, self._loader)

    async def everything(self, files: Sequence[str]) -> Run:
        """Runs every wanted execution and folds the artefact.

        Args:
            files: good and bad ones.
        """
        # Checked flows stay with the loader alone, so that one whose turn is over can go.
        opened = [found._replace(flow=None) for found in self._loader.open_all(files)]
        chosen = [found for found in opened if found.outline is None or wanted(found.outline, self._options)]
        if not chosen:
            raise UserError("no flow has that tag or suite", hint="leave out --tag or --suite to run all of them")
        work = work_of(chosen, self._options)
        learn_named((found.text for found in chosen), self._inputs.find, self._masks)
        self._emit(RunStarted(self._id, iso(self._started), work.files(chosen), self._seed))
        done: dict[Key, FlowRun] = {}
        for found in work.unusable:
            done[found.file, None] = self._finished(unusable_run(found))
        try:
            for flow_run, key in await self._run_groups(work.groups):
                done[key] = flow_run
        finally:
            await self._clients.aclose()
        return self._fold(sorted_runs(chosen, done))

    async def _run_groups(self, groups: Sequence[Sequence[Unit]]) -> list[tuple[FlowRun, Key]]:
        gate = asyncio.Semaphore(self._options.parallel)
        tasks = [asyncio.create_task(self._run_group(gate, group)) for group in groups]
        try:
            while pending := [task for task in tasks if not task.done()]:
                try:
                    await asyncio.wait(pending)
                except asyncio.CancelledError:
                    self._cancel()
        except BaseException:
            for task in tasks:
                task.cancel()
            raise
        return [pair for task in tasks for pair in task.result()]

    def _cancel(self) -> None:
        """The user wants to stop: every flow goes to its teardown, nothing new starts."""
        current = asyncio.current_task()
        if self._state.cancelled or current is None:
            raise asyncio.CancelledError
        current.uncancel()
        self._state.cancelled = True
        self._state.stopped = "cancelled"
        for task in list(self._state.tasks):
            self._cuts.cut(task, CutOff("cancelled", cancelled=True))

    async def _run_group(self, gate: asyncio.Semaphore, group: Sequence[Unit]) -> list[tuple[FlowRun, Key]]:
        found: list[tuple[FlowRun, Key]] = []
        why = ""
        for unit in group:
            async with gate:
                why = why or self._state.stopped
                if why:
                    found.append((self._finished(not_started(unit, why)), unit.key))
                    continue
                task = asyncio.create_task(self._run_unit(unit))
                self._state.tasks[task] = unit
                try:
                    flow_run = await task
                except asyncio.CancelledError:
                    if not (task.cancelled() and self._state.cancelled):
                        raise
                    flow_run = self._finished(not_started(unit, self._state.stopped))
                finally:
                    self._state.tasks.pop(task, None)
            found.append((flow_run, unit.key))
            if flow_run.verdict != "passed":
                why = f"data row {unit.row} {flow_run.verdict}" if unit.row is not None else ""
                if self._options.fail_fast:
                    self._state.stopped = self._state.stopped or f"{unit.opened.file} {flow_run.verdict} (--fail-fast)"
        return found

    async def _run_unit(self, unit: Unit) -> FlowRun:
        opened = unit.opened
        self._emit(FlowStarted(self._id, opened.file, unit.outline.name, unit.row))
        started = round(self._time.now(), 3)
        blank = FlowRun(opened.file, unit.outline.name, unit.row, "error", 0.0, source=opened.text, started_ms=started)
        try:
            return self._finished(await self._played(unit, blank))
        except UserError as problem:
            return self._finished(replace(blank, message=self._masks.text(problem.message)))
        except Exception as bug:
            return self._finished(replace(blank, message=reported(bug, self._masks)))

    async def _played(self, unit: Unit, blank: FlowRun) -> FlowRun:
        """One execution from its variables to the end of its teardown."""
        flow = self._loader.flow(unit.opened, last=unit.row is None)
        names = self._inputs.names(unit, flow)
        try:
            resolved = self._inputs.resolved(unit, flow, names)
        except (VariableProblem, NotEvaluable) as problem:
            findings = (problem.finding.as_json(),) if isinstance(problem, VariableProblem) else ()
            return replace(blank, message=self._masks.text(problem.message), problems=findings)
        known = self._masks.count
        live = self._live()
        context = Context(
            flow=flow,
            catalogue=catalogue(),
            clock=self._time.now,
            masks=self._masks,
            emit=self._emit,
            run=self._id,
            row=unit.row,
            trace_id=live.trace_id,
            root_file=blank.file,
            keeper=self._spool,
        )
        try:
            verdict, message, steps = await live.drive(execution(context, names))
        finally:
            await live.aclose()
        flow_run = replace(
            blank,
            verdict=verdict,
            message=message,
            steps=steps,
            duration_ms=round(self._time.now() - blank.started_ms, 3),
            variables={**self._inputs.hidden(context.inputs), **self._inputs.hidden(resolved.inputs)},
            builtins=dict(names.builtins.used),
        )
        if self._masks.count == known:
            return flow_run
        from flows.engine.remasking import remasked

        return remasked(self._masks, flow_run, self._spool)

    def _live(self) -> Live:
        options = self._options
        return Live(
            self._time,
            self._cuts,
            self._clients,
            os.urandom(16).hex(),
            options.services,
            self._loader.load,
            options.root,
            self._masks,
            options.spans,
            lambda secret: self._masks.learn(secret, named=True),
            options.shell,
        )

    def _finished(self, flow_run: FlowRun) -> FlowRun:
        self._emit(FlowFinished(self._id, flow_run))
        return flow_run

    def _fold(self, flow_runs: Sequence[FlowRun]) -> Run:
        options = self._options
        started, finished = iso(self._started), iso(present())
        logs = service_lines(options, started, finished)
        run = Run(
            id=self._id,
            started=started,
            finished=finished,
            verdict=run_verdict(flow_runs, self._state.cancelled),
            flows=tuple(flow_runs),
            seed=self._seed,
            environment=options.environment,
            deployed=dict(options.deployed),
            revision=options.revision,
            options=asked(options) | {"included": dict(self._loader.included)} | _unmasked(self._masks),
            logs={service: [self._masks.text(line) for line in lines] for service, lines in logs.items()},
            log_times=options.log_times() if logs and options.log_times is not None else {},
        )
        self._emit(RunFinished(run))
        return run

    def _emit(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)


def _unmasked(masks: Masks) -> dict[str, object]:
    """Fingerprints of texts that came with what looks like a mask."""
    return {"unmasked": sorted(masks.own)} if masks.own else {}


__all__ = ["exit_code", "run_flows", "sorted_runs"]
