"""Values that callers give: a thin wrapper's request is read once per call of the wrapper, three functions deep."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from graph.linking.callgraph import CallGraph, Site
from graph.linking.corpus import SymbolKey
from graph.linking.names import SELVES, dotted, unloaded
from graph.linking.options import NOT_GIVEN, Together, sets_fields
from graph.linking.outcomes import Arguments, Context, Frame, Hole, Instance, Text
from graph.linking.selves import ancestors
from graph.linking.values import Evaluator
from graph.values import Member, Name, Value

_BOUND = 8
_READINGS = 20_000
Results = Sequence[tuple[Text, frozenset[str]]]
Need = Callable[[Sequence[Results]], Sequence[SymbolKey]]


@dataclass(frozen=True, slots=True)
class Reading:
    """The values of one fact as one chain of callers gives them.

    Args:
        results: for each value, every text it may be and the rules used.
        origin: the outermost function whose arguments decided, else the fact's own symbol.
        sites: calls gone through, innermost first.
        built: calls that constructed the client, when their arguments decided.
        constants: module-level constants read.
        keys: environment variables and configuration keys read.
        spare: it holds only where nobody gives the options that set a field.
    """

    results: tuple[Results, ...]
    origin: SymbolKey
    sites: tuple[Site, ...] = ()
    built: tuple[Site, ...] = ()
    constants: frozenset[SymbolKey] = frozenset()
    keys: frozenset[str] = frozenset()
    spare: bool = False


@dataclass(frozen=True, slots=True)
class _Try:
    bound: Mapping[SymbolKey, Arguments]
    origin: SymbolKey
    owner: SymbolKey | None
    sites: tuple[Site, ...] = ()
    built: tuple[Site, ...] = ()
    receiver: SymbolKey | None = None
    spare: bool = False


class Wrappers:
    """Reads values, going to callers where that is needed.

    Args:
        evaluator: evaluates in one frame.
        calls: who calls whom.
        together: options given in one call.
    """

    def __init__(self, evaluator: Evaluator, calls: CallGraph, together: Together) -> None:
        self._evaluator = evaluator
        self._calls = calls
        self._together = together
        self._options: dict[SymbolKey, bool] = {}

    def readings(self, values: Sequence[Value | None], at: SymbolKey, service: str, need: Need) -> list[Reading]:
        """Every reading of some values of one fact.

        Args:
            values: of the fact.
            at: the symbol the fact is in.
            service: whose environment applies.
            need: the functions whose callers must be asked, none when the results will do.
        """
        around = self._class_around(at)
        queue = deque([_Try({}, at, around, receiver=around)])
        made: list[Reading] = []
        while queue:
            if len(made) + len(queue) > _READINGS:
                unread = Text((Hole(f"more than {_READINGS} callers give this value"),))
                return [*made, Reading(tuple([(unread, frozenset())] for _ in values), at)]
            attempt = queue.popleft()
            context = Context(service=service, bound=attempt.bound)
            receiver = attempt.receiver
            owner = Instance(receiver) if receiver is not None and receiver != around else None
            frame = Frame(*at, None, owner)
            results = tuple(self._evaluator.texts(v, frame, context) for v in values)
            further = self._further(attempt, need(results), service)
            if further:
                queue += further
                continue
            constants, keys = frozenset(context.constants), frozenset(context.keys)
            origin, sites, built = attempt.origin, attempt.sites, attempt.built
            made.append(Reading(results, origin, sites, built, constants, keys, attempt.spare))
        return self._used(made)

    def _used(self, made: list[Reading]) -> list[Reading]:
        """Without what would come through a Go function nobody calls, when other callers give the values."""
        found = [tuple([pair for pair in r if not self._dead(pair[0])] for r in reading.results) for reading in made]
        if not any(all(results) for results in found):
            return made
        return [replace(reading, results=r) for reading, r in zip(made, found, strict=True) if all(r)]

    def _dead(self, text: Text) -> bool:
        return any(hole.param is not None and self._uncalled(hole.param) for hole in text.holes)

    def _uncalled(self, function: SymbolKey) -> bool:
        (_, path), name = function
        one_of_many = path.endswith(".cs") and unloaded(name).endswith(".constructor") and unloaded(name) != name
        called = any(site.symbol != function for site in self._calls.callers.get(function, ()))
        return (path.endswith(".go") or one_of_many) and not called

    def _class_around(self, symbol: SymbolKey) -> SymbolKey | None:
        file, name = symbol
        if file not in self._evaluator.names.files:
            return None
        return self._evaluator.names.enclosing_class(file, name)

    def _further(self, attempt: _Try, asked: Sequence[SymbolKey], service: str) -> list[_Try]:
        """One more step towards the callers: first those of the function itself, then those who made its object."""
        if len(attempt.bound) >= _BOUND:
            return []
        for key in sorted(dict.fromkeys(asked), key=lambda k: k != attempt.origin):
            if key in attempt.bound:
                continue
            sites = _direct([site for site in self._calls.callers.get(key, ()) if site.symbol != key], key)
            option = key != attempt.origin and self._option(key)
            sites = [s for s in sites if not option or self._together.fit(s, attempt.built)]
            step = self._through_call if key == attempt.origin else self._through_maker
            tries = [t for site in sites for t in step(attempt, key, site, service)]
            if tries and option:
                tries.append(replace(attempt, bound={**attempt.bound, key: NOT_GIVEN}, spare=True))
            if tries:
                return tries
        return []

    def _option(self, function: SymbolKey) -> bool:
        if function not in self._options:
            self._options[function] = sets_fields(self._evaluator.names, function)
        return self._options[function]

    def _through_call(self, attempt: _Try, key: SymbolKey, site: Site, service: str) -> list[_Try]:
        bound = {**attempt.bound, key: _arguments(site)}
        sites = (*attempt.sites, site)
        tries: list[_Try] = []
        for instance in self._receivers(site, bound, service, self._class_around(key)):
            made = bound | self._constructed(instance)
            narrowed = self._narrowed(attempt.receiver, instance.owner)
            tries.append(_Try(made, site.symbol, instance.owner, sites, attempt.built, narrowed, attempt.spare))
        if tries:
            return tries
        own = site.rule in ("self", "override") and receiver(site.fact.get("callee")) is None
        owner = self._class_around(site.symbol) if own else None
        if owner is not None and attempt.owner is not None and not self._calls.related(owner, attempt.owner):
            return []
        narrowed = self._narrowed(attempt.receiver, owner)
        owner = owner or attempt.owner
        return [_Try(bound, site.symbol, owner, sites, attempt.built, narrowed, attempt.spare)]

    def _narrowed(self, receiver: SymbolKey | None, owner: SymbolKey | None) -> SymbolKey | None:
        """The class of the object a fact's method runs on, once a call tells that it is one below."""
        if receiver is None or owner is None:
            return receiver
        return owner if receiver in ancestors(self._evaluator.names, owner) else receiver

    def _through_maker(self, attempt: _Try, key: SymbolKey, site: Site, service: str) -> list[_Try]:
        owner = site.owner or (self._class_around(site.symbol) if site.rule == "super" else None)
        if owner is not None and attempt.owner is not None and not self._calls.related(owner, attempt.owner):
            return []
        bound = {**attempt.bound, key: _arguments(site)}
        built = (*attempt.built, site)
        return [replace(attempt, bound=bound, built=built)]

    def _receivers(
        self, site: Site, bound: Mapping[SymbolKey, Arguments], service: str, around: SymbolKey | None
    ) -> list[Instance]:
        """The objects a method is called on, when it is known how they were made."""
        value = receiver(site.fact.get("callee"))
        if value is None or site.rule in ("super", "constructor"):
            return []
        context = Context(service=service, bound=bound)
        things = [o.thing for o in self._evaluator.evaluate(value, Frame(*site.symbol), context)]
        objects = [thing for thing in things if isinstance(thing, Instance)]
        return [thing for thing in objects if thing.arguments is not None or self._below(thing.owner, around)]

    def _below(self, owner: SymbolKey, around: SymbolKey | None) -> bool:
        return (
            around is not None
            and owner not in self._evaluator.names.extended
            and around in ancestors(self._evaluator.names, owner)
        )

    def _constructed(self, instance: Instance) -> dict[SymbolKey, Arguments]:
        if instance.arguments is None:
            return {}
        made = {instance.owner: instance.arguments}
        for name in ("__init__", "constructor"):
            found = self._evaluator.names.member(instance.owner, (name,))
            if found is not None and found.kind == "symbol":
                made[found.file, found.name] = instance.arguments
        return made


def _direct(sites: list[Site], key: SymbolKey) -> list[Site]:
    """The calls through an interface without those that its decorators pass on, when others make it themselves."""
    name = key[1].rpartition(".")[2]
    through = [s for s in sites if s.rule != "override" or s.symbol[1].rpartition(".")[2] != name]
    return through or sites


def _arguments(site: Site) -> Arguments:
    args, named = site.fact.get("args", ()) or (), site.fact.get("named", ()) or ()
    return Arguments(tuple(args), tuple(named), Frame(*site.symbol))


def receiver(callee: Value | None) -> Value | None:
    """What a method is called on, None for a plain function and for ``self``.

    Args:
        callee: of a call fact.
    """
    if isinstance(callee, Name):
        base = callee.name.rpartition(".")[0]
        return Name(base) if base and base not in SELVES else None
    if isinstance(callee, Member):
        return None if dotted(callee.base) in SELVES else callee.base
    return None


def all_params(results: Results) -> list[SymbolKey]:
    """The functions whose callers give parts of some texts.

    Args:
        results: of one value.
    """
    return [hole.param for text, _ in results for hole in text.holes if hole.param is not None]
