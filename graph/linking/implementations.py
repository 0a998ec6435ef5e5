"""Who really answers a call through an interface or a base class: subclasses, method sets, registrations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from graph.linking.corpus import Corpus, SymbolKey
from graph.linking.names import CLASSES, Names
from graph.linking.roles import aside

OVERRIDE, ONLY, BOUND = "override", "only implementation", "registered implementation"


class Implementations:
    """Looks implementations up.

    Args:
        corpus: the facts.
        names: name look-up.
    """

    def __init__(self, corpus: Corpus, names: Names) -> None:
        self._corpus = corpus
        self._names = names
        self._children = self._inheritance()
        self._method_sets: dict[SymbolKey, frozenset[str]] = {}
        self._add_method_sets()
        self._bound = self._registrations()

    def _inheritance(self) -> dict[SymbolKey, dict[SymbolKey, None]]:
        children: dict[SymbolKey, dict[SymbolKey, None]] = defaultdict(dict)
        for placed in self._corpus.of("symbol"):
            if placed.fact.get("sort") in CLASSES and placed.fact.get("bases"):
                me = self._canonical((placed.file, placed.fact.get("name", "")))
                for base in self._names.bases(me):
                    children[base][me] = None
        return children

    def _canonical(self, symbol: SymbolKey) -> SymbolKey:
        parts = self._names.packages.parts.get(symbol)
        return (parts[0], symbol[1]) if parts else symbol

    def _add_method_sets(self) -> None:
        """Go: a type fulfils an interface by having its methods; found through the rarest one, so it stays linear."""
        having: dict[tuple[str, str], dict[SymbolKey, None]] = defaultdict(dict)
        wanting: list[tuple[SymbolKey, frozenset[str]]] = []
        for placed in self._corpus.of("symbol"):
            (repository, path), name = placed.file, placed.fact.get("name", "") or ""
            if not path.endswith(".go"):
                continue
            if placed.fact.get("sort") == "interface":
                wanting.append(((placed.file, name), frozenset(placed.fact.get("methods", ()) or ())))
            owner, _, method = name.rpartition(".")
            if owner and placed.fact.get("sort") == "method":
                having[repository, method][self._canonical((placed.file, owner))] = None
        for (repository, method), owners in list(having.items()):
            for owner in list(owners):
                self._embedding(owner, having[repository, method])
        asked = {interface: methods for interface, methods in wanting}
        for interface in asked:
            methods = self._method_sets[interface] = self._all_methods(interface, asked)
            for owner in _having_all(having, interface[0][0], methods):
                self._children[interface].setdefault(owner, None)

    def _embedding(self, owner: SymbolKey, owners: dict[SymbolKey, None]) -> None:
        """Types that embed a type have its methods, too."""
        queue = [owner]
        while queue:
            for child in self._children.get(queue.pop(), ()):
                if child not in owners:
                    owners[child] = None
                    queue.append(child)

    def _all_methods(self, interface: SymbolKey, asked: Mapping[SymbolKey, frozenset[str]]) -> frozenset[str]:
        found: set[str] = set()
        queue, seen = [interface], {interface}
        while queue:
            current = queue.pop()
            found |= asked.get(current, frozenset())
            for base in self._names.bases(current):
                if base not in seen:
                    seen.add(base)
                    queue.append(base)
        return frozenset(found)

    def _registrations(self) -> Mapping[SymbolKey, dict[SymbolKey, None]]:
        bound: dict[SymbolKey, dict[SymbolKey, None]] = defaultdict(dict)
        for placed in self._corpus.of("binds"):
            scope = placed.fact.get("symbol", "") or ""
            ends = [self._names.find(placed.file, scope, placed.fact.get(key, "") or "") for key in ("type", "to")]
            if aside(placed.file[1]) or any(e is None or e.kind != "symbol" or e.rest for e in ends):
                continue
            asked, given = ((e.file, e.name) for e in ends if e is not None)
            if asked != given:
                bound[asked][given] = None
        return bound

    def asks(self, interface: SymbolKey, method: str) -> bool:
        """Whether an interface that is fulfilled by having its methods names this one.

        Args:
            interface: a Go interface; False for anything else.
            method: its name.
        """
        return method in self._method_sets.get(interface, ())

    def registered(self, owner: SymbolKey) -> bool:
        """Whether something is registered for a class: who answers requests of it, who is given for it.

        Args:
            owner: the class.
        """
        return owner in self._bound

    def below(self, owner: SymbolKey) -> Iterator[SymbolKey]:
        """Classes below a class or interface, nearest first.

        Args:
            owner: the class.
        """
        queue, seen = list(self._children.get(owner, ())), {owner}
        while queue:
            child = queue.pop(0)
            if child not in seen:
                seen.add(child)
                yield child
                queue += self._children.get(child, ())

    def of(self, owner: SymbolKey, method: str) -> list[tuple[SymbolKey, str]]:
        """The same method in classes below one, with the rule: sure when it is the only or the registered one.

        Args:
            owner: class or interface the call is made through.
            method: its name, without arity.
        """
        candidates = dict.fromkeys(self._bound.get(owner, ())) or dict.fromkeys(self.below(owner))
        registered = owner in self._bound
        found: dict[SymbolKey, None] = {}
        for child in candidates:
            own = self._names.own(child, method)
            if own is not None and own.kind == "symbol" and not own.rest:
                found[own.file, own.name] = None
            elif registered and (above := self._names.member(child, (method,))) is not None and above.kind == "symbol":
                found[above.file, above.name] = None
        serious = [s for s in found if not aside(s[0][1])]
        if len(serious) == 1 and self._is_interface(owner):
            return [(s, (BOUND if registered else ONLY) if s in serious else OVERRIDE) for s in found]
        return [(s, OVERRIDE) for s in found]

    def _is_interface(self, owner: SymbolKey) -> bool:
        fact = self._names.files[owner[0]].symbols.get(owner[1])
        return fact is not None and fact.get("sort") == "interface"


def _having_all(
    having: Mapping[tuple[str, str], dict[SymbolKey, None]], repository: str, methods: Iterable[str]
) -> list[SymbolKey]:
    sets = sorted((having.get((repository, m), {}) for m in methods), key=len)
    return [owner for owner in sets[0] if all(owner in other for other in sets[1:])] if sets else []
