"""Whether a scan would say what an earlier one said: one digest of the files and of the code that reads them."""

from __future__ import annotations

import hashlib

from scanners.readers import MANIFEST_LIMIT, code_stamps
from scanners.scan import ScanRequest
from scanners.stats import Stats
from scanners.trees import CommitTree, Tree, WorkTree
from testmesh.guard.git import Repository

_UNREAD = "unread"


def fingerprint(request: ScanRequest, stats: Stats | None = None) -> str:
    """A digest that differs whenever the facts of a scan may; the revision's name is not part of it.

    Args:
        request: what would be scanned.
        stats: what is known of the work tree's files.

    Raises:
        UserError: not a repository, unknown revision, or no commits.
    """
    repository = Repository(request.path)
    if request.revision is None:
        return of_tree(request, WorkTree(repository, stats))
    return of_tree(request, CommitTree(repository, repository.commit(request.revision)))


def of_tree(request: ScanRequest, tree: Tree) -> str:
    """The same for any listing of files.

    Args:
        request: names and extra manifests.
        tree: the files.
    """
    paths = tree.paths()
    known = tree.blobs_of(dict.fromkeys(paths, MANIFEST_LIMIT)) if isinstance(tree, WorkTree) else tree.blobs()
    extra = [f"{thing.name} {thing.version}" for thing in request.extra]
    hashed = hashlib.sha256("\n".join((request.name, *extra, *code_stamps())).encode())
    for path in sorted(paths):
        hashed.update(f"{known.get(path) or _UNREAD} {path}\n".encode("utf-8", "surrogateescape"))
    return hashed.hexdigest()
