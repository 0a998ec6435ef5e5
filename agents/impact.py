"""Says what a change affects: the answer is computed by the graph's impact query, here it is put into words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from graph.answers import Affected, Boundary, Hop, Impact, SelectedFlow
from graph.change import WORKTREE, Change, ChangedItem
from graph.contracts.findings import Break, Check
from graph.linking.judged import shown
from graph.queries.check import compared
from graph.queries.impact import affected
from graph.store import GraphStore
from testmesh.kernel.errors import NotFoundError

_MOST, _MOST_OPEN = 50, 10
_KINDS = ("Service", "Endpoint", "Topic", "Dataset")


@dataclass(frozen=True, slots=True)
class ImpactInputs:
    """What the impact agent looks at.

    Args:
        base: graph of the merge base.
        head: graph of the head, usually an overlay.
        change: what differs between the two.
    """

    base: GraphStore
    head: GraphStore
    change: Change


def answer(inputs: ImpactInputs) -> Impact:
    """What the change affects, from the graph alone.

    Args:
        inputs: both graphs and the change.
    """
    found = affected(inputs.base, inputs.head, inputs.change)
    return replace(found, breaks=tuple(_breaks(compared(inputs.base, inputs.head))))


def _breaks(check: Check) -> Iterator[Break]:
    for finding in check.findings:
        if finding.severity == "breaking":
            yield Break(
                rule=finding.rule,
                text=finding.text,
                seam=finding.seam,
                field=finding.field,
                sender_at=finding.sender_at,
                reader_at=finding.reader_at,
                service=finding.service,
                certain=finding.status == "resolved",
            )


def summary(impact: Impact) -> str:
    """One line: how much changed, which flows run.

    Args:
        impact: the answer.
    """
    must = sum(f.selection == "must" for f in impact.flows)
    parts = [_count(must, "flow") + " must run", f"{len(impact.flows) - must} may", _rest(impact)]
    broken = [f"{_count(len(impact.breaks), 'side')} left behind"] if impact.breaks else []
    return ", ".join([*parts, *broken])


def _rest(impact: Impact) -> str:
    text = f"{len(impact.unaffected_flows)} unaffected"
    return text + (f", {_count(len(impact.unknown), 'open end')}" if impact.unknown else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def text(impact: Impact) -> str:
    """The answer for a terminal.

    Args:
        impact: the answer.
    """
    head = "the work tree" if impact.head == WORKTREE else impact.head[:12]
    lines = [f"{impact.repository}: {impact.base[:12]} .. {head}", f"{summary(impact)}", ""]
    lines += _section("Breaks", [_broken(b) for b in impact.breaks])
    lines += _section("Changed", [_changed(item) for item in impact.changed])
    for selection in ("must", "may"):
        flows = [f for f in impact.flows if f.selection == selection]
        lines += _section(f"{selection.capitalize()} run", [f"{f.file}  {f.reason}" for f in flows])
    for kind in _KINDS:
        found = [a for a in impact.affected if a.kind == kind]
        lines += _section(
            f"Affected {kind.lower()}s", [a.label + ("" if a.certain else "  (not certain)") for a in found]
        )
    lines += _section("Affected, and no flow exercises it", impact.untested)
    lines += _section("Unknown", [_boundary(b) for b in impact.unknown], _MOST_OPEN)
    lines += _section("Notes", impact.notes)
    return "\n".join(lines).rstrip() + "\n"


def _broken(one: Break) -> str:
    places = " -> ".join(place for place in (one.sender_at, one.reader_at) if place)
    return f"{one.text}{'' if one.certain else '  (not certain)'}  {places}".rstrip()


def _changed(item: ChangedItem) -> str:
    name = f" {item.name}" if item.name else ""
    detail = f": {item.detail}" if item.detail else ""
    return f"{item.file}:{item.line}  {item.kind}{name} {item.action}{detail}"


def _boundary(boundary: Boundary) -> str:
    hint = f"  -> testmesh.toml: {' '.join(boundary.annotation.split())}" if boundary.annotation else ""
    return f"{boundary.place}  {boundary.reason}{hint}"


def _section(title: str, rows: Sequence[str], most: int = _MOST) -> list[str]:
    if not rows:
        return []
    more = [f"  and {len(rows) - most} more (--json shows all)"] if len(rows) > most else []
    return [f"{title} ({len(rows)})", *(f"  {row}" for row in rows[:most]), *more, ""]


def why(impact: Impact, node: str) -> str:
    """The proof that a node or flow is affected, one line a hop.

    Args:
        impact: the answer.
        node: a label as people type it, a flow's file or name, or a uid.

    Raises:
        NotFoundError: the answer does not have it.
    """
    for flow in impact.flows:
        if node in (flow.file, flow.name):
            return _proof(f"{flow.file} {flow.selection} run: {flow.reason}", flow.path)
    for found in impact.affected:
        if node in (found.label, found.uid):
            return _proof(f"{found.label} is affected{'' if found.certain else ', not certainly'}", found.path)
    if node in impact.unaffected_flows:
        return f"{node} is unaffected: nothing it runs or looks at is reached by the change, and no end is open\n"
    near = [a.label for a in impact.affected if node.lower() in a.label.lower()]
    hint = f"did you mean {near[0]}?" if near else "labels look like orders:POST /orders; flows like flows/order.yaml"
    raise NotFoundError(f"the change does not reach '{node}'", hint=hint)


def _proof(title: str, path: Iterable[Hop]) -> str:
    return "\n".join([title, *(f"  {line}" for line in map(_hop, path))]) + "\n"


def _hop(hop: Hop) -> str:
    doubt = "" if hop.status == "resolved" else f" [{hop.status}{f', {shown(hop.rule)}' if hop.rule else ''}]"
    note = f"  ({hop.note})" if hop.note and hop.edge != "CHANGED" else ""
    place = f"  {hop.place}" if hop.place else ""
    said = f"{hop.target} changed: {hop.source}" if hop.edge == "CHANGED" else f"{hop.source} {hop.edge} {hop.target}"
    return f"{said}{doubt}{place}{note}"


def markdown(impact: Impact) -> str:
    """The answer as a pull request comment.

    Args:
        impact: the answer.
    """
    lines = [f"### Impact: {_plain(summary(impact))}", ""]
    if impact.flows:
        lines += ["| run | flow | why |", "| --- | --- | --- |"]
        lines += [f"| {f.selection} | {_code(f.file)} | {_plain(f.reason)} |" for f in impact.flows[:_MOST]]
        lines += _cut(len(impact.flows), "flows")
    else:
        lines += ["No flow has to run."]
    lines += _list("Breaks", [f"{_plain(b.text)} ({_code(b.reader_at or b.sender_at)})" for b in impact.breaks])
    lines += _list("No flow exercises", [_code(label) for label in impact.untested])
    lines += _list("Unknown", [f"{_code(b.place)} {_plain(b.reason)}{_settle(b)}" for b in impact.unknown])
    lines += _list("Notes", [_plain(n) for n in impact.notes])
    lines += _details(impact.affected, impact.flows)
    return "\n".join(lines).rstrip() + "\n"


def _list(title: str, rows: Sequence[str]) -> list[str]:
    if not rows:
        return []
    return ["", f"**{title}**", "", *(f"- {row}" for row in rows[:_MOST]), *_cut(len(rows), "more")]


def _cut(total: int, noun: str) -> list[str]:
    return ["", f"… and {total - _MOST} {noun} that are not shown."] if total > _MOST else []


def _settle(boundary: Boundary) -> str:
    return f" — settled by {_code(' '.join(boundary.annotation.split()))}" if boundary.annotation else ""


def _details(found: Sequence[Affected], flows: Sequence[SelectedFlow]) -> list[str]:
    rows = [(f.file, f.path) for f in flows if f.path] + [(a.label, a.path) for a in found]
    if not rows:
        return []
    out = ["", f"<details><summary>Why ({len(rows)})</summary>", ""]
    for label, path in rows[:_MOST]:
        out += [f"- {_code(label)}", *(f"  - {_code(_hop(hop))}" for hop in path)]
    return [*out, "", "</details>"]


def _code(words: str) -> str:
    clean = " ".join(words.split()).replace("|", "\\|")
    fence = "``" if "`" in clean else "`"
    pad = " " if fence == "``" else ""
    return f"{fence}{pad}{clean}{pad}{fence}"


def _plain(words: str) -> str:
    clean = " ".join(words.split())
    for sign in "\\`*_[]<>|":
        clean = clean.replace(sign, f"\\{sign}")
    return clean.replace("@", "@\u200b")
