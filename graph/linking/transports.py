"""Which broker a message goes through when only the service's start-up code or the client's registration says so."""

from __future__ import annotations

from graph.linking.corpus import Placed
from graph.linking.outcomes import Context, Frame
from graph.linking.state import Linking
from graph.values import Value


def brokers(state: Linking, placed: Placed, service: str) -> tuple[str, ...]:
    """The brokers of a publish or consume fact that names none, by what is closest to it; empty when nothing says.

    Args:
        state: the link run.
        placed: the fact.
        service: whose it is.
    """
    known = [p for p in state.corpus.of("transport") if p.file[0] == placed.file[0] and p.fact.get("broker") != "grpc"]
    token = placed.fact.get("client")
    wanted = _texts(state, placed, token, service)
    named = [p for p in known if wanted and _texts(state, p, p.fact.get("client"), service) & wanted]
    listening = [p for p in known if placed.fact.kind == "consume" and p.fact.get("client") is None]
    ours = [p for p in known if service in state.owners(p.file)]
    for group in (named, [p for p in listening if service in state.owners(p.file)], ours, known):
        found = tuple(dict.fromkeys(str(p.fact.get("broker")) for p in group))
        if len(found) == 1 or (found and group is named):
            return found
    return ()


def _texts(state: Linking, placed: Placed, value: Value | None, service: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    frame = Frame(placed.file, placed.fact.get("symbol", "") or "")
    texts = state.evaluator.texts(value, frame, Context(service=service))
    return frozenset(text.template for text, _ in texts if not text.holes and text.template)
