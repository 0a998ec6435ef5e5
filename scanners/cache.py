"""Facts of files already read, so that an unchanged file is never read twice; a kill at any moment leaves it whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from testmesh.kernel.errors import UserError

_SCHEMA = """
create table if not exists facts (
  digest text not null, blob text not null, path text not null, data text not null,
  primary key (digest, blob, path)
) without rowid
"""
_ASKED = 400
_MOST_PAGES = 32_768
_FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_TRUNCATE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_FSYNC")


@dataclass(frozen=True, slots=True)
class Key:
    """What facts depend on besides the readers.

    Args:
        blob: git object id of the content.
        path: where the file is.
    """

    blob: str
    path: str


class FactCache:
    """A cache of facts in one SQLite file.

    Args:
        path: the file, made when missing with its folder; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._connection = self._open() if path is not None else None

    def _open(self) -> sqlite3.Connection | None:
        if self.path is None:
            return None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            ignore = self.path.parent / ".gitignore"
            if self.path.parent.name == ".testmesh" and not ignore.exists():
                ignore.write_text("*\n")
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise self._failed(error) from error
            self.path.unlink(missing_ok=True)
            return self._connect()
        except OSError as error:
            raise UserError(
                f"cannot keep facts in {self.path}: {error.strerror}", hint="free space or rights there"
            ) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(str(self.path), timeout=30, isolation_level=None)
        connection.execute("pragma trusted_schema = off")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute(_SCHEMA)
        return connection

    def get(self, digest: str, keys: Sequence[Key]) -> Mapping[Key, str]:
        """JSON of the facts of each file that was read before.

        Args:
            digest: of the readers.
            keys: files.
        """
        found: dict[Key, str] = {}
        if self._connection is None:
            return found
        wanted = {key.blob for key in keys}
        blobs = sorted(wanted)
        try:
            for start in range(0, len(blobs), _ASKED):
                part = blobs[start : start + _ASKED]
                marks = ",".join("?" * len(part))
                sql = f"select blob, path, data from facts where digest = ? and blob in ({marks})"
                for blob, path, data in self._connection.execute(sql, (digest, *part)):
                    found[Key(blob, path)] = data
        except sqlite3.DatabaseError as error:
            raise self._failed(error) from error
        return found

    def put(self, digest: str, rows: Iterable[tuple[Key, str]]) -> None:
        """Remember facts, all or none.

        Args:
            digest: of the readers.
            rows: file and JSON.

        Raises:
            UserError: the disk is full or the file cannot be written.
        """
        if self._connection is None:
            return
        values = [(digest, key.blob, key.path, data) for key, data in rows]
        try:
            self._connection.execute("begin immediate")
            self._connection.executemany("insert or replace into facts values (?, ?, ?, ?)", values)
            self._connection.execute("commit")
        except sqlite3.DatabaseError as error:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise self._failed(error) from error

    def trim(self, digest: str) -> None:
        """Drop facts of readers that are not in use when the file has grown large.

        Args:
            digest: of the readers in use.
        """
        if self._connection is not None:
            try:
                pages = self._connection.execute("pragma page_count").fetchone()[0]
                if pages > _MOST_PAGES:
                    self._connection.execute("delete from facts where digest <> ?", (digest,))
            except sqlite3.DatabaseError as error:
                raise self._failed(error) from error

    def limit_pages(self, pages: int) -> None:
        """Let the file grow no further than this, as a full disk would.

        Args:
            pages: of 4 KiB.
        """
        if self._connection is not None:
            self._connection.execute(f"pragma max_page_count = {int(pages)}")

    def close(self) -> None:
        """Release the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> FactCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _failed(self, error: sqlite3.DatabaseError) -> UserError:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(_FULL):
            hint = "free some disk space and scan again; what was kept before is whole"
            return UserError(f"the disk or quota of {self.path} is full", hint=hint)
        return UserError(f"cannot keep facts in {self.path}: {error}", hint=_hint(str(error)))


def _hint(text: str) -> str:
    if "readonly" in text or "unable to open" in text:
        return "make the folder writable"
    return "delete the file; it only saves time"


def encoded(facts: Iterable[object]) -> str:
    """JSON of facts, as kept.

    Args:
        facts: `graph.values.Fact` records.
    """
    from graph.facts import encode_fact

    return json.dumps([encode_fact(f) for f in facts], ensure_ascii=False, separators=(",", ":"))  # type: ignore[arg-type]
