"""RPC: who serves the services of .proto files, and which of their operations stubs call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from graph.linking.build import NodeKey, united
from graph.linking.corpus import Placed, SymbolKey
from graph.linking.hosts import Target, suggestion
from graph.linking.names import CLASSES, dotted
from graph.linking.offers import Offer
from graph.linking.protos import HEALTH, Protos, plain
from graph.linking.schemas import add_schema
from graph.linking.shapes import reads, sends
from graph.linking.state import Linking, LooseEnd
from graph.linking.stubs import held
from graph.linking.urls import addressed, take_apart
from graph.linking.wrappers import Reading, Results, all_params
from graph.schema import Evidence, Resolution
from graph.values import Shape, Value


def served(state: Linking) -> None:
    """Endpoint nodes of RPC services that code serves, with OWNS, HANDLED_BY, ACCEPTS and RETURNS.

    Args:
        state: the link run.
    """
    protos = Protos(state.corpus)
    for placed in state.corpus.of("rpc_service"):
        if placed.fact.get("gateway"):
            continue
        found = _handlers(state, placed)
        name = str(placed.fact.get("service", ""))
        service = protos.find(name, placed.file)
        for path, handler in _operations(protos, service or name, found):
            for owner in state.owners(placed.file):
                if not state.speaking(owner, "grpc"):
                    continue
                _serve(state, placed, _Served(owner, path, handler, protos.described(path)))


def _operations(
    protos: Protos, service: str, handlers: dict[str, SymbolKey | None]
) -> Iterable[tuple[str, SymbolKey | None]]:
    methods = protos.methods(service)
    if service in (HEALTH, HEALTH.rpartition(".")[2]):
        methods = {name: f"{HEALTH}/{name.capitalize()}" for name in ("check", "watch")}
    implemented = {name: path for name, path in methods.items() if name in handlers} or methods
    return [(path, handlers.get(name)) for name, path in implemented.items()]


def _handlers(state: Linking, placed: Placed) -> dict[str, SymbolKey | None]:
    """Plain method names to the code that serves them: as registered, else the methods of the class."""
    file, scope = placed.symbol
    given = placed.fact.get("handlers") or {}
    pairs: Iterable[tuple[str, Value]] = given.items() if isinstance(given, dict) else given
    found: dict[str, SymbolKey | None] = {}
    for name, value in pairs:
        targets = state.calls.resolve(value, file, scope) if dotted(value) else []
        found[plain(name)] = targets[0][0] if targets else None
    return found or {name: symbol for name, symbol in _methods(state, (file, scope))}


def _methods(state: Linking, owner: SymbolKey) -> Iterator[tuple[str, SymbolKey]]:
    if state.calls.types.sort(owner) not in CLASSES:
        return
    seen: set[str] = set()
    queue = [owner]
    while queue:
        file, name = queue.pop(0)
        for part in state.names.packages.parts.get((file, name), (file,)):
            for symbol in state.names.files[part].symbols:
                method = symbol.removeprefix(f"{name}.").partition("/")[0]
                if symbol.startswith(f"{name}.") and "." not in method and plain(method) not in seen:
                    seen.add(plain(method))
                    yield plain(method).removesuffix("async"), (part, symbol)
        queue += state.names.bases((file, name))


@dataclass(frozen=True, slots=True)
class _Served:
    owner: str
    path: str
    handler: SymbolKey | None
    described: Sequence[Placed]


def _serve(state: Linking, placed: Placed, one: _Served) -> None:
    offer = Offer(one.owner, "grpc", "rpc", one.path)
    evidence = [state.corpus.evidence(placed)]
    node = state.builder.node(*offer.node, evidence, {"operational": one.path.startswith(HEALTH) or None})
    state.offers.add(offer)
    registered = Resolution("resolved", "code", "registered in its code")
    state.builder.edge("OWNS", (("Service", (one.owner,)), node), registered, evidence)
    if one.handler is not None:
        symbol = state.symbol(one.handler, evidence)
        state.builder.edge("HANDLED_BY", (node, symbol), Resolution("resolved", "handler"), evidence)
        state.offers.handlers[node][one.handler] = None
    for spec in one.described[:1]:
        _described(state, node, spec)


def _described(state: Linking, node: NodeKey, spec: Placed) -> None:
    evidence = [state.corpus.evidence(spec)]
    state.builder.node(*node, evidence)
    accepts = state.shapes.whole(spec.fact.get("accepts"), spec.file)
    if accepts is not None:
        add_schema(state, node, ("ACCEPTS", "request"), accepts, evidence)
    for status, shape in sorted((spec.fact.get("returns") or {}).items()):
        if shape is not None:
            add_schema(state, node, ("RETURNS", f"response {status}"), state.shapes.whole(shape, spec.file), evidence)


def called(state: Linking) -> None:
    """CALLS edges for every call through a stub.

    Args:
        state: the link run; who serves what is known.
    """
    calls = _Calls(state)
    for placed in (*state.corpus.of("rpc_call"), *held(state, calls.protos)):
        for service in state.owners(placed.file) or ("",):
            calls.link(placed, service)


class _Calls:
    """Links stub calls.

    Args:
        state: the link run.

    Attributes:
        protos: described services.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self.protos = Protos(state.corpus)
        self._serving: dict[str, list[str]] = {}
        for service in sorted(state.offers.by_service):
            for offer in state.offers.of(service, "grpc"):
                self._serving.setdefault(offer.path, []).append(service)

    def link(self, placed: Placed, service: str) -> None:
        """The edges of one call in one service.

        Args:
            placed: the rpc_call.
            service: who sends it, or empty.
        """
        path = self._path(placed)
        if not path:
            name = placed.fact.get("service", "") or "the stub's service"
            reason = f"no .proto file of the workspace describes {name}/{placed.fact.get('method', '')}"
            resolution = Resolution("unresolved", "unknown rpc service", reason)
            end = LooseEnd("unknown rpc service", "CALLS", reason, "", str(name))
            self._edge(placed, (service, None), (self._state.loose_end(placed, end), resolution))
            return
        for reading, target in self._targets(placed, service):
            for node, resolution in self._ends(placed, (service, path), target):
                self._edge(placed, (service, reading), (node, resolution))

    def _path(self, placed: Placed) -> str:
        name, method = str(placed.fact.get("service", "") or ""), str(placed.fact.get("method", ""))
        for candidate in dict.fromkeys((method, method.removesuffix("Async"), method.removesuffix("_async"))):
            found = self.protos.find(name, placed.file, (candidate,)) if name else ""
            if found:
                return self.protos.methods(found)[plain(candidate)]
        known = HEALTH if name.rpartition(".")[2] == "Health" else ""
        return f"{known}/{method[:1].upper()}{method[1:]}" if known else ""

    def _targets(self, placed: Placed, service: str) -> list[tuple[Reading | None, Target | None]]:
        """Who is addressed, once per chain of callers; None when the code gives no address."""
        value = placed.fact.get("target")
        if value is None:
            return [(None, None)]

        def need(results: Sequence[Results]) -> Sequence[SymbolKey]:
            return all_params(results[0])

        found: list[tuple[Reading | None, Target | None]] = []
        readings = self._state.wrappers.readings([value], placed.symbol, service, need)
        for reading in self._state.sources.mine(readings, service):
            for text, _ in reading.results[0]:
                url = take_apart(addressed(text))
                found.append((reading, self._state.hosts.find(url, service) if url.host else None))
        sure = [row for row in found if row[1] is not None and (row[1].services or row[1].external)]
        return sure or found[:1] or [(None, None)]

    def _ends(
        self, placed: Placed, call: tuple[str, str], target: Target | None
    ) -> Iterable[tuple[NodeKey, Resolution]]:
        service, path = call
        serving = self._serving.get(path, [])
        if target is not None and target.external and not serving:
            yield ("External", (target.external,)), Resolution("resolved", target.rule, target.reason)
            return
        named = target.services if target is not None else ()
        reached = [s for s in named if s in serving]
        if reached and target is not None:
            for name in reached:
                yield Offer(name, "grpc", "rpc", path).node, Resolution(target.status, target.rule, target.reason)
            return
        others = [s for s in serving if s != service] or serving
        if others:
            reason = f"{path} is served by {', '.join(others)}"
            only = len(others) == 1 and not named
            how = Resolution("resolved" if only else "candidate", "only server" if only else "serves it", reason)
            for name in others:
                yield Offer(name, "grpc", "rpc", path).node, how
        elif named and target is not None:
            reason = f"{target.reason}; its code does not show that it serves {path}"
            for name in named:
                node = Offer(name, "grpc", "rpc", path).node
                yield node, Resolution("candidate", "assumed operation", reason)
        else:
            yield self._nobody(placed, path, target)

    def _nobody(self, placed: Placed, path: str, target: Target | None) -> tuple[NodeKey, Resolution]:
        reason = (target.reason if target is not None else "") or f"no service of the workspace serves {path}"
        hint = suggestion(target) if target is not None else ""
        settles = target.settles if target is not None and target.settles else path
        end = LooseEnd("unknown rpc server", "CALLS", reason, hint, settles)
        return self._state.loose_end(placed, end), Resolution("unresolved", "unknown rpc server", reason)

    def _edge(self, placed: Placed, where: tuple[str, Reading | None], end: tuple[NodeKey, Resolution]) -> None:
        state, (service, reading), (node, resolution) = self._state, where, end
        evidence = self._evidence(placed, reading)
        state.builder.node(*node, evidence if node not in state.builder.nodes else ())
        if resolution.rule == "assumed operation":
            state.builder.edge("OWNS", (("Service", node[1][:1]), node), resolution, evidence)
        scope = placed.fact.get("symbol", "") or ""
        read = state.shapes.whole(self._read(placed), placed.file, scope)
        sent = state.shapes.whole(placed.fact.get("sends"), placed.file, scope)
        props = {"sends": sends(sent), "reads": reads(read), "expects": sends(read)}
        source = state.symbol(placed.symbol, evidence)
        state.builder.edge("CALLS", (source, node), resolution, evidence, props)
        keys = sorted(reading.keys) if reading is not None else []
        state.configured(source, [service] * bool(service), keys, evidence)

    def _read(self, placed: Placed) -> Shape | None:
        own: Shape | None = placed.fact.get("reads")
        if own is not None:
            return own
        shapes: list[Shape | None] = [s.fact.get("reads") for s in self._state.calls.callers.get(placed.symbol, [])]
        known = [shape for shape in shapes if shape is not None]
        return reduce(united, known) if known and len(known) == len(shapes) else None

    def _evidence(self, placed: Placed, reading: Reading | None) -> list[Evidence]:
        corpus = self._state.corpus
        sites = (*reading.sites, *reading.built) if reading is not None else ()
        return [corpus.evidence(placed), *(corpus.evidence(Placed(s.fact, s.file), "call") for s in sites)]
