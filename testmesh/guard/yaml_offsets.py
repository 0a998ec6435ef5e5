"""From a character of a scalar's value back to the character of the file that wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testmesh.guard.yaml_nodes import ScalarNode

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_FOLD = re.compile(r"[ \t]*\r?\n\s*")


def written_at(node: ScalarNode, offset: int) -> int:
    """Index in the source of a character of the value.

    Args:
        node: the scalar.
        offset: index into its text; its length means just after the last character.
    """
    tables = node.source.tables
    table = tables.get(node.span)
    if table is None:
        table = tables[node.span] = _table(node)
    return table[min(offset, len(table) - 1)]


def _table(node: ScalarNode) -> Sequence[int]:
    """The index of each character of the value, and of the place after the last."""
    start, end = node.span
    inside = (start + 1, end - 1) if node.style in ("'", '"') else (start, end)
    if node.source.text[inside[0] : inside[1]] == node.text:
        return range(inside[0], inside[1] + 1)
    return _block_table(node) if node.style in ("|", ">") else _flow_table(node, inside)


def _flow_table(node: ScalarNode, inside: tuple[int, int]) -> list[int]:
    """Plain or quoted values: folds and escapes produce what they stand for."""
    raw = node.source.text[inside[0] : inside[1]]
    table = [inside[0] + at for at, produced in _pieces(raw, node.style) for _ in range(produced)]
    return [*table, inside[1]]


def _block_table(node: ScalarNode) -> list[int]:
    """Block values: their n-th line is the n-th line after the header; folding joins lines."""
    text = node.source.text
    start, end = node.span
    body = text.find("\n", start) + 1
    lines = text[body:end].split("\n")
    indent = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
    table: list[int] = []
    at = body
    for line in lines:
        written = len(line) - line.endswith("\r")
        table += range(at + min(indent, written), at + written + 1)
        at += len(line) + 1
    after = table[min(len(node.text), len(table) - 1)] if table else end
    return [*table[: len(node.text)], after]


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
