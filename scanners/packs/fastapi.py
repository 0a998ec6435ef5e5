"""FastAPI: applications, routers, mounts, operations with their payloads, and the statuses handlers answer with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Name, Shape, Value
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope, name_value
from scanners.idioms.http import VERBS, operational, status_of
from scanners.idioms.python_answers import error_given, together
from scanners.idioms.python_routes import handler_name, known_as
from scanners.idioms.python_shapes import annotation

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_ROUTERS = (
    "fastapi.FastAPI",
    "fastapi.APIRouter",
    "fastapi.applications.FastAPI",
    "fastapi.routing.APIRouter",
    "ninja.NinjaAPI",
    "ninja.Router",
    "ninja_extra.NinjaExtraAPI",
    "ninja_extra.Router",
)
_ROUTES = {**{v: v.upper() for v in VERBS}, "api_route": "", "route": "", "websocket": "GET", "websocket_route": "GET"}
_NO_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")
_GIVEN = ("Depends", "Header", "Cookie", "Security", "File", "Form", "Path")
_PLUMBING = (
    "Request",
    "Response",
    "WebSocket",
    "BackgroundTasks",
    "Session",
    "AsyncSession",
    "UploadFile",
    "HTTPConnection",
    "SecurityScopes",
)
_PLACEHOLDER = re.compile(r"{(\w+)(?::\w+)?}")
_RAISES = ("HTTPException", "StarletteHTTPException", "RequestValidationError")
_ANSWERS = ("JSONResponse", "Response", "PlainTextResponse", "HTMLResponse", "ORJSONResponse", "RedirectResponse")


class FastApi:
    """The FastAPI framework, and Django Ninja, which has its names."""

    name: str = "fastapi"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"fastapi", b"APIRouter", b"ninja")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Routers, mounts, endpoints, statuses.

        Args:
            parsed: a Python file.
        """
        yield from _routers(parsed)
        yield from _mounts(parsed)
        for site in parsed.called("add_api_route", "add_api_websocket_route"):
            yield from _added(parsed, site)
        for scope in parsed.scopes:
            if scope.sort in ("function", "method"):
                for decorator in py.decorators(parsed, scope):
                    yield from _operation(parsed, scope, decorator)
        yield from _statuses(parsed)


def _routers(code: PyCode) -> Iterator[Fact]:
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None else None
        if site is None or code.callee(site) not in _ROUTERS:
            continue
        given = site.arg(-1, "prefix")
        fields: dict[str, object] = {"name": assign.scope.qualify(assign.target), "framework": "fastapi"}
        fields["prefix"] = code.value(given, assign.scope) if given is not None else Lit("")
        yield Fact("router", fields, Location(code.path, assign.line))


def _mounts(code: PyCode) -> Iterator[Fact]:
    for site in code.called("include_router", "mount", "add_router"):
        if site.receiver is None:
            continue
        mounted = site.method in ("mount", "add_router")
        child = site.arg(1 if mounted else 0, "app" if mounted else "router")
        given = site.arg(0 if mounted else -1, "path" if mounted else "prefix")
        if child is None or not code.dotted(child):
            continue
        fields = {
            "parent": name_value(known_as(site.scope, code.dotted(site.receiver)), "a router built in place"),
            "child": _child(code, child, site.scope),
            "prefix": code.value(given, site.scope) if given is not None else Lit(""),
        }
        yield Fact("mount", fields, Location(code.path, site.line))


def _child(code: PyCode, node: Node, scope: Scope) -> Value:
    known = known_as(scope, code.dotted(node))
    return Name(known) if known != code.dotted(node) else code.value(node, scope)


def _added(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """``app.add_api_route("/x", handler, methods=["GET"])``."""
    router = code.dotted(site.receiver) if site.receiver is not None else ""
    path_node, handler = site.arg(0, "path"), site.arg(1, "endpoint", "route")
    made_by = code.type_of(router, site.scope) if router else ""
    if path_node is None or handler is None or not router or (made_by and made_by not in _ROUTERS):
        return
    name = handler_name(code, handler, site.scope)
    scope = code.scope(name)
    path = code.value(path_node, site.scope)
    for method in ["GET"] if "websocket" in site.method else _methods(code, site):
        fields: dict[str, object] = {
            "protocol": "websocket" if "websocket" in site.method else "http",
            "method": method,
            "path": path,
            "router": Name(known_as(site.scope, router)),
            "handler": name,
            "framework": "fastapi",
        }
        if scope is not None and scope.sort != "class":
            fields |= _payloads(code, scope, site, path)
        yield Fact("endpoint", fields, code.at(scope.node) if scope is not None else Location(code.path, site.line))


def _operation(code: PyCode, scope: Scope, decorator: Node) -> Iterator[Fact]:
    site = code.site(decorator)
    if site is None or site.receiver is None or site.method not in _ROUTES:
        return
    router = code.dotted(site.receiver)
    made_by = code.type_of(router, site.scope)
    path_node = site.arg(0, "path")
    if not router or path_node is None or (made_by and made_by not in _ROUTERS):
        return
    path = code.value(path_node, site.scope)
    for method in _methods(code, site):
        fields: dict[str, object] = {
            "protocol": "websocket" if site.method.startswith("websocket") else "http",
            "method": method,
            "path": path,
            "router": Name(router),
            "handler": scope.name,
            "framework": "fastapi",
        }
        fields |= _payloads(code, scope, site, path)
        if operational(path):
            fields["operational"] = True
        yield Fact("endpoint", fields, code.at(scope.node))


def _methods(code: PyCode, site: CallSite) -> list[str]:
    if _ROUTES.get(site.method):
        return [_ROUTES[site.method]]
    listed = site.arg(-1, "methods")
    names = [code.string(n).upper() for n in listed.named_children] if listed is not None else []
    return [n for n in names if n] or ["GET"]


def _payloads(code: PyCode, scope: Scope, site: CallSite, path: Value) -> dict[str, object]:
    out: dict[str, object] = {}
    in_path = set(_PLACEHOLDER.findall(path.value)) if isinstance(path, Lit) and isinstance(path.value, str) else set()
    body, query = _parameters(code, scope, in_path)
    if body is not None and (_ROUTES.get(site.method) not in _NO_BODY or code.scope(body.named) is not None):
        out["accepts"] = body
    if query:
        out["query"] = tuple(query)
    returned = _returned(code, scope, site)
    if returned != ANYTHING:
        out["returns"] = returned
    status = status_of(code, site.arg(-1, "status_code"))
    if status:
        out["status"] = status
    return out


def _parameters(code: PyCode, scope: Scope, in_path: set[str]) -> tuple[Shape | None, list[str]]:
    body: Shape | None = None
    query: list[str] = []
    for name, node in py.parameters(code, scope):
        declared = node.child_by_field_name("type")
        text = f"{code.text(declared)} {code.text(node.child_by_field_name('value'))}"
        if name in in_path or name in ("self", "cls") or declared is None:
            continue
        if any(f"{g}(" in text for g in _GIVEN):
            continue
        shape = annotation(code, declared)
        if shape.named.rsplit(".", 1)[-1] in _PLUMBING or code.annotation(declared).startswith("sqlalchemy"):
            continue
        if f"={code.text(declared)}" in code.types and not shape.fields:
            continue
        if shape.named or shape.type == "object" or "Body(" in text:
            body = shape
        elif shape.type != "array" or "Query(" in text:
            query.append(name)
        else:
            body = shape
    return body, query


def _returned(code: PyCode, scope: Scope, site: CallSite) -> Shape:
    model = site.arg(-1, "response_model")
    if model is not None and code.text(model) != "None":
        return annotation(code, model)
    declared = annotation(code, py.definition(scope).child_by_field_name("return_type"))
    if (declared.named or declared.item is not None) and declared.named.rsplit(".", 1)[-1] not in _ANSWERS:
        return declared
    shapes = [
        code.shape(body, scope)
        for node, where in code.returns
        if where is scope and node.named_child_count
        for body in _bodies(code, node.named_children[0])
    ]
    return together([s for s in shapes if s.type != "null"])


def _bodies(code: PyCode, node: Node) -> Iterator[Node]:
    """The success answers of a return: ``found if found else problem(404)`` has one."""
    if node.type == "conditional_expression" and node.named_child_count == 3:
        for part in (node.named_children[0], node.named_children[2]):
            yield from _bodies(code, part)
    elif not _refuses(code, node):
        yield node


def _refuses(code: PyCode, node: Node) -> bool:
    """An answer in place with an error status."""
    site = code.site(node)
    if site is None:
        return False
    in_place = site.method in _ANSWERS and status_of(code, site.arg(1, "status_code")) >= 400
    return in_place or error_given(code, site)


def _statuses(code: PyCode) -> Iterator[Fact]:
    for site in code.calls:
        if site.method in _RAISES:
            status = status_of(code, site.arg(0, "status_code"))
        elif site.method in _ANSWERS:
            status = status_of(code, site.arg(1, "status_code"))
        else:
            continue
        if status:
            fields = {"symbol": site.scope.name, "status": status, "error": status >= 400}
            yield Fact("responds", fields, Location(code.path, site.line))


PACK = FastApi()
