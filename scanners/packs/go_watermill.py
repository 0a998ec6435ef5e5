"""Watermill: publishers, subscribers, routers and CQRS buses over whatever broker is plugged in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Shape
from scanners.idioms.code import CallSite
from scanners.idioms.go import bare
from scanners.idioms.go_messages import consumed, payload, published
from scanners.idioms.go_scopes import parameters
from scanners.idioms.go_shapes import written
from scanners.idioms.go_types import type_parameter

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_MODULES = ("github.com/ThreeDotsLabs/watermill",)
_BROKERS = (
    ("kafka", "kafka"),
    ("amqp", "rabbitmq"),
    ("nats", "nats"),
    ("googlecloud", "pubsub"),
    ("redisstream", "redis"),
    ("aws", "sqs"),
    ("sql", "sql"),
)
_BUSES = re.compile(r"(?i)(command|event)s?_?(bus)?$|bus$")


@dataclass(frozen=True, slots=True)
class Watermill:
    """The watermill library."""

    name: str = "go_watermill"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"ThreeDotsLabs/watermill",)

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Messages sent and handlers.

        Args:
            parsed: a Go file.
        """
        broker = _broker(parsed)
        for site in parsed.calls:
            if site.receiver is None:
                if site.method in ("NewEventHandler", "NewCommandHandler") and len(site.args) == 2:
                    yield from _typed_handler(parsed, site, broker)
                continue
            yield from _call(parsed, site, broker)
        yield from _handler_types(parsed, broker)


def _broker(code: GoCode) -> str:
    """The broker whose adapter the file imports; another file may plug it in."""
    for found in code.all_imports:
        for mark, kind in _BROKERS:
            if found.module.startswith("github.com/ThreeDotsLabs/watermill-") and mark in found.module:
                return kind
    return "watermill"


def _call(code: GoCode, site: CallSite, broker: str) -> Iterator[Fact]:
    made = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    if site.method == "Publish" and len(site.args) >= 2:
        if "cqrs" in made or _BUSES.search(code.text(site.receiver)):
            yield from _bus(code, site, broker)
        elif not made or "watermill" in made or "ublisher" in made:
            shape = _message(code, site.args[1], site)
            yield published(code, broker, site, (code.value(site.args[0], site.scope), shape))
    elif site.method == "Send" and len(site.args) == 2 and ("cqrs" in made or _BUSES.search(code.text(site.receiver))):
        yield from _bus(code, site, broker)
    elif (
        site.method == "Subscribe" and len(site.args) == 2 and (not made or "watermill" in made or "ubscriber" in made)
    ):
        yield consumed(code, broker, site, (code.value(site.args[1], site.scope), None))
    elif site.method == "AddHandler" and len(site.args) == 6:
        yield consumed(code, broker, site, (code.value(site.args[1], site.scope), site.args[5]))
        yield published(code, broker, site, (code.value(site.args[3], site.scope), ANYTHING))
    elif site.method in ("AddNoPublisherHandler", "AddConsumerHandler") and len(site.args) == 4:
        yield consumed(code, broker, site, (code.value(site.args[1], site.scope), site.args[3]))
    elif site.method in ("NewEventHandler", "NewCommandHandler") and len(site.args) == 2:
        yield from _typed_handler(code, site, broker)


def _message(code: GoCode, node: Node, site: CallSite) -> Shape:
    """The payload of ``message.NewMessage(uuid, payload)``."""
    inner = bare(node)
    made = code.site(inner) if inner is not None else None
    if made is None and inner is not None and code.dotted(inner):
        made = code.made_of(code.dotted(inner), site.scope)
    if made is not None and made.method == "NewMessage" and len(made.args) > 1:
        return payload(code, made.args[-1], made.scope)
    return ANYTHING


def _bus(code: GoCode, site: CallSite, broker: str) -> Iterator[Fact]:
    """CQRS: the topic is named after the type that is sent."""
    shape = payload(code, site.args[1], site.scope)
    if shape.named and not type_parameter(code, shape.named, site.scope):
        topic = Lit(shape.named.rpartition(".")[2])
        yield published(code, broker, site, (topic, shape), rule="watermill message type")


def _typed_handler(code: GoCode, site: CallSite, broker: str) -> Iterator[Fact]:
    closure = bare(site.args[1])
    if closure is None or closure.type != "func_literal":
        return
    kinds = [kind for _, kind in parameters(code, closure)]
    kind = code.annotation(kinds[1]) if len(kinds) > 1 else ""
    if kind and not type_parameter(code, kind, site.scope):
        yield _handles(code, written(code, kind), site.scope.name, (broker, site.line))


def _handler_types(code: GoCode, broker: str) -> Iterator[Fact]:
    """Types with ``HandlerName``, ``NewEvent`` or ``NewCommand`` and ``Handle``."""
    for scope in code.scopes:
        owner, _, name = scope.name.rpartition(".")
        handles = code.scope(f"{owner}.Handle") if name in ("NewEvent", "NewCommand") else None
        if handles is None:
            continue
        for node, where in code.returns:
            if where is scope and node.named_child_count:
                listed = node.named_children[0]
                made = code.made_by(listed.named_children[0] if listed.named_child_count else listed, scope)
                if made:
                    yield _handles(
                        code, written(code, made), handles.name, (broker, int(scope.node.start_point[0]) + 1)
                    )


def _handles(code: GoCode, type_name: str, symbol: str, about: tuple[str, int]) -> Fact:
    broker, line = about
    fields = {
        "broker": broker,
        "topic": Lit(type_name.rpartition(".")[2]),
        "symbol": symbol,
        "shape": Shape("object", named=type_name),
        "rule": "watermill message type",
    }
    return Fact("consume", fields, Location(code.path, line))


PACK = Watermill()
