"""Values that callers give: a thin wrapper's request is read once per call of the wrapper, three functions deep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from graph.linking.callgraph import CallGraph, Site
from graph.linking.corpus import SymbolKey
from graph.linking.outcomes import Arguments, Context, Frame, Text
from graph.linking.values import Evaluator
from graph.values import Value

_FUNCTIONS = 4
_READINGS = 256
Results = Sequence[tuple[Text, frozenset[str]]]
Need = Callable[[Sequence[Results]], SymbolKey | None]


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
    """

    results: tuple[Results, ...]
    origin: SymbolKey
    sites: tuple[Site, ...] = ()
    built: tuple[Site, ...] = ()
    constants: frozenset[SymbolKey] = frozenset()
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Try:
    bound: Mapping[SymbolKey, Arguments]
    origin: SymbolKey
    sites: tuple[Site, ...] = ()
    built: tuple[Site, ...] = ()


class Wrappers:
    """Reads values, going to callers where that is needed.

    Args:
        evaluator: evaluates in one frame.
        calls: who calls whom.
    """

    def __init__(self, evaluator: Evaluator, calls: CallGraph) -> None:
        self._evaluator = evaluator
        self._calls = calls

    def readings(self, values: Sequence[Value | None], at: SymbolKey, service: str, need: Need) -> list[Reading]:
        """Every reading of some values of one fact.

        Args:
            values: of the fact.
            at: the symbol the fact is in.
            service: whose environment applies.
            need: the function whose callers must be asked, or None when the results will do.
        """
        queue = [_Try({}, at)]
        made: list[Reading] = []
        while queue and len(made) < _READINGS:
            attempt = queue.pop(0)
            context = Context(service=service, bound=attempt.bound)
            frame = Frame(*at)
            results = tuple(self._evaluator.texts(v, frame, context) for v in values)
            asked = need(results)
            further = self._further(attempt, asked)
            if further:
                queue += further
                continue
            made.append(
                Reading(
                    results,
                    attempt.origin,
                    attempt.sites,
                    attempt.built,
                    frozenset(context.constants),
                    frozenset(context.keys),
                )
            )
        return made

    def _further(self, attempt: _Try, asked: SymbolKey | None) -> list[_Try]:
        if asked is None or asked in attempt.bound or len(attempt.bound) >= _FUNCTIONS:
            return []
        tries: list[_Try] = []
        for site in self._calls.callers.get(asked, ())[:_READINGS]:
            if site.symbol == asked:
                continue
            arguments = Arguments(
                tuple(site.fact.get("args", ()) or ()), tuple(site.fact.get("named", ()) or ()), Frame(*site.symbol)
            )
            bound = {**attempt.bound, asked: arguments}
            if asked == attempt.origin:
                tries.append(_Try(bound, site.symbol, (*attempt.sites, site), attempt.built))
            else:
                tries.append(_Try(bound, attempt.origin, attempt.sites, (*attempt.built, site)))
        return tries


def first_param(results: Results) -> SymbolKey | None:
    """The function whose callers give a part of some texts, if any.

    Args:
        results: of one value.
    """
    return next((hole.param for text, _ in results for hole in text.holes if hole.param is not None), None)
