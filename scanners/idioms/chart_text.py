"""Values of charts as text and YAML, the way Helm writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scanners.idioms.deploy import TEMPLATED

_MOST_NODES = 50_000
_LONGEST = 300_000
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "~", ""))


@dataclass(frozen=True, slots=True)
class Hole:
    """A value that only a running cluster knows, or that no rule reads.

    Args:
        reason: why.
    """

    reason: str


def heavy(values: Iterable[Any]) -> bool:
    """Whether writing values out would take too long: long texts, or trees that share their parts many times.

    Args:
        values: any.
    """
    todo = list(values)
    left = _MOST_NODES
    length = 0
    while todo:
        value = todo.pop()
        left -= 1
        if isinstance(value, str):
            length += len(value)
        elif isinstance(value, Mapping):
            todo += value.values()
        elif isinstance(value, list | tuple):
            todo += value
        if length > _LONGEST or left < len(todo):
            return True
    return False


def truth(value: Any) -> bool:
    """Whether a condition holds, as Go templates see it.

    Args:
        value: any.
    """
    return bool(value)


def shown(value: Any) -> str:
    """A value as templates write it.

    Args:
        value: any.
    """
    if value is None:
        return ""
    if isinstance(value, Hole):
        return TEMPLATED
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{k}:{shown(v)}" for k, v in sorted(value.items(), key=str)) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(shown(v) for v in value) + "]"
    return str(value)


def to_yaml(value: Any, indent: int = 0) -> str:
    """A value as block YAML.

    Args:
        value: maps, lists, scalars.
        indent: columns before it.
    """
    pad = " " * indent
    if isinstance(value, Mapping) and value:
        lines = []
        for key, item in sorted(value.items(), key=lambda pair: str(pair[0])):
            if isinstance(item, str) and "\n" in item.strip("\n"):
                lines.append(f"{pad}{_scalar(key)}: {_block(item, indent + 2)}")
                continue
            nested = isinstance(item, Mapping | list | tuple) and len(item) > 0
            step = 0 if isinstance(item, list | tuple) else 2
            inner = f"\n{to_yaml(item, indent + step)}" if nested else f" {to_yaml(item)}"
            lines.append(f"{pad}{_scalar(key)}:{inner}")
        return "\n".join(lines)
    if isinstance(value, list | tuple) and value:
        return "\n".join(f"{pad}- {to_yaml(item, indent + 2).lstrip()}" for item in value)
    if isinstance(value, Mapping):
        return "{}"
    return "[]" if isinstance(value, list | tuple) else _scalar(value)


def _block(text: str, indent: int) -> str:
    """Several lines as they are, below their key."""
    pad = " " * indent
    ends = "" if text.endswith("\n") else "-"
    lines = text.rstrip("\n").split("\n")
    return f"|{ends}\n" + "\n".join(f"{pad}{line}" if line else "" for line in lines)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    text = shown(value)
    if not isinstance(value, str) or isinstance(value, Hole):
        return text
    plain = (
        bool(text)
        and set(text) <= _PLAIN
        and text.lower() not in _WORDS
        and not text[0].isdigit()
        and text[0] not in "-."
    )
    if plain or not text.isprintable():
        return text if plain else json.dumps(text)
    return "'" + text.replace("'", "''") + "'"


def from_yaml(text: Any) -> Any:
    """What a YAML text holds; an empty map when it cannot be read.

    Args:
        text: the text.
    """
    from testmesh.guard import yaml

    parsed = yaml.read(shown(text), "", yaml.FOREIGN)
    return yaml.plain(parsed.roots[0]) if parsed.roots else {}
