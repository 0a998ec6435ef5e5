"""What JSON of a server can hold that would end the run later: levels without end, halves of surrogate pairs."""

from __future__ import annotations

import json
import re

MAX_DEPTH = 128
MAX_VALUES = 500_000
# What is not parsed yet may have a quote without its end: never given back, it is looked at once.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_SURROGATE = "[\ud800-\udfff]"
_OTHER = r"[^\[\]{}]+"


def too_many(text: str | bytes) -> bool:
    """Whether JSON holds more values than a flow may keep in memory: 16 MiB of ``[],[],`` would be over 700.

    Args:
        text: not parsed yet.
    """
    if len(text) <= MAX_VALUES or (text.count(",") if isinstance(text, str) else text.count(b",")) <= MAX_VALUES:
        return False
    return re.sub(_STRING, "", _whole(text)).count(",") > MAX_VALUES


def _whole(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode(json.detect_encoding(text), "surrogatepass")


def too_deep(text: str | bytes) -> bool:
    """Whether a JSON document has more than 128 levels of arrays and objects.

    Args:
        text: a document that was parsed already.
    """
    many = text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    if many <= MAX_DEPTH:
        return False
    brackets = re.sub(_OTHER, "", re.sub(_STRING, "", _whole(text)))
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace("[]", "").replace("{}", "")
        if not brackets:
            return False
    return True


def escaped(text: str) -> str:
    """JSON text that can be encoded: halves of a surrogate pair, which a server may send alone, are escaped.

    Args:
        text: JSON without escapes for them (RFC 8259, 8.2).
    """
    return text if text.isascii() else re.sub(_SURROGATE, lambda found: f"\\u{ord(found[0]):04x}", text)
