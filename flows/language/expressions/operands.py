"""Operands: literals, names and what may follow them, calls, lists, maps and embedded templates."""

from __future__ import annotations

from collections.abc import Sequence

from flows.language.closest import closest
from flows.language.errors import SyntaxProblem, TooMuch
from flows.language.expressions import tree as t
from flows.language.expressions.lexer import Token
from flows.language.expressions.pieces import pieces
from flows.language.expressions.words import ARITY, CLOSURES, CONSTANTS, FUNCTIONS, METHODS
from flows.language.values import MAX_DIGITS, exact_literal

_TEXT_ARGUMENTS = frozenset(["text", "path", "secret"])


class OperandParser:
    """The part of the parser below operators.

    Args:
        tokens: an ``end`` token last.
        ids: step ids that contain hyphens.
    """

    def __init__(self, tokens: list[Token], ids: frozenset[str]) -> None:
        self.tokens = tokens
        self.ids = ids
        self.place = 0
        self.closures = 0
        self.paths = True

    def peek(self, ahead: int = 0) -> Token:
        """A token that is not consumed.

        Args:
            ahead: how far.
        """
        return self.tokens[min(self.place + ahead, len(self.tokens) - 1)]

    def next(self) -> Token:
        """The next token, consumed."""
        token = self.peek()
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    @property
    def last(self) -> Token:
        """The token consumed last."""
        return self.tokens[self.place - 1]

    def expression(self, minimum: int) -> t.Tree:
        """See the parser."""
        raise NotImplementedError

    def inner(self, text: str, offsets: Sequence[int]) -> t.Tree:
        """See the parser."""
        raise NotImplementedError

    def problem(
        self, token: Token, message: str, *, rule: str = "expr/syntax", suggestion: str | None = None
    ) -> SyntaxProblem:
        """A finding at a token.

        Args:
            token: the smallest wrong one.
            message: what is wrong.
            rule: rule id.
            suggestion: the nearest valid word.
        """
        length = max(1, token.end - token.start)
        return SyntaxProblem(message, token.start, length, rule=rule, suggestion=suggestion)

    def unexpected(self, token: Token, expected: str) -> SyntaxProblem:
        """The finding for a token that does not belong here.

        Args:
            token: the token.
            expected: what would.
        """
        if token.kind == "end":
            return self.problem(token, f"the expression ends where {expected} is expected")
        shown = "text" if token.kind == "string" else f"'{token.text}'"
        return self.problem(token, f"{shown} stands where {expected} is expected")

    def expect(self, text: str) -> Token:
        """Consumes an operator token.

        Args:
            text: which.
        """
        token = self.peek()
        if token.kind != "op" or token.text != text:
            raise self.unexpected(token, f"'{text}'")
        return self.next()

    def operand(self) -> t.Tree:
        """An operand with everything that follows it directly: fields, indexes, calls."""
        found = self._primary()
        while True:
            token = self.peek()
            if token.kind != "op":
                return found
            if token.text == "." and not token.spaced:
                self.next()
                found = self._member(found)
            elif token.text == "[":
                self.next()
                found = self._index(found)
            else:
                return found

    def _primary(self) -> t.Tree:
        token = self.next()
        if token.kind == "number":
            return t.Literal(_number(token), token.start, token.end)
        if token.kind == "string":
            return self._string(token)
        if token.kind == "literal":
            return t.Literal(token.text, token.start, token.end)
        if token.kind == "template":
            return self._template(token)
        if token.kind == "name":
            return self._named(token)
        if token.kind == "op" and token.text in _PRIMARY:
            return _PRIMARY[token.text](self, token)
        raise self.unexpected(token, "a value")

    def _named(self, token: Token) -> t.Tree:
        following = self.peek()
        if following.text == "(" and following.kind == "op" and not following.spaced:
            return self._call(token)
        if token.text in CONSTANTS:
            return t.Literal(CONSTANTS[token.text], token.start, token.end)
        if token.text == "FAKER":
            return self._faker(token)
        return t.Name(token.text, token.start, token.end)

    def _faker(self, token: Token) -> t.Tree:
        parts: list[str] = []
        while self.peek().text == "." and not self.peek().spaced and self.peek(1).kind == "name":
            if self.peek(2).text == "(":
                break
            self.next()
            parts.append(self.next().text)
        if not parts:
            raise self.problem(token, "FAKER needs a provider, as in FAKER.internet.email", rule="flow/faker")
        return t.Faker(".".join(parts), token.start, self.last.end)

    def _group(self, token: Token) -> t.Tree:
        paths, self.paths = self.paths, True
        found = self.expression(0)
        self.paths = paths
        closing = self.expect(")")
        return found._replace(start=token.start, end=closing.end)

    def _element(self, token: Token) -> t.Tree:
        if not self.closures:
            message = "a leading '.' stands for the element of any(), all(), filter()...; there is none here"
            raise self.problem(token, message, rule="expr/element")
        element = t.Element(token.start, token.end)
        following = self.peek()
        return self._member(element) if following.kind == "name" and not following.spaced else element

    def _root(self, token: Token) -> t.Tree:
        return t.Root(token.start, token.end)

    def _member(self, target: t.Tree) -> t.Tree:
        token = self.next()
        if token.kind != "name" or token.spaced:
            raise self.unexpected(token, "a field name")
        following = self.peek()
        if following.kind != "op" or following.text != "(" or following.spaced:
            return t.Member(target, token.text, token.start, target.start, token.end)
        if token.text not in METHODS:
            message = f"unknown method '{token.text}'; methods are {', '.join(METHODS)}"
            near = closest(token.text, METHODS)
            raise self.problem(token, message, rule="expr/unknown-function", suggestion=near)
        self.next()
        if self.peek().text != ")":
            message = f"{token.text}() as a method takes no arguments"
            raise self.problem(self.peek(), message, rule="expr/arguments")
        return t.Call(token.text, (target,), True, target.start, self.next().end)

    def _index(self, target: t.Tree) -> t.Tree:
        lower = None if self.peek().text == ":" else self.expression(0)
        if self.peek().text != ":":
            closing = self.expect("]")
            if lower is None:
                raise self.unexpected(closing, "an index")
            return t.Index(target, lower, target.start, closing.end)
        self.next()
        upper = None if self.peek().text == "]" else self.expression(0)
        return t.Slice(target, lower, upper, target.start, self.expect("]").end)

    def _call(self, token: Token) -> t.Tree:
        name = token.text
        if name not in FUNCTIONS:
            near = closest(name, FUNCTIONS)
            raise self.problem(token, f"unknown function '{name}'", rule="expr/unknown-function", suggestion=near)
        self.next()
        paths, self.paths = self.paths, name not in _TEXT_ARGUMENTS
        arguments: list[t.Tree] = []
        while self.peek().text != ")" or self.peek().kind != "op":
            if arguments:
                self.expect(",")
            closure = name in CLOSURES and len(arguments) == 1
            self.closures += closure
            arguments.append(self.expression(0))
            self.closures -= closure
        self.paths = paths
        end = self.next().end
        self._arity(token, len(arguments))
        if name in CLOSURES:
            return t.Closure(name, arguments[0], arguments[1], token.start, end)
        return t.Call(name, tuple(arguments), False, token.start, end)

    def _arity(self, token: Token, given: int) -> None:
        least, most = ARITY.get(token.text, (2, 2))
        if least <= given <= most:
            return
        wanted = str(least) if least == most else f"{least} or {most}"
        plural = "" if wanted == "1" else "s"
        message = f"{token.text}() takes {wanted} argument{plural}, not {given}"
        raise self.problem(token, message, rule="expr/arguments")

    def _list(self, token: Token) -> t.Tree:
        items: list[t.Tree] = []
        while self.peek().text != "]":
            if items:
                self.expect(",")
            items.append(self.expression(0))
        return t.ListOf(tuple(items), token.start, self.next().end)

    def _map(self, token: Token) -> t.Tree:
        keys: list[str] = []
        values: list[t.Tree] = []
        while self.peek().text != "}":
            if keys:
                self.expect(",")
            key = self.next()
            if key.kind not in ("name", "string"):
                raise self.unexpected(key, "a key")
            if key.text in keys:
                raise self.problem(key, f"duplicate key '{key.text}'", rule="expr/duplicate-key")
            self.expect(":")
            keys.append(key.text)
            values.append(self.expression(0))
        return t.MapOf(tuple(keys), tuple(values), token.start, self.next().end)

    def _template(self, token: Token) -> t.Tree:
        name, colon, default = token.text.partition(":")
        written_dollar = token.offsets[0] - token.start == 2 and colon and name.isidentifier()
        if written_dollar and token.end - token.offsets[-1] == 1:
            return t.Default(name, default, token.start, token.end)
        if not token.text.strip():
            raise self.problem(token, "an empty template", rule="template/empty")
        return self.inner(token.text, token.offsets)._replace(start=token.start, end=token.end)

    def _string(self, token: Token) -> t.Tree:
        text = token.text
        is_path = self.paths and text.startswith(("$.", "$["))
        try:
            found = pieces(text)
        except SyntaxProblem as problem:
            raise _moved(problem, token.offsets) from None
        parts: list[str | t.Tree] = []
        for piece in found:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            offsets = token.offsets[piece.start : piece.start + len(piece.body) + 1]
            if piece.default >= 0:
                name, _, default = piece.body.partition(":")
                parts.append(t.Default(name, default, offsets[0] - 2, offsets[-1] + 1))
            else:
                parts.append(self.inner(piece.body, offsets))
        if len(parts) == 1 and not isinstance(parts[0], str):
            return parts[0]._replace(start=token.start, end=token.end)
        if len(parts) == 1 and isinstance(parts[0], str):
            if is_path:
                return t.PathOf(parts[0], token.start, token.end)
            return t.Literal(parts[0], token.start, token.end)
        joined = t.Joined(tuple(parts), token.start, token.end)
        return t.Call("path", (joined,), False, token.start, token.end) if is_path else joined


_PRIMARY = {
    "(": OperandParser._group,
    ".": OperandParser._element,
    "$": OperandParser._root,
    "[": OperandParser._list,
    "{": OperandParser._map,
}


def _number(token: Token) -> object:
    length = token.end - token.start
    if length > MAX_DIGITS:
        raise SyntaxProblem("a number of too many digits", token.start, length, rule="expr/number")
    try:
        return exact_literal(token.text)
    except TooMuch as problem:
        raise SyntaxProblem(problem.message, token.start, length, rule="expr/number") from None


def _moved(problem: SyntaxProblem, offsets: Sequence[int]) -> SyntaxProblem:
    at = offsets[min(problem.offset, len(offsets) - 1)]
    return SyntaxProblem(problem.message, at, problem.length, rule=problem.rule, suggestion=problem.suggestion)
