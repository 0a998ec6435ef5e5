"""Exchanges and queues: what is sent to an exchange arrives in the queues bound to it, by routing key."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from graph.linking.corpus import Placed, SymbolKey
from graph.linking.outcomes import Text
from graph.linking.state import Linking
from graph.linking.wrappers import Results, all_params


class Exchanges:
    """Which topics a queue receives.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self._bound: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
        self._sent: dict[str, dict[str, None]] = defaultdict(dict)
        for placed in state.corpus.of("bound"):
            for service in state.owners(placed.file) or ("",):
                for queue, exchange, key in self._bindings(placed, service):
                    self._bound[queue][exchange, key] = None

    def _bindings(self, placed: Placed, service: str) -> Iterable[tuple[str, str, str]]:
        values = [placed.fact.get(name) for name in ("queue", "exchange", "key")]
        given = [value for value in values if value is not None]

        def need(results: Sequence[Results]) -> Sequence[SymbolKey]:
            return [key for result in results for key in all_params(result)]

        for reading in self._state.wrappers.readings(given, placed.symbol, service, need):
            if not self._state.sources.made_for(reading, service):
                continue
            texts = iter(reading.results)
            found = [next(texts) if value is not None else [(Text(()), frozenset[str]())] for value in values]
            queues, exchanges, keys = ([_name(text) for text, _ in result] for result in found)
            for queue in queues:
                for exchange in exchanges:
                    yield from ((queue, exchange, key) for key in keys if queue and exchange)

    def send(self, exchange: str, key: str) -> None:
        """Remember what is sent to an exchange.

        Args:
            exchange: its name.
            key: routing key, empty for none.
        """
        if exchange:
            self._sent[exchange][key] = None

    def received(self, queue: str, exchange: str) -> list[tuple[str, str]]:
        """What arrives in a queue: topic and the rule that says so.

        Args:
            queue: as consumed; a routing key when the code binds by key at the same place.
            exchange: it is bound to where it is consumed, or empty.
        """
        bound = list(self._bound.get(queue, ()))
        if not bound and exchange:
            keys = self._sent.get(exchange, {})
            matching = [key for key in keys if key and matches(queue, key)]
            bound = [(exchange, queue)] if matching or queue in keys else [(exchange, "")]
        found = [topic for name, key in bound for topic in self._through(name, key, queue)]
        return [(topic, "bound queue") for topic in dict.fromkeys(found)] or [(queue, "topic name")]

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
