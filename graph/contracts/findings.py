"""What a check of the seams finds, as values: one sentence each, with the places of both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graph.schema import Json

Severity = Literal["breaking", "warning", "note"]
RANK = {"breaking": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """Two sides that do not fit.

    Args:
        rule: which comparison found it.
        severity: breaking (a reader fails or silently drops data), warning, or note.
        seam: label of the Topic, Endpoint or Dataset.
        field: dotted field, or empty.
        text: one sentence.
        sender: label of the one who sends, or empty.
        sender_at: ``file:line``.
        reader: label of the one who reads, or empty.
        reader_at: ``file:line``.
        service: whose the reader is.
        status: resolved, or candidate when a link on the way is one.
        reader_span: ``file:first-last`` of the reader's code, to look for the field in; empty when it is no symbol.
        repository: of the reader's file.
        witness: a payload the reader meets and does not understand, or None.
    """

    rule: str
    severity: Severity
    seam: str
    field: str
    text: str
    sender: str = ""
    sender_at: str = ""
    reader: str = ""
    reader_at: str = ""
    service: str = ""
    status: str = "resolved"
    reader_span: str = ""
    repository: str = ""
    witness: Json = None

    @property
    def order(self) -> tuple[int, str, str, str, str, str]:
        """Most severe first, then by seam."""
        return RANK[self.severity], self.seam, self.field, self.rule, self.sender, self.reader


@dataclass(frozen=True, slots=True)
class Break:
    """A side that a change leaves behind: it still reads what is no longer sent, or does not send what is now required.

    Args:
        rule: which comparison found it, e.g. dropped, renamed, retyped, now-required.
        text: one sentence.
        seam: label of the Topic, Endpoint or Dataset.
        field: dotted field, or empty.
        sender_at: ``file:line`` of the one who sends.
        reader_at: ``file:line`` of the one who reads.
        service: whose the reader is.
        certain: every link on the way is resolved.
    """

    rule: str
    text: str
    seam: str
    field: str = ""
    sender_at: str = ""
    reader_at: str = ""
    service: str = ""
    certain: bool = True


@dataclass(frozen=True, slots=True)
class NotChecked:
    """A seam of which one side is not known, so that silence about it means nothing.

    Args:
        seam: label.
        side: label of the sender or reader.
        at: ``file:line``.
        why: what is not known.
    """

    seam: str
    side: str
    at: str
    why: str


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found.

    Args:
        findings: most severe first.
        not_checked: sorted by seam.
        seams: seams looked at that have both sides.
        compared: two revisions were compared.
    """

    findings: tuple[Finding, ...]
    not_checked: tuple[NotChecked, ...]
    seams: int
    compared: bool = False
