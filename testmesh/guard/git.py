"""Git as a reader of objects: argument lists, no configuration of strangers, no hooks, no filters, no network."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from testmesh.guard.process import Command, Finished, run
from testmesh.kernel.errors import NotFoundError, UserError

MIB = 1024 * 1024
_LIST_CAP = 256 * MIB
_BATCH = 16 * MIB
_TIMEOUT = 120.0
_OPTIONS = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", os.devnull),
    ("core.excludesFile", os.devnull),
    ("core.sshCommand", "false"),
    ("core.pager", "cat"),
    ("protocol.allow", "never"),
    ("credential.helper", ""),
    ("safe.directory", "*"),
    ("submodule.recurse", "false"),
    ("core.quotePath", "false"),
)
_LINK, _GITLINK, _EXECUTABLE = 0o120000, 0o160000, 0o100755


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a tree.

    Args:
        path: relative to the folder that was asked for.
        oid: object id of its content.
        link: it is a symbolic link.
        executable: it has mode 100755; only told for commits.
    """

    path: str
    oid: str
    link: bool = False
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Blob:
    """Content of an object.

    Args:
        oid: its id.
        size: bytes, -1 when the object is not in the repository.
        data: the bytes, None when it is missing or larger than asked for.
    """

    oid: str
    size: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Logged:
    """A commit of a history.

    Args:
        id: 40 hex.
        parents: 40 hex each.
        message: whole text.
    """

    id: str
    parents: tuple[str, ...]
    message: str


class Repository:
    """A git repository, or a folder of one, read without checkout.

    Args:
        path: work tree, a folder in it, or a bare repository.

    Raises:
        UserError: it is not a git repository.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_dir():
            raise NotFoundError(f"{path} is not a folder")
        shown = self._git("rev-parse", "--is-bare-repository", "--absolute-git-dir")
        if not shown.ok:
            raise UserError(f"{path} is not a git repository", hint=f"git -C {path} init, or name another folder")
        bare, git_dir = shown.text().splitlines()
        self.bare = bare == "true"
        self.git_dir = Path(git_dir)

    @cached_property
    def top(self) -> Path:
        """Root of the work tree; the repository itself when bare."""
        if self.bare:
            return self.path
        return Path(self._checked("rev-parse", "--show-toplevel").text().strip())

    @cached_property
    def prefix(self) -> str:
        """The folder asked for, relative to the root, with a trailing slash, or empty."""
        return "" if self.bare else self._checked("rev-parse", "--show-prefix").text().strip()

    @cached_property
    def hash_name(self) -> str:
        """Hash function of object ids: ``sha1`` or ``sha256``."""
        shown = self._git("rev-parse", "--show-object-format")
        return shown.text().strip() if shown.ok else "sha1"

    @cached_property
    def shallow(self) -> bool:
        """History is cut off."""
        return self._checked("rev-parse", "--is-shallow-repository").text().strip() == "true"

    @property
    def empty(self) -> bool:
        """There is no commit yet on the current branch."""
        return not self._git("rev-parse", "--verify", "--quiet", "HEAD^{commit}").ok

    def commit(self, revision: str) -> str:
        """The 40 hex of a revision.

        Args:
            revision: branch, tag, hash, ``HEAD~1``.

        Raises:
            NotFoundError: there is no such revision.
            UserError: the repository has no commits.
        """
        bad = revision.startswith("-") or any(c.isspace() or c == "\0" for c in revision)
        found = (
            None if bad else self._git("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
        )
        if found is not None and found.ok:
            return found.text().strip()
        if self.empty:
            raise self._headless()
        raise NotFoundError(f"no revision '{revision}' in {self.path}", hint=self._deepen())

    def _headless(self) -> UserError:
        """Why HEAD is no commit: nothing was committed, it names a branch that is gone, or objects are lost."""
        names = self._git("for-each-ref", "--format=%(refname)").text().split()
        if not names:
            return UserError(f"{self.path} has no commits yet", hint="commit something first, or look at the work tree")
        if f"refs/heads/{self.branch()}" in names:
            return UserError(f"HEAD of {self.path} cannot be read", hint=f"git -C {self.path} fsck says what is lost")
        return UserError(f"HEAD of {self.path} is a branch without commits", hint="check out a branch that has some")

    def _deepen(self) -> str:
        where = f"git -C {self.path}"
        return f"{where} fetch --unshallow" if self.shallow else f"{where} log --oneline shows what there is"

    def branch(self) -> str:
        """The checked-out branch, or ``HEAD`` when a commit is checked out."""
        found = self._git("symbolic-ref", "--short", "--quiet", "HEAD")
        return found.text().strip() if found.ok else "HEAD"

    def merge_base(self, base: str, head: str) -> str:
        """The best common ancestor of two commits.

        Args:
            base: 40 hex.
            head: 40 hex.

        Raises:
            UserError: there is none, or history is cut off before it.
        """
        found = self._git("merge-base", "--", base, head)
        if found.ok:
            return found.text().splitlines()[0]
        if self.shallow:
            message = f"{self.path} is a shallow clone: the common ancestor of {base[:10]} and {head[:10]} is missing"
            raise UserError(message, hint=f"git -C {self.path} fetch --unshallow")
        raise UserError(f"{base[:10]} and {head[:10]} have no common ancestor in {self.path}")

    def tree(self, commit: str) -> list[Entry]:
        """Files of a commit below the folder asked for, sorted by path; submodules are left out.

        Args:
            commit: 40 hex.
        """
        listed = self._checked("ls-tree", "-r", "-z", commit, cap=_LIST_CAP)
        entries = []
        for row in listed.stdout.split(b"\0"):
            meta, _, path = row.partition(b"\t")
            if path:
                mode, _, oid = meta.decode("ascii").split(" ", 2)
                if int(mode, 8) != _GITLINK:
                    entries.append(Entry(shown(path), oid, int(mode, 8) == _LINK, int(mode, 8) == _EXECUTABLE))
        return sorted(entries, key=lambda e: e.path)

    def sizes(self, oids: Iterable[str]) -> Mapping[str, int]:
        """Bytes of each object; -1 for one that is not here.

        Args:
            oids: object ids.
        """
        wanted = sorted(set(oids))
        if not wanted:
            return {}
        asked = "".join(f"{oid}\n" for oid in wanted).encode()
        done = self._checked("cat-file", "--batch-check", stdin=asked, cap=_LIST_CAP)
        found = dict.fromkeys(wanted, -1)
        for row in done.text().splitlines():
            oid, _, rest = row.partition(" ")
            sort, _, size = rest.partition(" ")
            found[oid] = int(size) if sort == "blob" else -1
        return found

    def blobs(self, oids: Iterable[str], *, limit: int) -> Iterator[Blob]:
        """Contents of objects, a few megabytes at a time; larger ones are only measured.

        Args:
            oids: object ids.
            limit: bytes one object may have.
        """
        batch: list[str] = []
        weight = 0
        for oid, size in self.sizes(oids).items():
            if not 0 <= size <= limit:
                yield Blob(oid, size, None)
                continue
            batch.append(oid)
            weight += size
            if weight > _BATCH:
                yield from self._contents(batch, weight)
                batch, weight = [], 0
        yield from self._contents(batch, weight)

    def _contents(self, oids: Sequence[str], weight: int) -> Iterator[Blob]:
        if not oids:
            return
        asked = "".join(f"{oid}\n" for oid in oids).encode()
        out = self._checked("cat-file", "--batch", stdin=asked, cap=weight + 200 * len(oids)).stdout
        at = 0
        while at < len(out):
            end = out.index(b"\n", at)
            oid, sort, size = [*out[at:end].decode("ascii").split(" "), "", "0"][:3]
            at = end + 1
            if sort != "blob":
                yield Blob(oid, -1, None)
                continue
            yield Blob(oid, int(size), out[at : at + int(size)])
            at += int(size) + 1

    def work_tree(self) -> list[Entry]:
        """Tracked and untracked files below the folder asked for, ignored ones left out; oid is empty.

        Paths are as the file system takes them: bytes that are no UTF-8 are surrogates.

        Raises:
            UserError: the repository is bare.
        """
        if self.bare:
            raise UserError(f"{self.path} has no work tree", hint="name a revision, e.g. HEAD")
        listed = self._checked("ls-files", "-z", "-c", "-o", "--exclude-standard", cap=_LIST_CAP)
        entries = []
        for path in sorted({os.fsdecode(p) for p in listed.stdout.split(b"\0") if p}):
            try:
                mode = (self.path / path).lstat().st_mode
            except (OSError, ValueError):
                continue
            if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                entries.append(Entry(path, "", stat.S_ISLNK(mode)))
        return entries

    def commits_of(self, base: str, head: str) -> Mapping[str, tuple[str, ...]]:
        """For each path, the commits between two revisions that touched it, newest first.

        Args:
            base: 40 hex, left out.
            head: 40 hex.
        """
        options = (
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            "--name-only",
            "-z",
            "--format=%x01%H",
            "--relative",
        )
        done = self._checked("log", *options, f"{base}..{head}", "--", cap=_LIST_CAP)
        touched: dict[str, list[str]] = {}
        current = ""
        for row in done.stdout.split(b"\0"):
            text = row.lstrip(b"\n")
            if text.startswith(b"\x01"):
                current = text[1:41].decode("ascii")
                text = text[41:].lstrip(b"\n")
            if text:
                touched.setdefault(shown(text), []).append(current)
        return {path: tuple(commits) for path, commits in touched.items()}

    def log(self, base: str, head: str) -> tuple[Logged, ...]:
        """The commits between two revisions, newest first, merges left out.

        Args:
            base: 40 hex, left out.
            head: 40 hex.
        """
        options = ("--no-merges", "--topo-order", "--format=%H%n%P%n%B%x00")
        done = self._checked("log", *options, f"{base}..{head}", "--", cap=_LIST_CAP)
        found = []
        for row in done.stdout.decode("utf-8", "replace").split("\0"):
            if row.strip():
                commit, parents, message = row.lstrip("\n").split("\n", 2)
                found.append(Logged(commit, tuple(parents.split()), message.strip()))
        return tuple(found)

    def _checked(self, *args: str, stdin: bytes = b"", cap: int = 8 * MIB) -> Finished:
        done = self._git(*args, stdin=stdin, cap=cap)
        if done.truncated:
            raise UserError(f"git {args[0]} in {self.path} gave more than {cap:,} bytes")
        if not done.ok:
            raise UserError(f"git {args[0]} failed in {self.path}: {done.complaint()}")
        return done

    def _git(self, *args: str, stdin: bytes = b"", cap: int = 8 * MIB) -> Finished:
        options = [part for name, value in _OPTIONS for part in ("-c", f"{name}={value}")]
        argv = ("git", "--no-pager", "--literal-pathspecs", *options, *args)
        return run(Command(argv, cwd=self.path, env=_environment(), stdin=stdin, timeout=_TIMEOUT, output_cap=cap))


def blob_id(data: bytes, hash_name: str = "sha1") -> str:
    """The object id git would give a file's content.

    Args:
        data: the content.
        hash_name: of the repository, ``sha1`` or ``sha256``.
    """
    return hashlib.new(hash_name, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def shown(path: bytes) -> str:
    """A path as text that can be shown and stored; bytes that are no UTF-8 are written ``\\xff``.

    Args:
        path: as git has it.
    """
    return path.decode("utf-8", "backslashreplace")


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ALLOW_PROTOCOL": "",
    }
