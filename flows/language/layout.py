"""The parts of a YAML text that its tree does not hold: comments, blank lines, and scalars over several lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode

_TRAILING = re.compile(r"[ \t]+(#[^\n]*)")
_HEADER = re.compile(r"([|>])([+-]?)([1-9]?)([+-]?)[ \t]*(#[^\n]*)?\r?\n?")
_EMPTY_END = re.compile(r"(?:\r?\n[ \t]*)+\Z")


class Trivia(NamedTuple):
    """A comment line, or a blank one (empty text)."""

    column: int
    text: str


def skipped(text: str, position: int) -> tuple[list[Trivia], int]:
    """Comments and blank lines from a place on, and where the next thing begins.

    Args:
        text: of the file.
        position: where to begin; the rest of a line already dealt with holds only spaces.
    """
    found: list[Trivia] = []
    fresh = position == 0
    line = position
    while position < len(text):
        character = text[position]
        if character == "\n":
            if fresh:
                found.append(Trivia(0, ""))
            fresh, line = True, position + 1
            position += 1
        elif character in " \t\r\ufeff":
            position += 1
        elif character == "#":
            end = text.find("\n", position)
            end = len(text) if end < 0 else end
            found.append(Trivia(position - line if fresh else 0, text[position:end].rstrip()))
            fresh, position = False, end
        else:
            break
    return found, position


def trailing(text: str, position: int) -> tuple[str, int]:
    """The comment at the end of a line, or nothing.

    Args:
        text: of the file.
        position: just after what the line says.
    """
    found = _TRAILING.match(text, position)
    if found is None and text[position : position + 1] == "#" and text[position - 1 : position] in (" ", "\t"):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        return text[position:end].rstrip(), end
    return (found.group(1).rstrip(), found.end()) if found is not None else ("", position)


def continued(raw: str, indent: int) -> list[str]:
    """A value that goes over several lines, moved to another depth; how its lines stand to each other stays.

    Args:
        raw: as written.
        indent: of the least indented line but the first.
    """
    first, *rest = raw.splitlines()
    columns = [len(line) - len(line.lstrip(" ")) for line in rest if line.strip()]
    base = min(columns, default=0)
    return [first.rstrip(), *(" " * indent + line[base:].rstrip() if line.strip() else "" for line in rest)]


def block_scalar(text: str, start: int, end: int, column: int, indent: int) -> tuple[list[str], int]:
    """A ``|`` or ``>`` text, moved to another depth.

    Args:
        text: of the file.
        start: of its header.
        end: where the parser says it ends.
        column: of the entry it belongs to, in the source.
        indent: for its lines.
    """
    header = _HEADER.match(text, start)
    if header is None:
        raise AssertionError("a block scalar begins with | or >")
    style, chomp, digit, other, comment = header.groups()
    keep = "+" in chomp + other
    body = text[header.end() : end]
    kept = body if keep else _EMPTY_END.sub("", body)
    lines = kept.splitlines()
    inner = column + int(digit) if digit else _first_indent(lines)
    mark = style + chomp + other + (str(2) if digit else "")
    head = f"{mark}  {comment.rstrip()}" if comment else mark
    moved = [" " * indent + line[inner:] if line[inner:] else "" for line in lines]
    return [head, *moved], header.end() + len(kept) if kept else header.end() - (
        1 if header.group().endswith("\n") else 0
    )


def _first_indent(lines: list[str]) -> int:
    return next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), 0)


def comments(text: str, root: MapNode) -> Iterator[str]:
    """Every comment of a text: each ``#`` after a space that stands in no scalar.

    Args:
        text: of the file.
        root: as parsed.
    """
    spans = sorted(_spans(root))
    position = 0
    for start, end in [*spans, (len(text), len(text))]:
        if start >= position:
            yield from (found.group(1).rstrip() for found in _COMMENT.finditer(text, position, start))
            position = end


_COMMENT = re.compile(r"(?:^|(?<=[\s,\[\]{}]))(#[^\n]*)", re.MULTILINE)


def _spans(root: MapNode) -> Iterator[tuple[int, int]]:
    waiting: list[Node] = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode):
            start = node.span[0]
            if node.style in ("|", ">"):
                start = node.source.text.find("\n", start) + 1 or node.span[1]
            if node.span[1] > start:
                yield start, node.span[1]
        elif isinstance(node, ListNode):
            waiting += node.items
        else:
            waiting += [entry.key for entry in node.entries.values()]
            waiting += [entry.value for entry in node.entries.values()]
