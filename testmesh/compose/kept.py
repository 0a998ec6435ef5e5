"""Linked graphs of revisions asked about before, so that a question about a change links only its new side."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph.store import Bucket
from testmesh.kernel.errors import UserError

if TYPE_CHECKING:
    from graph.schema import GraphData
    from graph.stores.embedded import EmbeddedStore
    from testmesh.compose.graphs import Tree
    from testmesh.kernel.workspace import Workspace

_MOST = 8
_LINKS = Bucket("links")


class KeptGraphs:
    """Graph files named by the fingerprint of what they were linked from; deleting any of them only costs time.

    Args:
        folder: where, made when missing.
        workspace: id of the workspace they belong to.
    """

    def __init__(self, folder: Path, workspace: str) -> None:
        self._folder = folder
        self._workspace = workspace

    def open(self, fingerprint: str) -> EmbeddedStore | None:
        """The graph of a fingerprint, None when it is not kept or cannot be read.

        Args:
            fingerprint: hexadecimal.
        """
        from graph.stores.embedded import EmbeddedStore

        path = self._path(fingerprint)
        if not path.is_file() or path.is_symlink():
            return None
        try:
            store = EmbeddedStore(path, self._workspace)
        except UserError:
            path.unlink(missing_ok=True)
            return None
        os.utime(path)
        return store

    def keep(self, fingerprint: str, data: GraphData) -> None:
        """Keep a graph whole or not at all, and drop those not asked for longest.

        Args:
            fingerprint: hexadecimal.
            data: what was linked.
        """
        from graph.stores.embedded import EmbeddedStore

        self._folder.mkdir(exist_ok=True)
        path = self._path(fingerprint)
        fresh = path.with_suffix(f".{os.getpid()}.new")
        store = EmbeddedStore(fresh, self._workspace)
        try:
            store.replace(_LINKS, data)
        finally:
            store.close()
        os.replace(fresh, path)
        self._trim()

    def copy(self, fingerprint: str, graph: Path) -> None:
        """Keep a copy of a graph file that holds links only.

        Args:
            fingerprint: hexadecimal.
            graph: an embedded store's file.
        """
        self._folder.mkdir(exist_ok=True)
        path = self._path(fingerprint)
        fresh = path.with_suffix(f".{os.getpid()}.new")
        source, target = sqlite3.connect(graph), sqlite3.connect(fresh)
        try:
            source.backup(target)
        finally:
            source.close()
            target.close()
        os.replace(fresh, path)
        self._trim()

    def _path(self, fingerprint: str) -> Path:
        return self._folder / f"{fingerprint[:40]}.db"

    def _trim(self) -> None:
        files = sorted(self._folder.glob("*.db"), key=lambda p: (-p.stat().st_mtime, p.name))
        for path in files[_MOST:]:
            for leftover in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
                leftover.unlink(missing_ok=True)


def printed(trees: Sequence[Tree], workspace: Workspace, state: Path | None = None) -> str:
    """A digest that differs whenever the graph of these revisions may.

    Args:
        trees: which repositories, at which revisions.
        workspace: whose graph.
        state: folder where what is known of their files is kept, None to read them all.
    """
    from flows.facts.files import FLOWS
    from scanners.fingerprint import fingerprint
    from scanners.scan import ScanRequest
    from scanners.stats import Stats

    hashed = hashlib.sha256(f"{workspace.id}\n{_linking()}\n".encode())
    for tree in trees:
        if tree.patch:
            hashed.update(tree.patch.encode("utf-8", "surrogateescape"))
        request = ScanRequest(tree.path, tree.revision, tree.name, (FLOWS,))
        mark = fingerprint(request, Stats.beside(state, tree.path))
        hashed.update(f"{tree.name} {mark}\n".encode("utf-8", "surrogateescape"))
    return hashed.hexdigest()


@cache
def _linking() -> str:
    """Size and time of every file whose code decides what graph facts make."""
    import flows.facts
    import graph.linking

    folders = [Path(str(module.__file__)).parent for module in (graph.linking, flows.facts)]
    stats = ((f, f.stat()) for folder in folders for f in sorted(folder.rglob("*.py")))
    return "\n".join(f"{f.name} {s.st_size} {s.st_mtime_ns}" for f, s in stats)


def noted(file: Path) -> Mapping[str, Any]:
    """What the last scan wrote down about itself; empty when it wrote nothing that can be read.

    Args:
        file: the note.
    """
    found: Any = None
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads(file.read_bytes())
    return found if isinstance(found, dict) else {}
