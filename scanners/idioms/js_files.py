"""Files whose reads and writes are no part of a running service: migrations and seeds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from graph.values import Fact

_ASIDE = re.compile(
    r"(^|/)(migrations?|migrate|seeders?|seeds?|seeding|data-seeds?)(/|[-.][^/]*\.[cm]?[jt]s$|\.[cm]?[jt]s$)"
    r"|(^|/)[^/]*[-.](migration|seeder|seed)\.[cm]?[jt]s$"
)


def of_the_service(path: str, told: Iterable[Fact]) -> Iterator[Fact]:
    """What a file tells of the running service: the accesses of a migration or a seed, run by hand, are not its own.

    Args:
        path: of the file, relative to the repository.
        told: facts of the file.
    """
    aside = _ASIDE.search(path) is not None
    return (fact for fact in told if not (aside and fact.kind in ("access", "sql")))
