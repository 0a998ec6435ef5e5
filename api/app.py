"""Builds the application from its seams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.middleware.gzip import GZipMiddleware

from api import errors, work
from api.hub import Hub
from api.limits import BodyLimit
from api.metrics import Metrics
from api.middleware import Observed
from api.routes import answers, graph, health, pages, repositories, runs, traces, workspace
from api.services import Services

PREFIX = "/api/v1"
SMALLEST_PACKED = 4096
ABOUT = """The four answers over HTTP. Every answer is the JSON the CLI prints with `--json`.

The workspace is that of the token; errors are RFC 9457 problems with a `hint`; lists are `{items, next}`."""


def create_app(services: Services) -> FastAPI:
    """The service.

    Args:
        services: the seams.
    """
    app = FastAPI(
        title="TestMesh",
        version=services.version,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json" if services.policy.docs else None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
        lifespan=_lifespan,
    )
    app.state.services = services
    work.install(services)
    app.state.hub = Hub()
    app.state.metrics = Metrics()
    errors.install(app, pages.error_page)
    app.include_router(_api(), prefix=PREFIX)
    app.include_router(traces.router)
    app.include_router(health.router)
    app.include_router(pages.router)
    app.add_middleware(GZipMiddleware, minimum_size=SMALLEST_PACKED, compresslevel=5)
    app.add_middleware(BodyLimit, policy=services.policy)
    routes: dict[object, str] = {found.endpoint: found.path or "" for found in iter_route_contexts(app.routes)}
    app.add_middleware(Observed, metrics=app.state.metrics, routes=routes, html=pages.error_page)
    return app


def _api() -> APIRouter:
    router = APIRouter()
    for module in (workspace, repositories, runs, answers, graph):
        router.include_router(module.router)
    return router


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    await run_sync(services.jobs.recover, services.directory)
    yield
    await run_sync(services.jobs.close)
