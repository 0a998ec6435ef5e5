"""What functions register for their callers: mounts with a prefix they are given, operations; injected routers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from graph.linking.corpus import FileKey, Placed, SymbolKey
from graph.linking.names import dotted
from graph.linking.roles import aside
from graph.linking.state import Linking
from graph.values import Call, Concat, Fact, Format, Lit, Param, Value

_DEPTH = 3
_PATTERN = re.compile(r"^([A-Z]{3,7})\s+(/\S*)$")
_OPERATIONAL = re.compile(r"promhttp\.|pprof\.|(?i:swagger)|expvar\.|healthcheck\.|FileServer")


def mounts(state: Linking) -> Iterator[Placed]:
    """The mounts of all files; one that a function makes of what it is given, once for each caller.

    Args:
        state: the link run.
    """
    for placed in state.corpus.of("mount"):
        written = list(_of_callers(state, placed)) if _asked(placed.fact.get("prefix")) else []
        yield from written or [placed]


def receivers(state: Linking, placed: Placed, routers: Mapping[SymbolKey, list[Placed]]) -> list[SymbolKey]:
    """The routers of the same service that are injected under the name a mount provides.

    Args:
        state: the link run.
        placed: a mount.
        routers: every router with its facts.
    """
    name = placed.fact.get("provided") or ""
    if not name:
        return []
    owners = set(state.owners(placed.file))
    found = [key for key, facts in routers.items() if any(f.fact.get("injected") == name for f in facts)]
    return [key for key in found if key[0][0] == placed.file[0] and (not owners or owners & set(state.owners(key[0])))]


def operations(state: Linking, placed: Placed, depth: int = _DEPTH) -> list[Placed]:
    """An operation; one whose path a Go function is given, once for each caller: ``m.mux.Handle(pattern, handler)``.

    Args:
        state: the link run.
        placed: an endpoint fact.
        depth: how many such functions may stand between.
    """
    fact, scope = placed.fact, placed.fact.get("symbol", "") or ""
    if not placed.file[1].endswith(".go") or not _asked(fact.get("path")) or not depth:
        return [placed]
    params = _params(state, placed.file, scope)
    made: list[Placed] = []
    for site in state.calls.callers.get((placed.file, scope), ()):
        args = site.fact.get("args", ()) or ()
        method, path = _pattern(fact.get("method", "ANY") or "ANY", _given(fact.get("path"), args, whole=True))
        if path is None or aside(site.file[1]) or site.symbol == (placed.file, scope):
            continue
        fields = {**_kept(fact), "method": method, "path": path, "symbol": site.symbol[1]}
        asked = (fact.get("handler", "") or "").partition(".")[0]
        if asked in params and params.index(asked) < len(args):
            handler = _innermost(args[params.index(asked)])
            fields |= {"handler": dotted(handler), "operational": _OPERATIONAL.search(str(handler)) is not None or None}
        one = Placed(Fact("endpoint", fields, site.fact.at), site.file)
        made += operations(state, one, depth - 1)
    return made or [placed]


def _kept(fact: Fact) -> dict[str, object]:
    """What an operation says wherever it is registered; the router of a function is not its callers'."""
    return {k: v for k, v in fact.fields.items() if k not in ("router", "operational") and v is not None}


def _pattern(method: str, path: Value | None) -> tuple[str, Value | None]:
    """``GET /orders/{id}`` of net/http."""
    match = _PATTERN.match(str(path.value)) if isinstance(path, Lit) else None
    return (match.group(1), Lit(match.group(2))) if match is not None else (method, path)


def _innermost(value: Value) -> Value:
    """The handler in ``http.HandlerFunc(s.list)`` and other wrappers; a call of ours that makes one is itself it."""
    while isinstance(value, Call) and value.args and dotted(value.callee).startswith("http."):
        if dotted(value.callee) in ("http.FileServer", "http.StripPrefix"):
            return value
        value = value.args[0]
    return value.callee if isinstance(value, Call) and not _OPERATIONAL.search(str(value)) else value


def _params(state: Linking, file: FileKey, scope: str) -> list[str]:
    fact = state.names.files[file].symbols.get(scope) if file in state.names.files else None
    return list(fact.get("params", ()) or ()) if fact is not None else []


def _of_callers(state: Linking, placed: Placed) -> Iterator[Placed]:
    """``func (b *Builder) Group(prefix string, build func(g *echo.Group)) { build(b.echo.Group(prefix)) }``."""
    scope, child = placed.fact.get("symbol", "") or "", dotted(placed.fact.get("child"))
    params = _params(state, placed.file, scope)
    if child not in params:
        return
    for site in state.calls.callers.get((placed.file, scope), ()):
        args = site.fact.get("args", ()) or ()
        prefix = _given(placed.fact.get("prefix"), args)
        if params.index(child) >= len(args) or _asked(prefix) or aside(site.file[1]):
            continue
        function = state.names.find(site.file, site.symbol[1], dotted(args[params.index(child)]))
        if function is None or function.kind != "symbol" or function.rest:
            continue
        found = state.names.files[function.file].symbols[function.name]
        for param in found.get("params", ()) or ():
            fields = {**placed.fact.fields, "prefix": prefix, "into": (function.file, f"{function.name}.{param}")}
            yield replace(placed, fact=Fact("mount", fields, placed.fact.at))


def _asked(value: Value | None) -> bool:
    if isinstance(value, Concat):
        return any(_asked(part) for part in value.parts)
    if isinstance(value, Format):
        return any(_asked(part) for part in value.args)
    return isinstance(value, Param)


def _given(value: Value | None, args: tuple[Value, ...], *, whole: bool = False) -> Value | None:
    """A prefix with the texts that one call gives put in; with whatever it gives if `whole`."""
    if isinstance(value, Param):
        given = args[value.index] if value.index < len(args) else None
        return given if whole or isinstance(given, Lit) else value
    if isinstance(value, Concat):
        parts = [_given(part, args, whole=whole) for part in value.parts]
        return Concat(tuple(p for p in parts if p is not None)) if None not in parts else None
    return value
