"""Operations with their whole paths: router prefixes and mounts across files, merged with what specs describe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from graph.linking.corpus import FileKey, Placed, SymbolKey
from graph.linking.names import Names, dotted
from graph.linking.offers import Offer
from graph.linking.outcomes import Context, Frame
from graph.linking.paths import below, named, template
from graph.linking.schemas import payloads
from graph.linking.state import Linking
from graph.schema import Resolution
from graph.values import Call, Value

_DEPTH = 8
_HELPERS_DEEP = 3
RouterKey = SymbolKey
Served = tuple[str, FileKey]


class Routers:
    """Where each router is mounted.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self._served: dict[tuple[RouterKey, int], list[Served]] = {}
        self._own: dict[RouterKey, list[Placed]] = defaultdict(list)
        self._mounts: dict[RouterKey, list[tuple[RouterKey | None, Placed]]] = defaultdict(list)
        for placed in state.corpus.of("router"):
            self._own[placed.file, placed.fact.get("name", "")].append(placed)
        for placed in state.corpus.of("mount"):
            scope = placed.fact.get("symbol", "") or ""
            children = self.find(placed.file, scope, placed.fact.get("child"))
            parents: list[RouterKey | None] = [*self.find(placed.file, scope, placed.fact.get("parent"))]
            for child in children:
                for parent in parents or [None]:
                    if parent != child:
                        self._mounts[child].append((parent, placed))

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
            return []
        if scope and (file, f"{scope}.{name}") in self._own:
            return [(file, f"{scope}.{name}")]
        found = self._state.names.find(file, scope, name)
        if found is None:
            return [(file, name)] if (file, name) in self._own else []
        key = (found.file, ".".join((found.name, *found.rest)))
        if key in self._own:
            return [key]
        if found.kind == "module":
            return self._of_module(found.file)
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
            return [(prefix, router[0]) for prefix in dict.fromkeys(inner)]
        found: list[Served] = []
        for parent, placed in mounts:
            below_it = [""] if placed.fact.get("replaces") else inner
            outer = self.prefixes(parent, depth - 1) if parent is not None else [("", placed.file)]
            extra = self.text(placed, placed.fact.get("prefix"), "")
            found += [
                (below(below(above, more), prefix), file)
                for above, file in outer
                for more in extra
                for prefix in below_it
            ]
        return list(dict.fromkeys(found))

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
            texts.update((text.template, None) for text, _ in found)
        return list(texts)


def endpoints(state: Linking) -> None:
    """Endpoint nodes from code, with OWNS, HANDLED_BY, ACCEPTS and RETURNS.

    Args:
        state: the link run.
    """
    routers = Routers(state)
    for placed in state.corpus.of("endpoint"):
        for path, file in _paths(routers, placed):
            for service in state.owners(file) or state.owners(placed.file):
                _offer(state, placed, service, path)


def _paths(routers: Routers, placed: Placed) -> Iterable[Served]:
    fact = placed.fact
    handler = fact.get("handler", "") or ""
    written = routers.text(placed, fact.get("path"), handler)
    scope = fact.get("symbol", "") or handler.rpartition(".")[0]
    mine = routers.find(placed.file, scope, fact.get("router"))
    served = [s for router in mine for s in routers.prefixes(router)] or [("", placed.file)]
    return dict.fromkeys((below(prefix, path), file) for prefix, file in served for path in written)


def _offer(state: Linking, placed: Placed, service: str, path: str) -> None:
    fact = placed.fact
    protocol = fact.get("protocol", "http") or "http"
    is_path = protocol in ("http", "websocket")
    offer = Offer(service, protocol, fact.get("method", "") or "ANY", template(path) if is_path else path)
    evidence = [state.corpus.evidence(placed)]
    status = fact.get("status")
    asked = tuple(fact.get("query", ()) or ())
    props = {
        "operational": fact.get("operational"),
        "statuses": [str(status)] if status else None,
        "template": named(path) if is_path else None,
        "query": asked or None,
        "coded": [*([f"status {status}"] if status else ()), *(f"query {name}" for name in asked)] or None,
    }
    node = state.builder.node(*offer.node, evidence, props)
    state.offers.add(offer)
    owner = ("Service", (service,))
    state.builder.edge("OWNS", (owner, node), Resolution("resolved", "code", "registered in its code"), evidence)
    handler = handler_of(state.names, placed)
    if handler is not None:
        symbol = state.symbol(handler, evidence)
        state.builder.edge("HANDLED_BY", (node, symbol), Resolution("resolved", "handler"), evidence)
        state.offers.handlers[node][handler] = None
    payloads(state, placed, offer)


def handler_of(names: Names, placed: Placed) -> SymbolKey | None:
    """The symbol that handles an operation, through imports when it is defined elsewhere.

    Args:
        names: name look-up.
        placed: an endpoint or consume fact.
    """
    handler = placed.fact.get("handler", "") or ""
    if not handler:
        return None
    if handler in names.files[placed.file].symbols:
        return placed.file, handler
    found = names.find(placed.file, placed.fact.get("symbol", "") or "", handler)
    if found is not None and found.kind == "symbol" and not found.rest:
        return found.file, found.name
    return None


def statuses(state: Linking) -> None:
    """Statuses and error statuses of operations, from the handler and what it calls, a few calls deep.

    Args:
        state: the link run.
    """
    answers: dict[SymbolKey, list[Placed]] = defaultdict(list)
    for placed in state.corpus.of("responds"):
        answers[placed.symbol].append(placed)
    callees: dict[SymbolKey, list[SymbolKey]] = defaultdict(list)
    for site in state.calls.sites:
        if site.rule != "override":
            callees[site.symbol].append(site.target)
    for node, handlers in state.offers.handlers.items():
        for symbol in _reached(callees, handlers):
            for placed in answers.get(symbol, ()):
                status = str(placed.fact.get("status"))
                errors = [status] if placed.fact.get("error") else None
                props = {"statuses": [status], "errors": errors, "coded": [f"status {status}"]}
                state.builder.node(*node, [state.corpus.evidence(placed)], props)


def _reached(callees: Mapping[SymbolKey, Iterable[SymbolKey]], handlers: Iterable[SymbolKey]) -> list[SymbolKey]:
    found = dict.fromkeys(handlers)
    layer = list(found)
    for _ in range(_HELPERS_DEEP):
        layer = [t for s in layer for t in callees.get(s, ()) if t not in found]
        found.update(dict.fromkeys(layer))
    return list(found)
