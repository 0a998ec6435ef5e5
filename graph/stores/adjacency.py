"""The graph's structure alone in compact arrays, for reachability over hundreds of thousands of edges."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Way:
    """Neighbours in one direction, in compressed sparse rows.

    Args:
        first: start of each node's row, one more entry than nodes.
        far: neighbour positions.
        kind: edge kind numbers, beside `far`.
    """

    first: Ints
    far: Ints
    kind: Ints


class Adjacency:
    """Positions instead of uids, and both directions of every edge.

    Args:
        uids: node uids by position.
        kinds: edge kinds by number.
        ends: arrays of source positions, target positions and kind numbers.
    """

    def __init__(self, uids: Sequence[str], kinds: Sequence[str], ends: tuple[Ints, Ints, Ints]) -> None:
        self._uids = uids
        self._at = {uid: number for number, uid in enumerate(uids)}
        self._kinds = {kind: number for number, kind in enumerate(kinds)}
        sources, targets, numbers = ends
        self._out = _rows(len(uids), sources, targets, numbers)
        self._back = _rows(len(uids), targets, sources, numbers)

    @classmethod
    def load(cls, db: sqlite3.Connection) -> Adjacency:
        """Read the structure of the embedded store.

        Args:
            db: connection, in a read transaction.
        """
        import numpy as np

        nodes = db.execute("SELECT id, uid FROM node ORDER BY id").fetchall()
        kinds = [r[0] for r in db.execute("SELECT DISTINCT kind FROM edge ORDER BY kind")]
        number = {kind: n for n, kind in enumerate(kinds)}
        ids = np.array([r[0] for r in nodes], dtype=np.int64)
        rows = db.execute("SELECT source, target, kind FROM edge").fetchall()
        ends = np.array([(s, t) for s, t, _ in rows], dtype=np.int64).reshape(-1, 2)
        at = np.searchsorted(ids, ends).astype(np.int32)
        numbers = np.array([number[k] for _, _, k in rows], dtype=np.int32)
        return cls([r[1] for r in nodes], kinds, (at[:, 0], at[:, 1], numbers))

    def reach(self, starts: Collection[str], out: Collection[str], back: Collection[str], depth: int) -> frozenset[str]:
        """Uids within `depth` steps, the known starts included.

        Args:
            starts: uids.
            out: edge kinds followed from source to target.
            back: edge kinds followed from target to source.
            depth: most steps.
        """
        import numpy as np

        ways = [(way, self._wanted(kinds)) for way, kinds in ((self._out, out), (self._back, back)) if kinds]
        seen = np.zeros(len(self._uids), dtype=np.bool_)
        frontier = np.array(sorted(self._at[u] for u in set(starts) if u in self._at), dtype=np.int32)
        seen[frontier] = True
        for _ in range(depth):
            parts = [_neighbours(way, frontier, wanted) for way, wanted in ways]
            far = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
            fresh = np.zeros(len(self._uids), dtype=np.bool_)
            fresh[far] = True
            fresh &= ~seen
            frontier = np.flatnonzero(fresh).astype(np.int32)
            if not len(frontier):
                break
            seen |= fresh
        return frozenset(self._uids[i] for i in np.flatnonzero(seen).tolist())

    def _wanted(self, kinds: Collection[str]) -> NDArray[np.bool_]:
        import numpy as np

        wanted = np.zeros(max(1, len(self._kinds)), dtype=np.bool_)
        wanted[[self._kinds[k] for k in kinds if k in self._kinds]] = True
        return wanted


def _rows(size: int, near: Ints, far: Ints, kind: Ints) -> _Way:
    import numpy as np

    order = np.argsort(near, kind="stable")
    counts = np.bincount(near, minlength=size)
    first = np.concatenate((np.zeros(1, dtype=np.int32), np.cumsum(counts).astype(np.int32)))
    return _Way(first, far[order], kind[order])


def _neighbours(way: _Way, frontier: Ints, wanted: NDArray[np.bool_]) -> Ints:
    import numpy as np

    starts, ends = way.first[frontier], way.first[frontier + 1]
    lengths = ends - starts
    total = int(lengths.sum())
    if not total:
        return np.zeros(0, dtype=np.int32)
    offsets = np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    places = np.arange(total) + offsets
    kept: Ints = way.far[places][wanted[way.kind[places]]]
    return kept
