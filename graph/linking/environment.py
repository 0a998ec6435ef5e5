"""Which value an environment variable has in a service: deployment files first, then images, then ``.env`` files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from posixpath import basename, dirname, splitext

from graph.linking.corpus import Corpus, FileKey, Placed
from graph.linking.deployed import Service
from graph.linking.roles import aside
from graph.linking.services import Services
from graph.values import Lit, Value

Given = tuple[Value, FileKey]
_CENTRAL = "config server"
_MAPPED = "configmap:"
_ASIDE = 100
_MARKS = re.compile(r"[.\-_:\[\]]")
_CODE = frozenset({".cs", ".java", ".kt", ".go", ".py", ".js", ".ts", ".mjs", ".cjs", ".tsx", ".jsx"})
_PROFILES = ("SPRING_PROFILES_ACTIVE", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT", "MICRONAUT_ENVIRONMENTS")


class Environment:
    """Values given to services by deployment files, their own configuration and registrations in code.

    Args:
        corpus: the facts.
        services: which services exist, from which folders.
        owners: whose code a file is, for values that code registers.
    """

    def __init__(
        self, corpus: Corpus, services: Services, owners: Callable[[FileKey], tuple[str, ...]] = lambda _: ()
    ) -> None:
        self._services = services
        self._owners = owners
        self._found: dict[tuple[str, str], tuple[Given, ...]] = {}
        self._profiles: dict[str, frozenset[str]] = {}
        self._values: dict[str, list[Placed]] = defaultdict(list)
        self._mapped: dict[str, list[Placed]] = defaultdict(list)
        for placed in corpus.of("env_value"):
            if not aside(placed.file[1]):
                source, key = placed.fact.get("source", "") or "", placed.fact.get("key", "")
                self._values[_plain(key)].append(placed)
                if source.startswith(_MAPPED):
                    self._mapped[f"{source}.{key}"].append(placed)
        self._files: dict[tuple[str, str], set[str]] = defaultdict(set)
        for placed in corpus.of("env_file"):
            self._files[placed.file[0], placed.fact.get("service", "")].add(placed.fact.get("path", ""))

    def __call__(self, service: str, key: str) -> Sequence[Given]:
        """The values of a variable in a service, from the strongest kind of source that has any.

        Args:
            service: service name, empty for what every service of the workspace would see.
            key: variable or configuration key; ``payments.url``, ``Payments:Url`` and ``PAYMENTS_URL`` are one.
        """
        ident = (service, key)
        if ident not in self._found:
            self._found[ident] = self._look_up(service, key)
        return self._found[ident]

    def _look_up(self, service: str, key: str) -> tuple[Given, ...]:
        ranked: dict[int, list[Given]] = defaultdict(list)
        mapped = key.startswith(_MAPPED)
        for placed in self._mapped.get(key, ()) if mapped else self._values.get(_plain(key), ()):
            rank = self._mapped_rank(placed, service) if mapped else self._rank(placed, service)
            if rank:
                ranked[rank + self._beside(placed, service)].append((placed.fact.get("value"), placed.file))
        return tuple(dict.fromkeys(ranked[min(ranked)])) if ranked else ()

    def _beside(self, placed: Placed, service: str) -> int:
        """Values of a profile or deployment that is not the one in use count only where no other is given."""
        profile, variant = placed.fact.get("profile", "") or "", placed.fact.get("variant", "") or ""
        usual = profile == "Production" and basename(placed.file[1]).startswith("appsettings.")
        if profile and (profile.lower() in self._active(service) or (usual and not self._active(service))):
            return -1 if not variant else _ASIDE
        return (2 * _ASIDE if profile else 0) + (_ASIDE if variant else 0)

    def _active(self, service: str) -> frozenset[str]:
        """The profiles deployment switches on for a service."""
        if service not in self._profiles:
            self._profiles[service] = frozenset()
            texts = [_text(value) for key in _PROFILES for value, _ in self(service, key)]
            self._profiles[service] = frozenset(p.strip().lower() for t in texts for p in t.split(",") if p.strip())
        return self._profiles[service]

    def interpolated(self, repository: str, key: str) -> Sequence[Given]:
        """What ``${KEY}`` in a deployment file is replaced by: the values of ``.env`` files.

        Args:
            repository: of the deployment file.
            key: the variable.
        """
        found = [
            (p.fact.get("value"), p.file)
            for p in self._values.get(_plain(key), ())
            if p.file[0] == repository and p.fact.get("key") == key
            if not p.fact.get("service") and not p.fact.get("source")
        ]
        return tuple(dict.fromkeys(found))

    def _rank(self, placed: Placed, name: str) -> int:
        """1 is strongest; 0 does not apply."""
        fact, (repository, path) = placed.fact, placed.file
        service = self._services.by_name.get(name)
        if service is None:
            return 10 if not fact.get("service") else 50
        if fact.get("source") == _CENTRAL:
            return self._central(placed, service)
        if repository not in service.repositories:
            return 0
        if splitext(path)[1] in _CODE:
            return 45 if name in self._owners(placed.file) else 0
        main = dirname(path) == self._services.main_group(repository)
        if fact.get("service"):
            return 0 if fact.get("service") not in service.names else (10 if main else 30)
        if any(self._handed(placed, known) for known in sorted(service.names)):
            return 20 if main else 40
        folder = dirname(path)
        if repository != service.repository:
            return 70 if (repository, folder) in service.deployed or not folder else 0
        if service.root is not None and folder and (service.root == folder or service.root.startswith(folder + "/")):
            return 50
        if service.root and path.startswith(service.root + "/"):
            return 60
        shared = 80 if path.endswith(".prisma") else 0
        return 70 if not folder or folder in service.groups else shared

    def _mapped_rank(self, placed: Placed, name: str) -> int:
        """Of an entry of a configuration map that a variable refers to."""
        repository, path = placed.file
        service = self._services.by_name.get(name)
        if service is not None and service.repository != repository:
            return 0
        return 20 if dirname(path) == self._services.main_group(repository) else 40

    def _central(self, placed: Placed, service: Service) -> int:
        """A configuration server's file for one service by name, or for every service that asks it."""
        meant = placed.fact.get("service", "") or ""
        if not meant:
            return 65 if placed.file[0] == service.repository else 68
        return 55 if meant in service.names or meant in service.registered else 0

    def _handed(self, placed: Placed, declared: str) -> bool:
        given = self._files.get((placed.file[0], declared), set())
        source = placed.fact.get("source", "") or ""
        return placed.file[1] in given or bool(source and source in given)


def _plain(key: str) -> str:
    """Relaxed binding: case, dots, dashes, underscores and colons do not tell keys apart."""
    return _MARKS.sub("", key).upper()


def _text(value: Value | None) -> str:
    return str(value.value) if isinstance(value, Lit) else ""
