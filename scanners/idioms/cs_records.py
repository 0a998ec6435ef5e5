"""What a C# file declares, as packs see it: attributes, fields, properties and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_types import TypeRef


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """``[HttpGet("{id}", Name = "get")]``.

    Args:
        name: without ``Attribute`` and namespace.
        args: positional arguments.
        named: keyword arguments.
        node: the attribute.
        of: type arguments.
    """

    name: str
    args: tuple[Node, ...]
    named: Mapping[str, Node]
    node: Node
    of: tuple[TypeRef, ...] = ()

    def arg(self, index: int, *names: str) -> Node | None:
        """The argument at a position or under one of the names, None when it is not given.

        Args:
            index: position, negative for keyword-only.
            names: keywords.
        """
        for name in names:
            if name in self.named:
                return self.named[name]
        return self.args[index] if 0 <= index < len(self.args) else None


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """A parameter, field or property.

    Args:
        name: as written.
        type: its type, None when it is inferred.
        node: its declaration.
        value: initial value or default, None without one.
        modifiers: ``required``, ``static``, ``this``...
        sort: param, field or property.
    """

    name: str
    type: TypeRef | None
    node: Node
    value: Node | None
    modifiers: frozenset[str]
    sort: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Nodes of a file that are kept for digests and packs.

    Args:
        usings: using directives.
        comments: comments.
        strings: string literals.
        elements: ``x[y]``.
        throws: throw statements.
        namespaces: names of the file's namespaces.
    """

    usings: list[Node] = field(default_factory=list)
    comments: list[Node] = field(default_factory=list)
    strings: list[Node] = field(default_factory=list)
    elements: list[Node] = field(default_factory=list)
    throws: list[Node] = field(default_factory=list)
    namespaces: list[Node] = field(default_factory=list)
