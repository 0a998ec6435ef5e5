"""Which of our symbols a call reaches, across files, through imports, declared types and class hierarchies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graph.linking.corpus import Corpus, FileKey, Placed, SymbolKey
from graph.linking.names import SELVES, Found, Names, dotted
from graph.values import Call, Choice, Fact, Member, Name, Param, Value

_DEPTH = 6
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
        self._types: dict[tuple[FileKey, str, str], tuple[SymbolKey, ...]] = {}
        self._subclasses = self._inheritance()
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

    def _inheritance(self) -> Mapping[SymbolKey, list[SymbolKey]]:
        children: dict[SymbolKey, list[SymbolKey]] = defaultdict(list)
        for placed in self._corpus.of("symbol"):
            if placed.fact.get("sort") == "class" and placed.fact.get("bases"):
                me = (placed.file, placed.fact.get("name", ""))
                for base in self._names.bases(me):
                    children[base].append(me)
        return children

    def _targets(self, placed: Placed) -> Iterator[Site]:
        fact, file = placed.fact, placed.file
        for symbol, rule in self.resolve(fact.get("callee"), file, fact.get("symbol", "") or ""):
            yield Site(file, fact, symbol, rule)
            for inside in _CONSTRUCTORS:
                if self._sort(symbol) == "class" and (made := self._names.member(symbol, (inside,))) is not None:
                    yield Site(file, fact, (made.file, made.name), "constructor", symbol)
        yield from self._handed_over(placed)

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
                if self._sort(symbol) in ("function", "method"):
                    moved = Fact("call", {**fact.fields, "args": rest}, fact.at)
                    yield Site(file, moved, symbol, HANDED_OVER)

    def resolve(self, callee: Value | None, file: FileKey, scope: str) -> list[tuple[SymbolKey, str]]:
        """The symbols a callee may be, with the rule.

        Args:
            callee: Name or Member, as written.
            file: where.
            scope: symbol it is written in.
        """
        name = dotted(callee)
        if isinstance(callee, Member) and isinstance(callee.base, Call) and dotted(callee.base.callee) == "super":
            return self._above(file, scope, callee.name)
        if name == "super":
            return self._above(file, scope, "constructor")
        if name:
            found = self._names.find(file, scope, name)
            if found is not None and found.kind == "symbol":
                return self._of_symbol(found, "self" if name.split(".")[0] in SELVES else "name")
            if found is not None and found.kind == "foreign":
                return []
            base, _, method = name.rpartition(".")
            return self._methods(self.types_of(Name(base), file, scope), method) if base else self._alias(found)
        if isinstance(callee, Member):
            return self._methods(self.types_of(callee.base, file, scope), callee.name)
        return []

    def _above(self, file: FileKey, scope: str, method: str) -> list[tuple[SymbolKey, str]]:
        """A method of the classes above the enclosing one: ``super().__init__(...)``, ``super(...)``."""
        owner = self._names.enclosing_class(file, scope)
        bases = self._names.bases((file, owner)) if owner else ()
        found = [self._names.member(base, (method,)) for base in bases]
        return [((f.file, f.name), "super") for f in found if f is not None and f.kind == "symbol" and not f.rest][:1]

    def related(self, one: SymbolKey, other: SymbolKey) -> bool:
        """Whether an object can be of both classes: they are one, or one extends the other.

        Args:
            one: a class.
            other: another class.
        """
        return one == other or one in self._ancestors(other) or other in self._ancestors(one)

    def _ancestors(self, owner: SymbolKey) -> set[SymbolKey]:
        found: set[SymbolKey] = set()
        queue = [owner]
        while queue:
            for base in self._names.bases(queue.pop()):
                if base not in found:
                    found.add(base)
                    queue.append(base)
        return found

    def _of_symbol(self, found: Found, rule: str) -> list[tuple[SymbolKey, str]]:
        symbol = (found.file, found.name)
        if not found.rest:
            return [(symbol, rule), *self._overrides(symbol)] if rule == "self" else [(symbol, rule)]
        if self._sort(symbol) == "class":
            return self._methods((symbol,), found.rest[-1])
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
                symbol = (found.file, found.name)
                targets += [(symbol, "type"), *self._overrides(symbol, owner)]
        return list(dict.fromkeys(targets))

    def _overrides(self, symbol: SymbolKey, owner: SymbolKey | None = None) -> list[tuple[SymbolKey, str]]:
        """The same method in subclasses of ours, which a call through the base may reach."""
        file, name = symbol
        owner_name, _, method = name.rpartition(".")
        found: list[tuple[SymbolKey, str]] = []
        queue = list(self._subclasses.get(owner or (file, owner_name), ()))
        seen: set[SymbolKey] = set()
        while queue:
            child = queue.pop(0)
            if child in seen:
                continue
            seen.add(child)
            candidate = f"{child[1]}.{method}"
            if candidate in self._names.files[child[0]].symbols:
                found.append(((child[0], candidate), "override"))
            queue += self._subclasses.get(child, ())
        return found

    def _sort(self, symbol: SymbolKey) -> str:
        fact = self._names.files[symbol[0]].symbols.get(symbol[1])
        return str(fact.get("sort")) if fact is not None else ""

    def types_of(self, value: Value | None, file: FileKey, scope: str, depth: int = _DEPTH) -> tuple[SymbolKey, ...]:
        """The classes of ours a value may be an object of.

        Args:
            value: what the code wrote.
            file: where.
            scope: in which symbol.
            depth: how far to follow assignments and calls.
        """
        if depth <= 0 or value is None:
            return ()
        if isinstance(value, Param):
            return self._declared(file, f"{scope}.{value.name}", depth)
        if isinstance(value, Choice):
            return tuple(dict.fromkeys(t for o in value.options for t in self.types_of(o, file, scope, depth - 1)))
        if isinstance(value, Call):
            return self._made(value, file, scope, depth)
        name = dotted(value)
        if name:
            return self._of_name(name, file, scope, depth)
        if isinstance(value, Member):
            return self._of_member(self.types_of(value.base, file, scope, depth - 1), value.name, depth)
        return ()

    def _of_name(self, name: str, file: FileKey, scope: str, depth: int) -> tuple[SymbolKey, ...]:
        key = (file, scope, name)
        if key in self._types:
            return self._types[key]
        self._types[key] = ()
        self._types[key] = types = self._named(name, file, scope, depth)
        return types

    def _named(self, name: str, file: FileKey, scope: str, depth: int) -> tuple[SymbolKey, ...]:
        if name in SELVES:
            owner = self._names.enclosing_class(file, scope)
            return ((file, owner),) if owner else ()
        found = self._names.find(file, scope, name)
        if found is None:
            base, _, last = name.rpartition(".")
            return self._of_member(self._of_name(base, file, scope, depth - 1), last, depth) if base else ()
        if found.kind != "binding":
            return ()
        types = self._declared(found.file, found.name, depth) or self._assigned(found.file, found.name, depth)
        for part in found.rest:
            types = self._of_member(types, part, depth)
        return types

    def _declared(self, file: FileKey, target: str, depth: int) -> tuple[SymbolKey, ...]:
        types: list[SymbolKey] = []
        for type_name in self._names.files[file].typed.get(target, ()):
            found = self._names.find(file, target.rpartition(".")[0], type_name)
            if found is not None and found.kind == "symbol" and not found.rest:
                symbol = (found.file, found.name)
                is_class = self._sort(symbol) in ("class", "interface")
                types += [symbol] if is_class else self._results(symbol, depth)
        return tuple(dict.fromkeys(types))

    def _assigned(self, file: FileKey, target: str, depth: int) -> tuple[SymbolKey, ...]:
        types: list[SymbolKey] = []
        for binding in self._names.files[file].bindings.get(target, ()):
            types += self.types_of(binding.value, file, binding.scope, depth - 1)
        return tuple(dict.fromkeys(types))

    def _of_member(self, owners: tuple[SymbolKey, ...], name: str, depth: int) -> tuple[SymbolKey, ...]:
        types: list[SymbolKey] = []
        for owner in owners:
            found = self._names.member(owner, (name,))
            if found is not None and found.kind == "binding" and not found.rest:
                declared = self._declared(found.file, found.name, depth)
                types += declared or self._assigned(found.file, found.name, depth)
        return tuple(dict.fromkeys(types))

    def _made(self, value: Call, file: FileKey, scope: str, depth: int) -> tuple[SymbolKey, ...]:
        types: list[SymbolKey] = []
        for symbol, _ in self.resolve(value.callee, file, scope):
            types += [symbol] if self._sort(symbol) == "class" else self._results(symbol, depth)
        if not types and dotted(value.callee).rpartition(".")[2] == "Depends" and value.args:
            return self._made(Call(value.args[0]), file, scope, depth - 1)
        return tuple(dict.fromkeys(types))

    def _results(self, symbol: SymbolKey, depth: int) -> list[SymbolKey]:
        file, name = symbol
        types: list[SymbolKey] = list(self._declared(file, f"{name}.return", depth))
        for returned in () if types else self._names.files[file].returns.get(name, ()):
            types += self.types_of(returned, file, name, depth - 1)
        return types
