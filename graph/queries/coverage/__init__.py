"""What do the flows cover, and what is the worst gap? Reached × checked, never a guess (DESIGN §6)."""

from __future__ import annotations

from graph.answers import Coverage, CoverageRow, Dimension
from graph.queries.coverage.dimensions import DIMENSIONS, rows_of
from graph.queries.coverage.reading import Reading, read
from graph.query import Asked, Query
from graph.store import GraphStore

_UNKNOWN = {
    "endpoint": "no endpoint is known",
    "status class": "neither code nor a specification says which statuses are answered",
    "edge": "no call between services is known",
    "topic": "no topic is known",
    "dataset": "no dataset is known",
    "error branch": "neither code nor a specification names an error status",
}


def coverage(store: GraphStore) -> Coverage:
    """How far flows reach, and what they check, in six dimensions.

    Args:
        store: the graph; runtime buckets bring what was executed and passed.
    """
    reading = read(store)
    rows = [row for name in DIMENSIONS for row in rows_of(name, reading)]
    order = {name: number for number, name in enumerate(DIMENSIONS)}
    rows.sort(key=lambda r: (order[r.dimension], -r.rank, r.label))
    return Coverage(
        dimensions=tuple(_dimension(name, reading, rows) for name in DIMENSIONS),
        rows=tuple(rows),
        unresolved_steps=reading.unresolved,
    )


def _dimension(name: str, reading: Reading, rows: list[CoverageRow]) -> Dimension:
    ours = [row for row in rows if row.dimension == name]
    covered = sum(row.grade.reached not in ("none", "unmeasured") for row in ours)
    if not ours:
        return Dimension(name, False, 0, 0, _UNKNOWN[name])
    if not reading.flows:
        return Dimension(name, False, 0, len(ours), "no flow was found")
    return Dimension(name, True, covered, len(ours))


def _run(asked: Asked) -> Coverage:
    return coverage(asked.store)


QUERY = Query("coverage", "What no flow covers, the worst first.", {}, _run)

__all__ = ["QUERY", "coverage"]
