"""A check of the seams as people read it: what does not fit, where both sides are, and what the reader meets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from testmesh.cli._options import counted

if TYPE_CHECKING:
    from graph.contracts.findings import Check, Finding

_WITNESS = 160
_SILENT = 5


def shown(check: Check, every: bool) -> Iterator[str]:
    """Lines for the terminal.

    Args:
        check: what was found.
        every: list every side that is not known, not only the first few.
    """
    for finding in check.findings:
        yield from _finding(finding)
    yield _summary(check)
    listed = check.not_checked if every else check.not_checked[:_SILENT]
    for silent in listed:
        yield f"  not checked: {silent.seam}: {silent.why} ({silent.at})"
    if len(check.not_checked) > len(listed):
        yield f"  and {len(check.not_checked) - len(listed)} more (--all lists them)"


def _finding(finding: Finding) -> Iterator[str]:
    unsure = ", not certain" if finding.status != "resolved" else ""
    yield f"{finding.severity}{unsure}: {finding.text}"
    if finding.sender_at:
        yield f"  {_role(finding)} {finding.sender_at}  {_short(finding.sender)}"
    if finding.reader_at:
        yield f"  read at  {finding.reader_at}  {_short(finding.reader)}"
    if finding.witness is not None and finding.severity == "breaking":
        text = json.dumps(finding.witness, ensure_ascii=False)
        yield f"  a payload that shows it: {text if len(text) <= _WITNESS else text[:_WITNESS] + '...'}"


def _role(finding: Finding) -> str:
    return "sent at " if finding.reader else "see     "


def _short(label: str) -> str:
    return label.partition("::")[2] or label


def _summary(check: Check) -> str:
    count = {name: sum(f.severity == name for f in check.findings) for name in ("breaking", "warning", "note")}
    found = f"{count['breaking']} breaking, {counted(count['warning'], 'warning')}, {counted(count['note'], 'note')}"
    what = "what the change breaks" if check.compared else "what stands"
    sides = f"{counted(check.seams, 'seam')} with both sides; {counted(len(check.not_checked), 'side')} not known"
    return f"{found} ({what}); {sides}"
