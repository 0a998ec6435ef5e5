"""Compose files that lean on others: services that extend one of another file, and files that are included."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graph.facts import SourceFile
from graph.values import Concat, Env, Fact, Lit, Location, Value
from scanners.idioms import compose, deploy, properties
from scanners.idioms.compose import Entry
from testmesh.guard.yaml import Node

_LONGEST = 20
_NEAR = 2
_MOST = 500
_LONGEST_VALUE = 2_000


class ComposeFiles:
    """Compose files of a repository, with those that they name."""

    name: str = "compose_files"
    version: int = 1

    def members(self, paths: Sequence[str]) -> Sequence[str]:
        """Compose files and the YAML files near them.

        Args:
            paths: of the repository.
        """
        named = [p for p in paths if compose.is_compose(p)]
        folders = {posixpath.dirname(p) for p in named}
        folders |= {posixpath.dirname(f) for f in folders if f}
        yaml = (p for p in paths if p.endswith((".yml", ".yaml")) and _near(posixpath.dirname(p), folders))
        variables = [p for p in paths if posixpath.basename(p) == ".env" and posixpath.dirname(p) in folders | {""}]
        return sorted({*named, *list(yaml)[:_MOST], *variables}) if named else ()

    def replaces(self, path: str) -> bool:
        """A compose file says its own services itself.

        Args:
            path: of a member.
        """
        return False

    def facts(self, sources: Mapping[str, SourceFile]) -> Iterator[Fact]:
        """What extended services add, and services of included files.

        Args:
            sources: the members.
        """
        files = _Files(sources)
        for path in sorted(p for p in sources if compose.is_compose(p)):
            for entry in files.entries(path).values():
                yield from _extended(files, entry)
                yield from _filled(files, entry)
            yield from _included(files, path)


def _near(folder: str, folders: set[str]) -> bool:
    for _ in range(_NEAR + 1):
        if folder in folders:
            return True
        if not folder:
            return False
        folder = posixpath.dirname(folder)
    return False


@dataclass(slots=True)
class _Files:
    sources: Mapping[str, SourceFile]
    read: dict[str, tuple[list[Node], dict[str, Entry]]] = field(default_factory=dict)

    def documents(self, path: str) -> list[Node]:
        return self._of(path)[0]

    def entries(self, path: str) -> dict[str, Entry]:
        return self._of(path)[1]

    def variables(self, folder: str) -> Mapping[str, str]:
        """What `.env` of a folder gives to the compose files there."""
        source = self.sources.get(posixpath.join(folder, ".env"))
        found: dict[str, str] = {}
        for fact in properties.facts(source) if source is not None else ():
            text = "".join(_text(part, found) for part in _parts(fact.get("value")))
            found[str(fact.get("key"))] = text[:_LONGEST_VALUE]
        return found

    def _of(self, path: str) -> tuple[list[Node], dict[str, Entry]]:
        if path not in self.read:
            source = self.sources[path]
            roots = list(deploy.documents(source)[0])
            self.read[path] = roots, {e.name: e for root in roots for e in compose.entries(source, root)}
        return self.read[path]


def _parts(value: Value) -> tuple[Value, ...]:
    return value.parts if isinstance(value, Concat) else (value,)


def _text(value: Value, known: Mapping[str, str]) -> str:
    if isinstance(value, Env):
        return known.get(value.name) or (_text(value.default, known) if value.default is not None else "")
    return str(value.value) if isinstance(value, Lit) else ""


def _problem(where: Location, message: str) -> Fact:
    return Fact("problem", {"rule": "compose/reference", "message": message, "severity": "warning"}, where)


def _filled(files: _Files, entry: Entry) -> Iterator[Fact]:
    """The service once more with the values of the environment file beside it, where they change anything."""
    values = files.variables(posixpath.dirname(entry.source.path))
    if not values:
        return
    before = next(compose.facts(entry))
    after = next(compose.facts(replace(entry, values=values)))
    if after != before:
        yield after


def _extended(files: _Files, entry: Entry) -> Iterator[Fact]:
    """Facts of the services an entry extends, under its own name, without the variables it sets itself."""
    current = entry
    seen = {(entry.source.path, entry.name)}
    given = {key for key, _, _ in deploy.pairs(entry.body.get("environment"))}
    for _ in range(_LONGEST):
        node = current.body.get("extends")
        if node is None:
            return
        where = deploy.at(current.source, node)
        body = deploy.mapping(node)
        name = deploy.text(body.get("service")) if body else deploy.text(node)
        file = deploy.text(body.get("file"))
        path = deploy.beside(current.source, file) if file else current.source.path
        found = files.entries(path).get(name) if path in files.sources else None
        if found is None:
            yield _problem(where, f"extends '{name}' of {path}, which is not there")
            return
        if (path, name) in seen:
            yield _problem(where, f"extends '{name}' of {path}, which extends this again")
            return
        seen.add((path, name))
        for fact in compose.facts(Entry(entry.name, found.key, found.body, found.source)):
            if fact.kind != "env_value" or fact.get("key") not in given:
                yield fact
        given |= {key for key, _, _ in deploy.pairs(found.body.get("environment"))}
        current = found
    yield _problem(deploy.at(entry.source, entry.key), f"extends more than {_LONGEST} services one after the other")


def _included(files: _Files, path: str) -> Iterator[Fact]:
    """Services of included files that do not look like compose files by their name."""
    todo = [path]
    seen = {path}
    while todo:
        current = todo.pop()
        for root in files.documents(current):
            for item in deploy.items(deploy.mapping(root).get("include")):
                node = deploy.mapping(item).get("path", item)
                for written in deploy.items(node) or [node]:
                    target = deploy.beside(files.sources[current], deploy.text(written))
                    if target not in files.sources:
                        where = deploy.at(files.sources[current], written)
                        yield _problem(where, f"includes {target}, which is not there")
                    elif target not in seen:
                        seen.add(target)
                        todo.append(target)
        if current != path and not compose.is_compose(current):
            found = list(files.entries(current).values())
            for entry in found:
                yield from compose.facts(entry)
            yield from compose.routes(found)


BUNDLE = ComposeFiles()
