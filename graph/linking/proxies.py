"""Gateways written in code: a handler of ``/cart/{rest:path}`` that sends the rest of the path on is a gateway rule."""

from __future__ import annotations

from graph.linking import clients
from graph.linking.build import NodeKey
from graph.linking.corpus import Placed, SymbolKey
from graph.linking.offers import Rule
from graph.linking.outcomes import Text
from graph.linking.requests import Requests
from graph.linking.state import Linking
from graph.linking.urls import after, take_apart
from graph.linking.wrappers import Reading

_REST = "/**"


def proxies(state: Linking) -> None:
    """Remembers handed-on rests of paths as gateway rules; needed before requests are linked.

    Args:
        state: the link run.
    """
    serving: dict[SymbolKey, list[NodeKey]] = {}
    for node, handlers in state.offers.handlers.items():
        if node[1][3].endswith(_REST):
            for handler in handlers:
                serving.setdefault(handler, []).append(node)
    if not serving:
        return
    requests = Requests(state)
    for placed in clients.requests(state):
        for service in state.owners(placed.file):
            for reading in requests.readings(placed, service):
                for node in serving.get(reading.origin, ()):
                    _hand_on(state, placed, reading, node)


def _hand_on(state: Linking, placed: Placed, reading: Reading, node: NodeKey) -> None:
    gateway, path = node[1][0], node[1][3]
    given = placed.fact.get("base") is not None
    bases = [text for text, _ in reading.results[0]] if given else [Text(())]
    for text, _ in reading.results[1]:
        for base in bases:
            url = take_apart(after(base, text))
            own = url.path_holes and url.path_holes[-1].param == reading.origin and url.path.endswith("/{}")
            services = state.hosts.find(url, gateway).services if url.host and own else ()
            if services:
                rule = Rule(gateway, path, services, url.path.removesuffix("/{}") + _REST)
                state.offers.hand_on((placed.file, placed.fact.at.line, reading.origin), rule)
