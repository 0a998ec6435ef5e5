"""From a character of a scalar's value back to the character of the file that wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testmesh.guard.yaml_nodes import ScalarNode

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_FOLD = re.compile(r"[ \t]*\r?\n\s*")


def written_at(node: ScalarNode, offset: int) -> int:
    """Index in the source of a character of the value.

    Args:
        node: the scalar.
        offset: index into its text.
    """
    start, end = node.span
    text = node.source.text
    if node.style in ("|", ">"):
        return _in_block(node, offset)
    if node.style in ("'", '"'):
        start, end = start + 1, end - 1
    raw = text[start:end]
    if raw == node.text:
        return start + offset
    return _walk(list(_pieces(raw, node.style)), offset, start)


def _walk(pieces: list[tuple[int, int]], offset: int, start: int) -> int:
    seen = 0
    for at, produced in pieces:
        if offset < seen + produced:
            return start + at + (offset - seen if produced > 1 and at >= 0 else 0)
        seen += produced
    last = pieces[-1][0] if pieces else 0
    return start + last + 1


def _pieces(raw: str, style: str) -> Iterator[tuple[int, int]]:
    """(index in `raw`, characters of the value it gives), in order."""
    at = 0
    while at < len(raw):
        fold = _FOLD.match(raw, at)
        if fold is not None and "\n" in fold.group():
            breaks = fold.group().count("\n")
            for _ in range(max(1, breaks - 1)):
                yield at, 1
            at = fold.end()
        elif style == "'" and raw.startswith("''", at):
            yield at, 1
            at += 2
        elif style == '"' and raw[at] == "\\":
            match = _ESCAPE.match(raw, at)
            width = len(match.group()) if match else 1
            yield at, 0 if raw[at + 1 : at + 2] in ("\n", "\r") else 1
            at += width
        else:
            yield at, 1
            at += 1


def _in_block(node: ScalarNode, offset: int) -> int:
    """Block scalars: the n-th line of the value is the n-th line after the header; folding joins lines."""
    text = node.source.text
    start, end = node.span
    body = text.find("\n", start) + 1
    lines = text[body:end].split("\n")
    indents = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    indent = min(indents, default=0)
    seen = 0
    index = body
    for line in lines:
        content = line[indent:]
        if offset <= seen + len(content):
            return index + min(len(line), indent) + max(0, offset - seen)
        seen += len(content) + 1
        index += len(line) + 1
    return end
