"""Which files a scan looks at and how their bytes are read: a revision from git objects, or the work tree."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from scanners.stats import Stats
from testmesh.guard.git import Repository, blob_id, shown

_PIECE = 1 << 20
_ANY = 1 << 62


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes, or why there are none.

    Args:
        path: relative to the scanned folder.
        blob: git object id, empty when unread.
        data: the bytes, None when they were not read.
        why: reason, empty when read.
    """

    path: str
    blob: str
    data: bytes | None
    why: str = ""


class Tree(Protocol):
    """A listing of files with their bytes on request."""

    def paths(self) -> Sequence[str]:
        """Every regular file, sorted."""
        ...

    def blobs(self) -> Mapping[str, str]:
        """Git object id by path, for trees that know it without reading."""
        ...

    def read(self, limits: Mapping[str, int]) -> Iterator[Content]:
        """Bytes of files.

        Args:
            limits: bytes each wanted file may have, by path.
        """
        ...


class CommitTree:
    """Files of a commit, read from git objects.

    Args:
        repository: where.
        commit: 40 hex.
    """

    def __init__(self, repository: Repository, commit: str) -> None:
        self._repository = repository
        self._blobs = {e.path: e.oid for e in repository.tree(commit) if not e.link}

    def paths(self) -> Sequence[str]:
        return list(self._blobs)

    def blobs(self) -> Mapping[str, str]:
        return self._blobs

    def read(self, limits: Mapping[str, int]) -> Iterator[Content]:
        by_oid: dict[str, list[str]] = {}
        for path in limits:
            by_oid.setdefault(self._blobs[path], []).append(path)
        for blob in self._repository.blobs(by_oid, limit=max(limits.values(), default=0)):
            for path in by_oid[blob.oid]:
                yield _limited(path, blob.oid, blob.data, (blob.size, limits[path]))


def _limited(path: str, oid: str, data: bytes | None, sizes: tuple[int, int]) -> Content:
    size, limit = sizes
    if size < 0:
        return Content(path, oid, None, "its content is not in this repository (partial or damaged clone)")
    if data is None or size > limit:
        return Content(path, oid, None, f"it has {size:,} bytes; at most {limit:,} are read")
    return Content(path, oid, data)


class WorkTree:
    """Files as they are on disk now: tracked, changed and new ones, without what git ignores.

    Args:
        repository: where.
        stats: what is known of the files from before.
    """

    def __init__(self, repository: Repository, stats: Stats | None = None) -> None:
        entries = repository.work_tree()
        self._stats = stats if stats is not None else Stats()
        self._root = repository.path
        self._hash = repository.hash_name
        self._raw = {shown(os.fsencode(e.path)): e.path for e in entries if not e.link}

    def paths(self) -> Sequence[str]:
        return list(self._raw)

    def blobs(self) -> Mapping[str, str]:
        return self.blobs_of(dict.fromkeys(self._raw, _ANY))

    def blobs_of(self, limits: Mapping[str, int]) -> Mapping[str, str]:
        """Git object ids of these files as they are now; those that are larger or cannot be read are left out.

        Args:
            limits: bytes a file may have, by path.
        """
        root = _Root(self._root)
        found = {path: self._oid(root, path, limit) for path, limit in limits.items()}
        self._stats.save()
        return {path: oid for path, oid in found.items() if oid}

    def _oid(self, root: _Root, path: str, limit: int) -> str:
        raw = self._raw[path]
        try:
            if not root.holds(raw):
                return ""
            status = os.lstat(os.path.join(root.path, raw))
            if status.st_size > limit or not stat.S_ISREG(status.st_mode):
                return ""
            known = self._stats.oid(path, status)
            if not known:
                known = _hashed(root, raw, self._hash)
                self._stats.learn(path, status, known)
        except OSError:
            return ""
        return known

    def read(self, limits: Mapping[str, int]) -> Iterator[Content]:
        root = _Root(self._root)
        for path, limit in limits.items():
            yield _on_disk(root, (path, self._raw[path]), (limit, self._hash))


class _Root:
    """The scanned folder; each folder below is looked at once a listing, for links that lead out of it."""

    def __init__(self, path: str | Path) -> None:
        self.path = os.path.realpath(path)
        self._inside: dict[str, bool] = {}

    def holds(self, path: str) -> bool:
        """Whether a file's folder is below the root; the file itself is opened as no link."""
        folder = os.path.dirname(path)
        found = self._inside.get(folder)
        if found is None:
            real = os.path.realpath(os.path.join(self.path, folder))
            found = self._inside[folder] = os.path.commonpath([self.path, real]) == self.path
        return found


def _opened(root: str, path: str) -> BinaryIO:
    return open(os.open(Path(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _hashed(root: _Root, path: str, hash_name: str) -> str:
    """Git's object id of a file on disk, read piece by piece."""
    with _opened(root.path, path) as stream:
        head = b"blob %d\0" % os.fstat(stream.fileno()).st_size
        hashed = hashlib.new(hash_name, head, usedforsecurity=False)
        while piece := stream.read(_PIECE):
            hashed.update(piece)
    return hashed.hexdigest()


def _on_disk(root: _Root, names: tuple[str, str], about: tuple[int, str]) -> Content:
    (path, raw), (limit, hash_name) = names, about
    try:
        if not root.holds(raw):
            return Content(path, "", None, "it lies outside the repository")
        with _opened(root.path, raw) as stream:
            size = os.fstat(stream.fileno()).st_size
            data = stream.read(limit + 1) if size <= limit else b""
    except OSError as error:
        return Content(path, "", None, f"it cannot be read: {error.strerror}")
    if size > limit or len(data) > limit:
        return Content(path, "", None, f"it has {size:,} bytes; at most {limit:,} are read")
    return Content(path, blob_id(data, hash_name), data)


class MemoryTree:
    """Files whose bytes are at hand, on top of another tree; for patches.

    Args:
        below: what is not replaced.
        replaced: bytes by path, None for a file that is gone.
    """

    def __init__(self, below: Tree, replaced: Mapping[str, bytes | None]) -> None:
        self._below = below
        self._replaced = replaced

    def paths(self) -> Sequence[str]:
        kept = {p for p in self._below.paths() if p not in self._replaced}
        return sorted(kept | {p for p, data in self._replaced.items() if data is not None})

    def blobs(self) -> Mapping[str, str]:
        kept = {p: oid for p, oid in self._below.blobs().items() if p not in self._replaced}
        return kept | {p: blob_id(data) for p, data in self._replaced.items() if data is not None}

    def read(self, limits: Mapping[str, int]) -> Iterator[Content]:
        yield from self._below.read({p: n for p, n in limits.items() if p not in self._replaced})
        for path, data in self._replaced.items():
            if path in limits and data is not None:
                yield _limited(path, blob_id(data), data, (len(data), limits[path]))
