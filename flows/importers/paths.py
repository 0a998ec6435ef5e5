"""JSONPaths into a body, as paths of the flow language into a step's result."""

from __future__ import annotations

import re

from flows.language.expressions.words import METHODS, OPERATOR_WORDS

_SEGMENT = re.compile(
    r"\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\[(?P<index>-?[0-9]+)\]|\[(?P<quoted>'[^'\\]*'|\"[^\"\\]*\")\]"
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def segments(path: str) -> list[str | int] | None:
    """Names and indexes of a singular JSONPath; None for any other.

    Args:
        path: beginning with ``$``.
    """
    found: list[str | int] = []
    text = path.strip()
    if not text.startswith("$"):
        return None
    position = 1
    while position < len(text):
        segment = _SEGMENT.match(text, position)
        if segment is None:
            return None
        if segment["index"] is not None:
            found.append(int(segment["index"]))
        else:
            found.append(segment["name"] if segment["name"] is not None else segment["quoted"][1:-1])
        position = segment.end()
    return found


def dotted(root: str, parts: list[str | int]) -> str:
    """A path of the language from a name on.

    Args:
        root: the name.
        parts: names and indexes.
    """
    text = root
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _WORD.match(part) and part not in OPERATOR_WORDS and part not in METHODS:
            text += f".{part}"
        else:
            text += "[" + _quoted(part) + "]"
    return text


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


def in_body(path: str) -> str:
    """A JSONPath into the body as an operand of an expression.

    Args:
        path: as other tools write it, from the body's root.
    """
    parts = segments(path)
    return dotted("body", parts) if parts is not None else _quoted(whole(path))


def whole(path: str) -> str:
    """The JSONPath from the root of the result.

    Args:
        path: from the body's root.
    """
    return "$.body" + path.strip()[1:]
