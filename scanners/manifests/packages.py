"""Package manifests: folders that are packages, and what they depend on."""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Location

_FILE = re.compile(r"(^|/)(pyproject\.toml|requirements[\w.-]*\.txt|package\.json)$")
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*([^;#]*)")


class Packages:
    """pyproject.toml, requirements.txt and package.json."""

    name: str = "packages"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a package manifest.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """The package and its dependencies.

        Args:
            source: the file.
        """
        base = posixpath.basename(source.path)
        text = source.data.decode("utf-8", "replace")
        try:
            if base == "package.json":
                yield from _node(source, text)
            elif base == "pyproject.toml":
                yield from _pyproject(source, text)
            else:
                yield from _requirements(source, text)
        except (ValueError, tomllib.TOMLDecodeError) as error:
            line = getattr(error, "lineno", 1)
            fields = {"rule": "manifest/syntax", "message": f"cannot be read: {error}", "severity": "warning"}
            yield Fact("problem", fields, Location(source.path, line))


def _line(text: str, name: str) -> int:
    at = text.find(f'"{name}"')
    at = at if at >= 0 else text.find(name)
    return text.count("\n", 0, max(at, 0)) + 1


def _root(source: SourceFile, sort: str, name: str, command: str) -> Fact:
    folder = posixpath.dirname(source.path)
    fields = {"root": folder, "sort": sort, "name": name, "image": "", "ports": (), "command": command}
    return Fact("root", fields, Location(source.path, 1))


def _dependency(source: SourceFile, ecosystem: str, about: tuple[str, str], line: int) -> Fact:
    name, version = about
    return Fact("dependency", {"ecosystem": ecosystem, "name": name, "version": version}, Location(source.path, line))


def _node(source: SourceFile, text: str) -> Iterator[Fact]:
    data = json.loads(text)
    if not isinstance(data, dict):
        return
    scripts = data.get("scripts")
    start = scripts.get("start", "") if isinstance(scripts, dict) else ""
    root = _root(source, "package.json", str(data.get("name", "")), str(start))
    named = tuple(f"{k}={v}" for k, v in scripts.items()) if isinstance(scripts, dict) else ()
    yield Fact("root", {**root.fields, "scripts": named}, root.at)
    for key in ("dependencies", "devDependencies", "peerDependencies"):
        listed = data.get(key)
        for name, version in listed.items() if isinstance(listed, dict) else ():
            yield _dependency(source, "npm", (name, str(version)), _line(text, name))


def _pyproject(source: SourceFile, text: str) -> Iterator[Fact]:
    data = tomllib.loads(text)
    project = data.get("project")
    tool = data.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    table = project if isinstance(project, dict) else poetry if isinstance(poetry, dict) else None
    if table is None:
        return
    yield _root(source, "pyproject", str(table.get("name", "")), "")
    listed = table.get("dependencies")
    for item in listed if isinstance(listed, list) else ():
        match = _REQUIREMENT.match(str(item))
        if match:
            yield _dependency(source, "pypi", (match[1].lower(), match[2].strip()), _line(text, match[1]))
    for name, version in listed.items() if isinstance(listed, dict) else ():
        yield _dependency(source, "pypi", (name.lower(), str(version)), _line(text, name))


def _requirements(source: SourceFile, text: str) -> Iterator[Fact]:
    yield _root(source, "requirements", "", "")
    for number, line in enumerate(text.splitlines(), 1):
        match = None if line.lstrip().startswith(("#", "-")) else _REQUIREMENT.match(line)
        if match:
            yield _dependency(source, "pypi", (match[1].lower(), match[2].strip()), number)


MANIFEST = Packages()
