"""Parts of a Java file that other languages lack: annotations with their arguments, fields and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scanners.idioms.code import Scope

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """An annotation.

    Args:
        name: last part of its name.
        full: its name through imports.
        args: arguments by name; a sole one is `value`.
        node: the annotation.
        scope: the annotated class or method, or the one that holds the annotated field or parameter.
        member: name of the annotated field or parameter, empty for the class or method itself.
    """

    name: str
    full: str
    args: Mapping[str, Node]
    node: Node
    scope: Scope
    member: str = ""

    def arg(self, *names: str) -> Node | None:
        """The argument under the first of the names that is given.

        Args:
            names: of arguments.
        """
        return next((self.args[n] for n in names if n in self.args), None)


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A field, record component, enum constant or parameter.

    Args:
        name: its name.
        type: its declared type, None for an enum constant.
        value: what it starts with, or None.
        scope: the class, or the method of a parameter.
        node: its declaration.
        static: it belongs to the class.
        final: it is never assigned again.
        transient: it is not part of the object's data.
        marks: its annotations.
    """

    name: str
    type: Node | None
    value: Node | None
    scope: Scope
    node: Node
    static: bool = False
    final: bool = False
    transient: bool = False
    marks: tuple[Mark, ...] = ()

    def mark(self, *names: str) -> Mark | None:
        """Its first annotation of one of the names.

        Args:
            names: last parts of annotation names.
        """
        return next((m for m in self.marks if m.name in names), None)


@dataclass(slots=True, eq=False)
class Found:
    """What the query found, by capture.

    Args:
        nodes: in source order.
    """

    nodes: Mapping[str, list[Node]] = field(default_factory=dict)

    def of(self, *names: str) -> list[Node]:
        """Nodes of some captures.

        Args:
            names: of captures.
        """
        return [n for name in names for n in self.nodes.get(name, ())]
