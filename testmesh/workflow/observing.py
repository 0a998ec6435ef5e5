"""What runs were seen to do, added to the graph day by day and forgotten after a while (DESIGN §3, runtime buckets)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from graph.runs import Run
from graph.schema import GraphData
from graph.spans import SpanSource
from graph.store import Bucket, GraphStore, VersionConflict
from testmesh.kernel.clock import Clock, SystemClock, iso
from testmesh.kernel.workspace import LOCAL
from testmesh.telemetry.known import Known
from testmesh.telemetry.observe import LOCAL as HERE
from testmesh.telemetry.observe import Observation, merged, observe, observe_traces
from testmesh.telemetry.store import Taken

RUNTIME = "runtime"
KEEP_DAYS = 30
_NODES = ("Service", "Endpoint", "Topic", "Dataset", "Flow", "Step")
_EDGES = ("OWNS", "READS", "WRITES", "EXERCISES")
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Observed:
    """What an observation added.

    Args:
        run: its id.
        spans: looked at.
        links: in the day's bucket now.
        unmatched: what spans name and the graph does not know.
    """

    run: str
    spans: int
    links: int
    unmatched: tuple[str, ...] = ()


def observe_run(
    store: GraphStore, source: SpanSource, run: Run, clock: Clock | None = None, workspace: str = LOCAL.id
) -> Observed:
    """Add the links a run was seen to make to its environment's bucket of the day, and drop buckets out of date.

    Args:
        store: the graph.
        source: the spans of its traces.
        run: the recording.
        clock: decides what is out of date.
        workspace: whose graph it is.

    Raises:
        VersionConflict: others kept changing the graph meanwhile.
    """
    bucket = Bucket(RUNTIME, run.environment or HERE, run.started[:10])
    seen, links = _added(store, bucket, workspace, lambda known: observe(run, source, known))
    _forget(store, clock or SystemClock())
    return Observed(run.id, seen.spans, links, seen.unmatched)


def observe_traffic(
    store: GraphStore, traces: Sequence[Taken], environment: str, clock: Clock | None = None, workspace: str = LOCAL.id
) -> Observed:
    """Add the links of spans that no run caused to the day's bucket of an environment.

    Args:
        store: the graph.
        traces: each span as new once.
        environment: where they were seen.
        clock: says what day it is.
        workspace: whose graph it is.

    Raises:
        VersionConflict: others kept changing the graph meanwhile.
    """
    now = iso((clock or SystemClock()).now())
    bucket = Bucket(RUNTIME, environment or HERE, now[:10])
    seen, links = _added(
        store, bucket, workspace, lambda known: observe_traces(traces, known, now, environment or HERE)
    )
    _forget(store, clock or SystemClock())
    return Observed("", seen.spans, links, seen.unmatched)


def _added(
    store: GraphStore, bucket: Bucket, workspace: str, look: Callable[[Known], Observation]
) -> tuple[Observation, int]:
    for _ in range(_TRIES):
        version = store.version()
        shown = store.slice(_NODES, _EDGES)
        seen = look(Known(GraphData(shown.nodes, shown.edges), workspace))
        content = merged(store.content(bucket), seen.data)
        try:
            store.replace(bucket, content, version)
        except VersionConflict:
            continue
        return seen, len(content.edges)
    raise VersionConflict(f"the graph changed {_TRIES} times while {bucket.name} was added to")


def _forget(store: GraphStore, clock: Clock) -> None:
    oldest = (clock.now() - timedelta(days=KEEP_DAYS)).date().isoformat()
    for bucket in store.buckets():
        if bucket.scanner == RUNTIME and bucket.root < oldest:
            store.replace(bucket, GraphData())
