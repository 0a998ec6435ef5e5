"""Finished steps of a long run, kept on disk: a run of 20,000 steps needs no more memory than one of 1,000."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import overload

from flows.events import step_data, step_from, to_json
from flows.language.values import parse_json
from graph.runs import StepRun

Entry = StepRun | int
IN_MEMORY = 1500
BUFFER = 1 << 16
INLINE = 32


class Spool:
    """Where a run keeps its finished steps: a file in the folder for temporary files, which has no name there.

    Args:
        in_memory: how many records stay objects.
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._file = -1
        self._buffer = bytearray()
        self._written = 0
        self._block = (0, b"")

    def keep(self, run: StepRun) -> Entry:
        """The record itself while there are few, then its place on disk.

        What cannot be written (a full disk, a container of very many) stays in memory.

        Args:
            run: finished.
        """
        if self._in_memory > 0:
            self._in_memory -= 1
            return run
        if len(run.steps) > INLINE:
            return run
        place = self._written + len(self._buffer)
        try:
            self._opened()
            self._buffer += to_json(step_data(run)).encode() + b"\n"
            if len(self._buffer) > BUFFER:
                self._flush()
        except (OSError, ValueError, TypeError):
            del self._buffer[place - self._written :]
            return run
        return place

    def sequence(self, entries: Sequence[Entry]) -> Sequence[StepRun]:
        """Records to be read one by one.

        Args:
            entries: in order.
        """
        return SpooledSteps(self, entries)

    def text(self, place: int) -> str:
        """A record's JSON.

        Args:
            place: what :meth:`keep` gave.
        """
        start, data = self._block
        if not start <= place < start + len(data) or (end := data.find(b"\n", place - start)) < 0:
            self._flush()
            start, data, end = place, b"", -1
            # Records are read in the order in which they were written, so the next ones come along.
            while (end := data.find(b"\n")) < 0:
                more = os.pread(self._file, BUFFER, start + len(data))
                if not more:
                    raise OSError("the file of finished steps ends in the middle of one")
                data += more
            self._block = (start, data)
        return data[place - start : end].decode()

    def _opened(self) -> None:
        if self._file < 0:
            descriptor, name = tempfile.mkstemp(prefix="testmesh-spool-")
            os.unlink(name)
            self._file = descriptor
            weakref.finalize(self, os.close, descriptor)

    def _flush(self) -> None:
        while self._buffer:
            count = os.write(self._file, self._buffer)
            self._written += count
            del self._buffer[:count]


class SpooledSteps(Sequence[StepRun]):
    """Records of which most are on disk; each time round they are read anew.

    Args:
        spool: where.
        entries: records and places.
    """

    __slots__ = ("_entries", "_spool")

    def __init__(self, spool: Spool, entries: Sequence[Entry]) -> None:
        self._spool = spool
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, at: int) -> StepRun: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[StepRun]: ...
    def __getitem__(self, at: int | slice) -> StepRun | Sequence[StepRun]:
        if isinstance(at, slice):
            return SpooledSteps(self._spool, self._entries[at])
        return self._read(self._entries[at])

    def __iter__(self) -> Iterator[StepRun]:
        for entry in self._entries:
            yield self._read(entry)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str | bytes) or len(self) != len(other):
            return NotImplemented if not isinstance(other, Sequence) else False
        return all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def entries(self) -> Iterator[StepRun | str]:
        """Each record, or its JSON as it was written."""
        for entry in self._entries:
            yield entry if isinstance(entry, StepRun) else self._spool.text(entry)

    def _read(self, entry: Entry) -> StepRun:
        if isinstance(entry, StepRun):
            return entry
        return step_from(parse_json(self._spool.text(entry), ours=True))
