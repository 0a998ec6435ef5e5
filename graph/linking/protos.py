"""RPC services as .proto files describe them, found by what generated code calls them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from graph.linking.corpus import Corpus, FileKey, Placed

HEALTH = "grpc.health.v1.Health"
_SUFFIXES = ("Service", "Grpc", "Client", "Server")


def plain(method: str) -> str:
    """A method's name in no particular case style.

    Args:
        method: ``GetCart``, ``getCart``, ``get_cart``.
    """
    return method.replace("_", "").lower()


class Protos:
    """Every described RPC service.

    Args:
        corpus: the facts.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._services: dict[str, dict[str, list[Placed]]] = defaultdict(lambda: defaultdict(list))
        self._simple: dict[str, dict[str, None]] = defaultdict(dict)
        for placed in corpus.of("operation"):
            if placed.fact.get("protocol") == "grpc":
                service, _, method = str(placed.fact.get("path", "")).rpartition("/")
                self._services[service][plain(method)].append(placed)
                self._simple[plain(service.rpartition(".")[2])][service] = None

    def find(self, name: str, file: FileKey, methods: Iterable[str] = ()) -> str:
        """The full name of a described service, empty when none fits.

        Args:
            name: as code names it, with or without package.
            file: where; descriptions in the folders around it win.
            methods: methods it surely has.
        """
        if name in self._services:
            return name
        simple = name.rpartition(".")[2]
        for candidate in (simple, *(simple.removesuffix(s) for s in _SUFFIXES), f"{simple}Service"):
            found = [s for s in self._simple.get(plain(candidate), ()) if self._has(s, methods)]
            if found:
                return min(found, key=lambda service: (-self._near(service, file), service))
        return ""

    def _has(self, service: str, methods: Iterable[str]) -> bool:
        return all(plain(m) in self._services[service] for m in methods)

    def _near(self, service: str, file: FileKey) -> int:
        places = (p.file for placed in self._services[service].values() for p in placed)
        return max(_shared(file, place) for place in places)

    def methods(self, service: str) -> dict[str, str]:
        """Plain name to path (``package.Service/Method``) of every method of a service.

        Args:
            service: full name.
        """
        return {name: str(placed[0].fact.get("path")) for name, placed in self._services.get(service, {}).items()}

    def described(self, path: str) -> list[Placed]:
        """Where an operation is described.

        Args:
            path: ``package.Service/Method``.
        """
        service, _, method = path.rpartition("/")
        return self._services[service].get(plain(method), []) if service in self._services else []


def _shared(file: FileKey, other: FileKey) -> int:
    if file[0] != other[0]:
        return -1
    ours, theirs = file[1].split("/"), other[1].split("/")
    return next((n for n, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), len(ours))
