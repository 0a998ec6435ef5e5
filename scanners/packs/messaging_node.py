"""Kafka and AMQP from Node: kafkajs, Confluent's client, node-rdkafka, kafka-node, amqplib and what wraps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Shape, Value
from scanners.idioms.code import CallSite
from scanners.idioms.javascript import bare, option
from scanners.idioms.js_messages import branches, decoded_reads, function_of, handled, said, sent

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_EACH = ("eachMessage", "eachBatch")
_KAFKAJS = (b"eachMessage", b"eachBatch", b"messages: [")
_CHANNELS = ("channel", "ch", "chan", "amqp", "rabbit", "rabbitmq")
_TYPES = ("Channel", "amqp", "abbit")


class MessagingNode:
    """Kafka and AMQP clients of Node."""

    name: str = "messaging_node"
    version: int = 2
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"kafka", b"amqp", b"Kafka", b"abbit", b"hannel.", *_KAFKAJS)

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Messages sent, subscriptions and bindings.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        kafka = any(mark in parsed.data for mark in (b"afka", *_KAFKAJS))
        subscribed = [s for s in parsed.calls if s.method == "subscribe" and s.receiver is not None] if kafka else []
        for site in parsed.calls:
            if kafka:
                yield from _kafka(parsed, site)
            yield from _amqp(parsed, site)
        yield from _consumed(parsed, subscribed)


def _kafka(code: JsCode, site: CallSite) -> Iterator[Fact]:
    first = site.arg(0)
    if site.method == "send" and site.receiver is not None and first is not None:
        for given in _items(first):
            topic = option(code, given, "topic")
            if topic is not None:
                yield _published(code, site, topic, _value_of(code, option(code, given, "messages")))
    elif site.method == "sendBatch" and first is not None:
        for given in _items(option(code, first, "topicMessages")):
            topic = option(code, given, "topic")
            if topic is not None:
                yield _published(code, site, topic, _value_of(code, option(code, given, "messages")))
    elif site.method == "produce" and len(site.args) > 2 and site.receiver is not None:
        yield _published(code, site, site.args[0], site.args[2])
    elif site.method in ("Consumer", "ConsumerGroup", "ConsumerStream", "createReadStream") and len(site.args) > 1:
        yield from _older(code, site)


def _items(node: Node | None) -> list[Node]:
    node = bare(node)
    if node is None:
        return []
    return [c for c in node.named_children if c.type != "comment"] if node.type == "array" else [node]


def _value_of(code: JsCode, messages: Node | None) -> Node | None:
    """The value of the first message: ``[{value}]``, ``orders.map((o) => ({value}))``, one text."""
    site = code.site(messages) if messages is not None else None
    if site is not None and site.method == "map" and site.args:
        messages = bare(site.args[0].child_by_field_name("body"))
    first = next(iter(_items(messages)), None)
    return option(code, first, "value") or (first if first is not None and first.type != "object" else None)


def _published(code: JsCode, site: CallSite, topic: Node, payload: Node | None) -> Fact:
    value = code.value(topic, site.scope)
    return said(site, code, ("publish", "kafka"), (value, sent(code, payload, site.scope)))


def _older(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """kafka-node: ``new Consumer(client, [{topic}], options)``, ``new ConsumerGroup(options, topics)``."""
    for item in _items(site.args[1]):
        topic = option(code, item, "topic") or option(code, item, "topics")
        node = topic if topic is not None else item if item.type != "object" else None
        if node is not None and node.type in ("string", "identifier", "member_expression", "template_string"):
            shape = decoded_reads(code, (site.scope.node.start_byte, site.scope.node.end_byte))
            yield said(site, code, ("consume", "kafka"), (code.value(node, site.scope), shape))


def _consumed(code: JsCode, subscribed: list[CallSite]) -> Iterator[Fact]:
    """Subscriptions and the loop that handles what they bring."""
    listed: list[tuple[CallSite, Node]] = []
    for site in subscribed:
        first = site.arg(0)
        topic, topics = option(code, first, "topic"), option(code, first, "topics")
        nodes = [topic] if topic is not None else _items(topics)
        if topics is None and topic is None and first is not None and first.type == "array":
            nodes = _items(first)
        listed += [(site, node) for node in nodes if node is not None]
    function, symbol = _loop(code)
    parts = branches(code, function, [code.text(n) for _, n in listed]) if function is not None else {}
    for site, node in listed:
        span = parts.get(code.text(node))
        one = len(listed) == 1
        shape = handled(code, function) if one and function is not None else None
        if one and shape is None and function is None:
            shape = decoded_reads(code, (0, len(code.data)))
        shape = decoded_reads(code, span) if span is not None and not one else shape
        yield said(site, code, ("consume", "kafka"), (code.value(node, site.scope), shape), symbol)


def _loop(code: JsCode) -> tuple[Node | None, str]:
    """The only message loop of a file: ``consumer.run({eachMessage})`` or ``consumer.on("data", ...)``."""
    found: list[tuple[Node | None, str]] = []
    for site in code.calls:
        given = None
        if site.method == "run" and site.args:
            given = next((n for k in _EACH if (n := _function(code, site.args[0], k)) is not None), None)
        elif site.method == "on" and len(site.args) > 1 and code.string(site.args[0]) in ("data", "message"):
            given = site.args[1]
        if given is not None:
            symbol, node = function_of(code, given, site.scope)
            found.append((node, symbol))
    return found[0] if len(found) == 1 else (None, "")


def _function(code: JsCode, options: Node, key: str) -> Node | None:
    given = option(code, options, key)
    children = options.named_children if options.type == "object" else ()
    named = (c for c in children if c.type == "method_definition")
    return given or next((c for c in named if code.text(c.child_by_field_name("name")) == key), None)


def _amqp(code: JsCode, site: CallSite) -> Iterator[Fact]:
    if site.receiver is None or not site.args:
        return
    if site.method == "sendToQueue":
        payload = sent(code, site.arg(1), site.scope)
        yield said(site, code, ("publish", "rabbitmq"), (_queue(code, site.args[0], site), payload))
    elif site.method == "publish" and len(site.args) > 2 and _is_channel(code, site):
        exchange, key = (code.value(a, site.scope) for a in site.args[:2])
        fact = said(site, code, ("publish", "rabbitmq"), (key, sent(code, site.arg(2), site.scope)))
        yield fact if exchange == Lit("") else Fact("publish", {**fact.fields, "exchange": exchange}, fact.at)
    elif site.method == "consume" and len(site.args) > 1 and _is_channel(code, site):
        yield _subscribed(code, site)
    elif site.method == "bindQueue" and len(site.args) > 1:
        queue = _queue(code, site.args[0], site)
        if queue != Lit(""):
            exchange = code.value(site.args[1], site.scope)
            fields: dict[str, object] = {"broker": "rabbitmq", "queue": queue, "exchange": exchange}
            key = code.value(site.args[2], site.scope) if len(site.args) > 2 else Lit("")
            fields |= {"symbol": site.scope.name} if site.scope.name else {}
            yield Fact("bound", fields | ({"key": key} if key != Lit("") else {}), Location(code.path, site.line))


def _is_channel(code: JsCode, site: CallSite) -> bool:
    dotted = code.dotted(site.receiver)
    made = code.type_of(dotted, site.scope) if dotted else ""
    if made:
        return any(part in made for part in _TYPES) or dotted.rpartition(".")[2].lower() in _CHANNELS
    last = dotted.rpartition(".")[2].lower()
    return last in _CHANNELS or "channel" in last or (b"amqp" in code.data and "redis" not in last)


def _queue(code: JsCode, node: Node, site: CallSite) -> Value:
    """A queue's name; ``q.queue`` is the name ``assertQueue`` was given, empty when the broker makes one up."""
    dotted = code.dotted(node)
    made = _declared(code, dotted.removesuffix(".queue"), site) if dotted.endswith(".queue") else None
    if made is None and dotted and "." not in dotted:
        made = _taken_apart(code, dotted, site)
    if made is None:
        return code.value(node, site.scope)
    return code.value(made.args[0], made.scope) if made.args else Lit("")


def _declared(code: JsCode, holder: str, site: CallSite) -> CallSite | None:
    made = code.made_of(holder, site.scope)
    if made is not None and made.method == "assertQueue":
        return made
    names = {outer.qualify(holder) for outer in site.scope.outward()}
    for assign in code.assigns:
        known = code.site(assign.value) if assign.value is not None else None
        if known is not None and known.method == "assertQueue" and code.bound_name(assign) in names:
            return known
    return None


def _taken_apart(code: JsCode, name: str, site: CallSite) -> CallSite | None:
    """``const { queue } = await channel.assertQueue(...)``."""
    for scope in site.scope.outward():
        for assign in code.assigned(scope, name):
            made = code.site(assign.value) if assign.key == "queue" and assign.value is not None else None
            if made is not None and made.method == "assertQueue":
                return made
    return None


def _subscribed(code: JsCode, site: CallSite) -> Fact:
    queue = _queue(code, site.args[0], site)
    symbol, function = function_of(code, site.args[1], site.scope)
    shape: Shape | None = handled(code, function)
    if shape is None and function is None and sum(s.method == "consume" for s in code.calls) == 1:
        shape = decoded_reads(code, (0, len(code.data)))
    bound = _bound_here(code, site)
    if queue == Lit("") and bound is not None:
        key = code.value(bound.args[2], bound.scope) if len(bound.args) > 2 else Lit("")
        fact = said(site, code, ("consume", "rabbitmq"), (key, shape), symbol)
    else:
        fact = said(site, code, ("consume", "rabbitmq"), (queue, shape), symbol)
    if bound is None:
        return fact
    return Fact("consume", {**fact.fields, "exchange": code.value(bound.args[1], bound.scope)}, fact.at)


def _bound_here(code: JsCode, site: CallSite) -> CallSite | None:
    """The binding of the consumed queue at the same place."""
    wanted = code.text(site.args[0])
    for other in code.calls:
        same = other.method == "bindQueue" and other.scope is site.scope and len(other.args) > 1
        if same and code.text(other.args[0]) == wanted:
            return other
    return None


PACK = MessagingNode()
