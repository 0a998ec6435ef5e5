"""What reading an expression has in common in every language: a reader for each kind of node, and texts joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

from graph.values import Concat, Lit, Unknown, Value
from scanners.idioms.code import MAX_DEPTH, Scope

if TYPE_CHECKING:
    from tree_sitter import Node

Code_contra = TypeVar("Code_contra", contravariant=True)


class Reads(Protocol[Code_contra]):
    """The Value of an expression.

    Args:
        code: the file.
        node: expression, None for one that is not there.
        scope: where it is.
        depth: how deep in the expression we are.
    """

    def __call__(self, code: Code_contra, node: Node | None, scope: Scope, depth: int = 0) -> Value: ...


def by_kind(
    language: str, readers: Mapping[str, Callable[[Code_contra, Node, Scope, int], Value]]
) -> Reads[Code_contra]:
    """Reads an expression by the reader of its node's kind; what no reader knows is unknown and says what it was.

    Args:
        language: with its article, for people.
        readers: kind of node to its reader.
    """

    def value(code: Code_contra, node: Node | None, scope: Scope, depth: int = 0) -> Value:
        if node is None:
            return Unknown("nothing given")
        if depth > MAX_DEPTH:
            return Unknown("expression too deep")
        reader = readers.get(node.type)
        return reader(code, node, scope, depth + 1) if reader else Unknown(f"{language} {node.type.replace('_', ' ')}")

    return value


def concat(parts: Iterable[Value]) -> Value:
    """Values written one after the other, neighbouring texts joined.

    Args:
        parts: in order.
    """
    out: list[Value] = []
    for part in parts:
        for piece in part.parts if isinstance(part, Concat) else (part,):
            last = out[-1] if out else None
            if isinstance(last, Lit) and isinstance(piece, Lit) and isinstance(last.value, str):
                out[-1] = Lit(f"{last.value}{piece.value}")
            elif piece != Lit(""):
                out.append(piece)
    if not out:
        return Lit("")
    return out[0] if len(out) == 1 else Concat(tuple(out))
