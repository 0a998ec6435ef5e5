"""JSON as .NET's configuration reads it: comments and trailing commas allowed, keys joined by colons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from graph.facts import SourceFile
from graph.values import Fact, Location

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=\s*(?:(?://[^\n]*|/\*.*?\*/)\s*)*[}\]])', re.DOTALL)
_DEEPEST = 24
_MOST = 4000


def load(source: SourceFile) -> Any:
    """The document.

    Args:
        source: the file.

    Raises:
        ValueError: it is no JSON, or it is nested too deeply.
    """
    text = source.data.decode("utf-8-sig", "replace")
    plain = _TOKEN.sub(lambda m: m[0] if m[0].startswith('"') else re.sub(r"[^\n]", " ", m[0]), text)
    try:
        return json.loads(plain)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def problem(source: SourceFile, error: ValueError) -> Fact:
    """What is wrong with a file that is no JSON.

    Args:
        source: the file.
        error: as raised by :func:`load`.
    """
    fields = {"rule": "manifest/syntax", "message": f"cannot be read: {error}", "severity": "warning"}
    return Fact("problem", fields, Location(source.path, getattr(error, "lineno", 1)))


def flattened(data: Any) -> Iterator[tuple[str, str | int | float | bool]]:
    """Keys such as ``Section:Key`` and ``Section:0`` with their values.

    Args:
        data: a document.
    """
    waiting: list[tuple[str, Any, int]] = [("", data, 0)]
    given = 0
    while waiting and given < _MOST:
        prefix, value, depth = waiting.pop()
        pairs: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            pairs = [(str(k), v) for k, v in value.items()]
        elif isinstance(value, list):
            pairs = [(str(i), v) for i, v in enumerate(value)]
        elif isinstance(value, str | int | float | bool):
            given += 1
            yield prefix, value
        if depth < _DEEPEST:
            waiting += [(f"{prefix}:{k}" if prefix else k, v, depth + 1) for k, v in reversed(pairs)]


class Lines:
    """Where keys stand in a document, looked for in reading order.

    Args:
        source: the file.
    """

    def __init__(self, source: SourceFile) -> None:
        self._text = source.data.decode("utf-8-sig", "replace")
        self._at: dict[str, int] = {}

    def of(self, key: str) -> int:
        """The line of a key's next occurrence, that of its last one when there is no further.

        Args:
            key: with colons, only its last part is looked for.
        """
        last = f'"{key.rpartition(":")[2]}"'
        start = self._at.get(last, 0)
        at = self._text.find(last, start)
        if at < 0:
            at = self._text.find(last)
        self._at[last] = at + 1
        return self._text.count("\n", 0, max(at, 0)) + 1

    def text(self, text: str) -> int:
        """The line of a text, 1 when it is not there.

        Args:
            text: looked for.
        """
        at = self._text.find(text)
        return self._text.count("\n", 0, max(at, 0)) + 1
