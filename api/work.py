"""What the service's jobs do."""

from __future__ import annotations

from contextlib import closing

from api.services import ScanReport, Services
from testmesh.telemetry.kept import trace_ids
from testmesh.workflow.observing import Observed, observe_run, observe_traffic
from testmesh.workspaces.tenants import Kept

# A run is uploaded when it ends; its traces are its own, not traffic.
QUIET_SECONDS = 60.0


def install(services: Services) -> None:
    """Say how each kind of job is done.

    Args:
        services: the seams.
    """

    def scan(kept: Kept, name: str) -> ScanReport:
        return services.engines.scan(kept, kept.repositories.get(name))

    def observe(kept: Kept, run_id: str) -> Observed:
        run, spans = kept.runs.load(run_id), services.spans(kept.workspace)
        with closing(services.graph(kept.workspace)) as graph:
            seen = observe_run(graph, spans, run, services.clock, kept.workspace.id)
        spans.take(trace_ids(run))
        return seen

    def traffic(kept: Kept, environment: str) -> Observed:
        taken = services.spans(kept.workspace).take_quiet(QUIET_SECONDS)
        with closing(services.graph(kept.workspace)) as graph:
            return observe_traffic(graph, taken, environment, services.clock, kept.workspace.id)

    services.jobs.handle("scan", scan)
    services.jobs.handle("traffic", traffic)
    services.jobs.handle("observe", observe)
