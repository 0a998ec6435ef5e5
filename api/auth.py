"""Who asks, and whether their role is enough; a route's workspace comes from here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import Problem, Refused
from api.services import Services
from testmesh.workspaces.tenants import Access, Kept, Role

COOKIE = "testmesh_token"
_SAFE = ("GET", "HEAD")
_bearer = HTTPBearer(auto_error=False, description="An API token of the workspace, `tm_...`")


@dataclass(frozen=True, slots=True)
class Caller:
    """An admitted request.

    Args:
        access: token and role.
        kept: what the workspace of the token keeps.
        services: the seams.
    """

    access: Access
    kept: Kept
    services: Services


def services_of(request: Request) -> Services:
    """The seams the app was built from.

    Args:
        request: any.
    """
    return cast(Services, request.app.state.services)


def presented(request: Request, bearer: HTTPAuthorizationCredentials | None) -> str:
    """The token of a request: the Authorization header, or on reads the pages' cookie.

    A cookie never writes, so that another site's form cannot use it.

    Args:
        request: any.
        bearer: parsed header, if any.
    """
    if bearer is not None:
        return bearer.credentials
    return request.cookies.get(COOKIE, "") if request.method in _SAFE else ""


def admit(request: Request, token: str, role: Role) -> Caller:
    """The caller a token stands for.

    Args:
        request: remembers the workspace for the log.
        token: as presented, may be empty.
        role: what the route needs.

    Raises:
        Refused: 401 or 403.
    """
    services = services_of(request)
    access = services.directory.admit(token) if token else None
    if access is None:
        raise Refused(_unknown(bool(token)))
    if not access.may(role):
        detail = f"this needs the role {role}; the token has {access.role}"
        raise Refused(Problem(403, "role", detail, hint="ask an admin of the workspace for another token"))
    request.state.workspace = access.workspace.id
    return Caller(access, services.directory.open(access.workspace), services)


def _admitted(role: Role) -> Callable[..., Caller]:
    def needed(request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
        return admit(request, presented(request, bearer), role)

    return needed


def same_origin(request: Request) -> None:
    """Refuse a form that another site sent: the browser says where it comes from, and forms of ours are ours.

    Args:
        request: a POST of a page.

    Raises:
        Refused: 403.
    """
    host = request.headers.get("host", "")
    origin = request.headers.get("origin", "")
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or (origin and origin.partition("://")[2] != host):
        raise Refused(Problem(403, "origin", "this form was sent by another site"))


def _page_editor(request: Request) -> Caller:
    same_origin(request)
    return admit(request, request.cookies.get(COOKIE, ""), "editor")


def _unknown(given: bool) -> Problem:
    detail = "this token is not accepted" if given else "a token is needed"
    hint = "send it as: Authorization: Bearer tm_..."
    return Problem(401, "token", detail, hint, headers={"WWW-Authenticate": "Bearer"})


Viewer = Annotated[Caller, Depends(_admitted("viewer"))]
Editor = Annotated[Caller, Depends(_admitted("editor"))]
Admin = Annotated[Caller, Depends(_admitted("admin"))]
PageEditor = Annotated[Caller, Depends(_page_editor)]
