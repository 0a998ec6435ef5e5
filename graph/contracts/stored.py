"""Stored data between services: columns a change takes away from readers, and caches a writer leaves stale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from graph.contracts.findings import Finding
from graph.contracts.seams import Seams
from graph.schema import Edge, Node
from graph.store import Subgraph

_CACHES = frozenset({"redis", "memcached", "valkey", "cache"})
_DERIVED_DEEP = 2
_DEEP = 6
_CALLERS = 12


def columns(base: Subgraph, head: Seams) -> Iterator[Finding]:
    """Columns that are no longer there while somebody still reads them.

    Args:
        base: the graph before.
        head: the graph after.
    """
    for uid, node in sorted(head.graph.nodes.items(), key=lambda row: row[1].label):
        before = base.nodes.get(uid)
        if node.kind != "Dataset" or before is None:
            continue
        now = set(node.props.get("declared") or ())
        lost = set(before.props.get("declared") or ()) - now
        for edge in head.into("READS", uid) if now else ():
            for column in sorted(lost & set(edge.props.get("columns") or ())):
                side = head.side(edge, None)
                text = f"column `{column}` of {node.label} is gone; {side.service} reads it"
                yield Finding(
                    rule="column-gone",
                    severity="breaking",
                    seam=node.label,
                    field=column,
                    text=text,
                    sender=node.label,
                    sender_at=_place(node),
                    reader=side.label,
                    reader_at=side.place,
                    service=side.service,
                    status="resolved" if side.sure else "candidate",
                    reader_span=side.span,
                    repository=side.repository,
                )


def stale_caches(seams: Seams) -> Iterator[Finding]:
    """Cache keys filled from a table, and writers of the table that leave the key as it is.

    Args:
        seams: the graph.
    """
    calls = _Calls(seams.graph)
    caches = [n for n in seams.graph.nodes.values() if n.kind == "Dataset" and n.key[0] in _CACHES]
    for cache in sorted(caches, key=lambda n: n.label):
        touching = {e.source for e in seams.into("WRITES", cache.uid)}
        for table, filler in _sources(seams, calls, touching):
            for edge in seams.into("WRITES", table.uid):
                yield from _left_stale(seams, calls, _Cached(cache, table, filler, frozenset(touching)), edge)


class _Cached:
    __slots__ = ("cache", "filler", "table", "touching")

    def __init__(self, cache: Node, table: Node, filler: str, touching: frozenset[str]) -> None:
        self.cache, self.table, self.filler, self.touching = cache, table, filler, touching


def _sources(seams: Seams, calls: _Calls, touching: set[str]) -> list[tuple[Node, str]]:
    """Tables that a function which fills the key reads, itself or a call or two away, with that function."""
    found: dict[str, tuple[Node, str]] = {}
    for symbol in sorted(touching):
        near = sorted(calls.below({symbol}, _DERIVED_DEEP))
        written = {e.target for uid in near for e in seams.leaving("WRITES", uid)}
        for edge in (e for uid in near for e in seams.leaving("READS", uid)):
            target = seams.graph.nodes[edge.target]
            if target.kind == "Dataset" and target.key[0] not in _CACHES and target.uid not in written:
                found.setdefault(target.uid, (target, symbol))
    return [found[uid] for uid in sorted(found, key=lambda u: found[u][0].label)]


def _left_stale(seams: Seams, calls: _Calls, cached: _Cached, edge: Edge) -> Iterator[Finding]:
    """One finding when some way to the write, from its outermost caller down, never touches the key."""
    for root in calls.roots(edge.source):
        reached = calls.below({root}, _DEEP)
        if reached & cached.touching or calls.told(reached) & cached.touching:
            continue
        side = seams.side(edge, None)
        label, root_label = cached.cache.label, seams.graph.nodes[root].label
        through = "" if root == edge.source else f" (through {root_label})"
        text = (
            f"{side.service} writes {cached.table.label}{through} and leaves {label}, which is filled from it, as it is"
        )
        filler = seams.graph.nodes[cached.filler]
        yield Finding(
            "stale-cache", "warning", label, "", text, side.label, side.place, filler.label, _place(filler),
            seams.service(filler), "candidate",
        )  # fmt: skip
        return


class _Calls:
    """Who calls whom in code, and who hears what is published."""

    def __init__(self, graph: Subgraph) -> None:
        self._down: dict[str, list[str]] = defaultdict(list)
        self._up: dict[str, list[str]] = defaultdict(list)
        self._sent: dict[str, list[str]] = defaultdict(list)
        self._heard: dict[str, list[str]] = defaultdict(list)
        for number in sorted(graph.edges):
            kind, source, target = number
            if kind == "CALLS" and graph.nodes[target].kind == "Symbol":
                self._down[source].append(target)
                self._up[target].append(source)
            elif kind == "PUBLISHES":
                self._sent[source].append(target)
            elif kind == "CONSUMES":
                self._heard[target].append(source)

    def below(self, starts: Iterable[str], depth: int) -> set[str]:
        """The symbols and everything they call.

        Args:
            starts: uids.
            depth: how many calls deep.
        """
        return _spread(starts, self._down, depth)

    def roots(self, symbol: str) -> list[str]:
        """The outermost callers of a symbol; itself when nobody calls it.

        Args:
            symbol: uid.
        """
        found = [u for u in _spread({symbol}, self._up, _CALLERS) if not self._up[u]]
        return sorted(found) or [symbol]

    def told(self, symbols: Iterable[str]) -> set[str]:
        """What runs because these symbols publish something.

        Args:
            symbols: uids.
        """
        heard = {h for s in symbols for topic in self._sent[s] for h in self._heard[topic]}
        return self.below(heard, _DEEP)


def _spread(starts: Iterable[str], along: dict[str, list[str]], depth: int) -> set[str]:
    found = set(starts)
    layer = sorted(found)
    for _ in range(depth):
        layer = [t for s in layer for t in along.get(s, ()) if t not in found]
        if not layer:
            break
        found.update(layer)
    return found


def _place(node: Node) -> str:
    return node.evidence[0].place() if node.evidence else ""
