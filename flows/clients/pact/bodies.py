"""JSON bodies compared with what a contract expects, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flows.clients.pact.matchers import CASCADING, equal, kind_of, mismatch
from flows.clients.pact.paths import best
from flows.clients.pact.reading import rules as read_rules
from flows.clients.pact.records import STAR, Json, Matcher, Rule, Rules, Tokens
from flows.language.values import described

_OF_COLLECTIONS = frozenset({"type", "values", "eachKey", "eachValue", "arrayContains", "equality"})
_DEEP = 100


@dataclass(frozen=True, slots=True)
class Comparison:
    """How bodies are compared.

    Args:
        rules: of the body.
        open: further keys are welcome (responses and messages, not requests).
    """

    rules: Sequence[Rule]
    open: bool = True

    def differences(self, expected: Json, actual: Json, at: Tokens = ()) -> Iterator[str]:
        """What is not as agreed, each with its path.

        Args:
            expected: the contract's example.
            actual: the provider's value.
            at: where.
        """
        rule = best(self.rules, at)
        matchers = () if rule is None else self._counting(rule, at)
        if rule is None or not matchers:
            yield from self._by_equality(expected, actual, at)
            return
        outcomes = [list(self._by(matcher, expected, actual, at, len(rule.path) == len(at))) for matcher in matchers]
        if rule.combine == "OR" and any(not outcome for outcome in outcomes):
            return
        yield from dict.fromkeys(line for outcome in outcomes for line in outcome)

    def _counting(self, rule: Rule, at: Tokens) -> tuple[Matcher, ...]:
        """A rule of a place above counts only where its matcher is about everything below."""
        if len(rule.path) == len(at):
            return rule.matchers
        return tuple(matcher for matcher in rule.matchers if matcher.kind in CASCADING)

    def _by(self, matcher: Matcher, expected: Json, actual: Json, at: Tokens, direct: bool) -> Iterator[str]:
        collection = isinstance(expected, Mapping | list) or isinstance(actual, Mapping | list)
        if not collection or matcher.kind not in _OF_COLLECTIONS:
            problem = mismatch(matcher, expected, actual)
            if problem:
                yield f"{shown(at)}: {problem}"
            return
        if matcher.kind == "equality":
            yield from self._by_equality(expected, actual, at)
        elif kind_of(expected) != kind_of(actual):
            yield f"{shown(at)}: {mismatch(Matcher('type'), expected, actual)}"
        elif isinstance(actual, Mapping):
            yield from self._map(matcher, expected, actual, at)
        else:
            yield from self._list(matcher, expected, actual, at, direct)

    def _by_equality(self, expected: Json, actual: Json, at: Tokens) -> Iterator[str]:
        if len(at) > _DEEP or kind_of(expected) != kind_of(actual):
            yield f"{shown(at)}: expected {described(expected)}, found {described(actual)}"
        elif isinstance(expected, Mapping):
            yield from self._keys(expected, actual, at)
        elif isinstance(expected, list | tuple):
            if len(expected) != len(actual):
                yield f"{shown(at)}: expected {len(expected)} elements, found {len(actual)}"
            for index, (mine, theirs) in enumerate(zip(expected, actual, strict=False)):
                yield from self.differences(mine, theirs, (*at, index))
        elif not equal(expected, actual):
            yield f"{shown(at)}: expected {described(expected)}, found {described(actual)}"

    def _keys(self, expected: Mapping[str, Json], actual: Mapping[str, Json], at: Tokens) -> Iterator[str]:
        for key, value in expected.items():
            if key not in actual:
                yield f"{shown((*at, key))}: missing"
            else:
                yield from self.differences(value, actual[key], (*at, key))
        if not self.open:
            yield from (f"{shown((*at, key))}: not expected" for key in actual if key not in expected)

    def _map(self, matcher: Matcher, expected: Json, actual: Json, at: Tokens) -> Iterator[str]:
        if matcher.kind == "type":
            yield from self._keys(expected, actual, at)
        elif matcher.kind == "eachKey":
            inner = [_matcher(rule) for rule in matcher.more.get("rules") or ()]
            for key in actual:
                problems = [found for one in inner if (found := mismatch(one, key, key))]
                yield from (f"{shown((*at, key))}: key {problem}" for problem in problems)
                if key in expected:
                    yield from self.differences(expected[key], actual[key], (*at, key))
        elif matcher.kind in ("values", "eachValue"):
            example = next(iter(expected.values()), None)
            for key, value in actual.items():
                yield from self._value(matcher, expected.get(key, example), value, (*at, key))
        else:
            yield f"{shown(at)}: expected an array, found an object"

    def _value(self, matcher: Matcher, expected: Json, actual: Json, at: Tokens) -> Iterator[str]:
        """One value of a collection whose keys or number do not matter."""
        inner = tuple(_matcher(rule) for rule in matcher.more.get("rules") or ())
        if not inner:
            yield from Comparison((*self.rules, Rule((*at[:-1], STAR), (Matcher("type"),))), self.open).differences(
                expected, actual, at
            )
            return
        yield from Comparison((*self.rules, Rule(at, inner)), self.open).differences(expected, actual, at)

    def _list(self, matcher: Matcher, expected: Json, actual: Json, at: Tokens, direct: bool) -> Iterator[str]:
        if matcher.kind == "arrayContains":
            yield from self._contains(matcher, expected, actual, at)
            return
        if direct:
            yield from _size(matcher, len(actual), at)
        if not expected:
            return
        for index, value in enumerate(actual):
            example = expected[index] if index < len(expected) else expected[0]
            if matcher.kind == "eachValue":
                yield from self._value(matcher, example, value, (*at, index))
            else:
                yield from self.differences(example, value, (*at, index))

    def _contains(self, matcher: Matcher, expected: Json, actual: Json, at: Tokens) -> Iterator[str]:
        for variant in matcher.more.get("variants") or ():
            index = int(variant.get("index", 0))
            if not 0 <= index < len(expected):
                yield f"{shown(at)}: variant {index} has no example"
                continue
            inner = Comparison(read_rules({"body": variant.get("rules") or {}}, 4).of("body"), self.open)
            if not any(not list(inner.differences(expected[index], value)) for value in actual):
                yield f"{shown(at)}: no element is like variant {index} ({described(expected[index])})"


def _matcher(rule: Mapping[str, Json]) -> Matcher:
    (read,) = Rules({"x": tuple(read_rules({"body": {"$": rule}}, 4).of("body"))}).of("x")
    return read.matchers[0]


def _size(matcher: Matcher, count: int, at: Tokens) -> Iterator[str]:
    least, most = matcher.more.get("min"), matcher.more.get("max")
    if least is not None and count < int(least):
        yield f"{shown(at)}: expected at least {least} elements, found {count}"
    if most is not None and count > int(most):
        yield f"{shown(at)}: expected at most {most} elements, found {count}"


def shown(at: Tokens) -> str:
    """A path as pact files write it.

    Args:
        at: tokens.
    """
    text = "$"
    for token in at:
        text += f"[{token}]" if isinstance(token, int) else f".{token}" if token.isidentifier() else f"['{token}']"
    return text
