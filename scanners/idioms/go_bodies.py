"""Payloads that Go sends and receives as bytes: followed through json.Marshal, buffers, encoders and decoders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Shape
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_reads import map_reads
from scanners.idioms.go_shapes import type_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_DEPTH = 6
_WRAPS = frozenset("NewBuffer NewBufferString NewReader []byte string StringEncoder ByteEncoder String".split())  # noqa: SIM905
_ENCODES = frozenset("Marshal MarshalIndent MustMarshal MarshalToString ToJSON ToJson EncodeJSON".split())  # noqa: SIM905
_NAMED = re.compile(r"(?i)(must|try|json)?_?(un?marshal|decode|deseriali[sz]e|parse|bind|from_?json|read_?json)")
_ENCODER = re.compile(r"(?i)^(must|to|as)?_?(un)?(marshal|encode|seriali[sz]e|json|bytes)")
_DECODES = frozenset("Unmarshal Decode DecodeJSON UnmarshalFromString ReadJSON".split())  # noqa: SIM905


def sent(code: GoCode, node: Node | None, scope: Scope, depth: int = 0) -> Shape:
    """The shape of a payload given as bytes, a reader or a value.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        depth: how many steps were followed.
    """
    inner = bare(node)
    if inner is None or depth > _DEPTH or inner.type == "nil":
        return ANYTHING
    site = code.site(inner)
    if site is not None:
        if site.method in _ENCODES and site.args:
            return _whole(code.shape(site.args[0], scope))
        head = code.text(inner.child_by_field_name("function") or inner.child_by_field_name("type"))
        if (site.method in _WRAPS or head in _WRAPS) and site.args:
            return sent(code, site.args[0], scope, depth + 1)
        return sent(code, site.args[-1], scope, depth + 1) if _ENCODER.search(site.method) and site.args else ANYTHING
    dotted = code.dotted(inner)
    if inner.type != "identifier" or not dotted:
        found = code.shape(inner, scope)
        return _whole(found) if found.type in ("object", "array") else ANYTHING
    return _followed(code, dotted, inner, (scope, depth))


def _followed(code: GoCode, dotted: str, node: Node, about: tuple[Scope, int]) -> Shape:
    """A local name: what was encoded into it, else what it is."""
    scope, depth = about
    for outer in scope.outward():
        made = [
            a
            for a in code.assigned(outer, dotted)
            if a.value is not None and a.value.start_byte < node.start_byte and not a.key and a.how != "for"
        ]
        for assign in reversed(made):
            found = sent(code, assign.value, assign.scope, depth + 1)
            if found != ANYTHING:
                return found
        if made:
            break
    for site in code.calls:
        if site.scope is scope and site.method == "Encode" and site.args and dotted in code.text(site.receiver):
            return _whole(code.shape(site.args[0], scope))
    return _whole(code.shape(node, scope))


def _whole(shape: Shape) -> Shape:
    return shape if shape.fields or shape.named or shape.item is not None else ANYTHING


def decoded(code: GoCode, sites: Iterator[CallSite], after: int) -> Shape | None:
    """The type the first decoding after a place fills; None when nothing is decoded into a known type.

    Args:
        code: the file.
        sites: calls to look at.
        after: byte of the place.
    """
    for site in sites:
        if site.node.start_byte <= after or not site.args:
            continue
        given = _type_argument(site)
        if given is not None:
            return type_shape(code, given)
        if not _decodes(code, site):
            continue
        read = map_reads(code, site.args[-1], site.scope)
        if read is not None:
            return read
        found = code.shape(site.args[-1], site.scope)
        return found if found.named or found.fields or found.item is not None else None
    return None


def _decodes(code: GoCode, site: CallSite) -> bool:
    """A decoder of a library, or a function named like one that fills what it is given the address of."""
    if site.method in _DECODES:
        return True
    return _NAMED.match(site.method) is not None and code.text(site.args[-1]).startswith("&")


def _type_argument(site: CallSite) -> Node | None:
    """``decode[Order](raw)``: the type a generic function named like a decoder gives back."""
    if _NAMED.match(site.method) is None:
        return None
    kind = site.node.child_by_field_name("type") or site.node
    listed = kind.child_by_field_name("type_arguments")
    if listed is None or listed.named_child_count != 1:
        return None
    inner = listed.named_children[0]
    return inner.named_children[0] if inner.type == "type_elem" and inner.named_child_count else inner


def conversions(code: GoCode, span: tuple[int, int]) -> Iterator[CallSite]:
    """Calls with one argument and a type, ``decode[Order](raw)``: to the grammar they are conversions, no calls.

    Args:
        code: the file.
        span: bytes to look at.
    """
    for assign in code.assigns:
        inner = bare(assign.value)
        within = inner is not None and span[0] <= inner.start_byte < span[1]
        if within and inner is not None and inner.type == "type_conversion_expression":
            site = code.site(inner)
            if site is not None:
                yield site


def is_filled(code: GoCode, node: Node, site: CallSite) -> bool:
    """Whether an argument is the address of a local that has no value yet: what the called function fills.

    Args:
        code: the file.
        node: an argument.
        site: the call.
    """
    if node.type != "unary_expression" or not code.text(node).startswith("&"):
        return False
    name = code.dotted(node.child_by_field_name("operand"))
    made = [a for outer in site.scope.outward() for a in code.assigned(outer, name)] if name else []
    return bool(made) and all(a.value is None or code.text(a.value).endswith("{}") for a in made)


def filled(code: GoCode, site: CallSite) -> Shape | None:
    """What is read of what a call fills: ``c.do(ctx, "GET", path, nil, &page)``; None when it fills nothing.

    Args:
        code: the file.
        site: the call.
    """
    last = site.args[-1] if site.args else None
    if last is None or not is_filled(code, last, site) or site.method in _DECODES:
        return None
    read = map_reads(code, last, site.scope)
    found = read if read is not None else code.shape(last, site.scope)
    return found if found.named or found.fields or found.item is not None else None
