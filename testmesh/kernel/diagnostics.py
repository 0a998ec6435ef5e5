"""One way to show a finding in a file, so that every part of the tool points the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding at a place in a file.

    Args:
        file: path as the user would type it.
        line: 1-based.
        column: 1-based, in characters.
        rule: stable id such as ``flow/unknown-key``.
        message: what is wrong.
        severity: ``error`` or ``warning``.
        hint: what to do, or None.
        suggestion: the nearest valid name, or None.
        length: characters to underline.
    """

    file: str
    line: int
    column: int
    rule: str
    message: str
    severity: Severity = "error"
    hint: str | None = None
    suggestion: str | None = None
    length: int = 1

    def as_json(self) -> dict[str, object]:
        """The published JSON form (FLOWS §8)."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
            "suggestion": self.suggestion,
        }


def render(diagnostic: Diagnostic, source: str | None = None) -> str:
    """A finding as text: position, rule, excerpt with caret, hint.

    Args:
        diagnostic: the finding.
        source: the file's text, when it is at hand.
    """
    d = diagnostic
    lines = [f"{d.file}:{d.line}:{d.column}: {d.severity}: {d.message} [{d.rule}]"]
    excerpt = _excerpt(d, source)
    lines += excerpt
    hint = d.hint or (f"did you mean '{d.suggestion}'?" if d.suggestion else None)
    if hint:
        lines.append(f"  hint: {hint}")
    return "\n".join(lines)


def _excerpt(d: Diagnostic, source: str | None) -> list[str]:
    if source is None:
        return []
    rows = source.splitlines()
    if not 1 <= d.line <= len(rows):
        return []
    text = rows[d.line - 1].replace("\t", " ")
    start = max(0, d.column - 81)
    shown = text[start : start + 160]
    caret = " " * (d.column - 1 - start) + "^" * max(1, min(d.length, len(text) - d.column + 1))
    gutter = f"{d.line:>5} | "
    return [gutter + shown, " " * (len(gutter) - 2) + "| " + caret]
