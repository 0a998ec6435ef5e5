"""Other brokers from Java: JMS, Amazon SQS and SNS, RocketMQ, Pulsar, and Redis channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Config, Fact, Lit, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.java import Mark, items
from scanners.idioms.java_http import made_of
from scanners.idioms.java_messages import handler_shape, listed_topics, topic_values
from scanners.idioms.java_scopes import nested_mark
from scanners.idioms.java_web import around, known

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

# annotation: broker, arguments with the topic
_LISTENERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "JmsListener": ("activemq", ("destination",)),
    "SqsListener": ("sqs", ("value", "queueNames")),
    "RocketMQMessageListener": ("rocketmq", ("topic",)),
    "PulsarListener": ("pulsar", ("topics",)),
}
# client types: broker, sending methods
_SENDERS: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = (
    (("JmsTemplate", "JmsMessagingTemplate", "JmsOperations", "JmsClient"), "activemq",
     ("convertAndSend", "send", "sendAndReceive", "convertSendAndReceive")),
    (("QueueMessagingTemplate", "SqsTemplate", "SqsOperations"), "sqs", ("convertAndSend", "send", "sendAsync")),
    (("NotificationMessagingTemplate", "SnsTemplate"), "sns", ("convertAndSend", "sendNotification", "send")),
    (("RocketMQTemplate",), "rocketmq",
     ("convertAndSend", "syncSend", "asyncSend", "sendOneWay", "send", "sendMessageInTransaction")),
    (("PulsarTemplate",), "pulsar", ("send", "sendAsync")),
    (("RedisTemplate", "StringRedisTemplate", "ReactiveRedisTemplate", "ReactiveStringRedisTemplate"), "redis",
     ("convertAndSend",)),
)  # fmt: skip
_FIRST = ("send", "sendAsync")


class JavaMessaging:
    """Brokers other than Kafka and RabbitMQ."""

    name: str = "jms"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (b"Jms", b"jms", b"Sqs", b"Sns", b"RocketMQ", b"Pulsar", b"RedisTemplate",
                                  b"MessageListenerAdapter", b"QueueMessagingTemplate",
                                  b"NotificationMessagingTemplate")  # fmt: skip

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a Java file.
        """
        for name, (broker, args) in _LISTENERS.items():
            for mark in parsed.marks.get(name, ()):
                yield from _listener(parsed, mark, broker, args)
        for mark in parsed.marks.get("MessageDriven", ()):
            yield from _driven(parsed, mark)
        for site in parsed.calls:
            yield from _site(parsed, site)


def _listener(code: JavaCode, mark: Mark, broker: str, args: tuple[str, ...]) -> Iterator[Fact]:
    handler = mark.scope
    if handler.sort == "class":
        names = (f"{handler.name}.onMessage", f"{handler.name}.received")
        handler = next((s for s in code.scopes if s.name in names), handler)
    for node in items(mark.arg(*args)):
        for topic in topic_values(code, node, around(mark.scope)):
            shape = handler_shape(code, handler) if handler.sort == "method" else None
            yield _consume(code, mark.node, (broker, topic), handler.name, shape)


def _driven(code: JavaCode, mark: Mark) -> Iterator[Fact]:
    """``@MessageDriven(activationConfig = @ActivationConfigProperty(propertyName = "destination", ...))``."""
    for node in items(mark.arg("activationConfig")):
        inner = nested_mark(code, node, mark.scope)
        named = code.string(inner.arg("propertyName")) if inner is not None else ""
        if inner is not None and named in ("destination", "destinationLookup") and "propertyValue" in inner.args:
            topic = _short(code.value(inner.args["propertyValue"], mark.scope))
            yield _consume(code, mark.node, ("activemq", topic), f"{mark.scope.name}.onMessage", None)


def _short(value: Value) -> Value:
    """A JNDI name without its folders."""
    text = value.value if isinstance(value, Lit) else None
    return Lit(text.rsplit("/", 1)[-1]) if isinstance(text, str) else value


def _consume(code: JavaCode, node: Node, where: tuple[str, Value], symbol: str, shape: Shape | None) -> Fact:
    fields: dict[str, object] = {"broker": where[0], "topic": where[1], "symbol": symbol}
    if known(shape):
        fields["shape"] = shape
    return Fact("consume", fields, code.at(node))


def _site(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    if site.method in ("createProducer", "createConsumer", "createSubscriber", "createDurableSubscriber"):
        yield from _session(code, site)
    elif site.method == "addMessageListener" and len(site.args) == 2 and b"redis" in code.data:
        yield from _channels(code, site)
    if site.receiver is None or not site.args:
        return
    for types, broker, methods in _SENDERS:
        if site.method in methods and made_of(code, site.receiver, site.scope, types):
            yield from _sent(code, site, broker)
            return


def _sent(code: JavaCode, site: CallSite, broker: str) -> Iterator[Fact]:
    first = site.args[0]
    if first.type == "lambda_expression":
        yield from _options(code, site, broker)
        return
    if len(site.args) == 1 or first.type in ("object_creation_expression", "method_reference"):
        key = "spring.jms.template.default-destination" if broker == "activemq" else f"spring.{broker}.default-topic"
        topics: list[Value] = [Config(key)]
    else:
        given = topic_values(code, first, site.scope)
        topics = [_untagged(v) for v in given] if broker == "rocketmq" else given
    at = 1 if len(site.args) > 1 else 0
    shape = code.shape(site.args[at], site.scope)
    for topic in topics:
        fields: dict[str, object] = {"broker": broker, "topic": topic, "symbol": site.scope.name}
        if known(shape):
            fields["shape"] = shape
        yield Fact("publish", fields, code.at(site.node))


def _untagged(value: Value) -> Value:
    """RocketMQ writes a tag behind the topic: ``orders:created``."""
    if isinstance(value, Concat):
        tags = [i for i, p in enumerate(value.parts) if isinstance(p, Lit) and ":" in str(p.value) and i]
        if not tags:
            return value
        kept = (*value.parts[: tags[0]], Lit(str(getattr(value.parts[tags[0]], "value", "")).partition(":")[0]))
        return concat(list(kept))
    text = value.value if isinstance(value, Lit) else None
    plain = isinstance(text, str) and "://" not in text and not text.startswith("arn:")
    return Lit(str(text).partition(":")[0]) if plain else value


def _options(code: JavaCode, site: CallSite, broker: str) -> Iterator[Fact]:
    """``sqsTemplate.send(to -> to.queue("orders").payload(order))``."""
    body = site.args[0].child_by_field_name("body")
    last = code.site(body) if body is not None else None
    steps = [last, *code.before(last)] if last is not None else []
    queue = next((s for s in steps if s.method in ("queue", "topic") and s.args), None)
    payload = next((s for s in steps if s.method == "payload" and s.args), None)
    topic = code.value(queue.args[0], site.scope) if queue is not None else Unknown("a queue chosen elsewhere")
    fields: dict[str, object] = {"broker": broker, "topic": topic, "symbol": site.scope.name}
    shape = code.shape(payload.args[0], site.scope) if payload is not None else None
    if known(shape):
        fields["shape"] = shape
    yield Fact("publish", fields, code.at(site.node))


def _session(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    """Plain JMS: the destination is made by ``session.createQueue(name)``."""
    made = _destination(code, site)
    if made is None:
        return
    kind = "publish" if site.method == "createProducer" else "consume"
    for topic in topic_values(code, made.args[0], made.scope):
        yield Fact(kind, {"broker": "activemq", "topic": topic, "symbol": site.scope.name}, code.at(site.node))


def _destination(code: JavaCode, site: CallSite) -> CallSite | None:
    node = site.arg(0)
    if node is None:
        return None
    dotted = code.dotted(node)
    made = code.site(node) or (code.made_of(dotted, site.scope) if dotted else None)
    known_maker = made is not None and made.method in ("createQueue", "createTopic", "ActiveMQQueue", "ActiveMQTopic")
    return made if made is not None and known_maker and made.args else None


def _channels(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    """Redis: ``container.addMessageListener(listener, new ChannelTopic("orders"))``."""
    inner = code.site(site.args[1])
    named = inner.args[0] if inner is not None and inner.args else site.args[1]
    for topic in listed_topics(code, named, _scope_of(inner, site)):
        yield Fact("consume", {"broker": "redis", "topic": topic, "symbol": site.scope.name}, code.at(site.node))


def _scope_of(inner: CallSite | None, site: CallSite) -> Scope:
    return inner.scope if inner is not None else site.scope


PACK = JavaMessaging()
