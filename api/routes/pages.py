"""The pages: sign in, a workspace, a change, a run; each view has its JSON twin."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl, quote, urlencode

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.answers import answer
from api.auth import COOKIE, Caller, PageEditor, Viewer, same_origin, services_of
from api.dashboard.changes import change_view
from api.dashboard.render import assets, render
from api.dashboard.runs import run_view
from api.errors import Problem
from api.routes.answers import RepositoryQuery, RevisionQuery, diagnose, known_diagnosis, repair
from api.routes.runs import RunId
from api.services import ImpactQuestion
from graph.answers import Impact
from testmesh.kernel.errors import NotFoundError

router = APIRouter(include_in_schema=False)
AssetName = Annotated[str, Path(pattern=r"^[a-z]+\.(css|svg|js)$")]
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_MONTH = 30 * 24 * 3600
_OUTSIDE = ("/api/", "/v1/", "/metrics", "/health", "/ready")


def error_page(request: Request, problem: Problem) -> Response | None:
    """The page of a problem, or the way to sign in; None when the request is not a browser's.

    Args:
        request: what failed.
        problem: why.
    """
    path = request.url.path
    if path.startswith(_OUTSIDE) or path.endswith(".json") or "text/html" not in request.headers.get("accept", ""):
        return None
    if problem.status == 401:
        back = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': back})}", 303)
    request_id = getattr(request.state, "request_id", "")
    title = f"{problem.status} {HTTPStatus(problem.status).phrase}"
    return HTMLResponse(render("error.html", problem=problem, title=title, request_id=request_id), problem.status)


@router.get("/static/{name}")
def static(name: AssetName) -> Response:
    """A file of the pages."""
    found = assets().get(name)
    if found is None:
        raise NotFoundError(f"no file '{name}'")
    return Response(found.body, media_type=found.media, headers=_FOREVER)


@router.get("/login")
def login_page(request: Request, following: Annotated[str, Query(alias="next", max_length=2000)] = "/") -> Response:
    """Where a browser gives its token."""
    return HTMLResponse(render("login.html", next=_local(following), refused=""))


@router.post("/login")
async def login(request: Request) -> Response:
    """Keep the token in a cookie that scripts cannot read and other sites cannot send with forms."""
    same_origin(request)
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    token, following = form.get("token", "").strip(), _local(form.get("next", "/"))
    services = services_of(request)
    if await run_sync(services.directory.admit, token) is None:
        page = render("login.html", next=following, refused="This token is not accepted.")
        return HTMLResponse(page, 401)
    response = RedirectResponse(following, 303)
    secure = services.policy.secure_cookie
    response.set_cookie(COOKIE, token, max_age=_MONTH, httponly=True, samesite="lax", secure=secure, path="/")
    return response


@router.post("/logout")
def logout(request: Request) -> Response:
    """Forget the token."""
    same_origin(request)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


@router.get("/")
def home(caller: Viewer) -> Response:
    """The workspace: ask about a change, newest runs, repositories."""
    page = render(
        "home.html",
        who=caller.access,
        runs=caller.kept.runs.list(20),
        repositories=caller.kept.repositories.list(50),
    )
    return HTMLResponse(page)


@router.get("/changes.json")
def change_json(
    caller: Viewer, repository: RepositoryQuery, base: RevisionQuery = "", head: RevisionQuery = ""
) -> Response:
    """The twin of the page of a change."""
    return answer(_impact(caller, repository, base, head))


@router.get("/changes")
def change(
    caller: Viewer, request: Request, repository: RepositoryQuery, base: RevisionQuery = "", head: RevisionQuery = ""
) -> Response:
    """What a change affects."""
    impact = _impact(caller, repository, base, head)
    if _wants_json(request):
        return answer(impact)
    twin = f"/changes.json?{urlencode({'repository': repository, 'base': base, 'head': head})}"
    return HTMLResponse(render("change.html", who=caller.access, view=change_view(impact), twin=twin))


@router.get("/runs/{run_id}.json")
def run_json(caller: Viewer, run_id: RunId) -> Response:
    """The twin of the page of a run."""
    return answer(caller.kept.runs.load(run_id))


@router.get("/runs/{run_id}")
def run(caller: Viewer, request: Request, run_id: RunId) -> Response:
    """What a run did, step by step, and why it failed."""
    found = caller.kept.runs.load(run_id)
    if _wants_json(request):
        return answer(found)
    page = render(
        "run.html",
        who=caller.access,
        view=run_view(found),
        diagnosis=known_diagnosis(caller, found.id),
        fixes=caller.kept.answers.fixes(found.id, 3),
        may_write=caller.access.may("editor"),
        twin=f"/runs/{quote(found.id)}.json",
    )
    return HTMLResponse(page)


@router.post("/runs/{run_id}/diagnose")
def explain(caller: PageEditor, run_id: RunId) -> Response:
    """The button of a failed run."""
    diagnose(caller, run_id)
    return RedirectResponse(f"/runs/{quote(run_id)}#diagnosis", 303)


@router.post("/runs/{run_id}/fix")
def suggest(caller: PageEditor, run_id: RunId) -> Response:
    """The button of a diagnosed run."""
    repair(caller, run_id)
    return RedirectResponse(f"/runs/{quote(run_id)}", 303)


def _impact(caller: Caller, repository: str, base: str, head: str) -> Impact:
    known = caller.kept.repositories.get(repository)
    return caller.services.engines.impact(caller.kept, ImpactQuestion(known, base, head))


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def _local(path: str) -> str:
    """Only paths of this server: `//host`, `/\\host` and addresses would lead elsewhere."""
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if good else "/"
