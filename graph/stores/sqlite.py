"""Opens the graph's SQLite file and says in plain words what a disk or file did wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graph.stores.tables import FORMAT, TABLES
from testmesh.kernel.errors import UserError

_PATIENCE = 30.0
_FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_TRUNCATE", "SQLITE_IOERR_SHMSIZE")
_BROKEN = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def opened(path: Path, workspace: str) -> sqlite3.Connection:
    """A connection to the file, its tables made, and known to belong to this workspace.

    Args:
        path: the graph file; its folder is made when missing.
        workspace: workspace id the file must belong to.

    Raises:
        UserError: the file cannot be opened, is no graph, is of another format or of another workspace.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("PRAGMA cache_size=-65536")
            db.execute("PRAGMA temp_store=MEMORY")
            _prepare(db, path, workspace)
        except BaseException:
            db.close()
            raise
    return db


def _prepare(db: sqlite3.Connection, path: Path, workspace: str) -> None:
    fresh = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'meta'").fetchone()[0] == 0
    if fresh:
        db.execute("BEGIN IMMEDIATE")
        for statement in TABLES.split(";"):
            if statement.strip():
                db.execute(statement)
        rows = (("format", FORMAT), ("workspace", workspace), ("version", 0))
        db.executemany("INSERT OR IGNORE INTO meta VALUES(?, ?)", rows)
        db.execute("COMMIT")
    known = dict(db.execute("SELECT name, value FROM meta"))
    if known.get("format") != FORMAT:
        raise UserError(
            f"{path} holds a graph of format {known.get('format')}, this program writes {FORMAT}",
            hint=f"remove {path} and run testmesh scan again",
        )
    if known.get("workspace") != workspace:
        raise UserError(f"{path} belongs to another workspace than '{workspace}'", hint="use one graph file each")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what SQLite or the disk reports into an error for people.

    Args:
        path: the graph file, named in the message.

    Raises:
        UserError: the disk is full, the file is broken, busy, or cannot be written.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _friendly(path, error) from error
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}", hint="check the folder's rights") from error


def _friendly(path: Path, error: sqlite3.Error) -> UserError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(_FULL):
        return UserError(
            f"the disk or quota of {path} is full; the graph written before is unchanged",
            hint="free some space and run testmesh scan again",
        )
    if name.startswith(_BROKEN):
        return UserError(f"{path} is not a readable graph file", hint=f"remove {path} and run testmesh scan again")
    if name.startswith("SQLITE_BUSY"):
        return UserError(f"{path} is being written by another process", hint="wait for it to finish, then try again")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
        return UserError(f"cannot write {path}: {error}", hint="check that the folder exists and is writable")
    if name.startswith("SQLITE_IOERR"):
        return UserError(f"the disk failed under {path}: {error}", hint="check the disk, then run testmesh scan again")
    raise error
