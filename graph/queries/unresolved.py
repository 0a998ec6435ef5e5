"""What could not be linked, grouped by cause, with the annotation that settles each group."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from graph.query import Asked, Parameter, Query
from graph.schema import Node
from graph.store import GraphStore


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
    groups: dict[tuple[str, str, str], list[Node]] = {}
    for node in store.slice(("Unresolved",), ()).nodes.values():
        kind = str(node.props.get("edge") or "")
        if edge in ("", kind):
            key = str(node.props.get("settles") or node.key[3]), kind, str(node.props.get("service") or "")
            groups.setdefault(key, []).append(node)
    causes = sorted((_cause(key, nodes) for key, nodes in groups.items()), key=_order)
    return Unresolved(tuple(causes), sum(c.references for c in causes))


def _order(cause: Cause) -> tuple[int, str, str, str]:
    return -cause.references, cause.settles, cause.edge, cause.service


def _cause(key: tuple[str, str, str], nodes: list[Node]) -> Cause:
    settles, edge, service = key
    reason = _commonest([str(n.props.get("reason") or n.key[3]) for n in nodes])
    annotation = _commonest([str(n.props.get("annotation") or "") for n in nodes])
    places = tuple(sorted(f"{n.key[1]}:{n.key[2]}" for n in nodes))
    return Cause(settles, edge, reason, len(nodes), places, annotation, service)


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
