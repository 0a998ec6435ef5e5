"""What a change does to a seam: a field somebody reads is dropped, renamed, retyped or now asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from graph.contracts.fields import Leaf, clash, fields, presence, read_at, within
from graph.contracts.findings import Finding, Severity
from graph.contracts.seams import Seam, Side
from graph.contracts.standing import between, spelled

_WORDS = {
    "dropped": "no longer sends `{path}`",
    "renamed": "renamed `{path}` to `{new}`",
    "retyped": "sends `{path}` as {new}, it was {old}",
    "optional": "does not always send `{path}` any more",
}


@dataclass(frozen=True, slots=True)
class _Step:
    """A change of one field at one sender."""

    rule: str
    path: str
    old: str = ""
    new: str = ""
    sure: bool = True


def broken(base: Seam, head: Seam) -> Iterator[Finding]:
    """Every change of what is sent that a reader of the new revision still depends on.

    Args:
        base: the seam before.
        head: the same seam after.
    """
    for before, after in _pairs(base, head):
        for step in _steps(before, after):
            for reader in head.readers:
                if head.kind == "request":
                    yield from _asked(head, (after, reader), step)
                elif reader.reads is not None and read_at(step.path, reader.reads) and not _fine(reader, after, step):
                    yield _finding(head, (after, reader), step)
    yield from _demanded(base, head)
    yield from _renamed_at_reader(base, head)


def _pairs(base: Seam, head: Seam) -> Iterator[tuple[Side, Side]]:
    """The same sender before and after: the same symbol, else the only other one of the same service."""
    old, new = ({s.uid: s for s in seam.senders} for seam in (base, head))
    for uid in sorted(old.keys() & new.keys(), key=lambda u: new[u].label):
        yield old[uid], new[uid]
    left: dict[str, tuple[list[Side], list[Side]]] = defaultdict(lambda: ([], []))
    for uid in old.keys() - new.keys():
        left[old[uid].service][0].append(old[uid])
    for uid in new.keys() - old.keys():
        left[new[uid].service][1].append(new[uid])
    for _, (gone, come) in sorted(left.items()):
        if len(gone) == len(come) == 1:
            yield gone[0], come[0]


def _steps(before: Side, after: Side) -> Iterator[_Step]:
    was, now = fields(before.shape), fields(after.shape)
    gone = _gone(before, after, was)
    for path, sure in gone.items():
        new = _renamed(path, was, now, gone)
        yield _Step("renamed", path, new=new, sure=sure) if new else _Step("dropped", path, sure=sure)
    for path in was.keys() & now.keys():
        one, other = was[path].field, now[path].field
        if clash(one.shape, other.shape):
            yield _Step("retyped", path, one.shape.type, other.shape.type)
        elif was[path].always is True and now[path].always is False:
            yield _Step("optional", path)


def _gone(before: Side, after: Side, was: Mapping[str, Leaf]) -> dict[str, bool]:
    """Fields that are sent no more, topmost only; False where the new payload may hold more than is written."""
    found: dict[str, bool] = {}
    if after.shape is None:
        return found
    for path in was:
        if any(path.startswith(f"{p}.") for p in found):
            continue
        now = presence(after.shape, path)
        written = now == "unknown" and path not in fields(after.shape) and _same_openness(before, after, path)
        if now == "missing" or written:
            found[path] = now == "missing"
    return found


def _same_openness(before: Side, after: Side, path: str) -> bool:
    """Whether both payloads name some of their fields around a path, and may hold more than they name."""
    parent = path.rpartition(".")[0]
    around = [within(side.shape, parent) for side in (before, after)]
    return all(shape is not None and shape.open and bool(shape.fields) for shape in around)


def _renamed(path: str, was: Mapping[str, Leaf], now: Mapping[str, Leaf], gone: Mapping[str, bool]) -> str:
    """The new name of a field: the only new one beside the only one gone, unless their types clash."""
    parent = path.rpartition(".")[0]
    fresh = [p for p in now if p not in was and p.rpartition(".")[0] == parent]
    lost = [p for p in gone if p.rpartition(".")[0] == parent]
    if len(fresh) != 1 or len(lost) != 1 or clash(was[path].field.shape, now[fresh[0]].field.shape):
        return ""
    return fresh[0].rpartition(".")[2]


def _fine(reader: Side, after: Side, step: _Step) -> bool:
    gone = step.rule in ("dropped", "renamed")
    return _agrees(reader, after, step) or (gone and spelled((after, reader), step.path))


def _agrees(reader: Side, after: Side, step: _Step) -> bool:
    """Whether the reader is fine with the new payload: it takes the new type, or does without the field."""
    leaf = fields(reader.shape).get(step.path)
    if leaf is None:
        return False
    if step.rule == "retyped":
        now = fields(after.shape)[step.path].field.shape
        return leaf.field.shape.type != "unknown" and not clash(leaf.field.shape, now)
    return step.rule == "optional" and leaf.field.required is False


def _finding(seam: Seam, sides: tuple[Side, Side], step: _Step) -> Finding:
    sender, reader = sides
    did = _WORDS[step.rule].format(path=step.path, old=step.old, new=step.new)
    severity: Severity = "warning" if step.rule == "optional" else "breaking"
    text = f"{sender.service} {did} in {seam.label}; {reader.service} reads it"
    found = between(sides, (step.rule, severity), (seam.label, step.path), text)
    return found if step.sure else replace(found, status="candidate")


def _asked(seam: Seam, sides: tuple[Side, Side], step: _Step) -> Iterator[Finding]:
    """A caller that changes a field of its request which the operation reads and does not declare optional."""
    sender, reader = sides
    leaf = fields(reader.shape).get(step.path)
    if leaf is None or (leaf.always is False and step.rule != "retyped") or _agrees(reader, sender, step):
        return
    told_elsewhere = leaf.always is None and leaf.field.shape.type == "unknown" and _of_type(reader)
    if told_elsewhere or (step.rule == "optional" and leaf.always is not True):
        return
    did = _WORDS[step.rule].format(path=step.path, old=step.old, new=step.new)
    text = f"{sender.service} {did} to {seam.label}, which {'requires' if leaf.always else 'reads'} it"
    yield between(sides, (step.rule, "breaking"), (seam.label, step.path), text)


def _of_type(reader: Side) -> bool:
    """Whether a reader takes a named type, whose fields without a type are told elsewhere (a model's columns)."""
    return reader.shape is not None and bool(reader.shape.named)


def _demanded(base: Seam, head: Seam) -> Iterator[Finding]:
    """A reader that requires a field it did without before, which a sender does not always give."""
    old = {r.uid: fields(r.shape) for r in base.readers}
    for reader in head.readers:
        before = old.get(reader.uid)
        if before is None:
            continue
        for path, leaf in fields(reader.shape).items():
            if not _stricter(before.get(path), leaf):
                continue
            for sender in head.senders:
                yield from _unmet(head, (sender, reader), path)


def _stricter(was: Leaf | None, leaf: Leaf) -> bool:
    """Whether a field is asked for that was not: it is new and required, or lost the mark that made it optional."""
    if was is not None and was.always is False:
        return leaf.always is not False
    return leaf.always is True and (was is None or was.always is not True)


def _unmet(seam: Seam, sides: tuple[Side, Side], path: str) -> Iterator[Finding]:
    sender, reader = sides
    sent = fields(sender.shape).get(path)
    if sent is not None and sent.always is not False:
        return
    if sent is None and (presence(sender.shape, path) != "missing" or spelled(sides, path)):
        return
    how = "does not send it" if sent is None else "does not always send it"
    text = f"{reader.service} now requires `{path}` of {seam.label}; {sender.service} {how}"
    yield between(sides, ("now-required", "breaking"), (seam.label, path), text)


def _renamed_at_reader(base: Seam, head: Seam) -> Iterator[Finding]:
    """A reader that looks for a field under another name than before, which the senders still use."""
    old = {r.uid: fields(r.shape) for r in base.readers}
    for reader in head.readers:
        was, now = old.get(reader.uid, {}), fields(reader.shape)
        gone = {path: True for path in was if path not in now}
        for path in gone:
            new = _renamed(path, was, now, gone)
            to = f"{path.rpartition('.')[0]}.{new}".lstrip(".")
            for sender in head.senders if new else ():
                there = presence(sender.shape, path) == "there" and presence(sender.shape, to) != "there"
                if there and not spelled((sender, reader), to):
                    text = f"{reader.service} now reads `{to}` of {head.label}; {sender.service} still sends `{path}`"
                    found = between((sender, reader), ("renamed", "breaking"), (head.label, to), text)
                    sure = presence(sender.shape, to) == "missing"
                    yield found if sure else replace(found, status="candidate")
