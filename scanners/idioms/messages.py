"""Message consumers in Python: lists of topics, the function that handles messages, and the fields it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import Shape
from scanners.idioms.code import Scope
from scanners.idioms.python_reads import Payload, reads
from scanners.idioms.reading import Reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_LOADS = ("loads", "model_validate_json", "parse_raw", "decode_event")


def listed(code: PyCode, node: Node | None, scope: Scope) -> list[Node]:
    """Items of a list expression, through one name of this file; the expression itself when it is no list.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    if node is None:
        return []
    if node.type in ("list", "tuple", "set"):
        return list(node.named_children)
    dotted = code.dotted(node)
    for assign in code.assigns:
        made = assign.value
        if (
            dotted
            and made is not None
            and made.type in ("list", "tuple")
            and assign.scope.qualify(assign.target) in {outer.qualify(dotted) for outer in scope.outward()}
        ):
            return list(made.named_children)
    return [node]


def consumed(code: PyCode, scope: Scope) -> tuple[str, Shape | None]:
    """The function that decodes messages for a subscription, and the fields it reads.

    Args:
        code: the file.
        scope: where the subscription is made.
    """
    owner = scope.owner
    candidates = [scope, *(s for s in code.scopes if s is not scope and s.sort in ("function", "method"))]
    candidates.sort(key=lambda s: (s is not scope, s.owner != owner))
    for candidate in candidates:
        found = message_reads(code, candidate)
        if found.paths or found.named or found.escaped:
            return candidate.name, found.all()
    return "", None


def message_reads(code: PyCode, scope: Scope) -> Reads:
    """Fields of a decoded message that a function reads.

    Args:
        code: the file.
        scope: the function.
    """
    deserialized = b"deserializer" in code.data

    def is_source(node: Node) -> bool:
        if node.type == "call":
            site = code.site(node)
            return site is not None and site.method in _LOADS and "value" in code.text(node)
        if node.type != "attribute" or not deserialized:
            return False
        return code.text(node.child_by_field_name("attribute")) == "value"

    return reads(code, scope, Payload(is_source, (*_LOADS, "value")))
