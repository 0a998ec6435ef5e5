"""RabbitMQ.Client and EasyNetQ: messages published to exchanges, queues bound and consumed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Call, Fact, Lit, Location, Member, Name, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.cs_messages import handled, sent

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_PUBLISH = ("BasicPublish", "BasicPublishAsync")
_CONSUME = ("BasicConsume", "BasicConsumeAsync", "BasicGet", "BasicGetAsync")
_BIND = ("QueueBind", "QueueBindAsync", "QueueBindNoWait")
_RECEIVED = re.compile(r"(?:Received|ReceivedAsync)$")
_UNNAMED = re.compile(r"QueueDeclare(Async)?\(\s*(queue:\s*(\"\"|string\.Empty)\s*[,)]|\))")
_EASY = {"PublishAsync": "publish", "Publish": "publish", "SubscribeAsync": "consume", "Subscribe": "consume"}
_EASY_TYPES = ("IBus", "IPubSub", "IAdvancedBus")


class RabbitMqDotnet:
    """RabbitMQ clients of .NET."""

    name: str = "rabbitmq_dotnet"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (b"BasicPublish", b"BasicConsume", b"QueueBind", b"BasicGet", b"EasyNetQ", b"PubSub")

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Publications, subscriptions, bindings.

        Args:
            parsed: a C# file.
        """
        for site in parsed.calls:
            if site.receiver is None:
                continue
            if site.method in _PUBLISH:
                yield _publish(parsed, site)
            elif site.method in _CONSUME:
                yield from _consume(parsed, site)
            elif site.method in _BIND:
                yield _bound(parsed, site)
            elif site.method in _EASY and _easy(parsed, site):
                yield from _easy_net(parsed, site)


def _value(code: CsCode, site: CallSite, index: int, name: str) -> Value:
    node = site.arg(index, name)
    return code.value(node, site.scope) if node is not None else Lit("")


def _publish(code: CsCode, site: CallSite) -> Fact:
    address = site.arg(-1, "addr")
    exchange, key = _value(code, site, 0, "exchange"), _value(code, site, 1, "routingKey")
    fields: dict[str, object] = {"broker": "rabbitmq", "topic": key, "symbol": site.scope.name}
    if address is not None:
        fields["topic"] = Unknown("a publication address object")
    elif exchange != Lit(""):
        fields["exchange"] = exchange
    body = site.named.get("body") or _body(code, site)
    shape = sent(code, body, site) if body is not None else ANYTHING
    if shape != ANYTHING:
        fields["shape"] = shape
    return Fact("publish", fields, Location(code.path, site.line))


def _body(code: CsCode, site: CallSite) -> Node | None:
    """The payload among positional arguments: the last one but a cancellation token."""
    for node in reversed(site.args[2:]):
        dotted = code.dotted(node)
        ref = code.ref_of(dotted, site.scope) if dotted else None
        if dotted == "CancellationToken.None" or (ref is not None and ref.short == "CancellationToken"):
            continue
        return node
    return None


def _bound(code: CsCode, site: CallSite) -> Fact:
    fields: dict[str, object] = {"broker": "rabbitmq", "queue": _queue(code, site, site.arg(0, "queue"))}
    fields["exchange"] = _value(code, site, 1, "exchange")
    key = _value(code, site, 2, "routingKey")
    if key != Lit(""):
        fields["key"] = key
    fields["symbol"] = site.scope.name
    return Fact("bound", fields, Location(code.path, site.line))


def _queue(code: CsCode, site: CallSite, node: Node | None) -> Value:
    """A queue's name; one the broker names itself is known by where it is declared."""
    if node is None:
        return Lit("")
    value = code.value(node, site.scope)
    named = _declared_by_broker(code, site, node, value)
    return Lit(f"amq.gen:{code.path}:{site.scope.owner or site.scope.name}") if named else value


def _declared_by_broker(code: CsCode, site: CallSite, node: Node, value: Value) -> bool:
    """``channel.QueueDeclare().QueueName``: a queue without a name of its own."""
    if isinstance(value, Member) and value.name == "QueueName" and isinstance(value.base, Call):
        return not value.base.args and not dict(value.base.named).get("queue")
    if isinstance(value, Name) and value.name.rpartition(".")[2] == "QueueName":
        made = code.made_of(value.name.rpartition(".")[0], site.scope)
        return made is not None and made.method.startswith("QueueDeclare") and not made.args
    for outer in site.scope.outward():
        for assign in code.assigned(outer, code.dotted(node)):
            text = code.text(assign.value)
            if (
                re.search(r"QueueDeclare(Async)?\(\s*(queue:\s*(\"\"|string\.Empty)\s*[,)]|\))", text)
                and "QueueName" in text
            ):
                return True
    return False


def _consume(code: CsCode, site: CallSite) -> Iterator[Fact]:
    fields: dict[str, object] = {"broker": "rabbitmq", "topic": _queue(code, site, site.arg(0, "queue"))}
    handler, shape = _handler(code, site)
    fields["symbol"] = handler or site.scope.name
    if shape is not None:
        fields["shape"] = shape
    yield Fact("consume", fields, Location(code.path, site.line))


def _handler(code: CsCode, site: CallSite) -> tuple[str, object]:
    """What is done with messages: a lambda or method added to the consumer's ``Received`` event."""
    spans: list[tuple[str, tuple[int, int]]] = []
    for match in re.finditer(rb"\b(Received|ReceivedAsync)\s*\+=\s*(?:async\s*)?([\w.]+|\()", code.data):
        inside = code.scope_at(match.start())
        if inside.owner != site.scope.owner:
            continue
        name = match[2].decode("utf-8", "replace")
        target = next((s for s in code.scopes if s.parent is not None and s.name == f"{inside.owner}.{name}"), None)
        chosen = target or inside
        start = target.node.start_byte if target is not None else match.start()
        spans.append((chosen.name, (start, chosen.node.end_byte)))
    for name, span in spans:
        shape = handled(code, span)
        if shape is not None:
            return name, shape
    if spans:
        return spans[0][0], None
    whole = handled(code, (site.scope.node.start_byte, site.scope.node.end_byte))
    return site.scope.name, whole


def _easy(code: CsCode, site: CallSite) -> bool:
    if b"EasyNetQ" not in code.data and b"PubSub" not in code.data:
        return False
    made_by = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    last = code.dotted(site.receiver).rpartition(".")[2] if site.receiver is not None else ""
    return made_by.rpartition(".")[2] in _EASY_TYPES or last == "PubSub"


def _easy_net(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """The message's type is the exchange; a subscription's queue is bound to it."""
    from scanners.idioms.cs_messages import message_type

    name = message_type(code, site)
    if name is None:
        return
    value, shape = name
    fields: dict[str, object] = {"broker": "rabbitmq", "topic": value, "symbol": site.scope.name, "shape": shape}
    fields["rule"] = "EasyNetQ message type"
    yield Fact(_EASY[site.method], fields, Location(code.path, site.line))


PACK = RabbitMqDotnet()
