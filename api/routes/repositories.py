"""Repositories of a workspace: register, list, scan."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import Cursor, Limit, answer, page
from api.auth import Editor, Viewer
from api.policy import allowed_source
from api.schemas import NAME, NewRepository
from testmesh.workspaces.tenants import Job, Repository

router = APIRouter(prefix="/repositories", tags=["repositories"])
RepositoryName = Annotated[str, Path(pattern=NAME, examples=["shop"])]
Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the end.")]


@router.get("", response_model=None)
def listing(caller: Viewer, limit: Limit = 50, after: Cursor = "") -> Response:
    """Repositories, by name."""
    return page(caller.kept.repositories.list(limit + 1, after), limit, "name")


@router.post("", status_code=201, responses={201: {"model": Repository}}, response_model=None)
def register(caller: Editor, body: NewRepository) -> Response:
    """Watch a repository: a path below a folder, or an https address, that the operator allows."""
    source = allowed_source(body.source, caller.services.policy)
    repository = Repository(body.name, source, body.branch)
    caller.kept.repositories.put(repository)
    return answer(repository, 201, {"Location": f"/api/v1/repositories/{body.name}"})


@router.get("/{name}", responses={200: {"model": Repository}}, response_model=None)
def get(caller: Viewer, name: RepositoryName) -> Response:
    """One repository, with the problems of its last scan."""
    return answer(caller.kept.repositories.get(name))


@router.delete("/{name}", status_code=204, response_model=None)
def remove(caller: Editor, name: RepositoryName) -> Response:
    """Stop watching it; its part of the graph goes with the next scan of the workspace."""
    caller.kept.repositories.remove(name)
    return Response(status_code=204)


@router.post("/{name}/scan", status_code=202, responses={202: {"model": Job}}, response_model=None)
def scan(caller: Editor, name: RepositoryName, wait: Wait = 0.0) -> Response:
    """Bring the graph up to date in a job; with `wait` the answer is the finished job when it ends in time."""
    repository = caller.kept.repositories.get(name)
    allowed_source(repository.source, caller.services.policy)
    job = caller.services.jobs.submit(caller.kept, "scan", name)
    if wait and caller.services.jobs.wait(caller.kept, job, wait):
        return answer(caller.kept.jobs.get(job.id), 200)
    return answer(job, 202, {"Location": f"/api/v1/jobs/{job.id}"})
