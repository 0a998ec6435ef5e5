"""RabbitMQ from Python: pika, aio-pika and kombu publishers, consumers and bindings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Param, Shape, Unknown, Value
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.messages import handler_reads, listed, message_reads, subscribed

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_NAMED = ("declare_queue", "get_queue", "declare_exchange", "get_exchange", "Queue", "Exchange", "SimpleQueue")
_MESSAGES = ("Message", "aio_pika.Message", "IncomingMessage")
_SORTS = ("fanout", "topic", "direct", "headers")
_STEPS = 4
_SERVER_NAMED = "the server names the queue"


class Pika:
    """RabbitMQ clients."""

    name: str = "pika"
    version: int = 2
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"pika", b"kombu", b"amqp")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Messages sent, subscriptions and bindings.

        Args:
            parsed: a Python file.
        """
        for site in parsed.called("basic_publish"):
            yield _publish(
                parsed, site, (site.arg(0, "exchange"), site.arg(1, "routing_key"), site.arg(2, "body", "message"))
            )
        for site in parsed.called("publish", "send_message"):
            yield from _published(parsed, site)
        for site in parsed.called("basic_consume", "basic_get"):
            yield from _consumed_by_channel(parsed, site)
        for site in parsed.called("consume", "iterator"):
            yield from _consumed_by_queue(parsed, site)
        yield from _bindings(parsed)
        yield from _kombu(parsed)


def _name(code: PyCode, node: Node | None, scope: Scope, steps: int = _STEPS) -> Value:
    """The name of a queue or exchange: as text, or of the object an expression holds."""
    if node is None:
        return Lit("")
    site = code.site(node)
    if site is None and steps > 0:
        dotted = code.dotted(node)
        made = code.made_of(dotted, scope) if dotted else None
        if made is not None and made.method in _NAMED:
            return _name(code, made.node, made.scope, steps - 1)
        if dotted.endswith((".default_exchange", "default_exchange")):
            return Lit("")
        declared = _declared(code, dotted, scope)
        if declared is not None:
            return _unnamed(code, declared.arg(0, "queue"), declared.scope)
    if site is not None and site.method in _NAMED:
        at = 1 if site.method == "SimpleQueue" and site.receiver is None else 0
        return _unnamed(code, site.arg(at, "name", "queue", "queue_name"), site.scope)
    return code.value(node, scope)


def _unnamed(code: PyCode, given: Node | None, scope: Scope) -> Value:
    empty = given is None or (given.type == "string" and not code.text(given).strip("\"'"))
    return Unknown(_SERVER_NAMED) if empty else code.value(given, scope)


def _declared(code: PyCode, dotted: str, scope: Scope) -> CallSite | None:
    """pika: the declaration behind ``result.method.queue``, or behind a name that was given it."""
    for outer in scope.outward() if dotted and not dotted.endswith("method.queue") else ():
        for assign in code.assigned(outer, dotted):
            if code.text(assign.value).endswith("method.queue"):
                dotted = code.dotted(assign.value)
    made = code.made_of(dotted.removesuffix(".method.queue"), scope) if dotted.endswith(".method.queue") else None
    return made if made is not None and made.method == "queue_declare" else None


def _published(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """aio-pika's ``exchange.publish(message, routing_key)`` and kombu's ``producer.publish(body, routing_key=...)``."""
    if site.receiver is None:
        return
    made = _maker(code, site.receiver, site.scope)
    exchange = site.arg(-1, "exchange")
    holds = made is not None and made.method in ("declare_exchange", "get_exchange", "Exchange")
    by_name = code.text(site.receiver).rsplit(".", 1)[-1].lower().endswith("exchange")
    if holds or by_name:
        yield _publish(code, site, (site.receiver, site.arg(1, "routing_key"), site.arg(0, "message")))
    elif "routing_key" in site.named or exchange is not None or (made is not None and made.method == "Producer"):
        default = made.arg(1, "exchange") if made is not None and made.method == "Producer" else None
        key = site.arg(1, "routing_key") or (made.arg(-1, "routing_key") if made is not None else None)
        yield _publish(code, site, (exchange or default, key, site.arg(0, "body", "message")))


def _maker(code: PyCode, node: Node, scope: Scope) -> CallSite | None:
    dotted = code.dotted(node)
    return code.site(node) or (code.made_of(dotted, scope) if dotted else None)


def _publish(code: PyCode, site: CallSite, about: tuple[Node | None, Node | None, Node | None]) -> Fact:
    exchange, key, body = about
    fields: dict[str, object] = {"broker": "rabbitmq"}
    fields["topic"] = _name(code, key, site.scope) if key is not None else Lit("")
    given = _name(code, exchange, site.scope)
    if given != Lit(""):
        fields["exchange"] = given
    fields["symbol"] = site.scope.name
    shape = _payload(code, body, site.scope)
    if shape.fields or shape.named or shape.item is not None:
        fields["shape"] = shape
    return Fact("publish", fields, Location(code.path, site.line))


def _payload(code: PyCode, body: Node | None, scope: Scope) -> Shape:
    made = _maker(code, body, scope) if body is not None else None
    if made is not None and made.method in _MESSAGES:
        return _payload(code, made.arg(0, "body"), made.scope)
    return code.shape(body, scope) if body is not None else ANYTHING


def _consumed_by_channel(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """pika: ``channel.basic_consume(queue=..., on_message_callback=...)``, the callback first before version 1."""
    queue, callback = site.arg(0, "queue"), site.arg(1, "on_message_callback", "consumer_callback", "callback")
    if queue is not None and "queue" not in site.named and _function(code, queue, site) is not None:
        queue, callback = callback, queue
    if queue is not None and site.receiver is not None:
        yield from _consume(code, site, queue, callback)


def _consumed_by_queue(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """aio-pika: ``queue.consume(callback)`` and ``async with queue.iterator()``; pika: ``channel.consume(queue)``."""
    if site.receiver is None:
        return
    made = _maker(code, site.receiver, site.scope)
    if made is not None and made.method in ("declare_queue", "get_queue"):
        yield from _consume(code, site, site.receiver, site.arg(0, "callback"))
    elif site.method == "consume" and b"pika" in code.data and "channel" in code.text(site.receiver).lower():
        yield from _consume(code, site, site.arg(0, "queue"), None)
    elif b"aio_pika" in code.data and code.text(site.receiver).lower().endswith("queue"):
        yield from _consume(code, site, site.receiver, site.arg(0, "callback"))


def _function(code: PyCode, node: Node | None, site: CallSite) -> Scope | None:
    """The function of this file an expression names, through partial and lambdas."""
    if node is None:
        return None
    made = code.site(node)
    if made is not None and made.method == "partial" and made.args:
        node = made.args[0]
    if node.type == "lambda":
        body = node.child_by_field_name("body")
        called = code.site(body) if body is not None else None
        node = called.node.child_by_field_name("function") or node if called is not None else node
    name = code.dotted(node).removeprefix("self.")
    owned = f"{site.scope.owner}.{name}" if site.scope.owner else name
    inner = f"{site.scope.name}.{name}"
    found = code.scope(inner) or code.scope(owned) or code.scope(name) if name else None
    return found if found is not None and found.sort in ("function", "method") else None


def _consume(code: PyCode, site: CallSite, queue: Node | None, callback: Node | None) -> Iterator[Fact]:
    """One fact a queue; a queue the server names is told by the keys it is bound with."""
    topic = _name(code, queue, site.scope)
    binds = [b for b in _binds(code, site, queue) if b.key is not None or b.sort not in ("direct", "topic")]
    unnamed = topic == Unknown(_SERVER_NAMED) or _may_be_unnamed(code, topic, site.scope)
    if not unnamed or not binds:
        if topic == Unknown(_SERVER_NAMED) and _binds(code, site, queue):
            return
        yield _consumed(code, site, (topic, binds[0].exchange if binds else None), callback)
        return
    for bind in binds:
        key = bind.key if bind.key is not None else Lit("")
        if bind.key is not None:
            fields = {"broker": "rabbitmq", "queue": key, "exchange": bind.exchange, "key": key}
            yield Fact("bound", fields | {"symbol": site.scope.name}, Location(code.path, site.line))
        yield _consumed(code, site, (key, bind.exchange), callback)


def _may_be_unnamed(code: PyCode, topic: Value, scope: Scope) -> bool:
    """Whether a queue's name is a parameter that is usually not given."""
    if not isinstance(topic, Param):
        return False
    nodes = {name: node for name, node in py.parameters(code, scope)}
    default = nodes[topic.name].child_by_field_name("value") if topic.name in nodes else None
    return code.text(default) in ("None", '""', "''")


def _consumed(code: PyCode, site: CallSite, about: tuple[Value, Value | None], callback: Node | None) -> Fact:
    topic, exchange = about
    fields: dict[str, object] = {"broker": "rabbitmq", "topic": topic}
    if exchange is not None:
        fields["exchange"] = exchange
    handler = _function(code, callback, site)
    name = code.dotted(callback).removeprefix("self.") if callback is not None else ""
    fields |= subscribed(topic, site, handler.name if handler is not None else "")
    shape = handler_reads(code, handler, typed=False) if handler is not None else None
    if handler is None and not name:
        shape = message_reads(code, site.scope).all()
    if shape is not None:
        fields["shape"] = shape
    return Fact("consume", fields, Location(code.path, site.line))


@dataclass(frozen=True, slots=True)
class _Bind:
    """A binding of a queue.

    Args:
        exchange: its name.
        key: routing key, None when none is given.
        sort: type of the exchange, as far as the file says: direct, topic, fanout, headers or empty.
    """

    exchange: Value
    key: Value | None
    sort: str


def _binds(code: PyCode, site: CallSite, queue: Node | None) -> list[_Bind]:
    """The bindings of a queue in this file, where it is written the same way."""
    wanted = code.text(queue)
    found = []
    for bind in code.called("queue_bind", "bind"):
        exchange, key, bound = _binding_of(code, bind)
        if exchange is not None and bound is not None and code.text(bound) == wanted and _near(bind, site):
            given = code.value(key, bind.scope) if key is not None else None
            found.append(_Bind(_name(code, exchange, bind.scope), given, _sort(code, exchange, bind.scope)))
    return found


def _sort(code: PyCode, exchange: Node, scope: Scope) -> str:
    """The type an exchange is declared with; without one it is direct."""
    made = _maker(code, exchange, scope)
    if made is not None and made.method == "declare_exchange":
        given = made.arg(1, "type")
        return next((s for s in _SORTS if s in code.text(given).lower()), "direct") if given is not None else "direct"
    for declared in code.called("exchange_declare"):
        if code.text(declared.arg(0, "exchange")) == code.text(exchange):
            given = declared.arg(1, "exchange_type")
            return next((s for s in _SORTS if s in code.text(given).lower()), "direct" if given is None else "")
    return ""


def _near(bind: CallSite, site: CallSite) -> bool:
    return bind.scope is site.scope or bind.scope.owner == site.scope.owner


def _binding_of(code: PyCode, site: CallSite) -> tuple[Node | None, Node | None, Node | None]:
    """Exchange, routing key and queue of ``channel.queue_bind(...)`` or ``queue.bind(exchange, key)``."""
    if site.method == "queue_bind":
        return site.arg(1, "exchange"), site.arg(2, "routing_key"), site.arg(0, "queue")
    made = _maker(code, site.receiver, site.scope) if site.receiver is not None else None
    is_queue = made is not None and made.method in ("declare_queue", "get_queue")
    is_queue = is_queue or (site.receiver is not None and code.text(site.receiver).lower().endswith("queue"))
    return (site.arg(0, "exchange"), site.arg(1, "routing_key"), site.receiver) if is_queue else (None, None, None)


def _bindings(code: PyCode) -> Iterator[Fact]:
    for site in code.called("queue_bind", "bind"):
        exchange, key, queue = _binding_of(code, site)
        if exchange is None or queue is None:
            continue
        name = _name(code, queue, site.scope)
        if name != Unknown(_SERVER_NAMED):
            yield _bound(code, site, (name, _name(code, exchange, site.scope), key))


def _bound(code: PyCode, site: CallSite, about: tuple[Value, Value, Node | None]) -> Fact:
    queue, exchange, key = about
    fields: dict[str, object] = {"broker": "rabbitmq", "queue": queue, "exchange": exchange}
    if key is not None:
        fields["key"] = code.value(key, site.scope)
    if site.scope.name:
        fields["symbol"] = site.scope.name
    return Fact("bound", fields, Location(code.path, site.line))


def _kombu(code: PyCode) -> Iterator[Fact]:
    """kombu's declared queues, consumers over them, and simple queues."""
    if b"kombu" not in code.data:
        return
    for site in code.called("Queue"):
        exchange = site.arg(1, "exchange")
        if code.callee(site).startswith("kombu") and exchange is not None:
            about = (_name(code, site.node, site.scope), _name(code, exchange, site.scope), site.arg(2, "routing_key"))
            yield _bound(code, site, about)
    for site in code.called("Consumer"):
        callbacks = listed(code, site.arg(-1, "callbacks"), site.scope)
        for queue in listed(code, site.arg(-1, "queues") or site.arg(1, "queues"), site.scope):
            yield from _consume(code, site, queue, callbacks[0] if callbacks else site.arg(-1, "on_message"))
    for site in code.called("put", "get"):
        made = _maker(code, site.receiver, site.scope) if site.receiver is not None else None
        if made is None or made.method != "SimpleQueue" or site.receiver is None:
            continue
        if site.method == "put":
            yield _publish(code, site, (None, made.node, site.arg(0, "message")))
        else:
            yield from _consume(code, site, made.node, None)


PACK = Pika()
