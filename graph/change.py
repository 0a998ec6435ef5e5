"""What differs between two revisions, as handed from scanning to impact and diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VERSION = 1
FileStatus = Literal["added", "modified", "deleted", "renamed"]
ItemKind = Literal[
    "symbol", "module", "config", "operation", "table", "deploy", "dependency", "flow", "annotation", "file"
]
Action = Literal["added", "removed", "modified"]

WORKTREE = "worktree"


@dataclass(frozen=True, slots=True, order=True)
class Hunk:
    """One changed region of a file, in unified-diff terms.

    Args:
        old_start: first line on the base side, 1-based.
        old_lines: lines there, 0 for a pure insertion.
        new_start: first line on the head side, 1-based.
        new_lines: lines there, 0 for a pure deletion.
    """

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int


@dataclass(frozen=True, slots=True)
class FileChange:
    """A changed file.

    Args:
        path: on the head side (base side for a deletion).
        old_path: on the base side, equal to path unless renamed.
        status: what happened to it.
        hunks: changed regions; empty for binary files.
        commits: ids of the commits of the range that touched it, newest first, empty for a work tree or patch.
    """

    path: str
    old_path: str
    status: FileStatus
    hunks: tuple[Hunk, ...] = ()
    commits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedItem:
    """A named thing a change touches, on whichever side it exists.

    Args:
        kind: what sort of thing.
        action: added, removed or modified.
        file: repository-relative path on the side it exists (head when on both).
        line: 1-based line there.
        name: qualified symbol, configuration key, `METHOD /path` of an operation, table, package or service.
        detail: one clause for people, e.g. "field `total` renamed to `amount`".
        hunks: the hunks of the file that fall into it.
    """

    kind: ItemKind
    action: Action
    file: str
    line: int
    name: str
    detail: str = ""
    hunks: tuple[Hunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Two revisions of one repository and what differs between them.

    Args:
        repository: repository name.
        base: 40 hex of the merge base, or a patch's base.
        head: 40 hex, or ``worktree``.
        files: changed files, sorted by path.
        items: changed things, sorted by (file, line, name). A hunk no rule attributes becomes a `file` item, so
            nothing changed is ever silent.
    """

    repository: str
    base: str
    head: str
    files: tuple[FileChange, ...] = ()
    items: tuple[ChangedItem, ...] = ()
