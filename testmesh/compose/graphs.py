"""From repositories to a graph: scan, link, store the baseline, and show other revisions beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from graph.store import Bucket, GraphStore
from testmesh.kernel.errors import UserError
from testmesh.kernel.ids import digest
from testmesh.kernel.workspace import LOCAL, Workspace
from testmesh.workspaces.files import load_project
from testmesh.workspaces.records import Project

if TYPE_CHECKING:
    from graph.overlay import Overlay
    from graph.stores.embedded import EmbeddedStore
    from scanners.scan import Progress, ScanResult

LINKS = Bucket("links")
REPOSITORIES = "repositories.json"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A repository the tool works in, with its settings.

    Args:
        project: settings of the repository the command was given in.
        others: further repositories of the same system.
        workspace: whose graph.
    """

    project: Project
    others: tuple[Project, ...] = ()
    workspace: Workspace = LOCAL

    @property
    def all(self) -> tuple[Project, ...]:
        """Every repository, the main one first."""
        return (self.project, *self.others)


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

    results: tuple[ScanResult, ...]
    nodes: int
    edges: int
    changed: bool
    seconds: float = field(compare=False, default=0.0)


def open_checkout(start: Path, others: Sequence[Path] = ()) -> Checkout:
    """The repository around a folder, with the repositories scanned together with it before.

    Args:
        start: a folder inside the repository.
        others: further repositories; those of the last scan when empty.

    Raises:
        UserError: a folder does not exist, or testmesh.toml is malformed.
    """
    project = load_project(start)
    known = others or _remembered(project)
    return Checkout(project, tuple(load_project(path) for path in known))


def _remembered(project: Project) -> list[Path]:
    file = project.state / REPOSITORIES
    if not file.is_file():
        return []
    paths = [Path(p) for p in json.loads(file.read_text(encoding="utf-8"))]
    gone = [p for p in paths if not p.is_dir()]
    if gone:
        raise UserError(f"the repository {gone[0]}, scanned together with this one before, is gone",
                        hint="scan again, naming the repositories that are there")  # fmt: skip
    return paths


def state_folder(project: Project) -> Path:
    """The tool's own folder, made when missing; it ignores itself in git.

    Args:
        project: whose.

    Raises:
        UserError: it cannot be made.
    """
    try:
        project.state.mkdir(exist_ok=True)
        ignore = project.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise UserError(f"cannot write {project.state}: {error.strerror}",
                        hint="give the folder write permission, or free disk space") from error  # fmt: skip
    return project.state


def open_store(checkout: Checkout) -> GraphStore:
    """The workspace's graph: Neo4j when ``TESTMESH_NEO4J_URL`` is set, else one SQLite file.

    Args:
        checkout: whose graph.

    Raises:
        UnavailableError: the Neo4j server does not answer.
    """
    url = os.environ.get("TESTMESH_NEO4J_URL")
    if url:
        return neo4j_store(url, checkout.workspace)
    return embedded_store(checkout)


def embedded_store(checkout: Checkout) -> EmbeddedStore:
    """The SQLite file of a repository.

    Args:
        checkout: whose graph.
    """
    from graph.stores.embedded import EmbeddedStore

    return EmbeddedStore(state_folder(checkout.project) / "graph.db", checkout.workspace.id)


def neo4j_store(url: str, workspace: Workspace) -> GraphStore:
    """A Neo4j server's graph of one workspace.

    Args:
        url: ``bolt://host:port`` or ``neo4j://``.
        workspace: whose graph.
    """
    from graph.stores.neo4j import Neo4jStore, Server

    user = os.environ.get("TESTMESH_NEO4J_USER", "neo4j")
    password = os.environ.get("TESTMESH_NEO4J_PASSWORD", "")
    return Neo4jStore(Server(url, user, password), workspace.id)


def scan_checkout(
    checkout: Checkout, revision: str | None = None, progress: Progress | None = None
) -> list[ScanResult]:
    """Facts of every repository of a checkout.

    Args:
        checkout: what to scan.
        revision: of the main repository; None is its work tree. The others are read at their work trees.
        progress: told how far it is.
    """
    from flows.facts import FLOWS

    from scanners.cache import FactCache
    from scanners.scan import ScanRequest, scan

    cache = FactCache(state_folder(checkout.project) / "facts.db")
    found = []
    for number, project in enumerate(checkout.all):
        request = ScanRequest(project.root, revision if number == 0 else None, project.name, (FLOWS,))
        found.append(scan(request, cache=cache, progress=progress))
    return found


def refresh(checkout: Checkout, revision: str | None = None, progress: Progress | None = None) -> Scanned:
    """Bring the stored graph up to date with the repositories.

    Args:
        checkout: what to scan.
        revision: of the main repository; None is its work tree.
        progress: told how far it is.
    """
    from graph.linking.link import RepositoryFacts, link

    began = monotonic()
    results = scan_checkout(checkout, revision, progress)
    sources = [RepositoryFacts(r.repository, r.commit, r.facts) for r in results]
    data = link(sources, checkout.workspace.id)
    store = open_store(checkout)
    try:
        before = store.version()
        after = store.replace(LINKS, data)
    finally:
        store.close()
    _remember(checkout)
    seconds = monotonic() - began
    return Scanned(tuple(results), len(data.nodes), len(data.edges), after != before, seconds)


def _remember(checkout: Checkout) -> None:
    text = json.dumps([str(p.root) for p in checkout.others])
    file = state_folder(checkout.project) / REPOSITORIES
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        temporary = file.with_suffix(".new")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)


def graph_at(checkout: Checkout, revision: str | None) -> tuple[Overlay, list[ScanResult]]:
    """The graph of any revision, held in memory: the stored baseline stays as it is.

    Args:
        checkout: which repositories.
        revision: of the main repository; None is its work tree.
    """
    from graph.linking.link import RepositoryFacts, link

    from graph.overlay import Overlay

    results = scan_checkout(checkout, revision)
    data = link([RepositoryFacts(r.repository, r.commit, r.facts) for r in results], checkout.workspace.id)
    return Overlay(content=data), results


def fingerprint(results: Sequence[ScanResult]) -> str:
    """Same text for the same facts of the same repositories.

    Args:
        results: of a scan.
    """
    from graph.facts import encode_fact

    return digest([[r.repository, [encode_fact(f) for f in r.facts]] for r in results])
