"""net/http servers: patterns of the default and other muxes, with the methods of Go 1.22, and tables of routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Fact, Lit, Location, Value
from scanners.idioms import go_routes
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.go import bare
from scanners.idioms.go_handing import Start
from scanners.idioms.go_handlers import handler
from scanners.idioms.go_http import METHODS, kit, method_of
from scanners.idioms.go_routes import Route, Table
from scanners.idioms.go_values import members

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_TABLE = Table(
    name="go_nethttp",
    modules=("net/http",),
    types=frozenset(("NewServeMux", "ServeMux", "DefaultServeMux")),
    verbs={},
)
_ROUTERS = re.compile(
    r"(ServeMux|NewRouter|NewMux|\.Router|\.Engine|gin\.Default|gin\.New|echo/v4\.New|\.Echo|\.Mux|\.Handlers)$"
)
_OTHERS = (b"gorilla/mux", b"go-chi/chi")
_PATTERN = re.compile(r"^(?:(" + "|".join(METHODS) + r")[ \t]+)?([^/\s]*)(/\S*)$")
_TAIL = re.compile(
    r'TrimPrefix\(\s*\w+\.URL\.Path|\w+\.URL\.Path\[|path\.Base\(\s*\w+\.URL\.Path|Split\(\s*\w+\.URL\.Path|URL\.Path,\s*"/"'
)


class NetHttp:
    """The HTTP server of the standard library."""

    name: str = "go_nethttp"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b'"net/http"',)
    generated: bool = True

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Routes and their handlers.

        Args:
            parsed: a Go file.
        """
        registered: set[str] = set()
        others = any(mark in parsed.data for mark in _OTHERS)
        for fact in go_routes.facts(parsed, _TABLE):
            if fact.kind in ("router", "mount"):
                yield fact
        for site in parsed.calls:
            if site.method in ("HandleFunc", "Handle") and len(site.args) == 2:
                base = _mux(parsed, site, guess=not others)
                if base is not None:
                    yield from _registered(parsed, site, base, registered)
        yield from _tables(parsed, registered)
        yield from go_routes.handlers(parsed, "go_nethttp", registered)


def _mux(code: GoCode, site: CallSite, *, guess: bool) -> Start | None:
    if code.origin(site.dotted) in ("net/http.HandleFunc", "net/http.Handle"):
        return Start("")
    if site.receiver is None:
        return None
    found = go_routes.base_of(code, _TABLE, site.receiver, site.scope)
    if found is None or (found.dotted and not guess and not _TABLE.owns(code.type_of(found.dotted, site.scope))):
        return None
    return found


def _registered(code: GoCode, site: CallSite, base: Start, registered: set[str]) -> Iterator[Fact]:
    method, pattern = _pattern(code.value(site.args[0], site.scope))
    if pattern is None:
        return
    mounted = _mount(code, site, base)
    if mounted is not None:
        yield from mounted
        return
    given = code.text(site.args[1])
    static = "FileServer" in given
    path = _path(code, site, pattern, static=static)
    for fact in go_routes.endpoint(code, "go_nethttp", site, Route(method, path, site.args[1], base), registered):
        yield Fact(fact.kind, {**fact.fields, "operational": True}, fact.at) if static else fact


def _pattern(value: Value) -> tuple[str, Value | None]:
    """Method and path of a pattern: ``GET example.com/orders/{id}``."""
    first = value.parts[0] if isinstance(value, Concat) and value.parts else value
    if not isinstance(first, Lit) or not isinstance(first.value, str):
        return "ANY", value
    if first is value:
        match = _PATTERN.match(first.value)
        return (match.group(1) or "ANY", Lit(match.group(3))) if match else ("ANY", None)
    head, space, rest = first.value.partition(" ")
    if space and head in METHODS and isinstance(value, Concat):
        return head, Concat((Lit(rest.strip()), *value.parts[1:]))
    return "ANY", value


def _path(code: GoCode, site: CallSite, path: Value, *, static: bool) -> Value:
    """A pattern that ends with a slash serves all that is below it; ``{$}`` and ``{rest...}`` say so themselves."""
    if not isinstance(path, Lit):
        return path
    text = str(path.value)
    text = re.sub(r"\{\w+\.\.\.\}$", "**", text)
    if text.endswith("{$}"):
        return Lit(text[:-3])
    if text.endswith("/") and text != "/":
        _, scope = handler(code, site.args[1], site.scope)
        tail = not static and scope is not None and _TAIL.search(code.text(scope.node)) is not None
        return Lit(f"{text}{{}}" if tail else f"{text}**")
    return Lit(text)


def _mount(code: GoCode, site: CallSite, base: Start) -> list[Fact] | None:
    """A router given as handler is mounted, under the prefix that is stripped for it; None for plain handlers."""
    node = bare(site.args[1])
    made = code.site(node) if node is not None and node.type == "call_expression" else None
    prefix: Value = Lit("")
    if made is not None and made.method == "StripPrefix" and len(made.args) == 2:
        prefix, node = code.value(made.args[0], site.scope), bare(made.args[1])
    dotted = code.dotted(node)
    if not dotted or _ROUTERS.search(code.type_of(dotted, site.scope)) is None:
        return None
    fields = {"child": code.value(node, site.scope), "prefix": prefix, "symbol": site.scope.name}
    if base.router is not None:
        fields["parent"] = base.router
    plain = prefix == Lit("") and base.router is None
    return [] if plain else [Fact("mount", fields, Location(code.path, site.line))]


def _tables(code: GoCode, registered: set[str]) -> Iterator[Fact]:
    """Lists of routes written as data: ``Route{"GET", "/orders", ListOrders}``."""
    for node in code.literals:
        kind = node.child_by_field_name("type")
        if kind is None or kind.type not in ("slice_type", "array_type", "type_identifier", "map_type"):
            continue
        scope = code.scope_at(node.start_byte)
        prefix = _prefix(code, node)
        for _, item in members(code, node)[:200]:
            row = bare(item)
            if row is not None and row.type in ("literal_value", "composite_literal"):
                for fact in _row(code, row, scope, registered):
                    path = concat([prefix, fact.get("path")]) if prefix is not None else fact.get("path")
                    yield Fact(fact.kind, {**fact.fields, "path": path}, fact.at)


def _prefix(code: GoCode, table: Node) -> Value | None:
    """``server.AddRoutes([]rest.Route{..}, rest.WithPrefix("/v1"))`` of go-zero."""
    call = table.parent.parent if table.parent is not None and table.parent.type == "argument_list" else None
    site = code.site(call) if call is not None else None
    options = [code.site(arg) for arg in site.args[1:]] if site is not None and site.method == "AddRoutes" else []
    given = next((o for o in options if o is not None and o.method == "WithPrefix" and o.args), None)
    return code.value(given.args[0], given.scope) if given is not None else None


def _row(code: GoCode, row: Node, scope: Scope, registered: set[str]) -> Iterator[Fact]:
    parts = [part for _, part in members(code, row)]
    methods = [m for p in parts if (m := method_of(code, p))]
    paths = [t for p in parts if (t := code.string(p)).startswith("/")]
    called = [p for p in parts if _function(code, p, scope)]
    if len(methods) != 1 or len(paths) != 1 or len(called) != 1:
        return
    name, found = handler(code, called[0], scope)
    fields: dict[str, object] = {
        "protocol": "http",
        "method": methods[0],
        "path": Lit(paths[0]),
        "handler": name,
        "framework": "go_nethttp",
    }
    if scope.name:
        fields["symbol"] = scope.name
    if found is not None:
        registered.add(found.name)
        fields |= kit(code, found).fields
    yield Fact("endpoint", fields, code.at(row))


def _function(code: GoCode, node: Node, scope: Scope) -> bool:
    inner = bare(node)
    if inner is None or inner.type not in ("identifier", "selector_expression", "func_literal", "call_expression"):
        return False
    name, found = handler(code, inner, scope)
    dotted = code.dotted(inner)
    return found is not None or (
        bool(name) and not method_of(code, inner) and (not dotted or not code.type_of(dotted, scope))
    )


PACK = NetHttp()
