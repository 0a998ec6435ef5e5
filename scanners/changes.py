"""Two revisions, a work tree or a patch in, what differs between them out, from the merge base on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graph.change import WORKTREE, Change, ChangedItem, FileChange, ItemKind
from graph.facts import Manifest
from graph.schema import Node
from graph.store import GraphStore
from scanners import patches
from scanners.changed_items import Versions, items
from scanners.hunks import hunks, renames
from scanners.readers import MANIFEST_LIMIT, Readers, built_in
from scanners.trees import CommitTree, MemoryTree, Tree, WorkTree
from testmesh.guard.git import Repository
from testmesh.kernel.errors import NotFoundError, UserError


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """What to compare.

    Args:
        path: repository, work tree or bare, or a folder in one.
        base: revision to compare with; the merge base with the head is taken.
        head: revision; None = the work tree with its uncommitted changes.
        patch: a unified diff on top of `base`, instead of a head.
        repository: name in the graph; the folder's name when empty.
        extra: manifests of other parts of the product, such as flow files.
    """

    path: Path
    base: str
    head: str | None = None
    patch: bytes | None = None
    repository: str = ""
    extra: Sequence[Manifest] = ()

    @property
    def name(self) -> str:
        """The repository's name in the graph."""
        return self.repository or self.path.resolve().name.removesuffix(".git")


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of a comparison.

    Args:
        base: 40 hex of the merge base.
        head: 40 hex, or ``worktree``.
        old: files of the base.
        new: files of the head.
    """

    base: str
    head: str
    old: Tree
    new: Tree


def changes(
    path: Path, base: str, head: str | None = None, *, repository: str = "", extra: Sequence[Manifest] = ()
) -> Change:
    """What differs between the merge base of two revisions and the later one.

    Args:
        path: repository, work tree or bare, or a folder in one.
        base: revision to compare with.
        head: revision; None = the work tree with its uncommitted changes.
        repository: name in the graph; the folder's name when empty.
        extra: manifests of other parts of the product, such as flow files.

    Raises:
        UserError: not a repository, unknown revision, no commits, or a shallow clone without the merge base.
    """
    return compare(ChangeRequest(path, base, head, None, repository, extra))


def patch_changes(
    path: Path, base: str, patch: str | bytes, *, repository: str = "", extra: Sequence[Manifest] = ()
) -> Change:
    """What a patch would change.

    Args:
        path: repository, work tree or bare, or a folder in one.
        base: revision the patch applies to.
        patch: a unified diff.
        repository: name in the graph; the folder's name when empty.
        extra: manifests of other parts of the product, such as flow files.

    Raises:
        UserError: as for :func:`changes`, or the patch does not fit.
    """
    data = patch.encode("utf-8", "surrogateescape") if isinstance(patch, str) else patch
    return compare(ChangeRequest(path, base, None, data, repository, extra))


def compare(request: ChangeRequest) -> Change:
    """What differs between the two sides of a request.

    Args:
        request: what to compare.

    Raises:
        UserError: not a repository, unknown revision, no commits, a shallow clone without the merge base, or a patch
            that does not fit.
    """
    repository = Repository(request.path)
    sides = open_sides(request, repository)
    commits: Mapping[str, tuple[str, ...]] = {}
    if sides.head not in (WORKTREE, sides.base):
        commits = repository.commits_of(sides.base, sides.head)
    files = _files(sides, commits)
    base = built_in()
    readers = Readers(base.languages, base.packs, base.manifests, tuple(request.extra))
    found = sorted((i for v in files for i in items(readers, v)), key=lambda i: (i.file, i.line, i.name, i.kind))
    return Change(request.name, sides.base, sides.head, tuple(v.change for v in files), tuple(found))


def open_sides(request: ChangeRequest, repository: Repository) -> Sides:
    """The two trees of a comparison.

    Args:
        request: what to compare.
        repository: opened.
    """
    base = repository.commit(request.base)
    if request.patch is not None:
        below = CommitTree(repository, base)
        return Sides(base, WORKTREE, below, _patched(below, request.patch))
    head = repository.commit(request.head or "HEAD")
    start = base if base == head else repository.merge_base(base, head)
    new = CommitTree(repository, head) if request.head is not None else WorkTree(repository)
    return Sides(start, head if request.head is not None else WORKTREE, CommitTree(repository, start), new)


def split_range(text: str) -> tuple[str, str | None]:
    """Base and head of ``BASE..HEAD``, ``BASE...HEAD`` or ``BASE`` (head: the work tree).

    Args:
        text: as typed.

    Raises:
        UserError: a side is missing.
    """
    for dots in ("...", ".."):
        if dots in text:
            base, _, head = text.partition(dots)
            if not base or not head:
                raise UserError(f"'{text}' lacks a side", hint="BASE..HEAD, e.g. main..HEAD")
            return base, head
    return text, None


def _patched(below: CommitTree, patch: bytes) -> Tree:
    blobs = below.blobs()
    touched = [path for path in patches.touched(patch) if path in blobs]
    base = {c.path: c.data for c in below.read(dict.fromkeys(touched, MANIFEST_LIMIT)) if c.data is not None}
    return MemoryTree(below, patches.apply(patch, base))


def _files(sides: Sides, commits: Mapping[str, tuple[str, ...]]) -> list[Versions]:
    old, new = sides.old.blobs(), sides.new.blobs()
    differing = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    old_data = _read(sides.old, differing & old.keys())
    new_data = _read(sides.new, differing & new.keys())
    gone = {path: old[path] for path in differing if path not in new}
    came = {path: new[path] for path in differing if path not in old}
    moved = renames(gone, came, old_data, new_data)
    found = []
    for path in sorted(differing - set(moved.values())):
        old_path = moved.get(path, path)
        status = "renamed" if path in moved else "added" if path in came else "deleted" if path in gone else "modified"
        before, after = old_data.get(old_path), new_data.get(path)
        unread = (before is None and old_path in old) or (after is None and path in new)
        if not unread and status == "modified" and (before or b"").splitlines() == (after or b"").splitlines():
            continue  # only line ends differ, as a work tree's may from what is committed
        regions = () if unread else hunks(before or b"", after or b"")
        touched = tuple(dict.fromkeys((*commits.get(path, ()), *commits.get(old_path, ()))))
        change = FileChange(path, old_path, status, regions, touched)  # type: ignore[arg-type]
        found.append(Versions(change, before, after))
    return found


def _read(tree: Tree, paths: set[str]) -> dict[str, bytes]:
    contents = tree.read(dict.fromkeys(sorted(paths), MANIFEST_LIMIT))
    return {c.path: c.data for c in contents if c.data is not None}


def node_change(store: GraphStore, repository: str, nodes: Sequence[str]) -> Change:
    """A change that touches exactly these nodes of a graph, for asking what depends on them.

    Args:
        store: whose graph.
        repository: name in the graph.
        nodes: uids.

    Raises:
        NotFoundError: a node does not exist.
    """
    known = store.get(nodes)
    missing = [uid for uid in nodes if uid not in known]
    if missing:
        raise NotFoundError(f"no node {missing[0]} in this graph", hint="testmesh graph find shows what there is")
    found = [_node_item(known[uid]) for uid in nodes]
    files = tuple(FileChange(path, path, "modified") for path in sorted({i.file for i in found if i.file}))
    return Change(repository, "", "", files, tuple(sorted(found, key=lambda i: (i.file, i.line, i.name))))


def _node_item(node: Node) -> ChangedItem:
    file, line = (node.evidence[0].file, node.evidence[0].line) if node.evidence else ("", 1)
    kind: ItemKind = _NODE_ITEMS.get(node.kind, "file")
    name = {
        "Symbol": lambda: node.key[2],
        "Endpoint": lambda: f"{node.key[2]} {node.key[3]}",
        "Dataset": lambda: node.key[2],
        "Config": lambda: node.key[1],
        "Package": lambda: node.key[1],
        "Service": lambda: node.key[0],
        "Flow": lambda: str(node.props.get("name", "")),
    }.get(node.kind, lambda: file)()
    return ChangedItem(kind, "modified", file, line, name, f"{node.label} is asked about")


_NODE_ITEMS: Mapping[str, ItemKind] = {
    "Symbol": "symbol",
    "Endpoint": "operation",
    "Dataset": "table",
    "Config": "config",
    "Package": "dependency",
    "Service": "deploy",
    "Flow": "flow",
}
