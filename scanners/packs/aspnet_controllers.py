"""ASP.NET controllers: attribute and conventional routes, inherited routes and actions, areas, payloads, statuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Call, Fact, Lit, Location, Name, Param, Value
from scanners.idioms import cs_http
from scanners.idioms.cs_scopes import parameters
from scanners.idioms.expressions import concat
from scanners.idioms.http import operational

if TYPE_CHECKING:
    from scanners.idioms.code import Scope
    from scanners.idioms.cs_code import CsCode
    from scanners.idioms.cs_records import Attribute

_FRAMEWORK = ("Controller", "ControllerBase", "ApiController", "ODataController", "Hub")
_ROUTES = ("Route", "RoutePrefix")
_ACTIONS = frozenset({"ActionResult", "IActionResult", "ViewResult", "JsonResult", "IHttpActionResult", "IResult"})
_NO_ROUTE = Lit("")


@dataclass(frozen=True, slots=True)
class _Controller:
    """A controller class.

    Args:
        scope: the class.
        name: what ``[controller]`` stands for.
        abstract: only classes derived from it serve.
        routed: it has routes of its own.
        conventional: actions without a route are served by controller and action name.
        bases: base classes of this system.
    """

    scope: Scope
    name: str
    abstract: bool
    routed: bool
    conventional: bool
    bases: tuple[str, ...]


_ENDPOINTS = ("EndpointBase", "BaseEndpoint", "BaseAsyncEndpoint")


class AspNetControllers:
    """ASP.NET Core and Web API controllers."""

    name: str = "aspnet_controllers"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (b"Controller", b"[Http", b"EndpointBase", b"[Route")

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Controllers, their operations, and the statuses they answer with.

        Args:
            parsed: a C# file.
        """
        found = [c for scope in parsed.scopes if (c := _controller(parsed, scope)) is not None]
        for controller in found:
            yield from _routers(parsed, controller)
            for scope in parsed.scopes:
                if scope.parent is controller.scope and scope.sort == "method":
                    yield from _action(parsed, controller, scope)
        owners = {c.scope.name for c in found}
        yield from cs_http.statuses(parsed, (s for s in parsed.calls if s.scope.owner in owners))


def _controller(code: CsCode, scope: Scope) -> _Controller | None:
    if scope.sort != "class":
        return None
    short = scope.name.rpartition(".")[2]
    marks = {a.name for a in code.attributes_of(scope.node)}
    bases = tuple(b for b in scope.bases if not _is_interface(b))
    named = short.endswith("Controller")
    derived = any(b.rpartition(".")[2] in _FRAMEWORK[:4] or b.endswith(("Controller", "ControllerBase")) for b in bases)
    if "NonController" in marks or not (
        derived or marks & {"ApiController", "Controller"} or _verbs_inside(code, scope)
    ):
        return None
    words = {code.text(c) for c in scope.node.children if c.type == "modifier"}
    if "static" in words:
        return None
    own = tuple(b for b in bases if b.rpartition(".")[2] not in _FRAMEWORK and not b.startswith(_ENDPOINTS))
    api = bool(marks & {"ApiController"}) or any(
        b.rpartition(".")[2] in ("ControllerBase", "ApiController") for b in bases
    )
    routed = any(a.name in _ROUTES for a in code.attributes_of(scope.node))
    name = short.removesuffix("Controller") if named else short
    return _Controller(scope, name, "abstract" in words, routed, not api and not routed, own)


def _serves(code: CsCode, scope: Scope) -> bool:
    return scope.name.endswith("Controller") or _verbs_inside(code, scope)


def _is_interface(base: str) -> bool:
    short = base.rpartition(".")[2]
    return short[:1] == "I" and short[1:2].isupper()


def _verbs_inside(code: CsCode, scope: Scope) -> bool:
    return any(
        a.name in cs_http.VERBS
        for s in code.scopes
        if s.parent is scope and s.sort == "method"
        for a in code.attributes_of(s.node)
    )


def _routers(code: CsCode, controller: _Controller) -> Iterator[Fact]:
    scope = controller.scope
    for prefix in () if _by_action(code, controller) else _prefixes(code, controller):
        fields: dict[str, object] = {"name": scope.name, "framework": "aspnet_controllers", "prefix": prefix}
        if controller.abstract:
            fields["detached"] = True
        yield Fact("router", fields, code.at(scope.node))
    for mark in code.attributes_of(scope.node):
        if mark.name in _ROUTES and (controller.abstract or not _serves(code, scope)):
            yield from _inherited(code, controller, mark)
            break
    for base in controller.bases:
        fields = {"parent": Name(scope.name), "child": Name(base), "prefix": Lit(""), "replaces": True}
        yield Fact("mount", {**fields, "symbol": scope.name}, code.at(scope.node))


def _prefixes(code: CsCode, controller: _Controller) -> list[Value]:
    found = []
    for mark in code.attributes_of(controller.scope.node):
        if mark.name in _ROUTES:
            found.append(_filled(code, mark, controller, ""))
    if found:
        return found
    if controller.bases:
        return [Call(Name(f"{controller.bases[0]}.Route"), (Lit(controller.name),))]
    return [_NO_ROUTE]


def _inherited(code: CsCode, controller: _Controller, mark: Attribute) -> Iterator[Fact]:
    """The route of a base class as a function of the derived controller's name."""
    scope = controller.scope
    name = f"{scope.name}.Route"
    value = code.value(mark.arg(0, "template"), scope)
    filled = cs_http.replaced(cs_http.route(value), {"controller": Param(0, "controller")})
    fields = {"name": name, "sort": "method", "params": ("controller",), "digest": code.text(mark.node)}
    yield Fact("symbol", fields, code.at(mark.node))
    yield Fact("returns", {"symbol": name, "value": filled}, code.at(mark.node))


def _filled(code: CsCode, mark: Attribute, controller: _Controller, action: str) -> Value:
    value = cs_http.route(code.value(mark.arg(0, "template", "Template"), controller.scope))
    area = next((a for a in code.attributes_of(controller.scope.node) if a.name == "Area"), None)
    tokens: dict[str, Value] = {"controller": Lit(controller.name), "action": Lit(action)}
    if area is not None:
        tokens["area"] = code.value(area.arg(0), controller.scope)
    if controller.abstract:
        tokens["controller"] = Lit("{controller}")
    return _versioned(code, controller, cs_http.replaced(value, tokens))


def _versioned(code: CsCode, controller: _Controller, value: Value) -> Value:
    """``v{version:apiVersion}`` with the only version the controller has."""
    versions = {
        code.string(a.arg(0)) or code.text(a.arg(0))
        for a in code.attributes_of(controller.scope.node)
        if a.name == "ApiVersion" and a.args
    }
    if len(versions) != 1 or not isinstance(value, Lit) or not isinstance(value.value, str):
        return value
    version = versions.pop().strip('"')
    short = version.removesuffix(".0")
    return Lit(value.value.replace("{version}", short).replace("{apiVersion}", short))


def _action(code: CsCode, controller: _Controller, scope: Scope) -> Iterator[Fact]:
    marks = code.attributes_of(scope.node)
    named = {a.name: a for a in marks}
    words = {code.text(c) for c in scope.node.children if c.type == "modifier"}
    if "NonAction" in named or "public" not in words or words & {"static", "abstract"}:
        return
    action = _action_name(code, scope, named)
    routes = [a for a in marks if a.name == "Route"]
    verbs = [a for a in marks if a.name in cs_http.VERBS]
    asked = [m for a in marks if a.name == "AcceptVerbs" for n in a.args if (m := code.string(n).upper())]
    methods: list[tuple[str, Attribute | None]] = [(cs_http.VERBS[a.name], a) for a in verbs]
    methods += [(m, None) for m in asked]
    if not methods:
        if not routes and not (_implied(code, controller, scope)):
            return
        methods = [("ANY", None)]
    for method, mark in methods:
        own = [mark] if mark is not None and mark.arg(0, "template") is not None else routes
        for path, absolute in _paths(code, (controller, scope), own, action):
            yield _endpoint(code, controller, scope, (method, path, absolute))


def _action_name(code: CsCode, scope: Scope, named: dict[str, Attribute]) -> str:
    given = code.string(named["ActionName"].arg(0)) if "ActionName" in named else ""
    return given or scope.name.rpartition(".")[2].partition("/")[0].removesuffix("Async")


def _implied(code: CsCode, controller: _Controller, scope: Scope) -> bool:
    """An action without any route or verb: by convention in an MVC controller, or under the class's own route."""
    returned = code.refs.get(f"{scope.name}.return")
    inner = (
        returned.args[0] if returned is not None and returned.args and returned.short != "ActionResult" else returned
    )
    answers = inner is not None and (inner.short in _ACTIONS or inner.short.endswith("Result"))
    return answers and (controller.conventional or controller.routed)


def _paths(
    code: CsCode, about: tuple[_Controller, Scope], own: list[Attribute], action: str
) -> list[tuple[Value, bool]]:
    """Paths of an action, and whether they are whole."""
    controller, scope = about
    made = [(_filled(code, a, controller, action), _absolute(code, a)) for a in own]
    if _by_action(code, controller):
        heads = [_filled(code, a, controller, action) for a in _class_routes(code, controller)]
        return [
            (path if absolute else concat([head, Lit("/"), path]) if path != _NO_ROUTE else head, True)
            for head in heads
            for path, absolute in made or [(_NO_ROUTE, False)]
        ]
    if made:
        return made
    if controller.conventional and not controller.bases:
        return [(_by_convention(code, controller, scope, action), True)]
    return [(_NO_ROUTE, False)]


def _by_action(code: CsCode, controller: _Controller) -> bool:
    """Whether the class's route holds the name of the action."""
    return any("[action]" in code.text(a.node) for a in _class_routes(code, controller))


def _by_convention(code: CsCode, controller: _Controller, scope: Scope, action: str) -> Value:
    """``{controller=Home}/{action=Index}/{id?}``: the last part is there where the action takes an ``id``."""
    identified = any(p.name == "id" and not code.attributes_of(p.node) for p in parameters(code, scope.node))
    shown = f"/{action}/{{id}}" if identified else "" if action == "Index" else f"/{action}"
    head = "" if controller.name == "Home" and not shown else f"/{controller.name}"
    area = next((a for a in code.attributes_of(controller.scope.node) if a.name == "Area"), None)
    start: list[Value] = [Lit("/"), code.value(area.arg(0), controller.scope)] if area is not None else []
    return concat([*start, Lit(f"{head}{shown}" or "/")])


def _class_routes(code: CsCode, controller: _Controller) -> list[Attribute]:
    return [a for a in code.attributes_of(controller.scope.node) if a.name in _ROUTES]


def _absolute(code: CsCode, mark: Attribute) -> bool:
    return code.string(mark.arg(0, "template")).startswith(("/", "~/"))


def _endpoint(code: CsCode, controller: _Controller, scope: Scope, about: tuple[str, Value, bool]) -> Fact:
    method, path, absolute = about
    fields: dict[str, object] = {"protocol": "http", "method": method, "path": path}
    if not absolute:
        fields["router"] = Name(controller.scope.name)
    fields |= {"handler": scope.name, "framework": "aspnet_controllers"}
    inside = cs_http.in_path(path)
    for mark in _class_routes(code, controller):
        inside |= cs_http.in_path(cs_http.route(code.value(mark.arg(0), controller.scope)))
    payloads = cs_http.served(code, scope, (method, inside), parameters(code, scope.node))
    fields |= payloads.fields()
    if operational(path):
        fields["operational"] = True
    return Fact("endpoint", fields, Location(code.path, int(_line(scope))))


def _line(scope: Scope) -> int:
    return int(scope.node.start_point[0]) + 1


PACK = AspNetControllers()
