"""Schema nodes: what operations accept and return, so that a changed field follows only those who read it."""

from __future__ import annotations

from collections.abc import Iterable

from graph.linking.build import NodeKey
from graph.linking.corpus import FileKey, Placed, SymbolKey
from graph.linking.endpoints import Routers, paths_of
from graph.linking.offers import Offer
from graph.linking.paths import template
from graph.linking.shapes import Shapes, sends
from graph.linking.state import Linking
from graph.schema import Evidence, Resolution, label
from graph.values import Shape


def schemas(state: Linking) -> None:
    """ACCEPTS and RETURNS edges with Schema nodes, and the types operations are made of.

    Args:
        state: the link run.
    """
    routers = Routers(state)
    for placed in state.corpus.of("endpoint"):
        fact = placed.fact
        status = str(fact.get("status") or "2xx")
        payloads = ((fact.get("accepts"), "ACCEPTS", "request"), (fact.get("returns"), "RETURNS", f"response {status}"))
        if not any(shape for shape, _, _ in payloads):
            continue
        protocol = fact.get("protocol", "http") or "http"
        for path, file in paths_of(routers, placed):
            for service in state.owners(file) or state.owners(placed.file):
                key = template(path) if protocol in ("http", "websocket") else path
                offer = Offer(service, protocol, fact.get("method", "") or "ANY", key)
                for shape, edge, role in payloads:
                    _payload(state, placed, _Payload(offer.node, edge, role, shape))


class _Payload:
    __slots__ = ("edge", "node", "role", "shape")

    def __init__(self, node: NodeKey, edge: str, role: str, shape: Shape | None) -> None:
        self.node, self.edge, self.role, self.shape = node, edge, role, shape


def _payload(state: Linking, placed: Placed, payload: _Payload) -> None:
    scope = placed.fact.get("handler", "") or ""
    whole = state.shapes.whole(payload.shape, placed.file, scope)
    if sends(whole) is None:
        return
    evidence = [state.corpus.evidence(placed)]
    add_schema(state, payload.node, (payload.edge, payload.role), whole, evidence)
    handlers = state.offers.handlers.get(payload.node, ())
    for owner in _types(state.shapes, payload.shape, placed.file, scope):
        for handler in handlers:
            if handler != owner and owner[1] in state.names.files[owner[0]].symbols:
                ends = (state.symbol(handler, evidence), state.symbol(owner, evidence))
                state.builder.edge("CALLS", ends, Resolution("resolved", "payload type"), evidence)


def add_schema(
    state: Linking, node: NodeKey, how: tuple[str, str], shape: Shape | None, evidence: list[Evidence]
) -> None:
    """A Schema node of an operation and the edge to it.

    Args:
        state: the link run.
        node: the Endpoint.
        how: edge kind and role, e.g. ``("RETURNS", "response 200")``.
        shape: whole shape.
        evidence: where it is said.
    """
    edge, role = how
    key = (label(*node), role)
    schema = state.builder.node("Schema", key, evidence, {"shape": sends(shape)})
    props = {"status": role.removeprefix("response ")} if edge == "RETURNS" else None
    state.builder.edge(edge, (node, schema), Resolution("resolved", "payload"), evidence, props)


def _types(shapes: Shapes, shape: Shape | None, file: FileKey, scope: str) -> Iterable[SymbolKey]:
    """The named types a payload is made of, as mentioned at the operation."""
    if shape is None:
        return
    if shape.named:
        owner = shapes.find(shape.named, file, scope)
        if owner is not None:
            yield owner
    yield from _types(shapes, shape.item, file, scope)
    for inner in shape.fields:
        yield from _types(shapes, inner.shape, file, scope)
