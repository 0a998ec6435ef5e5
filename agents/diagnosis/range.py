"""The commits of a range and the texts of both its sides, read from git for a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from agents.diagnosis.inputs import Commit
from graph.change import Change
from testmesh.guard.git import Repository

LARGEST = 1024 * 1024
Differ = Callable[[str, str], Change]


class GitSources:
    """Both sides of a range as texts; binary and very large files have none.

    Args:
        repository: where they are.
        base: 40 hex.
        head: 40 hex.
    """

    def __init__(self, repository: Repository, base: str, head: str) -> None:
        self._repository = repository
        self._sides = (base, head)
        self._texts: dict[str, str | None] = {}

    @cached_property
    def _base(self) -> dict[str, str]:
        return self._listed(self._sides[0])

    @cached_property
    def _head(self) -> dict[str, str]:
        return self._listed(self._sides[1])

    def base(self, path: str) -> str | None:
        """The file's text before; see :class:`Sources`."""
        return self._text(self._base.get(path))

    def head(self, path: str) -> str | None:
        """The file's text after; see :class:`Sources`."""
        return self._text(self._head.get(path))

    def head_files(self) -> Sequence[str]:
        """Paths of all files after, sorted."""
        return sorted(self._head)

    def _listed(self, commit: str) -> dict[str, str]:
        return {entry.path: entry.oid for entry in self._repository.tree(commit) if not entry.link}

    def _text(self, oid: str | None) -> str | None:
        if oid is None:
            return None
        if oid not in self._texts:
            blob = next(iter(self._repository.blobs([oid], limit=LARGEST)), None)
            data = blob.data if blob else None
            self._texts[oid] = None if data is None or b"\0" in data else data.decode("utf-8", "replace")
        return self._texts[oid]


def commits(repository: Repository, base: str, head: str, differ: Differ) -> tuple[Commit, ...]:
    """The commits of a range, newest first, each with its own change against its first parent.

    Args:
        repository: where they are.
        base: 40 hex, left out.
        head: 40 hex.
        differ: the change between two commits.
    """
    found = []
    for logged in repository.log(base, head):
        parent = logged.parents[0] if logged.parents else ""
        change = differ(parent, logged.id) if parent else Change("", "", logged.id)
        sources = GitSources(repository, parent, logged.id) if parent else None
        found.append(Commit(logged.id, logged.message, change, sources))
    return tuple(found)
