"""Says what no flow covers: the grades come from the graph's coverage query, here they are put into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graph.answers import Boundary, Coverage, CoverageRow, Dimension, Grade
from graph.queries.coverage import coverage
from graph.store import GraphStore

_MOST = 30
Writer = Callable[[CoverageRow], str]


@dataclass(frozen=True, slots=True)
class CoverageInputs:
    """What the coverage agent looks at.

    Args:
        store: the graph.
        write: writes a flow for a gap (`agents.generation.skeletons`), or None to leave skeletons out.
    """

    store: GraphStore
    write: Writer | None = None


def answer(inputs: CoverageInputs) -> Coverage:
    """What the flows cover, with a flow for each gap where asked for.

    Args:
        inputs: the graph, and what writes flows.
    """
    found = coverage(inputs.store)
    if inputs.write is None:
        return found
    write = inputs.write
    rows = (replace(row, skeleton=write(row)) if row.grade.reached == "none" else row for row in found.rows)
    return replace(found, rows=tuple(rows))


def gaps(found: Coverage) -> list[CoverageRow]:
    """Rows nothing reaches, the worst of all dimensions first.

    Args:
        found: the answer.
    """
    missing = [row for row in found.rows if row.grade.reached == "none"]
    return sorted(missing, key=lambda r: (-r.rank, r.dimension, r.label))


def text(found: Coverage) -> str:
    """The answer for a terminal.

    Args:
        found: the answer.
    """
    lines = ["Coverage"]
    lines += [f"  {d.name:<13} {_share(d)}" for d in found.dimensions]
    open_rows = gaps(found)
    if open_rows:
        lines += ["", f"Gaps ({len(open_rows)}), the worst first"]
        lines += [f"  {r.dimension}: {r.label}{f'  ({r.why})' if r.why else ''}  {r.place}" for r in open_rows[:_MOST]]
        lines += [f"  and {len(open_rows) - _MOST} more (--json shows all)"] if len(open_rows) > _MOST else []
    weak = [r for r in found.rows if r.dimension == "endpoint" and r.grade.reached != "none" and not r.grade.checks]
    if weak:
        lines += ["", f"Reached, and nothing is checked ({len(weak)})", *(f"  {r.label}" for r in weak[:_MOST])]
    if found.unresolved_steps:
        lines += ["", f"Steps that match nothing known ({len(found.unresolved_steps)})"]
        lines += [f"  {b.place}  {b.reason}{_hint(b)}" for b in found.unresolved_steps[:_MOST]]
    return "\n".join(lines) + "\n"


def _hint(boundary: Boundary) -> str:
    return f"  -> testmesh.toml: {' '.join(boundary.annotation.split())}" if boundary.annotation else ""


def _share(dimension: Dimension) -> str:
    if not dimension.measured:
        return f"not measured: {dimension.reason}"
    return f"{dimension.covered} of {dimension.total} ({100 * dimension.covered // dimension.total} %)"


def grade(grade: Grade) -> str:
    """A grade in words, e.g. ``executed, checks status and body``.

    Args:
        grade: how well something is tested.
    """
    if grade.reached in ("none", "unmeasured"):
        return grade.reached
    return f"{grade.reached}, checks {' and '.join(grade.checks) if grade.checks else 'nothing'}"


def markdown(found: Coverage) -> str:
    """The answer as Markdown.

    Args:
        found: the answer.
    """
    lines = ["### Coverage", "", "| dimension | covered |", "| --- | --- |"]
    lines += [f"| {d.name} | {_plain(_share(d))} |" for d in found.dimensions]
    lines += _table("Gaps", gaps(found))
    covered = [r for r in found.rows if r.grade.reached != "none"]
    if covered:
        lines += ["", f"<details><summary>Covered ({len(covered)})</summary>", "", "| what | grade | flows |"]
        lines += ["| --- | --- | --- |"]
        lines += [f"| {_code(r.label)} | {grade(r.grade)} | {', '.join(map(_code, r.grade.flows))} |" for r in covered]
        lines += ["", "</details>"]
    if found.unresolved_steps:
        lines += ["", "**Steps that match nothing known**", ""]
        lines += [f"- {_code(b.place)} {_plain(b.reason)}" for b in found.unresolved_steps]
    return "\n".join(lines) + "\n"


def _table(title: str, rows: Sequence[CoverageRow]) -> list[str]:
    if not rows:
        return []
    shown = [f"| {r.dimension} | {_code(r.label)} | {_plain(r.why)} |" for r in rows[:_MOST]]
    more = [f"| | … and {len(rows) - _MOST} more | |"] if len(rows) > _MOST else []
    return [
        "",
        f"**{title}** ({len(rows)})",
        "",
        "| dimension | what | why it matters |",
        "| --- | --- | --- |",
        *shown,
        *more,
    ]


def _code(words: str) -> str:
    clean = " ".join(words.split()).replace("|", "\\|").replace("`", "'")
    return f"`{clean}`"


def _plain(words: str) -> str:
    clean = " ".join(words.split())
    for sign in "\\`*_[]<>|":
        clean = clean.replace(sign, f"\\{sign}")
    return clean.replace("@", "@\u200b")
