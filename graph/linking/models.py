"""Model classes and their tables: written names over defaults, and which other tables come along with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from graph.linking.corpus import Placed, SymbolKey
from graph.linking.names import dotted
from graph.linking.outcomes import Context, Definition, Frame, Instance
from graph.linking.repositories import conventional
from graph.linking.sqltext import table_name
from graph.linking.state import Linking
from graph.values import Value

_DEEP = 3


class Models:
    """Looks models up.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self._known: dict[SymbolKey, Placed] = {}
        self._classes: dict[str, Mapping[str, str]] = {}
        for placed in state.corpus.of("model"):
            key = self._class(placed)
            before = self._known.get(key)
            if before is None or before.fact.get("weak") or not placed.fact.get("weak"):
                self._known[key] = placed

    def __bool__(self) -> bool:
        return bool(self._known)

    def _class(self, placed: Placed) -> SymbolKey:
        """The class a model fact is about; mappings may stand in another file than the class."""
        name = placed.fact.get("name", "") or ""
        if name in self._state.names.files[placed.file].symbols:
            return placed.file, name
        found = self._state.names.find(placed.file, "", name)
        return (found.file, found.name) if found is not None and found.kind == "symbol" else (placed.file, name)

    def chosen(self) -> Iterable[tuple[SymbolKey, Placed]]:
        """Every model class with the fact that names its table."""
        return self._known.items()

    def table(self, key: SymbolKey, service: str) -> tuple[str, str]:
        """Store kind and table of a class, the table by convention when no fact names it.

        Args:
            key: the class.
            service: whose environment applies.
        """
        placed = self._known.get(key)
        if placed is None:
            return "sql", conventional(key[1])
        scope = str(placed.fact.get("name", "")).rpartition(".")[0]
        frame, context = Frame(placed.file, scope), Context(service=service)
        texts = self._state.evaluator.texts(placed.fact.get("dataset"), frame, context)
        names = [text.template for text, _ in texts if not text.holes]
        return placed.fact.get("store_kind", "") or "sql", table_name(names[0]) if names else ""

    def behind(self, value: Value | None, at: SymbolKey, service: str) -> SymbolKey | None:
        """The model class behind a value: the class, an object of it, a bound table, what a property holds.

        Args:
            value: as written.
            at: where.
            service: whose environment applies.
        """
        name = dotted(value)
        found = self._state.names.find(at[0], at[1], name) if name else None
        if found is not None and (found.file, found.name) in self._known and not found.rest:
            return found.file, found.name
        if value is None or not self._known:
            return None
        for outcome in self._state.evaluator.evaluate(value, Frame(*at), Context(service=service)):
            thing = outcome.thing
            owner = thing.owner if isinstance(thing, Instance) else None
            owner = thing.symbol if isinstance(thing, Definition) else owner
            if owner is not None and owner in self._known:
                return owner
        typed = [t for t in self._state.calls.types.of(value, *at) if t in self._known]
        return typed[0] if len(typed) == 1 else None

    def along(self, key: SymbolKey, mode: str, *, cascade: bool) -> Iterator[tuple[SymbolKey, str]]:
        """The classes whose tables are read or written with one, with how; the class itself first.

        Args:
            key: the class.
            mode: read or write.
            cascade: what is written brings its collections along.
        """
        layer, seen = [key], {key}
        yield key, mode
        for _ in range(_DEEP):
            following = [inner for outer in layer for inner in self._beside(outer, mode, cascade)]
            layer = [inner for inner in dict.fromkeys(following) if inner not in seen]
            seen.update(layer)
            yield from ((inner, mode) for inner in layer)

    def _beside(self, key: SymbolKey, mode: str, cascade: bool) -> Iterator[SymbolKey]:
        placed = self._known.get(key)
        fields = ("parts", "joins") if mode == "read" else ("parts",)
        for name in [n for f in fields for n in (placed.fact.get(f, ()) or () if placed is not None else ())]:
            yield from self._named(key, name, placed)
        index = self._state.names.files[key[0]]
        for target in index.arguments if cascade and mode == "write" else ():
            if target.startswith(f"{key[1]}.") and "." not in target.removeprefix(f"{key[1]}."):
                for text in index.arguments[target]:
                    inner = self._state.names.type_of(key[0], key[1], text)
                    if inner is not None and (inner.file, inner.name) in self._known:
                        yield inner.file, inner.name

    def _named(self, key: SymbolKey, name: str, placed: Placed | None) -> Iterator[SymbolKey]:
        for file in dict.fromkeys((key[0], *((placed.file,) if placed is not None else ()))):
            if (file, name) in self._known:
                yield file, name
                return
            found = self._state.names.type_of(file, key[1], name)
            if found is not None and found.kind == "symbol" and not found.rest:
                yield found.file, found.name
                return

    def classes(self, service: str) -> Mapping[str, str]:
        """Tables of a service's model classes by simple name, for queries that name classes.

        Args:
            service: its name.
        """
        if service not in self._classes:
            mine = [key for key in self._known if service in self._state.owners(key[0])]
            self._classes[service] = {key[1].rpartition(".")[2]: self.table(key, service)[1] for key in mine}
        return self._classes[service]

    @cached_property
    def tables(self) -> frozenset[str]:
        """The tables of every model class."""
        owned = [(key, service) for key in self._known for service in self._state.owners(key[0])]
        return frozenset(self.table(key, service)[1] for key, service in owned)

    def simple(self, service: str, name: str) -> SymbolKey | None:
        """The only model class of a service with a simple name.

        Args:
            service: its name.
            name: as written, package or module in front ignored.
        """
        wanted = name.rpartition(".")[2]
        found = [
            key
            for key in self._known
            if key[1].rpartition(".")[2] == wanted and service in (self._state.owners(key[0]) or (service,))
        ]
        return min(found, key=lambda key: len(key[1])) if len({file for file, _ in found}) == 1 else None
