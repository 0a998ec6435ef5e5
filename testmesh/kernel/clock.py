"""Time as a dependency, so that what waits can be tested without waiting."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where code that needs the time gets it from."""

    def now(self) -> datetime:
        """Wall-clock time, timezone UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Wall-clock time, timezone UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        return time.monotonic()


def iso(moment: datetime) -> str:
    """RFC 3339 with ``Z`` and milliseconds.

    Args:
        moment: timezone-aware.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
