"""Which broker a message goes through when only the service's start-up code or the client's registration says so."""

from __future__ import annotations

from posixpath import commonpath, dirname

from graph.linking.corpus import Placed
from graph.linking.outcomes import Context, Frame
from graph.linking.state import Linking
from graph.values import Value

_KINDS = frozenset({"kafka", "rabbitmq", "nats", "activemq", "pulsar", "servicebus", "sqs", "pubsub", "mqtt"})
_LIBRARIES = (
    ("stream-binder-rabbit", "rabbitmq"),
    ("stream-rabbit", "rabbitmq"),
    ("masstransit.rabbitmq", "rabbitmq"),
    ("starter-amqp", "rabbitmq"),
    ("stream-binder-kafka", "kafka"),
    ("stream-kafka", "kafka"),
    ("masstransit.kafka", "kafka"),
    ("masstransit.azureservicebus", "servicebus"),
    ("masstransit.azure.servicebus", "servicebus"),
    ("masstransit.amazonsqs", "sqs"),
    ("masstransit.activemq", "activemq"),
)
"""Libraries that say which broker others of theirs speak to."""


def brokers(state: Linking, placed: Placed, service: str) -> tuple[str, ...]:
    """The brokers of a publish or consume fact that names none, by what is closest to it; empty when nothing says.

    Args:
        state: the link run.
        placed: the fact.
        service: whose it is.
    """
    known = [p for p in state.corpus.of("transport") if p.file[0] == placed.file[0] and p.fact.get("broker") != "grpc"]
    token = placed.fact.get("client")
    wanted = _texts(state, placed, token, service)
    named = [p for p in known if wanted and _texts(state, p, p.fact.get("client"), service) & wanted]
    listening = [p for p in known if placed.fact.kind == "consume" and p.fact.get("client") is None]
    ours = [p for p in known if service in state.owners(p.file)]
    beside = _beside(known, state.services.main_group(placed.file[0]))
    for group in (named, [p for p in listening if service in state.owners(p.file)], ours, known, beside):
        found = tuple(dict.fromkeys(str(p.fact.get("broker")) for p in group))
        if len(found) == 1 or (found and group is named):
            return found
    return _otherwise(state, placed, service)


def _beside(known: list[Placed], main: str) -> list[Placed]:
    """Of what several deployments of a repository declare, that closest to where its services are deployed."""
    shared = {id(p): len(commonpath([main, dirname(p.file[1])])) if main and dirname(p.file[1]) else 0 for p in known}
    most = max(shared.values(), default=0)
    return [p for p in known if most and shared[id(p)] == most]


def _otherwise(state: Linking, placed: Placed, service: str) -> tuple[str, ...]:
    """By the libraries a service depends on, its other messages, brokers beside it, its repository's messages."""
    messages = [p for p in state.corpus.of("publish", "consume") if p.fact.get("broker")]
    here = [p for p in messages if p.file[0] == placed.file[0]]
    beside = state.services.beside
    groups = (
        _by_library(state, service),
        {str(p.fact.get("broker")) for p in here if service in state.owners(p.file)},
        {s.store_kind for s in state.services.by_name.values() if s.store_kind in _KINDS and beside(service, s.name)},
        {str(p.fact.get("broker")) for p in here},
    )
    return next((tuple(found) for found in groups if len(found) == 1), ())


def _by_library(state: Linking, service: str) -> set[str]:
    found: set[str] = set()
    for placed in state.corpus.of("dependency"):
        name = str(placed.fact.get("name", "")).lower()
        kind = next((kind for part, kind in _LIBRARIES if part in name), "")
        if kind and service in state.owners(placed.file):
            found.add(kind)
    return found


def _texts(state: Linking, placed: Placed, value: Value | None, service: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    frame = Frame(placed.file, placed.fact.get("symbol", "") or "")
    texts = state.evaluator.texts(value, frame, Context(service=service))
    return frozenset(text.template for text, _ in texts if not text.holes and text.template)
