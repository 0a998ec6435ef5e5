"""Messages sent and consumed from Node: kafkajs and amqplib."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Shape, Value
from scanners.idioms.code import CallSite
from scanners.idioms.javascript import option
from scanners.idioms.js_reads import Payload, reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode


@dataclass(frozen=True, slots=True)
class MessagingNode:
    """kafkajs and amqplib."""

    name: str = "messaging_node"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"kafka", b"amqp", b"Kafka")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        kafka, amqp = b"afka" in parsed.data, b"amqp" in parsed.data
        for site in parsed.calls:
            if kafka:
                yield from _kafka(parsed, site)
            if amqp:
                yield from _amqp(parsed, site)


def _kafka(code: JsCode, site: CallSite) -> Iterator[Fact]:
    topic = option(code, site.arg(0), "topic")
    if site.method == "send" and topic is not None:
        messages = option(code, site.arg(0), "messages")
        first = messages.named_children[0] if messages is not None and messages.named_child_count else None
        shape = code.shape(option(code, first, "value"), site.scope)
        yield _said(code, site, ("publish", "kafka"), (code.value(topic, site.scope), shape))
    elif site.method == "subscribe" and site.args:
        listed = option(code, site.arg(0), "topics")
        nodes = [topic] if topic is not None else list(listed.named_children) if listed is not None else []
        for node in nodes:
            yield _said(code, site, ("consume", "kafka"), (code.value(node, site.scope), _read(code, site)))


def _amqp(code: JsCode, site: CallSite) -> Iterator[Fact]:
    if site.method == "sendToQueue" and site.args:
        said = (code.value(site.args[0], site.scope), code.shape(site.arg(1), site.scope))
        yield _said(code, site, ("publish", "rabbitmq"), said)
    elif site.method == "publish" and len(site.args) > 2:
        exchange, key = (code.value(a, site.scope) for a in site.args[:2])
        topic = exchange if key == Lit("") else key
        yield _said(code, site, ("publish", "rabbitmq"), (topic, code.shape(site.arg(2), site.scope)))
    elif site.method == "consume" and len(site.args) > 1:
        yield _said(code, site, ("consume", "rabbitmq"), (code.value(site.args[0], site.scope), _read(code, site)))


def _said(code: JsCode, site: CallSite, sort: tuple[str, str], about: tuple[Value, Shape | None]) -> Fact:
    kind, broker = sort
    topic, shape = about
    fields: dict[str, object] = {"broker": broker, "topic": topic, "symbol": site.scope.name}
    if shape is not None and (shape.fields or shape.named or shape.item is not None):
        fields["shape"] = shape
    return Fact(kind, fields, Location(code.path, site.line))


def _read(code: JsCode, site: CallSite) -> Shape | None:
    """Fields of decoded messages read where the subscription is made; in the whole file when it is the only one."""
    span = (site.scope.node.start_byte, site.scope.node.end_byte)
    found = _decoded(code, span)
    if found is None and sum(s.method in ("subscribe", "consume") for s in code.calls) == 1:
        found = _decoded(code, (0, len(code.data)))
    return found


def _decoded(code: JsCode, span: tuple[int, int]) -> Shape | None:
    def is_source(node: Node) -> bool:
        site = code.site(node) if node.type == "call_expression" else None
        if site is None or site.dotted != "JSON.parse" or not site.args:
            return False
        text = code.text(site.args[0])
        return "value" in text or "content" in text

    return reads(code, Payload(is_source, ("parse",), span=span)).all()


PACK = MessagingNode()
