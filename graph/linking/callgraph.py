"""Which of our symbols a call reaches, across files, through imports, declared types and class hierarchies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from graph.linking.corpus import Corpus, FileKey, Placed, SymbolKey
from graph.linking.extensions import Extensions
from graph.linking.implementations import BOUND, ONLY, Implementations
from graph.linking.names import CLASSES, SELVES, Found, Names, dotted, unloaded
from graph.linking.packages import dialect_of
from graph.linking.selves import ancestors
from graph.linking.types import DEPTH, Types
from graph.values import Call, Fact, Member, Name, Value

_CONSTRUCTORS = ("__init__", "constructor")
HANDED_OVER = "passed as argument"


@dataclass(frozen=True, slots=True)
class Site:
    """A call of one of our symbols.

    Args:
        file: where the call is written.
        fact: the call fact.
        target: what is called; constructing calls target the class and its constructor.
        rule: how it was found.
        owner: the class of the object a constructing call makes, or None.
    """

    file: FileKey
    fact: Fact
    target: SymbolKey
    rule: str
    owner: SymbolKey | None = None

    @property
    def symbol(self) -> SymbolKey:
        """The caller."""
        return self.file, self.fact.get("symbol", "") or ""


def given(fact: Fact) -> tuple[tuple[Value, ...], tuple[tuple[str, Value], ...]]:
    """The positional and keyword arguments of a call fact.

    Args:
        fact: a call fact.
    """
    positional = fact.get("args")
    named = fact.get("named")
    return tuple(positional) if positional else (), tuple(named) if named else ()


class CallGraph:
    """All calls between symbols.

    Args:
        corpus: the facts.
        names: name look-up.
    """

    def __init__(self, corpus: Corpus, names: Names) -> None:
        self._names = names
        self._corpus = corpus
        self.types = Types(names, self._answering)
        self._below = Implementations(corpus, names)
        self._extensions = Extensions(corpus, names)
        self.sites: list[Site] = []
        self.callers: dict[SymbolKey, list[Site]] = defaultdict(list)
        self.outside: list[Placed] = []
        for placed in corpus.of("call"):
            found = list(self._targets(placed))
            self.sites += found
            if all(site.rule == HANDED_OVER for site in found):
                self.outside.append(placed)
        for site in self.sites:
            self.callers[site.target].append(site)

    def forget(self) -> None:
        """Let go of every call."""
        self.sites.clear()
        self.callers.clear()
        self.outside.clear()

    def _targets(self, placed: Placed) -> Iterator[Site]:
        fact, file = placed.fact, placed.file
        scope = fact.get("symbol", "") or ""
        count = sum(len(values) for values in given(fact))
        called = list(self.resolve(fact.get("callee"), file, scope))
        for symbol, rule in called:
            yield Site(file, fact, self._names.overload(symbol, count, (file, scope)), rule)
            for inside in _CONSTRUCTORS:
                if self.types.sort(symbol) in CLASSES and (made := self._names.member(symbol, (inside,))) is not None:
                    target = self._names.overload((made.file, made.name), count)
                    yield Site(file, fact, target, "constructor", symbol)
        if not called and file[1].endswith(".cs"):
            yield from self._extended(placed)
        yield from self._handed_over(placed)

    def _extended(self, placed: Placed) -> Iterator[Site]:
        """C#: a static method called on its first parameter, which then is the first argument."""
        on, found = self.extended(placed.fact.get("callee"), *placed.symbol)
        if on is None:
            return
        args = (on, *given(placed.fact)[0])
        moved = Fact("call", {**placed.fact.fields, "args": args}, placed.fact.at)
        for symbol in found:
            yield Site(placed.file, moved, self._names.overload(symbol, len(args)), "extension method")

    def _answering(self, callee: Value | None, file: FileKey, scope: str, depth: int) -> list[tuple[SymbolKey, str]]:
        """Whose result a call gives, extension methods included."""
        found = self.resolve(callee, file, scope, depth)
        if found or not file[1].endswith(".cs") or depth <= 0:
            return found
        return [(symbol, "extension method") for symbol in self.extended(callee, file, scope, depth)[1]]

    def extended(
        self, callee: Value | None, file: FileKey, scope: str, depth: int = DEPTH
    ) -> tuple[Value | None, list[SymbolKey]]:
        """What an extension method is called on, and the methods it may be.

        Args:
            callee: as written.
            file: where.
            scope: symbol it is written in.
            depth: how far chains of calls are followed.
        """
        base, _, method = dotted(callee).rpartition(".")
        on: Value | None = Name(base) if base else callee.base if isinstance(callee, Member) else None
        method = callee.name if isinstance(callee, Member) else method
        if on is None or method not in self._extensions:
            return None, []
        return on, self._extensions.of(method, file, self.types.of(on, file, scope, depth - 1))

    def _handed_over(self, placed: Placed) -> Iterator[Site]:
        """Functions given to a call (``submit(work, 5)``) are called with the arguments that follow them."""
        fact, file = placed.fact, placed.file
        args, named = given(fact)
        values: list[tuple[Value, tuple[Value, ...]]] = [(value, args[n + 1 :]) for n, value in enumerate(args)]
        values += [(value, ()) for _, value in named]
        for value, rest in values:
            if not isinstance(value, Name | Member):
                continue
            for symbol, _ in self.resolve(value, file, fact.get("symbol", "") or ""):
                if self.types.sort(symbol) in ("function", "method"):
                    moved = Fact("call", {**fact.fields, "args": rest}, fact.at)
                    yield Site(file, moved, symbol, HANDED_OVER)

    def resolve(
        self, callee: Value | None, file: FileKey, scope: str, depth: int = DEPTH
    ) -> list[tuple[SymbolKey, str]]:
        """The symbols a callee may be, with the rule.

        Args:
            callee: Name or Member, as written.
            file: where.
            scope: symbol it is written in.
            depth: how far chains of calls are followed.
        """
        if depth <= 0:
            return []
        name = dotted(callee)
        if isinstance(callee, Member) and isinstance(callee.base, Call) and dotted(callee.base.callee) == "super":
            return self._above(file, scope, callee.name)
        if name in ("super", "base"):
            return self._above(file, scope, "constructor")
        if name.startswith(("super.", "base.")) and dialect_of(file):
            return self._above(file, scope, name.rpartition(".")[2])
        if name:
            return self._named(name, file, scope, depth)
        if isinstance(callee, Member):
            return self._methods(self.types.of(callee.base, file, scope, depth - 1), callee.name)
        return []

    def _named(self, name: str, file: FileKey, scope: str, depth: int) -> list[tuple[SymbolKey, str]]:
        found = self._names.find(file, scope, name)
        base, _, method = name.rpartition(".")
        if found is not None and found.kind == "symbol":
            mine = base in SELVES or (not base and "." in found.name and bool(dialect_of(file)))
            return self._of_symbol(found, "self" if name.split(".", maxsplit=1)[0] in SELVES or mine else "name")
        if found is not None and found.kind == "foreign":
            return []
        return self._methods(self.types.of(Name(base), file, scope, depth - 1), method) if base else self._alias(found)

    def _above(self, file: FileKey, scope: str, method: str) -> list[tuple[SymbolKey, str]]:
        """A method of the classes above the enclosing one: ``super().__init__(...)``, ``super(...)``."""
        owner = self._names.enclosing_class(file, scope)
        bases = self._names.bases(owner) if owner is not None else ()
        found = [self._names.member(base, (method,)) for base in bases]
        return [((f.file, f.name), "super") for f in found if f is not None and f.kind == "symbol" and not f.rest][:1]

    def below(self, owner: SymbolKey) -> Iterator[SymbolKey]:
        """Classes below a class or interface.

        Args:
            owner: the class.
        """
        return self._below.below(owner)

    def related(self, one: SymbolKey, other: SymbolKey) -> bool:
        """Whether an object can be of both classes: they are one, or one extends the other.

        Args:
            one: a class.
            other: another class.
        """
        return one == other or one in ancestors(self._names, other) or other in ancestors(self._names, one)

    def _of_symbol(self, found: Found, rule: str) -> list[tuple[SymbolKey, str]]:
        symbol = (found.file, found.name)
        if not found.rest:
            return [(symbol, rule), *self._overrides(symbol)] if rule == "self" else [(symbol, rule)]
        if self.types.sort(symbol) in CLASSES:
            owners: tuple[SymbolKey, ...] = (symbol,)
            for part in found.rest[:-1]:
                owners = self.types.members(owners, part)
            return self._methods(owners, found.rest[-1])
        if self.types.sort(symbol) == "constant":
            held = ".".join((found.name, *found.rest[:-1]))
            return self._methods(self.types.of(Name(held), found.file, ""), found.rest[-1])
        return []

    def _alias(self, found: Found | None) -> list[tuple[SymbolKey, str]]:
        """A name bound to a function: ``handler = other``."""
        if found is None or found.kind != "binding" or found.rest:
            return []
        targets: list[tuple[SymbolKey, str]] = []
        for binding in self._names.files[found.file].bindings.get(found.name, ()):
            other = dotted(binding.value)
            inner = self._names.find(found.file, binding.scope, other) if other else None
            if inner is not None and inner.kind == "symbol" and not inner.rest:
                targets.append(((inner.file, inner.name), "alias"))
        return targets

    def _methods(self, owners: tuple[SymbolKey, ...], method: str) -> list[tuple[SymbolKey, str]]:
        targets: list[tuple[SymbolKey, str]] = []
        for owner in owners:
            found = self._names.member(owner, (method,))
            if found is not None and found.kind == "symbol" and not found.rest:
                targets.append(((found.file, found.name), "type"))
            elif not self._below.asks(owner, method) and not self._below.registered(owner):
                continue
            targets += self._below.of(owner, method)
        return list(dict.fromkeys(targets))

    def implementing(self, symbol: SymbolKey) -> list[SymbolKey]:
        """The methods that surely run when one of an interface is called.

        Args:
            symbol: a method.
        """
        return [found for found, rule in self._overrides(symbol) if rule in (BOUND, ONLY)]

    def _overrides(self, symbol: SymbolKey) -> list[tuple[SymbolKey, str]]:
        """The same method in subclasses of ours, which a call through the base may reach."""
        file, name = symbol
        owner_name, _, method = name.rpartition(".")
        owner = self._names.enclosing_class(file, owner_name)
        return self._below.of(owner, unloaded(method)) if owner is not None else []
