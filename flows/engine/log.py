"""The finished steps of a list: records in memory, or places where the runner keeps them when there are very many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from graph.runs import StepRun

Entry = StepRun | int


class Keeper(Protocol):
    """Where a live run keeps finished steps."""

    def keep(self, run: StepRun) -> Entry:
        """The record itself, or the place where it can be read again.

        Args:
            run: finished.
        """
        ...

    def sequence(self, entries: Sequence[Entry]) -> Sequence[StepRun]:
        """Records to be read one by one.

        Args:
            entries: what :meth:`keep` gave, in order.
        """
        ...


class Log:
    """Finished steps, in order.

    Args:
        keeper: of a live run; None keeps every record in memory.
    """

    __slots__ = ("_entries", "_keeper", "_kept")

    def __init__(self, keeper: Keeper | None = None) -> None:
        self._keeper = keeper
        self._entries: list[Entry] = []
        self._kept = False

    def append(self, run: StepRun) -> None:
        """Adds a record.

        Args:
            run: finished.
        """
        entry: Entry = run if self._keeper is None else self._keeper.keep(run)
        self._kept = self._kept or entry is not run
        self._entries.append(entry)

    def take(self, other: Log) -> None:
        """Adds another list's records.

        Args:
            other: of the same run.
        """
        self._entries += other._entries
        self._kept = self._kept or other._kept

    def sealed(self, before: Iterable[StepRun] = ()) -> Sequence[StepRun]:
        """Everything, for a record.

        Args:
            before: records that come first.
        """
        entries = [*before, *self._entries]
        if self._keeper is None or not self._kept:
            return tuple(entries)  # type: ignore[arg-type]
        return self._keeper.sequence(entries)

    def __iter__(self) -> Iterator[StepRun]:
        return iter(self.sealed())

    def __len__(self) -> int:
        return len(self._entries)
