"""Applications of JavaScript monorepos: nest-cli.json, Nx's project.json, angular.json and workspace.json."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping

from graph.facts import SourceFile
from graph.values import Fact, Location

_FILE = re.compile(r"(^|/)(nest-cli|project|angular|workspace)\.json$")
_APPLICATION = "application"


class Workspaces:
    """Which folders of a monorepo are programs of their own."""

    name: str = "workspaces"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path names projects of a monorepo.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """A ``root`` fact for each application.

        Args:
            source: the file.
        """
        text = source.data.decode("utf-8", "replace").lstrip("\ufeff")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return  # other programs have files of these names, with comments in them
        if not isinstance(data, dict):
            return
        folder = posixpath.dirname(source.path)
        if data.get("projectType") == _APPLICATION:
            named = data.get("name")
            yield _root(source, text, (folder, str(named or posixpath.basename(folder)), ""))
        projects = data.get("projects")
        for name, project in projects.items() if isinstance(projects, dict) else ():
            if isinstance(project, dict) and _APPLICATION in (project.get("type"), project.get("projectType")):
                own = posixpath.normpath(posixpath.join(folder, str(project.get("root") or "")))
                if own not in (folder, "."):  # what the folder itself holds, its package.json tells
                    yield _root(source, text, (own, str(name), _started(project)))


def _started(project: Mapping[str, object]) -> str:
    entry, sources = project.get("entryFile"), project.get("sourceRoot")
    return f"node {sources}/{entry}" if isinstance(entry, str) and isinstance(sources, str) else ""


def _root(source: SourceFile, text: str, said: tuple[str, str, str]) -> Fact:
    root, name, command = said
    line = text.count("\n", 0, max(text.find(f'"{name}"'), 0)) + 1
    fields = {"root": root, "sort": "workspace", "name": name, "command": command}
    return Fact("root", fields, Location(source.path, line))


MANIFEST = Workspaces()
