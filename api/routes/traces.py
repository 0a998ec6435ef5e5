"""OTLP over HTTP: spans of the workspace of the token, from services or a collector."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.answers import answer
from api.auth import Editor, Viewer
from api.limits import upload_body
from api.metrics import Metrics
from testmesh.telemetry.otlp import MEDIA_TYPES, decode, success

router = APIRouter(tags=["traces"])
TRAFFIC = "traffic"
_WORTH_A_LOOK = 1000
TraceId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.post("/v1/traces", response_model=None)
def receive(caller: Editor, request: Request, body: Annotated[bytes, Depends(upload_body)]) -> Response:
    """An ExportTraceServiceRequest in protobuf or JSON; set the token with `OTEL_EXPORTER_OTLP_HEADERS`."""
    content_type = request.headers.get("content-type", "")
    media = content_type.partition(";")[0].strip().lower()
    if media not in MEDIA_TYPES:
        raise HTTPException(415, f"'{media}' is not a media type of OTLP: send {' or '.join(MEDIA_TYPES)}")
    batch = decode(body, content_type)
    spans = caller.services.spans(caller.access.workspace)
    spans.add(batch.spans)
    if spans.untaken() >= _WORTH_A_LOOK:
        caller.services.jobs.submit(caller.kept, "traffic", TRAFFIC)
    metrics: Metrics = request.app.state.metrics
    metrics.spans(len(batch.spans))
    return Response(success(batch, content_type), media_type=media)


@router.get("/api/v1/traces/{trace_id}", response_model=None)
def trace(caller: Viewer, trace_id: TraceId) -> Response:
    """The spans of a trace known so far, by start."""
    return answer({"items": list(caller.services.spans(caller.access.workspace).trace(trace_id)), "next": None})
