"""NestJS over message brokers and gRPC: patterns, client proxies, transports, and the usual queue libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Name, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.javascript import bare, option
from scanners.idioms.js_decorators import Decorator
from scanners.idioms.js_nest import broker, first_payload, option_objects, parts, pattern
from scanners.idioms.js_responses import result_reads
from scanners.idioms.js_scopes import parameters
from scanners.idioms.js_shapes import annotation
from scanners.idioms.js_types import argument_types

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_GENERATED = re.compile(r"(?i)(^|[/._-])(grpc|protos?|protobuf|pb|proto-types)([/._-]|$)")
_CLIENTS = {"ClientProxy": "", "ClientKafka": "kafka", "ClientKafkaProxy": "kafka", "ClientRMQ": "rabbitmq"}
_CLIENTS |= {"ClientNats": "nats", "ClientRedis": "redis", "ClientMqtt": "mqtt", "ClientTCP": "tcp"}
_LISTENS = ("createMicroservice", "connectMicroservice")
_REGISTERS = ("register", "registerAsync")
_QUEUES = ("BullModule.registerQueue", "BullModule.registerQueueAsync")
_RABBIT = ("RabbitSubscribe", "RabbitRPC")


class NestMicroservices:
    """NestJS microservices."""

    name: str = "nest_microservices"
    version: int = 1
    language: tuple[str, ...] = ("typescript", "javascript")
    markers: tuple[bytes, ...] = (
        b"@nestjs/microservices",
        b"nestjs-rabbitmq",
        b"@nestjs/bull",
        b"ControllerMethods()",
        b"ServiceClient",
    )

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Transports, handlers and what clients send.

        Args:
            parsed: a TypeScript or JavaScript file.
        """
        yield from _transports(parsed)
        methods: dict[str, list[tuple[str, Scope, Decorator]]] = {}
        for decorator in parsed.decorators:
            yield from _handler(parsed, decorator, methods)
        for service, served in methods.items():
            yield _served(parsed, service, served)
        tokens = _tokens(parsed)
        for site in parsed.calls:
            yield from _sent(parsed, site, tokens)
            yield from _amqp(parsed, site)
            yield from _rpc(parsed, site)


def _transports(code: JsCode) -> Iterator[Fact]:
    for site in code.calls:
        if site.method in _LISTENS and site.args:
            for options in option_objects(code, site.args[-1]):
                yield from _transport(code, options, None, site.scope)
        elif code.dotted(site.receiver) == "ClientsModule" and site.method in _REGISTERS and site.args:
            listed = option(code, site.args[0], "clients") or site.args[0]
            for item in parts(code, listed):
                name = option(code, item, "name")
                for options in option_objects(code, item):
                    yield from _transport(code, options, name, site.scope)
    for decorator in code.decorators:
        if decorator.name == "Client" and decorator.args and decorator.target:
            for options in option_objects(code, decorator.args[0]):
                token = Lit(f"{decorator.scope.owner}.{decorator.target}")
                yield from _transport(code, options, token, decorator.scope)


def _transport(code: JsCode, options: Node, client: Node | Value | None, scope: Scope) -> Iterator[Fact]:
    kind = broker(code, options)
    if not kind:
        return
    fields: dict[str, object] = {"broker": kind, "symbol": scope.name}
    if client is not None:
        fields["client"] = client if isinstance(client, Lit) else code.value(client, scope)  # type: ignore[arg-type]
    inner = option(code, options, "options")
    queue = option(code, inner, "queue")
    if queue is not None:
        fields["queue"] = code.value(queue, scope)
    address = option(code, inner, "url") or option(code, inner, "host")
    if address is not None:
        fields["target"] = code.value(address, scope)
    yield Fact("transport", fields, code.at(options))


def _handler(
    code: JsCode, decorator: Decorator, methods: dict[str, list[tuple[str, Scope, Decorator]]]
) -> Iterator[Fact]:
    scope = decorator.scope
    if decorator.target or scope.sort == "class":
        yield from _class(code, decorator) if not decorator.target else ()
    elif decorator.name in ("MessagePattern", "EventPattern") and decorator.args:
        kind = broker(code, bare(decorator.args[-1])) or _transport_name(decorator, code)
        for node in parts(code, decorator.args[0]):
            topic = pattern(code, node, code.scopes[0])
            yield _message(code, "consume", (kind, topic, first_payload(code, scope)), (scope, decorator.line))
    elif decorator.name in ("GrpcMethod", "GrpcStreamMethod", "GrpcStreamCall"):
        service = code.string(decorator.args[0]) if decorator.args else scope.owner
        given = code.string(decorator.args[1]) if len(decorator.args) > 1 else ""
        own = scope.name.rpartition(".")[2]
        methods.setdefault(service, []).append((given or own[:1].upper() + own[1:], scope, decorator))
    elif decorator.name in _RABBIT and decorator.args:
        yield from _rabbit(code, decorator)
    elif decorator.name in ("Process", "OnQueueActive"):
        return


def _transport_name(decorator: Decorator, code: JsCode) -> str:
    """``@EventPattern("x", Transport.KAFKA)``."""
    named = code.text(decorator.args[1]) if len(decorator.args) > 1 else ""
    kinds = {"KAFKA": "kafka", "RMQ": "rabbitmq", "REDIS": "redis", "NATS": "nats", "MQTT": "mqtt", "TCP": "tcp"}
    return kinds.get(named.removeprefix("Transport."), "")


def _class(code: JsCode, decorator: Decorator) -> Iterator[Fact]:
    scope = decorator.scope
    if decorator.name == "Processor" and decorator.args:
        first = bare(decorator.args[0])
        named = option(code, first, "name") if first is not None and first.type == "object" else first
        if named is not None:
            topic = code.value(named, code.scopes[0])
            marked = [d for d in code.decorators if d.name == "Process" and d.scope.parent is scope]
            own = [s for s in code.scopes if s.parent is scope and s.name.endswith(".process")] or [scope]
            for handler, line in [(d.scope, d.line) for d in marked] or [(own[0], decorator.line)]:
                yield _message(code, "consume", ("bullmq", topic, _job(code, handler)), (handler, line))
    elif decorator.name.endswith("ServiceControllerMethods"):
        fields = {"service": decorator.name.removesuffix("ControllerMethods"), "handlers": (), "symbol": scope.name}
        yield Fact("rpc_service", {**fields, "framework": "nestjs"}, Location(code.path, decorator.line))


def _job(code: JsCode, handler: Scope) -> Shape:
    """The data of a ``Job<Data>``."""
    for _, node in parameters(code, handler.node) if handler.sort != "class" else ():
        annotated = node.child_by_field_name("type")
        generic = annotated.named_children[0] if annotated is not None and annotated.named_child_count else None
        if generic is not None and generic.type == "generic_type" and generic.named_child_count > 1:
            inner = generic.named_children[1].named_children
            return annotation(code, inner[0]) if inner else ANYTHING
    return ANYTHING


def _rabbit(code: JsCode, decorator: Decorator) -> Iterator[Fact]:
    scope, options, outer = decorator.scope, decorator.args[0], code.scopes[0]
    exchange, queue = (option(code, options, key) for key in ("exchange", "queue"))
    keys: list[Node | None] = [*parts(code, option(code, options, "routingKey"))] or [None]
    for node in keys:
        key = code.value(node, outer) if node is not None else None
        topic = code.value(queue, outer) if queue is not None else key
        fact = _message(
            code, "consume", ("rabbitmq", topic or Lit(""), first_payload(code, scope)), (scope, decorator.line)
        )
        if exchange is None:
            yield fact
            continue
        yield Fact("consume", {**fact.fields, "exchange": code.value(exchange, outer)}, fact.at)
        if queue is not None:
            bound = {"broker": "rabbitmq", "queue": topic, "exchange": code.value(exchange, outer)}
            yield Fact("bound", bound | ({"key": key} if key is not None else {}), fact.at)


def _served(code: JsCode, service: str, served: list[tuple[str, Scope, Decorator]]) -> Fact:
    handlers = tuple(sorted((rpc, Name(scope.name)) for rpc, scope, _ in served))
    fields = {"service": service, "handlers": handlers, "symbol": served[0][1].owner, "framework": "nestjs"}
    return Fact("rpc_service", fields, Location(code.path, served[0][2].line))


def _message(
    code: JsCode, kind: str, said: tuple[str, Value, Shape], about: tuple[Scope, int], client: Value | None = None
) -> Fact:
    broker_name, topic, shape = said
    scope, line = about
    fields: dict[str, object] = {"broker": broker_name, "topic": topic, "symbol": scope.name}
    if shape.type in ("object", "array") and (shape.fields or shape.named or shape.item):
        fields["shape"] = shape
    if client is not None and not broker_name:
        fields["client"] = client
    return Fact(kind, fields, Location(code.path, line))


def _tokens(code: JsCode) -> dict[str, Value]:
    """Properties clients and queues are injected into, with their tokens."""
    found: dict[str, Value] = {}
    for decorator in code.decorators:
        if not decorator.target or decorator.name not in ("Inject", "Client", "InjectQueue"):
            continue
        target = f"{decorator.scope.owner}.{decorator.target}"
        if decorator.name == "Client":
            found[target] = Lit(target)
        elif decorator.args:
            found[target] = code.value(decorator.args[0], code.scopes[0])
    return found


def _sent(code: JsCode, site: CallSite, tokens: dict[str, Value]) -> Iterator[Fact]:
    dotted = code.dotted(site.receiver) if site.receiver is not None and site.args else ""
    if not dotted:
        return
    made = code.made_by(site.receiver, site.scope).rpartition(".")[2] if site.receiver is not None else ""
    token = tokens.get(site.scope.qualify(dotted))
    where = (site.scope, site.line)
    if site.method in ("send", "emit") and (made in _CLIENTS or made == "create" or (token is not None and not made)):
        kind = _CLIENTS.get(made, "") or _created(code, site)
        body = site.arg(1)
        shape = code.shape(option(code, body, "value") or body, site.scope) if body is not None else ANYTHING
        topic = pattern(code, site.args[0], site.scope)
        yield _message(code, "publish", (kind, topic, shape), where, token or Unknown("a client made elsewhere"))
    elif site.method in ("add", "addBulk") and made in ("Queue", "BullQueue") and token is not None:
        data = site.arg(1) or site.arg(0)
        shape = code.shape(data, site.scope) if data is not None else ANYTHING
        if site.method == "addBulk":
            one = shape.item.field("data") if shape.item is not None else None
            shape = one.shape if one is not None else ANYTHING
        yield _message(code, "publish", ("bullmq", token, shape), where)


def _created(code: JsCode, site: CallSite) -> str:
    """``ClientProxyFactory.create({transport: ...})`` in this file."""
    made = code.made_of(code.dotted(site.receiver), site.scope)
    return broker(code, made.arg(0)) if made is not None and made.args else ""


def _amqp(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``AmqpConnection`` of @golevelup/nestjs-rabbitmq."""
    if site.method not in ("publish", "request") or site.receiver is None or not site.args:
        return
    if not code.made_by(site.receiver, site.scope).endswith("AmqpConnection"):
        return
    nodes: list[Node | None] = [site.arg(0), site.arg(1), site.arg(2)]
    if site.method == "request":
        nodes = [option(code, site.args[0], key) for key in ("exchange", "routingKey", "payload")]
    exchange, key = (code.value(n, site.scope) if n is not None else Lit("") for n in nodes[:2])
    shape = code.shape(nodes[2], site.scope) if nodes[2] is not None else ANYTHING
    fact = _message(code, "publish", ("rabbitmq", key, shape), (site.scope, site.line))
    yield Fact("publish", {**fact.fields, "exchange": exchange}, fact.at)


def _rpc(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """Calls on what ``ClientGrpc.getService<Orders>("OrdersService")`` gave."""
    dotted = code.dotted(site.receiver) if site.receiver is not None else ""
    made = code.made_of(dotted, site.scope) if dotted else None
    told = made is not None and made.method in ("getService", "getClientByServiceName") and bool(made.args)
    service = code.string(made.args[0]) if told and made is not None else _injected(code, site, dotted)
    if not service and told and made is not None:
        of = argument_types(code, dotted, site.scope)
        named = code.value(made.args[0], made.scope)
        typed = of[0].removesuffix("Client") if of else ""
        service = str(named.value) if isinstance(named, Lit) else _constant(code, made) or typed
    fields: dict[str, object] = {"service": service, "method": site.method, "symbol": site.scope.name}
    fields["client"] = "nestjs"
    sends = code.shape(site.arg(0), site.scope) if site.args else ANYTHING
    if sends.type == "object" and (sends.fields or sends.named):
        fields["sends"] = sends
    held = code.held(site)
    read = result_reads(code, site, held) if held is not None and not held.key else None
    if read is not None:
        fields["reads"] = read
    if service:
        yield Fact("rpc_call", fields, Location(code.path, site.line))


def _injected(code: JsCode, site: CallSite, dotted: str) -> str:
    """``@Inject(USERS) private users: UsersServiceClient``, a client interface that ts-proto generated."""
    nest = any(found.module.startswith("@nestjs/") for found in code.all_imports)
    kind = code.type_of(dotted, site.scope) if dotted and nest and code.made_of(dotted, site.scope) is None else ""
    module, _, name = kind.rpartition(".")
    generated = _GENERATED.search(module) is not None and name.endswith("Client") and name[:1].isupper()
    return name.removesuffix("Client") if generated and not name.startswith("Client") else ""


def _constant(code: JsCode, made: CallSite) -> str:
    """ts-proto's ``ORDERS_SERVICE_NAME`` is the service ``OrdersService``."""
    name = code.text(made.args[0])
    if not name.endswith("_SERVICE_NAME"):
        return ""
    return "".join(word.capitalize() for word in name.removesuffix("_NAME").split("_"))


PACK = NestMicroservices()
