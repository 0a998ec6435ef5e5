"""Systems of several repositories: what one deploys by image only is code of another that bears its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, MutableMapping

from graph.linking.deployed import Service, merge

_Found = MutableMapping[tuple[str, str], Service]
_CODELESS = frozenset({"infrastructure", "job"})


def join_repositories(found: _Found) -> None:
    """Merge deployments without code into the services of other repositories whose images they start.

    Args:
        found: services by repository and name; changed in place.
    """
    coded = [s for s in _distinct(found) if s.root is not None and s.sort not in _CODELESS]
    count = Counter(service.repository for service in coded)
    joined: dict[str, set[str]] = {}
    for service in _distinct(found):
        if service.root is not None or service.sort in _CODELESS:
            continue
        others = [s for s in coded if s.repository != service.repository]
        named = [s for s in others if s.declared.lower() == service.declared.lower()]
        named = named or [s for s in others if s.declared.lower() in {i.lower() for i in service.images}]
        named = named or [s for s in others if count[s.repository] == 1 and _whole(s.repository, service)]
        if len(named) == 1:
            _into(found, named[0], service)
            joined.setdefault(service.repository, set()).add(named[0].repository)
    for repository, parts in joined.items():
        _join_stores(found, repository, parts)


def _join_stores(found: _Found, repository: str, parts: set[str]) -> None:
    """The stores and brokers that a part starts for itself are those of the whole system where they bear one name."""
    for service in _distinct(found):
        whole = found.get((repository, service.declared), service)
        part = service.repository in parts - {repository} and service.sort == "infrastructure"
        if part and whole is not service and whole.sort == service.sort:
            _into(found, whole, service)


def _whole(repository: str, service: Service) -> bool:
    """Whether a deployment starts what a repository is: its image or it bears the repository's name."""
    name = repository.rpartition("/")[2].lower()
    return name in {service.declared.lower(), *(image.lower() for image in service.images)}


def _into(found: _Found, kept: Service, other: Service) -> None:
    merge(kept, other)
    for key in [key for key, service in found.items() if service is other]:
        found[key] = kept


def _distinct(found: _Found) -> Iterable[Service]:
    return list({id(s): s for _, s in sorted(found.items())}.values())
