"""Where a key stands in a testmesh.toml, because the parser keeps no positions and people need them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import DiagnosticsError, SettingError

_KEY = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
Path_ = tuple[str, ...]


def placed(error: SettingError, file: Path) -> DiagnosticsError:
    """The same complaint at its line of the file.

    Args:
        error: about a key.
        file: the testmesh.toml it is about.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    line, column, length = place_of(text, error.path)
    message = error.message.removeprefix("testmesh.toml ")
    found = Diagnostic(str(file), line, column, "toml/settings", message, hint=error.hint, length=length)
    return DiagnosticsError([found])


def place_of(text: str, path: Path_) -> tuple[int, int, int]:
    """Line, column and length of a key, or of what comes nearest to it: the table or value it is missing from.

    Args:
        text: of the file.
        path: of the key, from the top.
    """
    best, place = 0, (1, 1, 1)
    for number, line, column, keys in _keys(text):
        shared = _shared(keys, path)
        if shared != len(keys) or shared <= best:
            continue
        best, place = shared, (number, column, max(1, len(keys[-1])))
        for name in path[shared:]:
            inside = re.compile(rf"(?<![\w-])[\"']?{re.escape(name)}[\"']?\s*[=.]").search(line, column)
            if inside is None:
                break
            best += 1
            place = (number, inside.start() + 1, len(name))
    return place


def _shared(one: Path_, other: Path_) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _keys(text: str) -> Iterator[tuple[int, str, int, Path_]]:
    """Every line that names a table or a key: number, text, 1-based column, full path."""
    header: Path_ = ()
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.lstrip()
        column = len(line) - len(bare) + 1
        if bare.startswith("["):
            brackets = len(bare) - len(bare.lstrip("["))
            header = _dotted(bare[brackets:], "]")
            if header:
                yield number, line, column + brackets, header
        elif bare and not bare.startswith("#"):
            keys = _dotted(bare, "=")
            if keys:
                yield number, line, column, (*header, *keys)


def _dotted(text: str, end: str) -> Path_:
    """The keys up to a sign, empty when the text is no such list."""
    keys: list[str] = []
    at = 0
    while match := _KEY.match(text, at):
        keys.append(next(part for part in match.groups() if part is not None))
        at = match.end()
        if text[at : at + 1] != ".":
            break
        at += 1
    return tuple(keys) if keys and text[at : at + 1] == end else ()
