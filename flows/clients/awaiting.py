"""Whom a step waits for and what has not come yet, so that running out of time names target and reason (FLOWS §3)."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar


class Awaited:
    """What the work that is watched said last."""

    __slots__ = ("missing", "target")

    def __init__(self) -> None:
        self.target: object = ""
        self.missing: str | Callable[[], str] = ""

    def __str__(self) -> str:
        missing = self.missing if isinstance(self.missing, str) else self.missing()
        return f"{self.target}: {missing}" if self.target and missing else missing


_AWAITED: ContextVar[Awaited] = ContextVar("awaited")


def watched() -> Awaited:
    """From now on what this task, and tasks it starts, say they wait for is kept in what this gives."""
    found = Awaited()
    _AWAITED.set(found)
    return found


def awaiting(target: object, missing: str | Callable[[], str] = "no answer") -> None:
    """Says what is waited for; it counts until something else is said.

    Args:
        target: server, as in messages.
        missing: what has not come, so that "within 2s" may follow; asked when time ran out.
    """
    found = _AWAITED.get(None)
    if found is not None:
        found.target, found.missing = target, missing


def awaited() -> Awaited | None:
    """What this task waits for; None when nobody watches."""
    return _AWAITED.get(None)
