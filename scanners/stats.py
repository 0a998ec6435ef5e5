"""What git calls the files of a work tree, remembered with their size and times so that few are read to know it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

_FORMAT = 1
_SETTLED_NS = 1_000_000_000
Sign = tuple[int, int, int, int]


class Stats:
    """Object ids by path, trusted only while size, times and inode of the file are the same.

    A file that was changed within the last second is never remembered: another change could leave no trace.

    Args:
        file: where they are kept; None keeps nothing.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known = _read(file) if file is not None else {}
        self._seen: dict[str, list[object]] = {}
        self._learnt = False

    @classmethod
    def beside(cls, folder: Path | None, tree: Path) -> Stats:
        """What is kept of one work tree.

        Args:
            folder: where, None to keep nothing.
            tree: the work tree.
        """
        name = hashlib.sha256(os.fsencode(tree.resolve())).hexdigest()[:12]
        return cls(folder / f"stats-{name}.json" if folder is not None else None)

    def oid(self, path: str, found: os.stat_result) -> str:
        """The object id of a file that is as it was, empty when it may have changed.

        Args:
            path: as listed.
            found: of the file now.
        """
        row = self._known.get(path)
        if row is None or row[:4] != list(_sign(found)):
            return ""
        self._seen[path] = row
        return str(row[4])

    def learn(self, path: str, found: os.stat_result, oid: str) -> None:
        """Remember a file that was read.

        Args:
            path: as listed.
            found: of the file before it was read.
            oid: of its content.
        """
        if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED_NS:
            self._seen[path] = [*_sign(found), oid]
            self._learnt = True

    def save(self) -> None:
        """Keep what was seen; failing to costs only time."""
        if self._file is None or not (self._learnt or len(self._seen) < len(self._known)):
            return
        fresh = self._file.with_suffix(f".{os.getpid()}.new")
        with suppress(OSError):
            fresh.write_text(json.dumps({"format": _FORMAT, "files": self._seen}), "utf-8", "surrogatepass")
            os.replace(fresh, self._file)


def _sign(found: os.stat_result) -> Sign:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _read(file: Path) -> dict[str, list[object]]:
    data: object = None
    with suppress(OSError, ValueError, RecursionError):
        data = json.loads(file.read_bytes().decode("utf-8", "surrogatepass"))
    files = data.get("files") if isinstance(data, dict) and data.get("format") == _FORMAT else None
    if not isinstance(files, dict):
        return {}
    return {path: row for path, row in files.items() if isinstance(row, list) and len(row) == 5}
