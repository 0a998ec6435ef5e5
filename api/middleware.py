"""What happens around every request: an id, a log line, a count, and headers that keep browsers strict."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ErrorPage, problem_of, response_of
from api.metrics import Metrics

_LOG = logging.getLogger("testmesh.api")
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}


class Observed:
    """Plain ASGI middleware, because a stream of events must pass through unbuffered.

    Args:
        app: what it wraps.
        metrics: where requests are counted.
        routes: endpoint function to its whole path template.
        html: the page of a problem, or None when the request is not a browser's.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Mapping[object, str], html: ErrorPage) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes
        self._html = html

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection.

        Args:
            scope: of ASGI.
            receive: of ASGI.
            send: of ASGI.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        observation = _Observation(scope, self._metrics, self._routes)

        async def wrapped(message: Message) -> None:
            observation.see(message)
            await send(message)

        try:
            await self._app(scope, receive, wrapped)
        except Exception as error:
            if observation.started:
                raise
            _LOG.exception("request failed", extra={"request_id": observation.request_id})
            problem = problem_of(error)
            response = self._html(Request(scope), problem) or response_of(problem, observation.request_id)
            await response(scope, receive, wrapped)


class _Observation:
    """One request from its first byte to the start of its response."""

    def __init__(self, scope: Scope, metrics: Metrics, routes: Mapping[object, str]) -> None:
        self._scope = scope
        self._metrics = metrics
        self._routes = routes
        self._began = time.perf_counter()
        self.started = False
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        self.request_id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = self.request_id

    def see(self, message: Message) -> None:
        """Complete and record the start of the response."""
        if message["type"] != "http.response.start":
            return
        self.started = True
        headers = MutableHeaders(scope=message)
        headers["x-request-id"] = self.request_id
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if "cache-control" not in headers:
            headers["cache-control"] = "no-store"
        self._record(message["status"])

    def _record(self, status: int) -> None:
        seconds = time.perf_counter() - self._began
        route = self._routes.get(self._scope.get("endpoint"), "unmatched")
        method = self._scope["method"] if self._scope["method"].isalpha() else "?"
        self._metrics.request(method, route, status, seconds)
        fields = {"request_id": self.request_id, "method": method, "route": route, "status": status}
        workspace = self._scope.get("state", {}).get("workspace")
        _LOG.info("request", extra={**fields, "seconds": round(seconds, 6), "workspace": workspace})
