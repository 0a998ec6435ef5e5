"""Buses of .NET that name topics after message types: MassTransit, NServiceBus, Rebus, Wolverine; and CAP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Location, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_messages import argument_type, message_type, type_name
from scanners.idioms.cs_scopes import base_refs, parameters
from scanners.idioms.cs_shapes import of_ref

if TYPE_CHECKING:
    from scanners.idioms.cs_code import CsCode


@dataclass(frozen=True, slots=True)
class _Bus:
    """A library as data.

    Args:
        name: shown in rules.
        mark: text a file that uses it holds.
        types: types messages are sent through.
        sends: methods that send.
        handlers: interfaces a handler implements with the message's type as argument.
        method: name of the handling method.
    """

    name: str
    mark: bytes
    types: tuple[str, ...]
    sends: tuple[str, ...]
    handlers: tuple[str, ...]
    method: str


_BUSES = (
    _Bus(
        "MassTransit",
        b"MassTransit",
        (
            "IPublishEndpoint",
            "IBus",
            "IBusControl",
            "ISendEndpoint",
            "ISendEndpointProvider",
            "ConsumeContext",
            "IRequestClient",
            "ITopicProducer",
            "IMessageScheduler",
            "IClientFactory",
        ),
        ("Publish", "PublishBatch", "Send", "GetResponse", "Produce", "SchedulePublish", "RespondAsync"),
        ("IConsumer", "IJobConsumer"),
        "Consume",
    ),
    _Bus(
        "NServiceBus",
        b"NServiceBus",
        ("IMessageSession", "IEndpointInstance", "IMessageHandlerContext", "IPipelineContext"),
        ("Publish", "Send", "SendLocal", "Reply"),
        ("IHandleMessages", "IAmStartedByMessages"),
        "Handle",
    ),
    _Bus("Rebus", b"Rebus", ("IBus",), ("Publish", "Send", "SendLocal", "Defer"), ("IHandleMessages",), "Handle"),
    _Bus("Wolverine", b"Wolverine", ("IMessageBus", "IMessageContext"), ("PublishAsync", "SendAsync"), (), "Handle"),
)
_NAMED = re.compile(r"(?i)(publishEndpoint|_?bus|busControl|sendEndpoint|messageSession|publisher|endpoint|context)$")
_COMMON = ("IBus", "IMessageBus", "IMessageContext", "IPipelineContext")
_MARKS = (b"IConsumer<", b"IPublishEndpoint", b"ISendEndpoint", b"IBus", b"ConsumeContext", b"IMessageSession")


class MassTransit:
    """Buses with a topic for each message type."""

    name: str = "masstransit"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (
        *_MARKS,
        b"MassTransit",
        b"NServiceBus",
        b"Rebus",
        b"Wolverine",
        b"IHandleMessages",
        b"CapSubscribe",
        b"ICapPublisher",
        b"IRequestClient",
        b"IMessageBus",
        b"UsingRabbitMq",
        b"UsingAzureServiceBus",
        b"UsingAmazonSqs",
        b"UseRabbitMQ",
        b"UseTransport",
        b"UseKafka",
    )

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Messages sent and handled.

        Args:
            parsed: a C# file.
        """
        for scope in parsed.scopes[1:]:
            if scope.sort == "class":
                yield from _handlers(parsed, scope)
            elif scope.sort == "method":
                yield from _cap_handler(parsed, scope)
        for site in parsed.calls:
            if site.receiver is not None:
                yield from _transport(parsed, site)
                yield from _sent(parsed, site)
                yield from _cap(parsed, site)
        yield from _states(parsed)


def _broker(code: CsCode) -> str:
    """The transport a file names; linking knows the service's transport otherwise."""
    return next(
        (kind for mark, kind in ((b"UsingRabbitMq", "rabbitmq"), (b"AddRider", "kafka")) if mark in code.data), ""
    )


def _transport(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``x.UsingRabbitMq(..)``, ``UseTransport<RabbitMQTransport>()``: what the messages go through."""
    broker = _TRANSPORTS.get(site.method.lower())
    if broker is None and site.method == "UseTransport":
        named = " ".join(ref.short for ref in code.type_args(site)) + code.text(
            site.node.child_by_field_name("arguments")
        )
        broker = next((kind for word, kind in _WORDS if word in named.lower()), None)
    if broker is not None:
        yield Fact("transport", {"broker": broker, "symbol": site.scope.name}, Location(code.path, site.line))


_TRANSPORTS = {
    "usingrabbitmq": "rabbitmq",
    "userabbitmq": "rabbitmq",
    "usingazureservicebus": "servicebus",
    "useazureservicebus": "servicebus",
    "usingamazonsqs": "sqs",
    "useamazonsqs": "sqs",
    "usingkafka": "kafka",
    "usekafka": "kafka",
    "usingactivemq": "activemq",
    "userabbitmqusingnamedconnection": "rabbitmq",
}
_WORDS = (("rabbitmq", "rabbitmq"), ("azureservicebus", "servicebus"), ("sqs", "sqs"), ("kafka", "kafka"))


def _handlers(code: CsCode, scope: Scope) -> Iterator[Fact]:
    for ref in base_refs(code, scope.node):
        bus = next((b for b in _BUSES if ref.short in b.handlers and ref.args), None)
        if bus is None or ref.args[0].name in code.generics.get(scope.name, ()):
            continue
        message = ref.args[0]
        batch = message.short == "Batch" and message.args
        message = message.args[0] if batch else message
        method = _handling(code, scope, bus.method, message.short)
        where = code.at(method.node) if method is not None else code.at(scope.node)
        name = method.name if method is not None else scope.name
        yield _consume(code, (type_name(code, message, scope), of_ref(message)), (bus.name, name), where)


def _handling(code: CsCode, scope: Scope, method: str, message: str) -> Scope | None:
    named = [s for s in code.scopes if s.parent is scope and s.name.rpartition(".")[2].partition("/")[0] == method]
    for candidate in named:
        for made in parameters(code, candidate.node):
            if made.type is not None and message in {n.rpartition(".")[2] for n in made.type.names()}:
                return candidate
    return named[0] if named else None


def _consume(code: CsCode, about: tuple[Value, Shape], where: tuple[str, str], at: Location) -> Fact:
    topic, shape = about
    fields: dict[str, object] = {"broker": _broker(code), "topic": topic, "symbol": where[1]}
    if shape != ANYTHING:
        fields["shape"] = shape
    fields["rule"] = f"{where[0]} message type"
    return Fact("consume", fields, at)


def _sent(code: CsCode, site: CallSite) -> Iterator[Fact]:
    bus = next((b for b in _BUSES if site.method in b.sends and _through(code, site, b)), None)
    if bus is None or not (site.args or code.type_args(site)) or site.method == "RespondAsync":
        return
    found = message_type(code, site)
    own = code.ref_of(code.dotted(site.receiver), site.scope) if site.receiver is not None else None
    if own is not None and own.short in ("IRequestClient", "ITopicProducer") and own.args:
        found = type_name(code, own.args[-1], site.scope), of_ref(own.args[-1])
    value, shape = found if found is not None else (Unknown("a message whose type this file does not say"), ANYTHING)
    given = _payload(code, site)
    shape = given if given.fields else shape
    fields: dict[str, object] = {"broker": _broker(code), "topic": value, "symbol": site.scope.name}
    if shape != ANYTHING:
        fields["shape"] = shape
    fields["rule"] = f"{bus.name} message type"
    yield Fact("publish", fields, Location(code.path, site.line))


def _payload(code: CsCode, site: CallSite) -> Shape:
    node = site.args[0] if site.args else None
    return code.shape(node, site.scope) if node is not None and node.type.startswith("anonymous") else ANYTHING


def _through(code: CsCode, site: CallSite, bus: _Bus) -> bool:
    dotted = code.dotted(site.receiver)
    ref = code.ref_of(dotted, site.scope) if dotted else None
    if ref is not None:
        known = ref.short in bus.types and (ref.short not in _COMMON or (bus.mark in code.data and not ref.args))
        return known
    made = code.site(site.receiver) if not dotted and site.receiver is not None else code.made_of(dotted, site.scope)
    if made is not None and made.method in ("GetSendEndpoint", "GetPublishSendEndpoint"):
        return True
    return bool(_NAMED.search(dotted.rpartition(".")[2])) and bus.mark in code.data and dotted != ""


def _states(code: CsCode) -> Iterator[Fact]:
    """State machines: ``Event(() => OrderSubmitted)`` over ``Event<OrderSubmitted> OrderSubmitted { get; }``."""
    for scope in code.scopes[1:]:
        if scope.sort != "class" or not any(r.short == "MassTransitStateMachine" for r in base_refs(code, scope.node)):
            continue
        for made in code.declared.get(scope.name, {}).values():
            if made.type is not None and made.type.short == "Event" and made.type.args:
                message = made.type.args[0]
                about = (type_name(code, message, scope), of_ref(message))
                yield _consume(code, about, ("MassTransit", scope.name), code.at(made.node))


def _cap(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """CAP: ``publisher.PublishAsync("order.created", order)``."""
    ref = code.ref_of(code.dotted(site.receiver), site.scope) if site.receiver is not None else None
    if ref is None or ref.short != "ICapPublisher" or not site.method.startswith("Publish"):
        return
    at = 1 if "Delay" in site.method else 0
    topic = site.arg(at, "name")
    body = site.arg(at + 1, "contentObj")
    found = argument_type(code, body, site.scope)
    fields: dict[str, object] = {"broker": "", "symbol": site.scope.name}
    fields["topic"] = code.value(topic, site.scope) if topic is not None else Unknown("no name given")
    shape = code.shape(body, site.scope) if body is not None else ANYTHING
    shape = shape if shape != ANYTHING or found is None else found[1]
    if shape != ANYTHING:
        fields["shape"] = shape
    yield Fact("publish", fields, Location(code.path, site.line))


def _cap_handler(code: CsCode, scope: Scope) -> Iterator[Fact]:
    for mark in code.attributes_of(scope.node):
        if mark.name != "CapSubscribe" or not mark.args:
            continue
        params = [p for p in parameters(code, scope.node) if p.type is not None and p.type.short != "CapHeader"]
        fields: dict[str, object] = {"broker": "", "topic": code.value(mark.args[0], scope), "symbol": scope.name}
        if params and of_ref(params[0].type) != ANYTHING:
            fields["shape"] = of_ref(params[0].type)
        yield Fact("consume", fields, code.at(mark.node))


PACK = MassTransit()
