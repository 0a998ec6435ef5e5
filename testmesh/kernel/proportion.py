"""How sure a count of successes makes us: shown beside every share that was counted."""

from __future__ import annotations

from math import sqrt

_Z = 1.959963984540054


def wilson(passed: int, total: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson 1927), rounded to 4 places.

    Args:
        passed: successes.
        total: trials, at least 1.
    """
    share = passed / total
    centre = share + _Z * _Z / (2 * total)
    spread = _Z * sqrt(share * (1 - share) / total + _Z * _Z / (4 * total * total))
    scale = 1 + _Z * _Z / total
    return round(max(0.0, (centre - spread) / scale), 4), round(min(1.0, (centre + spread) / scale), 4)
