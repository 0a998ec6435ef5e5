"""Kafka in Java: Spring listeners and templates, plain producers and consumers, Kafka Streams, reactive messaging."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Config, Fact, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.java import Mark, items
from scanners.idioms.java_http import made_of
from scanners.idioms.java_messages import handler_shape, listed_topics, topic_values
from scanners.idioms.java_scopes import nested_mark
from scanners.idioms.java_values import filled
from scanners.idioms.java_web import around, known

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_TEMPLATES = ("KafkaTemplate", "ReplyingKafkaTemplate", "KafkaOperations", "ReactiveKafkaProducerTemplate",
              "AggregatingReplyingKafkaTemplate", "RoutingKafkaTemplate")  # fmt: skip
_PRODUCERS = ("KafkaProducer", "Producer", "MockProducer", "KafkaSender")
_CONSUMERS = ("KafkaConsumer", "Consumer", "ReactiveKafkaConsumerTemplate", "ReceiverOptions", "KafkaReceiver")
_STREAMS = ("StreamsBuilder", "KStream", "KTable", "GlobalKTable", "Topology")
_SENDS = ("send", "sendDefault", "sendAndReceive", "sendTransactionally")
_RECORDS = ("ProducerRecord", "SenderRecord")


class JavaKafka:
    """Kafka clients in Java."""

    name: str = "spring_kafka"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (b"afka", b"StreamsBuilder", b"ProducerRecord")

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a Java file.
        """
        for mark in (m for n in ("KafkaListener", "RetryableTopic") for m in parsed.marks.get(n, ())):
            if mark.name == "KafkaListener":
                yield from _listener(parsed, mark)
        yield from _topics_made(parsed)
        for site in parsed.calls:
            yield from _site(parsed, site)


def _listener(code: JavaCode, mark: Mark) -> Iterator[Fact]:
    topics: list[Value] = []
    for node in items(mark.arg("topics", "value")):
        topics += topic_values(code, node, around(mark.scope))
    for node in items(mark.arg("topicPartitions")):
        inner = nested_mark(code, node, mark.scope)
        if inner is not None and inner.arg("topic") is not None:
            topics += topic_values(code, inner.args["topic"], around(mark.scope))
    if mark.arg("topicPattern") is not None:
        topics.append(Unknown(f"a topic pattern {code.text(mark.args['topicPattern'])[:80]}"))
    handlers = _handlers(code, mark)
    for topic in topics:
        for handler in handlers:
            fields: dict[str, object] = {"broker": "kafka", "topic": topic, "symbol": handler.name}
            shape = handler_shape(code, handler)
            if known(shape):
                fields["shape"] = shape
            yield Fact("consume", fields, code.at(mark.node))


def _handlers(code: JavaCode, mark: Mark) -> list[Scope]:
    """The method, or the ``@KafkaHandler`` methods of an annotated class."""
    if mark.scope.sort == "method":
        return [mark.scope]
    found = [m.scope for m in code.marks.get("KafkaHandler", ()) if m.scope.parent is mark.scope]
    return found or [mark.scope]


def _site(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    if site.receiver is None:
        return
    if site.method in _SENDS and made_of(code, site.receiver, site.scope, _TEMPLATES):
        yield from _template(code, site)
    elif site.method == "send" and site.args and made_of(code, site.receiver, site.scope, _PRODUCERS):
        yield from _record(code, site, site.args[0])
    elif site.method in ("subscribe", "subscription") and made_of(code, site.receiver, site.scope, _CONSUMERS):
        yield from _subscribed(code, site)
    elif site.method in ("stream", "table", "globalTable", "addSource") and made_of(
        code, site.receiver, site.scope, _STREAMS
    ):
        yield from _streamed(code, site)
    elif site.method in ("to", "through", "addSink") and site.args and _is_stream(code, site):
        at = 1 if site.method == "addSink" else 0
        yield from _published(code, site, site.arg(at), None)


def _is_stream(code: JavaCode, site: CallSite) -> bool:
    if b"kafka.streams" not in code.data:
        return False
    first = site.args[0]
    named = first.type in ("string_literal", "identifier", "field_access", "method_invocation")
    return named and (site.method == "addSink" or not code.text(first).startswith("Exchange"))


def _template(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    if site.method == "sendDefault":
        topic: Value = Config("spring.kafka.template.default-topic")
        yield _publish(code, site, topic, code.shape(site.args[-1], site.scope) if site.args else None)
        return
    if len(site.args) == 1 or site.method == "sendAndReceive":
        yield from _record(code, site, site.args[0])
    elif site.args:
        yield from _published(code, site, site.args[0], code.shape(site.args[-1], site.scope))


def _record(code: JavaCode, site: CallSite, node: Node) -> Iterator[Fact]:
    """A record or message given to a producer: its topic stands where it is made."""
    made = code.site(node) or (code.made_of(code.dotted(node), site.scope) if code.dotted(node) else None)
    if made is not None and made.method.rsplit(".", 1)[-1] in _RECORDS and made.args:
        yield from _published(code, made, made.args[0], code.shape(made.args[-1], made.scope), site)
        return
    if made is not None and made.dotted == "SenderRecord.create" and made.args:
        yield from (
            _record(code, site, made.args[0])
            if len(made.args) < 3
            else _published(code, made, made.args[0], code.shape(made.args[-1], made.scope), site)
        )
        return
    for step in (made, *code.before(made)) if made is not None else ():
        header = code.text(step.args[0]) if step.method == "setHeader" and len(step.args) == 2 else ""
        if header.endswith(("TOPIC", '"kafka_topic"')):
            yield from _published(code, step, step.args[1], code.shape(node, site.scope), site)
            return
    value = code.value(node, site.scope)
    topic = Unknown("a record made elsewhere") if not isinstance(value, Unknown) else value
    yield _publish(code, site, topic, code.shape(node, site.scope))


def _published(
    code: JavaCode, site: CallSite, node: Node | None, shape: Shape | None, sent: CallSite | None = None
) -> Iterator[Fact]:
    named = _topic_object(code, node, site.scope)
    for topic in topic_values(code, node, site.scope) if node is not None else []:
        fact = _publish(code, sent or site, topic, shape)
        yield Fact("publish", {**fact.fields, "injected": f"NewTopic {named}"}, fact.at) if named else fact


def _topic_object(code: JavaCode, node: Node | None, scope: Scope) -> str:
    """The name of an injected topic whose ``name()`` is asked for."""
    asked = code.site(node) if node is not None else None
    holder = code.dotted(asked.receiver) if asked is not None and asked.method == "name" else ""
    declared = code.type_of(holder, scope).rsplit(".", 1)[-1] if holder else ""
    return holder.rsplit(".", 1)[-1] if declared == "NewTopic" else ""


def _topics_made(code: JavaCode) -> Iterator[Fact]:
    """Beans that make a topic: its name as a binding of the method."""
    for node, scope in code.returns:
        made = code.site(node.named_children[0]) if node.named_child_count else None
        for step in (made, *code.before(made)) if made is not None else ():
            if step.dotted in ("TopicBuilder.name", "NewTopic") and step.args:
                value = filled(code.value(step.args[0], scope))
                fields = {"target": f"{scope.name}.topicName", "value": value, "scope": scope.name}
                yield Fact("binding", fields, code.at(step.node))


def _publish(code: JavaCode, site: CallSite, topic: Value, shape: Shape | None) -> Fact:
    fields: dict[str, object] = {"broker": "kafka", "topic": topic, "symbol": site.scope.name}
    if known(shape):
        fields["shape"] = shape
    return Fact("publish", fields, code.at(site.node))


def _subscribed(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    for topic in listed_topics(code, site.arg(0), site.scope):
        yield Fact("consume", {"broker": "kafka", "topic": topic, "symbol": site.scope.name}, code.at(site.node))


def _streamed(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    given = site.args[-1] if site.method == "addSource" else site.arg(0)
    for topic in listed_topics(code, given, site.scope):
        yield Fact("consume", {"broker": "kafka", "topic": topic, "symbol": site.scope.name}, code.at(site.node))


PACK = JavaKafka()
