"""Says what is deployed, so that a run against something else is never blamed on a diff."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from testmesh.environments.environment import UNKNOWN_REVISION
from testmesh.guard import process
from testmesh.guard.process import MIB, Command, Finished
from testmesh.kernel.errors import UserError

_SAFE = [
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.quotePath=false",
    "--no-optional-locks",
]
_SHORT = 12


def revision_of(tree: Path) -> str:
    """The tree's commit; with `+` and a digest when files differ from it; `unknown` outside git.

    Args:
        tree: a folder, possibly below the top of its repository.
    """
    try:
        head = _git(tree, "rev-parse", "--verify", "HEAD")
    except UserError:
        return UNKNOWN_REVISION
    if not head.ok:
        return UNKNOWN_REVISION
    changes = _changes(tree)
    commit = head.text().strip()
    return commit if changes is None else f"{commit}+{changes}"


def _changes(tree: Path) -> str | None:
    """A digest of what differs from HEAD, None when nothing does."""
    plain = ("--no-ext-diff", "--no-textconv", "--no-color", "--binary")
    changed = _git(tree, "diff", *plain, "HEAD", "--", ".")
    new = _git(tree, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
    if not changed.stdout and not new.stdout:
        return None
    digest = hashlib.sha256(changed.stdout)
    for name in new.stdout.split(b"\0"):
        path = tree / os.fsdecode(name)
        if name and path.is_file() and not path.is_symlink():
            digest.update(b"\0" + name + b"\0" + path.read_bytes())
    return digest.hexdigest()[:_SHORT]


def _git(tree: Path, *arguments: str) -> Finished:
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    argv = ("git", *_SAFE, "-C", str(tree), *arguments)
    return process.run(Command(argv, env=env, timeout=20.0, output_cap=64 * MIB))
