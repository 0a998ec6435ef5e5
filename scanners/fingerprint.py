"""Whether a scan would say what an earlier one said: one digest of the files, the readers and who asks."""

from __future__ import annotations

import hashlib

from scanners.readers import Readers, built_in
from scanners.scan import ScanRequest
from scanners.trees import CommitTree, Tree, WorkTree
from testmesh.guard.git import Repository

_UNREAD = "unread"


def fingerprint(request: ScanRequest) -> str:
    """A digest that differs whenever the facts of a scan may; the revision's name is not part of it.

    Args:
        request: what would be scanned.

    Raises:
        UserError: not a repository, unknown revision, or no commits.
    """
    repository = Repository(request.path)
    if request.revision is None:
        return of_tree(request, WorkTree(repository))
    return of_tree(request, CommitTree(repository, repository.commit(request.revision)))


def of_tree(request: ScanRequest, tree: Tree) -> str:
    """The same for any listing of files.

    Args:
        request: names and extra manifests.
        tree: the files.
    """
    base = built_in()
    readers = Readers(base.languages, base.packs, base.manifests, tuple(request.extra), base.bundles)
    paths = sorted(tree.paths())
    hashed = hashlib.sha256(f"{readers.digest}\n{request.name}\n".encode())
    for path, blob in _blobs(tree, _looked_at(readers, paths)):
        hashed.update(f"{blob} {path}\n".encode("utf-8", "surrogateescape"))
    hashed.update("\n".join(paths).encode("utf-8", "surrogateescape"))
    return hashed.hexdigest()


def _looked_at(readers: Readers, paths: list[str]) -> list[str]:
    """Files that some reader may open, alone or together with others."""
    wanted = {path for path in paths if readers.wants(path)}
    for bundle in readers.bundles.values():
        wanted.update(bundle.members(paths))
    return sorted(wanted)


def _blobs(tree: Tree, wanted: list[str]) -> list[tuple[str, str]]:
    known = tree.blobs() if not isinstance(tree, WorkTree) else tree.blobs_of(wanted)
    return [(path, known.get(path) or _UNREAD) for path in wanted]
