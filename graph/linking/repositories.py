"""Types whose methods read and write a dataset: which calls go through them, and what those do to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graph.linking.corpus import FileKey, Placed, SymbolKey
from graph.linking.names import dotted
from graph.linking.state import Linking
from graph.values import Member, Name, Param, Value

_WRITES = ("save", "insert", "update", "delete", "remove", "add", "upsert", "persist", "merge", "replace", "create")
_BOTH = ("findAndModify", "findAndReplace", "findAndRemove", "findOneAnd", "getAndSet", "increment")
_NEITHER = frozenset(
    """
    flush toString equals hashCode getClass Dispose DisposeAsync GetType ToString Equals GetHashCode getTransaction
    Attach Entry AsNoTracking AsQueryable EntityType Local clear detach contains isOpen close
    """.split()  # noqa: SIM905  -- a list of words reads better as words
)
_TYPE_PARAMETER = 1000
_SEEDS = re.compile(r"(Seed(er|ing|Data)?|DbInitiali[sz]er)(Async)?$|^(Ensure)?Seed")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Through:
    """A call through a repository.

    Args:
        placed: the call.
        repository: its fact.
        modes: read, write or both.
        on: what it is called on.
    """

    placed: Placed
    repository: Placed
    modes: tuple[str, ...]
    on: Value


class Repositories:
    """Finds what calls and names lead to a repository.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self._known: dict[SymbolKey, Placed] = {}
        self._inherited: dict[SymbolKey, Placed | None] = {}
        for placed in state.corpus.of("repository"):
            self._known.setdefault((placed.file, placed.fact.get("name", "")), placed)

    def entity(self, through: Through) -> Value | None:
        """What a repository holds; a generic one holds the type argument it is declared with where it is used.

        Args:
            through: the use.
        """
        entity: Value | None = through.repository.fact.get("entity")
        if not isinstance(entity, Param) or entity.index < _TYPE_PARAMETER:
            return entity
        name = dotted(through.on)
        found = self._state.names.find(*through.placed.symbol, name) if name else None
        if found is None or found.kind != "binding" or found.rest:
            return entity
        given = self._state.names.files[found.file].arguments.get(found.name, ())
        position = entity.index - _TYPE_PARAMETER
        return Name(given[position]) if position < len(given) else entity

    def written(self, through: Through) -> SymbolKey:
        """Where the name of what a repository holds is written.

        Args:
            through: the use.
        """
        repository = through.repository
        if isinstance(repository.fact.get("entity"), Param):
            return through.placed.symbol
        return repository.file, str(repository.fact.get("name", "")).rpartition(".")[0]

    def __bool__(self) -> bool:
        return bool(self._known)

    def calls(self) -> Iterator[Through]:
        """Every call on a repository, in the order of the facts."""
        for placed in self._state.corpus.of("call") if self._known else ():
            callee = placed.fact.get("callee")
            on, method = _split(callee)
            if on is None or method in _NEITHER or seeding(placed):
                continue
            repository = self.behind(on, *placed.symbol)
            if repository is not None:
                yield Through(placed, repository, modes(method, repository.fact.get("writes")), on)

    def behind(self, value: Value, file: FileKey, scope: str) -> Placed | None:
        """The repository a value is: a property of a context, an object of a repository's type.

        Args:
            value: as written.
            file: where.
            scope: symbol it is written in.
        """
        name = dotted(value)
        found = self._state.names.find(file, scope, name) if name else None
        if found is not None and not found.rest and (found.file, found.name) in self._known:
            return self._known[found.file, found.name]
        on, last = _split(value)
        if on is not None:
            for owner in self._state.calls.types.of(on, file, scope):
                inner = self._state.names.member(owner, (last,))
                if inner is not None and (inner.file, inner.name) in self._known:
                    return self._known[inner.file, inner.name]
        for owner in self._state.calls.types.of(value, file, scope):
            repository = self._of_type(owner)
            if repository is not None:
                return repository
        return None

    def _of_type(self, owner: SymbolKey) -> Placed | None:
        if owner not in self._inherited:
            self._inherited[owner] = self._known.get(owner)
            for base in self._state.names.bases(owner) if self._inherited[owner] is None else ():
                self._inherited[owner] = self._inherited[owner] or self._of_type(base)
            if self._inherited[owner] is None and self._state.calls.types.sort(owner) == "interface":
                below = [self._known[child] for child in self._state.calls.below(owner) if child in self._known]
                self._inherited[owner] = below[0] if len(below) == 1 else None
        return self._inherited[owner]


def _split(value: Value | None) -> tuple[Value | None, str]:
    if isinstance(value, Member):
        return value.base, value.name
    base, _, last = dotted(value).rpartition(".")
    return (Name(base) if base else None), last


def seeding(placed: Placed) -> bool:
    """Whether a call only fills an empty database when a service starts.

    Args:
        placed: the call.
    """
    return any(_SEEDS.search(part.partition("/")[0]) for part in placed.symbol[1].split("."))


def modes(method: str, writes: Sequence[str] | None) -> tuple[str, ...]:
    """What a method of a repository does, by its name.

    Args:
        method: called.
        writes: name starts that write, the usual ones when None.
    """
    lower = method.lower()
    if lower.startswith(tuple(b.lower() for b in _BOTH)):
        return ("read", "write")
    return ("write",) if lower.startswith(tuple(w.lower() for w in writes or _WRITES)) else ("read",)


def conventional(name: str) -> str:
    """The table an entity class has when nothing says otherwise (Spring's and Hibernate's naming).

    Args:
        name: class name.
    """
    return _WORD.sub("_", name.rpartition(".")[2]).lower()


_TARGET = re.compile(r"\b(from|join|update|into)\s+(?:fetch\s+)?([A-Za-z_][\w.]*)", re.IGNORECASE)


def entities(text: str, tables: Mapping[str, str]) -> list[tuple[str, str]] | None:
    """Tables and modes of a query over entity classes (JPQL, HQL), None when it names none of them.

    Args:
        text: the query.
        tables: class name, as written, to table.
    """
    found: list[tuple[str, str]] = []
    verb = text.strip().partition(" ")[0].lower()
    for word, target in _TARGET.findall(text):
        table = tables.get(target.rpartition(".")[2])
        if table is None:
            if word.lower() != "join":
                return None
            continue
        first = not found and verb in ("update", "delete", "insert")
        found.append((table, "write" if first else "read"))
    return found or None
