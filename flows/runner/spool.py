"""Finished steps of a long run, kept on disk: a run of 20,000 steps needs no more memory than one of 1,000."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import Protocol, overload

from flows.events import step_data, step_from, to_json
from flows.language.values import parse_json
from graph.runs import StepRun
from testmesh.kernel.errors import UserError

Entry = StepRun | int
IN_MEMORY = 1500
BUFFER = 1 << 16
INLINE = 32


class Lines(Protocol):
    """Where the JSON of records is."""

    def text(self, place: int) -> str:
        """A record's JSON.

        Args:
            place: its first byte; it ends with its line.
        """
        ...


class LineFile:
    """Records of an open file, each to the end of its line.

    Args:
        descriptor: closed with the object.
    """

    def __init__(self, descriptor: int) -> None:
        self._file = descriptor
        self._block = (0, b"")
        weakref.finalize(self, os.close, descriptor)

    def text(self, place: int) -> str:
        """A record's JSON.

        Args:
            place: its first byte.

        Raises:
            OSError: the file ends before the record does.
        """
        start, data = self._block
        if not start <= place < start + len(data) or (end := data.find(b"\n", place - start)) < 0:
            start, data, end = place, b"", -1
            # Records are read in the order in which they were written, so the next ones come along.
            while (end := data.find(b"\n")) < 0:
                more = os.pread(self._file, BUFFER, start + len(data))
                if not more:
                    raise OSError("the file of finished steps ends in the middle of one")
                data += more
            self._block = (start, data)
        return data[place - start : end].decode()

    def write(self, data: bytearray) -> int:
        """Appends what it can.

        Args:
            data: the bytes.

        Returns:
            How many it took.
        """
        return os.write(self._file, data)


class Spool:
    """Where a run keeps its finished steps: a file in the folder for temporary files, which has no name there.

    Args:
        in_memory: how many records stay objects.
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._file: LineFile | None = None
        self._buffer = bytearray()
        self._written = 0

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
        self._flush()
        return self._opened().text(place)

    def _opened(self) -> LineFile:
        if self._file is None:
            descriptor, name = tempfile.mkstemp(prefix="testmesh-spool-")
            os.unlink(name)
            self._file = LineFile(descriptor)
        return self._file

    def _flush(self) -> None:
        while self._buffer:
            count = self._opened().write(self._buffer)
            self._written += count
            del self._buffer[:count]


class SpooledSteps(Sequence[StepRun]):
    """Records of which most are on disk; each time round they are read anew.

    Args:
        lines: where.
        entries: records and places.
    """

    __slots__ = ("_entries", "_lines")

    def __init__(self, lines: Lines, entries: Sequence[Entry]) -> None:
        self._lines = lines
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, at: int) -> StepRun: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[StepRun]: ...
    def __getitem__(self, at: int | slice) -> StepRun | Sequence[StepRun]:
        if isinstance(at, slice):
            return SpooledSteps(self._lines, self._entries[at])
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
            yield entry if isinstance(entry, StepRun) else self._lines.text(entry)

    def _read(self, entry: Entry) -> StepRun:
        if isinstance(entry, StepRun):
            return entry
        try:
            return step_from(parse_json(self._lines.text(entry), ours=True))
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise UserError(f"a step of the recording cannot be read: {problem}") from problem
