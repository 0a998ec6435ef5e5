"""Whether the process lives, whether it can answer, and its numbers."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import answer
from api.auth import services_of
from api.metrics import MEDIA_TYPE, Metrics

router = APIRouter(tags=["operation"])


@router.get("/health", response_model=None)
def health(request: Request) -> Response:
    """The process lives."""
    return answer({"status": "ok", "version": services_of(request).version})


@router.get("/ready", response_model=None)
def ready(request: Request) -> Response:
    """It can answer: the database does."""
    services_of(request).directory.ready()
    return answer({"status": "ready"})


@router.get("/metrics", response_model=None)
def metrics(request: Request) -> Response:
    """Numbers of this process for Prometheus; no workspace and no id is in them."""
    found: Metrics = request.app.state.metrics
    return Response(found.text(), media_type=MEDIA_TYPE)
