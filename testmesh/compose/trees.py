"""A commit's files in a scratch folder, with some replaced: what confirmation and live repair bring up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from testmesh.guard.git import Repository
from testmesh.kernel.errors import UserError

LARGEST = 16 << 20


def export(repository: Repository, commit: str, folder: Path, replaced: Mapping[str, str | None] | None = None) -> None:
    """Write a commit's files into an empty folder; links and submodules are left out.

    Args:
        repository: where the commit is.
        commit: 40 hex.
        folder: existing and empty.
        replaced: path to another text, or None to leave the file out.

    Raises:
        UserError: a file is larger than 16 MiB, or a path leaves the folder.
    """
    wanted = {entry.path: entry for entry in repository.tree(commit) if not entry.link}
    contents = {b.oid: b.data for b in repository.blobs({e.oid for e in wanted.values()}, limit=LARGEST)}
    for path, entry in wanted.items():
        if replaced is None or path not in replaced:
            data = contents.get(entry.oid)
            if data is None:
                raise UserError(f"{path} is larger than {LARGEST >> 20} MiB and cannot be brought up")
            _write(folder, path, data, entry.executable)
    for path, text in (replaced or {}).items():
        if text is not None:
            _write(folder, path, text.encode(), path in wanted and wanted[path].executable)


def copy_work_tree(repository: Repository, root: Path, folder: Path, replaced: Mapping[str, str | None]) -> None:
    """Write the tracked and untracked files of a work tree into an empty folder, with some replaced.

    Args:
        repository: of the work tree.
        root: its top folder.
        folder: existing and empty.
        replaced: path to another text, or None to leave the file out.
    """
    for entry in repository.work_tree():
        source = root / entry.path
        if not entry.link and entry.path not in replaced and source.is_file() and not source.is_symlink():
            _write(folder, entry.path, source.read_bytes(), os.access(source, os.X_OK))
    for path, text in replaced.items():
        if text is not None:
            _write(folder, path, text.encode(), os.access(root / path, os.X_OK))


def _write(folder: Path, path: str, data: bytes, executable: bool) -> None:
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"'{path}' leaves the repository")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    if executable:
        target.chmod(0o755)
