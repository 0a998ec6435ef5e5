"""A log file from now on: what comes to it, through rotation and truncation, and when it was seen to have come."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from testmesh.guard.process import MIB

_MOST_BYTES = 16 * MIB
LOOK_SECONDS = 0.1


class Unread(Exception):
    """Lines that cannot be had, with the reason."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A line.

    Args:
        text: without its end.
        at: when it was seen to be there; the moment of the last look where nobody looked before.
    """

    text: str
    at: datetime


@dataclass(slots=True)
class _Stretch:
    """A file as long as it has one name and only grows.

    Args:
        inode: of the file; 0 = there was none.
        offset: where ours begins.
        sizes: its length whenever it was seen to have grown.
        moments: when that was.
    """

    inode: int
    offset: int
    sizes: list[int] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)

    def saw(self, size: int, moment: datetime) -> None:
        """Notes that it is so long now.

        Args:
            size: in bytes.
            moment: by our clock.
        """
        if size > (self.sizes[-1] if self.sizes else self.offset):
            self.sizes.append(size)
            self.moments.append(moment)

    def moment(self, place: int, otherwise: datetime) -> datetime:
        """When it was first seen to be so long.

        Args:
            place: in bytes.
            otherwise: when nobody looked since.
        """
        found = bisect_left(self.sizes, place)
        return self.moments[found] if found < len(self.moments) else otherwise


class Tail:
    """The file, from where it ends when this is made.

    Args:
        path: of the file; it may come later.
        now: our clock.
    """

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._path, self._now = path, now
        self._lock = threading.Lock()
        try:
            found = path.stat()
        except OSError:
            self._stretches = [_Stretch(0, 0)]
        else:
            self._stretches = [_Stretch(found.st_ino, found.st_size)]

    def look(self) -> None:
        """Notes how long the file is now, and whether it is another one."""
        try:
            found = self._path.stat()
        except OSError:
            return
        with self._lock:
            last = self._stretches[-1]
            if found.st_ino != last.inode or found.st_size < (last.sizes[-1] if last.sizes else last.offset):
                last = _Stretch(found.st_ino, 0)
                self._stretches.append(last)
            last.saw(found.st_size, self._now())

    def read(self) -> list[Arrived]:
        """The lines so far.

        Raises:
            Unread: there is no such file any more, or it cannot be read.
        """
        self.look()
        if not self._path.exists():
            raise Unread(f"{self._path} is gone" if self._stretches[-1].inode else f"there is no file {self._path}")
        now = self._now()
        with self._lock:
            return [line for number in range(len(self._stretches)) for line in self._lines(number, now)]

    def _lines(self, number: int, now: datetime) -> Iterator[Arrived]:
        stretch, later = self._stretches[number], self._stretches[number + 1 :]
        # What was in a file before it was emptied is lost.
        if not stretch.inode or any(other.inode == stretch.inode for other in later):
            return
        path = self._rotated(stretch.inode) if later else self._path
        if path is None:
            return
        place, data = _bytes(path, stretch.offset)
        for raw in data.split(b"\n"):
            place += len(raw) + 1
            text = raw.removesuffix(b"\r").decode("utf-8", "replace")
            if text:
                yield Arrived(text, stretch.moment(place - 1, now))

    def _rotated(self, inode: int) -> Path | None:
        """The same file under its new name (`app.log.1`): only that very file, never another's."""
        for candidate in sorted(self._path.parent.glob(f"{self._path.name}*")):
            with suppress(OSError):  # rotated away meanwhile, or a link that leads nowhere
                if candidate != self._path and candidate.stat().st_ino == inode:
                    return candidate
        return None


def _bytes(path: Path, offset: int) -> tuple[int, bytes]:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            begin = max(offset, size - _MOST_BYTES)
            file.seek(begin)
            return begin, file.read(_MOST_BYTES)
    except OSError as error:
        raise Unread(f"{path} cannot be read: {error.strerror}") from error
