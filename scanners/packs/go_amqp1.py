"""AMQP 1.0 in Go: go-amqp, RabbitMQ's own client for it and Azure Service Bus: senders and receivers of addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Call, Concat, Fact, Lit, Name, Shape, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.expressions import concat
from scanners.idioms.go_messages import consumed, made_where, part, payload, published

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_RECEIVERS = {
    "NewReceiver": 1,
    "NewConsumer": 1,
    "NewReceiverForQueue": 0,
    "NewReceiverForSubscription": 0,
    "AcceptSessionForQueue": 1,
}
_SENDERS = {"NewSender": 1, "NewPublisher": 1}
_SENDS = ("Send", "SendMessage", "Publish", "ScheduleMessages")
_RABBIT = re.compile(r"^/(amq/)?(queues?|exchanges?|topic)/")
_RABBITMQ = "rabbitmq-amqp-go-client"
_MODULES = (
    "github.com/Azure/go-amqp",
    "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus",
    "github.com/rabbitmq/rabbitmq-amqp-go-client",
    "pack.ag/amqp",
)


class Amqp1:
    """AMQP 1.0 clients."""

    name: str = "go_amqp1"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"Azure/go-amqp", b"azservicebus", b"rabbitmq-amqp-go-client", b"pack.ag/amqp")

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a Go file.
        """
        azure = any(found.module.startswith(_MODULES[1]) for found in parsed.imports.values())
        if not any(found.module.startswith(_MODULES) for found in parsed.imports.values()):
            return
        for site in parsed.calls:
            if site.receiver is None:
                continue
            if site.method in _RECEIVERS and len(site.args) > _RECEIVERS[site.method]:
                broker, name = _address(parsed, site, _RECEIVERS[site.method])
                kind = broker or ("servicebus" if azure and site.method != "NewReceiver" else "")
                yield consumed(parsed, kind, site, (name.get("queue", Unknown("a queue named at run time")), None))
            elif site.method in _SENDS and site.args:
                yield from _sent(parsed, site, azure)


def _sent(code: GoCode, site: CallSite, azure: bool) -> Iterator[Fact]:
    maker = made_where(code, site.receiver, site.scope, lambda s: s.method in _SENDERS and s.receiver is not None)
    if maker is None or not maker.args:
        return
    at = 0 if azure and not _is_context(code, maker.args[0]) else _SENDERS[maker.method]
    if at < len(maker.args):
        broker, name = _address(code, maker, at)
        kind = broker or ("servicebus" if at == 0 else "")
        topic = name.pop("queue", Unknown("a queue named at run time"))
        yield published(code, kind, site, (topic, _body(code, site)), **name)


def _is_context(code: GoCode, node: Node) -> bool:
    return code.text(node).lower().startswith(("ctx", "context.", "c."))


def _address(code: GoCode, site: CallSite, at: int) -> tuple[str, dict[str, Value]]:
    """The broker that an address tells, the queue or key and the exchange; RabbitMQ's are ``/queues/NAME``."""
    value = code.value(site.args[at], site.scope)
    first = value.parts[0] if isinstance(value, Concat) and value.parts else value
    if isinstance(value, Call) and dotted(value.callee).endswith(("QueueAddress", "ExchangeAddress")):
        given = dict(value.named)
        key = given.get("Queue") or given.get("Key") or Lit("")
        return "rabbitmq", {"queue": key} | ({"exchange": given["Exchange"]} if "Exchange" in given else {})
    broker = "rabbitmq" if at and any(_RABBITMQ in found.module for found in code.imports.values()) else ""
    if isinstance(first, Lit) and isinstance(first.value, str) and _RABBIT.match(first.value):
        plain = Lit(_RABBIT.sub("", first.value))
        rest = list(value.parts[1:]) if isinstance(value, Concat) else []
        return "rabbitmq", {"queue": concat([plain, *rest] if plain.value or not rest else rest)}
    return broker, {} if isinstance(value, Unknown) else {"queue": value}


def _body(code: GoCode, site: CallSite) -> Shape:
    """What is sent: ``amqp.NewMessage(body)``, ``&azservicebus.Message{Body: body}``."""
    for arg in site.args[:2]:
        held = part(code, arg, site.scope, "Body")
        if held is not None:
            return payload(code, held, site.scope)
        made = code.site(arg)
        if made is not None and made.method == "NewMessage" and made.args:
            return payload(code, made.args[0], made.scope)
    return ANYTHING


def dotted(value: Value) -> str:
    """The name of what is called, empty when it has none.

    Args:
        value: callee.
    """
    return value.name if isinstance(value, Name) else ""


PACK = Amqp1()
