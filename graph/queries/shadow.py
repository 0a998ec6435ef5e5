"""What services do at runtime that no code, specification or deployment file says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graph.observed import VERBS, Claim, Observed, Sighting, Window, observed
from graph.query import Asked, Parameter, Query
from graph.schema import Node
from graph.store import GraphStore

_OTHER_WAY = {"READS": "WRITES", "WRITES": "READS", "PUBLISHES": "CONSUMES", "CONSUMES": "PUBLISHES"}
_PLACES = 3


@dataclass(frozen=True, slots=True)
class Shadow:
    """A link that spans showed and nothing else says.

    Args:
        service: who.
        edge: kind of link, or OWNS for an operation that no code shows.
        label: what it touches.
        text: one sentence.
        seen: how often, when, where, with span ids.
        origins: the endpoints it came from, or the service.
        reason: why code may not show it.
        advice: what to do.
    """

    service: str
    edge: str
    label: str
    text: str
    seen: Sighting
    origins: tuple[str, ...]
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class Shadows:
    """All of them.

    Args:
        shadows: the most often seen first.
        confirmed: links that spans and code agree on.
        windows: where and when spans were observed; empty when never.
    """

    shadows: tuple[Shadow, ...]
    confirmed: int
    windows: tuple[Window, ...]


def shadow(store: GraphStore, service: str = "") -> Shadows:
    """Links seen at runtime that are not in the code.

    Args:
        store: the graph.
        service: only of this one, or of all when empty.
    """
    both = observed(store)
    loose = _loose_ends(both)
    rows = [
        _row(both, claim, sighting, loose)
        for claim, sighting in both.seen.items()
        if claim not in both.coded and service in ("", claim[0])
    ]
    rows.sort(key=lambda row: (-row.seen.count, row.service, row.edge, row.label))
    confirmed = sum(claim in both.coded and claim[1] != "OWNS" for claim in both.seen)
    return Shadows(tuple(rows), confirmed, both.windows)


_Loose = Mapping[tuple[str, str], Sequence[Node]]


def _loose_ends(both: Observed) -> _Loose:
    """Loose ends by the service they are in and the kind of link that is missing."""
    found: dict[tuple[str, str], list[Node]] = defaultdict(list)
    for edge in both.graph.edges.values():
        target = both.graph.nodes[edge.target]
        if target.kind == "Unresolved":
            for service in both.services(both.graph.nodes[edge.source]):
                found[service, edge.kind].append(target)
    return found


def _row(both: Observed, claim: Claim, sighting: Sighting, loose: _Loose) -> Shadow:
    service, kind, target = claim
    node = both.graph.nodes[target]
    reason, advice = _explained(both, claim, loose.get((service, kind), ()))
    return Shadow(
        service, kind, node.label, both.sentence(claim), sighting, tuple(sorted(both.origins[claim])), reason, advice
    )


def _explained(both: Observed, claim: Claim, loose: Sequence[Node]) -> tuple[str, str]:
    service, kind, target = claim
    node = both.graph.nodes[target]
    declare = f'[[edges]]\nfrom = "{service}"\nto = "{node.label}"\nwhy = "seen at runtime"'
    if not _has_code(both, service):
        return f"no code of {service} was read", f"testmesh scan the repository of {service}, or leave it as it is"
    if kind == "OWNS":
        return "no code of the service shows this operation", "see whether it is mounted at run time, or an old release"
    if loose:
        places = ", ".join(f"{end.key[1]}:{end.key[2]}" for end in loose[:_PLACES])
        settles = next((str(end.props["annotation"]) for end in loose if end.props.get("annotation")), "")
        word = VERBS[kind].partition(" ")[0]
        return f"{service} {word} something the scan could not name, at {places}", settles or declare
    other = _OTHER_WAY.get(kind, "")
    if (service, other, target) in both.coded:
        return f"its code only {VERBS[other].partition(' ')[0]} it", declare
    if unseen := _unseen(both, claim):
        return f"it may be RabbitMQ's exchange of {unseen}, which its code names", declare
    if node.kind == "External":
        return "the code names no such host", f'[services.NAME]\nhosts = ["{node.key[0]}"]'
    return "its code shows no such access", declare


def _unseen(both: Observed, claim: Claim) -> str:
    """Messages of RabbitMQ that code names and spans did not: some clients' spans name the exchange alone."""
    service, kind, target = claim
    if not both.graph.nodes[target].label.startswith("rabbitmq"):
        return ""
    others = [c[2] for c in both.coded if c[:2] == (service, kind) and c not in both.seen]
    labels = sorted(both.graph.nodes[other].label for other in others)
    return " or ".join([label for label in labels if label.startswith("rabbitmq")][:_PLACES])


def _has_code(both: Observed, service: str) -> bool:
    return any(claim[0] == service for claim in both.coded) or any(
        service in owners and both.graph.nodes[uid].kind == "Symbol" for uid, owners in both.owners.items()
    )


def _run(asked: Asked) -> Shadows:
    return shadow(asked.store, str(asked.given("service", "")))


QUERY = Query(
    "shadow",
    "What was seen at runtime and is not in the code.",
    {"service": Parameter("Only of this service")},
    _run,
)
