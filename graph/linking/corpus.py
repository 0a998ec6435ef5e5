"""Facts sorted for looking up: by kind, and by file with its imports, bindings and symbols."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeAlias

from graph.linking.roles import counts, only_framework
from graph.schema import Evidence
from graph.values import Fact, Value
from graph.vocabulary import FACT_KINDS

FileKey: TypeAlias = tuple[str, str]
_OVERLOAD = re.compile(r"^(.*?\w)/\d+(:.*)?$")
SymbolKey: TypeAlias = tuple[FileKey, str]


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What all scanners said about one revision of one repository.

    Args:
        repository: its name.
        commit: 40 hex, or ``worktree``.
        facts: in any order.
    """

    repository: str
    commit: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """One assignment.

    Args:
        value: what is assigned.
        scope: symbol it happens in.
        line: 1-based.
    """

    value: Value
    scope: str
    line: int


@dataclass(slots=True)
class FileIndex:
    """What one file defines and mentions.

    Args:
        imports: local name to (module, name) pairs.
        stars: modules imported with ``*``.
        bindings: by qualified target, in source order.
        symbols: by qualified name.
        typed: by qualified target, the type names declared.
        returns: by symbol, what it returns.
        calls: call facts in source order.
        packages: packages or namespaces its top-level names live in.
        everywhere: namespaces it imports for every file of its project (C# ``global using``).
        overloads: symbols of one name, by that name, when there are several.
        arguments: by qualified target, the type arguments of its declared types.
    """

    imports: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    symbols: dict[str, Fact] = field(default_factory=dict)
    typed: dict[str, list[str]] = field(default_factory=dict)
    returns: dict[str, list[Value]] = field(default_factory=dict)
    calls: list[Fact] = field(default_factory=list)
    packages: dict[str, None] = field(default_factory=dict)
    everywhere: list[str] = field(default_factory=list)
    overloads: dict[str, list[str]] = field(default_factory=dict)
    arguments: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """A fact and the repository it is about.

    Args:
        fact: the fact.
        file: repository and path.
    """

    fact: Fact
    file: FileKey

    @property
    def symbol(self) -> SymbolKey:
        """The symbol the fact is in."""
        return self.file, self.fact.get("symbol", "") or ""


class Corpus:
    """All facts of a link run, in a fixed order.

    Args:
        sources: one per repository.
    """

    def __init__(self, sources: Sequence[RepositoryFacts]) -> None:
        self.commits = {source.repository: source.commit for source in sources}
        self.kinds: dict[str, list[Placed]] = defaultdict(list)
        self.files: dict[FileKey, FileIndex] = {}
        for source in sorted(sources, key=lambda s: s.repository):
            self._take(source)

    def _take(self, source: RepositoryFacts) -> None:
        tests = tuple(sorted(f"{f.get('root')}/" for f in source.facts if _tests(f)))
        ignored = sorted(str(f.get("match", "")) for f in source.facts if f.kind == "ignore")
        order = sorted(
            range(len(source.facts)),
            key=lambda i: (source.facts[i].at.file, source.facts[i].at.line, source.facts[i].kind, i),
        )
        for index in order:
            fact = source.facts[index]
            layer = FACT_KINDS[fact.kind].layer
            if layer != "annotation" and _ignored(fact.at.file, ignored):
                continue
            if not counts(fact) or (tests and fact.at.file.startswith(tests) and only_framework(fact)):
                continue
            self._add(Placed(fact, (source.repository, fact.at.file)))

    def _add(self, placed: Placed) -> None:
        kind = placed.fact.kind
        index = self.files.get(placed.file)
        if index is None:
            index = self.files[placed.file] = FileIndex()
        taker = _TAKERS.get(kind)
        if taker is not None:
            taker(index, placed.fact)
        if kind not in _INDEXED_ONLY:
            self.kinds[kind].append(placed)

    def forget(self) -> None:
        """Let go of all facts."""
        self.kinds.clear()
        self.files.clear()

    def of(self, *kinds: str) -> Iterable[Placed]:
        """Every fact of these kinds, kind by kind, each by repository, file and line.

        Args:
            kinds: fact kinds.
        """
        for kind in kinds:
            yield from self.kinds.get(kind, ())

    def evidence(self, placed: Placed, rule: str = "") -> Evidence:
        """Where a fact stands.

        Args:
            placed: the fact.
            rule: who says so; the fact's own pack when empty.
        """
        fact = placed.fact
        scanner = rule or fact.get("client") or fact.get("framework") or fact.kind
        return Evidence(
            layer=FACT_KINDS[fact.kind].layer,
            scanner=str(scanner),
            file=fact.at.file,
            line=fact.at.line,
            repository=placed.file[0],
            commit=self.commits[placed.file[0]],
            pointer=str(fact.get("pointer", "") or ""),
        )


def _tests(fact: Fact) -> bool:
    """Whether a project file says that its folder holds tests."""
    return fact.kind == "root" and bool(fact.get("root")) and "test=true" in (fact.get("scripts", ()) or ())


def _ignored(file: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(file, p) or fnmatchcase(file, p.removesuffix("/**") + "/*") for p in patterns)


def _take_import(index: FileIndex, fact: Fact) -> None:
    pair = (fact.get("module", ""), fact.get("name", "") or "")
    local = fact.get("local", "")
    if pair[1] == "**" or (pair[1] == "*" and local == "global"):
        index.everywhere.append(pair[0])
    elif pair[1] == "*" and local in ("", "*"):
        index.stars.append(pair[0])
    else:
        index.imports.setdefault(local, []).append(pair)


def _take_binding(index: FileIndex, fact: Fact) -> None:
    made = Binding(fact.get("value"), fact.get("scope", "") or "", fact.at.line)
    index.bindings.setdefault(fact.get("target", ""), []).append(made)


def _take_symbol(index: FileIndex, fact: Fact) -> None:
    name = fact.get("name", "") or ""
    index.symbols.setdefault(name, fact)
    overloaded = _OVERLOAD.match(name)
    if overloaded is not None:
        index.overloads.setdefault(overloaded.group(1), []).append(name)


def _take_typed(index: FileIndex, fact: Fact) -> None:
    index.typed.setdefault(fact.get("target", ""), []).append(fact.get("type", ""))
    if fact.get("of"):
        index.arguments.setdefault(fact.get("target", ""), []).extend(fact.get("of"))


def _take_package(index: FileIndex, fact: Fact) -> None:
    index.packages[fact.get("name", "") or ""] = None


def _take_returns(index: FileIndex, fact: Fact) -> None:
    index.returns.setdefault(fact.get("symbol", ""), []).append(fact.get("value"))


def _take_call(index: FileIndex, fact: Fact) -> None:
    index.calls.append(fact)


_TAKERS: Mapping[str, Callable[[FileIndex, Fact], None]] = {
    "import": _take_import,
    "binding": _take_binding,
    "symbol": _take_symbol,
    "typed": _take_typed,
    "returns": _take_returns,
    "call": _take_call,
    "package": _take_package,
}
_INDEXED_ONLY = frozenset({"binding", "typed", "returns", "package"})
