"""Filters of JSONPath with the well-typedness rules of RFC 9535 §2.4.3, checked when the path is compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.language.errors import SyntaxProblem
from flows.language.jsonpath.functions import FUNCTIONS, Kind
from flows.language.jsonpath.selecting import Query, Test, less, same
from flows.language.values import NOTHING, exact_literal

if TYPE_CHECKING:
    from flows.language.jsonpath.parsing import PathParser

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"(?:-?(?:0|[1-9][0-9]*))(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>")
_WORDS: Mapping[str, object] = {"true": True, "false": False, "null": None}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": same,
    "!=": lambda left, right: not same(left, right),
    "<": less,
    ">": lambda left, right: less(right, left),
    "<=": lambda left, right: less(left, right) or same(left, right),
    ">=": lambda left, right: less(right, left) or same(left, right),
}


class Part(NamedTuple):
    """An operand.

    Args:
        kind: ``value`` (literal or function), ``nodes`` (query), ``logical`` (function).
        run: (current, root) → value, list of values, or boolean.
        singular: for queries.
        literal: written as such.
        at: where.
    """

    kind: Kind
    run: Callable[[Any, Any], Any]
    singular: bool
    literal: bool
    at: int


class FilterParser:
    """Parses one filter, on the path parser's cursor.

    Args:
        paths: the path parser.
    """

    def __init__(self, paths: PathParser) -> None:
        self.paths = paths
        self.cursor = paths.cursor

    def test(self) -> Test:
        """``a && b || c``."""
        return self._joined("||", lambda: self._joined("&&", self._basic, all), any)

    def _joined(self, operator: str, part: Callable[[], Test], combine: Callable[[Any], bool]) -> Test:
        parts = [part()]
        while True:
            self.cursor.skip()
            if not self.cursor.take(operator):
                break
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return lambda node, root: combine(test(node, root) for test in parts)

    def _basic(self) -> Test:
        self.cursor.skip()
        if self.cursor.take("!"):
            self.cursor.skip()
            inner = self._group() if self.cursor.peek() == "(" else self._as_test(self._part())
            return lambda node, root: not inner(node, root)
        if self.cursor.peek() == "(":
            return self._group()
        left = self._part()
        self.cursor.skip()
        operator = self.cursor.match(_OPERATOR)
        if operator is None:
            return self._as_test(left)
        self.cursor.skip()
        right = self._part()
        compare = _COMPARE[operator]
        a, b = self._comparable(left), self._comparable(right)
        return lambda node, root: compare(a(node, root), b(node, root))

    def _group(self) -> Test:
        self.paths.depth += 1
        if self.paths.depth > 40:
            raise self.cursor.problem("filters nested too deep")
        self.cursor.take("(")
        inner = self.test()
        self.cursor.skip()
        if not self.cursor.take(")"):
            raise self.cursor.problem(f"{self.cursor.shown()} stands where ')' is expected")
        self.paths.depth -= 1
        return inner

    def _as_test(self, part: Part) -> Test:
        run = part.run
        if part.kind == "logical":
            return lambda node, root: bool(run(node, root))
        if part.kind == "nodes":
            return lambda node, root: bool(run(node, root))
        raise self.cursor.problem("a value alone is no test; compare it", at=part.at)

    def _comparable(self, part: Part) -> Callable[[Any, Any], Any]:
        if part.kind == "logical":
            raise self.cursor.problem("the result of match() and search() is not compared", at=part.at)
        if part.kind == "value":
            return part.run
        if not part.singular:
            raise self.cursor.problem("only a path that gives one value is compared", at=part.at)
        return _single(part.run)

    def _part(self) -> Part:
        at = self.cursor.at
        character = self.cursor.peek()
        if character in ("$", "@") and character:
            self.cursor.take(character)
            query = self.paths.segments(relative=character == "@")
            return Part("nodes", _selected(query), query.singular, False, at)
        if character in ("'", '"') and character:
            return _constant(self.cursor.string(), at)
        number = self.cursor.match(_NUMBER)
        if number is not None:
            return _constant(exact_literal(number) if number.lstrip("-").isdigit() else _real(number), at)
        word = self.cursor.match(_WORD)
        if word is not None and self.cursor.take("("):
            return self._function(word, at)
        if word in _WORDS and word is not None:
            return _constant(_WORDS[word], at)
        raise self.cursor.problem(f"{self.cursor.shown()} stands where a value, path or test is expected", at=at)

    def _function(self, name: str, at: int) -> Part:
        known = FUNCTIONS.get(name)
        if known is None:
            raise self.cursor.problem(f"unknown function '{name}'", at=at)
        arguments: list[Part] = []
        self.cursor.skip()
        while not self.cursor.take(")"):
            if arguments and not self.cursor.take(","):
                raise self.cursor.problem(f"{self.cursor.shown()} stands where ',' or ')' is expected")
            self.cursor.skip()
            arguments.append(self._part())
            self.cursor.skip()
        if len(arguments) != len(known.parameters):
            count = len(known.parameters)
            raise self.cursor.problem(f"{name}() takes {count} arguments, not {len(arguments)}", at=at)
        runs = [self._argument(part, kind) for part, kind in zip(arguments, known.parameters, strict=True)]
        function = known.run
        return Part(known.result, lambda node, root: function(*[run(node, root) for run in runs]), True, False, at)

    def _argument(self, part: Part, kind: Kind) -> Callable[[Any, Any], Any]:
        if kind == "nodes":
            if part.kind == "nodes":
                return part.run
            raise self.cursor.problem("this function takes a path", at=part.at)
        return self._comparable(part)


def _real(text: str) -> object:
    number = exact_literal(text.removeprefix("-"))
    return -number if text.startswith("-") else number  # type: ignore[operator]


def _constant(value: object, at: int) -> Part:
    return Part("value", lambda node, root: value, True, True, at)


def _selected(query: Query) -> Callable[[Any, Any], Any]:
    return lambda node, root: query.select(root, node)


def _single(run: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def value(node: Any, root: Any) -> Any:
        found = run(node, root)
        return found[0] if found else NOTHING

    return value


__all__ = ["FilterParser", "SyntaxProblem"]
