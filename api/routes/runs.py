"""Runs: upload a recording, list, get, follow the events of one that is going on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from api.answers import Cursor, Limit, answer, page
from api.auth import Caller, Editor, Viewer
from api.errors import Problem, Refused
from api.hub import Hub
from api.limits import upload_body
from api.schemas import EventBatch
from graph.codec import from_json, to_tagged
from graph.runs import Event, FlowFinished, FlowStarted, Run, RunFinished, RunStarted, StepFinished
from testmesh.kernel.errors import NotFoundError
from testmesh.workspaces.tenants import EventRow

router = APIRouter(prefix="/runs", tags=["runs"])
RUN_ID = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$"
RunId = Annotated[str, Path(pattern=RUN_ID, examples=["01kb2v9w3h5c"])]
_LAST = ("RunFinished",)


@router.post("", status_code=201, responses={201: {"model": Run}}, response_model=None)
def upload(caller: Editor, body: Annotated[bytes, Depends(upload_body)]) -> Response:
    """Keep a run artefact as `testmesh run` wrote it, and add what its spans show to the graph in a job."""
    run = from_json(Run, parsed(body))
    check_run_id(run.id)
    caller.kept.runs.save(run)
    caller.services.jobs.submit(caller.kept, "observe", run.id)
    return answer({"id": run.id, "verdict": run.verdict}, 201, {"Location": f"/api/v1/runs/{run.id}"})


@router.get("", response_model=None)
def listing(caller: Viewer, limit: Limit = 50, after: Cursor = "") -> Response:
    """Runs, newest first."""
    return page(caller.kept.runs.list(limit + 1, after), limit, "id")


@router.get("/{run_id}", responses={200: {"model": Run}}, response_model=None)
def get(caller: Viewer, run_id: RunId) -> Response:
    """One run: the whole recording. `latest` and unique prefixes work as in the CLI."""
    return answer(caller.kept.runs.load(run_id))


@router.post("/{run_id}/events", status_code=202, response_model=None)
def append(caller: Editor, request: Request, run_id: RunId, batch: EventBatch) -> Response:
    """Add events of a run that is going on; each (run, seq) is kept once."""
    for event in batch.events:
        from_json(Event, event.body)  # type: ignore[arg-type]
    new = caller.kept.events.append(run_id, [EventRow(event.seq, event.body) for event in batch.events])
    hub: Hub = request.app.state.hub
    hub.announce((caller.access.workspace.id, run_id))
    return answer({"accepted": new}, 202)


def followed(caller: Viewer, run_id: RunId) -> Caller:
    """The caller, when the run is known to its workspace."""
    if not caller.kept.events.after(run_id, 0, limit=1):
        caller.kept.runs.load(run_id)
    return caller


@router.get("/{run_id}/events", response_class=EventSourceResponse)
async def events(
    caller: Annotated[Caller, Depends(followed)],
    request: Request,
    run_id: RunId,
    last_event_id: Annotated[str, Header(pattern=r"^[0-9]{0,9}$")] = "",
) -> AsyncIterator[ServerSentEvent]:
    """The events of a run as they come, from `Last-Event-ID` on; ends with `RunFinished`."""
    hub: Hub = request.app.state.hub
    seq = int(last_event_id or 0)
    with hub.listening((caller.access.workspace.id, run_id)) as listener:
        while True:
            rows = await run_sync(_rows, caller, run_id, seq)
            for row in rows:
                seq = row.seq
                name = str(row.body.get("event", ""))
                yield ServerSentEvent(raw_data=json.dumps(row.body), event=name, id=str(seq))
                if name in _LAST:
                    return
            if not rows:
                await listener.wait()


def _rows(caller: Caller, run_id: str, seq: int) -> list[EventRow]:
    """Events behind `seq`: as they were sent, else as the recording tells them."""
    live = caller.kept.events.after(run_id, seq)
    if live or caller.kept.events.after(run_id, 0, limit=1):
        return list(live)
    try:
        run = caller.kept.runs.load(run_id)
    except NotFoundError:
        return []
    told = (EventRow(number, to_tagged(event)) for number, event in enumerate(retold(run), 1))
    return [row for row in told if row.seq > seq]


def retold(run: Run) -> list[Event]:
    """The event stream a recording was folded from, top-level steps only.

    Args:
        run: a recording.
    """
    found: list[Event] = [RunStarted(run.id, run.started, tuple(flow.file for flow in run.flows), run.seed)]
    for flow in run.flows:
        found.append(FlowStarted(run.id, flow.file, flow.name, flow.row))
        found += [StepFinished(run.id, flow.file, flow.row, step) for step in flow.steps]
        found.append(FlowFinished(run.id, flow))
    return [*found, RunFinished(run)]


def parsed(body: bytes) -> Any:
    """JSON of a request body.

    Args:
        body: as received.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(Problem(400, "json", f"the body is not JSON: {error}")) from error


def check_run_id(run_id: str) -> None:
    """Refuse ids that could not be asked for again.

    Args:
        run_id: of an uploaded run.
    """
    import re

    if not re.match(RUN_ID, run_id) or run_id == "latest":
        raise Refused(Problem(422, "validation", "$.id: letters, digits, dots and dashes, at most 64"))
