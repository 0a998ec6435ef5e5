"""Token digests: the same for edits of comments and layout, different for everything else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SPACE = re.compile(rb"\s+")
_LAYOUT = re.compile(rb"[\[({]|[\])}]|\s+")
_WORD = re.compile(rb"[\w$]")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cuts:
    """What of a file is not plain code.

    Args:
        dropped: comments and documentation strings.
        kept: strings, taken byte by byte.
        indented: indentation means something.
    """

    dropped: tuple[Span, ...]
    kept: tuple[Span, ...]
    indented: bool


def digest(data: bytes, span: Span, holes: Iterable[Span], cuts: Cuts) -> str:
    """A digest of the tokens in a span.

    Args:
        data: the file.
        span: start and end byte.
        holes: nested symbols, which have digests of their own.
        cuts: of the file.
    """
    hashed = hashlib.sha256()
    base = span[0] - (data.rfind(b"\n", 0, span[0]) + 1)
    depth = 0
    for piece, verbatim in pieces(data, span, holes, cuts):
        if verbatim:
            hashed.update(b"\x02" + piece)
        elif cuts.indented:
            text, depth = _logical(piece, depth, base)
            hashed.update(text)
        else:
            hashed.update(_spaced(piece))
    return hashed.hexdigest()[:16]


def _spaced(piece: bytes) -> bytes:
    def between(match: re.Match[bytes]) -> bytes:
        before, after = piece[: match.start()][-1:], piece[match.end() : match.end() + 1]
        return b" " if _WORD.match(before) and _WORD.match(after) else b""

    return _SPACE.sub(between, piece)


def _logical(piece: bytes, depth: int, base: int) -> tuple[bytes, int]:
    """Line starts keep their indentation outside brackets, other layout goes."""
    out: list[bytes] = []
    at = 0
    for match in _LAYOUT.finditer(piece):
        out.append(piece[at : match.start()])
        at = match.end()
        found = match.group()
        if not found.isspace():
            depth = max(0, depth + (1 if found in b"[({" else -1))
            out.append(found)
        elif b"\n" in found and depth == 0:
            out.append(b"\n%d|" % (len(found.rsplit(b"\n", 1)[-1].expandtabs()) - base))
        elif _WORD.match(piece[match.start() - 1 : match.start()]) and _WORD.match(piece[at : at + 1]):
            out.append(b" ")
    out.append(piece[at:])
    return b"".join(out), depth


def pieces(data: bytes, span: Span, holes: Iterable[Span], cuts: Cuts) -> Iterator[tuple[bytes, bool]]:
    """Runs of code with what is cut out replaced by a blank, and strings (marked True) byte by byte.

    Args:
        data: the file.
        span: start and end byte.
        holes: what belongs to something else.
        cuts: of the file.
    """
    start, end = span
    marks = [(s, e, False) for s, e in (*holes, *cuts.dropped) if start <= s and e <= end]
    marks += [(s, e, True) for s, e in cuts.kept if start <= s and e <= end]
    code: list[bytes] = []
    at = start
    for s, e, verbatim in sorted(marks):
        if s < at:
            continue
        code.append(data[at:s])
        at = e
        if verbatim:
            yield b" ".join(code), False
            yield data[s:e], True
            code = []
    code.append(data[at:end])
    yield b" ".join(code).rstrip(), False
