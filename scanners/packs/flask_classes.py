"""Flask's class views: MethodView, and the resources of Flask-RESTful, Flask-RESTX and Flask-Smorest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Fact, Lit, Location, Value
from scanners.idioms import python as py
from scanners.idioms.code import Assign, CallSite, Scope
from scanners.idioms.python_routes import (
    BY_VERB,
    Route,
    Server,
    endpoint,
    handler_name,
    known_as,
    methods_of,
    mount,
    router,
    view_classes,
)
from scanners.idioms.python_views import Incoming

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_REQUEST = Incoming(
    requests=("request", "flask.request", "self.request"),
    calls=("get_json",),
    attributes=("json", "form"),
    raw=("data",),
    query=("args",),
    answers=("jsonify", "make_response"),
    plain=True,
)
_VIEWS = (
    "flask.views.MethodView",
    "flask_restful.Resource",
    "flask_restx.Resource",
    "flask_restplus.Resource",
    "flask_apispec.MethodResource",
    "flask_apispec.views.MethodResource",
)
_SERVER = Server("flask", _REQUEST, BY_VERB, _VIEWS)
_LIBRARIES = ("flask_restful", "flask_restx", "flask_restplus", "flask_smorest")


class FlaskClasses:
    """Class views of Flask and its API libraries."""

    name: str = "flask_classes"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (
        b"MethodView",
        b"Resource",
        b"flask_rest",
        b"flask_smorest",
        b"as_view",
        b"resource(",
    )

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Routers, mounts and view classes.

        Args:
            parsed: a Python file.
        """
        for assign in parsed.assigns:
            site = parsed.site(assign.value) if assign.value is not None else None
            if site is not None and parsed.callee(site).split(".", 1)[0] in _LIBRARIES:
                yield from _router(parsed, assign, site)
        for site in parsed.called("add_namespace", "init_app", "add_url_rule", "register_blueprint"):
            yield from _mounted(parsed, site)
        for site in parsed.calls:
            if site.method.startswith("add_") and site.method.endswith("resource"):
                yield from _resource(parsed, site)
        for scope in parsed.scopes:
            if scope.sort == "class" and scope.decorated:
                yield from _decorated(parsed, scope)
        if b"lask" in parsed.data or b"quart" in parsed.data:
            yield from view_classes(parsed, _SERVER)


def _router(code: PyCode, assign: Assign, site: CallSite) -> Iterator[Fact]:
    """``api = Api(app, prefix="/api")``, ``ns = Namespace("orders", path="/o")``."""
    where = Location(code.path, assign.line)
    name = assign.scope.qualify(assign.target)
    made = code.callee(site).rsplit(".", 1)[-1]
    if made == "Namespace":
        given = site.arg(2, "path")
        written = code.value(site.arg(0, "name"), assign.scope)
        prefix: Value = code.value(given, assign.scope) if given is not None else Concat((Lit("/"), written))
        yield router(name, "flask", prefix, where)
    elif made == "Api":
        given = site.arg(1, "prefix")
        yield router(name, "flask", code.value(given, assign.scope) if given is not None else Lit(""), where)
        app = code.dotted(site.arg(0, "app", "blueprint"))
        if app and app != "None":
            yield mount(code, site, (app, assign.target, Lit("")))


def _mounted(code: PyCode, site: CallSite) -> Iterator[Fact]:
    holder = code.dotted(site.receiver) if site.receiver is not None else ""
    if not holder or not site.args:
        return
    if site.method == "add_namespace" and code.dotted(site.args[0]):
        yield from _namespace(code, site, holder)
    elif site.method == "init_app" and code.callee(site).split(".", 1)[0] in _LIBRARIES and code.dotted(site.args[0]):
        yield mount(code, site, (code.dotted(site.args[0]), holder, Lit("")))
    elif site.method == "add_url_rule":
        yield from _rule(code, site, holder)
    elif site.method == "register_blueprint" and b"flask_smorest" in code.data:
        yield mount(code, site, (holder, code.dotted(site.args[0]), Lit("")))


def _resource(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """``api.add_resource(Orders, "/orders")``, and an API's own method named after it."""
    holder = code.dotted(site.receiver) if site.receiver is not None else ""
    handler = handler_name(code, site.args[0], site.scope) if site.args else ""
    paths = [p for p in site.args[1:] if site.method == "add_resource" or code.string(p).startswith("/")]
    methods = methods_of(code, site.arg(-1, "methods"), site.scope)
    for path in paths if holder and handler else ():
        value = code.value(path, site.scope)
        if not methods:
            yield mount(code, site, (holder, handler, value), operation=True)
        for method in methods:
            route = Route(known_as(site.scope, holder), method, value, f"{handler}.{method.lower()}")
            yield endpoint(code, _SERVER, route, Location(code.path, site.line))


def _namespace(code: PyCode, site: CallSite, holder: str) -> Iterator[Fact]:
    given = site.arg(1, "path")
    made = mount(
        code, site, (holder, code.dotted(site.args[0]), code.value(given, site.scope) if given is not None else Lit(""))
    )
    yield Fact("mount", {**made.fields, "replaces": True}, made.at) if given is not None else made


def _rule(code: PyCode, site: CallSite, holder: str) -> Iterator[Fact]:
    """``app.add_url_rule("/orders", view_func=Orders.as_view("orders"), methods=["GET"])``."""
    view = site.arg(2, "view_func")
    called = _view_call(code, view, site.scope)
    if called is None or called.receiver is None:
        return
    handler = code.dotted(called.receiver)
    path = code.value(site.arg(0, "rule"), site.scope)
    methods = methods_of(code, site.arg(-1, "methods"), site.scope)
    if not methods or not handler:
        yield mount(code, site, (holder, handler, path), operation=True)
        return
    for method in methods:
        own = f"{handler}.{method.lower()}"
        route = Route(known_as(site.scope, holder), method, path, own)
        yield endpoint(code, _SERVER, route, Location(code.path, site.line))


def _view_call(code: PyCode, view: Node | None, scope: Scope) -> CallSite | None:
    """The ``as_view`` call an expression is or a name of this file holds."""
    made = code.site(view) if view is not None else None
    if made is None and view is not None and code.dotted(view):
        made = code.made_of(code.dotted(view), scope)
    return made if made is not None and made.method == "as_view" else None


def _decorated(code: PyCode, scope: Scope) -> Iterator[Fact]:
    """``@ns.route("/orders/<id>")`` on a class."""
    for decorator in py.decorators(code, scope):
        site = code.site(decorator)
        holder = code.dotted(site.receiver) if site is not None and site.receiver is not None else ""
        if site is None or site.method != "route" or not holder:
            continue
        for path in site.args:
            yield mount(code, site, (holder, scope.name, code.value(path, site.scope)), operation=True)


PACK = FlaskClasses()
