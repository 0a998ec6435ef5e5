"""`testmesh run`: flows in, events out, one artefact at the end (DESIGN §7)."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

from flows.actions import catalogue
from flows.clients.pool import Clients
from flows.engine.builtins import Builtins
from flows.engine.context import Context
from flows.engine.effects import CutOff
from flows.engine.flow import execution, run_verdict
from flows.engine.given import Given
from flows.engine.masking import Masks
from flows.engine.names import Names, Sources, step_ids
from flows.engine.variables import VariableProblem, resolve
from flows.language.errors import NotEvaluable
from flows.language.spec import Flow
from flows.runner.discovery import discover
from flows.runner.live import Cuts, Live, Time
from flows.runner.loading import Loader, Opened
from flows.runner.options import MAX_PARALLEL, Listener, RunOptions
from flows.runner.sources import faked, masked_secret, schema_file, secret_source
from graph.runs import (
    Event,
    Exchange,
    FlowFinished,
    FlowRun,
    FlowStarted,
    Run,
    RunFinished,
    RunStarted,
    RunStore,
    StepRun,
)
from testmesh.kernel.clock import iso
from testmesh.kernel.errors import TestMeshError, UserError
from testmesh.kernel.ids import run_id


class _Unit(NamedTuple):
    """One flow execution to do.

    Args:
        opened: the file.
        flow: checked.
        row: 0-based data row or None.
    """

    opened: Opened
    flow: Flow
    row: int | None

    @property
    def key(self) -> tuple[str, int | None]:
        """What identifies it in a run."""
        return (self.opened.file, self.row)


async def run_flows(options: RunOptions, listeners: Sequence[Listener] = (), store: RunStore | None = None) -> Run:
    """Runs flows against live systems.

    Args:
        options: what and with what.
        listeners: told of every event, in order; they must not raise.
        store: where the artefact is kept; None = nowhere.

    Raises:
        UserError: no flows, or the artefact cannot be saved (the run is then still given to the listeners).
    """
    run = await _Execution(options, listeners).everything(discover(options.paths, options.root))
    if store is not None:
        store.save(run)
    return run


@dataclass(slots=True)
class _State:
    """What changes while a run goes on."""

    tasks: dict[asyncio.Task[FlowRun], _Unit] = field(default_factory=dict)
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
        self._started = _now()
        self._seed = int.from_bytes(os.urandom(4), "big") if options.seed is None else options.seed
        self._masks = Masks() if options.masks is None else options.masks
        self._loader = Loader(options.root, catalogue())
        self._state = _State()
        self._time = Time()
        self._cuts = Cuts()
        self._clients = Clients()
        self._outside = Given(
            environment=options.environment_variables, process=options.process, integrations=options.integrations
        )
        find = options.secrets or secret_source(options.root, options.process)
        self._sources = Sources(
            now=lambda: iso(datetime.now(UTC)),
            secret=masked_secret(find, self._masks),
            faker=faked,
            file=schema_file(options.root, self._loader.included),
            outside=self._outside,
        )

    async def everything(self, files: Sequence[str]) -> Run:
        """Runs every wanted execution and folds the artefact.

        Args:
            files: good and bad ones.
        """
        opened = self._loader.open_all(files)
        wanted = [found for found in opened if found.flow is None or self._wanted(found.flow)]
        if not wanted:
            raise UserError("no flow has that tag or suite", hint="leave out --tag or --suite to run all of them")
        self._emit(RunStarted(self._id, iso(self._started), tuple(found.file for found in wanted), self._seed))
        done: dict[tuple[str, int | None], FlowRun] = {}
        groups: list[list[_Unit]] = []
        for found in wanted:
            if found.flow is None:
                done[found.file, None] = self._finished(_unusable(found))
            else:
                groups += self._groups(found, found.flow)
        try:
            for flow_run, key in await self._run_groups(groups):
                done[key] = flow_run
        finally:
            await self._clients.aclose()
        return self._fold(sorted_runs(wanted, done))

    def _wanted(self, flow: Flow) -> bool:
        options = self._options
        if options.suite and flow.suite != options.suite:
            return False
        return not options.tags or bool(set(options.tags) & set(flow.tags))

    def _groups(self, opened: Opened, flow: Flow) -> list[list[_Unit]]:
        rows: list[int | None] = [None] if flow.data is None else list(range(len(flow.data.rows)))
        units = [_Unit(opened, flow, row) for row in rows]
        if self._options.only:
            units = [unit for unit in units if unit.key in self._options.only]
        return [units] if flow.config.fail_fast else [[unit] for unit in units]

    async def _run_groups(self, groups: list[list[_Unit]]) -> list[tuple[FlowRun, tuple[str, int | None]]]:
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

    async def _run_group(
        self, gate: asyncio.Semaphore, group: list[_Unit]
    ) -> list[tuple[FlowRun, tuple[str, int | None]]]:
        found: list[tuple[FlowRun, tuple[str, int | None]]] = []
        why = ""
        for unit in group:
            async with gate:
                why = why or self._state.stopped
                if why:
                    found.append((self._finished(_not_started(unit, why)), unit.key))
                    continue
                task = asyncio.create_task(self._run_unit(unit))
                self._state.tasks[task] = unit
                try:
                    flow_run = await task
                except asyncio.CancelledError:
                    if not (task.cancelled() and self._state.cancelled):
                        raise
                    flow_run = self._finished(_not_started(unit, self._state.stopped))
                finally:
                    self._state.tasks.pop(task, None)
            found.append((flow_run, unit.key))
            if flow_run.verdict != "passed":
                why = f"data row {unit.row} {flow_run.verdict}" if unit.row is not None else ""
                if self._options.fail_fast:
                    self._state.stopped = self._state.stopped or f"{unit.opened.file} {flow_run.verdict} (--fail-fast)"
        return found

    async def _run_unit(self, unit: _Unit) -> FlowRun:
        flow, opened = unit.flow, unit.opened
        self._emit(FlowStarted(self._id, opened.file, flow.name, unit.row))
        started = self._time.now()
        builtins = Builtins(self._seed, unit.key, datetime.now(UTC))
        for name in ("RUN_ID", "EXECUTION_ID"):
            builtins.set(name, self._id)
        builtins.set("FLOW_NAME", flow.name)
        names = Names({}, builtins, self._sources, (flow.file, step_ids(flow)))
        blank = FlowRun(
            opened.file, flow.name, unit.row, "error", 0.0, source=opened.text, started_ms=round(started, 3)
        )
        try:
            resolved = resolve(flow, self._given(unit, names), names)
        except (VariableProblem, NotEvaluable) as problem:
            findings = (problem.finding.as_json(),) if isinstance(problem, VariableProblem) else ()
            return self._finished(replace(blank, message=self._masks.text(problem.message), problems=findings))
        names.variables = resolved.values
        self._hidden(resolved.values)
        live = Live(
            self._time,
            self._cuts,
            self._clients,
            os.urandom(16).hex(),
            self._options.services,
            self._loader.load,
            self._options.root,
            self._options.spans,
        )
        context = Context(
            flow=flow,
            catalogue=catalogue(),
            clock=self._time.now,
            masks=self._masks,
            emit=self._emit,
            run=self._id,
            row=unit.row,
            trace_id=live.trace_id,
            root_file=opened.file,
        )
        try:
            verdict, message, steps = await live.drive(execution(context, names))
        finally:
            await live.aclose()
        return self._finished(
            replace(
                blank,
                verdict=verdict,
                message=message,
                steps=steps,
                duration_ms=round(self._time.now() - started, 3),
                variables={**self._hidden(context.inputs), **self._hidden(resolved.inputs)},
                builtins=dict(builtins.used),
            )
        )

    def _hidden(self, values: Mapping[str, object]) -> dict[str, object]:
        """Variables with secrets masked; what stands under secret names is masked everywhere from now on."""
        return {name: self._masks.request(value, name) for name, value in values.items()}

    def _given(self, unit: _Unit, names: Names) -> Given:
        options = self._options
        recorded = options.recorded.get(unit.key)
        row: dict[str, object] = {}
        if unit.row is not None and unit.flow.data is not None:
            row = unit.flow.data.rows[unit.row].render(names)
        if recorded is not None:
            row = {**row, **recorded}
        return self._outside._replace(options=options.variables, row=row)

    def _finished(self, flow_run: FlowRun) -> FlowRun:
        self._emit(FlowFinished(self._id, flow_run))
        return flow_run

    def _fold(self, flow_runs: Sequence[FlowRun]) -> Run:
        options = self._options
        started, finished = iso(self._started), iso(_now())
        logs = _logs(options, started, finished)
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
            options=_asked(options) | {"included": dict(self._loader.included)},
            logs={service: [self._masks.text(line) for line in lines] for service, lines in logs.items()},
        )
        self._emit(RunFinished(run))
        return run

    def _emit(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)


def _now() -> datetime:
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _logs(options: RunOptions, started: str, finished: str) -> Mapping[str, tuple[str, ...]]:
    """The services' lines of the run's window; a run is not lost because they cannot be read."""
    if options.logs is None:
        return {}
    try:
        return options.logs(started, finished)
    except (TestMeshError, OSError) as problem:
        return {"(not read)": (str(problem),)}


def _asked(options: RunOptions) -> dict[str, object]:
    return {
        "paths": list(options.paths),
        "tags": list(options.tags),
        "suite": options.suite,
        "variables": sorted(options.variables),
        "parallel": options.parallel,
        "fail_fast": options.fail_fast,
    }


def _unusable(opened: Opened) -> FlowRun:
    findings = tuple(found.as_json() for found in opened.findings)
    message = opened.findings[0].message if opened.findings else "cannot be read"
    return FlowRun(opened.file, opened.file, None, "error", 0.0, message=message, source=opened.text, problems=findings)


def _not_started(unit: _Unit, why: str) -> FlowRun:
    opened = unit.opened
    return FlowRun(
        opened.file, unit.flow.name, unit.row, "cancelled", 0.0, message=f"not run: {why}", source=opened.text
    )


def sorted_runs(opened: Sequence[Opened], done: dict[tuple[str, int | None], FlowRun]) -> list[FlowRun]:
    """Executions in the order of files and rows.

    Args:
        opened: files in order.
        done: executions by file and row.
    """
    by_file: dict[str, list[tuple[int, FlowRun]]] = defaultdict(list)
    for (file, row), flow_run in done.items():
        by_file[file].append((-1 if row is None else row, flow_run))
    return [pair[1] for found in opened for pair in sorted(by_file[found.file], key=lambda pair: pair[0])]


def exit_code(run: Run) -> int:
    """0 all passed, 1 a flow failed, 2 the request was wrong, 3 nothing could be reached (FLOWS §8).

    Args:
        run: a finished run.
    """
    if any(flow_run.problems for flow_run in run.flows):
        return 2
    if run.verdict == "passed":
        return 0
    return 3 if _nothing_reached(run) else 1


def _nothing_reached(run: Run) -> bool:
    exchanges = [exchange for flow_run in run.flows for step in flow_run.steps for exchange in _exchanges(step)]
    unreachable = any(exchange.error_type == "connection" for exchange in exchanges)
    return unreachable and not any(exchange.candidates for exchange in exchanges)


def _exchanges(step: StepRun) -> list[Exchange]:
    found = list(step.exchanges)
    for inner in step.steps:
        found += _exchanges(inner)
    return found
