"""Topics with only one end, and operations and topics a change takes away from those who still use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graph.contracts.findings import Finding
from graph.contracts.seams import Seam, Seams, Side


def dead(seams: Mapping[tuple[str, str], Seam], graph: Seams) -> Iterator[Finding]:
    """Topics that nothing we know sends to, or nothing we know hears.

    Args:
        seams: all of a graph.
        graph: the same, to see which senders and readers could not be named.
    """
    loose = {
        edge.kind
        for edge in graph.graph.edges.values()
        if edge.kind in ("PUBLISHES", "CONSUMES") and graph.graph.nodes[edge.target].kind == "Unresolved"
    }
    for (kind, _), seam in sorted(seams.items(), key=lambda row: row[1].label):
        if kind != "message":
            continue
        hearing = [r for r in seam.readers if r.reads is None or r.service]
        if hearing and not seam.senders and "PUBLISHES" not in loose:
            first = hearing[0]
            text = f"{first.service} listens to {seam.label}, and nothing we know publishes it"
            yield _one_ended("listener-without-publisher", seam, text, reader=first)
        if seam.senders and not hearing and "CONSUMES" not in loose:
            first = seam.senders[0]
            text = f"{first.service} publishes {seam.label}, and nothing we know listens to it"
            yield _one_ended("publisher-without-listener", seam, text, sender=first)


def _one_ended(rule: str, seam: Seam, text: str, *, sender: Side | None = None, reader: Side | None = None) -> Finding:
    return Finding(
        rule,
        "warning" if reader is not None else "note",
        seam.label,
        "",
        text,
        sender.label if sender else "",
        sender.place if sender else "",
        reader.label if reader else "",
        reader.place if reader else "",
        reader.service if reader else "",
        "candidate",
    )


def gone(base: Mapping[tuple[str, str], Seam], head: Mapping[tuple[str, str], Seam], now: Seams) -> Iterator[Finding]:
    """Operations that are no longer offered while a caller of before still sends them, and topics left unsent.

    Args:
        base: seams before.
        head: seams after.
        now: the graph after.
    """
    dangling = {
        edge.source
        for edge in now.graph.edges.values()
        if edge.kind == "CALLS" and now.graph.nodes[edge.target].kind == "Unresolved"
    }
    for key, seam in sorted(base.items(), key=lambda row: row[1].label):
        if seam.kind == "response" and key not in head:
            for caller in seam.readers:
                if caller.uid in dangling:
                    text = f"{seam.label} is no longer offered; {caller.service} still calls it"
                    yield _left(seam, caller, "operation-gone", text)
        if seam.kind == "message" and seam.senders and key in head and not head[key].senders:
            for reader in head[key].readers:
                text = f"{seam.senders[0].service} no longer publishes {seam.label}; {reader.service} listens to it"
                yield _left(seam, reader, "topic-left", text)


def _left(seam: Seam, reader: Side, rule: str, text: str) -> Finding:
    sender = seam.senders[0] if seam.senders else None
    return Finding(
        rule,
        "breaking",
        seam.label,
        "",
        text,
        sender.label if sender else "",
        sender.place if sender else "",
        reader.label,
        reader.place,
        reader.service,
        "resolved" if reader.sure else "candidate",
    )
