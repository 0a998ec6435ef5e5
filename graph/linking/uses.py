"""What a name that is computed once and used later depends on: tables of functions, instances, listeners, patches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from posixpath import dirname, normpath, splitext

from graph.linking.callgraph import given
from graph.linking.corpus import Binding, FileKey, Placed, SymbolKey
from graph.linking.names import Found, dotted
from graph.linking.state import Linking
from graph.schema import Evidence, Resolution, Status
from graph.values import Call, Choice, Concat, Format, Lit, Member, Name, Param, Value

VALUE, REGISTERED, WRAPPED = "value of a name", "registered on it", "runs around it"
PATCHED, PICKED, KEPT = "replaced by", "picked by name", "kept in a field"
_MOST = 200
MEDIATOR = "<mediator>"
_CODE = ("function", "method", "class", "interface")
_IMPORTS = ("importlib.import_module", "import_module", "__import__", "import", "require")


def uses(state: Linking) -> None:
    """CALLS edges through what module code made: from its users to it, and from it to what it was made of.

    Args:
        state: the link run.
    """
    found = _Uses(state)
    parts = (found.values, found.users, found.members, found.registered, found.wrapped, found.patched, found.picked)
    for part in (*parts, found.around):
        part()


class _Uses:
    def __init__(self, state: Linking) -> None:
        self._state = state
        self._names = state.names
        self._doors = {edge[2][1] for edge in state.builder.edges if edge[0] == "HANDLED_BY" and edge[2][0] == "Symbol"}

    def values(self) -> None:
        """A constant depends on what its value names."""
        for file, index in self._names.files.items():
            for target, bindings in index.bindings.items():
                owner = self._constant(file, target)
                around = self._names.enclosing_class(file, target) if owner is not None else None
                for binding in bindings if owner is not None else ():
                    scope = binding.scope or (around[1] if around is not None else "")
                    for name in mentioned(binding.value):
                        self._edge(owner, self._target(file, scope, name), VALUE, (file, binding.line))

    def users(self) -> None:
        """Whoever calls something on a constant uses it; functions say which others they use by `use` facts."""
        for placed in self._state.corpus.of("call"):
            name = _innermost(placed.fact.get("callee"))
            if placed.symbol[1] and name:
                found = self._names.find(*placed.symbol, name)
                if found is not None and found.kind == "binding":
                    owner = self._constant(found.file, found.name)
                    self._edge(placed.symbol, owner or self._holder(found, placed.symbol), "use", _place(placed))
                    for kept in self._kept(found) if owner is None and not found.rest else ():
                        self._edge(placed.symbol, kept, KEPT, _place(placed), "candidate")

    def _kept(self, found: Found) -> Iterator[SymbolKey]:
        """Functions that a field holds and that are called through it, also when its constructor was given them."""
        for binding in self._bindings(found):
            for file, scope, value in self._said(found.file, binding):
                for name in mentioned(value) if isinstance(value, Name | Member | Choice) else ():
                    target = self._target(file, scope, name)
                    if target is not None and self._sort(target) in ("function", "method"):
                        yield target

    def _said(self, file: FileKey, binding: Binding) -> Iterator[tuple[FileKey, str, Value]]:
        if not isinstance(binding.value, Param):
            yield file, binding.scope, binding.value
            return
        for site in self._state.calls.callers.get((file, binding.scope), ())[:_MOST]:
            args, named = given(site.fact)
            where = binding.value.index
            value = args[where] if where < len(args) else dict(named).get(binding.value.name)
            if value is not None:
                yield (*site.symbol, value)

    def members(self) -> None:
        """A value kept by a class (``Limits.size``) belongs to the class."""
        for placed in self._state.corpus.of("use"):
            found = self._names.find(*placed.symbol, placed.fact.get("name", "") or "")
            if found is None or found.kind != "binding" or self._constant(found.file, found.name) is not None:
                continue
            self._edge(placed.symbol, self._holder(found, placed.symbol), "use", _place(placed))

    def _holder(self, found: Found, user: SymbolKey) -> SymbolKey | None:
        """The class that keeps a value somebody outside of it uses."""
        name = found.name.rpartition(".")[0]
        owner = self._names.enclosing_class(found.file, name)
        inside = owner is not None and user[0] == owner[0] and f"{user[1]}.".startswith(f"{owner[1]}.")
        return owner if owner is not None and owner[1] == name and not inside else None

    def registered(self) -> None:
        """Functions that module code hands to a constant: listeners, middleware; handlers have doors of their own."""
        for placed in self._state.corpus.of("call"):
            name = _innermost(placed.fact.get("callee"))
            found = self._names.find(*placed.symbol, name) if name and not placed.symbol[1] else None
            if found is None or found.kind != "binding" or not found.rest:
                continue
            owner = self._constant(found.file, found.name)
            for handed in self._handed(placed) if owner is not None else ():
                self._edge(owner, handed, REGISTERED, _place(placed), "candidate")

    def _handed(self, placed: Placed) -> Iterator[SymbolKey]:
        values = [*(placed.fact.get("args") or ()), *(v for _, v in placed.fact.get("named") or ())]
        for value in values:
            for name in mentioned(value):
                target = self._target(*placed.symbol, name)
                if target is not None and (*target[0], target[1]) not in self._doors and self._sort(target) in _CODE:
                    yield target

    def wrapped(self) -> None:
        """What runs around a handler: functions handed over beside it, and functions it is handed to."""
        handlers = {
            (placed.file, placed.fact.at.line): placed.fact.get("handler", "") or ""
            for placed in self._state.corpus.of("endpoint")
        }
        for placed in self._state.corpus.of("call"):
            handler = self._handler(placed, handlers.get((placed.file, placed.fact.at.line), ""))
            if handler is None:
                continue
            callee = self._state.calls.resolve(placed.fact.get("callee"), *placed.symbol)
            for around in (*self._handed(placed), *(symbol for symbol, _ in callee)):
                self._edge(handler, around, WRAPPED, _place(placed))

    def around(self) -> None:
        """What ``around`` facts say runs whenever something else does: filters, message handlers, aspects."""
        for placed in self._state.corpus.of("around"):
            running = self._whole(self._target(*placed.symbol, placed.fact.get("runs", "") or ""))
            for one in self._surrounded(placed) if running else ():
                for part in running:
                    self._edge(one, part, WRAPPED, _place(placed))

    def _surrounded(self, placed: Placed) -> list[SymbolKey]:
        """What something runs around: a function, a class, an event, all operations, whoever asks a mediator."""
        what, owners = placed.fact.get("what", "") or "", set(self._state.owners(placed.file))
        if not what:
            handled = [e for e in self._state.builder.edges if e[0] == "HANDLED_BY" and e[2][0] == "Symbol"]
            return [((e[2][1][0], e[2][1][1]), e[2][1][2]) for e in handled if e[1][1][0] in owners]
        if what == MEDIATOR:
            asked = [p for p in self._state.corpus.of("call") if _is_handled(p.fact.get("callee"))]
            return [p.symbol for p in asked if owners & set(self._state.owners(p.file))]
        target = self._target(*placed.symbol, what)
        base, _, last = what.rpartition(".")
        for owner in self._state.calls.types.of(Name(base), *placed.symbol) if base and target is None else ():
            member = self._names.member(owner, (last,))
            if member is not None:
                key = member.file, member.name
                target = key if member.kind == "symbol" else self._constant(*key)
        return self._whole(target)

    def _whole(self, symbol: SymbolKey | None) -> list[SymbolKey]:
        """A function itself; a class and its functions."""
        if symbol is None or self._sort(symbol) not in ("class", "interface"):
            return [symbol] if symbol is not None else []
        inside = f"{symbol[1]}."
        return [symbol, *((symbol[0], n) for n in self._names.files[symbol[0]].symbols if n.startswith(inside))]

    def _handler(self, placed: Placed, named: str) -> SymbolKey | None:
        """The one handler a call registers or wraps, None when it names none or several."""
        values = placed.fact.get("args") or ()
        targets = [self._target(*placed.symbol, dotted(v)) for v in values if isinstance(v, Name | Member)]
        found = {t for t in targets if t is not None and (*t[0], t[1]) in self._doors}
        if not found and named and named in self._names.files[placed.file].symbols:
            found = {(placed.file, named)}
        return found.pop() if len(found) == 1 else None

    def patched(self) -> None:
        """An attribute of something imported that module code replaces: ``Client.rate = patched``."""
        for file, index in self._names.files.items():
            for target, bindings in index.bindings.items():
                owner, _, method = target.replace(".prototype.", ".").rpartition(".")
                found = self._names.find(file, "", owner) if owner and target not in index.symbols else None
                victim = self._victim(found, method)
                for binding in bindings if victim is not None and victim[0] != file else ():
                    for name in mentioned(binding.value):
                        place = file, binding.line
                        self._edge(victim, self._target(file, binding.scope, name), PATCHED, place, "candidate")

    def _victim(self, found: Found | None, method: str) -> SymbolKey | None:
        if found is None or found.rest:
            return None
        if found.kind == "symbol":
            member = self._names.member((found.file, found.name), (method,))
            return (member.file, member.name) if member is not None and member.kind == "symbol" else None
        key = found.file, method
        return key if found.kind == "module" and method in self._names.files[found.file].symbols else None

    def picked(self) -> None:
        """What code picks at run time by a name of which it says a part: ``getattr``, computed imports."""
        for placed in self._state.corpus.of("call"):
            callee = placed.fact.get("callee")
            for target in (*self._methods(placed, callee), *self._modules(placed, callee)):
                self._edge(placed.symbol, target, PICKED, _place(placed), "candidate")

    def _methods(self, placed: Placed, callee: Value | None) -> Iterator[SymbolKey]:
        if not isinstance(callee, Call) or dotted(callee.callee) != "getattr" or len(callee.args) < 2:
            return
        pattern = _pattern(callee.args[1])
        if pattern is None:
            return
        for owner in self._state.calls.types.of(callee.args[0], *placed.symbol):
            for name in self._names.files[owner[0]].symbols:
                if name.startswith(f"{owner[1]}.") and pattern.fullmatch(name.rpartition(".")[2]):
                    yield owner[0], name

    def _modules(self, placed: Placed, callee: Value | None) -> Iterator[SymbolKey]:
        if not isinstance(callee, Name | Member):
            return
        holder, _, wanted = dotted(callee).rpartition(".")
        found = self._names.find(*placed.symbol, holder) if holder else None
        for binding in self._bindings(found):
            value = binding.value
            if isinstance(value, Call) and dotted(value.callee) in _IMPORTS and value.args:
                for file in self._files(placed.file, value.args[0]):
                    if wanted in self._names.files[file].symbols:
                        yield file, wanted

    def _bindings(self, found: Found | None) -> Iterable[Binding]:
        if found is None or found.kind != "binding":
            return ()
        return self._names.files[found.file].bindings.get(found.name, ())

    def _files(self, here: FileKey, value: Value) -> Iterator[FileKey]:
        pattern = _pattern(value)
        if pattern is None:
            return
        for file in self._names.files:
            if file[0] == here[0] and file != here and _is_module(file[1], here[1], pattern):
                yield file

    def _target(self, file: FileKey, scope: str, name: str) -> SymbolKey | None:
        found = self._names.find(file, scope, name)
        if found is None or found.kind not in ("symbol", "binding"):
            return None
        if found.kind == "binding":
            return self._constant(found.file, found.name)
        if not found.rest:
            return found.file, found.name
        member = self._names.member((found.file, found.name), found.rest)
        return (
            (member.file, member.name)
            if member is not None and member.kind == "symbol" and not member.rest
            else (found.file, found.name)
        )

    def _constant(self, file: FileKey, name: str) -> SymbolKey | None:
        """The constant a bound name is, or is a part of."""
        symbols = self._names.files[file].symbols
        while name:
            fact = symbols.get(name)
            if fact is not None:
                return (file, name) if fact.get("sort") == "constant" else None
            name = name.rpartition(".")[0]
        return None

    def _sort(self, symbol: SymbolKey) -> str:
        fact = self._names.files[symbol[0]].symbols.get(symbol[1])
        return str(fact.get("sort", "")) if fact is not None else ""

    def _edge(
        self,
        source: SymbolKey | None,
        target: SymbolKey | None,
        rule: str,
        place: tuple[FileKey, int],
        status: Status = "resolved",
    ) -> None:
        if source is None or target is None or source == target:
            return
        (repository, path), line = place
        evidence = [Evidence("code", rule, path, line, repository, self._state.corpus.commits[repository])]
        ends = (self._state.symbol(source, evidence), self._state.symbol(target, evidence))
        self._state.builder.edge("CALLS", ends, Resolution(status, rule), evidence)


def mentioned(value: Value | None) -> list[str]:
    """The dotted names a value mentions, of the first so many parts.

    Args:
        value: any Value.
    """
    found: dict[str, None] = {}
    queue: list[Value | None] = [value]
    for _ in range(_MOST):
        if not queue:
            break
        one = queue.pop(0)
        name = dotted(one)
        if name:
            found[name] = None
        elif one is not None:
            queue += _parts(one)
    return list(found)


def _parts(value: Value) -> list[Value | None]:
    if isinstance(value, Call):
        return [value.callee, *value.args, *(v for _, v in value.named)]
    if isinstance(value, Member):
        return [value.base]
    if isinstance(value, Concat):
        return list(value.parts)
    if isinstance(value, Format):
        return [*value.args, *(v for _, v in value.named)]
    return list(value.options) if isinstance(value, Choice) else []


def _innermost(callee: Value | None) -> str:
    """The name a chain of calls starts at: ``app`` of ``app.group("/x").get``."""
    for _ in range(_MOST):
        name = dotted(callee)
        if name or callee is None:
            return name
        callee = callee.callee if isinstance(callee, Call) else callee.base if isinstance(callee, Member) else None
    return ""


def _pattern(value: Value) -> re.Pattern[str] | None:
    """A pattern of what a text may be, when at least a part of it is known."""
    parts = value.parts if isinstance(value, Concat) else (value,)
    if isinstance(value, Format):
        parts = tuple(Lit(p) if p is not None else Name("?") for p in _pieces(value.template))
    known = [p.value for p in parts if isinstance(p, Lit) and isinstance(p.value, str)]
    if not "".join(known).strip("./"):
        return None
    text = "".join(re.escape(p.value) if isinstance(p, Lit) and isinstance(p.value, str) else "[^./]+" for p in parts)
    return re.compile(text)


def _pieces(template: str) -> Iterator[str | None]:
    for number, piece in enumerate(re.split(r"(\{[^{}]*\}|%[sd])", template)):
        if piece:
            yield None if number % 2 else piece


def _is_module(path: str, here: str, pattern: re.Pattern[str]) -> bool:
    stem = splitext(path)[0].removesuffix("/__init__").removesuffix("/index")
    if path.endswith(".py"):
        name = stem.replace("/", ".")
        return any(pattern.fullmatch(name[start:]) for start in (0, *(m.end() for m in re.finditer(r"\.", name))))
    text = pattern.pattern
    if not text.startswith((r"\./", r"\.\./", r"\.")):
        return False
    folder = dirname(here)
    relative = normpath(stem) if not folder else stem.removeprefix(f"{folder}/")
    return relative != stem and re.fullmatch(text.removeprefix(r"\./").removeprefix("./"), relative) is not None


def _is_handled(callee: Value | None) -> bool:
    """Whether a call is one that a mediator hands to the handler of what it is given."""
    return isinstance(callee, Member) and callee.name == "Handle" and not isinstance(callee.base, Name)


def _place(placed: Placed) -> tuple[FileKey, int]:
    return placed.file, placed.fact.at.line
