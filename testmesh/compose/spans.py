"""The spans of a run: received here, asked of the server that keeps them, and left beside the recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from graph.runs import Run
from graph.spans import LiveSpans, Span
from testmesh.kernel.errors import TestMeshError
from testmesh.telemetry.fetching import BackendSpans, FetchedSpans, JoinedSpans, settled
from testmesh.telemetry.kept import trace_ids
from testmesh.telemetry.settings import TelemetrySettings
from testmesh.telemetry.store import ReceivedSpans, SpanStore, Taken

if TYPE_CHECKING:
    from flows.engine.masking import Masks

OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"
OTLP_GRPC = "TESTMESH_OTLP_GRPC_ENDPOINT"
# Services that we start send every 200 ms: what said nothing for a second has nothing to say.
_PATIENCE = 1.0
_FOR_SERVICES = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_BSP_SCHEDULE_DELAY": "200"}


@dataclass(frozen=True, slots=True)
class Sources:
    """How spans may come.

    Args:
        settings: `[telemetry]`.
        process: the process environment, for variables in headers.
        ours: services that we start are told where to send them.
        grpc: one of them speaks nothing but gRPC.
    """

    settings: TelemetrySettings
    process: Mapping[str, str]
    ours: bool = False
    grpc: bool = False


class Telemetry:
    """Receivers that are up while in use as a context manager, and the server that keeps spans.

    Args:
        sources: how spans may come.

    Raises:
        UserError: a header's variable is not set; on entering, an address cannot be listened on.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._stack = ExitStack()
        self._where = ""
        self.store: SpanStore | None = None
        self.variables: dict[str, str] = {}
        backend = sources.settings.backend
        self._backend = BackendSpans(backend, backend.sent(sources.process)) if backend is not None else None

    def __enter__(self) -> Telemetry:
        settings = self._sources.settings
        listens = self._sources.ours or settings.receive is not None or settings.receive_grpc is not None
        if listens:
            self.store = SpanStore()
            with ExitStack() as opening:
                self._listen(opening, self.store)
                self._stack = opening.pop_all()
        return self

    def _listen(self, opening: ExitStack, store: SpanStore) -> None:
        from testmesh.telemetry.receiver import LOOPBACK, Receiver

        settings = self._sources.settings
        if self._sources.ours or settings.receive is not None:
            host, port = settings.receive or (LOOPBACK, 0)
            receiver = opening.enter_context(Receiver(store, port, host))
            self._where = receiver.endpoint
            self.variables |= {OTLP: receiver.endpoint, **_FOR_SERVICES}
        if self._sources.grpc or settings.receive_grpc is not None:
            from testmesh.telemetry.grpc_receiver import GrpcReceiver

            host, port = settings.receive_grpc or (LOOPBACK, 0)
            grpc = opening.enter_context(GrpcReceiver(store, port, host))
            self._where = self._where or grpc.endpoint
            self.variables[OTLP_GRPC] = grpc.endpoint

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    def live(self) -> LiveSpans | None:
        """Where a running flow finds the spans it causes; None when there is nowhere to look."""
        found: list[LiveSpans] = []
        if self.store is not None:
            found.append(ReceivedSpans(self.store, f"the OTLP receiver at {self._where}"))
        if self._backend is not None:
            found.append(FetchedSpans(self._backend))
        return found[0] if len(found) == 1 else JoinedSpans(tuple(found)) if found else None

    def collected(self, run: Run) -> tuple[list[Span], str]:
        """The spans a finished run caused, and why some may be missing.

        Args:
            run: the recording.
        """
        wanted = trace_ids(run)
        found: dict[tuple[str, str], Span] = {}
        trouble = ""
        if wanted and self.store is not None:
            patience = _PATIENCE if self._sources.ours else None
            self.store.settle(wanted, limit=self._sources.settings.wait, patience=patience)
            found |= {_key(span): span for trace in sorted(wanted) for span in self.store.trace(trace)}
        if wanted and self._backend is not None:
            try:
                kept = settled(self._backend, wanted, self._sources.settings.wait)
            except TestMeshError as error:
                trouble = f"spans were not fetched: {error}"
            else:
                found |= {_key(span): span for span in kept}
        return list(found.values()), trouble

    def traffic(self, run: Run) -> list[Taken]:
        """What was received and the run did not cause.

        Args:
            run: its own traces are looked at otherwise.
        """
        return self.store.take_quiet(0.0, trace_ids(run)) if self.store is not None else []


def _key(span: Span) -> tuple[str, str]:
    return span.trace_id, span.span_id


def masked(span: Span, masks: Masks) -> Span:
    """A span without the secrets its run has met.

    Args:
        span: as received.
        masks: of the run.
    """
    attributes = {name: str(masks.request(value, name)) for name, value in span.attributes.items()}
    return replace(span, name=masks.text(span.name), message=masks.text(span.message), attributes=attributes)


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

        self.spans = spans_of(root, run_id)
        self._store = SpanStore()
        self._store.add(self.spans)

    def trace(self, trace_id: str) -> Sequence[Span]:
        """The spans a trace caused.

        Args:
            trace_id: 32 hex.
        """
        return self._store.trace(trace_id)
