"""Schema nodes: what operations accept and return, so that a changed field follows only those who read it."""

from __future__ import annotations

from collections.abc import Iterable

from graph.linking.build import NodeKey
from graph.linking.corpus import FileKey, Placed, SymbolKey
from graph.linking.offers import Offer
from graph.linking.shapes import Shapes, sends
from graph.linking.state import Linking
from graph.schema import Evidence, Resolution, label
from graph.values import Shape


def payloads(state: Linking, placed: Placed, offer: Offer) -> None:
    """ACCEPTS and RETURNS of one operation in code, and the types it is made of.

    Args:
        state: the link run; the operation's handlers are known.
        placed: the endpoint fact.
        offer: the operation.
    """
    fact = placed.fact
    status = str(fact.get("status") or "2xx")
    for shape, edge, role in (
        (fact.get("accepts"), "ACCEPTS", "request"),
        (fact.get("returns"), "RETURNS", f"response {status}"),
    ):
        if shape is not None:
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
    props = {"status": role.rpartition(" ")[2]} if edge == "RETURNS" else None
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
