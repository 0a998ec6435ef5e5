"""Routes of Go HTTP routers: one walk over a file's calls, driven by a table of what each framework calls things."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graph.values import Call, Concat, Fact, Lit, Location, Name, Value
from scanners.idioms import go_handing, go_handlers, go_injected, go_proxies
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.go import bare
from scanners.idioms.go_handing import Start
from scanners.idioms.go_handlers import handler
from scanners.idioms.go_http import METHODS, Kit, kit, method_of, requests, responds
from scanners.idioms.http import operational

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_CHAIN = 12
_LIKELY = re.compile(
    r"(?i)(^|[._])(r|e|g|rg|app|api|mux|srv|server|engine|echo|fiber|v\d+|\w*(router|routes?|group|mux|engine|api|app))$"
)
_ROUTERS = re.compile(r"/(gin|echo|fiber|chi|mux|httprouter|hertz|iris)(/v\d+)?$|^net/http$")
_GIVES = re.compile(r"(?i)(router|routes?|group|mux|engine|echo(instance)?|fiber|app)$")


@dataclass(frozen=True, slots=True)
class Table:
    """What one framework calls its router's methods.

    Args:
        name: of the pack.
        modules: import paths, as prefixes.
        types: router types, and functions that make one.
        verbs: method name to HTTP method.
        generic: method name to positions of HTTP method, path and handler.
        groups: methods that give a router with a prefix.
        passes: methods that give the same router.
        nested: methods that take a prefix and a function of the router.
        plain: methods that take only a function of the router.
        mounts: methods that put another router under a prefix.
        position: of the handler; -1 is the last argument.
        context: type its handlers take instead of those of net/http.
    """

    name: str
    modules: tuple[str, ...]
    types: frozenset[str]
    verbs: Mapping[str, str]
    generic: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    passes: frozenset[str] = frozenset()
    nested: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    mounts: frozenset[str] = frozenset()
    position: int = -1
    context: str = ""

    def owns(self, made: str) -> bool:
        """Whether a type or factory is of this framework's routers.

        Args:
            made: through imports.
        """
        if not made.startswith(self.modules):
            return False
        dot = made.find(".", made.rfind("/"))
        path, names = made[:dot], made[dot + 1 :].split(".")
        if re.sub(r"/v\d+$", "", path) not in self.modules:
            return False
        return bool(names) and all(n in self.types or n in self.groups or n in self.passes for n in names)


@dataclass(frozen=True, slots=True)
class Route:
    """One registration.

    Args:
        method: HTTP method.
        path: as written.
        handler: expression, None when it is not given here.
        base: the router it is registered on.
    """

    method: str
    path: Value
    handler: Node | None
    base: Start


def facts(code: GoCode, table: Table) -> Iterator[Fact]:
    """Routers, mounts, endpoints, handlers and answers of one framework in a file.

    Args:
        code: the file.
        table: of the framework.
    """
    yield from _routers(code, table)
    yield from go_handing.kept(code, table.owns, lambda node, scope: base_of(code, table, node, scope))
    yield from go_injected.provided(code)
    registered: set[str] = set()
    for site in code.calls:
        yield from _nested(code, table, site)
        yield from _mounted(code, table, site)
        yield from go_handing.handed(code, site, table.owns, lambda node, scope: base_of(code, table, node, scope))
        route = _route(code, table, site)
        if route is not None:
            yield from endpoint(code, table.name, site, route, registered)
    if table.context:
        yield from handlers(code, table.name, registered, table.context)


def unimported(code: GoCode, framework: str) -> Iterator[Fact]:
    """Registrations on a field of the receiver, in a file that imports no router: the struct is declared in another.

    Args:
        code: the file.
        framework: pack.
    """
    if any(_ROUTERS.search(found.module) for found in code.imports.values()):
        return
    registered: set[str] = set()
    for site in code.calls:
        if site.method not in METHODS or len(site.args) < 2 or not code.dotted(site.receiver).startswith("self."):
            continue
        path = code.value(site.args[0], site.scope)
        base = _unknown(code, site, path)
        if base is not None and "." not in base.dotted.removeprefix("self."):
            yield from endpoint(code, framework, site, Route(site.method, path, site.args[1], base), registered)


def base_of(code: GoCode, table: Table, node: Node | None, scope: Scope) -> Start | None:
    """The router an expression is or is derived from, None when it is none.

    Args:
        code: the file.
        table: of the framework.
        node: expression.
        scope: where it is.
    """
    prefix: list[Value] = []
    for _ in range(_CHAIN):
        node = bare(node)
        if node is None:
            return None
        dotted = code.dotted(node)
        if dotted:
            made = code.type_of(dotted, scope)
            if table.owns(made) or (not made and _LIKELY.search(dotted) and dotted not in code.imports):
                return Start(dotted, tuple(prefix))
            return None
        site = code.site(node)
        if site is None:
            return None
        if site.receiver is not None and site.method in table.groups | table.passes:
            if site.method in table.groups and site.args:
                prefix.insert(0, code.value(site.args[0], site.scope))
            node = site.receiver
        elif table.owns(code.callee(site)):
            return Start("", tuple(prefix))
        else:
            given = code.value(node, scope) if site.receiver is not None and _GIVES.search(site.method) else None
            return Start("", tuple(prefix), given) if isinstance(given, Call) and not site.args else None
    return None


def _routers(code: GoCode, table: Table) -> Iterator[Fact]:
    seen: set[str] = set()
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None and not assign.key else None
        base = base_of(code, table, assign.value, assign.scope) if site is not None else None
        if base is None or site is None or (not base.dotted and not table.owns(code.callee(site)) and not base.prefix):
            continue
        name = code.bound_name(assign)
        where = Location(code.path, assign.line)
        derived = base.router is not None and base.dotted != assign.target
        if name in seen and not derived:
            continue
        seen.add(name)
        yield Fact(
            "router", {"name": name, "framework": table.name, "prefix": base.path, "symbol": assign.scope.name}, where
        )
        if derived:
            fields = {
                "parent": base.router,
                "child": Name(assign.target),
                "prefix": Lit(""),
                "symbol": assign.scope.name,
            }
            yield Fact("mount", fields, where)
    owners = {s.name: s for s in code.scopes}
    for target, made in code.types.items():
        if target not in seen and table.owns(made):
            holder = owners.get(target.rpartition(".")[0])
            if (
                holder is not None
                and holder.name
                and (holder.sort == "class" or target.rpartition(".")[2] in holder.params)
            ):
                fields = {"name": target, "framework": table.name, "prefix": Lit(""), "symbol": holder.name}
                fields |= go_injected.under(code, holder, target)
                if holder.name not in {c.name for c in code.closures.values()} or not _is_nested(code, table, holder):
                    yield Fact("router", fields, code.at(holder.node))


def _is_nested(code: GoCode, table: Table, scope: Scope) -> bool:
    """Whether a closure is what a nested group is written in, whose router has a prefix of its own."""
    parent = scope.node.parent
    call = parent.parent if parent is not None and parent.type == "argument_list" else None
    site = code.site(call) if call is not None else None
    return site is not None and site.method in table.nested | table.plain


def _nested(code: GoCode, table: Table, site: CallSite) -> Iterator[Fact]:
    """``r.Route("/orders", func(r chi.Router) {...})`` and ``r.Group(func(r chi.Router) {...})``."""
    if site.receiver is None or not site.args or site.method not in table.nested | table.plain:
        return
    last = bare(site.args[-1])
    closure = code.closures.get(last.id) if last is not None else None
    base = base_of(code, table, site.receiver, site.scope)
    if closure is None or base is None or not closure.params:
        yield from _nested_elsewhere(code, table, site, base)
        return
    prefix = code.value(site.args[0], site.scope) if site.method in table.nested and len(site.args) > 1 else Lit("")
    name = f"{closure.name}.{closure.params[0]}"
    where = Location(code.path, site.line)
    whole = concat([*base.prefix, prefix]) if base.prefix else prefix
    yield Fact("router", {"name": name, "framework": table.name, "prefix": whole, "symbol": closure.name}, where)
    child = name.removeprefix(f"{site.scope.name}.") if site.scope.name else name
    fields = {"parent": base.router, "child": Name(child), "prefix": Lit(""), "symbol": site.scope.name}
    if base.router is not None:
        yield Fact("mount", fields, where)


def _nested_elsewhere(code: GoCode, table: Table, site: CallSite, base: Start | None) -> Iterator[Fact]:
    """``r.Route("/orders", h.Routes)``: a function of this file that is given the router."""
    if base is None or site.method not in table.nested or len(site.args) < 2:
        return
    name, scope = handler(code, site.args[-1], site.scope)
    if scope is not None and scope.params:
        prefix = concat([*base.prefix, code.value(site.args[0], site.scope)])
        fields = {"parent": base.router, "child": Name(f"{name}.{scope.params[0]}"), "prefix": prefix, "symbol": ""}
        yield Fact("mount", fields, Location(code.path, site.line))


def _mounted(code: GoCode, table: Table, site: CallSite) -> Iterator[Fact]:
    if site.method not in table.mounts or site.receiver is None or len(site.args) < 2:
        return
    base = base_of(code, table, site.receiver, site.scope)
    if base is None or code.closures.get((bare(site.args[1]) or site.args[1]).id) is not None:
        return
    child = code.value(site.args[1], site.scope)
    prefix = concat([*base.prefix, code.value(site.args[0], site.scope)])
    fields = {"parent": base.router, "child": child, "prefix": prefix, "symbol": site.scope.name}
    yield Fact("mount", fields, Location(code.path, site.line))


def _route(code: GoCode, table: Table, site: CallSite) -> Route | None:
    if site.receiver is None or not site.args:
        return None
    method, at = table.verbs.get(site.method, ""), (-1, 0, table.position)
    if not method and site.method in table.generic:
        at = table.generic[site.method]
        if len(site.args) <= max(at):
            return None
        method = method_of(code, site.args[at[0]]) or ("ANY" if at[0] < 0 else "")
    if not method or len(site.args) < 2:
        return None
    path = code.value(site.args[at[1]], site.scope)
    if isinstance(path, Lit) and not _pathlike(path.value):
        return None
    base = base_of(code, table, site.receiver, site.scope) or _unknown(code, site, path)
    if base is None:
        return None
    path = go_handing.without_base(path)
    given = site.args[at[2]]
    if bare(given) is None or (bare(given) or given).type in ("interpreted_string_literal", "int_literal", "nil"):
        return None
    return Route(method, path, given, base)


def _unknown(code: GoCode, site: CallSite, path: Value) -> Start | None:
    """``e.Orders.GET("/:id", e.get())``: a field declared elsewhere, by a method that only routers have."""
    dotted = code.dotted(site.receiver)
    rooted = isinstance(path, Lit) and str(path.value)[:1] in ("", "/")
    if site.method not in METHODS or not rooted or "." not in dotted or code.type_of(dotted, site.scope):
        return None
    return Start(dotted) if dotted.partition(".")[0] not in code.imports else None


def _pathlike(value: object) -> bool:
    return isinstance(value, str) and (
        not value or value.startswith(("/", ":", "*", "{")) or re.fullmatch(r"[\w/:{}.-]+", value) is not None
    )


def endpoint(code: GoCode, framework: str, site: CallSite, route: Route, registered: set[str]) -> Iterator[Fact]:
    """The endpoint of a registration, one for each method its handler tells apart.

    Args:
        code: the file.
        framework: pack.
        site: the registration.
        route: what it says.
        registered: symbols that handle something; added to.
    """
    handed = go_proxies.proxied(code, route.handler, site.scope)
    if handed is not None:
        yield from _gateway(code, site, route, handed)
        return
    name, scope = handler(code, route.handler, site.scope)
    path = concat([*route.base.prefix, route.path]) if route.base.prefix else route.path
    fields: dict[str, object] = {"protocol": "http", "path": path, "handler": name, "framework": framework}
    if route.base.router is not None:
        fields["router"] = route.base.router
    if site.scope.name:
        fields["symbol"] = site.scope.name
    about = kit(code, scope) if scope is not None else Kit({})
    decoder = go_handlers.decoder(code, route.handler, site.scope)
    if decoder is not None:
        about = Kit({k: v for k, v in kit(code, decoder).fields.items() if k in ("accepts", "query")})
    if scope is not None:
        registered.add(scope.name)
    if operational(path.parts[-1] if isinstance(path, Concat) else path) or go_handlers.serves_operation(
        code, route.handler
    ):
        fields["operational"] = True
    methods = about.methods if route.method == "ANY" and about.methods else (route.method,)
    for method in methods:
        known = {k: v for k, v in about.fields.items() if k != "accepts" or method not in ("GET", "HEAD", "DELETE")}
        yield Fact("endpoint", {**fields, "method": method, **known}, Location(code.path, site.line))


def _gateway(code: GoCode, site: CallSite, route: Route, handed: go_proxies.Proxy) -> Iterator[Fact]:
    """A route whose handler is a reverse proxy is a gateway's rule."""
    path = concat([*route.base.prefix, route.path]) if route.base.prefix else route.path
    served, sent = go_proxies.below(path, handed.stripped)
    if served:
        fields: dict[str, object] = {"gateway": "", "path": served, "to": "", "to_path": sent, "target": handed.target}
        fields["symbol"] = site.scope.name
        if route.method != "ANY":
            fields["method"] = route.method
        yield Fact("route", fields, Location(code.path, site.line))


def handlers(code: GoCode, framework: str, registered: set[str], context: str = "net/http.") -> Iterator[Fact]:
    """What handlers that other files register read and answer, and every answer's status.

    Args:
        code: the file.
        framework: pack.
        registered: those registered in this file.
        context: start of the type they take.
    """
    answering: set[str] = set()
    for scope in code.scopes:
        if scope.sort not in ("function", "method") or not any(
            t.startswith(context) for t in requests(code, scope).values()
        ):
            continue
        answering.add(scope.name)
        if scope.name in registered:
            continue
        found = kit(code, scope)
        if found.fields or found.methods:
            fields = {"symbol": scope.name, **found.fields, "framework": framework}
            yield Fact(
                "handler", {**fields, "methods": found.methods} if found.methods else fields, code.at(scope.node)
            )
    for site in code.calls:
        if site.scope.name in answering:
            yield from responds(code, site)
