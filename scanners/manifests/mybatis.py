"""MyBatis mapper files: statements that run when a method of a Java interface is called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location

_MAPPER = re.compile(rb"<mapper\s[^>]*namespace\s*=")
_STATEMENTS = ("select", "insert", "update", "delete")
_SPOKEN = {"where": " where ", "set": " set "}
_BOUND = re.compile(r"[#$]\{[^}]*\}")
_DEPTH = 60
_SPACE = re.compile(r"\s+")
_HEAD = re.compile(rb"<!DOCTYPE\s[^\[>]*>")


@dataclass(frozen=True, slots=True)
class MyBatis:
    """Mapper XML."""

    name: str = "mybatis"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be a mapper file.

        Args:
            path: relative to the repository.
        """
        return path.endswith(".xml") and not path.endswith(("pom.xml", "AndroidManifest.xml"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Statements.

        Args:
            source: the file.
        """
        if _MAPPER.search(source.data[:4096]) is None:
            return
        try:
            found = _read(source.data)
        except (expat.ExpatError, ValueError) as error:
            line = getattr(error, "lineno", 1)
            problem = {"rule": "manifest/syntax", "message": f"cannot be read: {error}", "severity": "warning"}
            yield Fact("problem", problem, Location(source.path, line))
            return
        for method, text, line in found.statements:
            plain = _plain(text, found.fragments)
            if plain:
                fields = {"text": Lit(plain), "symbol": "", "store_kind": "sql", "method": method}
                yield Fact("sql", fields, Location(source.path, line))


def _plain(text: str, fragments: Mapping[str, str]) -> str:
    for _ in range(3):
        text = re.sub(r"\0([\w.]+)\0", lambda m: fragments.get(m.group(1).rpartition(".")[2], " "), text)
    return _SPACE.sub(" ", _BOUND.sub("?", text)).replace("\0", "").strip()


class _Reader:
    """Collects statements and the named fragments they include while the parser runs."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, str, int]] = []
        self.fragments: dict[str, str] = {}
        self._path: list[str] = []
        self._held: list[str] = []
        self._namespace = ""
        self._about = ("", 0)
        self.parser = expat.ParserCreate()
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._held.append

    def _refuse(self, *_: object) -> None:
        raise ValueError("it defines entities")

    def _start(self, name: str, given: Mapping[str, str]) -> None:
        if len(self._path) > _DEPTH:
            raise ValueError("it is nested too deeply")
        self._path.append(name)
        if len(self._path) == 1:
            self._namespace = given.get("namespace", "")
        elif len(self._path) == 2:
            self._held.clear()
            self._about = given.get("id", ""), self.parser.CurrentLineNumber
        else:
            spoken = {"include": f" \0{given.get('refid', '')}\0 ", "trim": f" {given.get('prefix', '')} "}
            self._held.append(spoken.get(name) or _SPOKEN.get(name, " "))

    def _end(self, name: str) -> None:
        ident, line = self._about
        if len(self._path) == 2 and name in _STATEMENTS and ident:
            self.statements.append((f"{self._namespace}.{ident}", "".join(self._held), line))
        elif len(self._path) == 2 and name == "sql":
            self.fragments[ident] = "".join(self._held)
        self._path.pop()


def _read(data: bytes) -> _Reader:
    reader = _Reader()
    reader.parser.Parse(_HEAD.sub(b"", data, count=1), True)
    return reader


MANIFEST = MyBatis()
