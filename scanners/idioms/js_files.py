"""Files whose reads and writes are no part of a running service: migrations and seeds."""

from __future__ import annotations

import re

_ASIDE = re.compile(
    r"(^|/)(migrations?|migrate|seeders?|seeds?|seeding|data-seeds?)(/|[-.][^/]*\.[cm]?[jt]s$|\.[cm]?[jt]s$)"
    r"|(^|/)[^/]*[-.](migration|seeder|seed)\.[cm]?[jt]s$"
)


def runs_aside(path: str) -> bool:
    """Whether a file is a migration or a seed, which somebody runs by hand or before the service starts.

    Args:
        path: relative to the repository.
    """
    return _ASIDE.search(path) is not None
