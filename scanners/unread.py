"""Which regions of a described file say nothing that is read: taken alone, they change no fact."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graph.change import Hunk

_MOST_HUNKS = 40
_MOST_BYTES = 300_000
_MOST_LINES = 12
Looks = Callable[[bytes], object]


def unread(old: bytes | None, new: bytes | None, hunks: Sequence[Hunk], looks: Looks) -> frozenset[Hunk]:
    """Regions that must not count as explained by what else changed in the file.

    Args:
        old: base side.
        new: head side.
        hunks: what differs.
        looks: what is read of a text, to compare.
    """
    if old is None or new is None or len(hunks) > _MOST_HUNKS or len(old) + len(new) > _MOST_BYTES:
        return frozenset()
    before = old.splitlines(keepends=True), new.splitlines(keepends=True)
    plain = looks(old)
    parts = {h: _parts(h) for h in hunks}
    if sum(map(len, parts.values())) < 2:
        return frozenset()
    silent = {p: _matters(p, *before) and looks(_with(p, *before)) == plain for small in parts.values() for p in small}
    return frozenset(h for h, small in parts.items() if any(silent[p] for p in small))


def _parts(hunk: Hunk) -> list[Hunk]:
    """A region line by line, and what one side has more of as one part."""
    both = min(hunk.old_lines, hunk.new_lines)
    if max(hunk.old_lines, hunk.new_lines) == 1 or not 1 <= both <= _MOST_LINES:
        return [hunk]
    found = [Hunk(hunk.old_start + n, 1, hunk.new_start + n, 1) for n in range(both)]
    old, new = hunk.old_lines - both, hunk.new_lines - both
    if old or new:
        found.append(Hunk(hunk.old_start + both - (not old), old, hunk.new_start + both - (not new), new))
    return found


def _matters(hunk: Hunk, old: Sequence[bytes], new: Sequence[bytes]) -> bool:
    return _told(_side(old, hunk.old_start, hunk.old_lines)) != _told(_side(new, hunk.new_start, hunk.new_lines))


def _told(lines: Sequence[bytes]) -> list[bytes]:
    """Lines without blanks around and without those that are only remarks."""
    bare = [line.strip() for line in lines]
    return [line for line in bare if line and not line.startswith((b"#", b"//", b"--", b"<!--", b";"))]


def _side(lines: Sequence[bytes], start: int, count: int) -> Sequence[bytes]:
    first = start - 1 if count else start
    return lines[first : first + count]


def _with(hunk: Hunk, old: Sequence[bytes], new: Sequence[bytes]) -> bytes:
    first = hunk.old_start - 1 if hunk.old_lines else hunk.old_start
    return b"".join([*old[:first], *_side(new, hunk.new_start, hunk.new_lines), *old[first + hunk.old_lines :]])
