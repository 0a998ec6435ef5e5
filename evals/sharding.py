"""Evals in parts: some of the cases, for some of the time, the rest another day."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Budget:
    """How long an eval may still start new work.

    Args:
        seconds: from its creation.
    """

    seconds: float
    _began: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """No new work."""
        return time.monotonic() - self._began > self.seconds


def shard(names: Sequence[str], text: str) -> list[str]:
    """The names of one shard.

    Args:
        names: all.
        text: `1/4` = the first of four; empty = all.
    """
    if not text:
        return list(names)
    part, _, parts = text.partition("/")
    return [n for i, n in enumerate(names) if i % int(parts) == int(part) - 1]
