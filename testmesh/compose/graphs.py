"""From repositories to a graph: scan, link, store the baseline, and show other revisions beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from graph.store import Bucket, GraphStore
from testmesh.kernel.errors import UserError
from testmesh.kernel.workspace import LOCAL, Workspace
from testmesh.workspaces.files import load_project
from testmesh.workspaces.records import Project

if TYPE_CHECKING:
    from graph.schema import GraphData
    from graph.stores.embedded import EmbeddedStore
    from graph.values import Fact
    from scanners.scan import Progress, ScanResult
    from scanners.trees import Tree as Files

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


def open_checkout(start: Path, others: Sequence[Path] | None = None) -> Checkout:
    """The repository around a folder, with the repositories scanned together with it before.

    Args:
        start: a folder inside the repository.
        others: further repositories, exactly these; those of the last scan when None.

    Raises:
        UserError: a folder does not exist, testmesh.toml is malformed, or two repositories have one name.
    """
    project = load_project(start)
    known = remembered(project) if others is None else others
    found = {project.root: project}
    for path in known:
        other = load_project(path)
        found.setdefault(other.root, other)
    _one_name_each(tuple(found.values()))
    return Checkout(project, tuple(found.values())[1:])


def _one_name_each(projects: Sequence[Project]) -> None:
    seen: dict[str, Project] = {}
    for project in projects:
        first = seen.setdefault(project.name, project)
        if first is not project:
            raise UserError(f"{first.root} and {project.root} are both called '{project.name}'",
                            hint="give one another name in its testmesh.toml: [project] name = \"...\"")  # fmt: skip


def remembered(project: Project) -> list[Path]:
    """The repositories that were scanned together with this one.

    Args:
        project: the main one.

    Raises:
        UserError: one is gone, or the list cannot be read.
    """
    paths = _listed(project.state / REPOSITORIES)
    gone = [p for p in paths if not p.is_dir()]
    if gone:
        raise UserError(f"the repository {gone[0]}, scanned together with this one before, is gone",
                        hint="scan again, naming the repositories that are there")  # fmt: skip
    return paths


def _listed(file: Path) -> list[Path]:
    if not file.is_file():
        return []
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        data = None
    if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
        raise UserError(f"{file} is not the list of repositories that a scan writes",
                        hint="scan again, naming the repositories")  # fmt: skip
    return [Path(item) for item in data]


def state_folder(project: Project) -> Path:
    """The tool's own folder, made when missing; it ignores itself in git.

    Args:
        project: whose.

    Raises:
        UserError: it cannot be made.
    """
    if project.state.is_symlink():
        raise UserError(f"{project.state} is a link; nothing is written through it",
                        hint="remove it, and scan again")  # fmt: skip
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


@dataclass(frozen=True, slots=True)
class Tree:
    """A repository at a revision.

    Args:
        path: work tree or bare repository.
        name: as in the graph.
        revision: commit, branch or tag; None is the work tree.
        patch: unified diff on top of the revision, or empty.
    """

    path: Path
    name: str
    revision: str | None = None
    patch: str = ""


def trees_of(checkout: Checkout, revision: str | None = None) -> list[Tree]:
    """Every repository of a checkout; the others are read at their work trees.

    Args:
        checkout: which repositories.
        revision: of the main repository; None is its work tree.
    """
    others = [Tree(project.root, project.name) for project in checkout.others]
    return [Tree(checkout.project.root, checkout.project.name, revision), *others]


def scan_trees(trees: Sequence[Tree], cache: Path, progress: Progress | None = None) -> list[ScanResult]:
    """Facts of repositories.

    Args:
        trees: what to scan.
        cache: file of the facts already read.
        progress: told how far it is.
    """
    from flows.facts.files import FLOWS
    from scanners.cache import FactCache
    from scanners.scan import ScanRequest, scan, scan_tree

    kept = FactCache(cache)
    found = []
    for tree in trees:
        request = ScanRequest(tree.path, tree.revision, tree.name, (FLOWS,))
        if tree.patch:
            found.append(scan_tree(request, *_patched(tree), (kept, progress)))
        else:
            found.append(scan(request, cache=kept, progress=progress))
    return found


def _patched(tree: Tree) -> tuple[Files, str]:
    """The files of a revision with a patch applied, and what to call them."""
    from scanners.changes import ChangeRequest, open_sides
    from testmesh.guard.git import Repository

    data = tree.patch.encode("utf-8", "surrogateescape")
    asked = ChangeRequest(tree.path, tree.revision or "HEAD", None, data, tree.name)
    sides = open_sides(asked, Repository(tree.path))
    return sides.new, sides.head


def linked(results: Sequence[ScanResult], workspace: Workspace) -> GraphData:
    """The graph that facts of several repositories make together.

    Args:
        results: of a scan.
        workspace: whose graph.
    """
    from graph.linking.link import RepositoryFacts, link

    return link([RepositoryFacts(r.repository, r.commit, r.facts) for r in results], workspace.id)


def cache_file(checkout: Checkout) -> Path:
    """Where a checkout keeps the facts already read.

    Args:
        checkout: whose.
    """
    return state_folder(checkout.project) / "facts.db"


@dataclass(frozen=True)
class View:
    """A revision of the system, in memory or from a graph kept of it.

    Args:
        graph: its graph.
        scan: reads what scanners said; called once, by those who ask for the facts.
    """

    graph: GraphStore
    scan: Callable[[], Sequence[ScanResult]]

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """What scanners said, of all repositories."""
        return tuple(f for r in self.scan() for f in r.facts)


def view_of(
    trees: Sequence[Tree], cache: Path, workspace: Workspace, *, keep: bool = False, look: bool = False
) -> View:
    """Repositories at any revisions as a graph: what is stored stays as it is.

    Args:
        trees: which, at which revisions.
        cache: file of the facts already read.
        workspace: whose graph.
        keep: look for the graph beside the cache, and keep it there for the next question.
        look: only look for it.
    """
    from graph.overlay import Overlay
    from testmesh.compose.kept import KeptGraphs, printed

    graphs = KeptGraphs(cache.parent / "graphs", workspace.id) if keep or look else None
    mark = printed(trees, workspace, cache.parent) if graphs is not None else ""
    known = graphs.open(mark) if graphs is not None else None
    if known is not None:
        return View(known, partial(scan_trees, trees, cache))
    results = scan_trees(trees, cache)
    data = linked(results, workspace)
    if graphs is not None and keep:
        graphs.keep(mark, data)
    return View(Overlay(content=data), lambda: results)


def view_at(checkout: Checkout, revision: str | None, *, keep: bool = False, look: bool = False) -> View:
    """A checkout at a revision.

    Args:
        checkout: which repositories.
        revision: of the main repository; None is its work tree.
        keep: it is likely to be asked about again, as the base of a change is.
        look: its graph may be there already.
    """
    return view_of(trees_of(checkout, revision), cache_file(checkout), checkout.workspace, keep=keep, look=look)


def patched_view(checkout: Checkout, revision: str, patch: str) -> View:
    """A checkout at a revision with a patch on top.

    Args:
        checkout: which repositories.
        revision: of the main repository.
        patch: unified diff.
    """
    main, *others = trees_of(checkout, revision)
    return view_of([replace(main, patch=patch), *others], cache_file(checkout), checkout.workspace)
