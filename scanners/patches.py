"""Unified diffs applied in memory, so that a patch can be asked about without touching any tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from testmesh.kernel.errors import UserError

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_GIT = re.compile(r'^diff --git (?:"?a/(.+?)"?) (?:"?b/(.+?)"?)$')
_MOST = 16 * 1024 * 1024


@dataclass(slots=True)
class FilePatch:
    """One file of a patch.

    Args:
        old: path on the base side, empty for a new file.
        new: path on the head side, empty for a deleted file.
        hunks: start line on the base side and the hunk's lines with their marks.
        binary: it cannot be applied as text.
    """

    old: str
    new: str
    hunks: list[tuple[int, list[bytes]]] = field(default_factory=list)
    binary: bool = False


def parse(patch: bytes) -> list[FilePatch]:
    """The files of a unified diff, as git or diff write it.

    Args:
        patch: the text.

    Raises:
        UserError: it is no unified diff, or too large.
    """
    if len(patch) > _MOST:
        hint = "compare revisions: BASE..HEAD"
        raise UserError(f"the patch has {len(patch):,} bytes; at most {_MOST:,} are read", hint=hint)
    files: list[FilePatch] = []
    lines = patch.split(b"\n")
    at = 0
    while at < len(lines):
        at = _line(lines, at, files)
    found = [f for f in files if f.old or f.new]
    if not found:
        raise UserError("this is not a unified diff", hint="make one with: git diff BASE > change.patch")
    return found


def _line(lines: list[bytes], at: int, files: list[FilePatch]) -> int:
    """Read one line, or a whole hunk; the next position."""
    text = lines[at].decode("utf-8", "surrogateescape").rstrip("\r")
    header = _GIT.match(text)
    if header:
        files.append(FilePatch(header[1], header[2]))
    elif text.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith(b"+++ "):
        old = _path(text[4:])
        new = _path(lines[at + 1].decode("utf-8", "surrogateescape").rstrip("\r")[4:])
        if not files or files[-1].hunks:
            files.append(FilePatch(old, new))
        files[-1].old, files[-1].new = old, new
        return at + 2
    elif files and text.startswith(("rename from ", "rename to ", "new file mode", "deleted file mode")):
        _extended(files[-1], text)
    elif files and text.startswith(("Binary files", "GIT binary patch")):
        files[-1].binary = True
    elif files and (found := _HUNK.match(text)):
        return _hunk(lines, at, files[-1], found)
    return at + 1


def _extended(current: FilePatch, text: str) -> None:
    if text.startswith("rename from "):
        current.old = text.removeprefix("rename from ")
    elif text.startswith("rename to "):
        current.new = text.removeprefix("rename to ")
    elif text.startswith("new file"):
        current.old = ""
    else:
        current.new = ""


def _path(text: str) -> str:
    name = text.split("\t", 1)[0].strip().strip('"')
    if name == "/dev/null":
        return ""
    return name[2:] if name[:2] in ("a/", "b/") else name


def _hunk(lines: list[bytes], at: int, current: FilePatch, header: re.Match[str]) -> int:
    old_left, new_left = int(header[2] or 1), int(header[4] or 1)
    taken: list[bytes] = []
    at += 1
    while at < len(lines) and (old_left > 0 or new_left > 0):
        line = lines[at]
        mark = line[:1] or b" "
        if mark not in (b" ", b"-", b"+", b"\\", b"\r"):
            break
        old_left -= mark in (b" ", b"-", b"\r")
        new_left -= mark in (b" ", b"+", b"\r")
        taken.append(line)
        at += 1
    if at < len(lines) and lines[at].startswith(b"\\"):
        taken.append(lines[at])
        at += 1
    current.hunks.append((int(header[1]), taken))
    return at


def apply(patch: bytes, base: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """What files become, None for one that is gone.

    Args:
        patch: a unified diff.
        base: bytes by path of the files it touches.

    Raises:
        UserError: it does not fit the base.
    """
    out: dict[str, bytes | None] = {}
    for item in parse(patch):
        if item.binary:
            continue
        if item.old and item.old not in base:
            raise UserError(f"the patch changes {item.old}, which the base does not have", hint="name the patch's base")
        changed = _applied(item, base.get(item.old, b""))
        if item.old and item.old != item.new:
            out[item.old] = None
        if item.new:
            out[item.new] = changed
    return out


def _applied(item: FilePatch, data: bytes) -> bytes:
    lines = data.split(b"\n")
    out: list[bytes] = []
    at = 0
    for start, hunk in item.hunks:
        removed = any(line[:1] != b"+" and not line.startswith(b"\\") for line in hunk)
        wanted = max(0, start - 1) if removed else start
        out += lines[at:wanted]
        at = wanted
        for line in hunk:
            mark, rest = line[:1] or b" ", line[1:]
            if mark == b"+":
                out.append(rest)
            elif mark != b"\\":
                if at >= len(lines) or lines[at].rstrip(b"\r") != rest.rstrip(b"\r"):
                    raise UserError(f"the patch does not fit {item.old} at line {at + 1}", hint="name the patch's base")
                out += [lines[at]] if mark != b"-" else []
                at += 1
    out += lines[at:]
    text = b"\n".join(out)
    return text if item.old else text.removesuffix(b"\n") + b"\n"


def touched(patch: bytes) -> set[str]:
    """Base-side paths a patch changes.

    Args:
        patch: a unified diff.
    """
    return {item.old for item in parse(patch) if item.old}
