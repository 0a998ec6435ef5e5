"""ASP.NET minimal APIs: mapped operations, groups handed from file to file, hubs, health checks, forwarders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Member, Name, Value
from scanners.idioms import cs_http
from scanners.idioms.code import Assign, CallSite, Scope
from scanners.idioms.cs_noise import words
from scanners.idioms.cs_scopes import parameters
from scanners.idioms.cs_types import TypeRef
from scanners.idioms.expressions import concat
from scanners.idioms.http import operational

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode
    from scanners.idioms.cs_records import Declared

_MAPS = {f"Map{v.capitalize()}": v.upper() for v in ("get", "post", "put", "patch", "delete")}
_MAPS |= {"Map": "ANY", "MapMethods": "", "MapHealthChecks": "GET", "MapHub": "GET", "MapForwarder": "ANY"}
_MAPS |= {"MapPrometheusScrapingEndpoint": "GET", "MapMetrics": "GET", "MapGraphQL": "POST"}
_MAPS |= {"UseHealthChecks": "ANY", "UseMetricServer": "GET"}
_DEFAULTS = {
    "MapPrometheusScrapingEndpoint": "/metrics",
    "MapMetrics": "/metrics",
    "UseMetricServer": "/metrics",
    "MapGraphQL": "/graphql",
}
_OPERATIONAL = ("MapHealthChecks", "UseHealthChecks", "MapPrometheusScrapingEndpoint", "MapMetrics", "UseMetricServer")
_BUILDERS = frozenset(
    {"IEndpointRouteBuilder", "WebApplication", "RouteGroupBuilder", "IVersionedEndpointRouteBuilder"}
)
_RENDERS = ("MapRazorComponents", "MapRazorPages", "MapBlazorHub")
_HANDS_ON = ("Map", "Use", "Add", "Register", "Configure")
_ALIASES = ("conditional_expression", "binary_expression")
_MAKERS = ("Build", "Create", "NewVersionedApi", "MapGroup", "NewApiVersionSet")
_LIBRARY = words(
    """MapControllers MapRazorPages MapControllerRoute MapDefaultControllerRoute MapGrpcService MapFallbackToFile
    MapBlazorHub MapReverseProxy MapRazorComponents MapIdentityApi MapFallback MapFallbackToPage
    MapAreaControllerRoute MapOpenApi MapSwagger MapScalarApiReference MapStaticAssets MapSubscribeHandler
    MapActorsHandlers MapWhen MapGrpcReflectionService MapOpenApiEndpoint MapHealthChecksUI MapCarter
    MapFastEndpoints MapDynamicControllerRoute MapMcp MapGraphQLHttp MapBananaCakePop MapNitroApp
    MapToApiVersion MapInboundClaims MapFrom MapDefaultHealthChecks MapSpaFallbackRoute MapRoute MapJsonKey
    MapUniqueJsonKey MapAll MapDelete MapEnum MapComposite"""
) - {"MapDelete"}
_MIDDLEWARE = re.compile(
    r"Use(StaticFiles|Routing|Auth\w*|Cors|Hsts|Https\w*|ExceptionHandler|Swagger\w*|Endpoints|CookiePolicy|Session"
    r"|Antiforgery|Developer\w*|StatusCode\w*|Response\w*|Request\w*|HttpLogging|RateLimiter|OutputCache|WebSockets"
    r"|ForwardedHeaders|DefaultFiles|FileServer|Serilog\w*|IdentityServer|Migrations\w*|Middleware|When|Path\w*|Mvc\w*"
    r"|CloudEvents|Hangfire\w*|HttpMetrics|OpenTelemetry\w*|HealthChecks\w*|FastEndpoints|OpenApi|SwaggerGen)$"
    r"|Add\w*RenderMode"
)


class AspNetMinimal:
    """ASP.NET Core endpoint routing without controllers, Carter modules included."""

    name: str = "aspnet_minimal"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (
        b".Map",
        b"IEndpointRouteBuilder",
        b"Results.",
        b".UseHealthChecks(",
        b".UseMetric",
        b".UsePathBase(",
    )

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Routers, mounts, operations, gateway rules, statuses.

        Args:
            parsed: a C# file.
        """
        yield from _parameters(parsed)
        yield from _locals(parsed)
        for site in parsed.calls:
            if site.method in _RENDERS and site.receiver is not None:
                fields = {
                    "name": f"{site.scope.name}.{site.method}".lstrip("."),
                    "framework": "razor",
                    "prefix": Lit(""),
                }
                yield Fact("router", fields, Location(parsed.path, site.line))
            elif site.method == "UsePathBase" and site.args:
                fields = {"prefix": parsed.value(site.args[0], site.scope), "symbol": site.scope.name}
                yield Fact("path_base", fields, Location(parsed.path, site.line))
            elif site.method in _MAPS and site.receiver is not None:
                yield from _operation(parsed, site)
            elif _hands_on(parsed, site):
                yield from _mount(parsed, site)
        yield from cs_http.statuses(parsed, (s for s in parsed.calls if s.receiver is not None))


def _parameters(code: CsCode) -> Iterator[Fact]:
    for scope in code.scopes[1:]:
        if scope.sort not in ("method", "function"):
            continue
        for made in parameters(code, scope.node):
            if made.type is not None and made.type.short in _BUILDERS:
                fields = {"name": f"{scope.name}.{made.name}", "framework": "aspnet_minimal", "prefix": Lit("")}
                base = _carter_base(code, scope)
                if base is not None:
                    fields["prefix"] = base
                yield Fact("router", {**fields, "symbol": scope.name}, code.at(made.node))


def _carter_base(code: CsCode, scope: Scope) -> Value | None:
    """The path a Carter module gives to its base class: ``: base("/orders")``."""
    owner = code.scope(scope.owner)
    if owner is None or "CarterModule" not in owner.bases:
        return None
    for other in code.scopes:
        if other.parent is owner and other.name.rpartition(".")[2].startswith("constructor"):
            node = next((c for c in other.node.named_children if c.type == "constructor_initializer"), None)
            args, _ = code.arguments(node.named_children[-1] if node is not None else None)
            if args:
                return cs_http.route(code.value(args[0], other))
    return None


def _locals(code: CsCode) -> Iterator[Fact]:
    """``var app = builder.Build()``, ``var api = app.MapGroup("/api").WithTags("x")``."""
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None else None
        if site is None and not assign.key:
            yield from _alias(code, assign)
        if site is None or assign.key or "." in assign.target.removeprefix("this."):
            continue
        root, prefix, methods = _chain(code, site.node, assign.scope)
        if not methods or (methods[-1] not in _MAKERS and not any(m in _MAKERS for m in methods)):
            continue
        builds = methods[0] in ("Build", "Create")
        if builds and (not _is_application(code, site) or b".Map" not in code.data):
            continue
        if not builds and "MapGroup" not in methods and "NewVersionedApi" not in methods:
            continue
        name = code.bound_name(assign)
        where = Location(code.path, assign.line)
        yield Fact("router", {"name": name, "framework": "aspnet_minimal", "prefix": Lit("")}, where)
        if not builds and root is not None:
            fields = {"parent": root, "child": Name(_local(assign.target)), "prefix": prefix}
            yield Fact("mount", {**fields, "symbol": assign.scope.name}, where)


def _alias(code: CsCode, assign: Assign) -> Iterator[Fact]:
    """``IEndpointRouteBuilder builder = group is null ? app : group``, ``group ?? app``: the one that is given."""
    node = assign.value
    ref = code.ref_of(assign.target, assign.scope)
    if node is None or ref is None or not _builds(ref) or node.type not in _ALIASES:
        return
    asked = node.child_by_field_name("condition") if node.type == "conditional_expression" else node
    dotted = code.dotted(asked.named_children[0]) if asked is not None and asked.named_children else ""
    if not dotted or not _is_router(code, dotted, assign.scope):
        return
    where = Location(code.path, assign.line)
    name = code.bound_name(assign)
    yield Fact("router", {"name": name, "framework": "aspnet_minimal", "prefix": Lit("")}, where)
    fields = {"parent": Name(dotted), "child": Name(_local(assign.target)), "prefix": Lit("")}
    yield Fact("mount", {**fields, "symbol": assign.scope.name}, where)


def _local(target: str) -> str:
    return target.removeprefix("this.")


def _chain(code: CsCode, node: Node | None, scope: Scope) -> tuple[Value | None, Value, list[str]]:
    """The router a chain of calls starts at, what its groups add to paths, and its methods, first one first."""
    from scanners.idioms.cs_code import bare

    methods: list[str] = []
    added: list[Value] = []
    at = bare(node)
    for _ in range(64):
        site = code.site(at) if at is not None and at.type == "invocation_expression" else None
        if site is None:
            break
        methods.append(site.method)
        if site.method == "MapGroup":
            added.append(cs_http.route(code.value(site.arg(len(site.args) - 1, "prefix"), scope)))
        at = bare(site.receiver)
    dotted = code.dotted(at)
    prefix = cs_http.versioned(code, cs_http.joined(list(reversed(added))))
    return (Name(dotted) if dotted else None), prefix, list(reversed(methods))


def _operation(code: CsCode, site: CallSite) -> Iterator[Fact]:
    if site.receiver is None or _is_other(code, site):
        return
    root, prefix, methods = _chain(code, site.receiver, site.scope)
    if root is None or (site.method == "Map" and len(site.args) != 2):
        return
    default = _DEFAULTS.get(site.method)
    given = site.arg(0, "pattern")
    if given is None and default is None:
        return
    path = cs_http.route(code.value(given, site.scope)) if given is not None else Lit(default)
    if "MapGroup" in methods:
        path = cs_http.joined([prefix, path])
    for method in _methods(code, site):
        yield _endpoint(code, site, (method, path, root))
    if site.method == "MapForwarder":
        yield from _forwarded(code, site, path)


def _is_other(code: CsCode, site: CallSite) -> bool:
    """A call of the same name on something that is no route builder, such as a mapper."""
    ref = code.ref_of(code.dotted(site.receiver), site.scope) if site.receiver is not None else None
    if ref is not None and ref.short not in _BUILDERS and ref.short != "IApplicationBuilder":
        return True
    if site.method != "Map":
        return False
    first = site.arg(0, "pattern")
    text = code.string(first)
    if ref is not None and ref.short == "IApplicationBuilder":
        return True
    return not (text or (first is not None and first.type in ("interpolated_string_expression",)))


def _methods(code: CsCode, site: CallSite) -> list[str]:
    if site.method != "MapMethods":
        return [_MAPS[site.method]]
    from scanners.idioms.cs_code import items

    listed = site.arg(1, "httpMethods")
    names = []
    for node in items(listed):
        names.append((code.string(node) or code.dotted(node).rpartition(".")[2]).upper())
    return [n for n in names if n] or ["ANY"]


def _endpoint(code: CsCode, site: CallSite, about: tuple[str, Value, Value]) -> Fact:
    method, path, root = about
    protocol = "websocket" if site.method == "MapHub" else "http"
    name, scope, params = _handler(code, site)
    fields: dict[str, object] = {"protocol": protocol, "method": method, "path": path, "router": root}
    fields |= {"handler": name, "symbol": site.scope.name, "framework": "aspnet_minimal"}
    if protocol == "http":
        payloads = cs_http.served(code, scope, (method, cs_http.in_path(path)), params)
        fields |= payloads.fields()
        fields |= _produced(code, site) if "returns" not in fields else {}
    if site.method in _OPERATIONAL or operational(path):
        fields["operational"] = True
    return Fact("endpoint", fields, Location(code.path, int(_name_line(site))))


def _name_line(site: CallSite) -> int:
    """The line of ``MapGet`` itself: a chain starts lines above."""
    head = site.node.child_by_field_name("function")
    named = head.child_by_field_name("name") if head is not None else None
    return int((named or site.node).start_point[0]) + 1


def _produced(code: CsCode, site: CallSite) -> dict[str, object]:
    """``.Produces<Order>(200)`` further along the chain."""
    node = site.node.parent
    for _ in range(24):
        if node is None or node.type not in ("member_access_expression", "invocation_expression"):
            return {}
        found = code.site(node) if node.type == "invocation_expression" else None
        if found is not None and found.method == "Produces" and code.type_args(found):
            from scanners.idioms.cs_shapes import of_ref
            from scanners.idioms.http import status_of

            status = status_of(code, found.arg(0, "statusCode")) or 200
            if status < 300:
                return {"returns": of_ref(code.type_args(found)[0]), "status": status}
        node = node.parent
    return {}


def _handler(code: CsCode, site: CallSite) -> tuple[str, Scope | None, list[Declared]]:
    """Name, scope and parameters of what handles an operation."""
    if site.method == "MapHub":
        given = code.type_args(site)
        return (given[0].name if given else ""), None, []
    at = 2 if site.method == "MapMethods" else 1
    node = site.arg(at, "handler", "requestDelegate")
    if node is None:
        return "", None, []
    if node.type in ("lambda_expression", "anonymous_method_expression"):
        own = next((s for s in code.scopes if s.node.id == node.id), None)
        _typed_lambda(code, node, own)
        return (own.name if own is not None else site.scope.name), own, parameters(code, node)
    dotted = code.dotted(node)
    return _method_group(code, dotted, site.scope)


def _typed_lambda(code: CsCode, node: Node, own: Scope | None) -> None:
    from scanners.idioms.cs_types import type_ref

    returned = node.child_by_field_name("type")
    if own is not None and returned is not None:
        ref = type_ref(code, returned)
        if ref is not None:
            code.refs.setdefault(f"{own.name}.return", ref)


def _method_group(code: CsCode, dotted: str, scope: Scope) -> tuple[str, Scope | None, list[Declared]]:
    if not dotted:
        return "", None, []
    for outer in scope.outward():
        prefix = f"{outer.name}." if outer.name else ""
        for candidate in code.scopes:
            plain = candidate.name.partition("/")[0]
            if plain == f"{prefix}{dotted}" and candidate.sort in ("method", "function"):
                return candidate.name, candidate, parameters(code, candidate.node)
    return dotted, None, []


def _forwarded(code: CsCode, site: CallSite, path: Value) -> Iterator[Fact]:
    """``MapForwarder("/images/{id}", "http://catalog", "/items/{id}/pic")``."""
    to, rewritten = site.arg(1, "destinationPrefix"), site.arg(2, "targetPath", "transform")
    target = code.value(to, site.scope)
    if not isinstance(path, Lit):
        return
    fields: dict[str, object] = {"gateway": "", "path": path.value, "to": code.string(to), "target": target}
    fields["folded"] = True
    if rewritten is not None and code.string(rewritten):
        fields["to_path"] = cs_http.route_text(code.string(rewritten))
    fields["symbol"] = site.scope.name
    yield Fact("route", fields, Location(code.path, site.line))
    sent = cs_http.route(code.value(rewritten, site.scope)) if rewritten is not None else path
    url = concat([target, cs_http.joined([sent])])
    asked: dict[str, object] = {"method": Lit("ANY"), "url": url, "symbol": site.scope.name}
    yield Fact("http_call", {**asked, "client": "aspnet_minimal"}, Location(code.path, site.line))


def _hands_on(code: CsCode, site: CallSite) -> bool:
    """A call that hands a router on to code of this system."""
    if site.method in _LIBRARY or site.method in _MAPS or site.method == "MapGroup" or _MIDDLEWARE.match(site.method):
        return False
    return _on_router(code, site) or any(_given(code, site))


def _on_router(code: CsCode, site: CallSite) -> bool:
    """An extension method called on a router."""
    if site.receiver is None or not site.method.startswith(_HANDS_ON):
        return False
    root, _, _ = _chain(code, site.receiver, site.scope)
    return isinstance(root, Name) and _is_router(code, root.name, site.scope) and "Services" not in root.name


def _given(code: CsCode, site: CallSite) -> list[str]:
    """Of the first arguments, the routers by name, others as empty texts."""
    names = [code.dotted(a) if a.type == "identifier" else "" for a in site.args[:3]]
    return [name if name and _is_router(code, name, site.scope) else "" for name in names]


def _is_router(code: CsCode, dotted: str, scope: Scope) -> bool:
    ref = code.ref_of(dotted, scope)
    if ref is not None:
        return _builds(ref)
    made = code.made_of(dotted, scope)
    if made is None:
        return False
    methods = _chain(code, made.node, scope)[2]
    return "MapGroup" in methods or "NewVersionedApi" in methods or _is_application(code, made)


def _builds(ref: TypeRef) -> bool:
    return ref.short in _BUILDERS


def _is_application(code: CsCode, made: CallSite) -> bool:
    """``WebApplication.CreateBuilder(args)`` ... ``builder.Build()``."""
    if made.method == "Build" and made.receiver is not None:
        inner = code.made_of(code.dotted(made.receiver), made.scope) or code.site(made.receiver)
        return inner is not None and inner.method in ("CreateBuilder", "CreateSlimBuilder", "CreateEmptyBuilder")
    return made.dotted == "WebApplication.Create"


def _mount(code: CsCode, site: CallSite) -> Iterator[Fact]:
    child: Value = Name(site.dotted)
    extending = _on_router(code, site)
    fields: dict[str, object] = {"symbol": site.scope.name}
    if extending and site.receiver is not None:
        root, prefix, _ = _chain(code, site.receiver, site.scope)
        if isinstance(root, Name):
            child = Member(root, site.method)
            fields |= {"parent": root, "child": child, "prefix": prefix}
            several = any(_given(code, site))
            yield Fact("mount", fields | ({"position": 0} if several else {}), Location(code.path, site.line))
    for at, name in enumerate(_given(code, site)):
        if name and (extending or site.dotted):
            fields |= {"parent": Name(name), "child": child, "prefix": Lit(""), "position": at + extending}
            yield Fact("mount", fields, Location(code.path, site.line))


PACK = AspNetMinimal()
