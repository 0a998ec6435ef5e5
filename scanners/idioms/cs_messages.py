"""Messages in C#: the payload that is sent, the type a handler reads, and topics named after types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Call, Lit, Member, Name, Param, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_noise import words
from scanners.idioms.cs_reads import result_reads, untyped
from scanners.idioms.cs_shapes import of_ref
from scanners.idioms.cs_types import TypeRef
from scanners.idioms.cs_values import named

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_DECODES = re.compile(r"^(Deserialize\w*|ToObject\w*|FromJson|ToObjectFromJson|ReadFromJson\w*|DeserializeMessage)$")
_ENCODES = re.compile(r"^(Serialize\w*|GetBytes|ToJson|FromObjectAsJson|SerializeToUtf8Bytes|ToUtf8Bytes)$")
_OPAQUE = words("IntegrationEvent object T TMessage TEvent IEvent INotification IMessage byte string")
_DEEP = 6


def sent(code: CsCode, node: Node | None, site: CallSite) -> Shape:
    """The payload behind a message's bytes, through names of this file.

    Args:
        code: the file.
        node: what is sent.
        site: where.
    """
    return _sent(code, node, site.scope, _DEEP)


def _sent(code: CsCode, node: Node | None, scope: Scope, depth: int) -> Shape:
    from scanners.idioms.cs_code import bare

    inner = bare(node)
    if inner is None or depth <= 0:
        return ANYTHING
    site = code.site(inner)
    if (
        site is not None
        and site.args
        and (_ENCODES.match(site.method) or site.node.type.endswith("creation_expression"))
    ):
        known = code.shape(inner, scope) if not _ENCODES.match(site.method) else ANYTHING
        if known.type == "object" and known.named.rpartition(".")[2] not in _CONTENTS:
            return _unless_generic(code, known, scope)
        return _sent(code, site.args[0], scope, depth - 1)
    dotted = code.dotted(inner)
    ref = code.ref_of(dotted, scope) if dotted else None
    if ref is not None and ref.short not in (*_CONTENTS, "byte", "string", "String", "Byte"):
        return _unless_generic(code, of_ref(ref), scope)
    for outer in scope.outward():
        for assign in reversed(code.assigned(outer, dotted) if dotted else []):
            if assign.value is not None and not assign.key:
                return _sent(code, assign.value, outer, depth - 1)
    shape = code.shape(inner, scope)
    return _unless_generic(code, shape, scope) if shape.type == "object" else ANYTHING


_CONTENTS = words("ServiceBusMessage EventData BinaryData ReadOnlyMemory Message OutboxMessage")


def _unless_generic(code: CsCode, shape: Shape, scope: Scope) -> Shape:
    """The shape, unless it is a type parameter or a base type that says nothing of what is sent."""
    if any(shape.named in code.generics.get(outer.name, ()) for outer in scope.outward()):
        return ANYTHING
    return ANYTHING if shape.named in _OPAQUE else shape


def handled(code: CsCode, span: tuple[int, int]) -> Shape | None:
    """The type a message is decoded into in a part of the file, None when it is not said.

    Args:
        code: the file.
        span: bytes of the handler.
    """
    for site in code.calls:
        if span[0] <= site.node.start_byte < span[1] and untyped(code, site):
            return result_reads(code, site)
        if span[0] <= site.node.start_byte < span[1] and _DECODES.match(site.method):
            types = code.type_args(site)
            generic = {n for outer in site.scope.outward() for n in code.generics.get(outer.name, ())}
            if types and types[0].name not in generic:
                shape = of_ref(types[0])
                return shape if shape != ANYTHING else None
    return None


def message_type(code: CsCode, site: CallSite) -> tuple[Value, Shape] | None:
    """The name of the type that is sent or subscribed to, as topic, with its shape; None when nothing says.

    Args:
        code: the file.
        site: ``Publish(message)``, ``Publish<T>(..)``, ``Subscribe<T>(..)``.
    """
    types = code.type_args(site)
    if types:
        return type_name(code, types[0], site.scope), of_ref(types[0])
    node = next((a for a in site.args if a.type != "lambda_expression"), None)
    return argument_type(code, node, site.scope)


def argument_type(code: CsCode, node: Node | None, scope: Scope) -> tuple[Value, Shape] | None:
    """The name of the type of an argument, with its shape; None when the file does not say.

    Args:
        code: the file.
        node: the argument.
        scope: where it is.
    """
    if node is None:
        return None
    ref = made_type(code, node, scope)
    if ref is not None:
        return type_name(code, ref, scope), of_ref(ref)
    value = code.value(node, scope)
    if isinstance(value, Param | Name | Call | Member):
        return Member(Call(Member(value, "GetType")), "Name"), ANYTHING
    return None


def made_type(code: CsCode, node: Node, scope: Scope) -> TypeRef | None:
    """The type of an expression: constructed in place, or declared.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    from scanners.idioms.cs_code import bare
    from scanners.idioms.cs_types import type_ref

    inner = bare(node)
    if inner is None:
        return None
    if inner.type == "object_creation_expression":
        return type_ref(code, inner.child_by_field_name("type"))
    if inner.type == "with_expression" and inner.named_child_count:
        return made_type(code, inner.named_children[0], scope)
    dotted = code.dotted(inner)
    ref = code.ref_of(dotted, scope) if dotted else None
    if ref is not None:
        return ref.inner
    site = code.site(inner)
    if site is not None and code.type_args(site) and site.method in ("Map", "Adapt", "MapTo", "ProjectTo"):
        return code.type_args(site)[-1]
    if site is not None:
        owner = code.type_of(code.dotted(site.receiver), scope) if site.receiver is not None else scope.owner
        found = code.refs.get(f"{owner}.{site.method}.return") if owner else None
        return found.inner if found is not None else None
    return None


def type_name(code: CsCode, ref: TypeRef, scope: Scope) -> Value:
    """The short name of a type as text; of a type parameter or base type what linking knows.

    Args:
        code: the file.
        ref: the type.
        scope: where it is written.
    """
    value = named(code, ref.name, scope) if "." not in ref.name else Name(ref.name)
    if isinstance(value, Param) and value.name.startswith("<"):
        return Member(Call(Name("typeof"), (value,)), "Name")
    if any(ref.name in code.generics.get(outer.name, ()) for outer in scope.outward()):
        return Unknown(f"the type parameter {ref.name} of a class")
    return Lit(ref.short)
