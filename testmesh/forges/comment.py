"""The one comment people read on a change: what it affects, why it failed, what the fix is; silent when nothing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from graph.answers import Confidence, Diagnosis, FileEdit, Fix, GateResult, Impact

MARKER = "<!-- testmesh:change -->"
_SHOWN = 10
_LONGEST = 60_000
_MARKS = {"passed": "✅", "failed": "❌", "not checked": "▫️"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def sticky(impact: Impact | None, diagnosis: Diagnosis | None = None, fix: Fix | None = None) -> str:
    """The whole comment as Markdown, or empty when there is nothing to say.

    Args:
        impact: what the change affects.
        diagnosis: why a flow failed.
        fix: what to do about it.
    """
    parts = [*(_impact(impact) if impact else ()), *(_diagnosis(diagnosis) if diagnosis else ())]
    parts += list(_fix(fix)) if fix else []
    return "" if not parts else _cut("\n".join([MARKER, *parts]) + "\n")


def pull_text(fix: Fix) -> str:
    """The body of a fix's pull request as Markdown.

    Args:
        fix: with edits, gates and diagnosis.
    """
    parts = list(_fix(fix))
    if fix.diagnosis:
        parts += list(_diagnosis(fix.diagnosis))
    return _cut("\n".join(parts))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "\n\n(cut off)\n"


def plain(text: str) -> str:
    """Text from code, commits or runs so that Markdown shows it and nothing else: no markup, no mention, one line.

    Args:
        text: untrusted.
    """
    line = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", line).replace("@", "@\u200b")


def _code(text: str) -> str:
    return "`" + " ".join(text.split()).replace("`", "'") + "`"


def _impact(impact: Impact) -> Iterator[str]:
    if not impact.affected and not impact.flows and not impact.unknown:
        return
    must = [f for f in impact.flows if f.selection == "must"]
    may = [f for f in impact.flows if f.selection == "may"]
    yield f"### What this change affects\n\n{len(must)} flows must run, {len(may)} may be affected."
    if impact.flows:
        yield "\n| flow | | because |\n|---|---|---|"
        yield from (f"| {_code(f.file)} | {f.selection} | {plain(f.reason)} |" for f in impact.flows[:_SHOWN])
        yield from _more(len(impact.flows))
    if impact.untested:
        yield "\nNo flow tests " + ", ".join(_code(u) for u in impact.untested[:_SHOWN]) + "."
    if impact.unknown:
        yield f"\n{len(impact.unknown)} links could not be resolved:"
        yield from (f"- {_code(b.place)} {plain(b.reason)}" for b in impact.unknown[:_SHOWN])


def _more(count: int) -> Iterator[str]:
    if count > _SHOWN:
        yield f"\n… and {count - _SHOWN} more."


def _diagnosis(diagnosis: Diagnosis) -> Iterator[str]:
    yield f"\n### Why {_code(diagnosis.flow)} failed: {diagnosis.failure}\n\n{plain(diagnosis.summary)}"
    if diagnosis.causes:
        yield "\n| | cause | score |\n|---|---|---|"
        for rank, cause in enumerate(diagnosis.causes[:3], 1):
            place = f"{cause.file}:{cause.line}" if cause.line else cause.file
            by = f" {_code(cause.commit[:10])}" if cause.commit else ""
            why = plain(cause.clues[0].text) if cause.clues else ""
            yield f"| {rank} | {_code(place)}{by} {why} | {cause.score:.2f} |"
    if diagnosis.confirmation:
        yield f"\n{diagnosis.confirmation.outcome.capitalize()}: {plain(diagnosis.confirmation.text)}"
    yield from _unchecked(diagnosis.not_checked)


def _unchecked(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield "\n<details><summary>Not checked</summary>\n"
        yield from (f"- {plain(n)}" for n in notes)
        yield "\n</details>"


def _fix(fix: Fix) -> Iterator[str]:
    yield f"\n### Fix: {fix.status}\n\n{plain(fix.title)}\n"
    yield "\n".join(plain(line) for line in fix.explanation.splitlines() if line.strip())
    for edit in fix.edits:
        yield "\n" + _fenced(diff(edit))
    if fix.gates:
        yield "\n| gate | | |\n|---|---|---|"
        yield from map(_gate, fix.gates)
    if fix.confidence:
        yield "\n" + shown(fix.confidence)
    yield from _unchecked(fix.not_checked)


def _gate(gate: GateResult) -> str:
    return f"| {gate.gate} | {_MARKS[gate.outcome]} {gate.outcome} | {plain(gate.detail)} |"


def diff(edit: FileEdit) -> str:
    """One file's edit as a unified diff.

    Args:
        edit: the texts before and after.
    """
    old, new = edit.before.splitlines(keepends=True), edit.after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(old, new, f"a/{edit.path}", f"b/{edit.path}"))


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}diff\n{text.rstrip()}\n{fence}"


def shown(counted: Confidence) -> str:
    """Confidence as counts and interval.

    Args:
        counted: of comparable cases.
    """
    share = f"{counted.passed} of {counted.total} comparable fixes held"
    parts = plain(", ".join(counted.parts))
    return f"Confidence: {share} (95 % interval {counted.low:.0%} to {counted.high:.0%}; {parts})."
