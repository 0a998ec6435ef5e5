"""A flow as places to edit: every scalar with its step and role, changed without touching the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from testmesh.guard.yaml import FLOW, ListNode, MapNode, Node, ScalarNode, read

Role = Literal["assert", "assert_any", "assert_none", "until", "when", "output", "config", "other"]
_ROLES: dict[str, Role] = {
    "assert": "assert",
    "assert_any": "assert_any",
    "assert_none": "assert_none",
    "until": "until",
    "when": "when",
    "output": "output",
    "config": "config",
}


@dataclass(frozen=True, slots=True)
class Written:
    """One scalar of a flow.

    Args:
        step: id of the innermost step around it, empty outside steps.
        role: which part of the step it belongs to.
        key: dotted keys and indexes below that part, e.g. ``url`` or ``body.items.0``.
        start: index of its first character, quotes included.
        end: index behind its last character.
        raw: its characters as written.
        value: its value.
    """

    step: str
    role: Role
    key: str
    start: int
    end: int
    raw: str
    value: object


@dataclass(frozen=True, slots=True, order=True)
class Replacement:
    """Characters to put in place of others.

    Args:
        start: index into the text.
        end: index behind the last character replaced.
        text: what comes there.
    """

    start: int
    end: int
    text: str


def written(text: str) -> tuple[Written, ...]:
    """Every scalar value of a flow in file order; empty when the text is no YAML mapping.

    Args:
        text: the flow's text.
    """
    parsed = read(text, "flow.yaml", FLOW)
    if not parsed.roots:
        return ()
    return tuple(sorted(_walk(parsed.roots[0], _At(text, "", "other", "")), key=lambda w: w.start))


@dataclass(frozen=True, slots=True)
class _At:
    text: str
    step: str
    role: Role
    key: str

    def below(self, name: str) -> _At:
        return _At(self.text, self.step, self.role, f"{self.key}.{name}" if self.key else name)


def _walk(node: Node, at: _At) -> Iterator[Written]:
    if isinstance(node, ScalarNode):
        start, end = node.span
        yield Written(at.step, at.role, at.key, start, end, at.text[start:end], node.value)
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _walk(item, at.below(str(index)))
    else:
        yield from _walk_map(node, at)


def _walk_map(node: MapNode, at: _At) -> Iterator[Written]:
    step = _step_id(node)
    for key, entry in node.entries.items():
        if step is None:
            yield from _walk(entry.value, at.below(key))
        else:
            yield from _walk(entry.value, _At(at.text, step, _ROLES.get(key, "other"), "" if key in _ROLES else key))


def _step_id(node: MapNode) -> str | None:
    name, action = node.get("id"), node.get("action")
    if isinstance(name, ScalarNode) and isinstance(action, ScalarNode):
        return str(name.value)
    return None


@dataclass(frozen=True, slots=True)
class WrittenKey:
    """One key of a mapping.

    Args:
        step: id of the innermost step around it, empty outside steps.
        role: which part of the step it belongs to.
        key: dotted keys down to and with this one.
        name: the key.
        start: index of its first character, quotes included.
        raw: its characters as written.
    """

    step: str
    role: Role
    key: str
    name: str
    start: int
    raw: str


def written_keys(text: str) -> tuple[WrittenKey, ...]:
    """Every key below a part of a step, in file order.

    Args:
        text: the flow's text.
    """
    parsed = read(text, "flow.yaml", FLOW)
    if not parsed.roots:
        return ()
    return tuple(sorted(_keys(parsed.roots[0], _At(text, "", "other", "")), key=lambda k: k.start))


def _keys(node: Node, at: _At) -> Iterator[WrittenKey]:
    if isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _keys(item, at.below(str(index)))
    if not isinstance(node, MapNode):
        return
    step = _step_id(node)
    for key, entry in node.entries.items():
        below = at.below(key)
        if step is not None:
            below = _At(at.text, step, _ROLES.get(key, "other"), "" if key in _ROLES else key)
        else:
            start, end = entry.key.span
            yield WrittenKey(at.step, at.role, below.key, key, start, at.text[start:end])
        yield from _keys(entry.value, below)


def apply(text: str, replacements: Iterable[Replacement]) -> str:
    """The text with every replacement made; overlapping ones count once, the first in order.

    Args:
        text: the flow's text.
        replacements: in any order.
    """
    out, at = [], 0
    for one in sorted(set(replacements)):
        if one.start < at:
            continue
        out += [text[at : one.start], one.text]
        at = one.end
    return "".join([*out, text[at:]])


def changed_lines(before: str, after: str) -> int:
    """How many lines differ between two texts of equally many lines; -1 when their number differs.

    Args:
        before: one text.
        after: the other.
    """
    old, new = before.split("\n"), after.split("\n")
    if len(old) != len(new):
        return -1
    return sum(a != b for a, b in zip(old, new, strict=True))
