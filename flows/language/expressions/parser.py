"""Precedence climbing over tokens; the tables are in `words`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.language.closest import closest
from flows.language.errors import SyntaxProblem
from flows.language.expressions import tree as t
from flows.language.expressions.lexer import Lexer, Token
from flows.language.expressions.operands import OperandParser
from flows.language.expressions.words import (
    COMPARISON,
    INFIX_WORDS,
    MAX_DEPTH,
    MAX_LENGTH,
    OPERATOR_WORDS,
    PRECEDENCE,
    TYPE_WORDS,
    UNARY,
)

MAX_HEIGHT = 200


@dataclass(frozen=True, slots=True)
class _Infix:
    operator: str
    width: int


def parse(text: str, ids: frozenset[str] = frozenset()) -> t.Tree:
    """The tree of an expression.

    Args:
        text: the expression.
        ids: step ids that contain hyphens.

    Raises:
        SyntaxProblem: it does not parse.
    """
    if len(text) > MAX_LENGTH:
        raise SyntaxProblem(f"an expression of {len(text):,} characters", 0, rule="expr/too-large")
    found = Parser(text, range(len(text) + 1), ids).whole()
    if _height(found) > MAX_HEIGHT:
        raise SyntaxProblem("an expression nested too deep", 0, rule="expr/too-large")
    return found


class Parser(OperandParser):
    """Parses one text; templates inside it get a parser of their own.

    Args:
        text: the text.
        offsets: the offset of each of its characters in the whole text, and of its end.
        ids: step ids that contain hyphens.
        depth: how deep this text is nested.
        closures: how many closures it stands in.
    """

    def __init__(
        self,
        text: str,
        offsets: Sequence[int],
        ids: frozenset[str],
        depth: int = 0,
        closures: int = 0,
    ) -> None:
        super().__init__(Lexer(text, offsets, ids).tokens(), ids)
        self.depth = depth
        self.templated = depth > 0
        self.closures = closures

    def whole(self) -> t.Tree:
        """The text as one expression.

        Raises:
            SyntaxProblem: it is not.
        """
        found = self.expression(0)
        left = self.peek()
        if left.kind != "end":
            raise self.after_operand(left)
        return found

    def inner(self, text: str, offsets: Sequence[int]) -> t.Tree:
        """A template's body as an expression of its own.

        Args:
            text: the body.
            offsets: where its characters are.
        """
        return Parser(text, offsets, self.ids, self.depth + 1, self.closures).whole()

    def expression(self, minimum: int) -> t.Tree:
        """An operand and every operator after it that binds at least as tightly as `minimum`.

        Args:
            minimum: a precedence of `words.PRECEDENCE`.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.problem(self.peek(), "an expression nested too deep", rule="expr/too-large")
        left = self._prefix()
        while True:
            found = self._infix()
            if found is None or PRECEDENCE[found.operator] < minimum:
                self.depth -= 1
                return left
            left = self._combined(left, found)

    def _prefix(self) -> t.Tree:
        token = self.peek()
        if (token.kind == "op" and token.text in ("!", "-")) or (token.kind == "name" and token.text == "not"):
            self.next()
            operand = self.expression(UNARY)
            operator = "-" if token.text == "-" else "!"
            if operator == "-" and isinstance(operand, t.Literal) and type(operand.value) in (int, float):
                value = operand.value
                if value and isinstance(value, int | float):
                    return t.Literal(-value, token.start, operand.end)
            return t.Unary(operator, operand, token.start, operand.end)
        return self.operand()

    def _infix(self) -> _Infix | None:
        token = self.peek()
        if token.kind == "op":
            if token.text == "-":
                self._spaced_minus(token)
            return _Infix(token.text, 1) if token.text in PRECEDENCE else None
        if token.kind != "name":
            return None
        if token.text == "not":
            following = self.peek(1)
            if following.text in ("in", "exists"):
                return _Infix(f"not {following.text}", 2)
            raise self.problem(following, "after 'not' only 'in' or 'exists' may follow here")
        if token.text in ("exists", "is"):
            return _Infix(token.text, 1)
        operator = INFIX_WORDS.get(token.text)
        return None if operator is None else _Infix(operator, 1)

    def _spaced_minus(self, token: Token) -> None:
        if not token.spaced or not self.peek(1).spaced:
            raise self.problem(token, "subtraction needs a space on both sides of '-'", rule="expr/minus")

    def _combined(self, left: t.Tree, found: _Infix) -> t.Tree:
        operator = found.operator
        token = self.peek()
        for _ in range(found.width):
            self.next()
        if operator == "?":
            return self._conditional(left)
        if operator in ("exists", "not exists"):
            node: t.Tree = self._exists(left, token, operator == "not exists")
        elif operator == "is":
            node = self._is(left)
        else:
            node = self._binary(left, operator, token)
        if PRECEDENCE[operator] == COMPARISON:
            self._no_chain()
        return node

    def _binary(self, left: t.Tree, operator: str, token: Token) -> t.Tree:
        precedence = PRECEDENCE[operator]
        right = self.expression(precedence if operator == "??" else precedence + 1)
        return t.Binary(operator, left, right, token.start, left.start, right.end)

    def _no_chain(self) -> None:
        following = self._infix()
        if following is not None and PRECEDENCE[following.operator] == COMPARISON:
            raise self.problem(self.peek(), "comparisons do not chain; join two with 'and'", rule="expr/chain")

    def _conditional(self, test: t.Tree) -> t.Tree:
        then = self.expression(1)
        if self.peek().text != ":":
            raise self.problem(self.peek(), "':' is missing after '?'")
        self.next()
        other = self.expression(1)
        return t.Conditional(test, then, other, test.start, other.end)

    def _exists(self, left: t.Tree, token: Token, negated: bool) -> t.Tree:
        end = self.last.end
        if not isinstance(left, t.Name | t.Member | t.Index | t.Element | t.Root | t.PathOf | t.Faker):
            message = "'exists' stands after a path; what is before it always has a value"
            raise SyntaxProblem(message, token.start, token.end - token.start, rule="expr/exists")
        return t.Exists(left, negated, left.start, end)

    def _is(self, left: t.Tree) -> t.Tree:
        negated = self.peek().text == "not"
        if negated:
            self.next()
        token = self.next()
        what = "null" if token.text == "nil" else token.text
        if token.kind != "name" or what not in TYPE_WORDS:
            message = f"after 'is' stands one of {', '.join(TYPE_WORDS)}"
            raise self.problem(token, message, suggestion=closest(token.text, TYPE_WORDS) if token.text else None)
        return t.Is(left, what, negated, left.start, token.end)

    def _exists_leads(self) -> bool:
        """Whether the last token is an ``exists`` that was put before its path."""
        before = self.place - 2
        if before >= 0 and self.tokens[before].text == "not":
            before -= 1
        return self.last.text == "exists" and (before < 0 or self.tokens[before].text in _OPENS)

    def after_operand(self, token: Token) -> SyntaxProblem:
        """Why a token cannot follow a complete operand.

        Args:
            token: the token.
        """
        if token.text == ":" and self.templated:
            message = "a default after ':' only follows one bare name; write '??' here"
            return self.problem(token, message, rule="template/default")
        if token.kind == "name" and self._exists_leads():
            message = "'exists' stands after the path: 'body.id exists', 'body.id not exists'"
            return self.problem(self.last, message, rule="expr/exists")
        if token.kind == "name":
            near = closest(token.text, OPERATOR_WORDS)
            return self.problem(token, f"unknown operator '{token.text}'", suggestion=near, rule="expr/operator")
        return self.unexpected(token, "an operator")


_OPENS = frozenset({"(", "!", "&&", "||", "and", "or", "?", ":"})


def _height(tree: t.Tree) -> int:
    height = 0
    level: list[t.Tree] = [tree]
    while level:
        height += 1
        level = [child for node in level for child in t.children(node)]
    return height
