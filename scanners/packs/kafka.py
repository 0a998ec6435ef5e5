"""Kafka in Python: confluent-kafka, aiokafka and kafka-python producers and consumers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Location, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.messages import consumed, listed, subscribed

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_PRODUCERS = {
    "confluent_kafka.Producer": ("produce",),
    "confluent_kafka.SerializingProducer": ("produce",),
    "confluent_kafka.avro.AvroProducer": ("produce",),
    "confluent_kafka.aio.AIOProducer": ("produce",),
    "confluent_kafka.experimental.aio.AIOProducer": ("produce",),
    "aiokafka.AIOKafkaProducer": ("send", "send_and_wait", "send_batch"),
    "kafka.KafkaProducer": ("send",),
    "kafka3.KafkaProducer": ("send",),
}
_SENDS = ("produce", "send", "send_and_wait", "send_batch")
_READERS = ("aiokafka.AIOKafkaConsumer", "kafka.KafkaConsumer", "kafka3.KafkaConsumer")
_CONSUMERS = (
    *_READERS,
    "confluent_kafka.Consumer",
    "confluent_kafka.DeserializingConsumer",
    "confluent_kafka.avro.AvroConsumer",
    "confluent_kafka.aio.AIOConsumer",
    "confluent_kafka.experimental.aio.AIOConsumer",
)
_NO_TOPIC = ("list_comprehension", "dictionary", "lambda")


class Kafka:
    """Kafka client libraries."""

    name: str = "kafka"
    version: int = 2
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"kafka", b"producer", b"Producer")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a Python file.
        """
        made = {c.rsplit(".", 1)[-1] for c in _READERS}
        for site in parsed.called(*_SENDS, *made, "subscribe", "assign"):
            if site.method in _SENDS and _sends(parsed, site):
                yield _publish(parsed, site)
            elif parsed.callee(site) in _READERS or _extends_reader(parsed, site):
                yield from _subscriptions(parsed, site, _positional(parsed, site))
            elif site.method == "subscribe" and _consumer(parsed, site):
                topics = site.arg(0, "topics", "pattern")
                yield from _subscriptions(parsed, site, listed(parsed, topics, site.scope))
            elif site.method == "assign" and _consumer(parsed, site) and site.args:
                yield from _subscriptions(parsed, site, _partitions(parsed, site))


def _positional(code: PyCode, site: CallSite) -> list[Node]:
    found: list[Node] = []
    for node in site.args:
        found += listed(code, node, site.scope) if node.type == "list_splat" else [node]
    return found


def _partitions(code: PyCode, site: CallSite) -> list[Node]:
    """``consumer.assign([TopicPartition("orders", 0)])``."""
    made = [code.site(n) for n in listed(code, site.args[0], site.scope)]
    return [s.args[0] for s in made if s is not None and s.method == "TopicPartition" and s.args]


def _extends_reader(code: PyCode, site: CallSite) -> bool:
    """``super().__init__("orders")`` is not read; a subclass of a consumer made with topics is."""
    scope = code.scope(site.dotted) if site.receiver is None and site.dotted else None
    return scope is not None and any(code.origin(b) in _READERS for b in scope.bases)


def _sends(code: PyCode, site: CallSite) -> bool:
    if site.receiver is None or not (site.args or "topic" in site.named):
        return False
    made_by = code.made_by(site.receiver, site.scope)
    if made_by in _PRODUCERS:
        return site.method in _PRODUCERS[made_by]
    if made_by.startswith(("socket", "smtplib", "multiprocessing", "requests", "httpx", "fastapi", "websocket")):
        return False
    return "producer" in code.text(site.receiver).lower().rsplit(".", 1)[-1]


def _consumer(code: PyCode, site: CallSite) -> bool:
    if site.receiver is None:
        return False
    made_by = code.made_by(site.receiver, site.scope)
    return made_by in _CONSUMERS or "consumer" in code.text(site.receiver).lower()


def _publish(code: PyCode, site: CallSite) -> Fact:
    batch = site.method == "send_batch"
    fields: dict[str, object] = {
        "broker": "kafka",
        "topic": code.value(site.arg(1 if batch else 0, "topic"), site.scope),
        "symbol": site.scope.name,
    }
    shape = ANYTHING if batch else _payload(code, site.arg(1, "value"), site.scope)
    if shape.fields or shape.named or shape.item is not None:
        fields["shape"] = shape
    return Fact("publish", fields, Location(code.path, site.line))


def _payload(code: PyCode, node: Node | None, scope: Scope) -> Shape:
    """What is sent; a serializer of the schema registry carries its first argument."""
    site = code.site(node) if node is not None else None
    if site is not None and "serializ" in site.method.lower() and site.args:
        return code.shape(site.args[0], scope)
    return code.shape(node, scope) if node is not None else ANYTHING


def _subscriptions(code: PyCode, site: CallSite, topics: list[Node]) -> Iterator[Fact]:
    for node in topics:
        topic: Value = code.value(node, site.scope)
        if node.type in _NO_TOPIC:
            topic = Unknown("topics chosen at run time")
        symbol, shape = consumed(code, site.scope, topic if len(topics) > 1 else None)
        fields: dict[str, object] = {"broker": "kafka", "topic": topic, **subscribed(topic, site, symbol)}
        if shape is not None:
            fields["shape"] = shape
        yield Fact("consume", fields, Location(code.path, site.line))


PACK = Kafka()
