"""Git as a writer of objects and refs: commits are made beside the work tree, nothing is checked out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from testmesh.guard.git import Repository
from testmesh.guard.process import Command, Finished, run
from testmesh.kernel.errors import UnavailableError, UserError

_TIMEOUT = 60.0
_OPTIONS = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", os.devnull),
    ("core.sshCommand", "false"),
    ("protocol.allow", "never"),
    ("protocol.file.allow", "always"),
    ("credential.helper", ""),
    ("safe.directory", "*"),
    ("commit.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("gc.auto", "0"),
)
MODE = "100644"


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to make.

    Args:
        parent: 40 hex, or empty for a commit without parent and without its files.
        files: path to content; on top of the parent's files.
        message: whole text.
        author: ``Name <address>``.
        date: RFC 3339 or git's own form; the same input gives the same hash.
    """

    parent: str
    files: Mapping[str, bytes]
    message: str
    author: str
    date: str


class Writer:
    """A repository that commits and refs may be added to.

    Args:
        path: work tree or bare repository.

    Raises:
        UserError: it is not a git repository.
    """

    def __init__(self, path: Path) -> None:
        self.repository = Repository(path)
        self.path = path

    def commit(self, new: NewCommit) -> str:
        """Make a commit from a parent's tree with some files replaced; its 40 hex.

        Args:
            new: what to commit.

        Raises:
            UserError: git refuses, e.g. a path that is not possible.
        """
        with tempfile.TemporaryDirectory(prefix="testmesh-index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if new.parent:
                self._checked("read-tree", new.parent, env=index)
            for path, data in sorted(new.files.items()):
                oid = self._checked("hash-object", "-w", "--no-filters", "--stdin", stdin=data).text().strip()
                self._checked("update-index", "--add", "--cacheinfo", f"{MODE},{oid},{path}", env=index)
            tree = self._checked("write-tree", env=index).text().strip()
        parents = ("-p", new.parent) if new.parent else ()
        made = self._checked("commit-tree", tree, *parents, stdin=new.message.encode(), env=_identity(new))
        return made.text().strip()

    def mode(self, commit: str, path: str) -> str:
        """The mode a file has in a commit, e.g. ``100644``; empty when it is not there.

        Args:
            commit: 40 hex.
            path: from the root of the repository.
        """
        listed = self._checked("ls-tree", "-z", "--full-tree", commit, "--", path).text()
        row = next((r for r in listed.split("\0") if r.partition("\t")[2] == path), "")
        return row.partition(" ")[0]

    def date(self, commit: str) -> str:
        """When a commit was made, as git writes it.

        Args:
            commit: 40 hex.
        """
        return self._checked("show", "-s", "--format=%cI", commit, "--").text().strip()

    def refs(self, prefix: str) -> dict[str, str]:
        """Refs below a prefix with the commits they name.

        Args:
            prefix: such as ``refs/testmesh/``.
        """
        listed = self._checked("for-each-ref", "--format=%(refname) %(objectname)", prefix).text()
        return dict((row.split(" ")[0], row.split(" ")[1]) for row in listed.splitlines())

    def file(self, commit: str, path: str) -> bytes | None:
        """A file of a commit, or None.

        Args:
            commit: 40 hex.
            path: from the root.
        """
        done = self._git("cat-file", "blob", f"{commit}:{path}")
        return done.stdout if done.ok else None

    def point(self, ref: str, commit: str, old: str) -> None:
        """Let a ref name a commit.

        Args:
            ref: full name.
            commit: 40 hex.
            old: what it names now, 40 zeros when it must not exist yet.

        Raises:
            UserError: it names something else by now.
        """
        self._checked("update-ref", "--no-deref", ref, commit, old)

    def push(self, remote: Path, commit: str, ref: str, expected: str) -> None:
        """Send a commit to a repository on this machine and let a ref there name it.

        Args:
            remote: path of a (bare) repository.
            commit: 40 hex.
            ref: full name there.
            expected: what it names there now, empty when it does not exist.

        Raises:
            UnavailableError: it was not accepted, e.g. the ref moved meanwhile.
        """
        lease = f"--force-with-lease={ref}:{expected}"
        done = self._git("push", "--porcelain", "--no-verify", lease, "--", str(remote), f"{commit}:{ref}")
        if not done.ok:
            raise UnavailableError(str(remote), f"push of {ref} was not accepted: {done.complaint()}")

    def _checked(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Finished:
        done = self._git(*args, stdin=stdin, env=env)
        if not done.ok:
            raise UserError(f"git {args[0]} failed in {self.path}: {done.complaint()}")
        return done

    def _git(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Finished:
        options = [part for name, value in _OPTIONS for part in ("-c", f"{name}={value}")]
        argv = ("git", "--no-pager", "--literal-pathspecs", *options, *args)
        where = self.repository.top if not self.repository.bare else self.path
        full = {**_environment(), **(env or {})}
        return run(Command(argv, cwd=where, env=full, stdin=stdin, timeout=_TIMEOUT))


def init_bare(path: Path) -> None:
    """Make an empty bare repository.

    Args:
        path: folder that does not exist or is empty.

    Raises:
        UserError: git refuses.
    """
    argv = ("git", "init", "-q", "--bare", "--template=", "-b", "main", "--", str(path))
    done = run(Command(argv, env=_environment(), timeout=_TIMEOUT))
    if not done.ok:
        raise UserError(f"git init failed in {path}: {done.complaint()}")


def _identity(new: NewCommit) -> dict[str, str]:
    name, _, address = new.author.partition(" <")
    return {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", name), ("EMAIL", address.rstrip(">")), ("DATE", new.date))
    }


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ALLOW_PROTOCOL": "file",
    }
