"""Spring's routes written as code: functional endpoints (RouterFunction) and gateway rules (RouteLocator)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.http import operational
from scanners.idioms.java import bare
from scanners.idioms.java_values import filled
from scanners.idioms.java_web import VERBS, class_shape, known, literals, template
from scanners.idioms.spring_routes import apply, tidy

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_NESTS = ("path", "nest")
_DEPTH = 60
_ROUTED = ("route", "andRoute", "and", "add")
_FILTERS = {
    "stripPrefix": "StripPrefix",
    "prefixPath": "PrefixPath",
    "setPath": "SetPath",
    "rewritePath": "RewritePath",
}
_PROXIED = b"gateway.server.mvc"  # package of HandlerFunctions.http and the filters for it


class SpringFunctional:
    """RouterFunction and RouteLocator."""

    name: str = "spring_functional"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (b"RouterFunction", b"RouteLocator", b"GatewayRouterFunctions")

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Endpoints and gateway rules.

        Args:
            parsed: a Java file.
        """
        gateway = b"RouteLocator" in parsed.data
        proxied = dict(_proxied(parsed)) if _PROXIED in parsed.data else {}
        for site in parsed.calls:
            if site.node.id in proxied:
                yield from _forwarded(parsed, site, proxied[site.node.id])
            elif proxied and _predicates(parsed, site, proxied):
                continue
            elif site.method in VERBS and site.args and _predicate(parsed, site):
                yield from _endpoint(parsed, site)
            elif site.method == "uri" and site.args and gateway:
                yield from _route(parsed, site)


def _predicate(code: JavaCode, site: CallSite) -> bool:
    """``GET("/x")`` of RequestPredicates, or ``.GET("/x", handler)`` of a router builder."""
    if site.receiver is None or site.dotted.startswith("RequestPredicates."):
        return True
    return not site.dotted or not site.dotted.partition(".")[0][:1].isupper()


def _endpoint(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    first = bare(site.args[0])
    pathless = first is not None and first.type in ("lambda_expression", "method_reference")
    path = Lit("") if pathless else template(filled(code.value(site.args[0], site.scope)))
    path = _slashed(path)
    prefix, call = _around(code, site)
    target = next((a for a in reversed(site.args) if _is_handler(a)), None)
    if target is None and call is not None:
        target = next((a for a in call.args[1:] if _is_handler(a)), None)
    whole = concat([*prefix, path])
    fields: dict[str, object] = {
        "protocol": "http",
        "method": site.method,
        "path": whole,
        "handler": _handler(code, target, site.scope),
        "symbol": site.scope.name,
        "framework": "spring_functional",
    }
    fields |= _payloads(code, str(fields["handler"]))
    if operational(whole):
        fields["operational"] = True
    yield Fact("endpoint", fields, code.at(site.node))


def _slashed(path: Value) -> Value:
    text = path.value if isinstance(path, Lit) else None
    return Lit(f"/{text}") if isinstance(text, str) and text and not text.startswith("/") else path


def _is_handler(node: Node) -> bool:
    return node.type in ("method_reference", "lambda_expression", "identifier", "method_invocation")


def _handler(code: JavaCode, node: Node | None, scope: Scope) -> str:
    """The handler as this file names it: ``this.list``, ``handler.list`` through the handler's declared type."""
    if node is None or node.type != "method_reference":
        return scope.name
    parts = [c for c in node.named_children if c.type != "type_arguments"]
    owner, method = code.dotted(parts[0]), code.text(parts[-1])
    if owner == "this" and scope.owner:
        return f"{scope.owner}.{method}"
    declared = code.type_of(owner, scope).rsplit(".", 1)[-1]
    return f"{declared or owner}.{method}"


def _payloads(code: JavaCode, handler: str) -> dict[str, object]:
    """What a handler of the same file reads and writes: ``request.bodyToMono(X.class)``, ``.body(x, Y.class)``."""
    out: dict[str, object] = {}
    for site in code.calls:
        if site.scope.name != handler or not site.args:
            continue
        if site.method in ("bodyToMono", "bodyToFlux", "body") and "accepts" not in out and len(site.args) == 1:
            shape = class_shape(code, site.args[0])
            out |= {"accepts": shape} if known(shape) else {}
        elif site.method == "body" and len(site.args) == 2:
            shape = class_shape(code, site.args[1])
            out |= {"returns": shape} if known(shape) else {}
        elif site.method == "bodyValue":
            shape = code.shape(site.args[0], site.scope)
            out |= {"returns": shape} if known(shape) else {}
    return out


def _around(code: JavaCode, site: CallSite) -> tuple[list[Value], CallSite | None]:
    """Prefixes of the nests around a route, outermost first, and the call the predicate is given to."""
    prefix: list[Value] = []
    given: CallSite | None = None
    node: Node | None = site.node
    outermost: CallSite = site
    for _ in range(_DEPTH):
        parent = node.parent if node is not None else None
        if parent is None or parent.id == site.scope.node.id:
            break
        outer = code.site(parent) if parent.type == "method_invocation" else None
        outermost = outer or outermost
        if outer is not None and node is not None and node.type == "argument_list":
            if given is None and outer.method in _ROUTED and len(outer.args) > 1:
                given = outer
            if outer.method in _NESTS and outer.args and not _within(outer.args[0], site.node):
                prefix.insert(0, _nested(code, outer.args[0], site.scope))
        node = parent
    return [*_named_nest(code, outermost), *prefix], given


def _named_nest(code: JavaCode, outermost: CallSite) -> list[Value]:
    """``nest(path("/users"), usersRoutes)``: the nest around the name that holds a route."""
    held = code.held(outermost)
    if held is None:
        return []
    for site in code.calls:
        named = [a for a in site.args[1:] if code.dotted(a) == held.target]
        if site.scope is outermost.scope and site.method in (*_NESTS, "andNest") and named:
            return [_nested(code, site.args[0], site.scope)]
    return []


def _within(outer: Node, inner: Node) -> bool:
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


def _nested(code: JavaCode, node: Node, scope: Scope) -> Value:
    """The path of a nest: text, or ``path("/x")`` as a predicate."""
    inner = code.site(node)
    while inner is not None:
        if inner.method == "path" and inner.args:
            return template(filled(code.value(inner.args[0], scope)))
        inner = code.site(inner.receiver) if inner.receiver is not None else None
    return Lit("") if code.site(node) is not None else _slashed(template(filled(code.value(node, scope))))


def _route(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    """``r -> r.path("/x/**").filters(f -> f.stripPrefix(1)).uri("lb://x")``."""
    paths: list[str] = []
    verbs: list[str] = []
    filters: list[tuple[str, list[str]]] = []
    for step in reversed(list(code.before(site))):
        if step.method == "path":
            paths += literals(filled(code.value(a, site.scope)) for a in step.args)
        elif step.method == "method":
            verbs += [code.text(a).rsplit(".", 1)[-1].strip('"') for a in step.args]
        elif step.method == "filters" and step.args:
            filters += _filters(code, step.args[0])
    target = filled(code.value(site.args[0], site.scope))
    if paths or isinstance(target, Lit):
        for path in paths or ["/**"]:
            for verb in verbs or [""]:
                yield _rule(code, site, (tidy(path), verb, target), filters)


def _proxied(code: JavaCode) -> Iterator[tuple[int, CallSite]]:
    """Routes of the gateway on Spring MVC: calls that are handed ``http(..)``, by id, with that call."""
    for site in code.calls:
        outer = code.site(site.node.parent.parent) if site.node.parent and site.node.parent.parent else None
        if site.method != "http" or len(site.args) > 1 or outer is None or len(outer.args) < 2:
            continue
        if outer.method in (*_ROUTED, *VERBS) and outer.args[-1].id == site.node.id:
            yield outer.node.id, site


def _predicates(code: JavaCode, site: CallSite, proxied: dict[int, CallSite]) -> bool:
    """Whether a call is (part of) the predicate of a route of the gateway, which is no endpoint of its own."""
    node: Node | None = site.node
    for _ in range(_DEPTH):
        node = node.parent if node is not None else None
        if node is None or node.id == site.scope.node.id:
            return False
        if node.id in proxied:
            outer = code.site(node)
            return outer is not None and _within(outer.args[0], site.node)
    return False


def _forwarded(code: JavaCode, site: CallSite, http: CallSite) -> Iterator[Fact]:
    """``.route(path("/x/**"), http("http://x")).before(stripPrefix(1))``, or with ``uri(..)``, ``lb(..)``."""
    tests = [s for s in code.calls if _within(site.args[0], s.node)]
    paths = [site.args[0]] if site.method in VERBS else []
    paths += [a for s in tests if s.method in ("path", *VERBS) for a in s.args[:1] if not code.site(a)]
    verbs = [site.method] if site.method in VERBS else [s.method for s in tests if s.method in VERBS]
    verbs += [code.text(a).rsplit(".", 1)[-1] for s in tests if s.method == "method" for a in s.args]
    target = filled(code.value(http.args[0], site.scope)) if http.args else None
    filters: list[tuple[str, list[str]]] = []
    for step in _handed_on(code, site):
        if step.method in ("uri", "lb") and step.args:
            address = filled(code.value(step.args[0], site.scope))
            target = concat([Lit("lb://"), address]) if step.method == "lb" else address
        elif step.method in _FILTERS:
            filters.append((_FILTERS[step.method], [_argument(code, a) for a in step.args]))
    served = literals(filled(code.value(a, site.scope)) for a in paths)
    if target is not None:
        for path in served or ["/**"]:
            for verb in verbs or [""]:
                yield _rule(code, site, (tidy(path), verb, target), filters)


def _handed_on(code: JavaCode, site: CallSite) -> Iterator[CallSite]:
    """What is handed to ``filter``, ``before`` and ``after`` of one route, up to the next route or its end."""
    node: Node | None = site.node
    for _ in range(_DEPTH):
        node = node.parent if node is not None else None
        step = code.site(node) if node is not None and node.type == "method_invocation" else None
        if step is None or step.method not in ("filter", "before", "after"):
            return
        yield from (inner for inner in map(code.site, step.args) if inner is not None)


def _rule(code: JavaCode, site: CallSite, about: tuple[str, str, Value], filters: list[tuple[str, list[str]]]) -> Fact:
    served, verb, target = about
    to = str(target.value) if isinstance(target, Lit) else ""
    fields: dict[str, object] = {"gateway": "", "path": served, "to": to, "symbol": site.scope.name}
    if not to:
        fields["target"] = target
    if (behind := apply(served, filters)) != served:
        fields["to_path"] = behind
    if verb:
        fields["method"] = verb
    return Fact("route", fields, code.at(site.node))


def _argument(code: JavaCode, node: Node) -> str:
    return code.string(node) if node.type == "string_literal" else code.text(node)


def _filters(code: JavaCode, node: Node) -> list[tuple[str, list[str]]]:
    body = node.child_by_field_name("body") if node.type == "lambda_expression" else node
    last = code.site(body) if body is not None and body.type != "block" else None
    if last is None:
        return []
    found = []
    for step in reversed([last, *code.before(last)]):
        if step.method in _FILTERS:
            found.append((_FILTERS[step.method], [_argument(code, a) for a in step.args]))
    return found


PACK = SpringFunctional()
