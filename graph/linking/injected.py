"""Routers that a container hands out under a name, and mounts whose prefix the callers of a function give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from graph.linking.corpus import Placed, SymbolKey
from graph.linking.names import dotted
from graph.linking.roles import aside
from graph.linking.state import Linking
from graph.values import Concat, Fact, Format, Lit, Param, Value


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


def _of_callers(state: Linking, placed: Placed) -> Iterator[Placed]:
    """``func (b *Builder) Group(prefix string, build func(g *echo.Group)) { build(b.echo.Group(prefix)) }``."""
    scope, child = placed.fact.get("symbol", "") or "", dotted(placed.fact.get("child"))
    fact = state.names.files[placed.file].symbols.get(scope) if placed.file in state.names.files else None
    params = list(fact.get("params", ()) or ()) if fact is not None else []
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


def _given(value: Value | None, args: tuple[Value, ...]) -> Value | None:
    """A prefix with the texts that one call gives put in."""
    if isinstance(value, Param):
        given = args[value.index] if value.index < len(args) else None
        return given if isinstance(given, Lit) else value
    if isinstance(value, Concat):
        return Concat(tuple(_given(part, args) or part for part in value.parts))
    return value
