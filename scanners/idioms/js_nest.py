"""What NestJS readers share: handlers with their payloads, message patterns, transports and injected clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Concat, Lit, Shape, Unknown, Value
from scanners.idioms.code import Scope
from scanners.idioms.javascript import bare, key_of, option
from scanners.idioms.js_decorators import Decorator
from scanners.idioms.js_scopes import parameters
from scanners.idioms.js_shapes import annotation

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_BROKERS = {"kafka": "kafka", "rmq": "rabbitmq", "redis": "redis", "nats": "nats", "mqtt": "mqtt", "tcp": "tcp"}
_BROKERS |= {"grpc": "grpc"}
_STRATEGIES = {
    "rabbit": "rabbitmq",
    "rmq": "rabbitmq",
    "kafka": "kafka",
    "pubsub": "pubsub",
    "sqs": "sqs",
    "nats": "nats",
}
_STRATEGIES |= {"servicebus": "servicebus", "redis": "redis"}


def by_scope(code: JsCode) -> dict[int, list[Decorator]]:
    """Decorators of each class or method by the id of its scope, those of properties and parameters left out.

    Args:
        code: the file.
    """
    found: dict[int, list[Decorator]] = {}
    for decorator in code.decorators:
        if not decorator.target:
            found.setdefault(id(decorator.scope), []).append(decorator)
    return found


def parts(code: JsCode, node: Node | None) -> list[Node]:
    """Items of an array literal; the expression itself when it is none.

    Args:
        code: the file.
        node: expression.
    """
    node = bare(node)
    if node is None:
        return []
    return [c for c in node.named_children if c.type != "comment"] if node.type == "array" else [node]


def payload(code: JsCode, scope: Scope, name: str, key: bool = True) -> Shape:
    """The body or message a handler takes by a parameter decorator.

    Args:
        code: the file.
        scope: the method.
        name: the decorator, ``Body`` or ``Payload``.
        key: a literal argument of the decorator picks one field.
    """
    from graph.values import Field

    fields: list[Field] = []
    for decorator in code.decorators:
        if decorator.scope is not scope or decorator.name != name or decorator.declared is None:
            continue
        shape = annotation(code, decorator.declared.child_by_field_name("type"))
        picked = code.string(decorator.args[0]) if decorator.args and key else ""
        if not picked:
            return shape
        fields.append(Field(picked, shape, None))
    return Shape("object", tuple(fields)) if fields else ANYTHING


def first_payload(code: JsCode, scope: Scope) -> Shape:
    """The message a handler takes: its ``@Payload()``, else its first parameter without a decorator.

    Args:
        code: the file.
        scope: the method.
    """
    marked = payload(code, scope, "Payload")
    if marked != ANYTHING:
        return marked
    decorated = {d.target for d in code.decorators if d.scope is scope and d.target}
    first = next((node for name, node in parameters(code, scope.node) if name not in decorated), None)
    shape = annotation(code, first.child_by_field_name("type")) if first is not None else ANYTHING
    return ANYTHING if shape.named.endswith("Context") else shape


def result(code: JsCode, scope: Scope) -> Shape:
    """What a handler answers: its declared type, else what it returns when that can be read.

    Args:
        code: the file.
        scope: the method.
    """
    declared = annotation(code, scope.node.child_by_field_name("return_type"))
    if declared.type in ("object", "array") and (declared.named or declared.fields or declared.item):
        return declared
    found = [code.shape(n.named_children[0], scope) for n, s in code.returns if s is scope and n.named_child_count]
    return found[0] if len(found) == 1 and found[0].type in ("object", "array") else ANYTHING


def pattern(code: JsCode, node: Node | None, scope: Scope) -> Value:
    """A message pattern as one name: a text, or the text in an object such as ``{cmd: "sum"}``.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    node = bare(node)
    if node is None or node.type != "object":
        return code.value(node, scope)
    values = [code.value(c.child_by_field_name("value"), scope) for c in node.named_children if c.type == "pair"]
    values = [v for v in values if not isinstance(v, Unknown)]
    if not values:
        return Unknown("a message pattern without a text")
    joined: list[Value] = []
    for value in values:
        joined += [Lit("."), value] if joined else [value]
    return joined[0] if len(joined) == 1 else Concat(tuple(joined))


def broker(code: JsCode, options: Node | None) -> str:
    """The broker of microservice options, empty when they do not say.

    Args:
        code: the file.
        options: an object literal with ``transport`` or ``strategy``.
    """
    given = option(code, options, "transport")
    if given is not None:
        return _BROKERS.get(code.text(given).rpartition(".")[2].lower(), "")
    strategy = code.text(option(code, options, "strategy")).lower()
    return next((kind for mark, kind in _STRATEGIES.items() if mark in strategy), "")


def option_objects(code: JsCode, node: Node | None) -> Iterator[Node]:
    """Objects with transport options in an expression: the literal, or what a factory in it returns.

    Args:
        code: the file.
        node: expression.
    """
    node = bare(node)
    if node is None:
        return
    if node.type == "object" and (option(code, node, "transport") or option(code, node, "strategy")):
        yield node
        return
    for key in ("useFactory", "useValue", "inject"):
        inner = option(code, node, key) or _method(code, node, key)
        body = inner.child_by_field_name("body") if inner is not None else None
        made = bare(body)
        if made is not None and made.type == "statement_block":
            returned = [c for c in made.named_children if c.type == "return_statement" and c.named_child_count]
            made = bare(returned[-1].named_children[0]) if returned else None
        if made is not None and made.type == "object":
            yield made


def _method(code: JsCode, node: Node, key: str) -> Node | None:
    children = node.named_children if node.type == "object" else ()
    return next((c for c in children if c.type == "method_definition" and key_of(code, c) == key), None)
