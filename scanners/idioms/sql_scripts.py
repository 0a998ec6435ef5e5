"""SQL files as their tools run them: which part goes up, where each statement is, what views and functions touch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARK = re.compile(
    rb"(?im)^[ \t]*--[ \t]*(?:(?P<up>\+goose[ \t]+up|migrate:up|\+migrate[ \t]+up)"
    rb"|\+goose[ \t]+down|migrate:down|\+migrate[ \t]+down|//@undo|--[ \t]*down\b)"
)
_COMMENT = re.compile(rb"--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_NAME = r"(?:[\w$#@\"`\[\]]+\s*\.\s*){0,3}[\w$#@\"`\[\]]+"
_ROUTINE = re.compile(
    rf"(?is)\bcreate\s+(?:or\s+(?:replace|alter)\s+)?(?:definer\s*=\s*\S+\s+)?(?:editionable\s+|noneditionable\s+)?"
    rf"(?P<sort>function|procedure|proc|trigger)\s+(?:if\s+not\s+exists\s+)?(?P<name>{_NAME})"
)
_VIEW = re.compile(
    rf"(?is)\bcreate\s+(?:or\s+(?:replace|alter)\s+)?(?:temp(?:orary)?\s+)?(?:materialized\s+|recursive\s+)*view\s+"
    rf"(?:if\s+not\s+exists\s+)?(?P<name>{_NAME})"
)
_READS = re.compile(rf"(?i)\b(?:from|join)\s+(?:only\s+|lateral\s+)?(?P<name>{_NAME})")
_WRITES = re.compile(
    rf"(?i)\b(?:insert\s+(?:ignore\s+)?into|replace\s+into|merge\s+into|update|delete\s+from|truncate(?:\s+table)?)\s+"
    rf"(?:only\s+)?(?P<name>{_NAME})"
)
_TRIGGERED = re.compile(rf"(?i)\bon\s+(?P<name>{_NAME})")
_DOLLAR = re.compile(r"\$(\w*)\$")
_NO_TABLES = frozenset("on select set of lateral unnest generate_series new old inserted deleted dual values".split())  # noqa: SIM905
_LONGEST = 20_000
_MOST = 500


@dataclass(frozen=True, slots=True)
class Made:
    """A view, function, procedure or trigger.

    Args:
        sort: which of them.
        name: without quotes.
        reads: tables it reads.
        writes: tables it writes.
        definition: digest of its text, white space and case apart.
        line: 1-based.
    """

    sort: str
    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    definition: str
    line: int


def forward(data: bytes) -> bytes:
    """The part of a migration that goes up, what goes down blanked out so that lines stay.

    Args:
        data: of the file.
    """
    pieces: list[bytes] = []
    at, down = 0, False
    for match in _MARK.finditer(data):
        part = data[at : match.start()]
        pieces.append(_blank(part) if down else part)
        at, down = match.start(), match["up"] is None
    part = data[at:]
    pieces.append(_blank(part) if down else part)
    return b"".join(pieces)


def _blank(part: bytes) -> bytes:
    return b"\n" * part.count(b"\n")


def uncommented(data: bytes) -> bytes:
    """The text with comments blanked out.

    Args:
        data: of the file.
    """
    return _COMMENT.sub(lambda m: b" " * 2 + b"\n" * m.group().count(b"\n"), data)


def made(text: str) -> Iterator[Made]:
    """Views and routines a script creates.

    Args:
        text: without comments.
    """
    for number, match in enumerate(_VIEW.finditer(text)):
        if number == _MOST:
            return
        end = text.find(";", match.end(), match.end() + _LONGEST)
        yield _made(text, match, ("view", end if end >= 0 else min(len(text), match.end() + _LONGEST)))
    for number, match in enumerate(_ROUTINE.finditer(text)):
        if number == _MOST:
            return
        yield _made(text, match, (match["sort"].lower(), _end(text, match.end())))


def _made(text: str, match: re.Match[str], about: tuple[str, int]) -> Made:
    sort, end = about
    body = text[match.end() : min(end, match.end() + _LONGEST)]
    own = _plain(match["name"])
    writes = _tables(_WRITES, body)
    reads = tuple(t for t in _tables(_READS, body) if t != own)
    if sort == "trigger":
        on = _TRIGGERED.search(body)
        reads = tuple(dict.fromkeys((*((_plain(on["name"]),) if on is not None else ()), *reads)))
    words = " ".join(text[match.start() : min(end, match.start() + _LONGEST)].lower().split())
    digest = hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:16]
    spoken = "procedure" if sort == "proc" else sort
    return Made(spoken, own, reads, writes, digest, text.count("\n", 0, match.start()) + 1)


def _tables(pattern: re.Pattern[str], body: str) -> tuple[str, ...]:
    names = (_plain(m["name"]) for m in pattern.finditer(body) if body[m.end() : m.end() + 1] != "(")
    return tuple(dict.fromkeys(n for n in names if n.lower() not in _NO_TABLES and not n[:1].isdigit()))


def _plain(name: str) -> str:
    return re.sub(r"[\"`\[\]\s]", "", name)


def _end(text: str, start: int) -> int:
    """Where a routine ends: its dollar quotes, else the last `end` before a delimiter, else the next semicolon."""
    opened = _DOLLAR.search(text, start, start + 2_000)
    if opened is not None:
        closed = text.find(opened.group(), opened.end(), opened.end() + 10 * _LONGEST)
        return closed + len(opened.group()) if closed >= 0 else opened.end()
    semicolon = text.find(";", start, start + _LONGEST)
    body = re.compile(r"(?i)\bbegin\b").search(text, start, start + 4_000)
    if body is not None and (semicolon < 0 or body.start() < semicolon or text[start:semicolon].count("(") > 0):
        closing = re.compile(r"(?im)\bend\b\s*\w*\s*(;|//|\$\$|^\s*go\b|\Z)").finditer(
            text, body.end(), start + _LONGEST
        )
        following = _ROUTINE.search(text, start, start + _LONGEST)
        last = start
        for match in closing:
            if following is not None and match.start() > following.start():
                break
            last = match.end()
        if last > start:
            return last
    return semicolon if semicolon >= 0 else min(len(text), start + _LONGEST)
