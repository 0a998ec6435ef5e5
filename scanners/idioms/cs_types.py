"""C# types as written: a name and its type arguments, with what wraps a value taken off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanners.idioms.cs_noise import words

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_noise import words
from scanners.idioms.code import Code

_DEEPEST = 12
_WRAPPERS = words(
    """Task ValueTask ActionResult Nullable Lazy IOptions IOptionsSnapshot IOptionsMonitor Func Ok Created
    CreatedAtRoute Accepted JsonHttpResult ApiResponse IApiResponse Result Results Response ConsumeContext"""
)
LISTS = words(
    """IEnumerable List IList ICollection IReadOnlyList IReadOnlyCollection IQueryable HashSet ISet IAsyncEnumerable
    Collection ObservableCollection ImmutableList ImmutableArray Array Queue Stack"""
)
MAPS = words("""Dictionary IDictionary IReadOnlyDictionary ConcurrentDictionary ImmutableDictionary SortedDictionary""")


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A type as written.

    Args:
        name: dotted, without type arguments.
        args: type arguments.
        nullable: ``T?``.
        array: ``T[]``.
    """

    name: str
    args: tuple[TypeRef, ...] = ()
    nullable: bool = False
    array: bool = False

    @property
    def short(self) -> str:
        """Last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def inner(self) -> TypeRef:
        """The type inside wrappers such as ``Task<ActionResult<T>>``."""
        ref = self
        for _ in range(_DEEPEST):
            if ref.short not in _WRAPPERS or not ref.args or ref.array:
                return ref
            ref = ref.args[-1] if ref.short == "Func" else ref.args[0]
        return ref

    @property
    def item(self) -> TypeRef | None:
        """The item type of a list or array, None for anything else."""
        if self.array:
            return TypeRef(self.name, self.args)
        if self.short in LISTS and self.args:
            return self.args[0]
        return None

    @property
    def text(self) -> str:
        """As written in C#."""
        args = f"<{', '.join(a.text for a in self.args)}>" if self.args else ""
        return f"{self.name}{args}{'[]' if self.array else ''}"

    def names(self) -> Iterator[str]:
        """Every type name in it, outer first."""
        yield self.name
        for arg in self.args:
            yield from arg.names()


def child(node: Node, kind: str) -> Node | None:
    """The first child of a kind, None without one.

    Args:
        node: any node.
        kind: node type.
    """
    return next((c for c in node.named_children if c.type == kind), None)


def type_ref(code: Code, node: Node | None, depth: int = 0) -> TypeRef | None:
    """The type a node names, None when it names none (``var``, tuples, pointers).

    Args:
        code: the file.
        node: a type.
        depth: how deep we are.
    """
    if node is None or depth > _DEEPEST:
        return None
    kind = node.type
    if kind in ("identifier", "predefined_type"):
        return TypeRef(code.text(node).removeprefix("@"))
    if kind == "generic_name":
        listed = node.named_children[-1]
        args = [type_ref(code, c, depth + 1) or TypeRef("object") for c in listed.named_children]
        return TypeRef(code.text(node.named_children[0]), tuple(args))
    if kind in ("qualified_name", "alias_qualified_name"):
        return _qualified(code, node, depth)
    if kind in ("nullable_type", "array_type", "ref_type", "scoped_type"):
        inner = type_ref(code, node.child_by_field_name("type") or node.named_children[0], depth + 1)
        if inner is None:
            return None
        if kind == "array_type":
            return TypeRef(inner.name, inner.args, inner.nullable, array=True)
        return TypeRef(inner.name, inner.args, inner.nullable or kind == "nullable_type", inner.array)
    return None


def _qualified(code: Code, node: Node, depth: int) -> TypeRef | None:
    last = type_ref(code, node.child_by_field_name("name"), depth + 1)
    first = node.child_by_field_name("qualifier") or node.child_by_field_name("alias")
    if last is None:
        return None
    outer = type_ref(code, first, depth + 1) if first is not None else None
    if outer is None or outer.name == "global":
        return last
    return TypeRef(f"{outer.name}.{last.name}", last.args)
