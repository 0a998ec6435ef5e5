"""Decorators of classes, methods, properties and parameters, which frameworks read as registrations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanners.idioms.code import Scope

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

FIELDS = ("public_field_definition", "field_definition")
_PARAMETERS = ("required_parameter", "optional_parameter")
_MEMBERS = ("method_definition", "abstract_method_signature", *FIELDS)
_CLASSES = ("class_declaration", "abstract_class_declaration", "class")
_APART = ("decorator", "comment")


@dataclass(frozen=True, slots=True, eq=False)
class Decorator:
    """One decorator.

    Args:
        name: last part of what is called, ``Get``.
        origin: the same through imports, ``@nestjs/common.Get``.
        args: its arguments.
        node: the decorator.
        scope: the class or method it stands at; the class for a property, the method for a parameter.
        target: name of the decorated property or parameter, else empty.
        declared: node of the decorated property or parameter, None for a class or method.
    """

    name: str
    origin: str
    args: Sequence[Node]
    node: Node
    scope: Scope
    target: str = ""
    declared: Node | None = None

    @property
    def line(self) -> int:
        """1-based line."""
        return int(self.node.start_point[0]) + 1


def decorated(node: Node) -> Node | None:
    """The class, method, property or parameter a decorator belongs to.

    Args:
        node: a decorator.
    """
    parent = node.parent
    if parent is None:
        return None
    if parent.type == "export_statement":
        return parent.child_by_field_name("declaration") or parent.child_by_field_name("value")
    if parent.type == "class_body":
        following = node.next_named_sibling
        while following is not None and following.type in _APART:
            following = following.next_named_sibling
        return following
    return parent


def opening(node: Node) -> Node | None:
    """Where the text of a class or method starts when decorators or the word export stand before its node.

    Args:
        node: a class or method.
    """
    parent = node.parent
    if parent is None:
        return None
    if node.type in _CLASSES:
        return parent if parent.type == "export_statement" else None
    first = None
    before = node.prev_named_sibling if parent.type == "class_body" else None
    while before is not None and before.type in _APART:
        first = before if before.type == "decorator" else first
        before = before.prev_named_sibling
    return first


def decorators(code: JsCode, nodes: Sequence[Node]) -> Iterator[Decorator]:
    """Every decorator of a file, in source order; marks what it decorates.

    Args:
        code: the file, with its scopes.
        nodes: decorator nodes.
    """
    scopes = {scope.node.id: scope for scope in code.scopes[1:]} if nodes else {}
    for node in nodes:
        owner = decorated(node)
        inner = node.named_children[0] if node.named_child_count else None
        if owner is None or inner is None:
            continue
        site = code.site(inner)
        dotted = site.dotted if site is not None else code.dotted(inner)
        name = dotted.rpartition(".")[2]
        about = (name, code.origin(dotted), site.args if site is not None else (), node)
        scope = scopes.get(owner.id)
        if scope is not None:
            scope.decorated = True
            yield Decorator(*about, scope)
        elif owner.type in (*_MEMBERS, *_PARAMETERS):
            within = code.scope_at(owner.start_byte)
            named = owner.child_by_field_name("name") or owner.child_by_field_name("property")
            named = named or owner.child_by_field_name("pattern")
            yield Decorator(*about, within, code.text(named), owner)
