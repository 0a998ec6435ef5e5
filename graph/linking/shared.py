"""Whose edge it is when code shared by several services leads each of them somewhere else."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

from graph.linking.callgraph import CallGraph
from graph.linking.corpus import FileKey, SymbolKey
from graph.linking.wrappers import Reading

_MOST = 5000
Owners = Callable[[FileKey], tuple[str, ...]]


class Sources:
    """Finds the symbols of one service that use shared code.

    Args:
        calls: who calls whom.
        owners: services of a file.
    """

    def __init__(self, calls: CallGraph, owners: Owners) -> None:
        self._calls = calls
        self._owners = owners
        self._known: dict[tuple[SymbolKey, str], tuple[SymbolKey, ...]] = {}
        self._users: dict[SymbolKey, frozenset[str]] = {}

    def made_for(self, reading: Reading, service: str) -> bool:
        """Whether a reading is one of a service: its outermost function and the constructing calls are its code.

        Args:
            reading: values as one chain of callers gives them.
            service: its name, empty for all.
        """
        places = [reading.origin[0], *(site.file for site in reading.built)]
        owned = all(service in (self._owners(file) or (service,)) for file in places)
        used = [reading.origin, *(site.symbol for site in reading.built)]
        return owned and all(self._reached(symbol, service) for symbol in used)

    def mine(self, readings: Iterable[Reading], service: str) -> list[Reading]:
        """The readings of a service, without those that hold only where options are not given, when they are.

        Args:
            readings: of one fact.
            service: its name, empty for all.
        """
        found = [reading for reading in readings if self.made_for(reading, service)]
        given = {reading.origin for reading in found if not reading.spare}
        return [reading for reading in found if not reading.spare or reading.origin not in given]

    def _reached(self, symbol: SymbolKey, service: str) -> bool:
        """Whether a service runs shared code, as far as calls say: its own code leads there, or nobody's does."""
        everybody = self._owners(symbol[0])
        if len(everybody) < 2 or not service:
            return True
        if symbol not in self._users:
            self._users[symbol] = frozenset(self._leading(symbol, set(everybody)))
        return service in self._users[symbol] or not self._users[symbol]

    def _leading(self, symbol: SymbolKey, everybody: set[str]) -> Iterator[str]:
        """The services with code of fewer services that leads to shared code."""
        queue, seen = [symbol], {symbol}
        while queue and len(seen) < _MOST:
            for site in self._calls.callers.get(queue.pop(), ()):
                owners = set(self._owners(site.file))
                if owners < everybody:
                    yield from owners
                elif site.symbol not in seen:
                    seen.add(site.symbol)
                    queue.append(site.symbol)

    def of(self, origin: SymbolKey, service: str, reading: Reading) -> tuple[SymbolKey, ...]:
        """The nearest code that only this service has and that leads to the origin, empty when none is known.

        Args:
            origin: shared code.
            service: its name.
            reading: where the values came from; who constructs it counts when nobody calls it.
        """
        if not service or self._owners(origin[0]) == (service,):
            return (origin,)
        users = self._nearest(origin, service)
        made = tuple(site.symbol for site in reading.built if self._owners(site.file) == (service,))
        makers = [user for site in reading.built[-1:] for user in self._nearest(site.symbol, service)]
        return users or made[-1:] or tuple(makers)

    def _nearest(self, symbol: SymbolKey, service: str) -> tuple[SymbolKey, ...]:
        key = (symbol, service)
        if key not in self._known:
            self._known[key] = self._above(symbol, service)
        return self._known[key]

    def _above(self, origin: SymbolKey, service: str) -> tuple[SymbolKey, ...]:
        layer, seen, found = [origin], {origin}, dict[SymbolKey, None]()
        while layer and len(seen) < _MOST:
            following: list[SymbolKey] = []
            for symbol in layer:
                for site in self._calls.callers.get(symbol, ()):
                    caller, owners = site.symbol, self._owners(site.file)
                    if caller in seen or service not in owners:
                        continue
                    seen.add(caller)
                    if owners == (service,):
                        found[caller] = None
                    else:
                        following.append(caller)
            layer = following
        return tuple(found)


def apart(targets: Mapping[str, Iterable[Hashable]]) -> bool:
    """Whether services that share code are led to different places by it.

    Args:
        targets: by service.
    """
    return len({frozenset(found) for found in targets.values()}) > 1
