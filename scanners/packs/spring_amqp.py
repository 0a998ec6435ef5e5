"""RabbitMQ in Java: Spring listeners, templates and bindings, and the plain client's channel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Config, Fact, Lit, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.java import Mark, bare, items
from scanners.idioms.java_http import made_of
from scanners.idioms.java_messages import handler_shape, topic_values
from scanners.idioms.java_scopes import nested_mark
from scanners.idioms.java_values import filled
from scanners.idioms.java_web import around, known

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_TEMPLATES = ("RabbitTemplate", "AmqpTemplate", "RabbitOperations", "AsyncRabbitTemplate", "RabbitMessagingTemplate",
              "AsyncAmqpTemplate")  # fmt: skip
_SENDS = ("convertAndSend", "send", "convertSendAndReceive", "sendAndReceive", "convertSendAndReceiveAsType")
_EXTRAS = ("MessagePostProcessor", "CorrelationData", "ParameterizedTypeReference", "Map", "MessageHeaders")
_CONTAINERS = ("SimpleMessageListenerContainer", "DirectMessageListenerContainer", "AbstractMessageListenerContainer",
               "MessageListenerContainer")  # fmt: skip
_MADE = re.compile(r"^(\w*Exchange|Queue|ExchangeBuilder|QueueBuilder)$")
_BEAN = re.compile(r"^#\{\s*@?(\w+)(?:\.name|\.getName\(\))?\s*\}$")
_DEPTH = 6


class SpringAmqp:
    """RabbitMQ clients in Java."""

    name: str = "spring_amqp"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (b"abbit", b"amqp", b"AmqpTemplate", b"basicPublish", b"basicConsume")

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Messages sent, subscriptions, bindings.

        Args:
            parsed: a Java file.
        """
        for mark in parsed.marks.get("RabbitListener", ()):
            yield from _listener(parsed, mark)
        for site in parsed.calls:
            if site.method == "Binding" and len(site.args) >= 4:
                queue, exchange, key = (code_value(parsed, site, i) for i in (0, 2, 3))
                yield _bound(parsed, site.node, (queue, exchange, key), site.scope)
            elif site.receiver is not None:
                yield from _site(parsed, site)


def code_value(code: JavaCode, site: CallSite, at: int) -> Value:
    """An argument of a call as the name of a queue or exchange.

    Args:
        code: the file.
        site: the call.
        at: position.
    """
    node = site.arg(at)
    return named(code, node, site.scope) if node is not None else Lit("")


def _site(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    if site.method in _SENDS and site.args and made_of(code, site.receiver, site.scope, _TEMPLATES):
        yield _template(code, site)
    elif site.method == "basicPublish" and len(site.args) >= 4:
        shape = code.shape(site.args[-1], site.scope)
        yield _publish(code, site, (_text(code, site, 0), _text(code, site, 1)), shape)
    elif site.method == "basicConsume" and site.args:
        yield _consume(code, site.node, (_text(code, site, 0), None), site.scope.name)
    elif site.method == "queueBind" and len(site.args) >= 2:
        key = _text(code, site, 2) if len(site.args) > 2 else None
        yield _bound(code, site.node, (_text(code, site, 0), _text(code, site, 1), key), site.scope)
    elif site.method in ("setQueueNames", "addQueueNames", "setQueues", "addQueues") and site.args:
        yield from _container(code, site)
    elif site.method == "bind" and site.dotted == "BindingBuilder.bind" and site.args:
        yield from _built(code, site)


def _container(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    """``container.setQueueNames("orders")`` of a listener container that is set up by hand."""
    if not made_of(code, site.receiver, site.scope, _CONTAINERS):
        return
    for node in site.args:
        for item in items(node):
            yield _consume(code, site.node, (named(code, item, site.scope), None), site.scope.name)


def _text(code: JavaCode, site: CallSite, at: int) -> Value:
    return filled(code.value(site.args[at], site.scope))


def _listener(code: JavaCode, mark: Mark) -> Iterator[Fact]:
    scope = around(mark.scope)
    queues: list[tuple[Value, Value | None]] = []
    for node in items(mark.arg("queues", "value")):
        queues += [(_bean(code, v), None) for v in _plain_values(code, node, scope)]
    for node in items(mark.arg("queuesToDeclare")):
        declared = nested_mark(code, node, mark.scope)
        if declared is not None:
            queues.append((_argument(code, declared, "name", "value"), None))
    for node in items(mark.arg("bindings")):
        binding = nested_mark(code, node, mark.scope)
        found = _binding(code, binding) if binding is not None else None
        if found is not None:
            queues.append(found[:2])
            for key in found[2] or [Lit("")]:
                yield _bound(code, mark.node, (*found[:2], key), scope)
    for handler in _handlers(code, mark):
        for where in queues:
            yield _consume(code, mark.node, where, handler.name, handler_shape(code, handler))


def _handlers(code: JavaCode, mark: Mark) -> list[Scope]:
    if mark.scope.sort == "method":
        return [mark.scope]
    found = [m.scope for m in code.marks.get("RabbitHandler", ()) if m.scope.parent is mark.scope]
    return found or [mark.scope]


def _plain_values(code: JavaCode, node: Node, scope: Scope) -> list[Value]:
    raw = code.string(node)
    if raw and _BEAN.match(raw):
        return [Lit(raw)]
    return topic_values(code, node, scope)


def _bean(code: JavaCode, value: Value) -> Value:
    """``#{queue.name}`` is the name of the bean's queue, when this file makes it."""
    match = _BEAN.match(value.value) if isinstance(value, Lit) and isinstance(value.value, str) else None
    if match is None:
        return value
    return _of_bean(code, match.group(1), _DEPTH) or Unknown(f"the queue of bean {match.group(1)}")


def _binding(code: JavaCode, mark: Mark) -> tuple[Value, Value, list[Value]]:
    queue = nested_mark(code, mark.args["value"], mark.scope) if "value" in mark.args else None
    exchange = nested_mark(code, mark.args["exchange"], mark.scope) if "exchange" in mark.args else None
    scope = around(mark.scope)
    keys = [v for node in items(mark.arg("key")) for v in topic_values(code, node, scope)]
    source = _argument(code, exchange, "value", "name") if exchange is not None else Lit("")
    name = _argument(code, queue, "value", "name") if queue is not None else Lit("")
    if name == Lit(""):
        name = Lit(f"{mark.scope.name} (named by the server)")
    return name, source, keys


def _argument(code: JavaCode, mark: Mark, *names: str) -> Value:
    node = mark.arg(*names)
    return filled(code.value(node, around(mark.scope))) if node is not None else Lit("")


def _template(code: JavaCode, site: CallSite) -> Fact:
    args = list(site.args)
    while len(args) > 1 and _is_extra(code, args[-1], site.scope):
        args.pop()
    shape = code.shape(args[-1], site.scope) if args else None
    if len(args) >= 3:
        exchange, key = filled(code.value(args[0], site.scope)), filled(code.value(args[1], site.scope))
        return _publish(code, site, (_through(code, args[0], site.scope, exchange), key), shape)
    if len(args) == 2:
        key = filled(code.value(args[0], site.scope))
        return _publish(code, site, (_default(code, site), _through(code, args[0], site.scope, key)), shape)
    key = Config("spring.rabbitmq.template.routing-key", Unknown("the template's own routing key"))
    return _publish(code, site, (Config("spring.rabbitmq.template.exchange"), key), shape)


def _default(code: JavaCode, site: CallSite) -> Value | None:
    """The exchange a template is set to in this file, else the default one."""
    holder = code.dotted(site.receiver)
    for other in code.calls:
        if other.method == "setExchange" and other.args and code.dotted(other.receiver) == holder:
            return filled(code.value(other.args[0], other.scope))
    return None


def _through(code: JavaCode, node: Node, scope: Scope, value: Value) -> Value:
    """``queue.getName()`` of a queue or exchange object is its name."""
    site = code.site(node)
    if site is not None and site.method == "getName" and site.receiver is not None:
        return named(code, site.receiver, scope)
    return value


def _is_extra(code: JavaCode, node: Node, scope: Scope) -> bool:
    inner = bare(node)
    if inner is None or inner.type in ("lambda_expression", "method_reference"):
        return True
    if inner.type == "object_creation_expression":
        return code.type_text(inner.child_by_field_name("type")).rsplit(".", 1)[-1] in _EXTRAS[:3]
    dotted = code.dotted(inner)
    return code.type_of(dotted, scope).rsplit(".", 1)[-1] in _EXTRAS[:3] if dotted else False


def _publish(code: JavaCode, site: CallSite, where: tuple[Value | None, Value], shape: Shape | None) -> Fact:
    exchange, key = where
    fields: dict[str, object] = {"broker": "rabbitmq", "topic": key, "symbol": site.scope.name}
    if exchange is not None and exchange != Lit(""):
        fields["exchange"] = exchange
    if known(shape):
        fields["shape"] = shape
    return Fact("publish", fields, code.at(site.node))


def _consume(
    code: JavaCode, node: Node, where: tuple[Value, Value | None], symbol: str, shape: Shape | None = None
) -> Fact:
    queue, exchange = where
    fields: dict[str, object] = {"broker": "rabbitmq", "topic": queue, "symbol": symbol}
    if exchange is not None and exchange != Lit(""):
        fields["exchange"] = exchange
    if known(shape):
        fields["shape"] = shape
    return Fact("consume", fields, code.at(node))


def _bound(code: JavaCode, node: Node, about: tuple[Value, Value, Value | None], scope: Scope) -> Fact:
    queue, exchange, key = about
    fields: dict[str, object] = {"broker": "rabbitmq", "queue": queue, "exchange": exchange}
    if key is not None and key != Lit(""):
        fields["key"] = key
    if scope.name:
        fields["symbol"] = scope.name
    return Fact("bound", fields, code.at(node))


def _built(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    """``BindingBuilder.bind(queue).to(exchange).with(key)``."""
    queue = named(code, site.args[0], site.scope)
    exchange: Value | None = None
    key: Value | None = None
    for step in code.following(site):
        if step.method == "to" and step.args:
            exchange = named(code, step.args[0], step.scope)
        elif step.method == "with" and step.args:
            key = filled(code.value(step.args[0], step.scope))
    if exchange is not None:
        yield _bound(code, site.node, (queue, exchange, key), site.scope)


def named(code: JavaCode, node: Node | None, scope: Scope, depth: int = _DEPTH) -> Value:
    """The name of a queue or exchange object, wherever this file makes it; of text, the text.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        depth: how many names are followed.
    """
    inner = bare(node)
    if inner is None or depth <= 0:
        return Unknown("a queue or exchange made elsewhere")
    site = code.site(inner)
    if site is not None:
        return _made(code, site, depth)
    dotted = code.dotted(inner)
    made = code.made_of(dotted, scope) if dotted else None
    if made is not None:
        return _made(code, made, depth)
    declared = code.type_of(dotted, scope).rsplit(".", 1)[-1] if dotted else ""
    if _MADE.match(declared):
        given = next((p for p in code.params.get(scope.name, ()) if p.name == dotted), None)
        mark = given.mark("Qualifier", "Named") if given is not None else None
        wanted = code.string(mark.arg("value")) if mark is not None else dotted.rsplit(".", 1)[-1]
        return _of_bean(code, wanted, depth) or _only_bean(code, declared, depth) or Unknown(f"{declared} {wanted}")
    return filled(code.value(inner, scope))


def _made(code: JavaCode, site: CallSite, depth: int) -> Value:
    if site.node.type == "object_creation_expression":
        if site.method == "AnonymousQueue":
            return Lit(f"{site.scope.name} (named by the server)")
        return filled(code.value(site.args[0], site.scope)) if site.args else Unknown("a queue without a name")
    for step in (site, *code.before(site)):
        if step.dotted.startswith(("QueueBuilder.", "ExchangeBuilder.")):
            if step.args:
                return filled(code.value(step.args[0], step.scope))
            return Lit(f"{step.scope.name} (named by the server)")
    return _of_bean(code, site.method, depth) or filled(code.value(site.node, site.scope))


def _of_bean(code: JavaCode, name: str, depth: int) -> Value | None:
    """What a bean of this file is called in the broker, by the name of its method or annotation."""
    for node, scope in code.returns:
        if not node.named_child_count or scope.sort != "method":
            continue
        marks = [m for m in code.on.get(scope.name, ()) if m.name == "Bean"]
        names = {scope.name.split("/")[0].rsplit(".", 1)[-1]}
        names |= {code.string(n) for m in marks for n in items(m.arg("value", "name"))}
        if name in names:
            return named(code, node.named_children[0], scope, depth - 1)
    return None


def _only_bean(code: JavaCode, declared: str, depth: int) -> Value | None:
    found = [
        (node, scope)
        for node, scope in code.returns
        if node.named_child_count
        and code.type_text(scope.node.child_by_field_name("type")).rsplit(".", 1)[-1] == declared
    ]
    return named(code, found[0][0].named_children[0], found[0][1], depth - 1) if len(found) == 1 else None


PACK = SpringAmqp()
