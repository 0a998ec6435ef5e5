"""Which value an environment variable has in a service: deployment files first, then images, then ``.env`` files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from posixpath import dirname

from graph.linking.corpus import Corpus, FileKey, Placed
from graph.linking.services import Services
from graph.values import Value

Given = tuple[Value, FileKey]


class Environment:
    """Values given to services by deployment files.

    Args:
        corpus: the facts.
        services: which services exist, from which folders.
    """

    def __init__(self, corpus: Corpus, services: Services) -> None:
        self._services = services
        self._found: dict[tuple[str, str], tuple[Given, ...]] = {}
        self._values: dict[str, list[Placed]] = defaultdict(list)
        for placed in corpus.of("env_value"):
            self._values[_plain(placed.fact.get("key", ""))].append(placed)
        self._files: dict[tuple[str, str], set[str]] = defaultdict(set)
        for placed in corpus.of("env_file"):
            self._files[placed.file[0], placed.fact.get("service", "")].add(placed.fact.get("path", ""))

    def __call__(self, service: str, key: str) -> Sequence[Given]:
        """The values of a variable in a service, from the strongest kind of source that has any.

        Args:
            service: service name, empty for what every service of the workspace would see.
            key: variable or configuration key; ``payments.url`` and ``PAYMENTS_URL`` are one.
        """
        ident = (service, key)
        if ident not in self._found:
            self._found[ident] = self._look_up(service, key)
        return self._found[ident]

    def _look_up(self, service: str, key: str) -> tuple[Given, ...]:
        ranked: dict[int, list[Given]] = defaultdict(list)
        for placed in self._values.get(_plain(key), ()):
            rank = self._rank(placed, service)
            if rank:
                ranked[rank].append((placed.fact.get("value"), placed.file))
        return tuple(dict.fromkeys(ranked[min(ranked)])) if ranked else ()

    def interpolated(self, repository: str, key: str) -> Sequence[Given]:
        """What ``${KEY}`` in a deployment file is replaced by: the values of ``.env`` files.

        Args:
            repository: of the deployment file.
            key: the variable.
        """
        found = [
            (p.fact.get("value"), p.file)
            for p in self._values.get(_plain(key), ())
            if p.file[0] == repository and not p.fact.get("service") and not p.fact.get("source")
        ]
        return tuple(dict.fromkeys(found))

    def _rank(self, placed: Placed, name: str) -> int:
        """1 is strongest; 0 does not apply."""
        fact, (repository, path) = placed.fact, placed.file
        service = self._services.by_name.get(name)
        if service is None:
            return 1 if not fact.get("service") else 5
        if service.repository != repository:
            return 0
        main = dirname(path) == self._services.main_group(repository)
        if fact.get("service"):
            return 0 if fact.get("service") not in service.names else (1 if main else 3)
        if any(self._handed(placed, known) for known in sorted(service.names)):
            return 2 if main else 4
        folder = dirname(path)
        if service.root is not None and folder and (service.root == folder or service.root.startswith(folder + "/")):
            return 5
        if service.root and path.startswith(service.root + "/"):
            return 6
        return 7 if not folder or folder in service.groups else 0

    def _handed(self, placed: Placed, declared: str) -> bool:
        given = self._files.get((placed.file[0], declared), set())
        source = placed.fact.get("source", "") or ""
        return placed.file[1] in given or bool(source and source in given)


def _plain(key: str) -> str:
    return key.replace(".", "_").replace("-", "_").upper()
