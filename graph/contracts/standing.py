"""Seams of one revision whose sides do not fit: read but never sent, required but not given, of another type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from graph.contracts.fields import Presence, clash, fields, presence
from graph.contracts.findings import Finding, NotChecked, Severity
from graph.contracts.samples import sample
from graph.contracts.seams import Seam, Side
from graph.values import Shape

DECLARED = "declared-not-sent"
# RFC 9457 members and the names error answers commonly have: success payloads say nothing about them
_OF_ERRORS = frozenset(
    """
    type title status detail instance error errors error_description message msg code reason
    """.split()  # noqa: SIM905  -- a list of words reads better as words
)


def standing(seam: Seam) -> Iterator[Finding]:
    """Everything that does not fit at a seam.

    Args:
        seam: with both its sides.
    """
    for reader in seam.readers:
        yield from _never_sent(seam, reader)
        for sender in seam.senders:
            yield from _types(seam, sender, reader)


def unknown(seam: Seam) -> Iterator[NotChecked]:
    """The sides of a seam that cannot be compared; requests only where the operation or a caller shows a payload.

    Args:
        seam: with both its sides.
    """
    if seam.kind == "request" and all(s.shape is None for s in (*seam.senders, *seam.readers)):
        return
    for sender in seam.senders:
        if sender.shape is None or sender.shape == Shape():
            yield NotChecked(seam.label, sender.label, sender.place, f"what it sends as {seam.kind} is not known")
    for reader in seam.readers:
        if reader.reads is None:
            yield NotChecked(
                seam.label, reader.label, reader.place, f"which fields of the {seam.kind} it reads is not known"
            )


def needed(seam: Seam, reader: Side) -> list[str]:
    """The fields a reader cannot do without: all it reads of a message or response, what a request requires.

    Args:
        seam: where.
        reader: one of its readers.
    """
    known = fields(reader.shape)
    if seam.kind == "request":
        return [path for path, leaf in known.items() if leaf.always]
    return sorted(reader.reads or ())


def _never_sent(seam: Seam, reader: Side) -> Iterator[Finding]:
    if not seam.senders:
        return
    told: set[str] = set()
    for path in needed(seam, reader):
        if any(path.startswith(f"{t}.") for t in told):
            continue
        found = [(s, _sent(seam, (s, reader), path)) for s in seam.senders]
        missing = [s for s, p in found if p == "missing"]
        if not missing or (seam.kind == "response" and path in _OF_ERRORS):
            continue
        told.add(path)
        if seam.kind == "request":
            yield from (_not_given(seam, (s, reader), path) for s in missing)
        elif len(missing) == len(found):
            yield _read_but_missing(seam, missing, reader, path)


def _sent(seam: Seam, sides: tuple[Side, Side], path: str) -> Presence:
    """Whether a sender's payload has a field; JSON clients of gRPC operations see ``order_id`` as ``orderId``."""
    sender = sides[0]
    known = presence(sender.shape, path)
    if known != "missing":
        return known
    if ":grpc " in seam.label:
        return "unknown" if _plain(path) in {_plain(p) for p in fields(sender.shape)} else known
    return "unknown" if spelled(sides, path) else known


def spelled(sides: tuple[Side, Side], path: str) -> bool:
    """Whether a field is sent in other capitals, which Go and C# do not mind, and C# chooses in its options.

    Args:
        sides: sender and reader.
        path: dotted field the reader reads.
    """
    sender, reader = sides
    careless = reader.place.rpartition(":")[0].endswith((".go", ".cs")) or sender.place.rpartition(":")[0].endswith(
        ".cs"
    )
    return careless and path.lower() in {p.lower() for p in fields(sender.shape)}


def _plain(path: str) -> str:
    return path.replace("_", "").lower()


def _read_but_missing(seam: Seam, senders: list[Side], reader: Side, path: str) -> Finding:
    leaf = fields(reader.shape).get(path)
    declared = _only_declares(reader)
    optional = declared or (leaf is not None and leaf.field.required is False)
    severity: Severity = "warning" if optional else "breaking"
    whom = senders[0].service if len(senders) == 1 else f"none of {len(senders)} senders"
    verb = "does not send" if len(senders) == 1 else "sends"
    does = "declares" if declared else "reads"
    text = f"{reader.service} {does} `{path}` of {seam.label}, which {whom} {verb}"
    rule = DECLARED if declared and (leaf is None or leaf.field.required is not False) else "read-not-sent"
    found = between((senders[0], reader), (rule, severity), (seam.label, path), text)
    return replace(found, status=status(reader, senders))


def _only_declares(reader: Side) -> bool:
    """Whether a reader's fields are those of a type that decoding does not check: all but Python's models."""
    inner = reader.shape
    while inner is not None and inner.item is not None:
        inner = inner.item
    file = reader.place.rpartition(":")[0]
    return inner is not None and bool(inner.named) and not file.endswith(".py")


def _not_given(seam: Seam, sides: tuple[Side, Side], path: str) -> Finding:
    text = f"{seam.label} requires `{path}`, which {sides[0].service} does not send"
    return between(sides, ("required-not-sent", "breaking"), (seam.label, path), text)


def _types(seam: Seam, sender: Side, reader: Side) -> Iterator[Finding]:
    sent = fields(sender.shape)
    for path, leaf in fields(reader.shape).items():
        other = sent.get(path)
        if other is None or not clash(leaf.field.shape, other.field.shape):
            continue
        was, is_ = other.field.shape.type, leaf.field.shape.type
        text = f"{sender.service} sends `{path}` of {seam.label} as {was}, {reader.service} reads it as {is_}"
        yield between((sender, reader), ("other-type", "breaking"), (seam.label, path), text)


def between(sides: tuple[Side, Side], rule: tuple[str, Severity], about: tuple[str, str], text: str) -> Finding:
    """A finding about a sender and a reader, with a payload that shows it.

    Args:
        sides: sender and reader.
        rule: its name and how severe.
        about: label of the seam, and the dotted field.
        text: one sentence.
    """
    sender, reader = sides
    return Finding(
        rule=rule[0],
        severity=rule[1],
        seam=about[0],
        field=about[1],
        text=text,
        sender=sender.label,
        sender_at=sender.place,
        reader=reader.label,
        reader_at=reader.place,
        service=reader.service,
        status=status(reader, [sender]),
        reader_span=reader.span,
        repository=reader.repository,
        witness=sample(sender.shape) if sender.shape is not None else None,
    )


def status(reader: Side, senders: Iterable[Side]) -> str:
    """Resolved when every link on the way is.

    Args:
        reader: a reader.
        senders: who sends to it.
    """
    return "resolved" if reader.sure and all(s.sure for s in senders) else "candidate"
