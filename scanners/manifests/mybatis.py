"""MyBatis mapper files: statements that run when a method of a Java interface is called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.parsers import expat

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location

_MAPPER = re.compile(rb"<mapper\s[^>]*namespace\s*=")
_STATEMENTS = ("select", "insert", "update", "delete")
_SPOKEN = {"where": " where ", "set": " set "}
_BOUND = re.compile(r"[#$]\{[^}]*\}")
_DYNAMIC = frozenset(("foreach", "choose", "bind"))
_TABLE = re.compile(r"\b(?:from|join|into|update)\s+([`\"\[]?[A-Za-z_][\w.]*[`\"\]]?)", re.IGNORECASE)
_MENDED = (
    (re.compile(r"\b(where|set)\s+(?:and|or|,)\s+", re.IGNORECASE), r"\1 "),
    (re.compile(r",\s*(where\b|from\b|\)|$)", re.IGNORECASE), r" \1"),
    (re.compile(r"\s+where\s*(order\b|limit\b|group\b|$)", re.IGNORECASE), r" \1"),
)
_DEPTH = 60
_SPACE = re.compile(r"\s+")
_HEAD = re.compile(rb"<!DOCTYPE\s[^\[>]*>")


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
        for verb, method, text, line in found.statements:
            ident = method.rpartition(".")[2]
            plain = _plain(text, found.fragments)
            if {ident, *found.included.get(ident, ())} & found.dynamic:
                plain = _simple(verb, plain)
            if plain:
                fields = {"text": Lit(plain), "symbol": "", "store_kind": "sql", "method": method}
                yield Fact("sql", fields, Location(source.path, line))


def _plain(text: str, fragments: Mapping[str, str]) -> str:
    for _ in range(3):
        text = re.sub(r"\0([\w.]+)\0", lambda m: fragments.get(m.group(1).rpartition(".")[2], " "), text)
    plain = _SPACE.sub(" ", _BOUND.sub("?", text)).replace("\0", "").strip()
    for pattern, instead in _MENDED:
        plain = pattern.sub(instead, plain)
    return plain


def _simple(verb: str, text: str) -> str:
    """A statement whose parts depend on parameters, as the plainest one that touches the same tables."""
    tables = list(dict.fromkeys(_TABLE.findall(text)))
    if not tables:
        return text
    others = f" select * from {', '.join(tables[1:])}" if tables[1:] else " values (1)"
    return {
        "insert": f"insert into {tables[0]}{others}",
        "update": f"update {tables[0]} set changed = 1",
        "delete": f"delete from {tables[0]}",
    }.get(verb, f"select * from {', '.join(tables)}")


class _Reader:
    """Collects statements and the named fragments they include while the parser runs."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, str, str, int]] = []
        self.fragments: dict[str, str] = {}
        self._path: list[str] = []
        self._held: list[str] = []
        self._namespace = ""
        self._about = ("", 0)
        self.dynamic: set[str] = set()
        self.included: dict[str, set[str]] = {}
        self.parser = expat.ParserCreate()
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._suffixes: list[str] = []
        self._keys = False

    def _refuse(self, *_: object) -> None:
        raise ValueError("it defines entities")

    def _text(self, text: str) -> None:
        if not self._keys:
            self._held.append(text)

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
            self._keys = self._keys or name == "selectKey"
            self._suffixes += [given.get("suffix", "")] if name == "trim" else []
            spoken = {"include": f" \0{given.get('refid', '')}\0 ", "trim": f" {given.get('prefix', '')} "}
            self._held.append(spoken.get(name) or _SPOKEN.get(name, " "))
            if name in _DYNAMIC:
                self.dynamic.add(self._about[0])
            elif name == "include":
                self.included.setdefault(self._about[0], set()).add(given.get("refid", "").rpartition(".")[2])

    def _end(self, name: str) -> None:
        ident, line = self._about
        self._keys = self._keys and name != "selectKey"
        if name == "trim" and self._suffixes:
            self._held.append(f" {self._suffixes.pop()} ")
        if len(self._path) == 2 and name in _STATEMENTS and ident:
            self.statements.append((name, f"{self._namespace}.{ident}", "".join(self._held), line))
        elif len(self._path) == 2 and name == "sql":
            self.fragments[ident] = "".join(self._held)
        self._path.pop()


def _read(data: bytes) -> _Reader:
    reader = _Reader()
    reader.parser.Parse(_HEAD.sub(b"", data, count=1), True)
    return reader


MANIFEST = MyBatis()
