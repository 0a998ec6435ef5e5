"""One of everything in a workspace, its name in every text, so that any leak of it can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.answers import Diagnosis, Fix
from graph.codec import to_tagged
from graph.runs import FlowRun, Run, RunStarted, StepRun
from graph.schema import Edge, Evidence, GraphData, node
from graph.spans import Span
from graph.store import Bucket
from testmesh.workspaces.tenants import Dismissal, EventRow, Kept, ModelRoute, Repository

if TYPE_CHECKING:
    from api.services import Services

_TRACE = "f" * 32


@dataclass(frozen=True, slots=True)
class Things:
    """The ids of everything one workspace was filled with.

    Args:
        mark: in every text of it.
        values: path parameter or `route parameter` to value.
        node: label of a node.
    """

    mark: str
    values: Mapping[str, str]
    node: str


def a_recording(mark: str) -> Run:
    """A failed run that names its workspace everywhere.

    Args:
        mark: the workspace's id.
    """
    step = StepRun("step", "steps", "http_request", "failed", f"{mark} message", trace_id=_TRACE)
    flow = FlowRun(f"{mark}.yaml", mark, None, "failed", 1.0, (step,))
    moment = "2026-01-01T00:00:00.000Z"
    return Run(f"{mark}-run", moment, moment, "failed", (flow,), environment=mark)


def fill(kept: Kept, services: Services, source: str) -> Things:
    """Put one of everything into a workspace, its name in every text.

    Args:
        kept: whose.
        services: for its graph and spans.
        source: an allowed folder.
    """
    mark = kept.workspace.id
    recording = a_recording(mark)
    kept.runs.save(recording)
    kept.events.append(f"{mark}-live", [EventRow(1, to_tagged(RunStarted(mark, "now", (mark,), 1)))])
    repository = Repository(f"{mark}-repo", source)
    kept.repositories.put(repository)
    kept.secrets.put(f"{mark}_secret", mark)
    kept.settings.route(ModelRoute("chat", f"{mark}-agent", (mark,)))
    kept.settings.dismiss(Dismissal("edge", f"{mark}-subject", mark, mark, ""))
    token = kept.tokens.add(f"{mark} token", "viewer").token
    job = kept.jobs.add("scan", f"{mark} job")
    said = (Evidence("code", mark, f"{mark}.py", 1),)
    one, two = node(mark, "Service", (f"{mark}-svc",), evidence=said), node(mark, "External", (mark,), evidence=said)
    edge = Edge("CALLS", one.uid, two.uid, evidence=said)
    content = GraphData({one.uid: one, two.uid: two}, {edge.id: edge})
    with closing(services.graph(kept.workspace)) as graph:
        graph.replace(Bucket("links", f"{mark}-repo"), content)
    trace = f"{int.from_bytes(mark.encode()[-16:], 'big') or 1:032x}"
    services.spans(kept.workspace).add([Span(trace, "1" * 16, "", mark, "server", mark, 1, 1)])
    fix = _answers(kept, recording)
    values = {
        "run_id": recording.id,
        "fix_id": fix,
        "token_id": token.id,
        "job_id": job.id,
        "trace_id": trace,
        "uid": one.uid,
        "subject": f"{mark}-subject",
        "kind": "edge",
        "purpose": "chat",
        "agent": f"{mark}-agent",
        "/api/v1/secrets/{name} name": f"{mark}_secret",
        "/api/v1/repositories/{name} name": repository.name,
        "/api/v1/repositories/{name}/scan name": repository.name,
        "/api/v1/graph/queries/{name} name": "neighbours",
        "/static/{name} name": "page.css",
    }
    return Things(mark, values, one.label)


def _answers(kept: Kept, recording: Run) -> str:
    mark = kept.workspace.id
    diagnosis = Diagnosis(recording.id, f"{mark}.yaml", "step", "flaky", mark)
    kept.answers.save_diagnosis(diagnosis)
    return kept.answers.save_fix(Fix(recording.id, "suggestion", "x", mark, mark, diagnosis=diagnosis)).id
