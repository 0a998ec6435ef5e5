"""go.mod and go.work: where Go modules start, what they are called, replace and depend on."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Location

_FILE = re.compile(r"(^|/)go\.(mod|work)$")
_BLOCK = re.compile(r"^(\w+)\s*\(\s*$")


class GoMod:
    """Go module files."""

    name: str = "gomod"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a Go module file.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """The module, its replacements and dependencies.

        Args:
            source: the file.
        """
        folder = posixpath.dirname(source.path)
        named = False
        for number, verb, words in _statements(source.data.decode("utf-8", "replace")):
            where = Location(source.path, number)
            if verb == "module" and words and not named:
                named = True
                yield Fact("root", _root(folder, words[0]), where)
            elif verb == "replace" and "=>" in words:
                yield from _replaced(folder, words, where)
            elif verb == "require" and len(words) >= 2:
                yield Fact("dependency", {"ecosystem": "go", "name": words[0], "version": words[1]}, where)
        if source.path.endswith("go.mod") and not named:
            fields = {"rule": "manifest/syntax", "message": "it names no module", "severity": "warning"}
            yield Fact("problem", fields, Location(source.path, 1))


def _root(folder: str, name: str) -> dict[str, object]:
    return {"root": folder, "sort": "go.mod", "name": name, "image": "", "ports": (), "command": ""}


def _replaced(folder: str, words: list[str], where: Location) -> Iterator[Fact]:
    """``replace example.com/x v1 => ../x``: the module is a folder of this repository."""
    at = words.index("=>")
    target = words[at + 1] if len(words) > at + 1 else ""
    if at and target.startswith("."):
        place = posixpath.normpath(posixpath.join(folder, target))
        if not place.startswith(".."):
            yield Fact("root", _root("" if place == "." else place, words[0]), where)


def _statements(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Line, verb and words of each statement, those of blocks included."""
    block = ""
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.split("//", 1)[0].strip()
        opened = _BLOCK.match(bare)
        if opened:
            block = opened.group(1)
        elif bare == ")":
            block = ""
        elif bare:
            words = [w.strip('"`') for w in bare.split()]
            yield (number, block, words) if block else (number, words[0], words[1:])


MANIFEST = GoMod()
