"""NestJS over HTTP, WebSocket and GraphQL: applications, modules, controllers, gateways, resolvers, providers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Concat, Fact, Lit, Location, Name, Value
from scanners.idioms import js_nest_calls
from scanners.idioms.code import Scope
from scanners.idioms.http import operational, status_of
from scanners.idioms.javascript import bare, option
from scanners.idioms.js_decorators import Decorator
from scanners.idioms.js_nest import by_scope, parts, payload, result

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_VERBS = {v: v.upper() for v in ("get", "post", "put", "patch", "delete", "head", "options")} | {"all": "ANY"}
_ROUTES = {name.capitalize(): verb for name, verb in _VERBS.items()} | {"Sse": "GET", "Search": "SEARCH"}
_GRAPHQL = {"Query": "QUERY", "Mutation": "MUTATION", "Subscription": "SUBSCRIPTION"}
_DYNAMIC = ("forRoot", "forFeature", "forRootAsync", "register", "registerAsync", "forFeatureAsync", "forwardRef")
_CONTROLLERS = ("Controller", "JsonController", "RestController")
_VERSIONED = "versioned"
_STATUSES = {
    "BadRequestException": 400,
    "UnauthorizedException": 401,
    "ForbiddenException": 403,
    "NotFoundException": 404,
    "MethodNotAllowedException": 405,
    "NotAcceptableException": 406,
    "RequestTimeoutException": 408,
    "ConflictException": 409,
    "GoneException": 410,
    "PreconditionFailedException": 412,
    "PayloadTooLargeException": 413,
    "UnsupportedMediaTypeException": 415,
    "UnprocessableEntityException": 422,
    "InternalServerErrorException": 500,
    "NotImplementedException": 501,
    "BadGatewayException": 502,
    "ServiceUnavailableException": 503,
    "GatewayTimeoutException": 504,
}
_NAMED_STATUSES = {
    "OK": 200,
    "CREATED": 201,
    "ACCEPTED": 202,
    "NO_CONTENT": 204,
    "BAD_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "UNPROCESSABLE_ENTITY": 422,
    "INTERNAL_SERVER_ERROR": 500,
    "SERVICE_UNAVAILABLE": 503,
}


class NestJs:
    """The NestJS framework."""

    name: str = "nestjs"
    version: int = 1
    language: tuple[str, ...] = ("typescript", "javascript")
    markers: tuple[bytes, ...] = (b"@nestjs/", b"type-graphql")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Routers, mounts, endpoints, statuses, injections.

        Args:
            parsed: a TypeScript or JavaScript file.
        """
        marks = by_scope(parsed)
        yield from _applications(parsed)
        for scope in parsed.scopes[1:]:
            for decorator in marks.get(id(scope), ()):
                if scope.sort == "class":
                    yield from _class(parsed, scope, decorator)
                else:
                    yield from _operation(parsed, scope, decorator)
            if scope.sort == "class":
                yield from _inherited(parsed, scope, marks)
        for site in parsed.calls:
            yield from js_nest_calls.sent(parsed, site)
        yield from _injected(parsed)
        for node, scope in parsed.throws:
            yield from _thrown(parsed, node, scope)


def _applications(code: JsCode) -> Iterator[Fact]:
    """``NestFactory.create(AppModule)`` with the prefix and version that are set on it in this file."""
    listening = {code.dotted(site.receiver) for site in code.calls if site.method == "listen"}
    made = [(site, code.held(site)) for site in code.calls if site.dotted == "NestFactory.create" and site.args]
    served = [(site, held) for site, held in made if held is not None and held.target in listening]
    for site, held in served or made:
        name = code.bound_name(held) if held is not None else f"{site.scope.name or 'main'}.nest"
        where = Location(code.path, site.line)
        prefix, version = _global_prefix(code, held.target if held else "")
        yield Fact("router", {"name": name, "framework": "nestjs", "prefix": prefix}, where)
        module = code.dotted(site.args[0])
        for child, extra in ((module, version), (f"{module}.{_VERSIONED}", Lit(""))) if module else ():
            yield Fact("mount", {"parent": Name(name), "child": Name(child), "prefix": extra}, where)


def _global_prefix(code: JsCode, target: str) -> tuple[Value, Value]:
    """The prefix of an application, and what comes behind it for controllers that name no version themselves."""
    prefix: Value = Lit("")
    version = Lit("")
    for site in code.calls:
        if site.receiver is None or not target or code.dotted(site.receiver) != target or not site.args:
            continue
        if site.method == "setGlobalPrefix":
            prefix = Concat((Lit("/"), code.value(site.args[0], site.scope)))
        elif site.method == "enableVersioning" and "URI" in code.text(option(code, site.args[0], "type")):
            given = option(code, site.args[0], "defaultVersion")
            lead = option(code, site.args[0], "prefix")
            word = code.string(lead) if lead is not None else "v"
            if given is not None and given.type == "string":
                version = Lit(f"/{word}{code.string(given)}")
    return prefix, version


def _class(code: JsCode, scope: Scope, decorator: Decorator) -> Iterator[Fact]:
    if decorator.name in _CONTROLLERS:
        name = _router(code, decorator)
        if name == scope.name and any(d.name == "Version" and d.scope.parent is scope for d in code.decorators):
            fields = {"name": f"{name}.{_VERSIONED}", "framework": "nestjs", "prefix": Lit("")}
            yield Fact("router", fields, _at(code, decorator))
        for prefix in _prefixes(code, decorator):
            yield Fact("router", {"name": name, "framework": "nestjs", "prefix": prefix}, _at(code, decorator))
    elif decorator.name == "Module" and decorator.args:
        yield from _module(code, scope, decorator)
    else:
        yield from js_nest_calls.handlers(code, decorator)


def _at(code: JsCode, decorator: Decorator) -> Location:
    return Location(code.path, decorator.line)


def _router(code: JsCode, decorator: Decorator) -> str:
    """A controller with a version of its own hangs in a second tree of modules, without the default version."""
    first = bare(decorator.args[0]) if decorator.args else None
    own = option(code, first, "version") is not None
    return f"{decorator.scope.name}.{_VERSIONED}" if own else decorator.scope.name


def _prefixes(code: JsCode, decorator: Decorator) -> Iterator[Value]:
    first = bare(decorator.args[0]) if decorator.args else None
    if first is None:
        yield Lit("")
        return
    given = option(code, first, "path") if first.type == "object" else first
    version = option(code, first, "version")
    versions = [f"/v{code.string(v)}" for v in parts(code, version) if code.string(v)] or [""]
    outer = code.scopes[0]
    listed: list[Node | None] = [*parts(code, given)] or [None]
    for node in listed:
        value = code.value(node, outer) if node is not None else Lit("")
        for lead in versions:
            yield Concat((Lit(f"{lead}/"), value)) if lead else value


def _module(code: JsCode, scope: Scope, decorator: Decorator) -> Iterator[Fact]:
    where = _at(code, decorator)
    for name in (scope.name, f"{scope.name}.{_VERSIONED}"):
        yield Fact("router", {"name": name, "framework": "nestjs", "prefix": Lit("")}, where)
    routed = dict(_routed(code, decorator))
    for module, (prefix, line) in routed.items():
        yield from _mounted(scope.name, module, prefix, Location(code.path, line))
    for key in ("imports", "controllers"):
        for node in parts(code, option(code, decorator.args[0], key)):
            name = _module_name(code, node)
            if name and name not in routed and name != "RouterModule":
                yield from _mounted(scope.name, name, Lit(""), code.at(node))
    for node in parts(code, option(code, decorator.args[0], "providers")):
        given, use = option(code, node, "provide"), option(code, node, "useClass") or option(code, node, "useExisting")
        asked = code.string(given) or code.dotted(given)
        if asked and code.dotted(use):
            yield Fact("binds", {"type": asked, "to": code.dotted(use), "symbol": scope.name}, code.at(node))


def _mounted(parent: str, child: str, prefix: Value, where: Location) -> Iterator[Fact]:
    for tree in ("", f".{_VERSIONED}"):
        fields = {"parent": Name(f"{parent}{tree}"), "child": Name(f"{child}{tree}"), "prefix": prefix}
        yield Fact("mount", fields, where)


def _module_name(code: JsCode, node: Node) -> str:
    """``OrdersModule``, ``OrdersModule.forRoot()``, ``forwardRef(() => OrdersModule)``."""
    site = code.site(node)
    if site is None:
        return code.dotted(node)
    if site.method == "forwardRef" and site.args:
        return code.dotted(site.args[0].child_by_field_name("body"))
    return code.dotted(site.receiver) if site.receiver is not None and site.method in _DYNAMIC else ""


def _routed(code: JsCode, decorator: Decorator) -> Iterator[tuple[str, tuple[Value, int]]]:
    """``RouterModule.register([{path, module, children}])``."""
    for node in parts(code, option(code, decorator.args[0], "imports")):
        site = code.site(node)
        if site is not None and code.dotted(site.receiver) == "RouterModule" and site.args:
            todo: list[tuple[Node, tuple[Value, ...]]] = [(n, ()) for n in parts(code, site.args[0])]
            while todo:
                item, above = todo.pop()
                path = option(code, item, "path")
                own = (*above, Lit("/"), code.value(path, code.scopes[0])) if path is not None else above
                name = code.dotted(option(code, item, "module"))
                if name:
                    yield name, (Concat(own) if own else Lit(""), int(item.start_point[0]) + 1)
                todo += [(n, own) for n in parts(code, option(code, item, "children"))] if len(own) < 12 else []


def _operation(code: JsCode, scope: Scope, decorator: Decorator) -> Iterator[Fact]:
    from_graphql = "graphql" in decorator.origin
    if decorator.name in _ROUTES and not from_graphql:
        if any(_above(code, decorator)):
            return
        yield from _http(code, scope, decorator)
        yield from js_nest_calls.around(code, scope)
    elif decorator.name in _GRAPHQL and from_graphql:
        yield _graphql(code, scope, decorator)
    elif decorator.name == "SubscribeMessage" and decorator.args:
        fields = _common(code, scope, "websocket", "MESSAGE")
        fields |= {"path": code.value(decorator.args[0], code.scopes[0])}
        body = payload(code, scope, "MessageBody")
        yield Fact("endpoint", fields | ({"accepts": body} if body != ANYTHING else {}), _at(code, decorator))


def _above(code: JsCode, decorator: Decorator) -> Iterator[Decorator]:
    """Other routing decorators of the same method that stand above: the topmost one is applied last and wins."""
    for other in code.decorators:
        same = other.scope is decorator.scope and not other.target and other.name in _ROUTES
        if same and other.line < decorator.line:
            yield other


def _common(code: JsCode, scope: Scope, protocol: str, method: str) -> dict[str, object]:
    fields: dict[str, object] = {"protocol": protocol, "method": method, "handler": scope.name, "framework": "nestjs"}
    returned = result(code, scope)
    return fields | ({"returns": returned} if returned != ANYTHING else {})


def _http(code: JsCode, scope: Scope, decorator: Decorator) -> Iterator[Fact]:
    controller = next((d for d in code.decorators if d.scope is scope.parent and d.name in _CONTROLLERS), None)
    router = _router(code, controller) if controller is not None else scope.owner
    fields = _common(code, scope, "http", _ROUTES[decorator.name]) | {"router": Name(router)}
    body = payload(code, scope, "Body")
    if body != ANYTHING:
        fields["accepts"] = body
    query = tuple(_queries(code, scope))
    if query:
        fields["query"] = query
    fields["status"] = _success(code, scope, decorator.name)
    first = bare(decorator.args[0]) if decorator.args else None
    given = option(code, first, "path") if first is not None and first.type == "object" else first
    listed: list[Node | None] = [*parts(code, given)] or [None]
    leads: list[Value | None] = [*_own_versions(code, scope, controller)] or [None]
    if leads != [None]:
        fields["router"] = Name(f"{scope.owner}.{_VERSIONED}")
    for node, lead in ((n, v) for n in listed for v in leads):
        path = code.value(node, code.scopes[0]) if node is not None else Lit("")
        path = Concat((lead, Lit("/"), path)) if lead is not None else path
        extra = {"operational": True} if operational(path) or "HealthCheck" in _names(code, scope) else {}
        yield Fact("endpoint", {**fields, "path": path, **extra}, _at(code, decorator))


def _own_versions(code: JsCode, scope: Scope, controller: Decorator | None) -> Iterator[Value]:
    """``@Version("2")`` of a method: its path up to the controller's one, in the tree without the default version."""
    if controller is None or _router(code, controller) != controller.scope.name:
        return
    for decorator in code.decorators:
        if decorator.scope is scope and decorator.name == "Version" and decorator.args:
            for prefix in _prefixes(code, controller):
                for node in parts(code, decorator.args[0]):
                    lead = f"/v{code.string(node)}/" if code.string(node) else "/"
                    yield Concat((Lit(lead), prefix))


def _names(code: JsCode, scope: Scope) -> list[str]:
    return [d.name for d in code.decorators if d.scope is scope and not d.target]


def _queries(code: JsCode, scope: Scope) -> Iterator[str]:
    for decorator in code.decorators:
        if decorator.scope is scope and decorator.name == "Query" and decorator.target and decorator.args:
            name = code.string(decorator.args[0])
            if name:
                yield name


def _success(code: JsCode, scope: Scope, route: str) -> int:
    for decorator in code.decorators:
        if decorator.scope is scope and decorator.name == "HttpCode" and decorator.args:
            return _status(code, decorator.args[0]) or 200
    return 201 if route == "Post" else 200


def _status(code: JsCode, node: Node) -> int:
    named = code.text(node).rpartition(".")[2]
    return _NAMED_STATUSES.get(named, 0) or status_of(code, node)


def _graphql(code: JsCode, scope: Scope, decorator: Decorator) -> Fact:
    fields = _common(code, scope, "graphql", _GRAPHQL[decorator.name])
    named = next((n for a in decorator.args if (n := option(code, a, "name")) is not None), None)
    own = code.string(decorator.args[0]) if decorator.args else ""
    name = scope.name.rpartition(".")[2]
    fields["path"] = code.value(named, code.scopes[0]) if named is not None else Lit(own or name)
    body = payload(code, scope, "Args")
    return Fact("endpoint", fields | ({"accepts": body} if body != ANYTHING else {}), _at(code, decorator))


def _inherited(code: JsCode, scope: Scope, marks: dict[int, list[Decorator]]) -> Iterator[Fact]:
    """Routes a class inherits are served under it; a class with routes but no ``@Controller`` serves none itself."""
    controller = next((d for d in marks.get(id(scope), ()) if d.name in _CONTROLLERS), None)
    if controller is not None:
        for base in scope.bases[:1]:
            fields = {"parent": Name(_router(code, controller)), "child": Name(base), "prefix": Lit("")}
            yield Fact("mount", fields, code.at(scope.node))
        return
    inside = [d for s in code.scopes if s.parent is scope for d in marks.get(id(s), ())]
    if any(d.name in _ROUTES and "@nestjs/common" in d.origin for d in inside):
        fields = {"name": scope.name, "framework": "nestjs", "prefix": Lit(""), "detached": True}
        yield Fact("router", fields, code.at(scope.node))


def _injected(code: JsCode) -> Iterator[Fact]:
    """A constructor parameter with ``@Inject(TOKEN)`` and no class as its type is of the token's class."""
    for decorator in code.decorators:
        if decorator.name != "Inject" or not decorator.args or decorator.declared is None:
            continue
        owner = decorator.scope.owner
        target = f"{owner}.{decorator.target}"
        token = code.string(decorator.args[0]) or code.dotted(decorator.args[0])
        if owner and token and target not in code.types:
            yield Fact("typed", {"target": target, "type": token}, _at(code, decorator))


def _thrown(code: JsCode, node: Node, scope: Scope) -> Iterator[Fact]:
    site = code.site(node.named_children[0]) if node.named_child_count else None
    if site is None:
        return
    status = _STATUSES.get(site.method, 0)
    if site.method == "HttpException" and len(site.args) > 1:
        status = _status(code, site.args[1])
    if status:
        fields = {"symbol": scope.name, "status": status, "error": status >= 400}
        yield Fact("responds", fields, code.at(node))


PACK = NestJs()
