"""Payloads that Go sends and receives as bytes: followed through json.Marshal, buffers, encoders and decoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import ANYTHING, Shape
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_reads import map_reads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_DEPTH = 6
_WRAPS = frozenset("NewBuffer NewBufferString NewReader []byte string StringEncoder ByteEncoder String".split())  # noqa: SIM905
_ENCODES = frozenset("Marshal MarshalIndent MustMarshal MarshalToString ToJSON ToJson EncodeJSON".split())  # noqa: SIM905
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
        return ANYTHING
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
            if a.value is not None and a.value.start_byte < node.start_byte and not a.key
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
        if site.node.start_byte <= after or site.method not in _DECODES or not site.args:
            continue
        read = map_reads(code, site.args[-1], site.scope)
        if read is not None:
            return read
        found = code.shape(site.args[-1], site.scope)
        return found if found.named or found.fields or found.item is not None else None
    return None
