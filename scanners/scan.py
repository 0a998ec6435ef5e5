"""A git tree in, facts out: list, prefilter, read in a process pool, remember."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graph.change import WORKTREE
from graph.facts import Manifest, SourceFile, decode_fact
from graph.values import Fact
from scanners.bundles import layer_of, together
from scanners.cache import FactCache, Key
from scanners.pool import read_all
from scanners.readers import Readers, built_in, problem
from scanners.stats import Stats
from scanners.trees import CommitTree, Tree, WorkTree
from testmesh.guard.git import Repository
from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.memory import no_cycle_search

Progress = Callable[[int, int, str], None]
_KEPT_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What to scan.

    Args:
        path: repository, work tree or bare, or a folder in one; paths of facts are relative to it.
        revision: branch, tag or hash; None = the work tree with its uncommitted changes.
        repository: name in the graph; the folder's name when empty.
        extra: manifests of other parts of the product, such as flow files.
        workers: processes; None decides by the amount of work, 1 stays in this process.
    """

    path: Path
    revision: str | None = None
    repository: str = ""
    extra: Sequence[Manifest] = ()
    workers: int | None = None

    @property
    def name(self) -> str:
        """The repository's name in the graph."""
        return self.repository or self.path.resolve().name.removesuffix(".git")


@dataclass(frozen=True, slots=True)
class ScanStats:
    """How much a scan did.

    Args:
        files: files in the tree.
        read: files some reader looked at.
        cached: of those, taken from the cache.
        bytes: read now.
        seconds: wall time.
    """

    files: int
    read: int
    cached: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a repository says at a revision.

    Args:
        repository: name.
        commit: 40 hex, or ``worktree``.
        facts: sorted by file, in the order their readers said them.
        problems: files that could not be read whole.
        stats: how much was done; outside of equality.
    """

    repository: str
    commit: str
    facts: tuple[Fact, ...]
    problems: tuple[Diagnostic, ...] = ()
    stats: ScanStats = field(default=ScanStats(0, 0, 0, 0, 0.0), compare=False)


def scan(request: ScanRequest, *, cache: FactCache | None = None, progress: Progress | None = None) -> ScanResult:
    """Facts of a repository at a revision or of its work tree.

    Args:
        request: what to scan.
        cache: facts of files read before; None reads everything.
        progress: called with files done, files in all and a label.

    Raises:
        UserError: not a repository, unknown revision, no commits, or the cache cannot be written.
    """
    repository = Repository(request.path)
    if request.revision is None:
        return scan_tree(request, WorkTree(repository, _stats(cache, request.path)), WORKTREE, (cache, progress))
    commit = repository.commit(request.revision)
    return scan_tree(request, CommitTree(repository, commit), commit, (cache, progress))


def _stats(cache: FactCache | None, tree: Path) -> Stats:
    return Stats.beside(cache.path.parent if cache is not None and cache.path is not None else None, tree)


def scan_all(
    requests: Iterable[ScanRequest], *, cache: FactCache | None = None, progress: Progress | None = None
) -> tuple[ScanResult, ...]:
    """Facts of several repositories, in the order given.

    Args:
        requests: what to scan.
        cache: shared by all.
        progress: as for :func:`scan`.
    """
    return tuple(scan(request, cache=cache, progress=progress) for request in requests)


def scan_tree(
    request: ScanRequest, tree: Tree, commit: str, tools: tuple[FactCache | None, Progress | None]
) -> ScanResult:
    """Facts of any listing of files.

    Args:
        request: names and extra manifests.
        tree: the files.
        commit: what to call the revision.
        tools: cache and progress.
    """
    began = time.monotonic()
    work = _Work(request, tree, FactCache(None) if tools[0] is None else tools[0], tools[1])
    with no_cycle_search():
        by_path = work.run()
    facts = tuple(fact for path in sorted(by_path) for fact in by_path[path])
    found = ScanStats(len(tree.paths()), len(by_path), work.cached, work.bytes, time.monotonic() - began)
    return ScanResult(request.name, commit, facts, problems_of(facts), found)


def problems_of(facts: Iterable[Fact]) -> tuple[Diagnostic, ...]:
    """Problem facts as diagnostics.

    Args:
        facts: of any kinds.
    """
    return tuple(
        Diagnostic(
            fact.at.file,
            fact.at.line,
            fact.get("column") or 1,
            fact.get("rule", "scan/problem"),
            fact.get("message", ""),
            "error" if fact.get("severity") == "error" else "warning",
            fact.get("hint"),
        )
        for fact in facts
        if fact.kind == "problem"
    )


class _Work:
    """One scan under way."""

    def __init__(self, request: ScanRequest, tree: Tree, cache: FactCache, progress: Progress | None) -> None:
        self._workers = request.workers
        self._tree = tree
        self._cache = cache
        self._progress = progress
        base = built_in()
        self._readers = Readers(base.languages, base.packs, base.manifests, tuple(request.extra), base.bundles)
        self._facts: dict[str, list[Fact]] = {}
        self.cached = 0
        self.bytes = 0

    def run(self) -> dict[str, list[Fact]]:
        limits = {path: limit for path in self._tree.paths() if (limit := self._readers.wants(path))}
        self._total = len(limits)
        blobs = self._tree.blobs_of(limits) if isinstance(self._tree, WorkTree) else self._tree.blobs()
        known = [Key(blobs[path], path) for path in limits if path in blobs]
        fresh = set(limits) - {key.path for key in self._recall(known)}
        sources: list[tuple[Key, SourceFile]] = []
        for content in self._tree.read({p: n for p, n in limits.items() if p in fresh}):
            if content.data is None:
                unread = problem(content.path, 1, "scan/unread", f"not read: {content.why}")
                self._facts[content.path] = [unread] if self._readers.certain(content.path) else []
            else:
                sources.append((Key(content.blob, content.path), SourceFile(content.path, content.data)))
        self._read(sorted(sources, key=lambda s: s[0].path))
        for about, facts in together(self._tree, self._readers, self._cache):
            for path in about.replaced:
                self._facts[path] = [f for f in self._facts.get(path, ()) if layer_of(f) not in ("deploy", "")]
            described = {(f.kind, f.at.file) for f in facts if layer_of(f) == "spec"}
            for path in {file for _, file in described}:
                self._facts[path] = [f for f in self._facts.get(path, ()) if (f.kind, path) not in described]
            for fact in facts:
                self._facts.setdefault(fact.at.file, []).append(fact)
        return self._facts

    def _recall(self, keys: Sequence[Key]) -> list[Key]:
        found = self._cache.get(self._readers.digest, keys)
        hits = [key for key in keys if key in found]
        for key in hits:
            self._facts[key.path] = [decode_fact(f) for f in json.loads(found[key])]
        self.cached += len(hits)
        self._say("facts recalled")
        return hits

    def _read(self, sources: Sequence[tuple[Key, SourceFile]]) -> None:
        keys = {source.path: key for key, source in sources}
        self.bytes = sum(len(source.data) for _, source in sources)
        waiting: list[tuple[Key, str]] = []
        for path, facts, text in read_all(self._readers, [source for _, source in sources], self._workers):
            self._facts[path] = facts
            waiting.append((keys[path], text))
            if len(waiting) >= _KEPT_AT_ONCE:
                self._cache.put(self._readers.digest, waiting)
                waiting = []
            self._say(path)
        self._cache.put(self._readers.digest, waiting)
        self._cache.trim(self._readers.digest)

    def _say(self, label: str) -> None:
        if self._progress is not None:
            self._progress(len(self._facts), self._total, label)
