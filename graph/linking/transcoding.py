"""HTTP operations that a generated gateway answers and turns into RPCs (grpc-gateway, Kratos): who offers them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from graph.linking.corpus import Placed
from graph.linking.offers import Offer
from graph.linking.outcomes import Context, Frame
from graph.linking.paths import named, template
from graph.linking.protos import Protos
from graph.linking.schemas import add_schema
from graph.linking.state import Linking
from graph.linking.urls import addressed, take_apart
from graph.schema import Evidence, Resolution

_RULE = "generated gateway"


def gateways(state: Linking) -> Mapping[str, list[Placed]]:
    """Programs that answer the HTTP requests of an RPC service, by its full name.

    Args:
        state: the link run.
    """
    protos = Protos(state.corpus)
    found: dict[str, list[Placed]] = defaultdict(list)
    for placed in state.corpus.of("rpc_service"):
        if placed.fact.get("gateway"):
            found[protos.find(str(placed.fact.get("service", "")), placed.file)].append(placed)
    found.pop("", None)
    return found


def transcoded(state: Linking) -> None:
    """Endpoint nodes of generated gateways, with ROUTES_TO or HANDLED_BY to the RPC behind each.

    Args:
        state: the link run; who serves which RPC is known.
    """
    known = gateways(state)
    for placed in state.corpus.of("operation") if known else ():
        through = str(placed.fact.get("through", "") or "")
        for gateway in known.get(through.rpartition("/")[0], ()):
            for owner in state.owners(gateway.file):
                _offer(state, placed, gateway, owner)


def _offer(state: Linking, placed: Placed, gateway: Placed, owner: str) -> None:
    fact = placed.fact
    path = str(fact.get("path", ""))
    offer = Offer(owner, "http", str(fact.get("method", "")), template(path))
    evidence = [state.corpus.evidence(gateway), state.corpus.evidence(placed)]
    asked = tuple(fact.get("query", ()) or ())
    node = state.builder.node(*offer.node, evidence, {"template": named(path), "query": asked or None})
    state.offers.add(offer)
    sure = Resolution("resolved", _RULE, "its generated gateway answers what the .proto file describes")
    state.builder.edge("OWNS", (("Service", (owner,)), node), sure, evidence)
    accepts = state.shapes.whole(fact.get("accepts"), placed.file)
    if accepts is not None:
        add_schema(state, node, ("ACCEPTS", "request"), accepts, evidence)
    for status, shape in sorted((fact.get("returns") or {}).items()):
        if shape is not None:
            add_schema(state, node, ("RETURNS", f"response {status}"), state.shapes.whole(shape, placed.file), evidence)
    _behind(state, offer, (str(fact.get("through")), gateway), evidence)


def _behind(state: Linking, offer: Offer, about: tuple[str, Placed], evidence: list[Evidence]) -> None:
    """The RPC that answers: the program's own one, else that of the service the gateway dials."""
    through, gateway = about
    own = Offer(offer.service, "grpc", "rpc", through)
    if gateway.fact.get("target") is None:
        for handler in state.offers.handlers.get(own.node, ()):
            state.builder.edge(
                "HANDLED_BY", (offer.node, state.symbol(handler, evidence)), Resolution("resolved", _RULE), evidence
            )
            state.offers.handlers[offer.node][handler] = None
        return
    serving = sorted(s for s in state.offers.by_service if own.path in {o.path for o in state.offers.of(s, "grpc")})
    named_ = [s for s in _dialled(state, gateway, offer.service) if s in serving]
    others = named_ or [s for s in serving if s != offer.service]
    sure = bool(named_) or len(others) == 1
    for service in others:
        reason = f"its generated gateway hands {through} on to {service}"
        target = Offer(service, "grpc", "rpc", through).node
        state.builder.edge(
            "ROUTES_TO", (offer.node, target), Resolution("resolved" if sure else "candidate", _RULE, reason), evidence
        )


def _dialled(state: Linking, gateway: Placed, service: str) -> list[str]:
    file, scope = gateway.symbol
    texts = state.evaluator.texts(gateway.fact.get("target"), Frame(file, scope), Context(service=service))
    found: list[str] = []
    for text, _ in texts:
        url = take_apart(addressed(text))
        found += state.hosts.find(url, service).services if url.host else ()
    return found
