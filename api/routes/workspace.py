"""The caller's workspace: who am I, tokens, secrets, model routes, dismissed items, jobs."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import Cursor, Limit, answer, page
from api.auth import Admin, Editor, Viewer
from api.schemas import NAME, PLAIN, NewTokenBody, Reason, RouteModels, SecretValue
from testmesh.workspaces.tenants import Dismissal, Job, ModelRoute, NewToken

router = APIRouter()
Id = Annotated[str, Path(pattern=r"^[0-9a-zA-Z_-]{1,64}$")]
SecretName = Annotated[str, Path(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,99}$")]
Purpose = Literal["chat", "embed"]
Dismissed = Literal["edge", "diagnosis", "fix"]
Subject = Annotated[str, Path(pattern=PLAIN, max_length=500)]
AgentName = Annotated[str, Path(pattern=NAME + "|^-$")]


@router.get("/workspace", tags=["workspace"], response_model=None)
def whoami(caller: Viewer) -> Response:
    """The workspace and role of the token."""
    return answer({"workspace": caller.access.workspace, "role": caller.access.role, "token": caller.access.token})


@router.get("/tokens", tags=["workspace"], response_model=None)
def tokens(caller: Admin) -> Response:
    """Tokens without their text."""
    return answer({"items": list(caller.kept.tokens.list()), "next": None})


@router.post("/tokens", tags=["workspace"], status_code=201, responses={201: {"model": NewToken}}, response_model=None)
def make_token(caller: Admin, body: NewTokenBody) -> Response:
    """Make a token; its text is shown this once."""
    return answer(caller.kept.tokens.add(body.label, body.role), 201)


@router.delete("/tokens/{token_id}", tags=["workspace"], response_model=None)
def revoke_token(caller: Admin, token_id: Id) -> Response:
    """Accept a token no longer."""
    return answer(caller.kept.tokens.revoke(token_id))


@router.get("/secrets", tags=["workspace"], response_model=None)
def secrets(caller: Admin) -> Response:
    """Names and versions; values never leave the server."""
    return answer({"items": list(caller.kept.secrets.list()), "next": None})


@router.put("/secrets/{name}", tags=["workspace"], response_model=None)
def put_secret(caller: Admin, name: SecretName, body: SecretValue) -> Response:
    """Keep a new version of a secret."""
    return answer(caller.kept.secrets.put(name, body.value))


@router.delete("/secrets/{name}", tags=["workspace"], status_code=204, response_model=None)
def remove_secret(caller: Admin, name: SecretName) -> Response:
    """Forget a secret and all its versions."""
    caller.kept.secrets.remove(name)
    return Response(status_code=204)


@router.get("/model-routes", tags=["workspace"], response_model=None)
def routes(caller: Viewer) -> Response:
    """Which models are used for what."""
    return answer({"items": list(caller.kept.settings.routes()), "next": None})


@router.put("/model-routes/{purpose}/{agent}", tags=["workspace"], response_model=None)
def put_route(caller: Admin, purpose: Purpose, agent: AgentName, body: RouteModels) -> Response:
    """Set the models of a purpose for one agent, or for all with `-`; an empty list removes the route."""
    route = ModelRoute(purpose, "" if agent == "-" else agent, tuple(body.models))
    caller.kept.settings.route(route)
    return answer(route)


@router.get("/dismissals", tags=["workspace"], response_model=None)
def dismissals(caller: Viewer) -> Response:
    """What people said is not so."""
    return answer({"items": list(caller.kept.settings.dismissals()), "next": None})


@router.put("/dismissals/{kind}/{subject:path}", tags=["workspace"], response_model=None)
def dismiss(caller: Editor, kind: Dismissed, subject: Subject, body: Reason) -> Response:
    """Dismiss an edge, a diagnosis or a fix, with the reason."""
    caller.kept.settings.dismiss(Dismissal(kind, subject, body.reason, caller.access.token, ""))
    return answer({"kind": kind, "subject": subject, "reason": body.reason})


@router.delete("/dismissals/{kind}/{subject:path}", tags=["workspace"], status_code=204, response_model=None)
def restore(caller: Editor, kind: Dismissed, subject: Subject) -> Response:
    """Show a dismissed item again."""
    caller.kept.settings.restore(kind, subject)
    return Response(status_code=204)


@router.get("/jobs", tags=["jobs"], response_model=None)
def jobs(caller: Viewer, limit: Limit = 50, after: Cursor = "") -> Response:
    """Jobs, newest first."""
    return page(caller.kept.jobs.list(limit + 1, after), limit, "id")


@router.get("/jobs/{job_id}", tags=["jobs"], responses={200: {"model": Job}}, response_model=None)
def job(caller: Viewer, job_id: Id) -> Response:
    """One job."""
    return answer(caller.kept.jobs.get(job_id))
