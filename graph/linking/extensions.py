"""Extension methods (C#): static methods that are called on their first parameter's type."""

from __future__ import annotations

from collections import defaultdict

from graph.linking.corpus import Corpus, FileKey, SymbolKey
from graph.linking.names import Names


class Extensions:
    """Looks extension methods up by name.

    Args:
        corpus: the facts.
        names: name look-up.
    """

    def __init__(self, corpus: Corpus, names: Names) -> None:
        self._names = names
        self._found: dict[str, list[tuple[SymbolKey, str]]] = defaultdict(list)
        for placed in corpus.of("symbol"):
            name = placed.fact.get("name", "") or ""
            if not placed.file[1].endswith(".cs") or "." not in name:
                continue
            declared = corpus.files[placed.file].typed.get(f"{name}.this", ())
            extended = placed.fact.get("extends") or next(iter(declared), "")
            if extended:
                method = name.rpartition(".")[2].partition("/")[0]
                self._found[method].append(((placed.file, name), extended))

    def __contains__(self, method: str) -> bool:
        return method in self._found

    def of(self, method: str, file: FileKey, types: tuple[SymbolKey, ...]) -> list[SymbolKey]:
        """The extension methods a call on such a receiver may mean.

        Args:
            method: name called.
            file: where the call is written; its namespaces must show the method's class.
            types: classes of ours the receiver may be, empty when it is none.
        """
        kept: list[SymbolKey] = []
        for symbol, extended in self._found.get(method, ()):
            holder = symbol[1].rpartition(".")[0]
            seen = self._names.find(file, "", holder)
            shown = file[0] == symbol[0][0] and (seen is None or (seen.kind == "symbol" and seen.name == holder))
            if shown and self._fits(extended, symbol, types):
                kept.append(symbol)
        holders = {symbol[1].rpartition(".")[0] for symbol in kept}
        return kept if len(holders) == 1 else []

    def _fits(self, extended: str, symbol: SymbolKey, types: tuple[SymbolKey, ...]) -> bool:
        found = self._names.find(symbol[0], symbol[1], extended)
        ours = found is not None and found.kind == "symbol" and not found.rest
        if not types:
            return True
        if found is None or not ours:
            return True
        wanted, queue, seen = (found.file, found.name), list(types), set(types)
        while queue:
            current = queue.pop()
            if current == wanted:
                return True
            queue += [b for b in self._names.bases(current) if b not in seen]
            seen.update(queue)
        return False
