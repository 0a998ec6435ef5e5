"""RabbitMQ in Go: amqp091-go and its predecessor: messages published and consumed, queues bound to exchanges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_messages import consumed, literal, part, payload, published

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_PUBLISHES = {
    "Publish": (0, 1, 4, 5),
    "PublishWithDeferredConfirm": (0, 1, 4, 5),
    "PublishWithContext": (1, 2, 5, 6),
    "PublishWithDeferredConfirmWithContext": (1, 2, 5, 6),
}
_CONSUMES = {"Consume": (0, 7), "ConsumeWithContext": (1, 8), "Get": (0, 2)}
_DECLARES = ("QueueDeclare", "QueueDeclarePassive")


class Amqp:
    """AMQP 0.9.1 client libraries."""

    name: str = "go_amqp"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"amqp",)

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Messages sent, subscriptions and bindings.

        Args:
            parsed: a Go file.
        """
        for site in parsed.calls:
            if site.receiver is None:
                continue
            if site.method in _PUBLISHES and len(site.args) == _PUBLISHES[site.method][3]:
                yield from _publish(parsed, site)
            elif site.method in _CONSUMES and len(site.args) == _CONSUMES[site.method][1]:
                yield from _consume(parsed, site)
            elif site.method == "QueueBind" and len(site.args) == 5:
                yield _bound(parsed, site)


def _publish(code: GoCode, site: CallSite) -> Iterator[Fact]:
    exchange_at, key_at, message_at, _ = _PUBLISHES[site.method]
    message = site.args[message_at]
    if literal(code, message, site.scope) is None and "ublishing" not in code.made_by(message, site.scope):
        return
    if any(code.text(site.args[at]).endswith((".ReplyTo", "replyTo")) for at in (exchange_at, key_at)):
        return
    exchange = code.value(site.args[exchange_at], site.scope)
    key = queue(code, site.args[key_at], site.scope)
    if exchange == Lit("") == key:
        key = Unknown("a queue that the server names")
    shape = payload(code, part(code, message, site.scope, "Body"), site.scope)
    more = {} if exchange == Lit("") else {"exchange": exchange}
    yield published(code, "rabbitmq", site, (key, shape), **more)


def queue(code: GoCode, node: Node, scope: Scope) -> Value:
    """The name of a queue; ``q.Name`` is the one the queue was declared with.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    inner = bare(node)
    dotted = code.dotted(inner)
    if dotted.endswith(".Name"):
        base = dotted.removesuffix(".Name")
        for site in code.calls:
            holder = code.held(site) if site.method in _DECLARES and site.args else None
            same = holder is not None and holder.target.rpartition(".")[2] == base.rpartition(".")[2]
            if same and (site.scope is scope or "." in base):
                return code.value(site.args[0], site.scope)
    return code.value(inner, scope)


def _consume(code: GoCode, site: CallSite) -> Iterator[Fact]:
    name = queue(code, site.args[_CONSUMES[site.method][0]], site.scope)
    if isinstance(name, Unknown):
        name = Unknown("a queue named at run time")
    more: dict[str, object] = {}
    for other in code.calls:
        binds = other.method == "QueueBind" and len(other.args) == 5 and other.scope is site.scope
        if binds and name in (Lit(""), queue(code, other.args[0], other.scope)):
            more["exchange"] = code.value(other.args[2], other.scope)
    yield consumed(code, "rabbitmq", site, (name, None), **more)


def _bound(code: GoCode, site: CallSite) -> Fact:
    fields: dict[str, object] = {
        "broker": "rabbitmq",
        "queue": queue(code, site.args[0], site.scope),
        "exchange": code.value(site.args[2], site.scope),
    }
    key = code.value(site.args[1], site.scope)
    if key not in (Lit(""), Lit("#")):
        fields["key"] = key
    if site.scope.name:
        fields["symbol"] = site.scope.name
    return Fact("bound", fields, Location(code.path, site.line))


PACK = Amqp()
