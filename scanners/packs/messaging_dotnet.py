"""Kafka, Azure Service Bus, Event Hubs, NATS and MQTT from .NET, and triggers of Azure Functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Location, Shape, Unknown, Value
from scanners.idioms import cs_clients
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_code import items
from scanners.idioms.cs_messages import handled, sent
from scanners.idioms.cs_scopes import parameters
from scanners.idioms.cs_shapes import of_ref

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_KAFKA = re.compile(r"^(I?Producer|I?Consumer|IDependentProducer)$")
_NAMED = re.compile(r"(?i)(producer|consumer)$")
_SENDERS = {"CreateSender": "servicebus"}
_HANDLED = re.compile(rb"\b(\w+)\.ProcessMessageAsync\s*\+=\s*(\w+)\s*;")
_RECEIVERS = ("CreateProcessor", "CreateReceiver", "CreateSessionProcessor", "AcceptNextSessionAsync")
_SENDS = ("SendMessageAsync", "SendMessagesAsync", "ScheduleMessageAsync", "SendAsync")
_OLD = {"QueueClient": 1, "TopicClient": 1, "SubscriptionClient": 1}
_NATS = re.compile(r"^(I?NatsConnection|I?NatsClient|IConnection|INatsJSContext|IJetStream)$")
_TRIGGERS = {
    "ServiceBusTrigger": ("servicebus", 0),
    "EventHubTrigger": ("eventhubs", 0),
    "QueueTrigger": ("storagequeue", 0),
    "KafkaTrigger": ("kafka", 1),
    "RabbitMQTrigger": ("rabbitmq", 0),
}
_OUTPUTS = {"ServiceBus": "servicebus", "ServiceBusOutput": "servicebus", "EventHubOutput": "eventhubs"}
_PLAIN = ("string", "byte", "Null", "Ignore", "String", "Byte", "int", "long")


class MessagingDotnet:
    """Confluent.Kafka, Azure.Messaging, NATS, MQTTnet."""

    name: str = "messaging_dotnet"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (
        b"Kafka",
        b"Produce",
        b"IConsumer<",
        b"ServiceBus",
        b"EventHub",
        b"Nats",
        b"NATS",
        b"Mqtt",
        b"MQTT",
        b"QueueTrigger",
        b"RabbitMQTrigger",
    )

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Messages sent and received.

        Args:
            parsed: a C# file.
        """
        for site in parsed.calls:
            if site.receiver is not None:
                yield from _kafka(parsed, site)
                yield from _bus(parsed, site)
                yield from _subjects(parsed, site)
        for scope in parsed.scopes[1:]:
            if scope.sort in ("method", "function"):
                yield from _triggered(parsed, scope)


def _fact(code: CsCode, kind: str, about: tuple[str, Value, Shape | None], where: tuple[str, int]) -> Fact:
    broker, topic, shape = about
    fields: dict[str, object] = {"broker": broker, "topic": topic, "symbol": where[0]}
    if shape is not None and shape != ANYTHING:
        fields["shape"] = shape
    return Fact(kind, fields, Location(code.path, where[1]))


def _kafka(code: CsCode, site: CallSite) -> Iterator[Fact]:
    if site.receiver is None or site.method not in ("Produce", "ProduceAsync", "Subscribe", "Assign", "SubscribeAsync"):
        return
    dotted = code.dotted(site.receiver)
    ref = code.ref_of(dotted, site.scope) if dotted else None
    made = code.made_of(dotted, site.scope) if dotted else None
    named = ref is None and b"Confluent.Kafka" in code.data and bool(_NAMED.search(dotted))
    made_here = ref is None and made is not None and _builds(code, made)
    if not named and not made_here and (ref is None or not _KAFKA.match(ref.short)):
        return
    if site.method.startswith("Produce"):
        yield _produced(code, site)
        return
    value_type = ref.args[-1] if ref is not None and len(ref.args) > 1 else None
    shape = of_ref(value_type) if value_type is not None and value_type.short not in _PLAIN else None
    shape = shape or handled(code, (site.scope.node.start_byte, site.scope.node.end_byte)) or _owner_handles(code, site)
    first = site.args[0] if site.args else None
    for node in (items(first) or [first]) if first is not None else []:
        if node is not None and (site.method != "Assign" or code.site(node) is not None):
            topic = _topic(code, node, site.scope)
            yield _fact(code, "consume", ("kafka", topic, shape), (site.scope.name, site.line))


def _builds(code: CsCode, made: CallSite) -> bool:
    return made.method == "Build" and b"Builder<" in code.data


def _owner_handles(code: CsCode, site: CallSite) -> Shape | None:
    owner = code.scope(site.scope.owner)
    return handled(code, (owner.node.start_byte, owner.node.end_byte)) if owner is not None else None


def _topic(code: CsCode, node: Node, scope: Scope) -> Value:
    made = code.site(node)
    if made is not None and made.method in ("TopicPartition", "TopicPartitionOffset") and made.args:
        return code.value(made.args[0], scope)
    return code.value(node, scope)


def _produced(code: CsCode, site: CallSite) -> Fact:
    topic = site.arg(0, "topic", "topicPartition")
    value = _topic(code, topic, site.scope) if topic is not None else Unknown("no topic given")
    return _fact(code, "publish", ("kafka", value, _message(code, site)), (site.scope.name, site.line))


def _message(code: CsCode, site: CallSite) -> Shape:
    """The payload of ``new Message<K, V> { Value = ... }``."""
    from scanners.idioms.cs_values import initialised

    node = site.arg(1, "message")
    made = code.site(node) if node is not None else None
    if made is None and node is not None:
        made = code.made_of(code.dotted(node), site.scope)
    if made is None:
        return ANYTHING
    held = dict(initialised(code, made.node)).get("Value")
    types = code.type_args(made)
    if types and types[-1].short not in _PLAIN and not _generic(code, types[-1].name, site.scope):
        return of_ref(types[-1])
    return sent(code, held, made) if held is not None else ANYTHING


def _generic(code: CsCode, name: str, scope: Scope) -> bool:
    return any(name in code.generics.get(outer.name, ()) for outer in scope.outward())


def _bus(code: CsCode, site: CallSite) -> Iterator[Fact]:
    if site.method in _RECEIVERS and (site.args or site.named) and _azure(code):
        topic = code.value(site.args[0], site.scope) if site.args else Unknown("no queue given")
        handler = _processor(code, site)
        span = (handler.node.start_byte, handler.node.end_byte) if handler is not None else None
        shape = (handled(code, span) if span is not None else None) or _owner_handles(code, site)
        broker = "eventhubs" if b"EventProcessorClient" in code.data else "servicebus"
        fact = _fact(code, "consume", (broker, topic, shape), (site.scope.name, site.line))
        yield Fact(fact.kind, {**fact.fields, "handler": handler.name}, fact.at) if handler is not None else fact
    elif site.method in _SENDS and _azure(code):
        dotted = code.dotted(site.receiver)
        made = (
            code.made_of(dotted, site.scope)
            if dotted
            else code.site(site.receiver)
            if site.receiver is not None
            else None
        )
        at = _OLD.get(made.method) if made is not None else None
        if made is None or (made.method not in _SENDERS and at is None):
            return
        node = made.arg(at if at is not None else 0, "queueOrTopicName", "entityPath")
        value = code.value(node, made.scope) if node is not None else Unknown("")
        if made.scope is not site.scope:
            value = cs_clients.qualified(code, value, made.scope)
        shape = sent(code, site.args[0], site) if site.args else ANYTHING
        yield _fact(code, "publish", ("servicebus", value, shape), (site.scope.name, site.line))


def _processor(code: CsCode, site: CallSite) -> Scope | None:
    """The method that handles a processor's messages: ``processor.ProcessMessageAsync += OnPlaced``."""
    assign = code.held(site)
    if assign is None:
        return None
    for match in _HANDLED.finditer(code.data):
        inside = code.scope_at(match.start())
        if match[1].decode() == assign.target.removeprefix("this.") and inside.owner == site.scope.owner:
            wanted = f"{inside.owner}.{match[2].decode()}"
            return next((s for s in code.scopes if s.name.partition("/")[0] == wanted), None)
    return None


def _azure(code: CsCode) -> bool:
    return b"ServiceBus" in code.data


def _subjects(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """NATS subjects."""
    if site.method not in (
        "Publish",
        "PublishAsync",
        "SubscribeAsync",
        "SubscribeCoreAsync",
        "RequestAsync",
        "Request",
    ):
        return
    if site.receiver is None or (b"NATS" not in code.data and b"Nats" not in code.data) or not site.args:
        return
    ref = code.ref_of(code.dotted(site.receiver), site.scope) if code.dotted(site.receiver) else None
    if ref is None or not _NATS.match(ref.short):
        return
    kind = "consume" if site.method.startswith("Subscribe") else "publish"
    types = code.type_args(site)
    shape = of_ref(types[0]) if types else sent(code, site.args[1], site) if len(site.args) > 1 else ANYTHING
    topic = code.value(site.args[0], site.scope)
    yield _fact(code, kind, ("nats", topic, shape), (site.scope.name, site.line))


def _triggered(code: CsCode, scope: Scope) -> Iterator[Fact]:
    """``[ServiceBusTrigger("orders")] OrderPlaced message`` of Azure Functions."""
    for made in parameters(code, scope.node):
        for mark in code.attributes_of(made.node):
            known = _TRIGGERS.get(mark.name)
            if known is not None and len(mark.args) > known[1]:
                value = code.value(mark.args[known[1]], scope)
                plain = made.type is None or made.type.short in (*_PLAIN, "ServiceBusReceivedMessage", "EventData")
                shape = handled(code, (scope.node.start_byte, scope.node.end_byte)) if plain else of_ref(made.type)
                yield _fact(code, "consume", (known[0], value, shape), (scope.name, _line(mark.node)))
            elif mark.name in _OUTPUTS and mark.args:
                value = code.value(mark.args[0], scope)
                yield _fact(code, "publish", (_OUTPUTS[mark.name], value, None), (scope.name, _line(mark.node)))
    for mark in code.attributes_of(scope.node):
        if mark.name in _OUTPUTS and mark.args:
            value = code.value(mark.args[0], scope)
            yield _fact(code, "publish", (_OUTPUTS[mark.name], value, None), (scope.name, _line(mark.node)))


def _line(node: Node) -> int:
    return int(node.start_point[0]) + 1


PACK = MessagingDotnet()
