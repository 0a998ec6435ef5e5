"""Token digests: the same for edits of comments and layout, different for everything else."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property

_SPACE = re.compile(rb"\s+")
_INLINE = re.compile(rb"(?<![\w$])[ \t]+|[ \t]+(?![\w$])")
_WORD = re.compile(rb"[\w$]")
Span = tuple[int, int]


class Cuts:
    """What of a file is not plain code.

    Args:
        dropped: comments and documentation strings.
        kept: strings, taken byte by byte.
        indented: indentation means something.
    """

    def __init__(self, dropped: Iterable[Span], kept: Iterable[Span], *, indented: bool) -> None:
        self.indented = indented
        self._marks = sorted([(s, e, False) for s, e in dropped] + [(s, e, True) for s, e in kept])

    @cached_property
    def _starts(self) -> list[int]:
        return [mark[0] for mark in self._marks]

    def within(self, start: int, end: int) -> list[tuple[int, int, bool]]:
        """Marks inside a span: start, end, and whether it is a string.

        Args:
            start: first byte.
            end: byte after the last.
        """
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, end)
        return [mark for mark in self._marks[first:last] if mark[1] <= end]


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
    first, *rest = piece.split(b"\n")
    out = [_INLINE.sub(b"", first)]
    depth = _depth(first, depth)
    for number, line in enumerate(rest, 1):
        bare = line.strip()
        if not bare and number < len(rest):
            continue
        if depth == 0:
            written = line.expandtabs()
            out.append(b"\n%d|" % (len(written) - len(written.lstrip()) - base))
        elif _WORD.match(bare) and out[-1] and _WORD.match(out[-1][-1:]):
            out.append(b" ")
        out.append(_INLINE.sub(b"", bare))
        depth = _depth(bare, depth)
    return b"".join(out), depth


def _depth(line: bytes, depth: int) -> int:
    opened = sum(line.count(c) for c in (b"(", b"[", b"{"))
    closed = sum(line.count(c) for c in (b")", b"]", b"}"))
    return max(0, depth + opened - closed)


def pieces(data: bytes, span: Span, holes: Iterable[Span], cuts: Cuts) -> Iterator[tuple[bytes, bool]]:
    """Runs of code with what is cut out replaced by a blank, and strings (marked True) byte by byte.

    Args:
        data: the file.
        span: start and end byte.
        holes: what belongs to something else.
        cuts: of the file.
    """
    start, end = span
    marks = cuts.within(start, end)
    marks += [(s, e, False) for s, e in holes if start <= s and e <= end]
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
