"""A system under test with everything a run wants of it: addresses, spans, logs, revisions, reset."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from graph.runs import Run
from testmesh.kernel.errors import SettingError, UserError
from testmesh.workspaces.records import Project

if TYPE_CHECKING:
    from flows.runner.options import Listener, RunOptions
    from flows.runner.store import FileRunStore
    from graph.spans import Span
    from testmesh.compose.graphs import Checkout
    from testmesh.compose.spans import Telemetry
    from testmesh.environments.environment import Addresses, Environment, LogLine
    from testmesh.telemetry.store import Taken

MOST_LINES = 2000


@dataclass(frozen=True, slots=True)
class Ran:
    """A run and what it left out.

    Args:
        run: the recording.
        not_run: flow file to the reason it was not run.
        spans: what its traces show.
        traffic: other traces received meanwhile.
        unkept: why the recording could not be kept; what it tells is shown and reported before that ends the command.
        troubles: what went wrong around it, one sentence each: a service that ended, spans or logs not to be had.
    """

    run: Run
    not_run: Mapping[str, str] = field(default_factory=dict)
    spans: Sequence[Span] = ()
    troubles: tuple[str, ...] = ()
    traffic: Sequence[Taken] = ()
    unkept: UserError | None = None


class System:
    """An environment of testmesh.toml, up while in use as a context manager.

    Args:
        project: whose settings.
        name: environment name.
        tree: folder with the system's files; the project's own when None.
        traces: receive spans from the services.

    Raises:
        UserError: there is no such environment.
    """

    def __init__(self, project: Project, name: str, tree: Path | None = None, *, traces: bool = True) -> None:
        from testmesh.environments.settings import from_toml

        if name not in project.environments:
            known = ", ".join(sorted(project.environments)) or "none"
            raise UserError(f"testmesh.toml has no environment '{name}'", hint=f"it has: {known}")
        self.project, self.name = project, name
        self.tree = tree or project.root
        try:
            self._settings = from_toml(name, project.environments[name])
        except SettingError as error:
            raise _placed(error, project) from error
        self._traces = traces
        self._scratch = tempfile.TemporaryDirectory(prefix="testmesh-env-")
        self.telemetry: Telemetry | None = None
        self._log_times: Mapping[str, Sequence[float]] = {}
        self.environment: Environment | None = None
        self.addresses: Addresses | None = None

    def __enter__(self) -> System:
        from testmesh.environments.environment import open_environment

        try:
            extra = self._listen() if self._traces else {}
            folder = Path(self._scratch.name)
            folder.chmod(0o755)
            self.environment = open_environment(self._settings, folder, extra)
            self.addresses = self.environment.up(self.tree)
        except BaseException:
            self._close()
            raise
        return self

    def _listen(self) -> Mapping[str, str]:
        from testmesh.compose.spans import Sources, Telemetry
        from testmesh.telemetry.settings import telemetry_settings

        try:
            common = telemetry_settings(self.project.telemetry)
            own = ("environments", self.name, "telemetry")
            settings = telemetry_settings(self._settings.telemetry, own) if self._settings.telemetry else common
        except SettingError as error:
            raise _placed(error, self.project) from error
        grpc = any(service.otlp == "grpc" for service in self._settings.services)
        ours = self._settings.engine != "running"
        self.telemetry = Telemetry(Sources(settings, os.environ, ours, grpc)).__enter__()
        return self.telemetry.variables

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close()

    def _close(self) -> None:
        try:
            if self.environment is not None:
                self.environment.down()
        finally:
            if self.telemetry is not None:
                self.telemetry.__exit__(None, None, None)
            self._scratch.cleanup()

    def deployed(self, spans: Sequence[Span] = ()) -> Mapping[str, str]:
        """Service to revision, ``unknown`` where nobody can tell.

        Args:
            spans: of a run, for services whose spans say it.
        """
        every = self.environment.revision() if self.environment else "unknown"
        found = {service.name: every for service in self._settings.services}
        if self.environment is not None:
            found |= self.environment.revisions()
        for service in self._settings.services:
            wanted = service.revision.attribute if service.revision is not None else ""
            if wanted:
                said = {s.attributes[wanted] for s in spans if s.service == service.name and wanted in s.attributes}
                found[service.name] = ", ".join(sorted(said)) or "unknown"
        return found

    def troubles(self) -> Mapping[str, str]:
        """What happened to services since they came up, a clause by service."""
        return self.environment.troubles() if self.environment is not None else {}

    def restart(self, paths: Iterable[Path]) -> tuple[str, ...]:
        """Starts the services anew whose files changed; empty when only a new environment would show the change.

        Args:
            paths: that changed, absolute.

        Raises:
            UnavailableError: one did not start; leave the system then.
        """
        from testmesh.compose.service_code import services_of

        names = services_of(paths, self._settings, self.project, self.tree)
        if self.environment is None or self.addresses is None or set(names) & set(self.addresses.unavailable):
            return ()
        return names if names and self.environment.restart(names) else ()

    def options(self, options: RunOptions) -> RunOptions:
        """Run options with this system's addresses, revisions and logs.

        Args:
            options: as asked for.
        """
        assert self.addresses is not None
        addresses = self.addresses.variables
        # A replay keeps the recorded inputs, but never the addresses of a system that is gone.
        recorded = {
            key: {name: value for name, value in inputs.items() if name not in addresses}
            for key, inputs in options.recorded.items()
        }
        return replace(
            options,
            recorded=recorded,
            environment=self.name,
            environment_variables={**self.addresses.variables},
            deployed=self.deployed(),
            logs=self._logs,
            log_times=lambda: self._log_times,
        )

    def _logs(self, started: str, finished: str) -> Mapping[str, tuple[str, ...]]:
        assert self.environment is not None
        found = self.environment.logs(datetime.fromisoformat(started))
        by_service: dict[str, list[LogLine]] = {}
        for line in found.lines:
            if line.at <= finished:
                by_service.setdefault(line.service, []).append(line)
        kept = {name: lines[-MOST_LINES:] for name, lines in sorted(by_service.items())}
        begin = datetime.fromisoformat(started)
        self._log_times = {name: [_after(begin, line.at) for line in lines] for name, lines in kept.items()}
        logs = {name: tuple(line.text for line in lines) for name, lines in kept.items()}
        # An engine without logs says so in its documentation; here it would look like lines of a service.
        wanted = self._settings.engine != "running" or any(service.logs for service in self._settings.services)
        return logs | ({"(not read)": (found.not_checked,)} if found.not_checked and wanted else {})


def _after(begin: datetime, at: str) -> float:
    return (datetime.fromisoformat(at) - begin).total_seconds() * 1000


def _placed(error: SettingError, project: Project) -> Exception:
    """The complaint at its line of testmesh.toml."""
    if project.file is None:
        return error
    from testmesh.workspaces.places import placed

    return placed(error, project.file)


def revision_of(project: Project) -> str:
    """Commit of a work tree, with a digest of uncommitted changes, or ``unknown``.

    Args:
        project: whose.
    """
    from testmesh.environments import revisions

    return revisions.revision_of(project.root)


def run_flows_in(
    system: System | None, options: RunOptions, listeners: Sequence[Listener] = (), *, save: bool = True
) -> Ran:
    """Run flows, keep the recording and the spans.

    Args:
        system: an entered system, or None to run against whatever the variables name.
        options: what to run.
        listeners: told of every event.
        save: keep the artefact in the project's state folder.
    """
    from flows.engine.masking import Masks
    from flows.runner.discovery import discover
    from flows.runner.running import run_flows
    from flows.runner.store import FileRunStore

    not_run: dict[str, str] = {}
    if system is not None:
        options = system.options(options)
        assert system.addresses is not None
        paths = discover(options.paths, options.root)
        not_run = without(system.addresses.unavailable, paths, options.root)
        if not_run and len(not_run) == len(paths):
            return Ran(empty_run(options), not_run)
        options = replace(options, paths=tuple(p for p in paths if shown(p, options.root) not in not_run))
    store = FileRunStore(options.root / ".testmesh" / "runs") if save else None
    masks = options.masks if options.masks is not None else Masks()
    options = replace(options, masks=masks)
    with _telemetry(system, options) as telemetry:
        if telemetry is None:
            run = asyncio.run(run_flows(options, listeners))
            return Ran(run, not_run, unkept=_unkept(store, run))
        from testmesh.compose.spans import keep_spans, masked

        options = replace(options, spans=telemetry.live())
        run = saved = asyncio.run(run_flows(options, listeners))
        unkept = _unkept(store, run)
        found, trouble = telemetry.collected(run)
        traffic = telemetry.traffic(run)
    spans = [masked(span, masks) for span in found]
    if save and spans and unkept is None:
        keep_spans(options.root, run.id, spans)
    troubles = [trouble] if trouble else []
    if system is not None:
        happened = system.troubles()
        troubles += [f"{service} {clause}" for service, clause in happened.items()]
        run = _completed(run, system.deployed(spans), {name: masks.text(text) for name, text in happened.items()})
        if run is not saved:
            unkept = _unkept(store, run)
    return Ran(run, not_run, tuple(spans), tuple(masks.text(text) for text in troubles), traffic, unkept)


def _unkept(store: FileRunStore | None, run: Run) -> UserError | None:
    try:
        if store is not None:
            store.save(run)
    except UserError as problem:
        return problem
    return None


def _completed(run: Run, now: Mapping[str, str], troubles: Mapping[str, str]) -> Run:
    """The recording with what is known only after it: revisions spans said or that changed, services that ended."""
    told = {
        service: revision if before in (revision, "unknown") else f"{before}, then {revision}"
        for service, revision in now.items()
        for before in (run.deployed.get(service, "unknown"),)
    }
    logs, times = dict(run.logs), dict(run.log_times)
    for service, clause in troubles.items():
        if service in times or service not in logs:
            times[service] = [*times.get(service, ()), _after(datetime.fromisoformat(run.started), run.finished)]
        logs[service] = [*logs.get(service, ()), f"[testmesh] {service} {clause}"]
    if told == dict(run.deployed) and not troubles:
        return run
    return replace(run, deployed=told, logs=logs, log_times=times)


@contextmanager
def _telemetry(system: System | None, options: RunOptions) -> Iterator[Telemetry | None]:
    """The system's; without one, what `[telemetry]` of testmesh.toml asks for, up while flows run."""
    if system is not None:
        yield system.telemetry
        return
    from testmesh.workspaces.files import load_project

    project = load_project(options.root)
    table = project.telemetry
    if not table:
        yield None
        return
    from testmesh.compose.spans import Sources, Telemetry
    from testmesh.telemetry.settings import telemetry_settings

    try:
        settings = telemetry_settings(table)
    except SettingError as error:
        raise _placed(error, project) from error
    with Telemetry(Sources(settings, options.process)) as telemetry:
        yield telemetry


def empty_run(options: RunOptions) -> Run:
    """The recording of nothing: no flow could run, which is never a success.

    Args:
        options: what was asked for.
    """
    from testmesh.kernel.clock import SystemClock, iso
    from testmesh.kernel.ids import run_id

    now = iso(SystemClock().now())
    return Run(run_id(), now, now, "error", (), environment=options.environment, revision=options.revision)


def shown(path: str, root: Path) -> str:
    """A flow's path as people see it.

    Args:
        path: as discovered.
        root: repository's top folder.
    """
    from flows.runner.discovery import shown as discovered

    return discovered(Path(path), root)


def without(unavailable: Mapping[str, str], paths: Sequence[str], root: Path) -> dict[str, str]:
    """Flows that need a service which is not there, with the reason.

    Args:
        unavailable: service to reason.
        paths: flow files.
        root: repository's top folder.
    """
    from flows.actions import catalogue
    from flows.runner.loading import Loader

    found: dict[str, str] = {}
    if not unavailable:
        return found
    for opened in Loader(root, catalogue()).open_all(paths):
        needed = [] if opened.flow is None else [s for s in opened.flow.require if s in unavailable]
        if needed:
            found[opened.file] = f"needs service '{needed[0]}': {unavailable[needed[0]]}"
    return found


def observe_run(checkout: Checkout, ran: Ran) -> int:
    """Add what a run's spans show to the stored graph: observed links and *executed* grades.

    Args:
        checkout: whose graph.
        ran: a run with its spans.

    Returns:
        Links in the day's runtime bucket afterwards.
    """
    from testmesh.compose.graphs import open_store
    from testmesh.telemetry.store import SpanStore
    from testmesh.workflow.observing import observe_run as observed
    from testmesh.workflow.observing import observe_traffic

    spans = SpanStore()
    spans.add(ran.spans)
    store = open_store(checkout)
    try:
        if not store.version():
            return 0
        if ran.traffic:
            observe_traffic(store, ran.traffic, ran.run.environment)
        return observed(store, spans, ran.run).links
    finally:
        store.close()
