"""A step's request as a command line, so that a person can send it again without TestMesh."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from flows.language.errors import NotEvaluable
from flows.language.values import to_json
from testmesh.kernel.discovery import declared


@dataclass(frozen=True, slots=True)
class Sent:
    """A recorded request.

    Args:
        action: canonical name.
        request: the action's settings, secrets masked.
        answer: the last candidate, or empty.
    """

    action: str
    request: Mapping[str, object]
    answer: Mapping[str, object]

    def get(self, key: str) -> object:
        """A setting, or None.

        Args:
            key: its name.
        """
        return self.request.get(key)

    def text(self, key: str, default: str = "") -> str:
        """A setting as text.

        Args:
            key: its name.
            default: when it is not set.
        """
        value = self.request.get(key)
        return default if value is None else as_text(value)

    def fields(self, key: str) -> Mapping[str, object]:
        """A setting that is a map; empty when it is none.

        Args:
            key: its name.
        """
        value = self.request.get(key)
        return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Commands:
    """Command lines for some actions.

    Args:
        of: action to the words of its command; no words when there is no such command.
    """

    of: Mapping[str, Callable[[Sent], list[str]]]


@cache
def _known() -> Mapping[str, Callable[[Sent], list[str]]]:
    return {
        name: build for found in declared(__name__, "COMMANDS", Commands).values() for name, build in found.of.items()
    }


def command_line(sent: Sent) -> str:
    """One line for a shell, or nothing when no tool sends such a request.

    Args:
        sent: what was sent.
    """
    build = _known().get(sent.action)
    return " ".join(build(sent)) if build is not None and sent.request else ""


def known_actions() -> frozenset[str]:
    """Actions that have a command line, or are known to have none."""
    return frozenset(_known())


def quoted(value: object) -> str:
    """A word for a shell, on one line, without anything that could drive a terminal.

    Args:
        value: text, or a value that is written as JSON.
    """
    text = as_text(value)
    if text.isprintable():
        if "'" not in text:
            return shlex.quote(text)
        if not any(char in text for char in '"$`\\!'):
            return f'"{text}"'
    return "$'" + "".join(_ansi(char) for char in text) + "'"


_ANSI = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "'": "\\'", "\\": "\\\\"}


def _ansi(char: str) -> str:
    if char in _ANSI:
        return _ANSI[char]
    if char.isprintable():
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))


def as_text(value: object) -> str:
    """Text as it is, anything else as compact JSON.

    Args:
        value: JSON-shaped.
    """
    if isinstance(value, str):
        return value
    try:
        return to_json(value)
    except (NotEvaluable, RecursionError):
        return str(value)


def nothing(sent: Sent) -> list[str]:
    """For actions without a request that another tool could send.

    Args:
        sent: what was sent.
    """
    return []
