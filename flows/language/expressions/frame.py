"""The state of one evaluation: where names come from, the current element, and how much is left to spend."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from flows.language.errors import TooMuch
from flows.language.expressions.scope import Scope

MAX_STEPS = 1_000_000


class Frame:
    """One evaluation.

    Args:
        scope: where names come from.
    """

    __slots__ = ("element", "left", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.element: object = None
        self.left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Accounts for work that depends on the data.

        Args:
            steps: elements or blocks of text looked at.

        Raises:
            TooMuch: more than one evaluation may use.
        """
        self.left -= steps
        if self.left < 0:
            raise TooMuch(f"the expression needs more than {MAX_STEPS:,} steps")


Run: TypeAlias = Callable[[Frame], object]
