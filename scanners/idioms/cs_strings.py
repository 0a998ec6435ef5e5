"""C# string literals: plain, verbatim and raw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import Lit, Value
from scanners.idioms.code import Scope

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def literal(code: CsCode, node: Node, scope: Scope | None = None, depth: int = 0) -> Value:
    """The Value of a plain string literal.

    Args:
        code: the file.
        node: the literal.
        scope: unused; every reader takes one.
        depth: unused.
    """
    text = code.text(node)
    if node.type == "verbatim_string_literal":
        return Lit(text[2:-1].replace('""', '"'))
    if node.type == "raw_string_literal":
        return Lit(_dedented(text.removesuffix("u8").strip('"')))
    parts = [
        escaped(code.text(child)) if child.type == "escape_sequence" else code.text(child)
        for child in node.named_children
        if child.type in ("string_literal_content", "escape_sequence")
    ]
    return Lit("".join(parts))


def _dedented(text: str) -> str:
    lines = text.split("\n")
    if len(lines) < 3:
        return text
    margin = len(lines[-1]) if not lines[-1].strip() else 0
    return "\n".join(line[margin:] if not line[:margin].strip() else line for line in lines[1:-1])


def escaped(text: str) -> str:
    """The character an escape sequence stands for.

    Args:
        text: as written.
    """
    if text[1:2] in ("u", "x", "U"):
        try:
            return chr(int(text[2:], 16))
        except (ValueError, OverflowError):
            return "\ufffd"
    return _ESCAPES.get(text[1:], text[1:])
