"""Flask: applications, blueprints, routes with their payloads, and the statuses views answer with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Name, Shape, Value
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope, name_value
from scanners.idioms.http import VERBS, operational, status_of
from scanners.idioms.python_answers import answers_method, error_given, together
from scanners.idioms.python_reads import Payload, reads
from scanners.idioms.python_routes import handler_name, known_as

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_APPS = ("flask.Flask", "flask.app.Flask", "flask_openapi3.OpenAPI", "quart.Quart")
_BLUEPRINTS = ("flask.Blueprint", "flask.blueprints.Blueprint", "quart.Blueprint", "flask_smorest.Blueprint")
_ROUTES = (*VERBS, "route", "websocket")


class Flask:
    """The Flask framework (and Quart, which has its names)."""

    name: str = "flask"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"flask", b"quart", b".route(")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Routers, mounts, endpoints, statuses.

        Args:
            parsed: a Python file.
        """
        yield from _routers(parsed)
        for site in parsed.called("register_blueprint", "add_url_rule", "abort"):
            yield from _mounted(parsed, site)
            yield from _rule(parsed, site)
            yield from _aborted(parsed, site)
        for scope in parsed.scopes:
            if scope.sort in ("function", "method"):
                for decorator in py.decorators(parsed, scope):
                    yield from _route(parsed, scope, decorator)
        yield from _answered(parsed)


def _routers(code: PyCode) -> Iterator[Fact]:
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None else None
        if site is None or code.callee(site) not in (*_APPS, *_BLUEPRINTS):
            continue
        given = site.arg(-1, "url_prefix")
        fields: dict[str, object] = {"name": assign.scope.qualify(assign.target), "framework": "flask"}
        fields["prefix"] = code.value(given, assign.scope) if given is not None else Lit("")
        yield Fact("router", fields, Location(code.path, assign.line))


def _mounted(code: PyCode, site: CallSite) -> Iterator[Fact]:
    if site.receiver is None or site.method != "register_blueprint" or not site.args:
        return
    given = site.arg(-1, "url_prefix")
    child = code.dotted(site.args[0])
    known = known_as(site.scope, child)
    fields: dict[str, object] = {
        "parent": name_value(known_as(site.scope, code.dotted(site.receiver)), "an application built in place"),
        "child": Name(known) if known != child else code.value(site.args[0], site.scope),
        "prefix": code.value(given, site.scope) if given is not None else Lit(""),
    }
    if given is not None:
        fields["replaces"] = True
    yield Fact("mount", fields, Location(code.path, site.line))


def _route(code: PyCode, scope: Scope, decorator: Node) -> Iterator[Fact]:
    site = code.site(decorator)
    if site is None or site.receiver is None or site.method not in _ROUTES or not site.args:
        return
    router = code.dotted(site.receiver)
    made_by = code.type_of(router, site.scope)
    foreign = bool(made_by) and made_by not in (*_APPS, *_BLUEPRINTS)
    if not router or foreign or (not made_by and b"lask" not in code.data and b"quart" not in code.data):
        return
    methods = _methods(code, site) if site.method == "route" else [site.method.upper()]
    for method in methods:
        yield _endpoint(code, scope, (Name(router), method, code.value(site.args[0], site.scope)))


def _methods(code: PyCode, site: CallSite) -> list[str]:
    listed = site.arg(-1, "methods")
    names = [code.string(n).upper() for n in listed.named_children] if listed is not None else []
    return [n for n in names if n] or ["GET"]


def _endpoint(code: PyCode, scope: Scope, about: tuple[Value, str, Value]) -> Fact:
    router, method, path = about
    fields: dict[str, object] = {
        "protocol": "websocket" if method == "WEBSOCKET" else "http",
        "method": "GET" if method == "WEBSOCKET" else method,
        "path": path,
        "router": router,
        "handler": scope.name,
        "framework": "flask",
    }
    body = _body(code, scope)
    if body is not None and method in ("POST", "PUT", "PATCH", "DELETE"):
        fields["accepts"] = body
    query = _query(code, scope)
    if query:
        fields["query"] = query
    returned, status = _success(code, scope, method)
    if returned != ANYTHING:
        fields["returns"] = returned
    if status:
        fields["status"] = status
    if operational(path):
        fields["operational"] = True
    return Fact("endpoint", fields, code.at(scope.node))


def _body(code: PyCode, scope: Scope) -> Shape | None:
    def is_source(node: Node) -> bool:
        if node.type == "call":
            site = code.site(node)
            return site is not None and site.dotted in ("request.get_json", "flask.request.get_json")
        return node.type == "attribute" and code.dotted(node) in ("request.json", "request.form", "flask.request.json")

    return reads(code, scope, Payload(is_source, ("get_json", "json", "form"))).shape()


def _query(code: PyCode, scope: Scope) -> tuple[str, ...]:
    found = [
        code.string(s.args[0])
        for s in code.calls
        if s.scope is scope and s.dotted.endswith("request.args.get") and s.args
    ]
    found += [
        code.string(n.child_by_field_name("subscript"))
        for n, s in code.subscripts
        if s is scope and code.text(n.child_by_field_name("value")) == "request.args"
    ]
    return tuple(dict.fromkeys(f for f in found if f))


def _returns(code: PyCode, scope: Scope, method: str = "") -> Iterator[tuple[Node, int]]:
    """What a view returns: body expression and status, 0 when it does not say; of one method when it tells."""
    for node, where in code.returns:
        if where is not scope or not node.named_child_count:
            continue
        if method and not answers_method(code, scope, node, method):
            continue
        body = node.named_children[0]
        if body.type in ("expression_list", "tuple") and body.named_child_count > 1:
            yield body.named_children[0], status_of(code, body.named_children[1]) if _plain(body) else 0
        else:
            yield body, 0


def _plain(listed: Node) -> bool:
    return listed.named_children[1].type in ("integer", "attribute")


def _success(code: PyCode, scope: Scope, method: str) -> tuple[Shape, int]:
    shapes: list[Shape] = []
    status = 0
    for body, answered in _returns(code, scope, method):
        made = code.site(body)
        if answered >= 400 or (made is not None and error_given(code, made)):
            continue
        shape = code.shape(body, scope)
        if answered and (not status or (shapes and shapes[-1].type not in ("object", "array"))):
            status = answered
        shapes.append(shape if shape.type in ("object", "array") else ANYTHING)
    return together(shapes), status


def _answered(code: PyCode) -> Iterator[Fact]:
    for scope in code.scopes:
        if scope.sort in ("function", "method"):
            for body, status in _returns(code, scope):
                if status:
                    fields = {"symbol": scope.name, "status": status, "error": status >= 400}
                    yield Fact("responds", fields, code.at(body))


def _aborted(code: PyCode, site: CallSite) -> Iterator[Fact]:
    if (
        site.receiver is None
        and code.callee(site) in ("flask.abort", "abort", "werkzeug.exceptions.abort")
        and site.args
    ):
        status = status_of(code, site.args[0])
        if status:
            fields = {"symbol": site.scope.name, "status": status, "error": status >= 400}
            yield Fact("responds", fields, Location(code.path, site.line))


def _rule(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """``app.add_url_rule("/x", view_func=f)``; classes are the flask_classes pack's."""
    holder = code.dotted(site.receiver) if site.receiver is not None else ""
    view = site.arg(2, "view_func")
    if site.method != "add_url_rule" or not holder or not site.args or view is None or view.type == "call":
        return
    name = handler_name(code, view, site.scope)
    scope = code.scope(name)
    router, path = Name(known_as(site.scope, holder)), code.value(site.args[0], site.scope)
    for method in _methods(code, site):
        if scope is not None:
            yield _endpoint(code, scope, (router, method, path))
        elif name:
            fields = {"protocol": "http", "method": method, "path": path, "router": router, "handler": name}
            yield Fact("endpoint", fields | {"framework": "flask"}, Location(code.path, site.line))


PACK = Flask()
