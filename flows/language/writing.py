"""Plain values as YAML text a person would have written: no quote that YAML 1.2 core does not need."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from testmesh.guard.yaml_scalars import OutOfRange, core_value

WIDTH = 100
_FIRST = frozenset("-?:,[]{}#&*!|>'\"%@` \t")
_IN_FLOW = re.compile(r"[,\[\]{}?]")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_MARKERS = ("---", "...")
_OLDER = re.compile(
    r"(?:[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|=)\Z"
    r"|[-+]?(?:0b[01_]+|0[0-7_]+|[0-9][0-9_]*|[0-9][0-9_]*(?::[0-5]?[0-9])+)(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?\Z"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?\Z"
)
"""What readers of YAML 1.1 (editors, linters, forges) take for a boolean, a number or a date."""


def plain_is_safe(text: str, *, flow: bool = False, key: bool = False) -> bool:
    """Whether a text stays the same text when it is written without quotes.

    Args:
        text: the value.
        flow: inside ``[]`` or ``{}``.
        key: it is a mapping's key.
    """
    if not text or text != text.strip() or _BREAKS.search(text):
        return False
    if text[0] in _FIRST and not (text[0] == "-" and len(text) > 1 and text[1] not in " \t" and not flow):
        return False
    if ": " in text or " #" in text or "\t#" in text or ":\t" in text or text.endswith(":"):
        return False
    if text.startswith(_MARKERS) or (key and text == "<<"):
        return False
    if _OLDER.match(text):
        return False
    if flow and _IN_FLOW.search(text):
        return False
    try:
        return core_value(text) == text
    except OutOfRange:
        return False


def scalar_text(value: object, *, flow: bool = False, key: bool = False) -> str:
    """A scalar on one line.

    Args:
        value: text, number, true, false or null.
        flow: inside ``[]`` or ``{}``.
        key: it is a mapping's key.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value) if isinstance(value, int) else _fraction(value)
    if plain_is_safe(value, flow=flow, key=key):
        return value
    return quoted(value)


def quoted(text: str) -> str:
    """A text in the quotes that need the fewest escapes; double ones when either would do.

    Args:
        text: the value.
    """
    if _BREAKS.search(text):
        return _escaped(text)
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def _escaped(text: str) -> str:
    shown = json.dumps(text, ensure_ascii=False)
    return _BREAKS.sub(lambda found: f"\\u{ord(found.group()):04x}", shown)


def _fraction(value: object) -> str:
    from flows.language.values import to_json

    return to_json(value)


def block(value: object, indent: int = 0) -> list[str]:
    """A value as lines of block YAML.

    Args:
        value: JSON-shaped.
        indent: spaces before every line.
    """
    pad = " " * indent
    if isinstance(value, Mapping) and value:
        return [line for key, item in value.items() for line in _entry(f"{pad}{scalar_text(key, key=True)}:", item)]
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return [line for item in value for line in _item(pad, item)]
    return [pad + inline(value)]


def _entry(head: str, item: object) -> list[str]:
    indent = len(head) - len(head.lstrip(" "))
    if isinstance(item, str) and _literal(item):
        return [f"{head} {_mark(item)}", *_literal_lines(item, indent + 2)]
    short = _short(item, WIDTH - len(head))
    if short is not None:
        return [f"{head} {short}"]
    return [head, *block(item, indent + 2)]


def _item(pad: str, item: object) -> list[str]:
    if isinstance(item, str) and _literal(item):
        return [f"{pad}- {_mark(item)}", *_literal_lines(item, len(pad) + 2)]
    short = _short(item, WIDTH - len(pad)) if not isinstance(item, Mapping) else None
    if short is not None:
        return [f"{pad}- {short}"]
    if not item:
        return [f"{pad}- {inline(item)}"]
    lines = block(item, len(pad) + 2)
    return [f"{pad}- {lines[0].lstrip(' ')}", *lines[1:]]


def _literal(text: str) -> bool:
    if "\n" not in text or text[0] in " \n\t" or _BREAKS.search(text.replace("\n", "")):
        return False
    lines = text.split("\n")
    return all(line == line.rstrip() for line in lines) and not text.endswith("\n\n")


def _mark(text: str) -> str:
    return "|" if text.endswith("\n") else "|-"


def _literal_lines(text: str, indent: int) -> list[str]:
    return [" " * indent + line if line else "" for line in text.removesuffix("\n").split("\n")]


def _short(value: object, width: int) -> str | None:
    """A scalar, a few scalars, or one entry, on one line; None when it is better shown below its key."""
    text = inline(value)
    if not _compound(value) or not value:
        return text
    many = isinstance(value, Mapping) and len(value) > 1
    if many or len(text) > min(width, 60) or any(_compound(item) for item in _items(value)):
        return None
    return text


def _items(value: object) -> list[object]:
    return list(value.values()) if isinstance(value, Mapping) else list(value)  # type: ignore[call-overload]


def _compound(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple)


def inline(value: object, *, inside: bool = False) -> str:
    """A value on one line.

    Args:
        value: JSON-shaped.
        inside: it stands in a flow collection.
    """
    if isinstance(value, Mapping):
        parts = [f"{scalar_text(key, flow=True, key=True)}: {inline(item, inside=True)}" for key, item in value.items()]
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(inline(item, inside=True) for item in value) + "]"
    return scalar_text(value, flow=inside)


def document(value: Mapping[str, object]) -> str:
    """A whole YAML document.

    Args:
        value: its root.
    """
    return "\n".join(block(value)) + "\n"
