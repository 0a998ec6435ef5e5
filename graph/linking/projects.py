"""Which projects of a repository build on which: references of .NET projects, dependencies between Maven modules."""

from __future__ import annotations

from collections import defaultdict
from posixpath import dirname

from graph.linking.corpus import Corpus, FileKey
from graph.values import Fact

_SORTS = {"csproj": "project", "pom.xml": "maven", "gradle": "maven", "build.gradle": "maven"}
_PACKAGED = ("maven", "nuget")


class Projects:
    """Looks projects up.

    Args:
        corpus: the facts.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._folders: set[FileKey] = set()
        names: dict[tuple[str, str], str] = {}
        for placed in corpus.of("root"):
            if placed.fact.get("sort") in _SORTS:
                folder = placed.fact.get("root", "") or ""
                self._folders.add((placed.file[0], folder))
                for name in (str(placed.fact.get("name", "")), *_packages(placed.fact)):
                    names[placed.file[0], name] = folder
        self._uses: dict[FileKey, set[str]] = defaultdict(set)
        for placed in corpus.of("dependency"):
            repository, name = placed.file[0], str(placed.fact.get("name", ""))
            mine = (repository, dirname(placed.file[1]))
            if placed.fact.get("ecosystem") == "project":
                self._uses[mine].add(name.strip("/"))
            elif placed.fact.get("ecosystem") in _PACKAGED and (repository, name.rpartition(":")[2]) in names:
                self._uses[mine].add(names[repository, name.rpartition(":")[2]])
        self._known: dict[tuple[str, str, str], bool] = {}

    def _project(self, repository: str, folder: str) -> str | None:
        while (repository, folder) not in self._folders:
            if not folder:
                return None
            folder = dirname(folder)
        return folder

    def allowed(self, repository: str, root: str, folder: str) -> bool:
        """Whether code built from a folder may use code of another folder; unknown projects may.

        Args:
            repository: of both.
            root: folder a service is built from.
            folder: of the used file.
        """
        key = (repository, root, folder)
        if key not in self._known:
            self._known[key] = self._builds_on(repository, self._project(repository, root), folder)
        return self._known[key]

    def builds_on(self, repository: str, root: str, folder: str) -> bool:
        """Whether code built from a folder certainly holds another project's code, by their project files.

        Args:
            repository: of both.
            root: folder a service is built from.
            folder: of the other code.
        """
        mine, theirs = self._project(repository, root), self._project(repository, folder)
        known = mine is not None and theirs is not None and mine != theirs and bool(self._uses)
        return known and self.allowed(repository, root, folder)

    def _builds_on(self, repository: str, mine: str | None, folder: str) -> bool:
        theirs = self._project(repository, folder)
        if mine is None or theirs is None or mine == theirs or not self._uses:
            return True
        queue, seen = [mine], {mine}
        while queue:
            for used in self._uses.get((repository, queue.pop()), ()):
                if used == theirs:
                    return True
                if used not in seen:
                    seen.add(used)
                    queue.append(used)
        return False


def _packages(fact: Fact) -> list[str]:
    """Names a .NET project's package has beside the project's own."""
    return [s.partition("=")[2] for s in fact.get("scripts", ()) or () if s.startswith("package=")]
