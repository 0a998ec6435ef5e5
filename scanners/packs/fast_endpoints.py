"""Endpoints as classes and functions: FastEndpoints, and Azure Functions with an HTTP trigger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Name, Value
from scanners.idioms import cs_config, cs_http
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_code import items
from scanners.idioms.cs_scopes import base_refs, parameters
from scanners.idioms.cs_shapes import of_ref, wire
from scanners.idioms.cs_types import TypeRef

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_VERBS = {v.capitalize(): v.upper() for v in ("get", "post", "put", "patch", "delete", "head")}
_BASES = (
    "Endpoint",
    "EndpointWithoutRequest",
    "EndpointWithMapping",
    "EndpointWithMapper",
    "EndpointWithoutRequestWithMapper",
)
_HANDLERS = ("HandleAsync", "ExecuteAsync", "Handle")

_ELSEWHERE = {"FromHeader", "FromClaim", "FromRoute", "RouteParam", "FromBody", "FromCookie", "HasPermission"}


class FastEndpoints:
    """FastEndpoints and Azure Functions."""

    name: str = "fast_endpoints"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (b"Endpoint<", b"EndpointWithoutRequest", b"HttpTrigger", b"FastEndpoints")

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Operations.

        Args:
            parsed: a C# file.
        """
        for scope in parsed.scopes[1:]:
            if scope.sort == "class":
                ref = next((r for r in base_refs(parsed, scope.node) if r.short in _BASES), None)
                ref = ref or next((r for r in base_refs(parsed, scope.node) if r.name.startswith("Ep.")), None)
                if ref is not None:
                    yield from _endpoint(parsed, scope, ref)
            elif scope.sort == "method":
                yield from _function(parsed, scope)


def _endpoint(code: CsCode, scope: Scope, ref: TypeRef) -> Iterator[Fact]:
    inside = [s for s in code.calls if s.scope.name.startswith(f"{scope.name}.Configure") and s.receiver is None]
    paths: list[tuple[Value, int]] = []
    methods: list[str] = []
    for site in inside:
        if site.method in (*_VERBS, "Routes") and site.args:
            paths += [
                (cs_http.route(code.value(a, site.scope)), site.line)
                for a in site.args
                if a.type != "lambda_expression"
            ]
            methods += [_VERBS[site.method]] if site.method in _VERBS else []
        elif site.method == "Verbs":
            methods += [code.dotted(a).rpartition(".")[2].upper() or code.string(a).upper() for a in site.args]
    for path, line, method in _attributes(code, scope):
        paths.append((path, line))
        methods.append(method)
    handler = next((s for s in code.scopes if s.parent is scope and s.name.rpartition(".")[2] in _HANDLERS), None)
    for path, line in paths:
        for method in dict.fromkeys(methods or ["GET"]):
            fields: dict[str, object] = {"protocol": "http", "method": method, "path": _grouped(code, inside, path)}
            fields |= {"handler": handler.name if handler is not None else scope.name, "framework": "fast_endpoints"}
            fields |= _payloads(ref, method)
            query = _query(code, ref, path) if method in ("GET", "HEAD", "DELETE") else ()
            fields |= {"query": query} if query else {}
            yield Fact("endpoint", fields, Location(code.path, line))


def _attributes(code: CsCode, scope: Scope) -> Iterator[tuple[Value, int, str]]:
    for mark in code.attributes_of(scope.node):
        if mark.name in cs_http.VERBS and mark.args:
            value = cs_http.route(code.value(mark.args[0], scope))
            yield value, int(mark.node.start_point[0]) + 1, cs_http.VERBS[mark.name]


def _grouped(code: CsCode, inside: list[CallSite], path: Value) -> Value:
    """``RoutePrefixOverride("x")`` of one endpoint."""
    for site in inside:
        if site.method == "RoutePrefixOverride" and site.args:
            return cs_http.joined([code.value(site.args[0], site.scope), path])
    return path


def _payloads(ref: TypeRef, method: str) -> dict[str, object]:
    out: dict[str, object] = {}
    requests = not ref.short.startswith("EndpointWithoutRequest") and ref.args
    if requests and method in ("POST", "PUT", "PATCH") and of_ref(ref.args[0]) != ANYTHING:
        out["accepts"] = of_ref(ref.args[0])
    answers = ref.args[1:2] if requests else ref.args[:1]
    if answers and of_ref(answers[0]) != ANYTHING:
        out["returns"] = of_ref(answers[0])
    return out


def _query(code: CsCode, ref: TypeRef, path: Value) -> tuple[str, ...]:
    """Properties of a request without a body that the path does not give, where this file has its class."""
    named = ref.args[0].name if ref.args and not ref.short.startswith("EndpointWithoutRequest") else ""
    told = cs_config.constant(code, path.name, code.scopes[0]) if isinstance(path, Name) else None
    path = Lit(told) if told else path
    if not isinstance(path, Lit):
        return ()
    inside = cs_http.in_path(path)
    found = []
    for made in code.declared.get(named, {}).values():
        marks = {a.name: a for a in code.attributes_of(made.node)}
        bound = next((marks[n] for n in ("BindFrom", "QueryParam", "FromQuery") if n in marks), None)
        elsewhere = made.sort == "field" or made.modifiers & {"static", "const"} or marks.keys() & _ELSEWHERE
        name = (code.string(bound.arg(0, "Name")) if bound is not None else "") or wire(made.name)
        if not elsewhere and name.lower() not in inside:
            found.append(name)
    return tuple(found)


def _function(code: CsCode, scope: Scope) -> Iterator[Fact]:
    named = next((a for a in code.attributes_of(scope.node) if a.name in ("Function", "FunctionName")), None)
    for made in parameters(code, scope.node):
        mark = next((a for a in code.attributes_of(made.node) if a.name == "HttpTrigger"), None)
        if mark is None or named is None:
            continue
        route = mark.named.get("Route")
        written = code.value(route, scope) if route is not None and route.type != "null_literal" else None
        path = written or (code.value(named.args[0], scope) if named.args else Lit(scope.name.rpartition(".")[2]))
        methods = [code.string(a).upper() for a in _methods(mark.args) if code.string(a)]
        for method in methods or ["ANY"]:
            fields: dict[str, object] = {"protocol": "http", "method": method}
            fields |= {"path": cs_http.joined([Lit("api"), cs_http.route(path)]), "handler": scope.name}
            yield Fact("endpoint", {**fields, "framework": "fast_endpoints"}, code.at(named.node))


def _methods(args: tuple[Node, ...]) -> list[Node]:
    found: list[Node] = []
    for arg in args:
        found += items(arg) or [arg]
    return found


PACK = FastEndpoints()
