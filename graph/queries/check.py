"""Do the two sides of every message, request and response fit, and does a change break a side that still depends?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from graph.contracts.broken import broken
from graph.contracts.dead import dead, gone
from graph.contracts.described import described
from graph.contracts.findings import Check, Finding
from graph.contracts.seams import EDGES, NODES, Seam, Seams
from graph.contracts.standing import DECLARED, standing, unknown
from graph.contracts.stored import columns, stale_caches
from graph.query import Asked, Query
from graph.store import GraphStore


@dataclass(frozen=True, slots=True)
class _Side:
    """One revision: its graph, and its seams by kind and place."""

    seams: Seams
    every: Mapping[tuple[str, str], Seam]


def check(store: GraphStore) -> Check:
    """Everything that does not fit in one revision.

    Args:
        store: its graph.
    """
    return _standing(_side(store))


def _side(store: GraphStore) -> _Side:
    seams = Seams(store.slice(NODES, EDGES))
    return _Side(seams, seams.all())


def _standing(side: _Side) -> Check:
    every = side.every.values()
    found = [f for seam in every for f in standing(seam)]
    found += [*described(side.seams.graph), *dead(side.every, side.seams), *stale_caches(side.seams)]
    both = [s for s in every if s.senders and s.readers]
    silent = sorted({n for s in both for n in unknown(s)}, key=lambda n: (n.seam, n.side, n.at, n.why))
    return Check(_once(found), tuple(silent), len(both))


def compared(base: GraphStore, head: GraphStore) -> Check:
    """What a change breaks: sides of the new revision that fitted before, or that depend on what is taken away.

    Args:
        base: graph before.
        head: graph after.
    """
    before, after = _side(base), _side(head)
    old, new = before.every, after.every
    found = [f for key, seam in new.items() if key in old for f in broken(old[key], seam)]
    found += [*gone(old, new, after.seams), *columns(before.seams.graph, after.seams)]
    known = {_subject(f) for f in found}
    was, now = _standing(before), _standing(after)
    stood = {_same(f) for f in was.findings}
    fresh = [f for f in now.findings if _same(f) not in stood and _subject(f) not in known and not _spared(f)]
    found += [replace(f, rule="read-not-sent", severity="breaking") if f.rule == DECLARED else f for f in fresh]
    return Check(_once(found), now.not_checked, now.seams, True)


def _spared(finding: Finding) -> bool:
    """A reader that can do without a field may start to look for it before anybody sends it."""
    return finding.rule == "read-not-sent" and finding.severity == "warning"


def _subject(finding: Finding) -> tuple[str, str, str]:
    return finding.seam, finding.field, finding.reader


def _same(finding: Finding) -> tuple[str, str, str, str, str]:
    return finding.rule, *_subject(finding), finding.sender


def _once(found: Iterable[Finding]) -> tuple[Finding, ...]:
    first: dict[tuple[str, str, str, str, str], Finding] = {}
    for finding in sorted(found, key=lambda f: f.order):
        first.setdefault(_same(finding), finding)
    return tuple(first.values())


def _run(asked: Asked) -> Check:
    return compared(asked.base, asked.store) if asked.base is not None else check(asked.store)


QUERY = Query(
    "check",
    "Where a sender and a reader, a description and the code, or a cache and its table do not fit.",
    {},
    _run,
    may_compare=True,
)
