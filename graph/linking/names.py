"""What a name written in a file stands for: scope outwards, then imports, re-exports and base classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from graph.linking.corpus import Corpus, FileIndex, FileKey, SymbolKey
from graph.linking.modules import Modules
from graph.linking.packages import Packages, dialect_of
from graph.values import Member, Name, Value

_DEPTH = 8
SELVES = frozenset({"self", "cls", "this"})
CLASSES = frozenset({"class", "interface"})
_IMPLICIT = frozenset({"java", "csharp"})
FoundKind = Literal["binding", "symbol", "module", "foreign"]


@dataclass(frozen=True, slots=True)
class Found:
    """A definition.

    Args:
        kind: binding, symbol, module, or foreign (outside the scanned code).
        file: where it is defined; the file of the mention when foreign.
        name: qualified name there; dotted external name when foreign.
        rest: what was written behind it.
    """

    kind: FoundKind
    file: FileKey
    name: str
    rest: tuple[str, ...] = ()


Dotted: TypeAlias = tuple[str, ...]


class Names:
    """Looks names up across files.

    Args:
        corpus: the facts.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.files = corpus.files
        self.modules = Modules(corpus.files, corpus.of("root"))
        self.packages = Packages(corpus)
        self._cache: dict[tuple[FileKey, str, str], Found | None] = {}
        self._members: dict[tuple[SymbolKey, Dotted], Found | None] = {}
        self._bases: dict[SymbolKey, tuple[SymbolKey, ...]] = {}

    def forget(self) -> None:
        """Let go of every name looked up so far."""
        self._cache.clear()
        self._members.clear()

    def find(self, file: FileKey, scope: str, dotted: str) -> Found | None:
        """What `dotted` means in `scope` of `file`, or None.

        Args:
            file: where it is written.
            scope: symbol it is written in.
            dotted: the name.
        """
        key = (file, scope, dotted)
        if key not in self._cache:
            self._cache[key] = self._find(file, scope, tuple(dotted.split(".")), _DEPTH)
        return self._cache[key]

    def _find(self, file: FileKey, scope: str, parts: Dotted, depth: int) -> Found | None:
        index = self.files.get(file)
        if index is None or depth <= 0:
            return None
        if parts[0] in SELVES:
            owner = self.enclosing_class(file, scope)
            if owner is not None and len(parts) == 1:
                return Found("symbol", *owner)
            return self.member(owner, parts[1:], depth) if owner is not None else None
        dialect = dialect_of(file)
        around = _around_go(index, scope) if dialect == "go" else _outwards(index, scope, whole=dialect in _IMPLICIT)
        for prefix in around:
            found = _here(index, file, prefix, parts)
            if found is None and prefix and dialect in _IMPLICIT:
                found = self._inherited(file, index, prefix[:-1], parts)
            if found is not None:
                return self._whole(found)
        found = self._imported(file, index, parts, depth)
        if found is not None or not dialect:
            return found
        place = self.packages.visible(file, parts)
        return self._placed(place) if place is not None else None

    def _placed(self, place: tuple[FileKey, Dotted]) -> Found | None:
        file, parts = place
        found = _here(self.files[file], file, "", parts)
        return self._whole(found) if found is not None else None

    def _whole(self, found: Found) -> Found:
        """A class that is spread over files is known by one of them."""
        parts = self.packages.parts.get((found.file, found.name)) if found.kind == "symbol" else None
        return Found("symbol", parts[0], found.name, found.rest) if parts else found

    def _inherited(self, file: FileKey, index: FileIndex, scope: str, parts: Dotted) -> Found | None:
        """A member that a class has from above or from its other files, written without ``this``."""
        fact = index.symbols.get(scope)
        if fact is None or fact.get("sort") not in CLASSES:
            return None
        if not fact.get("bases") and (file, scope) not in self.packages.parts:
            return None
        return self.member((file, scope), parts)

    def type_of(self, file: FileKey, scope: str, name: str) -> Found | None:
        """What a name means where a type is written: a field of that name is passed over.

        Args:
            file: where it is written.
            scope: symbol it is written in.
            name: the type's name.
        """
        found = self.find(file, scope, name)
        return self.find(file, "", name) if scope and found is not None and found.kind == "binding" else found

    def enclosing_class(self, file: FileKey, scope: str) -> SymbolKey | None:
        """The innermost class around a scope, or None.

        Args:
            file: the file.
            scope: qualified symbol.
        """
        symbols = self.files[file].symbols
        while scope:
            fact = symbols.get(scope)
            if fact is not None and fact.get("sort") in CLASSES:
                parts = self.packages.parts.get((file, scope))
                return (parts[0], scope) if parts else (file, scope)
            if fact is None and (file, scope) in self.packages.parts:
                return self.packages.parts[file, scope][0], scope
            scope = scope.rpartition(".")[0]
        return None

    @cached_property
    def extended(self) -> frozenset[SymbolKey]:
        """Classes and interfaces of ours that others of ours extend or implement."""
        return frozenset(
            base
            for file, index in self.files.items()
            for name, fact in index.symbols.items()
            if fact.get("bases") and fact.get("sort") in CLASSES
            for base in self.bases((file, name))
        )

    @cached_property
    def scattered(self) -> Mapping[tuple[SymbolKey, str], list[tuple[FileKey, str]]]:
        """Assignments to members of a class that other files than its own make, by class and member."""
        found: dict[tuple[SymbolKey, str], list[tuple[FileKey, str]]] = defaultdict(list)
        for file, index in self.files.items():
            is_go = file[1].endswith(".go")
            for target in index.bindings if is_go or dialect_of(file) else ():
                head, dot, member = target.partition(".")
                if is_go and target.count(".") == 2 and head in index.imports:
                    head, _, member = target.rpartition(".")
                elif not dot or not (is_go or head[:1].isupper()) or ("." in member and is_go):
                    continue
                if head not in index.symbols:
                    owner = self.find(file, "", head)
                    if owner is not None and owner.kind == "symbol" and not owner.rest and owner.file != file:
                        found[(owner.file, owner.name), member].append((file, target))
        return found

    def overload(self, symbol: SymbolKey, count: int, caller: SymbolKey | None = None) -> SymbolKey:
        """The overload of a symbol that takes so many arguments, the symbol itself when none is known to.

        Args:
            symbol: any of its overloads.
            count: arguments given.
            caller: who calls it; a constructor never calls itself.
        """
        file, name = symbol
        symbols = self.files[file].symbols
        base = unloaded(name)
        every = self.files[file].overloads.get(base)
        if not every:
            return symbol
        candidates = [c for c in (base, *sorted(every)) if c in symbols]
        fitting = [c for c in candidates if len(symbols[c].get("params", ()) or ()) == count or c == f"{base}/{count}"]
        if caller is not None and base.endswith("constructor"):
            fitting = [c for c in fitting if (file, c) != caller]
        return file, (fitting or candidates)[0]

    def member(self, owner: SymbolKey, parts: Dotted, depth: int = _DEPTH) -> Found | None:
        """An attribute or method of a class, its bases included.

        Args:
            owner: the class.
            parts: attribute path.
            depth: how many bases up.
        """
        key = (owner, parts)
        if key in self._members:
            return self._members[key]
        if depth <= 0 or not parts or owner[0] not in self.files:
            return None
        self._members[key] = found = self._member(owner, parts, depth)
        return found

    def _member(self, owner: SymbolKey, parts: Dotted, depth: int) -> Found | None:
        found = self.own(owner, *parts)
        if found is not None:
            return found
        for base in self.bases(owner):
            found = self.member(base, parts, depth - 1)
            if found is not None:
                return found
        return None

    def own(self, owner: SymbolKey, *parts: str) -> Found | None:
        """An attribute or method a class defines itself, in any of its files.

        Args:
            owner: the class.
            parts: attribute path.
        """
        file, name = owner
        for part in self.packages.parts.get(owner, (file,)):
            found = _here(self.files[part], part, f"{name}.", parts)
            if found is not None:
                return found
        return None

    def bases(self, owner: SymbolKey) -> tuple[SymbolKey, ...]:
        """The classes of ours a class extends, as written.

        Args:
            owner: the class.
        """
        if owner not in self._bases:
            self._bases[owner] = ()
            self._bases[owner] = tuple(self._bases_of(*owner))
        return self._bases[owner]

    def _bases_of(self, file: FileKey, name: str) -> Iterator[SymbolKey]:
        for part in self.packages.parts.get((file, name), (file,)):
            fact = self.files[part].symbols.get(name)
            for base in fact.get("bases", ()) if fact is not None else ():
                found = self.type_of(part, name.rpartition(".")[0], base)
                if found is None or found.kind != "symbol" or found.rest:
                    continue
                if (found.file, found.name) not in ((file, name), (part, name)):
                    yield found.file, found.name

    def _imported(self, file: FileKey, index: FileIndex, parts: Dotted, depth: int) -> Found | None:
        packaged = bool(dialect_of(file))
        for count in range(len(parts), 0, -1):
            pairs = index.imports.get(".".join(parts[:count]))
            for pair in pairs or ():
                through = self._packaged if packaged else self._through
                found = through(file, pair, parts[count:], depth)
                if found is not None:
                    return found
        for module in () if packaged else index.stars:
            target = self.modules.find(file, module)
            found = self._find(target, "", parts, depth - 1) if target else None
            if found is not None and found.kind != "foreign":
                return found
        return None

    def _packaged(self, file: FileKey, source: tuple[str, str], rest: Dotted, depth: int) -> Found | None:
        place = self.packages.imported(file, source, rest)
        if place is not None:
            return self._placed(place)
        known = self.packages.files_of(file, source[0]) if file[1].endswith(".go") and not rest else ()
        if known:
            return Found("module", known[0], "")
        return Found("foreign", file, ".".join(p for p in (*source, *rest) if p and p != "*")) if depth else None

    def _through(self, file: FileKey, source: tuple[str, str], rest: Dotted, depth: int) -> Found | None:
        module, name = source
        target = self.modules.find(file, module)
        if target is None:
            inner = self.modules.find(file, _submodule(module, name)) if name else None
            if inner is not None:
                return self._in_module(inner, rest, depth)
            return Found("foreign", file, ".".join(p for p in (module, name, *rest) if p and p != "default"))
        if not name or name == "*":
            return self._in_module(target, rest, depth)
        if name == "default":
            return self._default(target, rest, depth)
        found = self._find(target, "", (name, *rest), depth - 1)
        if found is not None:
            return found
        inner = self.modules.find(file, _submodule(module, name))
        return self._in_module(inner, rest, depth) if inner else None

    def _default(self, target: FileKey, rest: Dotted, depth: int) -> Found | None:
        index = self.files[target]
        if rest and (found := _here(index, target, "default.", rest) or _here(index, target, "", rest)) is not None:
            return found
        for binding in index.bindings.get("default", ()):
            name = dotted(binding.value)
            if name and name != "default" and (found := self._find(target, "", (*name.split("."), *rest), depth - 1)):
                return found
        if "default" in index.bindings or "default" in index.symbols:
            return _here(index, target, "", ("default", *rest))
        return self._in_module(target, rest, depth)

    def _in_module(self, target: FileKey, rest: Dotted, depth: int) -> Found | None:
        if not rest:
            return Found("module", target, "")
        found = self._find(target, "", rest, depth - 1)
        if found is not None:
            return found
        inner = self.modules.find(target, "." + rest[0]) if target[1].endswith("__init__.py") else None
        return self._in_module(inner, rest[1:], depth - 1) if inner else None


def unloaded(name: str) -> str:
    """A symbol's name without what tells its overloads apart.

    Args:
        name: ``Order.find``, ``Order.find/2`` or ``Order.find/2:String,int``.
    """
    base, slash, arity = name.partition("/")
    return base if slash and arity.partition(":")[0].isdigit() else name


def _submodule(module: str, name: str) -> str:
    return f"{module}{name}" if module.endswith(".") else f"{module}.{name}"


def _outwards(index: FileIndex, scope: str, *, whole: bool = False) -> Iterator[str]:
    """The scopes a name may be defined in; a class's own names are seen by its methods only where the language says."""
    start = scope
    while scope:
        fact = index.symbols.get(scope)
        if whole or scope == start or fact is None or fact.get("sort") != "class":
            yield f"{scope}."
        scope = scope.rpartition(".")[0]
    yield ""


def _around_go(index: FileIndex, scope: str) -> Iterator[str]:
    """Functions outwards; fields and methods of a type are never seen without what they belong to."""
    inner = ""
    while scope:
        fact = index.symbols.get(scope)
        below = index.symbols.get(inner)
        method = fact is None and below is not None and below.get("sort") == "method"
        if not method and (fact is None or fact.get("sort") not in CLASSES):
            yield f"{scope}."
        inner, scope = scope, scope.rpartition(".")[0]
    yield ""


def _here(index: FileIndex, file: FileKey, prefix: str, parts: Dotted) -> Found | None:
    for count in range(len(parts), 0, -1):
        name = prefix + ".".join(parts[:count])
        fact = index.symbols.get(name) if name else None
        if count < len(parts) and fact is not None and fact.get("sort") == "method" and _held(index, name):
            return Found("binding", file, name, parts[count:])
        if fact is None and name in index.overloads:
            return Found("symbol", file, min(index.overloads[name]), parts[count:])
        if fact is not None and fact.get("sort") != "constant":
            return Found("symbol", file, name, parts[count:])
        if fact is not None or name in index.bindings or name in index.typed:
            return Found("binding", file, name, parts[count:])
    return None


def _held(index: FileIndex, name: str) -> bool:
    """Whether a field has the name of a method, too: with something behind it the field is meant."""
    return name in index.typed or name in index.bindings


def dotted(value: Value | None) -> str:
    """A Value as a dotted name when it is one (``Member(Name("a"), "b")`` is ``a.b``), else empty.

    Args:
        value: any Value.
    """
    if isinstance(value, Name):
        return value.name
    if isinstance(value, Member):
        base = dotted(value.base)
        return f"{base}.{value.name}" if base else ""
    return ""
