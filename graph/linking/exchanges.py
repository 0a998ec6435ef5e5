"""Exchanges and queues: what is sent to an exchange arrives in the queues bound to it, by routing key."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from graph.linking.corpus import Placed, SymbolKey
from graph.linking.outcomes import Context, Frame, Hole, Text
from graph.linking.state import Linking
from graph.linking.wrappers import Results, all_params


class Exchanges:
    """Which topics a queue receives.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self._bound: dict[str, dict[tuple[str, str], SymbolKey | None]] = defaultdict(dict)
        self._asked: dict[tuple[str, str], Hole | None] = {}
        self._sent: dict[str, dict[str, None]] = defaultdict(dict)
        for placed in state.corpus.of("bound"):
            for service in state.owners(placed.file) or ("",):
                for queue in self._queues(placed, service):
                    self._asked.setdefault((queue, service), None)
                for (queue, exchange, key), made in self._bindings(placed, service):
                    self._bound[queue].setdefault((exchange, key), made)

    def _queues(self, placed: Placed, service: str) -> list[str]:
        frame, context = Frame(*placed.symbol), Context(service=service)
        texts = self._state.evaluator.texts(placed.fact.get("queue"), frame, context)
        return [text.template for text, _ in texts if not text.holes]

    def _bindings(self, placed: Placed, service: str) -> Iterable[tuple[tuple[str, str, str], SymbolKey | None]]:
        values = [placed.fact.get(name) for name in ("queue", "exchange", "key")]
        given = [value for value in values if value is not None]

        def need(results: Sequence[Results]) -> Sequence[SymbolKey]:
            return [key for result in results for key in all_params(result)]

        readings = self._state.wrappers.readings(given, placed.symbol, service, need)
        for reading in self._state.sources.mine(readings, service):
            texts = iter(reading.results)
            found = [next(texts) if value is not None else [(Text(()), frozenset[str]())] for value in values]
            queues, exchanges, keys = ([_name(text) for text, _ in result] for result in found)
            own = [site.symbol for site in reading.built if self._state.owners(site.file) == (service,)]
            made = own[-1] if own else None
            unread = next((hole for text, _ in found[2] for hole in text.holes), None)
            if unread is not None:
                self._asked.update({(queue, service): unread for queue in queues})
                continue
            for queue in queues:
                for exchange in exchanges:
                    yield from (((queue, exchange, key), made) for key in keys if queue and exchange)

    def send(self, exchange: str, key: str) -> None:
        """Remember what is sent to an exchange.

        Args:
            exchange: its name.
            key: routing key, empty for none.
        """
        if exchange:
            self._sent[exchange][key] = None

    def received(self, queue: str, exchange: str, service: str) -> list[tuple[Text, str, SymbolKey | None]]:
        """What arrives in a queue: topic, the rule that says so, and the code that asks for it when it is elsewhere.

        Args:
            queue: as consumed; a routing key when the code binds by key at the same place.
            exchange: it is bound to where it is consumed, or empty.
            service: who consumes; a queue whose bindings are read but that it asks nothing for receives nothing.
        """
        bound = list(self._bound.get(queue, {}).items())
        if not bound and exchange:
            keys = self._sent.get(exchange, {})
            matching = [key for key in keys if key and matches(queue, key)]
            bound = [((exchange, queue), None)] if matching or queue in keys else []
            bound = bound or ([((exchange, ""), None)] if "" in keys else [])
        found: dict[str, SymbolKey | None] = {}
        for (name, key), made in bound:
            for topic in self._through(name, key, queue):
                found.setdefault(topic, made)
        rows = [(Text((topic,)), "bound queue", made) for topic, made in found.items()]
        if rows or (queue, service) not in self._asked:
            return rows or [(Text((queue,)), "topic name", None)]
        unread = self._asked[queue, service]
        return [] if unread is None else [(Text((unread,)), "bound queue", None)]

    def _through(self, exchange: str, key: str, queue: str) -> list[str]:
        sent = self._sent.get(exchange, {})
        arriving = [(k or exchange) for k in sent if not key or not k or matches(key, k)]
        if arriving:
            return arriving
        if key and not set("*#") & set(key):
            return [key]
        return [key or exchange or queue]


def _name(text: Text) -> str:
    return text.template if not text.holes else ""


@lru_cache(maxsize=4096)
def matches(pattern: str, key: str) -> bool:
    """Whether a routing key fits a binding key: ``*`` is one word, ``#`` any number of them.

    Args:
        pattern: binding key.
        key: routing key.
    """
    if pattern in (key, "#"):
        return True
    if not set("*#") & set(pattern):
        return False
    words = [r"[^.]+" if w == "*" else r".*" if w == "#" else re.escape(w) for w in pattern.split(".")]
    shape = r"\.".join(words).replace(r"\..*", r"(\..*)?").replace(r".*\.", r"(.*\.)?")
    return re.fullmatch(shape, key) is not None
