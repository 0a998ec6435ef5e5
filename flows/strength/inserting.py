"""Assertions written into a flow file so that every other character of it stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from testmesh.guard.yaml import FLOW, ListNode, MapNode, Node, ScalarNode, read

At: TypeAlias = "tuple[str, tuple[str, ...]]"
"""Step id, and the phase with the ids of the steps around it."""
_PLAIN = re.compile(r"[A-Za-z_(][^#\n]*\Z")
_LONGEST = 100
_PHASES = ("setup", "steps", "teardown")


def with_assertions(text: str, wanted: Mapping[At, Sequence[str]]) -> str:
    """The flow's text with lines added to steps' `assert` lists; steps it does not hold are passed over.

    Args:
        text: the flow file.
        wanted: expressions by step.
    """
    found = read(text, "flow.yaml", FLOW)
    if not found.roots:
        return text
    edits: list[tuple[int, int, str]] = []
    for at, node in _steps(found.roots[0]):
        lines = wanted.get(at, ())
        if lines:
            edits.append(_edit(text, node, lines))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _steps(root: Node) -> Iterator[tuple[At, MapNode]]:
    flow = root.get("flow") if isinstance(root, MapNode) and root.get("flow") is not None else root
    if isinstance(flow, MapNode):
        for phase in _PHASES:
            yield from _in(flow.get(phase), (phase,))


def _in(node: Node | None, inside: tuple[str, ...]) -> Iterator[tuple[At, MapNode]]:
    if isinstance(node, ListNode):
        for item in node.items:
            yield from _in(item, inside)
    elif isinstance(node, MapNode):
        name = node.get("id")
        if isinstance(name, ScalarNode) and node.get("action") is not None:
            here = (*inside, str(name.value))
            yield (here[-1], inside), node
            yield from _in(node.get("config"), here)
            yield from _lists(node, here)
        else:
            yield from _lists(node, inside)


def _lists(node: MapNode, inside: tuple[str, ...]) -> Iterator[tuple[At, MapNode]]:
    for key in ("steps", "then", "else", "branches"):
        yield from _in(node.get(key), inside)


def _edit(text: str, step: MapNode, lines: Sequence[str]) -> tuple[int, int, str]:
    """What to put in place of which characters."""
    checks = step.get("assert")
    if isinstance(checks, ListNode) and checks.items:
        if _flowing(text, checks):
            return _in_brackets(text, step, checks, lines)
        return _after_block(text, checks, lines)
    if _flowing(text, step):
        last = list(step.entries.values())[-1]
        listed = ", ".join(quoted(line, flowing=True) for line in lines)
        return last.value.span[1], last.value.span[1], f", assert: [{listed}]"
    return _new_block(text, step, lines)


def _in_brackets(text: str, step: MapNode, checks: ListNode, lines: Sequence[str]) -> tuple[int, int, str]:
    """Into the brackets; where their line would grow too long, one expression a line instead."""
    end = checks.items[-1].span[1]
    more = "".join(f", {quoted(line, flowing=True)}" for line in lines)
    start = text.rfind("\n", 0, checks.span[0]) + 1
    if _flowing(text, step) or len(text[start : checks.span[1]]) + len(more) <= _LONGEST:
        return end, end, more
    indent = " " * (step.entries["assert"].key.at[1] + 1)
    written = [text[item.span[0] : item.span[1]] for item in checks.items]
    block = "".join(f"\n{indent}- {line}" for line in (*written, *map(quoted, lines)))
    return _before(text, checks.span[0]), checks.span[1], block


def _before(text: str, index: int) -> int:
    """Where the blanks before a place begin."""
    return index - (len(text[:index]) - len(text[:index].rstrip(" ")))


def _flowing(text: str, node: Node) -> bool:
    return text[node.span[0]] in "[{"


def _after_block(text: str, checks: ListNode, lines: Sequence[str]) -> tuple[int, int, str]:
    column = checks.items[0].at[1] - 1
    start = text.rfind("\n", 0, checks.items[0].span[0]) + 1
    dash = text.rfind("-", start, checks.items[0].span[0])
    indent = " " * (dash - start if dash >= 0 else max(column - 2, 0))
    return _next_line(text, checks.items[-1], "".join(f"{indent}- {quoted(line)}\n" for line in lines))


def _new_block(text: str, step: MapNode, lines: Sequence[str]) -> tuple[int, int, str]:
    first = next(iter(step.entries.values()))
    indent = " " * (first.key.at[1] - 1)
    block = f"{indent}assert:\n" + "".join(f"{indent}  - {quoted(line)}\n" for line in lines)
    return _next_line(text, list(step.entries.values())[-1].value, block)


def _next_line(text: str, last: Node, block: str) -> tuple[int, int, str]:
    """Behind the line on which a node ends, its comment included."""
    end = _last(last).span[1]
    if end > 0 and text[end - 1] == "\n":
        return end, end, block
    line = text.find("\n", end)
    return (len(text), len(text), "\n" + block) if line < 0 else (line + 1, line + 1, block)


def _last(node: Node) -> Node:
    """The innermost node that ends where a block collection ends (the collection's own end may lie further on)."""
    while True:
        if isinstance(node, ListNode) and node.items and node.source.text[node.span[0]] != "[":
            node = node.items[-1]
        elif isinstance(node, MapNode) and node.entries and node.source.text[node.span[0]] != "{":
            node = list(node.entries.values())[-1].value
        else:
            return node


def quoted(expression: str, *, flowing: bool = False) -> str:
    """An expression as a YAML scalar, plain where that reads back as the same text.

    Args:
        expression: the assertion.
        flowing: it stands in ``[...]``.
    """
    plain = _PLAIN.match(expression) and not (flowing and any(c in expression for c in ",[]{}"))
    if plain and _reads_back(expression):
        return expression
    if "'" not in expression:
        return f"'{expression}'"
    return json.dumps(expression, ensure_ascii=False)


def _reads_back(expression: str) -> bool:
    found = read(f"a:\n  - {expression}\n", "line.yaml", FLOW)
    root = found.roots[0] if found.roots and not found.findings else None
    items = root.get("a") if isinstance(root, MapNode) else None
    only = items.items[0] if isinstance(items, ListNode) and len(items.items) == 1 else None
    return isinstance(only, ScalarNode) and only.value == expression
