"""What differs between two texts and two trees: hunks of lines, and files that only moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from graph.change import Hunk

_DIFFED = 6000
_COMPARED = 400
_SIMILAR = 0.5


def hunks(old: bytes, new: bytes) -> tuple[Hunk, ...]:
    """Changed regions of a text; empty when either side is binary or nothing changed.

    Args:
        old: base side.
        new: head side.
    """
    if b"\0" in old[:8192] or b"\0" in new[:8192]:
        return ()
    before, after = old.splitlines(), new.splitlines()
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    left, right = before[start : len(before) - end], after[start : len(after) - end]
    if not left and not right:
        return ()
    if len(left) + len(right) > _DIFFED:
        return (_hunk(start, len(left), start, len(right)),)
    found = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag != "equal":
            found.append(_hunk(start + i1, i2 - i1, start + j1, j2 - j1))
    return tuple(found)


def _hunk(old_at: int, old_lines: int, new_at: int, new_lines: int) -> Hunk:
    """Unified-diff numbering: an empty side names the line before."""
    return Hunk(old_at + (1 if old_lines else 0), old_lines, new_at + (1 if new_lines else 0), new_lines)


def _common(left: Sequence[bytes], right: Sequence[bytes]) -> int:
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count


def renames(
    gone: Mapping[str, str], came: Mapping[str, str], data: Mapping[str, bytes], new_data: Mapping[str, bytes]
) -> dict[str, str]:
    """New path to old path of files that moved: same content first, then at least half of the lines the same.

    Args:
        gone: blob by path of files only the base has.
        came: blob by path of files only the head has.
        data: bytes of `gone`, as far as read.
        new_data: bytes of `came`, as far as read.
    """
    moved: dict[str, str] = {}
    left = dict(gone)
    for path, blob in sorted(came.items()):
        same = sorted(old for old, oid in left.items() if oid == blob)
        if same:
            best = max(same, key=lambda old: (_tail(old, path), old))
            moved[path] = best
            del left[best]
    rest = [path for path in sorted(came) if path not in moved and path in new_data]
    if len(rest) * len(left) > _COMPARED * _COMPARED:
        return moved
    counts = {old: Counter(data[old].splitlines()) for old in left if old in data}
    for path in rest:
        lines = Counter(new_data[path].splitlines())
        scored = sorted(((_similarity(counts[old], lines), old) for old in left if old in counts), reverse=True)
        if scored and scored[0][0] >= _SIMILAR:
            moved[path] = scored[0][1]
            del left[scored[0][1]]
    return moved


def _tail(old: str, new: str) -> int:
    """How many trailing path parts are the same."""
    return _common([p.encode() for p in old.split("/")[::-1]], [p.encode() for p in new.split("/")[::-1]])


def _similarity(old: Counter[bytes], new: Counter[bytes]) -> float:
    total = max(sum(old.values()), sum(new.values()))
    return sum((old & new).values()) / total if total else 0.0
