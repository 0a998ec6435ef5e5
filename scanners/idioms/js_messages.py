"""Messages in JavaScript: publish and consume facts, the handler of a subscription, and the fields it reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Concat, Fact, Lit, Location, Shape, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.js_reads import Payload, reads
from scanners.idioms.js_shapes import annotation
from scanners.idioms.reading import Reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_INLINE = ("arrow_function", "function_expression", "function", "method_definition")
_CONTENT = ("value", "content", "data", "body", "message", "payload", "msg", "string", "Body", "text")
_DECODER = re.compile(r"(?i)(safe|json|from|to)?_?(parse|decode|deseriali[sz]e|unpack|read|json)")
_DECODERS = ("parse", "decode", "json", "deserialize", "deserializeObject", "fromBinary", "unpack", "parseMessage")
_SERIALIZERS = ("from", "stringify", "encode", "serialize", "alloc", "toString", "serializeObject")


def said(
    site: CallSite, code: JsCode, sort: tuple[str, str], about: tuple[Value, Shape | None], symbol: str = ""
) -> Fact:
    """A publish or consume fact.

    Args:
        site: the call.
        code: the file.
        sort: kind and broker.
        about: topic and payload.
        symbol: who handles it, where the call stands when empty.
    """
    kind, broker = sort
    topic, shape = about
    fields: dict[str, object] = {"broker": broker, "topic": topic, "symbol": site.scope.name}
    if symbol and symbol != site.scope.name and kind == "consume":
        fields["handler"] = symbol
    if shape is not None and (shape.fields or shape.named or shape.item is not None):
        fields["shape"] = shape
    return Fact(kind, fields, Location(code.path, site.line))


def sent(code: JsCode, node: Node | None, scope: Scope) -> Shape:
    """The payload behind ``Buffer.from(JSON.stringify(x))`` and the like, through names of this file.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    for _ in range(6):
        if node is None:
            return ANYTHING
        site = code.site(node)
        if site is not None and site.method in _SERIALIZERS and site.node.type == "call_expression":
            inner = site.args[0] if site.args else site.receiver
            if inner is None or inner.type in ("string", "number"):
                return ANYTHING
            node = inner
            continue
        if node.type == "identifier":
            made = _made(code, code.text(node), scope)
            if made is not None:
                node = made
                continue
        return code.shape(node, scope)
    return ANYTHING


def _made(code: JsCode, name: str, scope: Scope) -> Node | None:
    """The serialising call a name is bound to."""
    for outer in scope.outward():
        for assign in reversed(code.assigned(outer, name)):
            site = code.site(assign.value) if assign.value is not None and not assign.key else None
            if site is not None and site.method in _SERIALIZERS:
                return site.node
    return None


def function_of(code: JsCode, node: Node | None, scope: Scope) -> tuple[str, Node | None]:
    """The symbol and node of a callback: written in place, or a function of this file by name.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    if node is None:
        return "", None
    inline = next((s for s in code.scopes if s.node.id == node.id), None)
    if inline is not None:
        return inline.name, node
    if node.type in _INLINE:
        return scope.name, node
    site = code.site(node)
    if site is not None and site.method == "bind" and site.receiver is not None:
        return function_of(code, site.receiver, scope)
    dotted = code.dotted(node)
    name = f"{scope.owner}.{dotted[5:]}" if dotted.startswith("this.") and scope.owner else dotted
    for outer in scope.outward() if name else ():
        found = code.scope(f"{outer.name}.{name}" if outer.name and "." not in name else name)
        if found is not None:
            return found.name, found.node
    return dotted, None


def handled(code: JsCode, function: Node | None, *, decoded: bool = False) -> Shape | None:
    """The fields of a message that its handler reads, or the type it takes it as.

    Args:
        code: the file.
        function: the handler.
        decoded: it is given the payload itself, not a raw message.
    """
    if function is None:
        return None
    span = (function.start_byte, function.end_byte)
    if decoded:
        first = next(iter(_parameters(code, function)), None)
        if first is None:
            return None
        declared = annotation(code, first.child_by_field_name("type"))
        if declared.named or declared.fields:
            return declared
        return _of_parameter(code, first, span)
    return decoded_reads(code, span)


def _parameters(code: JsCode, function: Node) -> Iterable[Node]:
    from scanners.idioms.js_scopes import parameters

    return [node for _, node in parameters(code, function)]


def _of_parameter(code: JsCode, node: Node, span: tuple[int, int]) -> Shape | None:
    from scanners.idioms.js_reads import names_of

    pattern = node.child_by_field_name("pattern") or node
    names = dict(names_of(code, pattern))
    paths: dict[str, tuple[str, ...]] = {name: ((key,) if key else ()) for name, key in names.items()}
    found = reads(code, Payload(lambda _: False, (), paths, span))
    whole = Reads()
    for key in names.values():
        if key:
            whole.add((key,))
    whole.merge(found)
    return whole.all()


def decoded_reads(code: JsCode, span: tuple[int, int]) -> Shape | None:
    """Fields read of what is decoded from a message in a piece of code; the declared type when there is one.

    Args:
        code: the file.
        span: its bytes.
    """

    def is_source(node: Node) -> bool:
        site = code.site(node) if node.type == "call_expression" else None
        if site is None or site.method not in _DECODERS:
            return False
        text = code.text(site.args[0] if site.args else site.receiver)
        return any(word in text for word in _CONTENT)

    start, end = span
    for site in code.calls_within(start, end):
        given = _type_given(code, site)
        if given is not None:
            return given
    for assign in code.assigns_within(start, end):
        if assign.value is not None and not assign.key:
            declared = _declared(code, assign.annotation, assign.value, is_source)
            if declared is not None:
                return declared
    return reads(code, Payload(is_source, _DECODERS, span=span)).all()


def _type_given(code: JsCode, site: CallSite) -> Shape | None:
    """``parse<OrderPlaced>(message.value)``: a decoder that is told the type it gives."""
    listed = site.node.child_by_field_name("type_arguments")
    if listed is None or listed.named_child_count != 1 or not _DECODER.match(site.method) or not site.args:
        return None
    shape = annotation(code, listed.named_children[0])
    carried = any(word in code.text(site.args[0]) for word in _CONTENT)
    return shape if carried and (shape.named or shape.fields) else None


def _declared(code: JsCode, annotated: Node | None, value: Node, is_source: object) -> Shape | None:
    """``const event: OrderCreated = JSON.parse(...)`` and ``JSON.parse(...) as OrderCreated``."""
    inner = value.named_children[0] if value.type == "as_expression" and value.named_child_count else value
    if not callable(is_source) or not is_source(inner):
        return None
    shape = annotation(code, annotated)
    if value.type == "as_expression":
        shape = annotation(code, value.named_children[-1])
    return shape if shape.named or shape.fields else None


def branches(code: JsCode, function: Node, topics: Sequence[str]) -> dict[str, tuple[int, int]]:
    """The part of a handler of several topics that is for one of them, by the text of the topic in a condition.

    Args:
        code: the file.
        function: the handler.
        topics: texts of topic expressions, as written.
    """
    found: dict[str, tuple[int, int]] = {}
    for topic in topics:
        wanted = topic.encode()
        at = code.data.find(wanted, function.start_byte, function.end_byte)
        while at >= 0 and topic not in found:
            node: Node | None = code.root.descendant_for_byte_range(at, at + len(wanted))
            for _ in range(8):
                if node is None or node.id == function.id:
                    break
                if node.type in ("switch_case", "if_statement"):
                    inner = node.child_by_field_name("consequence") or node
                    found[topic] = (inner.start_byte, inner.end_byte)
                    break
                node = node.parent
            at = code.data.find(wanted, at + 1, function.end_byte)
    return found


def last_part(value: Value, separator: str) -> Value:
    """The name at the end of a URL or ARN; values that are put together keep their last literal part.

    Args:
        value: as the code wrote it.
        separator: in front of the name.
    """
    if isinstance(value, Lit) and isinstance(value.value, str):
        return Lit(value.value.rstrip("/").rsplit(separator, 1)[-1])
    if isinstance(value, Concat):
        for index in range(len(value.parts) - 1, -1, -1):
            part = value.parts[index]
            if isinstance(part, Lit) and isinstance(part.value, str) and separator in part.value:
                rest = part.value.rsplit(separator, 1)[-1]
                kept = (*((Lit(rest),) if rest else ()), *value.parts[index + 1 :])
                return kept[0] if len(kept) == 1 else Concat(kept)
    return value
