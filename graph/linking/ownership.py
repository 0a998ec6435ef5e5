"""Whose code a file is: by folder, by what a start command loads when several share it, by imports when shared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from posixpath import dirname

from graph.linking.callgraph import CallGraph
from graph.linking.corpus import Corpus, FileKey
from graph.linking.deployed import Service, under
from graph.linking.entrypoints import entry_file, expanded
from graph.linking.names import Names
from graph.linking.projects import Projects
from graph.linking.reach import reached
from graph.linking.services import OFFERING, Services

_SCANNED = (".cs", ".razor", ".cshtml")


class Ownership:
    """Which services own a file.

    Args:
        corpus: the facts.
        names: for files reached through imports.
        services: who is deployed, from which folder, by which command.
    """

    def __init__(self, corpus: Corpus, names: Names, services: Services, calls: CallGraph | None = None) -> None:
        self._corpus = corpus
        self._names = names
        self._services = services
        self._folders = self._by_root()
        self._imports = reached(corpus, names, calls or CallGraph(corpus, names))
        self._projects = Projects(corpus)
        self._offering = {placed.file for placed in corpus.of(*OFFERING)}
        self._asking = {placed.file for placed in corpus.of("http_call", "rpc_call", "publish")}
        self._started = {s.name: self._reached(s) for s in self._sharing()}
        self._owners: dict[FileKey, tuple[str, ...]] = {}
        self._shared = self._through_imports()

    def owners(self, file: FileKey) -> tuple[str, ...]:
        """Names of the services whose code a file is, sorted; several when they share it.

        Args:
            file: repository and path.
        """
        found = self._owners.get(file)
        if found is None:
            found = self._owners[file] = self._shared.get(file) or self._rooted(file) or self._building(file)
        return found

    def _building(self, file: FileKey) -> tuple[str, ...]:
        """A library project's code that nobody names is found by scanning its assembly: whoever builds on it has it."""
        if not file[1].endswith(_SCANNED):
            return ()
        folder = dirname(file[1])
        return tuple(
            sorted(
                s.name
                for s in self._services.by_name.values()
                if s.repository == file[0] and s.root is not None and self._projects.builds_on(file[0], s.root, folder)
            )
        )

    def _may_use(self, service: str, target: FileKey) -> bool:
        known = self._services.by_name[service]
        if known.repository != target[0] or known.root is None:
            return True
        return self._projects.allowed(target[0], known.root, dirname(target[1]))

    def _by_root(self) -> Mapping[str, list[tuple[str, str]]]:
        folders: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for service in self._services.by_name.values():
            if service.root is not None:
                folders[service.repository].append((service.root, service.name))
        for rows in folders.values():
            rows.sort(key=lambda row: (-len(row[0]), row))
        return folders

    def _rooted(self, file: FileKey) -> tuple[str, ...]:
        rows = self._folders.get(file[0], ())
        deepest = next((root for root, _ in rows if under(file[1], root)), None)
        names = () if deepest is None else tuple(name for root, name in rows if root == deepest)
        if len(names) < 2:
            return names
        names = tuple(n for n in names if self._services.by_name[n].sort != "job") or names
        started = [(name, self._started.get(name)) for name in names]
        loading = tuple(name for name, files in started if files is not None and file in files)
        unknown = tuple(name for name, files in started if files is None)
        return tuple(sorted((*loading, *unknown))) if loading else names

    def _sharing(self) -> list[Service]:
        """Services built from a folder that builds others, too."""
        count = Counter((s.repository, s.root) for s in self._services.by_name.values())
        return [s for s in self._services.by_name.values() if s.root is not None and count[s.repository, s.root] > 1]

    def _reached(self, service: Service) -> frozenset[FileKey] | None:
        """The files a service's start command loads, or None when the command names none of ours."""
        scripts = [
            text
            for placed in self._services.roots
            if placed.file[0] == service.repository and placed.fact.get("root", "") == service.root
            for text in placed.fact.get("scripts", ()) or ()
        ]
        command = expanded(service.command, dict(text.partition("=")[::2] for text in scripts))
        entry = entry_file(command, service.root or "", service.repository, self._corpus.files)
        seen = {entry} if entry is not None else self._by_word(service)
        if not seen:
            return None
        queue = [*seen]
        while queue:
            for target in self._imports.get(queue.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    queue.append(target)
        return frozenset(seen)

    def _by_word(self, service: Service) -> set[FileKey]:
        """The files that a subcommand runs, when the start command ends with one that the program knows."""
        words = {word.strip("\"'[],") for word in service.command.split()}
        found: set[FileKey] = set()
        for placed in self._corpus.of("subcommand"):
            inside = placed.file[0] == service.repository and under(placed.file[1], service.root or "")
            if not inside or placed.fact.get("name") not in words:
                continue
            scope = placed.fact.get("symbol", "") or ""
            called = [self._names.find(placed.file, scope, name) for name in placed.fact.get("calls", ()) or ()]
            found |= {f.file for f in called if f is not None and f.kind == "symbol" and f.file != placed.file}
        return found

    def _through_imports(self) -> Mapping[FileKey, tuple[str, ...]]:
        """Shared folders belong to the services that lead to them; client code kept by another service, too."""
        owned: dict[FileKey, set[str]] = {f: set(self._rooted(f)) for f in self._corpus.files}
        shared: dict[FileKey, set[str]] = defaultdict(set)
        queue = sorted(f for f, names_ in owned.items() if names_)
        while queue:
            file = queue.pop()
            every = owned[file] | shared[file]
            for target in self._imports.get(file, ()):
                mine = {name for name in every if self._may_use(name, target)}
                theirs = owned.get(target) or set()
                if theirs & mine or (theirs and target in self._offering):
                    continue
                if mine and not mine <= shared[target]:
                    shared[target] |= mine
                    queue.append(target)
        return {
            file: tuple(sorted(found | owned.get(file, set())))
            for file, found in shared.items()
            if found and (not owned.get(file) or file in self._asking)
        }
