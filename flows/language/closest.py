"""The nearest valid name to a misspelt one, small enough to be imported only when something is wrong."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 100


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name that differs least, or None when none is near (more than a third of its characters).

    Args:
        word: as written.
        known: valid names.
    """
    if len(word) > _LONGEST:
        return None
    best: tuple[int, int, str] | None = None
    for name in known:
        same_case = 0 if name == word else 1
        limit = max(len(word), len(name)) // 3
        found = distance(word.lower(), name.lower(), limit)
        if found is not None and (best is None or (found, same_case, name) < best):
            best = (found, same_case, name)
    return None if best is None else best[2]


def distance(left: str, right: str, limit: int) -> int | None:
    """Edits between two words (insert, delete, change, swap of neighbours), None above the limit.

    Args:
        left: one word.
        right: the other.
        limit: edits that still count as near.
    """
    if abs(len(left) - len(right)) > limit:
        return None
    before: list[int] = []
    last = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1] if last[-1] <= limit else None
