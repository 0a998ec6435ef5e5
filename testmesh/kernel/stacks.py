"""Stack traces in text: which line of a log is a frame, and which frame is the program's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

PYTHON = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<name>\S+))?')
NODE = re.compile(
    r"\bat (?:(?P<name>[\w.$<>\[\] ]+) \()?(?:file://)?(?P<file>/?[\w./@-]+\.[cm]?[jt]sx?):(?P<line>\d+):\d+\)?"
)
_JAVA = re.compile(r"^\s+at (?P<name>[\w.$<>/@]+)\((?P<file>[\w$-]+\.(?:java|kt|scala|groovy)):(?P<line>\d+)\)")
_DOTNET = re.compile(r"^\s+at (?P<name>[^(]+)\(.*\) in (?P<file>.+):line (?P<line>\d+)")
_GO = re.compile(r"^\s+(?P<file>/?[\w./@-]+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?")
_FORMS = (PYTHON, NODE, _JAVA, _DOTNET, _GO)
_LIBRARY = re.compile(
    r"/(?:site|dist)-packages/|/lib/python3|<frozen |node_modules/|\bnode:|/pkg/mod/|/usr/local/go/|/go/src/"
    r"|(?:^|/)(?:javax?|jdk|sun|jakarta|kotlinx?|scala|reactor)\.|(?:^|/)(?:org\.(?:springframework|apache|hibernate|eclipse)"
    r"|io\.(?:netty|grpc|quarkus|vertx)|com\.(?:sun|fasterxml|zaxxer)|System|Microsoft)\."
)
_FARTHEST = 120
# A line that says "at" again and again costs the square of its length.
_LONGEST = 1_000
# Go prints an empty line, the goroutine and the function between the error and its first frame.
_HEADING = 4


class Frame(NamedTuple):
    """One line of a stack trace.

    Args:
        file: as printed.
        line: 1-based.
        name: of the function, or empty.
        own: not of a library or the language itself, as far as its name tells.
    """

    file: str
    line: int
    name: str
    own: bool


def frame(text: str) -> Frame | None:
    """The frame that a line of a trace names, in the form Python, Node.js, Java, .NET or Go print it.

    Args:
        text: a line.
    """
    for form in _FORMS:
        found = form.search(text, 0, _LONGEST)
        if found is not None:
            name = ("" if form is _GO else found["name"]) or ""
            own = _LIBRARY.search(name if form in (_JAVA, _DOTNET) else found["file"]) is None
            return Frame(found["file"], int(found["line"]), name.strip(), own)
    return None


def blamed(lines: Sequence[str], error: int) -> int | None:
    """Which line holds the innermost frame of the program's own that led to an error; None without one.

    Args:
        lines: of a log.
        error: where the exception is named; Python prints frames above it, the others below.
    """
    above = range(error - 1, max(-1, error - _FARTHEST), -1)
    below = range(error + 1, min(len(lines), error + _FARTHEST))
    found = _block(lines, above, python=True) or _block(lines, below, python=False)
    return next((place for place, at in found if at.own), found[0][0] if found else None)


def _block(lines: Sequence[str], places: range, *, python: bool) -> list[tuple[int, Frame]]:
    """The frames that follow without a break, innermost first."""
    found: list[tuple[int, Frame]] = []
    for number, place in enumerate(places):
        at = frame(lines[place])
        if at is not None and python is (PYTHON.search(lines[place]) is not None):
            found.append((place, at))
        elif not lines[place].startswith((" ", "\t")) and (python or found or number >= _HEADING):
            break
    return found


def where(trace: str) -> str:
    """The innermost own place of a whole trace, as ``file:line``; empty when it names none.

    Args:
        trace: as a span or a log keeps it.
    """
    lines = trace.splitlines()
    python = any(PYTHON.search(line) for line in lines)
    ordered = reversed(lines) if python else iter(lines)
    found = [at for line in ordered if (at := frame(line)) is not None]
    best = next((at for at in found if at.own), found[0] if found else None)
    return f"{best.file}:{best.line}" if best is not None else ""
