"""Which classes of ours a value may be an object of: declared types, assignments, results of calls, elements."""

from __future__ import annotations

import re
from collections.abc import Callable

from graph.linking.corpus import FileKey, SymbolKey
from graph.linking.names import CLASSES, SELVES, Found, Names, dotted
from graph.linking.packages import dialect_of
from graph.linking.strings import OBJECT
from graph.values import Call, Choice, Member, Name, Param, Value

DEPTH = 16
_DEEPEST = 6
_CONTAINER = ("GetRequiredService", "GetService", "GetRequiredKeyedService", "GetKeyedService")
_CONVERTS = frozenset({"Map", "Adapt", "Deserialize", "DeserializeObject", "DeserializeAsync", "CreateInstance"})
"""AutoMapper, Mapster, System.Text.Json, Newtonsoft: an object of the last type they are given."""
_WORD = re.compile(r"[A-Za-z_][\w.]*")
_ELEMENT = "[]"
_HANDING_ON = frozenset(
    """
    First FirstOrDefault FirstAsync FirstOrDefaultAsync Single SingleOrDefault SingleAsync SingleOrDefaultAsync Last
    LastOrDefault ElementAt ToList ToArray ToListAsync ToArrayAsync AsEnumerable AsQueryable Where OrderBy
    OrderByDescending Skip Take Include ThenInclude AsNoTracking Result GetAwaiter GetResult ConfigureAwait FindAsync
    get orElse orElseThrow orElseGet next block blockFirst toFuture join stream parallelStream filter sorted limit
    findFirst findAny collect toList iterator values getBody getContent
    """.split()  # noqa: SIM905  -- a list of words reads better as words
)
Resolve = Callable[[Value | None, FileKey, str, int], list[tuple[SymbolKey, str]]]


class Types:
    """Finds types.

    Args:
        names: name look-up.
        resolve: the symbols a callee may be, for results of calls.
    """

    def __init__(self, names: Names, resolve: Resolve) -> None:
        self._names = names
        self._resolve = resolve
        self._known: dict[tuple[FileKey, str, str], tuple[SymbolKey, ...]] = {}
        self._calls: dict[tuple[FileKey, str, Call], tuple[SymbolKey, ...]] = {}
        self._answers: dict[SymbolKey, list[SymbolKey]] = {}
        self._level = 0

    def sort(self, symbol: SymbolKey) -> str:
        """Sort of a symbol, empty when there is none of that name.

        Args:
            symbol: file and name.
        """
        fact = self._names.files[symbol[0]].symbols.get(symbol[1])
        return str(fact.get("sort")) if fact is not None else ""

    def of(self, value: Value | None, file: FileKey, scope: str, depth: int = DEPTH) -> tuple[SymbolKey, ...]:
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
            return tuple(dict.fromkeys(t for o in value.options for t in self.of(o, file, scope, depth - 1)))
        if isinstance(value, Call):
            return self._of_call(value, file, scope, depth)
        name = dotted(value)
        if name and not name.endswith(f".{_ELEMENT}"):
            return self._of_name(name, file, scope, depth)
        if isinstance(value, Member):
            inner = self.of(value.base, file, scope, depth - 1)
            return inner if value.name == _ELEMENT else self._of_member(inner, value.name, depth)
        return ()

    def _of_name(self, name: str, file: FileKey, scope: str, depth: int) -> tuple[SymbolKey, ...]:
        key = (file, scope, name)
        if key in self._known:
            return self._known[key]
        self._known[key] = ()
        self._known[key] = types = self._named(name, file, scope, depth)
        return types

    def _named(self, name: str, file: FileKey, scope: str, depth: int) -> tuple[SymbolKey, ...]:
        if name in SELVES:
            owner = self._names.enclosing_class(file, scope)
            return (owner,) if owner is not None else ()
        found = self._names.find(file, scope, name)
        if found is None:
            base, _, last = name.rpartition(".")
            return self._of_member(self._of_name(base, file, scope, depth - 1), last, depth) if base else ()
        if found.kind == "symbol" and found.rest:
            types: tuple[SymbolKey, ...] = ((found.file, found.name),)
        elif found.kind == "symbol":
            declared = self._of_property(found, depth) or self._declared(found.file, found.name, depth)
            return declared or self._constant(found, depth)
        elif found.kind == "binding":
            types = self._declared(found.file, found.name, depth) or self._assigned(found.file, found.name, depth)
        else:
            return ()
        for part in found.rest:
            types = self._of_member(types, part, depth)
        return types

    def _constant(self, found: Found, depth: int) -> tuple[SymbolKey, ...]:
        known = self.sort((found.file, found.name)) == "constant"
        return self._assigned(found.file, found.name, depth) if known else ()

    def _of_property(self, found: Found, depth: int) -> tuple[SymbolKey, ...]:
        symbol = (found.file, found.name)
        known = found.kind == "symbol" and not found.rest and self.sort(symbol) == "property"
        return tuple(self._results(symbol, depth)) if known else ()

    def _declared(self, file: FileKey, target: str, depth: int) -> tuple[SymbolKey, ...]:
        index, scope = self._names.files[file], target.rpartition(".")[0]
        types: list[SymbolKey] = []
        for type_name in index.typed.get(target, ()):
            types += self._type(file, scope, type_name, depth)
        if not types:
            inner = (word for text in index.arguments.get(target, ()) for word in _WORD.findall(text))
            types += [t for word in dict.fromkeys(inner) for t in self._type(file, scope, word, depth)]
        return tuple(dict.fromkeys(types))

    def _type(self, file: FileKey, scope: str, name: str, depth: int) -> list[SymbolKey]:
        found = self._names.type_of(file, scope, name)
        if found is None or found.kind != "symbol" or found.rest:
            return []
        symbol = (found.file, found.name)
        return [symbol] if self.sort(symbol) in CLASSES else self._results(symbol, depth)

    def _assigned(self, file: FileKey, target: str, depth: int) -> tuple[SymbolKey, ...]:
        types: list[SymbolKey] = []
        for binding in self._names.files[file].bindings.get(target, ()):
            types += self.of(binding.value, file, binding.scope, depth - 1)
        return tuple(dict.fromkeys(types))

    def members(self, owners: tuple[SymbolKey, ...], name: str) -> tuple[SymbolKey, ...]:
        """The types an attribute of some classes may have.

        Args:
            owners: the classes.
            name: the attribute.
        """
        return self._of_member(owners, name, DEPTH)

    def _of_member(self, owners: tuple[SymbolKey, ...], name: str, depth: int) -> tuple[SymbolKey, ...]:
        types: list[SymbolKey] = []
        for owner in owners:
            found = self._names.member(owner, (name,))
            if found is None:
                types += [owner] if name in _HANDING_ON and dialect_of(owner[0]) else []
                continue
            of_property = self._of_property(found, depth)
            types += of_property
            if not of_property and found.kind == "symbol" and not found.rest:
                types += self._declared(found.file, found.name, depth)
            if found.kind == "binding" and not found.rest:
                declared = self._declared(found.file, found.name, depth)
                types += declared or self._assigned(found.file, found.name, depth)
        return tuple(dict.fromkeys(types))

    def _of_call(self, value: Call, file: FileKey, scope: str, depth: int) -> tuple[SymbolKey, ...]:
        key = (file, scope, value)
        if key not in self._calls:
            self._calls[key] = ()
            self._calls[key] = self._made(value, file, scope, depth)
        return self._calls[key]

    def _made(self, value: Call, file: FileKey, scope: str, depth: int) -> tuple[SymbolKey, ...]:
        types: list[SymbolKey] = []
        for symbol, _ in self._resolve(value.callee, file, scope, depth - 1):
            types += [symbol] if self.sort(symbol) in CLASSES else self._results(symbol, depth)
        last = dotted(value.callee).rpartition(".")[2]
        named = dict(value.named)
        asked = named.get("<0>") if last in _CONTAINER or _is_service(value) else None
        asked = named.get("<1>", named.get("<0>")) if last in _CONVERTS else asked
        if not types and asked is not None:
            types += self._type(file, scope, dotted(asked), depth)
        if not types and last == "Depends" and value.args:
            return self._of_call(Call(value.args[0]), file, scope, depth - 1)
        if not types and dialect_of(file) and (base := _handed_on(value.callee)) is not None:
            return self.of(base, file, scope, depth - 1)
        return tuple(dict.fromkeys(types))

    def _results(self, symbol: SymbolKey, depth: int) -> list[SymbolKey]:
        """What a function returns, found once; functions that return each other's results end at what is known."""
        if symbol in self._answers:
            return self._answers[symbol]
        if depth <= 0 or self._level >= _DEEPEST:
            return []
        self._answers[symbol] = []
        self._level += 1
        file, name = symbol
        types: list[SymbolKey] = list(self._declared(file, f"{name}.return", DEPTH))
        for returned in () if types else self._names.files[file].returns.get(name, ()):
            whole = isinstance(returned, Call) and dotted(returned.callee) == OBJECT
            types += [symbol] if whole else self.of(returned, file, name, DEPTH)  # its inner functions are methods
        self._level -= 1
        self._answers[symbol] = types
        return types


def _handed_on(callee: Value) -> Value | None:
    """What a method is called on that gives its object, its elements or the same collection back."""
    if isinstance(callee, Member):
        return callee.base if callee.name in _HANDING_ON else None
    base, _, name = dotted(callee).rpartition(".")
    return Name(base) if base and name in _HANDING_ON else None


def _is_service(value: Call) -> bool:
    """``provider.GetRequiredService<IOrders>()``: what a container of .NET is asked for, however it is reached."""
    return isinstance(value.callee, Member) and value.callee.name in _CONTAINER
