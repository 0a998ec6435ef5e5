"""What the service's jobs do."""

from __future__ import annotations

from contextlib import closing

from api.services import ScanReport, Services
from testmesh.workflow.observing import Observed, observe_run
from testmesh.workspaces.tenants import Kept


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
            return observe_run(graph, spans, run, services.clock, kept.workspace.id)

    services.jobs.handle("scan", scan)
    services.jobs.handle("observe", observe)
