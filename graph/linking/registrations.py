"""Names, ports and path prefixes that services register by their own configuration (Spring, Aspire, Consul)."""

from __future__ import annotations

from collections.abc import Collection

from graph.linking.corpus import Corpus, Placed
from graph.linking.deployed import Service, under
from graph.linking.roles import aside

_CENTRAL = "config server"


def register(corpus: Corpus, services: Collection[Service]) -> None:
    """Give services the names, ports and prefixes of their configuration; central files name the service they mean.

    Args:
        corpus: the facts.
        services: every service; changed in place.
    """
    facts = [p for p in corpus.of("registers") if not aside(p.file[1])]
    central = [p for p in facts if p.fact.get("source") == _CENTRAL]
    for placed in [p for p in facts if p not in central]:
        for service in _of_folder(placed, services):
            _take(service, placed)
    for placed in central:
        for service in _of_name(placed, services):
            _take(service, placed)


def _of_folder(placed: Placed, services: Collection[Service]) -> list[Service]:
    """The services built from the folder that the configuration is deepest in."""
    (repository, path), root = placed.file, (placed.fact.get("root", "") or "").strip("/")
    around = [
        s
        for s in services
        if s.repository == repository and s.root is not None and (under(path, s.root) or s.root == root)
    ]
    deepest = max((len(s.root or "") for s in around), default=0)
    return [s for s in around if len(s.root or "") == deepest]


def _of_name(placed: Placed, services: Collection[Service]) -> list[Service]:
    name = (placed.fact.get("name", "") or "").lower()
    here = [s for s in services if name and name in {s.declared.lower(), *s.hosts}]
    return [s for s in here if s.repository == placed.file[0]] or here


def _take(service: Service, placed: Placed) -> None:
    fact = placed.fact
    name = fact.get("name", "") or ""
    if name:
        service.hosts.add(name.lower())
        service.registered.add(name)
    service.local_ports.update(str(p) for p in fact.get("ports", ()) or () if not fact.get("profile"))
    service.prefix = service.prefix or (fact.get("prefix", "") or "").rstrip("/")
