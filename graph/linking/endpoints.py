"""Operations with their whole paths: router prefixes and mounts across files, merged with what specs describe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from graph.linking.corpus import Placed, SymbolKey
from graph.linking.injected import operations
from graph.linking.names import dotted
from graph.linking.offers import Offer
from graph.linking.outcomes import Context, Frame
from graph.linking.paths import below, named, template
from graph.linking.routers import Routers, Served
from graph.linking.schemas import payloads
from graph.linking.state import Linking
from graph.schema import Resolution
from graph.values import Fact, Name, Shape

_HELPERS_DEEP = 3
_PAGES = "razor"


def endpoints(state: Linking) -> None:
    """Endpoint nodes from code, with OWNS, HANDLED_BY, ACCEPTS and RETURNS.

    Args:
        state: the link run.
    """
    routers = Routers(state)
    _bases(state)
    answering = {placed.symbol: placed for placed in state.corpus.of("handler")}
    pages = {o for p in state.corpus.of("router") if p.fact.get("framework") == _PAGES for o in state.owners(p.file)}
    written = [one for placed in state.corpus.of("endpoint") for one in operations(state, placed)]
    for placed in (*written, *_untold(routers, state)):
        for path, served in _paths(routers, placed):
            handler = _override(state, placed, served) or handler_of(state, placed)
            for one in _by_method(state, placed, answering.get(handler) if handler is not None else None):
                for service in _services(state, placed, served):
                    if placed.fact.get("framework") == _PAGES and service not in pages:
                        continue
                    if _unserved(state, str(placed.fact.get("only") or ""), service):
                        continue
                    _offer(state, _Offered(one, service, path, handler))


def _unserved(state: Linking, only: str, service: str) -> bool:
    """Whether an operation that a library serves by itself is not, because the service does not depend on it."""
    if not only:
        return False
    named = (p for p in state.corpus.of("dependency") if p.fact.get("name") == only)
    return all(service not in state.owners(p.file) for p in named)


def _bases(state: Linking) -> None:
    """What services take off the paths of requests before they look for the operation."""
    for placed in state.corpus.of("path_base"):
        for service in state.owners(placed.file):
            frame, context = Frame(*placed.symbol), Context(service=service)
            for text, _ in state.evaluator.texts(placed.fact.get("prefix"), frame, context):
                if not text.holes and text.template.strip("/"):
                    state.offers.bases[service].add("/" + text.template.strip("/"))


def _services(state: Linking, placed: Placed, served: Served) -> list[str]:
    """Who serves an operation: the application's owners, of those that share a starting helper the operation's own."""
    application, own = state.owners(served.file), state.owners(placed.file)
    both = [name for name in application if name in own]
    protocol = placed.fact.get("protocol", "http") or "http"
    return [name for name in both or application or own if state.speaking(name, protocol)]


class _Offered:
    __slots__ = ("handler", "path", "placed", "service")

    def __init__(self, placed: Placed, service: str, path: str, handler: SymbolKey | None) -> None:
        self.placed, self.service, self.path, self.handler = placed, service, path, handler


def _paths(routers: Routers, placed: Placed) -> Iterable[tuple[str, Served]]:
    """Whole paths; what an interface or base class declares is only served by the routers that mount it."""
    written = routers.text(placed, placed.fact.get("path"), placed.fact.get("handler", "") or "")
    if placed.fact.get("protocol") == "grpc":
        return [(path, Served("", placed.file)) for path in written]
    mine = routers.registered(placed)
    served = [s for router in mine for s in routers.prefixes(router)]
    if placed.fact.get("declared"):
        served = [s for s in served if s.by is not None]
    elif not mine:
        served = [Served("", placed.file)]
    return [(path, s) for path, s in dict.fromkeys((below(s.prefix, path), s) for s in served for path in written)]


def _untold(routers: Routers, state: Linking) -> Iterable[Placed]:
    """Operations whose handler is mounted but says nothing of what it serves, as a library's view: any method."""
    telling = {router for placed in state.corpus.of("endpoint") for router in routers.registered(placed)}
    for placed in state.corpus.of("mount"):
        fact = placed.fact
        if fact.get("operation") and not routers.below(routers.find(placed.file, "", fact.get("child"))) & telling:
            fields = {"protocol": "http", "method": "ANY", "path": fact.get("prefix"), "router": fact.get("parent")}
            handler = {"handler": dotted(fact.get("child"))}
            yield Placed(Fact("endpoint", fields | handler, fact.at), placed.file)


def _override(state: Linking, placed: Placed, served: Served) -> SymbolKey | None:
    """What a mounting class does for an operation that its interface or base class declares."""
    if not placed.fact.get("declared") or served.by is None:
        return None
    found = state.names.member(served.by, ((placed.fact.get("handler", "") or "").rpartition(".")[2],))
    return (found.file, found.name) if found is not None and found.kind == "symbol" and not found.rest else None


def _by_method(state: Linking, placed: Placed, answers: Placed | None) -> list[Placed]:
    """An operation as its handler in another file says more of it: methods it tells apart, shapes, parameters."""
    if answers is None:
        return [placed]
    known = {name: value for name, value in placed.fact.fields.items() if value is not None}
    more = {name: answers.fact.get(name) for name in ("accepts", "returns", "query", "status")}
    fields = {name: _here(state, answers, value) for name, value in more.items() if value is not None} | known
    methods = tuple(answers.fact.get("methods", ()) or ())
    chosen = methods if methods and known.get("method", "ANY") in ("", "ANY") else (known.get("method", "ANY"),)
    return [Placed(Fact("endpoint", fields | {"method": m}, placed.fact.at), placed.file) for m in chosen]


def _here(state: Linking, answers: Placed, value: object) -> object:
    """A payload with its types as the handler's own file knows them."""
    return state.shapes.whole(value, *answers.symbol) if isinstance(value, Shape) else value


def _offer(state: Linking, offered: _Offered) -> None:
    placed, service, path = offered.placed, offered.service, offered.path
    fact = placed.fact
    protocol = fact.get("protocol", "http") or "http"
    is_path = protocol in ("http", "websocket")
    if is_path and (prefix := state.services.by_name[service].prefix):
        path = below(prefix, path)
    written = path
    folded = is_path and placed.file[1].endswith((".cs", ".razor", ".cshtml"))
    path = template(path) if is_path else path
    offer = Offer(
        service,
        protocol,
        fact.get("method", "") or "ANY",
        path,
        folded=folded,
        operational=bool(fact.get("operational")),
    )
    evidence = [state.corpus.evidence(placed)]
    status = fact.get("status")
    asked = tuple(fact.get("query", ()) or ())
    props = {
        "operational": fact.get("operational"),
        "statuses": [str(status)] if status else None,
        "template": named(written) if is_path else None,
        "query": asked or None,
        "coded": [*([f"status {status}"] if status else ()), *(f"query {name}" for name in asked)] or None,
    }
    node = state.builder.node(*offer.node, evidence, props)
    state.offers.add(offer)
    owner = ("Service", (service,))
    state.builder.edge("OWNS", (owner, node), Resolution("resolved", "code", "registered in its code"), evidence)
    handler = offered.handler
    if handler is not None:
        symbol = state.symbol(handler, evidence)
        state.builder.edge("HANDLED_BY", (node, symbol), Resolution("resolved", "handler"), evidence)
        state.offers.handlers[node][handler] = None
    payloads(state, placed, offer)


def handler_of(state: Linking, placed: Placed) -> SymbolKey | None:
    """The symbol that handles an operation, through imports, types and interfaces when it is defined elsewhere.

    Args:
        state: the link run.
        placed: an endpoint or consume fact.
    """
    handler = placed.fact.get("handler", "") or ""
    if not handler:
        return None
    if handler in state.names.files[placed.file].symbols:
        return placed.file, handler
    scope = placed.fact.get("symbol", "") or ""
    found = state.names.find(placed.file, scope, handler)
    if found is not None and found.kind == "symbol" and not found.rest:
        return found.file, found.name
    reached = state.calls.resolve(Name(handler), placed.file, scope)
    concrete = [s for s, _ in reached if state.calls.types.sort(s) in ("function", "method")]
    return concrete[-1] if concrete else None


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
