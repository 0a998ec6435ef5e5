"""Message consumers in Python: lists of topics, the function that handles messages, and the fields it reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.values import Lit, Name, Shape, Unknown, Value
from scanners.idioms.code import MAX_DEPTH, CallSite, Scope
from scanners.idioms.python_reads import JSON_MODELS, Payload, reads
from scanners.idioms.python_shapes import annotation
from scanners.idioms.python_values import is_local
from scanners.idioms.reading import Reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_LOADS = ("loads", "load", "unpackb", "decode_event", "json_decode")
_BODIES = ("value", "body", "data", "payload", "Body", "content")
_TOPICS = ("topic", "topic()", "channel", "routing_key", "['channel']", '["channel"]', "stream")
_CHOICES = ("if_statement", "elif_clause")


def listed(code: PyCode, node: Node | None, scope: Scope) -> list[Node]:
    """Items of a list expression, through one name of this file; the expression itself when it is no list.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    if node is None:
        return []
    if node.type == "list_splat" and node.named_child_count:
        node = node.named_children[0]
    if node.type in ("list", "tuple", "set"):
        return [c for c in node.named_children if c.type != "comment"]
    dotted = code.dotted(node)
    for outer in scope.outward() if dotted else ():
        for assign in code.assigned(outer, dotted):
            if assign.value is not None and assign.value.type in ("list", "tuple", "set"):
                return [c for c in assign.value.named_children if c.type != "comment"]
    return [node]


def consumed(code: PyCode, scope: Scope, topic: Value | None = None) -> tuple[str, Shape | None]:
    """The function that decodes messages for a subscription, and the fields it reads of one topic's messages.

    Args:
        code: the file.
        scope: where the subscription is made.
        topic: the topic, when the subscription has several; code that serves another one does not count.
    """
    only = topic if isinstance(topic, Lit | Name) and not is_local(topic, scope) else None
    near = [s for s in code.scopes if s.sort in ("function", "method") and _together(code, scope, s)]
    for candidate in (scope, *near):
        found = message_reads(code, candidate, only)
        if found.paths or found.named or found.escaped:
            return candidate.name, found.all()
    return "", None


def _together(code: PyCode, scope: Scope, other: Scope) -> bool:
    """Whether one function may handle what another one subscribes to: a class's methods, or one names the other."""
    if other is scope or other.owner != scope.owner:
        return False
    if scope.owner or scope.sort == "module":
        return True
    mine, theirs = scope.name.rsplit(".", 1)[-1], other.name.rsplit(".", 1)[-1]
    return theirs in _words(code, scope) or mine in _words(code, other)


def _words(code: PyCode, scope: Scope) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", code.text(scope.node)))


def subscribed(topic: Value, site: CallSite, handler: str) -> dict[str, object]:
    """Who handles the messages of a subscription: the symbol a topic is read in comes first when it is local there.

    Args:
        topic: what is subscribed to.
        site: where.
        handler: the function that handles messages, empty when it is the subscribing one.
    """
    if not handler or handler == site.scope.name:
        return {"symbol": site.scope.name}
    if is_local(topic, site.scope):
        return {"symbol": site.scope.name, "handler": handler}
    return {"symbol": handler}


def message_reads(code: PyCode, scope: Scope, topic: Value | None = None) -> Reads:
    """Fields of a decoded message that a function reads.

    Args:
        code: the file.
        scope: the function.
        topic: only of this topic's messages, None for every one.
    """
    deserialized = b"deserializer" in code.data

    def is_source(node: Node) -> bool:
        if node.type == "call":
            site = code.site(node)
            if site is None or site.node.id != node.id:
                return False
            if site.method in _LOADS or "deserializ" in site.method.lower():
                return bool(site.args) and is_body(code, site.args[0])
            return site.method == "value" and not site.args and _parsed_by_model(code, node)
        if node.type != "attribute" or code.text(node.child_by_field_name("attribute")) != "value":
            return False
        called = node.parent is not None and node.parent.type == "call"
        return not called and (deserialized or _parsed_by_model(code, node))

    marks = (*_LOADS, *_deserializers(code), "value")
    found = reads(code, scope, Payload(is_source, marks, where=serving(code, topic) if topic is not None else None))
    found.named = found.named or _parsed_proto(code, scope)
    return found


def _parsed_proto(code: PyCode, scope: Scope) -> str:
    """``order.ParseFromString(msg.value)``: the message's class, as this file names it."""
    for site in code.called("ParseFromString", "MergeFromString", "FromString"):
        if site.scope is not scope or site.receiver is None or not site.args or not is_body(code, site.args[0]):
            continue
        if site.method == "FromString":
            return code.dotted(site.receiver)
        made = code.made_of(code.dotted(site.receiver), scope)
        if made is not None:
            return made.dotted
    return ""


def _deserializers(code: PyCode) -> tuple[str, ...]:
    if b"eserializ" not in code.data:
        return ()
    return tuple({s.method for s in code.calls if "deserializ" in s.method.lower()})


def _parsed_by_model(code: PyCode, node: Node) -> bool:
    """``Order.model_validate_json(message.value())``."""
    call = node.parent.parent if node.parent is not None else None
    site = code.site(call) if call is not None and call.type == "call" else None
    return site is not None and site.method in JSON_MODELS


def is_body(code: PyCode, node: Node) -> bool:
    """Whether an expression is a message's raw body: ``msg.value()``, ``message.body.decode()``, ``message["data"]``.

    Args:
        code: the file.
        node: expression.
    """
    for _ in range(MAX_DEPTH):
        site = code.site(node) if node.type in ("call", "await") else None
        if site is not None and site.receiver is not None and site.method in ("decode", "tobytes", "strip"):
            node = site.receiver
        elif site is not None:
            return site.method in _BODIES
        elif node.type == "attribute":
            return code.text(node.child_by_field_name("attribute")) in _BODIES
        elif node.type == "subscript":
            return code.string(node.child_by_field_name("subscript")).strip("b'\"") in _BODIES
        else:
            return code.text(node) in _BODIES
    return False


def handler_reads(code: PyCode, scope: Scope, *, typed: bool = True) -> Shape | None:
    """The fields a callback reads of its message: its first parameter's type, or what it decodes and reads.

    Args:
        code: the file.
        scope: the callback.
        typed: the library decodes messages into the declared type of the first parameter.
    """
    from scanners.idioms.python import parameters

    names = [(n, p) for n, p in parameters(code, scope) if n not in ("self", "cls")]
    if typed and names:
        declared = annotation(code, names[0][1].child_by_field_name("type"))
        if declared.named or declared.item is not None:
            return declared
        return reads(code, scope, Payload(lambda _: False, (), {names[0][0]: ()})).all()

    def is_source(node: Node) -> bool:
        site = code.site(node) if node.type == "call" else None
        return site is not None and site.node.id == node.id and site.method in _LOADS

    return reads(code, scope, Payload(is_source, _LOADS)).all()


def serving(code: PyCode, topic: Value) -> Callable[[Node], bool]:
    """Whether code serves a topic, as far as ``if msg.topic == "orders":`` around it says.

    Args:
        code: the file.
        topic: the topic.
    """

    def serves(node: Node) -> bool:
        inner, outer = node, node.parent
        for _ in range(MAX_DEPTH):
            if outer is None or outer.type in ("function_definition", "module"):
                return True
            asked = _asked(code, outer)
            if asked is not None:
                taken = outer.child_by_field_name("consequence")
                if inner.id == (taken.id if taken is not None else -1):
                    return topic in asked
                if topic in asked and outer.type == "if_statement" and not _is_condition(inner, outer):
                    return False
            inner, outer = outer, outer.parent
        return True

    return serves


def _is_condition(node: Node, around: Node) -> bool:
    condition = around.child_by_field_name("condition")
    return condition is not None and condition.id == node.id


def _asked(code: PyCode, node: Node) -> list[Value] | None:
    """The topics a branch is for, None when it asks for something else."""
    if node.type == "case_clause":
        subject = node.parent.parent if node.parent is not None else None
        if subject is None or not _is_topic(code, subject.child_by_field_name("subject")):
            return None
        return [Lit(t) for n in node.named_children if (t := _pattern(code, n))]
    condition = node.child_by_field_name("condition") if node.type in _CHOICES else None
    if condition is None or condition.type != "comparison_operator" or condition.named_child_count != 2:
        return None
    left, right = condition.named_children
    text = code.text(condition)
    if "!=" in text or " not in " in text:
        return None
    if _is_topic(code, right):
        left, right = right, left
    if not _is_topic(code, left):
        return None
    scope = code.scope_at(node.start_byte)
    values = [code.value(n, scope) for n in listed(code, right, scope)]
    return [v for v in values if not isinstance(v, Unknown)] or None


def _pattern(code: PyCode, node: Node) -> str:
    return code.string(node.named_children[0]) if node.type == "case_pattern" and node.named_child_count else ""


def _is_topic(code: PyCode, node: Node | None) -> bool:
    text = code.text(node)
    return text.endswith(_TOPICS) and (node is None or node.type != "string")
