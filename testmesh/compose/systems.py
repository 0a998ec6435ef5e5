"""A system under test with everything a run wants of it: addresses, spans, logs, revisions, reset."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from graph.runs import Run
from testmesh.kernel.errors import UserError
from testmesh.workspaces.records import Project

if TYPE_CHECKING:
    from flows.engine.masking import Masks
    from flows.runner.options import Listener, RunOptions
    from graph.spans import LiveSpans, Span
    from testmesh.compose.graphs import Checkout
    from testmesh.environments.environment import Addresses, Environment
    from testmesh.telemetry.store import SpanStore

OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"


@dataclass(frozen=True, slots=True)
class Ran:
    """A run and what it left out.

    Args:
        run: the recording.
        not_run: flow file to the reason it was not run.
        spans: spans by trace id.
    """

    run: Run
    not_run: Mapping[str, str] = field(default_factory=dict)
    spans: Sequence[Span] = ()


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
        self._settings = from_toml(name, project.environments[name])
        self._traces = traces
        self._scratch = tempfile.TemporaryDirectory(prefix="testmesh-env-")
        self._receiver: object = None
        self.spans: SpanStore | None = None
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
        from testmesh.telemetry.receiver import Receiver
        from testmesh.telemetry.store import SpanStore

        self.spans = SpanStore()
        receiver = Receiver(self.spans).__enter__()
        self._receiver = receiver
        return {OTLP: receiver.endpoint}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close()

    def _close(self) -> None:
        try:
            if self.environment is not None:
                self.environment.down()
        finally:
            if self._receiver is not None:
                self._receiver.__exit__(None, None, None)  # type: ignore[attr-defined]
            self._scratch.cleanup()

    def deployed(self) -> Mapping[str, str]:
        """Service to revision, ``unknown`` where the engine cannot tell."""
        revision = self.environment.revision() if self.environment else "unknown"
        return {service.name: revision for service in self._settings.services}

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
            spans=self.live_spans(),
        )

    def live_spans(self) -> LiveSpans | None:
        """Where a running flow finds the spans it causes; None when none are received."""
        from testmesh.telemetry.store import ReceivedSpans

        if self.spans is None or self._receiver is None:
            return None
        return ReceivedSpans(self.spans, f"the OTLP receiver of environment '{self.name}'")

    def _logs(self, started: str, finished: str) -> Mapping[str, tuple[str, ...]]:
        assert self.environment is not None
        by_service: dict[str, list[str]] = {}
        for line in self.environment.logs(datetime.fromisoformat(started)).lines:
            if line.at <= finished:
                by_service.setdefault(line.service, []).append(line.text)
        return {name: tuple(lines[-2000:]) for name, lines in sorted(by_service.items())}


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
    run = asyncio.run(run_flows(replace(options, masks=masks), listeners, store))
    spans = [masked(span, masks) for span in _collected(system, run)]
    if save and spans:
        keep_spans(options.root, run.id, spans)
    return Ran(run, not_run, spans)


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


def _collected(system: System | None, run: Run) -> list[Span]:
    if system is None or system.spans is None:
        return []
    wanted = trace_ids(run)
    system.spans.settle(wanted)
    found = {(span.trace_id, span.span_id): span for trace in sorted(wanted) for span in system.spans.trace(trace)}
    return list(found.values())


def trace_ids(run: Run) -> set[str]:
    """Every trace id a run sent.

    Args:
        run: a recording.
    """
    found: set[str] = set()
    pending = [step for flow in run.flows for step in flow.steps]
    while pending:
        step = pending.pop()
        pending += step.steps
        if step.trace_id:
            found.add(step.trace_id)
    return found


def keep_spans(root: Path, run_id: str, spans: Sequence[Span]) -> None:
    """Write a run's spans beside its artefact.

    Args:
        root: repository's top folder.
        run_id: whose.
        spans: in order.
    """
    from flows.reports import write_whole
    from testmesh.telemetry.kept import document, file_of

    write_whole(file_of(root, run_id), document(spans))


def masked(span: Span, masks: Masks) -> Span:
    """A span without the secrets its run has met.

    Args:
        span: as received.
        masks: of the run.
    """
    attributes = {name: str(masks.request(value, name)) for name, value in span.attributes.items()}
    return replace(span, name=masks.text(span.name), message=masks.text(span.message), attributes=attributes)


class KeptSpans:
    """The spans kept with one run, as a SpanSource.

    Args:
        root: repository's top folder.
        run_id: whose; a run without kept spans has none.

    Raises:
        UserError: the file of its spans cannot be read.
    """

    def __init__(self, root: Path, run_id: str) -> None:
        from testmesh.telemetry.kept import spans_of
        from testmesh.telemetry.store import SpanStore

        self.spans = spans_of(root, run_id)
        self._store = SpanStore()
        self._store.add(self.spans)

    def trace(self, trace_id: str) -> Sequence[Span]:
        """The spans a trace caused.

        Args:
            trace_id: 32 hex.
        """
        return self._store.trace(trace_id)


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

    spans = SpanStore()
    spans.add(ran.spans)
    store = open_store(checkout)
    try:
        return observed(store, spans, ran.run).links if store.version() else 0
    finally:
        store.close()
