"""Which store or broker a service means by its kind: what deployment files tell it, else the only one beside it."""

from __future__ import annotations

import re
from collections import defaultdict

from graph.linking.build import NodeKey
from graph.linking.outcomes import Context, Frame
from graph.linking.state import Linking

SQL_KINDS = frozenset({"sql", "postgresql", "mysql", "mariadb", "sqlite", "mssql", "oracle", "cockroachdb"})
_WORDS = re.compile(r"[/@:,;=\s()?&]+")


class Stores:
    """Which store a service means by a kind of store.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self._by_kind: dict[str, list[str]] = defaultdict(list)
        for service in state.services.by_name.values():
            if service.store_kind:
                self._by_kind[service.store_kind].append(service.name)
        self._known: dict[str, set[str]] = {}
        self._used: dict[str, set[str]] = defaultdict(set)
        for placed in state.corpus.of("depends"):
            owner = state.services.lookup(placed.file[0], placed.fact.get("service", ""))
            target = state.services.lookup(placed.file[0], placed.fact.get("on", ""))
            if owner is not None and target is not None:
                self._used[owner.name].add(target.name)

    def dataset(self, service: str, kind: str, name: str) -> NodeKey:
        """The Dataset node for a table, key or collection as one service names it.

        Args:
            service: who accesses it, or empty.
            kind: store kind as the scanner knows it.
            name: table, key pattern or collection.
        """
        store_kind, store = self.store(service, kind)
        return "Dataset", (store_kind, store, name)

    def store(self, service: str, kind: str) -> tuple[str, str]:
        """Store kind and store name, the name empty when no deployment file tells.

        Args:
            service: who accesses it.
            kind: store kind as the scanner knows it.
        """
        kinds = sorted(SQL_KINDS & self._by_kind.keys()) if kind == "sql" else [kind]
        if kind in SQL_KINDS and not any(k in self._by_kind for k in kinds):
            kinds = sorted(SQL_KINDS & self._by_kind.keys())
        every = [(k, name) for k in kinds for name in self._by_kind.get(k, ())]
        used = [row for row in every if row[1] in self._mentioned(service)]
        chosen = used or [row for row in every if self._beside(service, row[1])]
        if len(chosen) == 1:
            return chosen[0]
        found = {k for k, _ in chosen}
        return (found.pop() if len(found) == 1 else kind), ""

    def _beside(self, service: str, store: str) -> bool:
        """Whether a store is deployed together with a service that does not say which one it uses."""
        return self._state.services.beside(service, store)

    def _mentioned(self, service: str) -> set[str]:
        if service not in self._known:
            self._known[service] = self._used[service] | self._from_values(service)
        return self._known[service]

    def _from_values(self, service: str) -> set[str]:
        """Stores whose host name stands in a value given to the service."""
        known = self._state.services.by_name.get(service)
        if known is None:
            return set()
        by_host: dict[str, set[str]] = defaultdict(set)
        for store in self._state.services.by_name.values():
            if store.store_kind and (store.repositories & known.repositories or store.declared == store.name):
                for host in (store.declared, *store.hosts):
                    by_host[host].add(store.name)
        found: set[str] = set()
        mine = (p for p in self._state.corpus.of("env_value") if p.file[0] in known.repositories)
        for key in sorted({p.fact.get("key", "") for p in mine}):
            for value, file in self._state.environment(service, key):
                texts = self._state.evaluator.texts(value, Frame(file, ""), Context(service=service))
                for text, _ in texts:
                    for word in _WORDS.split(text.template):
                        found |= by_host.get(word, set())
        return found
