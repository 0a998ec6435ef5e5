"""RabbitMQ from Python: pika, aio-pika and kombu publishers and consumers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Shape, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.python_reads import Payload, reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode


@dataclass(frozen=True, slots=True)
class Pika:
    """RabbitMQ clients."""

    name: str = "pika"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"pika", b"kombu", b"amqp")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a Python file.
        """
        for site in parsed.calls:
            if site.receiver is None:
                continue
            if site.method == "basic_publish":
                yield _publish(parsed, site, (site.arg(0, "exchange"), site.arg(1, "routing_key"), site.arg(2, "body")))
            elif site.method == "publish" and "routing_key" in site.named:
                yield _publish(
                    parsed, site, (site.arg(-1, "exchange"), site.named["routing_key"], site.arg(0, "message"))
                )
            elif site.method == "basic_consume":
                yield _consume(parsed, site)


def _publish(code: PyCode, site: CallSite, about: tuple[Node | None, Node | None, Node | None]) -> Fact:
    exchange, key, body = about
    topic: Value = code.value(key, site.scope)
    if isinstance(topic, Unknown) or topic == Lit(""):
        topic = code.value(exchange, site.scope)
    fields: dict[str, object] = {"broker": "rabbitmq", "topic": topic, "symbol": site.scope.name}
    shape = code.shape(body, site.scope) if body is not None else ANYTHING
    if shape.fields or shape.named or shape.item is not None:
        fields["shape"] = shape
    return Fact("publish", fields, Location(code.path, site.line))


def _consume(code: PyCode, site: CallSite) -> Fact:
    fields: dict[str, object] = {
        "broker": "rabbitmq",
        "topic": code.value(site.arg(0, "queue"), site.scope),
        "symbol": site.scope.name,
    }
    handler = code.dotted(site.arg(1, "on_message_callback")).removeprefix("self.")
    named = [s for s in code.scopes if handler and (s.name == handler or s.name.endswith(f".{handler}"))]
    for scope in named[:1]:
        fields["symbol"] = scope.name
        shape = _read(code, site, scope.name)
        if shape is not None:
            fields["shape"] = shape
    return Fact("consume", fields, Location(code.path, site.line))


def _read(code: PyCode, site: CallSite, handler: str) -> Shape | None:
    scope = code.scope(handler)
    if scope is None or not scope.params:
        return None

    def is_source(node: Node) -> bool:
        inner = code.site(node) if node.type == "call" else None
        return inner is not None and inner.method == "loads"

    return reads(code, scope, Payload(is_source, ("loads",))).all()


PACK = Pika()
