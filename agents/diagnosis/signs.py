"""One sign that a change of contract was meant, or was not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign about an edit of a contract.

    Args:
        meant: it speaks for an intended change, else for a regression.
        text: one sentence.
        place: ``file:line`` or commit.
        weight: on the common scale.
    """

    meant: bool
    text: str
    place: str
    weight: float
