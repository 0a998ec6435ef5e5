"""Watermill: publishers, subscribers, routers and CQRS buses over whatever broker is plugged in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import (
    ANYTHING,
    Call,
    Concat,
    Fact,
    Format,
    Lit,
    Location,
    Member,
    Name,
    Param,
    Shape,
    Unknown,
    Value,
)
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.go import bare
from scanners.idioms.go_handlers import local
from scanners.idioms.go_messages import consumed, payload, published
from scanners.idioms.go_scopes import parameters
from scanners.idioms.go_shapes import written
from scanners.idioms.go_types import type_parameter
from scanners.idioms.go_values import members

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
    ("/sns", "sns"),
    ("aws", "sqs"),
    ("sql", "sql"),
)
_BUSES = re.compile(r"(?i)(command|event)s?_?(bus)?$|bus$")


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
        yield from _plugged(parsed)
        for site in parsed.calls:
            if site.receiver is None:
                if site.method in ("NewEventHandler", "NewCommandHandler") and len(site.args) == 2:
                    yield from _typed_handler(parsed, site, broker)
                continue
            yield from _call(parsed, site, broker)
        yield from _handler_types(parsed, broker)


def _broker(code: GoCode) -> str:
    """The broker whose adapter the file imports; another file may plug it in."""
    return next((str(fact.get("broker")) for fact in _plugged(code)), "")


def _plugged(code: GoCode) -> Iterator[Fact]:
    """The adapter a file plugs in says which broker the program's other files speak to."""
    for mark, kind in _BROKERS:
        for found in code.all_imports:
            if found.module.startswith("github.com/ThreeDotsLabs/watermill-") and mark in found.module:
                yield Fact("transport", {"broker": kind}, Location(code.path, found.line))
                return


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
        kind = "Command" if site.method == "Send" else "Event"
        topic = _topic(code, shape.named, kind, "Publish")
        yield published(code, broker, site, (topic, shape), rule="watermill message type")


def _topic(code: GoCode, type_name: str, kind: str, side: str) -> Value:
    """The topic of a type: what ``GeneratePublishTopic`` of this file's bus says, else its name."""
    name = type_name.rpartition(".")[2]
    keys = (f"Generate{side}Topic", f"Generate{kind}sTopic")
    for node in code.literals:
        written_type = code.text(node.child_by_field_name("type"))
        pairs = dict(members(code, node)) if "cqrs." in written_type else {}
        mine = kind in written_type or "Facade" in written_type
        closure = next((bare(pairs[key]) for key in keys if key in pairs), None) if mine else None
        for returned, scope in code.returns if closure is not None else ():
            inside = closure is not None and closure.start_byte < returned.start_byte < closure.end_byte
            listed = returned.named_children[0] if inside and returned.named_child_count else None
            if listed is not None:
                first = listed.named_children[0] if listed.type == "expression_list" else listed
                found = _filled(_qualified(code, code.value(first, scope), scope), name)
                return Lit(name) if isinstance(found, Unknown) else found
    return Lit(name)


def _qualified(code: GoCode, value: Value, scope: Scope) -> Value:
    """A call of a closure by its name in the file, as handlers elsewhere in it do not see it."""
    found = (
        local(code, value.callee.name, scope) if isinstance(value, Call) and isinstance(value.callee, Name) else None
    )
    return Call(Name(found.name), value.args) if isinstance(value, Call) and found is not None else value


def _filled(value: Value, name: str) -> Value:
    """A generated topic with the name of the type put in."""
    if isinstance(value, Param) or (isinstance(value, Member) and isinstance(value.base, Param)):
        return Lit(name)
    if isinstance(value, Concat):
        return concat([_filled(part, name) for part in value.parts])
    if isinstance(value, Format):
        return Format(value.template, tuple(_filled(arg, name) for arg in value.args))
    if isinstance(value, Call):
        return Call(value.callee, tuple(_filled(arg, name) for arg in value.args))
    return value


def _typed_handler(code: GoCode, site: CallSite, broker: str) -> Iterator[Fact]:
    closure = bare(site.args[1])
    if closure is None or closure.type != "func_literal":
        return
    kinds = [kind for _, kind in parameters(code, closure)]
    kind = code.annotation(kinds[1]) if len(kinds) > 1 else ""
    if kind and not type_parameter(code, kind, site.scope):
        about = (broker, site.line, "Command" if "Command" in site.method else "Event")
        yield _handles(code, written(code, kind), site.scope.name, about)


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
                    about = (broker, int(scope.node.start_point[0]) + 1, name.removeprefix("New"))
                    yield _handles(code, written(code, made), handles.name, about)


def _handles(code: GoCode, type_name: str, symbol: str, about: tuple[str, int, str]) -> Fact:
    broker, line, kind = about
    fields = {
        "broker": broker,
        "topic": _topic(code, type_name, kind, "Subscribe"),
        "symbol": symbol,
        "shape": Shape("object", named=type_name),
        "rule": "watermill message type",
    }
    return Fact("consume", fields, Location(code.path, line))


PACK = Watermill()
