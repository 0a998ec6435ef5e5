"""What could not be linked, grouped by cause, with the annotation that settles each group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from graph.query import Asked, Parameter, Query
from graph.store import GraphStore, Subgraph


@dataclass(frozen=True, slots=True)
class Cause:
    """Loose ends with one cause.

    Args:
        settles: what an annotation is keyed by, e.g. ``PAYMENTS_URL``, or the cause itself.
        edge: kind of edge that is missing.
        reason: why, for people.
        references: how many places an annotation settles.
        places: ``file:line``, sorted.
        annotation: testmesh.toml lines that settle all of them, or empty.
        service: the service they surely go to, or empty.
    """

    settles: str
    edge: str
    reason: str
    references: int
    places: tuple[str, ...]
    annotation: str
    service: str = ""


_Key = tuple[str, str, str]


class _End(NamedTuple):
    place: str
    reason: str
    annotation: str


@dataclass(frozen=True, slots=True)
class Unresolved:
    """All loose ends.

    Args:
        causes: those that settle most first.
        total: loose ends.
    """

    causes: tuple[Cause, ...]
    total: int


def unresolved(store: GraphStore, edge: str = "") -> Unresolved:
    """Loose ends by cause.

    Args:
        store: the graph.
        edge: only this kind of missing edge, or every kind when empty.
    """
    part = store.slice(("Unresolved",), ("CALLS",))
    groups: dict[_Key, list[_End]] = {}
    for key, end in (*_ends(part), *_guesses(part)):
        if edge in ("", key[1]):
            groups.setdefault(key, []).append(end)
    causes = sorted((_cause(key, ends) for key, ends in groups.items()), key=_order)
    return Unresolved(tuple(causes), sum(c.references for c in causes))


def _ends(part: Subgraph) -> Iterator[tuple[_Key, _End]]:
    for node in part.nodes.values():
        if node.kind == "Unresolved":
            given = {name: str(node.props.get(name) or "") for name in ("settles", "edge", "service")}
            reason, annotation = (str(node.props.get(name) or "") for name in ("reason", "annotation"))
            key = given["settles"] or node.key[3], given["edge"], given["service"]
            yield key, _End(f"{node.key[1]}:{node.key[2]}", reason or node.key[3], annotation)


def _guesses(part: Subgraph) -> Iterator[tuple[_Key, _End]]:
    """Calls linked by their path alone: an annotation of their host would make them certain."""
    for edge in part.edges.values():
        settles, annotation = (str(edge.props.get(name) or "") for name in ("settles", "annotation"))
        if edge.resolution.status == "candidate" and settles and annotation:
            target = part.nodes[edge.target]
            service = target.key[0] if target.kind == "Endpoint" else ""
            place = min((e.place() for e in edge.evidence if e.place()), default="")
            reason = edge.resolution.reason or f"only the path says that it is {target.label}"
            yield (settles, edge.kind, service), _End(place, reason, annotation)


def _order(cause: Cause) -> tuple[int, str, str, str]:
    return -cause.references, cause.settles, cause.edge, cause.service


def _cause(key: _Key, ends: list[_End]) -> Cause:
    settles, edge, service = key
    reason, annotation = _commonest([e.reason for e in ends]), _commonest([e.annotation for e in ends])
    return Cause(settles, edge, reason, len(ends), tuple(sorted(e.place for e in ends)), annotation, service)


def _commonest(texts: list[str]) -> str:
    counts = Counter(texts)
    return min(counts, key=lambda t: (-counts[t], t))


def _run(asked: Asked) -> Unresolved:
    return unresolved(asked.store, str(asked.given("edge", "")))


QUERY = Query(
    "unresolved",
    "What could not be linked, and the annotation that settles it.",
    {"edge": Parameter("Only this kind of missing edge, e.g. CALLS")},
    _run,
)
