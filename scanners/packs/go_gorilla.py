"""gorilla/mux: routes, method matchers before or behind them, and subrouters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Value
from scanners.idioms import go_routes
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.go import bare
from scanners.idioms.go_handing import Start
from scanners.idioms.go_http import method_of
from scanners.idioms.go_routes import Route, Table

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_TABLE = Table(
    name="go_gorilla",
    modules=("github.com/gorilla/mux",),
    types=frozenset(("NewRouter", "Router", "Route")),
    verbs={},
    groups=frozenset(("PathPrefix",)),
    passes=frozenset(
        """Subrouter Methods StrictSlash NewRoute Host Schemes Name UseEncodedPath Headers SkipClean Queries MatcherFunc
        Path""".split()  # noqa: SIM905  -- a list of words reads better as words
    ),
)
_CHAIN = 12


class Gorilla:
    """The gorilla/mux router."""

    name: str = "go_gorilla"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"gorilla/mux",)
    generated: bool = True

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Routes and their handlers.

        Args:
            parsed: a Go file.
        """
        yield from go_routes.facts(parsed, _TABLE)
        registered: set[str] = set()
        for site in parsed.calls:
            yield from _registered(parsed, site, registered)


@dataclass(slots=True)
class _Chain:
    """What the calls around a registration say."""

    methods: list[str]
    path: list[Value]
    whole: bool = True


def _registered(code: GoCode, site: CallSite, registered: set[str]) -> Iterator[Fact]:
    if site.receiver is None or site.method not in ("HandleFunc", "Handle", "HandlerFunc", "Handler"):
        return
    given = site.method.startswith("HandleF") or site.method == "Handle"
    if len(site.args) != (2 if given else 1):
        return
    base = go_routes.base_of(code, _TABLE, site.receiver, site.scope)
    if base is None or (not given and not _routed(code, site.receiver)):
        return
    chain = _Chain([], [])
    _before(code, site, chain)
    _behind(code, site, chain)
    chain.methods = chain.methods or _restricted(code, base, site.scope)
    if given:
        chain.path.append(code.value(site.args[0], site.scope))
    if not chain.path:
        return
    path = concat(list(chain.path))
    if not chain.whole:
        path = concat([path, Lit("**" if str(path.value).endswith("/") else "/**")]) if isinstance(path, Lit) else path
    plain = Start(base.dotted)
    if _child(code, site, plain, path) is not None:
        fields = _child(code, site, plain, path) or {}
        yield Fact("mount", fields, Location(code.path, site.line))
        return
    for method in chain.methods or ["ANY"]:
        route = Route(method, path, site.args[-1], plain)
        yield from _static(code, site, go_routes.endpoint(code, "go_gorilla", site, route, registered))


def _static(code: GoCode, site: CallSite, facts: Iterator[Fact]) -> Iterator[Fact]:
    files = "FileServer" in code.text(site.args[-1])
    for fact in facts:
        yield Fact(fact.kind, {**fact.fields, "operational": True}, fact.at) if files else fact


def _child(code: GoCode, site: CallSite, base: Start, path: Value) -> dict[str, object] | None:
    """A subrouter given as handler is mounted."""
    inner = bare(site.args[-1])
    stripped = code.site(inner) if inner is not None and inner.type == "call_expression" else None
    prefix: Value = Lit("")
    if stripped is not None and stripped.method == "StripPrefix" and len(stripped.args) == 2:
        prefix, inner = code.value(stripped.args[0], site.scope), bare(stripped.args[1])
    found = go_routes.base_of(code, _TABLE, inner, site.scope) if inner is not None else None
    if found is None or not found.dotted or not _TABLE.owns(code.type_of(found.dotted, site.scope)):
        return None
    return {"parent": base.router, "child": found.router, "prefix": prefix, "symbol": site.scope.name}


def _routed(code: GoCode, node: Node) -> bool:
    """``r.Path("/x").Methods("GET")``, which ``.HandlerFunc(h)`` is called on."""
    inner = bare(node)
    for _ in range(_CHAIN):
        site = code.site(inner) if inner is not None else None
        if site is None or site.receiver is None:
            return False
        if site.method in ("Path", "PathPrefix", "Methods"):
            return True
        inner = bare(site.receiver)
    return False


def _before(code: GoCode, site: CallSite, chain: _Chain) -> None:
    inner = bare(site.receiver) if site.receiver is not None else None
    parts: list[Value] = []
    for _ in range(_CHAIN):
        found = code.site(inner) if inner is not None else None
        if found is None or found.receiver is None:
            break
        if found.method == "Methods":
            chain.methods += [m for a in found.args if (m := method_of(code, a))]
        elif found.method in ("Path", "PathPrefix") and found.args:
            parts.insert(0, code.value(found.args[0], site.scope))
            chain.whole = chain.whole and (
                found.method == "Path" or site.method.startswith("HandleF") or site.method == "Handle"
            )
        inner = bare(found.receiver)
    chain.path = parts + chain.path


def _behind(code: GoCode, site: CallSite, chain: _Chain) -> None:
    node = site.node.parent
    for _ in range(_CHAIN):
        call = node.parent if node is not None and node.type == "selector_expression" else None
        found = code.site(call) if call is not None and call.type == "call_expression" else None
        if found is None:
            return
        if found.method == "Methods":
            chain.methods += [m for a in found.args if (m := method_of(code, a))]
        node = found.node.parent


def _restricted(code: GoCode, base: Start, scope: Scope) -> list[str]:
    """Methods of a router made by ``r.Methods("GET").Subrouter()``."""
    for outer in scope.outward():
        for assign in code.assigned(outer, base.dotted):
            chain = _Chain([], [])
            made = code.site(assign.value) if assign.value is not None else None
            if made is not None:
                _before(code, made, chain)
            if chain.methods:
                return chain.methods
    return []


PACK = Gorilla()
