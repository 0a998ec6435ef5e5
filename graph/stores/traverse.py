"""Level-by-level traversal, written once, so that every engine means the same by `expand`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from graph.schema import EDGES
from graph.store import Pattern

EdgeId = tuple[str, str, str]
Step = tuple[EdgeId, str]


@dataclass(frozen=True, slots=True)
class Reached:
    """What a traversal went over.

    Args:
        levels: uid to distance from the nearest start.
        edges: ids of edges followed whose ends are both kept.
        truncated: the limit cut it.
    """

    levels: Mapping[str, int]
    edges: frozenset[EdgeId]
    truncated: bool


def directions(pattern: Pattern) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Edge kinds followed from source to target, and from target to source; both sorted.

    Args:
        pattern: what to follow; empty follows every kind both ways.

    Raises:
        ValueError: an edge kind that is not in the schema.
    """
    wanted = pattern.edges or dict.fromkeys(EDGES, "both")
    for kind in wanted:
        if kind not in EDGES:
            raise ValueError(f"unknown edge kind {kind!r}")
    out = sorted(kind for kind, way in wanted.items() if way in ("out", "both"))
    back = sorted(kind for kind, way in wanted.items() if way in ("in", "both"))
    return tuple(out), tuple(back)


def walk(
    starts: Collection[str],
    follow: Callable[[Collection[str], bool], Iterable[Step]],
    depth: int,
    limit: int,
) -> Reached:
    """Breadth first from `starts`; within a level nodes are taken in uid order until `limit` nodes are reached.

    Args:
        starts: uids that exist.
        follow: gives (edge id, uid at the far end) for a frontier; unless it is the starts (True), nodes of stop
            kinds are not followed.
        depth: most steps.
        limit: most nodes.
    """
    first = sorted(starts)
    levels = dict.fromkeys(first[:limit], 0)
    truncated = len(first) > limit
    seen: set[EdgeId] = set()
    frontier: list[str] = list(levels)
    for level in range(1, depth + 1):
        fresh: set[str] = set()
        for edge, far in follow(frontier, level == 1):
            seen.add(edge)
            if far not in levels:
                fresh.add(far)
        frontier = sorted(fresh)
        room = limit - len(levels)
        if len(frontier) > room:
            truncated, frontier = True, frontier[:room]
        levels.update(dict.fromkeys(frontier, level))
        if not frontier:
            break
    return Reached(levels, frozenset(e for e in seen if e[1] in levels and e[2] in levels), truncated)
