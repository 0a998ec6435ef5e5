"""FastStream and Faust: decorated subscribers and publishers, routers with prefixes, messages sent in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Shape, Unknown, Value
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.messages import handler_reads, listed, subscribed
from scanners.idioms.python_reads import Payload, reads
from scanners.idioms.python_shapes import annotation

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_KINDS = {
    "kafka": "kafka",
    "confluent": "kafka",
    "rabbit": "rabbitmq",
    "nats": "nats",
    "redis": "redis",
    "mqtt": "mqtt",
}
_MAKERS = ("Broker", "Router", "Publisher", "RoutePublisher", "TestBroker")
_TOPICS = ("topic", "topics", "queue", "subject", "channel", "list", "stream", "pattern")
_OBJECTS = ("RabbitQueue", "StreamSub", "ListSub", "PubSub", "JStream", "TopicPartition", "RabbitExchange")
_WORDS = {"exchange": "rabbitmq", "routing_key": "rabbitmq", "queue": "rabbitmq", "topic": "kafka", "subject": "nats"}
_WORDS |= {"channel": "redis", "stream": "redis", "list": "redis"}
_SENDS = ("publish", "request", "publish_batch")


class FastStream:
    """FastStream (all its brokers) and Faust."""

    name: str = "faststream"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"faststream", b"faust", b".subscriber(", b"broker.publish")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Subscriptions and messages sent.

        Args:
            parsed: a Python file.
        """
        for scope in parsed.scopes:
            if scope.sort in ("function", "method"):
                for decorator in py.decorators(parsed, scope):
                    yield from _decorated(parsed, scope, decorator)
        for site in parsed.called(*_SENDS):
            yield from _sent(parsed, site)
        yield from _faust(parsed)


def _broker(code: PyCode, node: Node | None, scope: Scope) -> str | None:
    """Kind of the broker an expression is; empty when another file says, None when it is something else."""
    if node is None:
        return None
    made_by = code.made_by(node, scope)
    if made_by.endswith(_MAKERS) or "faststream" in made_by:
        return _kind(made_by)
    if made_by:
        return None
    head = code.dotted(node).split(".", 1)[0]
    found = code.imports.get(head)
    last = code.origin(code.dotted(node)).rsplit(".", 1)[-1].lower()
    if found is None and head not in ("self", "cls"):
        return None
    if not last.endswith(("broker", "router")):
        return None
    kinds = {kind for name, kind in _KINDS.items() if f"faststream.{name}".encode() in code.data or name in last}
    return kinds.pop() if len(kinds) == 1 else ""


def _kind(made_by: str) -> str:
    low = made_by.lower()
    return next((kind for name, kind in _KINDS.items() if name in low), "")


def _topics(code: PyCode, site: CallSite) -> list[tuple[Value, Value | None]]:
    """What a subscriber or publisher is for: names with the exchange, prefixes of its router in front."""
    nodes: list[Node] = []
    for arg in site.args:
        nodes += listed(code, arg, site.scope) if arg.type == "list_splat" else [arg]
    for name in _TOPICS:
        nodes += listed(code, site.named[name], site.scope) if name in site.named else []
    exchange = site.arg(-1, "exchange")
    rabbit = _broker(code, site.receiver, site.scope) == "rabbitmq"
    if rabbit and len(nodes) > 1 and exchange is None:
        nodes, exchange = nodes[:1], nodes[1]
    elif len(nodes) > 1 and _broker(code, site.receiver, site.scope) == "nats":
        nodes = nodes[:1]
    where = _named(code, exchange, site.scope) if exchange is not None else None
    return [(_prefixed(code, site, _named(code, node, site.scope)), where) for node in nodes]


def _named(code: PyCode, node: Node, scope: Scope) -> Value:
    """A name as text, or of the queue, stream or exchange object an expression holds."""
    dotted = code.dotted(node)
    made = code.site(node) or (code.made_of(dotted, scope) if dotted else None)
    if made is not None and made.method in _OBJECTS:
        given = made.arg(0, "name", "queue", "stream", "topic", "list", "channel")
        key = made.arg(-1, "routing_key")
        chosen = key if key is not None and made.method == "RabbitQueue" else given
        return code.value(chosen, made.scope) if chosen is not None else Unknown("its name is not given here")
    return code.value(node, scope)


def _prefixed(code: PyCode, site: CallSite, name: Value) -> Value:
    dotted = code.dotted(site.receiver) if site.receiver is not None else ""
    made = code.made_of(dotted, site.scope) if dotted else None
    if made is None or not made.method.endswith("Router") or ".fastapi" in code.callee(made):
        return name
    prefix = made.arg(0, "prefix")
    if prefix is None:
        return name
    return concat([code.value(prefix, made.scope), name])


def _decorated(code: PyCode, scope: Scope, decorator: Node) -> Iterator[Fact]:
    site = code.site(decorator)
    if site is None or site.method not in ("subscriber", "publisher"):
        return
    broker = _broker(code, site.receiver, site.scope)
    if broker is None:
        return
    for topic, exchange in _topics(code, site):
        fields: dict[str, object] = {"broker": broker, "topic": topic}
        if exchange is not None:
            fields["exchange"] = exchange
        fields["symbol"] = scope.name
        shape = _received(code, scope) if site.method == "subscriber" else _returned(code, scope)
        if shape is not None and (shape.fields or shape.named or shape.item is not None):
            fields["shape"] = shape
        yield Fact("consume" if site.method == "subscriber" else "publish", fields, code.at(scope.node))


def _received(code: PyCode, scope: Scope) -> Shape | None:
    """The type of the first parameter that is not injected, else the fields that are read of it."""
    parts = []
    for name, node in py.parameters(code, scope):
        text = code.text(node)
        if name in ("self", "cls") or any(mark in text for mark in ("Depends(", "Context(", "Header(", "Path(")):
            continue
        parts.append((name, node))
    if not parts:
        return None
    declared = annotation(code, parts[0][1].child_by_field_name("type"))
    if declared.named or declared.item is not None:
        known = ("Message", "Logger", "Msg", "Redis", "Session")
        return None if declared.named.endswith(known) else declared
    return reads(code, scope, Payload(lambda _: False, (), {parts[0][0]: ()})).all()


def _returned(code: PyCode, scope: Scope) -> Shape:
    declared = annotation(code, py.definition(scope).child_by_field_name("return_type"))
    if declared.named or declared.item is not None:
        return declared
    for node, where in code.returns:
        if where is scope and node.named_child_count:
            shape = code.shape(node.named_children[0], scope)
            if shape != ANYTHING and shape.type != "null":
                return shape
    return ANYTHING


def _sent(code: PyCode, site: CallSite) -> Iterator[Fact]:
    made = _publisher(code, site)
    broker = _broker(code, site.receiver, site.scope) if made is None else None
    if broker is None and made is None:
        return
    if made is not None:
        pairs = _topics(code, made)
        broker = _broker(code, made.receiver, made.scope)
    else:
        pairs = _target(code, site)
    for topic, exchange in pairs or [(Unknown("no topic is given here"), None)]:
        fields: dict[str, object] = {"broker": broker or _told_by_words(site), "topic": topic}
        if exchange is not None:
            fields["exchange"] = exchange
        fields["symbol"] = site.scope.name
        shape = code.shape(site.arg(0, "message"), site.scope)
        if shape.fields or shape.named or shape.item is not None:
            fields["shape"] = shape
        yield Fact("publish", fields, Location(code.path, site.line))


def _told_by_words(site: CallSite) -> str:
    """The kind of a broker of another file by what only its kind is asked for."""
    return next((kind for word, kind in _WORDS.items() if word in site.named), "")


def _publisher(code: PyCode, site: CallSite) -> CallSite | None:
    """``orders = broker.publisher("orders")``, then ``orders.publish(order)``."""
    dotted = code.dotted(site.receiver) if site.receiver is not None else ""
    made = code.made_of(dotted, site.scope) if dotted else None
    known = made is not None and made.method == "publisher" and _broker(code, made.receiver, made.scope) is not None
    return made if known else None


def _target(code: PyCode, site: CallSite) -> list[tuple[Value, Value | None]]:
    nodes = [site.named[name] for name in _TOPICS if name in site.named] or list(site.args[1:2])
    exchange = site.arg(-1, "exchange")
    key = site.arg(-1, "routing_key")
    where = _named(code, exchange, site.scope) if exchange is not None else None
    if not nodes and where is not None:
        return [(code.value(key, site.scope) if key is not None else Lit(""), where)]
    return [(_named(code, node, site.scope), where) for node in nodes]


def _faust(code: PyCode) -> Iterator[Fact]:
    """``orders = app.topic("orders", value_type=Order)``, ``@app.agent(orders)``, ``await orders.send(value=...)``."""
    if b"faust" not in code.data:
        return
    for scope in code.scopes:
        for decorator in py.decorators(code, scope) if scope.sort == "function" else ():
            site = code.site(decorator)
            if site is not None and site.method == "agent":
                yield from _agent(code, scope, site)
    for site in code.called("send", "cast", "ask"):
        topic = _faust_topic(code, site.receiver, site.scope) if site.receiver is not None else None
        if topic is None or site.method != "send":
            continue
        fields: dict[str, object] = {"broker": "kafka", "topic": topic.name, "symbol": site.scope.name}
        shape = code.shape(site.arg(-1, "value"), site.scope)
        if shape.fields or shape.named:
            fields["shape"] = shape
        yield Fact("publish", fields, Location(code.path, site.line))


@dataclass(frozen=True, slots=True)
class _Topic:
    name: Value
    holds: Shape


def _faust_topic(code: PyCode, node: Node | None, scope: Scope) -> _Topic | None:
    dotted = code.dotted(node) if node is not None else ""
    made = (code.site(node) if node is not None else None) or (code.made_of(dotted, scope) if dotted else None)
    if made is None or made.method != "topic" or not made.args:
        return None
    return _Topic(code.value(made.args[0], made.scope), annotation(code, made.arg(-1, "value_type")))


def _agent(code: PyCode, scope: Scope, site: CallSite) -> Iterator[Fact]:
    given = site.arg(0, "channel")
    topic = _faust_topic(code, given, site.scope)
    name = topic.name if topic is not None else code.value(given, site.scope) if given is not None else None
    if name is None:
        return
    fields: dict[str, object] = {"broker": "kafka", "topic": name, **subscribed(name, site, scope.name)}
    shape = topic.holds if topic is not None and topic.holds.named else handler_reads(code, scope, typed=False)
    if shape is not None:
        fields["shape"] = shape
    yield Fact("consume", fields, code.at(scope.node))


PACK = FastStream()
