"""A description in several files as one: references to files of the repository become references inside."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from graph.facts import SourceFile
from testmesh.guard import yaml
from testmesh.guard.yaml import MapNode, plain

FILES = "x-files"
_MOST_FILES = 300
_DEEPEST = 150


@dataclass(slots=True)
class Whole:
    """A description with everything it refers to.

    Args:
        path: of its main file.
        sources: files of the repository, by path.
        root: the main document, with the others below `x-files`.
        missing: references to files that are not there.
    """

    path: str
    sources: Mapping[str, SourceFile]
    root: dict[str, object] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    def read(self, main: MapNode) -> Whole:
        """Follow the references of the main document.

        Args:
            main: as parsed.
        """
        self._names[self.path] = ""
        self.root = _mapping(self._rewritten(plain(main), self.path, 0))
        others: dict[str, object] = {}
        done = {self.path}
        while len(done) < _MOST_FILES:
            path = next((p for p in self._names if p not in done), None)
            if path is None:
                break
            done.add(path)
            source = self.sources[path]
            for root in yaml.read(source.data, path, yaml.FOREIGN).roots[:1]:
                others[self._names[path]] = self._rewritten(plain(root), path, 0)
        self.root[FILES] = others
        return self

    def _rewritten(self, node: object, path: str, depth: int) -> object:
        if depth > _DEEPEST:
            return None
        if isinstance(node, list):
            return [self._rewritten(item, path, depth + 1) for item in node]
        if not isinstance(node, Mapping):
            return node
        out = {str(key): self._rewritten(value, path, depth + 1) for key, value in node.items()}
        reference = node.get("$ref")
        if isinstance(reference, str):
            out["$ref"] = self._reference(reference, path)
        return out

    def _reference(self, reference: str, path: str) -> str:
        file, _, pointer = reference.partition("#")
        if "://" in file or file.startswith("//"):
            return reference
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(file))) if file else path
        if target not in self._names:
            if target not in self.sources:
                self.missing.append(reference)
                return reference
            self._names[target] = f"file{len(self._names)}"
        name = self._names[target]
        return f"#/{FILES}/{name}{pointer}" if name else f"#{pointer or '/'}"


def outside(data: object) -> Iterator[str]:
    """References to other files.

    Args:
        data: a plain document.
    """
    todo = [data]
    while todo:
        node = todo.pop()
        if isinstance(node, Mapping):
            reference = node.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#") and "://" not in reference:
                yield reference
            todo += node.values()
        elif isinstance(node, list):
            todo += node


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
