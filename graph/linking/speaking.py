"""Which protocol each of several services serves that run the same code: a variable tells them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from graph.linking.corpus import Corpus
from graph.linking.services import Services
from graph.values import Lit

_PROTOCOLS = {"http": "http", "https": "http", "rest": "http", "web": "http", "api": "http"} | {
    name: name for name in ("grpc", "graphql", "websocket", "worker", "consumer", "cron", "scheduler")
}


def told_apart(corpus: Corpus, services: Services) -> Mapping[str, frozenset[str]]:
    """Protocols of services that share a folder and have one variable each whose values are different protocols.

    Args:
        corpus: for the variables.
        services: who is deployed.
    """
    values: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    for placed in corpus.of("env_value"):
        service = services.lookup(placed.file[0], placed.fact.get("service", "") or "")
        value = placed.fact.get("value")
        if service is not None and service.root is not None and isinstance(value, Lit):
            protocol = _PROTOCOLS.get(str(value.value).strip().lower())
            if protocol:
                values[service.repository, service.root, placed.fact.get("key", "")][service.name] = protocol
    found: dict[str, frozenset[str]] = {}
    for (repository, root, _), given in sorted(values.items()):
        sharing = [s for s in services.by_name.values() if (s.repository, s.root) == (repository, root)]
        if len(sharing) > 1 and len(set(given.values())) > 1:
            found.update({name: frozenset((protocol,)) for name, protocol in given.items()})
    return found
