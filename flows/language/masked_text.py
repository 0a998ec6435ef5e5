"""What stands for a secret in everything that is kept, and whether a text may be what was masked."""

from __future__ import annotations

MASK = "***"


def may_be(text: str, masked: str) -> bool:
    """Whether a text is a masked one with anything in the place of each mask.

    Args:
        text: whole.
        masked: with ``***`` where something was hidden.
    """
    if MASK not in masked:
        return text == masked
    first, *middle, last = masked.split(MASK)
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True
