"""Brings the stored graph up to date with the repositories, and does nothing when nothing has changed since."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from graph.store import GraphStore
from testmesh.compose.graphs import (
    LINKS,
    REPOSITORIES,
    Checkout,
    cache_file,
    linked,
    open_store,
    scan_trees,
    state_folder,
    trees_of,
)
from testmesh.compose.kept import KeptGraphs, noted, printed
from testmesh.kernel.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scanners.scan import Progress, ScanResult

NOTE = "scanned.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Read:
    """What a scan of one repository came to.

    Args:
        repository: its name.
        commit: 40 hex, or ``worktree``.
        files: files in the revision.
        read: files some reader read.
        cached: those that were read before.
        problems: files that could not be read whole.
    """

    repository: str
    commit: str
    files: int
    read: int
    cached: int
    problems: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan found.

    Args:
        results: one a repository.
        nodes: nodes in the graph.
        edges: edges in the graph.
        changed: the stored graph is another one than before.
        seconds: wall time, linking and storing included.
    """

    results: tuple[Read, ...]
    nodes: int
    edges: int
    changed: bool
    seconds: float = field(compare=False, default=0.0)


def refresh(checkout: Checkout, revision: str | None = None, progress: Progress | None = None) -> Scanned:
    """Bring the stored graph up to date with the repositories.

    Args:
        checkout: what to scan.
        revision: of the main repository; None is its work tree.
        progress: told how far it is.
    """
    began = monotonic()
    trees = trees_of(checkout, revision)
    mark = printed(trees, checkout.workspace, state_folder(checkout.project)) + f" {revision or ''}"
    store = open_store(checkout)
    try:
        same = _unchanged(checkout, mark, store.version())
        found = same if same is not None else _anew(checkout, store, (revision, mark), progress)
    finally:
        store.close()
    if found.changed or same is None:
        _keep(checkout, mark)
    _remember(checkout)
    return Scanned(found.results, found.nodes, found.edges, found.changed, monotonic() - began)


def _anew(checkout: Checkout, store: GraphStore, asked: tuple[str | None, str], progress: Progress | None) -> Scanned:
    revision, mark = asked
    results = scan_trees(trees_of(checkout, revision), cache_file(checkout), progress)
    data = linked(results, checkout.workspace)
    before = store.version()
    after = store.replace(LINKS, data)
    found = Scanned(tuple(_read(r) for r in results), len(data.nodes), len(data.edges), after != before)
    _note(checkout, found, (mark, after))
    return found


def _read(result: ScanResult) -> Read:
    stats = result.stats
    return Read(result.repository, result.commit, stats.files, stats.read, stats.cached, result.problems)


def _unchanged(checkout: Checkout, mark: str, version: int) -> Scanned | None:
    """What the last scan came to, when it saw the same files and nobody changed the graph since."""
    note = noted(checkout.project.state / NOTE)
    if (note.get("format"), note.get("mark"), note.get("version")) != (FORMAT, mark, version):
        return None
    try:
        results = tuple(_from_note(row) for row in note["results"])
        return Scanned(results, int(note["nodes"]), int(note["edges"]), False)
    except (KeyError, TypeError, ValueError):
        return None


def _from_note(row: Mapping[str, Any]) -> Read:
    problems = tuple(Diagnostic(*problem) for problem in row["problems"])
    return Read(row["repository"], row["commit"], row["files"], row["read"], row["read"], problems)


def _note(checkout: Checkout, found: Scanned, state: tuple[str, int]) -> None:
    from flows.reports import write_whole

    rows = [
        {
            "repository": r.repository,
            "commit": r.commit,
            "files": r.files,
            "read": r.read,
            "problems": [[p.file, p.line, p.column, p.rule, p.message, p.severity, p.hint] for p in r.problems],
        }
        for r in found.results
    ]
    note = {
        "format": FORMAT,
        "mark": state[0],
        "version": state[1],
        "nodes": found.nodes,
        "edges": found.edges,
        "results": rows,
    }
    write_whole(state_folder(checkout.project) / NOTE, json.dumps(note).encode("utf-8", "surrogatepass"))


def _keep(checkout: Checkout, mark: str) -> None:
    """The stored graph, when it holds links alone, is the base that the next change is compared with."""
    from graph.stores.embedded import EmbeddedStore

    store = open_store(checkout)
    try:
        alone = isinstance(store, EmbeddedStore) and store.buckets() == (LINKS,)
    finally:
        store.close()
    if alone:
        state = state_folder(checkout.project)
        KeptGraphs(state / "graphs", checkout.workspace.id).copy(mark.split(maxsplit=1)[0], state / "graph.db")


def _remember(checkout: Checkout) -> None:
    from flows.reports import write_whole

    data = json.dumps([str(p.root) for p in checkout.others]).encode()
    file = state_folder(checkout.project) / REPOSITORIES
    if not file.exists() or file.read_bytes() != data:
        write_whole(file, data)
