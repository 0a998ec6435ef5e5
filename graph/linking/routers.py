"""Where routers are mounted: prefixes and owning application of every router, across files and through functions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from posixpath import dirname, normpath
from typing import TypeAlias

from graph.linking.corpus import FileKey, Placed, SymbolKey
from graph.linking.injected import mounts, receivers
from graph.linking.names import dotted
from graph.linking.outcomes import Context, Frame, Hole, Text
from graph.linking.paths import below
from graph.linking.roles import aside
from graph.linking.state import Linking
from graph.values import Call, Concat, Fact, Lit, Name, Param, Value

_DEPTH = 8
_BY_TYPE = frozenset({"jax_rs", "jaxrs"})
RouterKey: TypeAlias = SymbolKey


@dataclass(frozen=True, slots=True)
class Served:
    """One way a router is served.

    Args:
        prefix: in front of its paths.
        file: of the outermost application.
        by: the router directly above it, None when it stands for itself.
    """

    prefix: str
    file: FileKey
    by: RouterKey | None = None


class Routers:
    """Where each router is mounted.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self._served: dict[tuple[RouterKey, int], list[Served]] = {}
        self._own: dict[RouterKey, list[Placed]] = defaultdict(list)
        self._operations: list[Placed] = []
        self._under: dict[RouterKey, list[RouterKey]] = defaultdict(list)
        self._mounts: dict[RouterKey, list[tuple[RouterKey | None, Placed]]] = defaultdict(list)
        for placed in state.corpus.of("router"):
            self._own[placed.file, placed.fact.get("name", "")].append(placed)
        for placed in mounts(state):
            scope = placed.fact.get("symbol", "") or ""
            if placed.fact.get("folder"):
                self._below_folder(placed)
                continue
            into = placed.fact.get("into")
            children = [into] if into in self._own else self.find(placed.file, scope, placed.fact.get("child"))
            children = self._at(children, placed.fact.get("position"))
            children += receivers(state, placed, self._own)
            if not children and placed.fact.get("operation"):
                self._operations.append(placed)
            parents: list[RouterKey | None] = [*self.find(placed.file, scope, placed.fact.get("parent"))]
            for child in children:
                for parent in parents or [None]:
                    if parent != child:
                        self._mounts[child].append((parent, placed))
                    if parent is not None:
                        self._under[parent].append(child)

        self._implemented()

    def _implemented(self) -> None:
        """JAX-RS interfaces that no class mounts are served by the only class that implements them."""
        for endpoint in self._state.corpus.of("endpoint"):
            if not endpoint.fact.get("declared") or endpoint.fact.get("framework") not in _BY_TYPE:
                continue
            for router in self.registered(endpoint):
                below = [c for c in self._state.calls.below(router) if not aside(c[0][1])]
                if len(below) == 1 and not self._mounts.get(router):
                    mount = Placed(Fact("mount", {}, endpoint.fact.at), below[0][0])
                    self._mounts[router].append((below[0], mount))

    def _below_folder(self, placed: Placed) -> None:
        """Routers loaded by folder (Fastify's autoload) are served under the path of their sub-folder."""
        top = normpath(f"{dirname(placed.file[1])}/{placed.fact.get('folder')}")
        parents = self.find(placed.file, placed.fact.get("symbol", "") or "", placed.fact.get("parent"))
        prefix = placed.fact.get("prefix") or Lit("")
        for child in [key for key in self._own if key[0][0] == placed.file[0] and key[0][1].startswith(f"{top}/")]:
            inner = dirname(child[0][1]).removeprefix(top).strip("/")
            inner = re.sub(r"(?<![^/])_(\w+)", r":\1", inner)
            fields = {**placed.fact.fields, "prefix": Concat((prefix, Lit(f"/{inner}")))}
            for parent in parents:
                if parent != child:
                    self._mounts[child].append((parent, Placed(Fact("mount", fields, placed.fact.at), placed.file)))
                    self._under[parent].append(child)

    def _at(self, children: list[RouterKey], position: int | None) -> list[RouterKey]:
        """Of the parameters of a function, the one at a position; everything that is no parameter."""
        if position is None:
            return children
        kept = []
        for file, name in children:
            function, _, param = name.rpartition(".")
            fact = self._state.names.files[file].symbols.get(function)
            params = tuple(fact.get("params", ()) or ()) if fact is not None else ()
            if param not in params or params.index(param) == position:
                kept.append((file, name))
        return kept

    def find(self, file: FileKey, scope: str, value: Value | None) -> list[RouterKey]:
        """The routers a value may be.

        Args:
            file: where it is written.
            scope: symbol it is written in.
            value: usually a Name.
        """
        return self._find(file, scope, value, _DEPTH)

    def _find(self, file: FileKey, scope: str, value: Value | None, depth: int) -> list[RouterKey]:
        if value is None or depth <= 0:
            return []
        if isinstance(value, Call):
            return self._made(file, scope, value, depth)
        name = dotted(value)
        if not name:
            return self._of_functions(file, scope, value)
        if scope and (file, f"{scope}.{name}") in self._own:
            return [(file, f"{scope}.{name}")]
        given = self._given(file, scope, name, depth)
        if given:
            return given
        return self._named(file, scope, Name(name), depth)

    def _named(self, file: FileKey, scope: str, value: Name, depth: int) -> list[RouterKey]:
        name = value.name
        found = self._state.names.find(file, scope, name)
        key = (found.file, ".".join((found.name, *found.rest))) if found is not None else (file, name)
        if key in self._own:
            return [key]
        if found is None or (found.rest and found.kind != "module"):
            return [(file, name)] if (file, name) in self._own else self._of_functions(file, scope, value)
        if found.kind == "module":
            return self._of_module(found.file)
        if found.kind == "symbol" and not found.rest:
            return self._of_function(key)
        if found.kind != "binding":
            return []
        index = self._state.names.files[found.file]
        made = [
            router
            for b in index.bindings.get(found.name, ())
            for router in self._find(found.file, b.scope, b.value, depth - 1)
        ]
        return list(dict.fromkeys(made))

    def _of_module(self, file: FileKey) -> list[RouterKey]:
        """A module used as a router: the only router it defines."""
        inside = [key for key in self._own if key[0] == file and "." not in key[1]]
        return inside if len(inside) == 1 else []

    def _given(self, file: FileKey, scope: str, name: str, depth: int) -> list[RouterKey]:
        """What callers pass for a parameter: functions that are handed a router, or routers."""
        fact = self._state.names.files[file].symbols.get(scope) if file in self._state.names.files else None
        params = list(fact.get("params", ()) or ()) if fact is not None else []
        if name not in params:
            return []
        made: list[RouterKey] = []
        for site in self._state.calls.callers.get((file, scope), ()):
            args = site.fact.get("args", ()) or ()
            value = args[params.index(name)] if params.index(name) < len(args) else None
            if isinstance(value, Param):
                value = Name(value.name)
            if not aside(site.file[1]):
                made += self._find(site.file, site.symbol[1], value, depth - 1)
        return list(dict.fromkeys(made))

    def _of_functions(self, file: FileKey, scope: str, value: Value) -> list[RouterKey]:
        """A method or an extension method that is handed a router registers on its parameters."""
        symbols = [symbol for symbol, _ in self._state.calls.resolve(value, file, scope)]
        symbols = symbols or self._state.calls.extended(value, file, scope)[1]
        return list(dict.fromkeys(router for symbol in symbols for router in self._of_function(symbol)))

    def _of_function(self, symbol: SymbolKey) -> list[RouterKey]:
        file, name = symbol
        fact = self._state.names.files[file].symbols.get(name)
        params = fact.get("params", ()) or () if fact is not None else ()
        return [(file, f"{name}.{param}") for param in params if (file, f"{name}.{param}") in self._own]

    def _made(self, file: FileKey, scope: str, value: Call, depth: int) -> list[RouterKey]:
        made: list[RouterKey] = []
        for (target, name), _ in self._state.calls.resolve(value.callee, file, scope):
            for returned in self._state.names.files[target].returns.get(name, ()):
                made += self._find(target, name, returned, depth - 1)
        if not made:
            for arg in value.args:
                made += self._find(file, scope, arg, depth - 1)
        return list(dict.fromkeys(made))

    def prefixes(self, router: RouterKey, depth: int = _DEPTH) -> list[Served]:
        """Every prefix a router is served under, with the file of the outermost application.

        Args:
            router: file and qualified name.
            depth: how many mounts up.
        """
        key = (router, depth)
        if key not in self._served:
            self._served[key] = self._prefixes(router, depth)
        return self._served[key]

    def _prefixes(self, router: RouterKey, depth: int) -> list[Served]:
        own = self._own.get(router, ())
        inner = [text for placed in own for text in self.text(placed, placed.fact.get("prefix"), router[1])] or [""]
        mounts = self._mounts.get(router, ())
        if not mounts or depth <= 0:
            detached = any(placed.fact.get("detached") for placed in own)
            return [] if detached else [Served(prefix, router[0]) for prefix in dict.fromkeys(inner)]
        found: list[Served] = []
        live = [m for m in mounts if m[0] is None or not self._uncalled(m[0])]
        for parent, placed in live or mounts:
            below_it = [""] if placed.fact.get("replaces") else inner
            outer = self.prefixes(parent, depth - 1) if parent is not None else [Served("", placed.file)]
            extra = self.text(placed, placed.fact.get("prefix"), "")
            found += [
                Served(below(below(above.prefix, more), prefix), above.file, parent)
                for above in outer
                for more in extra
                for prefix in below_it
            ]
        return list(dict.fromkeys(found))

    def _uncalled(self, router: RouterKey) -> bool:
        """Whether a router is the parameter of a function that nobody hands a router to."""
        if self._mounts.get(router):
            return False
        file, name = router
        function, _, param = name.rpartition(".")
        fact = self._state.names.files[file].symbols.get(function)
        return fact is not None and param in (fact.get("params", ()) or ())

    def own(self, router: RouterKey) -> list[Served]:
        """The prefixes a router gives itself, wherever it is mounted.

        Args:
            router: file and qualified name.
        """
        own = self._own.get(router, ())
        texts = [text for placed in own for text in self.text(placed, placed.fact.get("prefix"), router[1])]
        return [Served(prefix, router[0]) for prefix in dict.fromkeys(texts or [""])]

    def registered(self, endpoint: Placed) -> list[RouterKey]:
        """The routers an operation is registered on.

        Args:
            endpoint: its fact.
        """
        handler = endpoint.fact.get("handler", "") or ""
        scope = endpoint.fact.get("symbol", "") or handler.rpartition(".")[0]
        return self.find(endpoint.file, scope, endpoint.fact.get("router"))

    def below(self, routers: Iterable[RouterKey]) -> set[RouterKey]:
        """These routers and all that are mounted under them.

        Args:
            routers: file and qualified name.
        """
        found = set(routers)
        layer = list(found)
        for _ in range(_DEPTH):
            layer = [child for router in layer for child in self._under.get(router, ()) if child not in found]
            found.update(layer)
        return found

    def operations(self) -> list[Placed]:
        """Endpoint facts for mounted handlers that are no routers of ours: library views, plain functions."""
        made: list[Placed] = []
        for placed in self._operations:
            fields = {
                "protocol": "http",
                "method": "ANY",
                "path": placed.fact.get("prefix"),
                "router": placed.fact.get("parent"),
                "handler": dotted(placed.fact.get("child")),
                "symbol": placed.fact.get("symbol", "") or "",
            }
            made.append(Placed(Fact("endpoint", fields, placed.fact.at), placed.file))
        return made

    def text(self, placed: Placed, value: Value | None, name: str) -> list[str]:
        """The texts a prefix or path may be.

        Args:
            placed: the fact it stands in.
            value: what is written, None is empty.
            name: qualified name whose scope applies.
        """
        if value is None:
            return [""]
        scope = placed.fact.get("symbol", "") or name.rpartition(".")[0]
        owners = self._state.owners(placed.file) or ("",)
        texts: dict[str, None] = {}
        for service in owners:
            found = self._state.evaluator.texts(value, Frame(placed.file, scope), Context(service=service))
            texts.update((_unset_empty(text).template, None) for text, _ in found)
        return list(texts)


def _unset_empty(text: Text) -> Text:
    """A path in front of which a variable stands that no deployment sets is served without it."""
    first = text.parts[0] if text.parts else ""
    rest = text.parts[1] if len(text.parts) > 1 else ""
    empty = isinstance(first, Hole) and first.env and isinstance(rest, str) and rest.startswith("/")
    return Text(text.parts[1:]) if empty or (isinstance(first, Hole) and first.env and not rest) else text
