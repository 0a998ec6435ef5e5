"""Messages in Java: topics given as text, lists or placeholders, and what a listener method takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import ANYTHING, Choice, Shape, Value
from scanners.idioms.code import Scope
from scanners.idioms.java import bare, items
from scanners.idioms.java_noise import words
from scanners.idioms.java_reads import param_shape
from scanners.idioms.java_values import filled

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_ASIDE = words(
    """Acknowledgment Consumer MessageHeaders Channel Session Context String Long Integer int long byte boolean
    KafkaHeaders Headers MessageProperties Delivery TopicPartition DeliveryTag UUID RecordMetadata Object"""
)
_TEXTS = ("String", "byte", "Message", "Object")
_HEADERS = ("Header", "Headers", "Qualifier")
_LISTS = words(
    """Arrays.asList List.of Set.of Collections.singletonList Collections.singleton Collections.singletonSet
    Lists.newArrayList Sets.newHashSet ImmutableList.of Set.copyOf"""
)


def topic_values(code: JavaCode, node: Node, scope: Scope) -> list[Value]:
    """The topics an argument names: a text, placeholders read, or one of several.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    value = filled(code.value(node, scope))
    return list(value.options) if isinstance(value, Choice) else [value]


def listed_topics(code: JavaCode, node: Node | None, scope: Scope) -> list[Value]:
    """The topics of a list expression, through one name of this file.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    inner = bare(node)
    if inner is None:
        return []
    site = code.site(inner)
    if site is not None and site.dotted in _LISTS:
        return [v for arg in site.args for v in topic_values(code, arg, scope)]
    elements = items(inner)
    if len(elements) != 1 or elements[0].id != inner.id:
        return [v for element in elements for v in topic_values(code, element, scope)]
    dotted = code.dotted(inner)
    made = code.made_of(dotted, scope) if dotted else None
    if made is not None and made.dotted in _LISTS:
        return [v for arg in made.args for v in topic_values(code, arg, made.scope)]
    return topic_values(code, inner, scope)


def handler_shape(code: JavaCode, handler: Scope) -> Shape:
    """The payload a listener method takes: its annotated parameter, else the first that is no plumbing.

    Args:
        code: the file.
        handler: the method.
    """
    params = code.params.get(handler.name, ())
    marked = [p for p in params if p.mark("Payload", "Body") is not None]
    plain = [p for p in params if p.mark(*_HEADERS) is None]
    typed = [p for p in plain if code.type_text(p.type).rsplit(".", 1)[-1] not in _ASIDE]
    texts = [p for p in plain if code.type_text(p.type).rsplit(".", 1)[-1] in _TEXTS]
    for param in (*marked, *typed, *texts)[:1]:
        return param_shape(code, handler, param.name, param.type) or ANYTHING
    return ANYTHING
