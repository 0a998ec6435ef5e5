"""One shape for every error (RFC 9457), with what to do about it, and nothing of ours leaking out of a bug."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from graph.store import VersionConflict
from testmesh.kernel.errors import (
    DiagnosticsError,
    LimitExceeded,
    MissingExtra,
    NotFoundError,
    TestMeshError,
    UnavailableError,
    UserError,
)
from testmesh.workspaces.tenants import Busy

MEDIA_TYPE = "application/problem+json"
_KINDS: tuple[tuple[type[Exception], int, str], ...] = (
    (NotFoundError, 404, "not-found"),
    (Busy, 409, "busy"),
    (VersionConflict, 409, "conflict"),
    (LimitExceeded, 413, "limit"),
    (DiagnosticsError, 422, "diagnostics"),
    (MissingExtra, 501, "missing-extra"),
    (UserError, 400, "request"),
    (UnavailableError, 503, "unavailable"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as RFC 9457 wants it.

    Args:
        status: HTTP status.
        kind: last part of the type URN.
        detail: what is wrong, one sentence.
        hint: what to do about it.
        extra: further members.
        headers: of the response.
    """

    status: int
    kind: str
    detail: str
    hint: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> dict[str, Any]:
        """Its JSON form.

        Args:
            request_id: for finding it in the log.
        """
        found: dict[str, Any] = {
            "type": f"urn:testmesh:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.hint:
            found["hint"] = self.hint
        return {**found, **self.extra, "request_id": request_id}


ErrorPage: TypeAlias = Callable[[Request, Problem], Response | None]


class Refused(Exception):
    """A request that is answered with a problem.

    Args:
        problem: the answer.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def problem_of(error: Exception) -> Problem:
    """The problem an exception is answered with.

    Args:
        error: anything a route raised.
    """
    if isinstance(error, Refused):
        return error.problem
    if isinstance(error, RequestValidationError):
        return Problem(422, "validation", _validation_detail(error), extra={"errors": _validation_errors(error)})
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})
        return Problem(error.status_code, "http", str(error.detail), headers=headers)
    for kind, status, name in _KINDS:
        if isinstance(error, kind):
            return _deliberate(error, status, name)
    return Problem(500, "bug", "this is a bug of TestMesh", hint="the server's log has it under this request id")


def _deliberate(error: Exception, status: int, name: str) -> Problem:
    if isinstance(error, DiagnosticsError):
        found = [diagnostic.as_json() for diagnostic in error.diagnostics]
        return Problem(status, name, error.message, error.hint or "", {"diagnostics": found})
    if isinstance(error, UserError | UnavailableError):
        return Problem(status, name, error.message, error.hint or "")
    return Problem(status, name, str(error) or "somebody else changed it meanwhile", "read it again and retry")


def _validation_errors(error: RequestValidationError) -> list[dict[str, Any]]:
    return [{"at": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]


def _validation_detail(error: RequestValidationError) -> str:
    first = _validation_errors(error)[0]
    return f"{first['at']}: {first['message']}"


def response_of(problem: Problem, request_id: str) -> Response:
    """The response of a problem.

    Args:
        problem: what happened.
        request_id: for finding it in the log.
    """
    body = json.dumps(problem.body(request_id), ensure_ascii=False, default=str)
    return Response(body, problem.status, dict(problem.headers), MEDIA_TYPE)


def install(app: FastAPI, html: ErrorPage) -> None:
    """Answer every deliberate exception with a problem, to a browser on a page with a page.

    Args:
        app: the application.
        html: the page of a problem, or None when the request is not a browser's.
    """

    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        return html(request, problem) or response_of(problem, getattr(request.state, "request_id", ""))

    handled: tuple[type[Exception], ...] = (
        Refused,
        RequestValidationError,
        HTTPException,
        TestMeshError,
        VersionConflict,
    )
    for kind in handled:
        app.add_exception_handler(kind, answer)
