"""Queues and topics from Node beside Kafka and RabbitMQ: Bull, NATS, MQTT, pg-boss, Service Bus, AMQP 1.0, Pub/Sub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Location, Member, Name, Param, Shape, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.javascript import bare, option
from scanners.idioms.js_messages import function_of, handled, said, sent

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_QUEUES = ("bullmq.Queue", "bull", "bull.Queue", "bee-queue", "bull.default", "bullmq.QueuePro")
_WORKERS = ("bullmq.Worker", "bullmq.WorkerPro")
_NAMES = "nc js stan client connection nats mqttclient natsclient mqtt jetstream _client"
_CONNECTIONS = frozenset(_NAMES.split())
_NATS = ("nats", "@nats-io/transport-node", "@nats-io/nats-core", "node-nats-streaming", "nats.ws", "ts-nats")
_MQTT = ("mqtt", "async-mqtt", "mqtt/dist/mqtt")
_AZURE = {"createSender": "publish", "createReceiver": "consume", "acceptSession": "consume"}
_HUBS = {"EventHubProducerClient": "publish", "EventHubConsumerClient": "consume"}
_RHEA = {"open_sender": "publish", "createSender": "publish", "createAwaitableSender": "publish"}
_RHEA |= {"open_receiver": "consume", "createReceiver": "consume"}
_RABBIT = {"createPublisher": "publish", "createConsumer": "consume"}
_SENDS = ("send", "sendMessages", "sendBatch", "scheduleMessages", "publishMessage", "publish", "publishJSON")
_BOSS = {"send": "publish", "sendAfter": "publish", "insert": "publish", "publish": "publish", "work": "consume"}
_BOSS |= {"subscribe": "consume", "sendDebounced": "publish", "schedule": "publish"}


@dataclass(frozen=True, slots=True)
class QueuesNode:
    """Queue and topic clients of Node."""

    name: str = "queues_node"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (
        b"bull",
        b"ueue",
        b"nats",
        b"NATS",
        b"mqtt",
        b"pg-boss",
        b"service-bus",
        b"event-hubs",
        b"rhea",
        b"pubsub",
        b"stan",
    )

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        modules = {found.module for found in parsed.all_imports}
        subjects = not modules.isdisjoint(_NATS) or b"natsWrapper" in parsed.data
        yield from _named_queues(parsed)
        for site in parsed.calls:
            yield from _bull(parsed, site)
            if subjects:
                yield from _subject(parsed, site, "nats")
            if not modules.isdisjoint(_MQTT):
                yield from _subject(parsed, site, "mqtt")
            if "pg-boss" in modules:
                yield from _boss(parsed, site)
            if any("service-bus" in m or "event-hubs" in m for m in modules):
                yield from _azure(parsed, site)
            if any(m.startswith("rhea") for m in modules):
                yield from _rhea(parsed, site)
            if "rabbitmq-amqp-js-client" in modules:
                yield from _rabbit(parsed, site)
            if "@google-cloud/pubsub" in modules:
                yield from _pubsub(parsed, site)


def _named_queues(code: JsCode) -> Iterator[Fact]:
    """``export const mails = new Queue("mails")``: other files ask for ``mails.name``."""
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None and not assign.key else None
        if site is not None and code.callee(site) in _QUEUES and site.args:
            fields = {
                "target": f"{code.bound_name(assign)}.name",
                "value": code.value(site.args[0], site.scope),
                "scope": assign.scope.name,
            }
            yield Fact("binding", fields, Location(code.path, assign.line))


def _bull(code: JsCode, site: CallSite) -> Iterator[Fact]:
    if code.callee(site) in _WORKERS and len(site.args) > 1:
        symbol, function = function_of(code, site.args[1], site.scope)
        yield said(
            site, code, ("consume", "bullmq"), (code.value(site.args[0], site.scope), _job(code, function)), symbol
        )
    elif site.method in ("add", "addBulk", "createJob", "process") and site.receiver is not None and site.args:
        queue = _queue(code, site)
        if queue is None:
            return
        if site.method == "process":
            symbol, function = function_of(code, site.args[-1], site.scope)
            yield said(site, code, ("consume", "bullmq"), (queue, _job(code, function)), symbol)
        else:
            named = site.method == "add" and len(site.args) > 1 and site.args[0].type != "object"
            data = site.arg(1) if named else site.arg(0)
            yield said(site, code, ("publish", "bullmq"), (queue, sent(code, data, site.scope)))


def _queue(code: JsCode, site: CallSite) -> Value | None:
    """The name of the queue a call is made on; None when it is something else."""
    dotted = code.dotted(site.receiver)
    made = code.made_of(dotted, site.scope) if dotted else None
    if made is not None:
        known = code.callee(made) in _QUEUES and bool(made.args)
        return code.value(made.args[0], made.scope) if known else None
    kind = code.type_of(dotted, site.scope) if dotted else ""
    if kind in _QUEUES and _injected(code, site, dotted) is None:
        given = code.value(site.receiver, site.scope)
        return Member(given, "name") if isinstance(given, Param) else Name(f"{dotted}.name")
    head = dotted.split(".", 1)[0]
    imported = head in code.imports and code.imports[head].module[:1] in (".", "@", "~")
    named = dotted.rpartition(".")[2].lower().endswith("queue")
    return Name(f"{dotted}.name") if imported and named and not kind else None


def _injected(code: JsCode, site: CallSite, dotted: str) -> Value | None:
    """What ``@InjectQueue`` names is told by the reader of NestJS."""
    target = site.scope.qualify(dotted)
    known = (d for d in code.decorators if d.name == "InjectQueue" and f"{d.scope.owner}.{d.target}" == target)
    return next((code.value(d.args[0], d.scope) for d in known if d.args), None)


def _job(code: JsCode, function: Node | None) -> Shape | None:
    """Fields of ``job.data`` that a processor reads."""
    from scanners.idioms.js_reads import Payload, reads
    from scanners.idioms.js_scopes import parameters

    first = next((name for name, _ in parameters(code, function)), "") if function is not None else ""
    if function is None or not first:
        return None
    wanted = f"{first}.data"

    def is_source(node: Node) -> bool:
        return node.type == "member_expression" and code.text(node) == wanted

    return reads(code, Payload(is_source, ("data",), span=(function.start_byte, function.end_byte))).all()


def _subject(code: JsCode, site: CallSite, broker: str) -> Iterator[Fact]:
    """``nc.publish("orders.created", data)``, ``client.subscribe("sensors/+/state")``."""
    if site.receiver is None or not site.args or not _is_connection(code, site, broker):
        return
    if site.method in ("publish", "request", "publishAsync"):
        topic = code.value(site.args[0], site.scope)
        if not isinstance(topic, Unknown):
            yield said(site, code, ("publish", broker), (topic, sent(code, site.arg(1), site.scope)))
    elif site.method in ("subscribe", "subscribeAsync", "queueSubscribe"):
        first = bare(site.args[0])
        nodes = list(first.named_children) if first is not None and first.type == "array" else [site.args[0]]
        callback = option(code, site.arg(1), "callback") or (site.args[-1] if len(site.args) > 1 else None)
        symbol, function = function_of(code, callback, site.scope) if callback is not None else ("", None)
        body = function if function is not None else site.scope.node
        for node in nodes:
            topic = code.value(node, site.scope)
            if not isinstance(topic, Unknown):
                shape = handled(code, body) if len(nodes) == 1 else None
                yield said(site, code, ("consume", broker), (topic, shape), symbol if function is not None else "")


def _is_connection(code: JsCode, site: CallSite, broker: str) -> bool:
    dotted = code.dotted(site.receiver)
    made = code.type_of(dotted, site.scope) if dotted else ""
    modules = _NATS if broker == "nats" else _MQTT
    if made:
        stream = broker == "nats" and made.rpartition(".")[2] in ("jetstream", "JetStreamClient")
        return made.startswith(modules) or stream
    return dotted.rpartition(".")[2].lower() in _CONNECTIONS


def _boss(code: JsCode, site: CallSite) -> Iterator[Fact]:
    kind = _BOSS.get(site.method)
    if kind is None or not site.args or not code.dotted(site.receiver).lower().endswith("boss"):
        return
    first = bare(site.args[0])
    named = option(code, first, "name") if first is not None and first.type == "object" else site.args[0]
    if named is None:
        return
    topic = code.value(named, site.scope)
    if kind == "consume":
        symbol, function = function_of(code, site.args[-1], site.scope)
        yield said(site, code, (kind, "pg-boss"), (topic, _job(code, function)), symbol)
    else:
        yield said(site, code, (kind, "pg-boss"), (topic, sent(code, site.arg(1), site.scope)))


def _azure(code: JsCode, site: CallSite) -> Iterator[Fact]:
    kind = _AZURE.get(site.method)
    if kind is not None and site.args and site.receiver is not None:
        topic = code.value(site.args[0], site.scope)
        payload = _later(code, site) if kind == "publish" else None
        shape = sent(code, payload, site.scope) if payload is not None else None
        yield said(site, code, (kind, "servicebus"), (topic, shape))
    hub = _HUBS.get(site.method) if site.node.type == "new_expression" else None
    if hub is not None and len(site.args) > 1:
        at = 1 if hub == "publish" else 2
        if len(site.args) > at:
            yield said(site, code, (hub, "eventhubs"), (code.value(site.args[at], site.scope), ANYTHING))


def _later(code: JsCode, site: CallSite) -> Node | None:
    """What is sent with a sender that is made here: ``sender.sendMessages({body})``."""
    held = code.held(site)
    for other in code.calls if held is not None else ():
        if held is not None and other.method in _SENDS and code.dotted(other.receiver) == held.target and other.args:
            first = bare(other.args[0])
            if first is not None and first.type == "array" and first.named_child_count:
                first = first.named_children[0]
            return option(code, first, "body") or option(code, first, "data") or first
    return None


def _rhea(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """AMQP 1.0: ``connection.open_sender("orders")``, ``open_receiver({source: {address}})``."""
    kind = _RHEA.get(site.method)
    if kind is None or not site.args or site.receiver is None:
        return
    if "azure" in code.made_by(site.receiver, site.scope):
        return
    first = bare(site.args[0])
    side = "target" if kind == "publish" else "source"
    given = first
    if first is not None and first.type == "object":
        inner = option(code, first, side)
        given = option(code, inner, "address") or inner
    if given is not None:
        payload = _later(code, site) or _sendable(code) if kind == "publish" else None
        shape = sent(code, payload, site.scope) if payload is not None else None
        yield said(site, code, (kind, "amqp"), (code.value(given, site.scope), shape))


def _rabbit(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """RabbitMQ's own AMQP 1.0 client: ``connection.createPublisher({ queue: { name: "orders" } })``."""
    kind = _RABBIT.get(site.method)
    given = option(code, site.arg(0), "queue") if kind and site.receiver is not None else None
    exchange = option(code, site.arg(0), "exchange") if kind and given is None else None
    if kind is None or (given is None and exchange is None):
        return
    named = given if given is not None else exchange
    name = option(code, named, "name") or named
    payload = _later(code, site) if kind == "publish" else None
    body = option(code, payload, "body") or payload
    shape = sent(code, body, site.scope) if body is not None else None
    handler = option(code, site.arg(0), "messageHandler") if kind == "consume" else None
    symbol = function_of(code, handler, site.scope)[0] if handler is not None else ""
    if name is not None:
        yield said(site, code, (kind, "rabbitmq"), (code.value(name, site.scope), shape), symbol)


def _sendable(code: JsCode) -> Node | None:
    """``context.sender.send({ body: order })`` in the handler of "sendable"."""
    for site in code.calls:
        if site.method == "send" and code.dotted(site.receiver).endswith("sender") and site.args:
            return option(code, site.args[0], "body") or site.args[0]
    return None


def _pubsub(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``pubsub.topic("orders").publishMessage({json})``, ``pubsub.subscription("billing").on("message", handler)``."""
    if site.method in ("publishMessage", "publish", "publishJSON"):
        made = _made(code, site, "topic")
        if made is not None:
            first = site.arg(0)
            body = option(code, first, "json") or option(code, first, "data") or first
            topic = code.value(made.args[0], made.scope)
            yield said(site, code, ("publish", "pubsub"), (topic, sent(code, body, site.scope)))
    elif site.method == "on" and code.string(site.arg(0)) == "message" and len(site.args) > 1:
        made = _made(code, site, "subscription")
        if made is not None:
            symbol, function = function_of(code, site.args[1], site.scope)
            topic = code.value(made.args[0], made.scope)
            yield said(site, code, ("consume", "pubsub"), (topic, handled(code, function)), symbol)


def _made(code: JsCode, site: CallSite, method: str) -> CallSite | None:
    inner = code.site(site.receiver) if site.receiver is not None else None
    if inner is None:
        dotted = code.dotted(site.receiver)
        inner = code.made_of(dotted, site.scope) if dotted else None
    return inner if inner is not None and inner.method == method and inner.args else None


PACK = QueuesNode()
