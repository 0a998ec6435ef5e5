"""Kafka in Python: confluent-kafka, aiokafka and kafka-python producers and consumers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Location, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.messages import consumed, listed

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_PRODUCERS = {
    "confluent_kafka.Producer": ("produce",),
    "confluent_kafka.SerializingProducer": ("produce",),
    "confluent_kafka.aio.AIOProducer": ("produce",),
    "aiokafka.AIOKafkaProducer": ("send", "send_and_wait"),
    "kafka.KafkaProducer": ("send",),
}
_SENDS = ("produce", "send", "send_and_wait")
_READERS = ("aiokafka.AIOKafkaConsumer", "kafka.KafkaConsumer")
_CONSUMERS = (
    *_READERS,
    "confluent_kafka.Consumer",
    "confluent_kafka.DeserializingConsumer",
    "confluent_kafka.aio.AIOConsumer",
)


@dataclass(frozen=True, slots=True)
class Kafka:
    """Kafka client libraries."""

    name: str = "kafka"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"kafka", b"producer")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a Python file.
        """
        for site in parsed.calls:
            if _sends(parsed, site):
                yield _publish(parsed, site)
            elif parsed.callee(site) in _READERS:
                yield from _subscriptions(parsed, site, [n for n in site.args if n.type != "list_splat"])
            elif site.method == "subscribe" and _consumer(parsed, site):
                topics = site.arg(0, "topics")
                yield from _subscriptions(parsed, site, listed(parsed, topics, site.scope))


def _sends(code: PyCode, site: CallSite) -> bool:
    if site.receiver is None or site.method not in _SENDS or not (site.args or "topic" in site.named):
        return False
    made_by = code.made_by(site.receiver, site.scope)
    if made_by in _PRODUCERS:
        return site.method in _PRODUCERS[made_by]
    return "producer" in code.text(site.receiver).lower().rsplit(".", 1)[-1]


def _consumer(code: PyCode, site: CallSite) -> bool:
    if site.receiver is None:
        return False
    made_by = code.made_by(site.receiver, site.scope)
    return made_by in _CONSUMERS or "consumer" in code.text(site.receiver).lower()


def _publish(code: PyCode, site: CallSite) -> Fact:
    fields: dict[str, object] = {
        "broker": "kafka",
        "topic": code.value(site.arg(0, "topic"), site.scope),
        "symbol": site.scope.name,
    }
    shape = _payload(code, site.arg(1, "value"), site.scope)
    if shape.fields or shape.named or shape.item is not None:
        fields["shape"] = shape
    return Fact("publish", fields, Location(code.path, site.line))


def _payload(code: PyCode, node: Node | None, scope: Scope) -> Shape:
    return code.shape(node, scope) if node is not None else ANYTHING


def _subscriptions(code: PyCode, site: CallSite, topics: list[Node]) -> Iterator[Fact]:
    for node in topics:
        topic: Value = code.value(node, site.scope)
        if isinstance(topic, Unknown):
            continue
        fields: dict[str, object] = {"broker": "kafka", "topic": topic, "symbol": site.scope.name}
        symbol, shape = consumed(code, site.scope)
        if symbol:
            fields["symbol"] = symbol
        if shape is not None:
            fields["shape"] = shape
        yield Fact("consume", fields, Location(code.path, site.line))


PACK = Kafka()
