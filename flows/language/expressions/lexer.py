"""Expression text to tokens, each with its offset in the text that a person wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from flows.language.errors import SyntaxProblem
from flows.language.expressions.pieces import LITERAL_OPEN, closing, end_of_string

_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<template>\$\{|\{\{)"
    r"|(?P<op>\|\||&&|==|!=|<=|>=|\?\?|[-+*/%!<>?:()\[\]{},.$])"
    r"|(?P<string>[\"'])"
)
_SPACE = re.compile(r"\s*")
_HYPHENATED = re.compile(r"\w+(?:-\w+)+")
_FIELD_TAIL = re.compile(r"(?:-[^\W\d]\w*)+")
_DEFAULT = re.compile(r"[^\W\d]\w*:")
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_CLOSERS = {"${": "}", "{{": "}}"}


class Token(NamedTuple):
    """A token.

    Args:
        kind: ``number name template literal op string end``.
        text: as written; of a template its body, of a string its decoded value.
        start: offset in the whole text.
        end: offset after it.
        spaced: whether white space stands before it.
        offsets: for templates and strings, the offset of each character of `text`.
    """

    kind: str
    text: str
    start: int
    end: int
    spaced: bool
    offsets: Sequence[int] = ()


class Lexer:
    """Tokens of one text.

    Args:
        text: the text.
        offsets: the offset of each of its characters in the whole text, and one more for its end.
        ids: step ids with hyphens, which are read as one name.
    """

    def __init__(self, text: str, offsets: Sequence[int], ids: frozenset[str]) -> None:
        self.text = text
        self.offsets = offsets
        self.ids = ids

    def tokens(self) -> list[Token]:
        """All of them, an ``end`` token last.

        Raises:
            SyntaxProblem: a character or string that does not belong here.
        """
        found: list[Token] = []
        at = 0
        while True:
            space = _SPACE.match(self.text, at)
            start = space.end() if space else at
            spaced = start > at
            if start >= len(self.text):
                found.append(Token("end", "", self.offsets[len(self.text)], self.offsets[len(self.text)], spaced))
                return found
            after_dot = bool(found) and found[-1].text == "." and found[-1].kind == "op" and not spaced
            token, at = self._token(start, spaced, after_dot)
            found.append(token)

    def _token(self, start: int, spaced: bool, after_dot: bool) -> tuple[Token, int]:
        match = _TOKEN.match(self.text, start)
        if match is None:
            raise self._problem(start, self._strange(start))
        kind = match.lastgroup or ""
        if kind == "string":
            return self._string(start, spaced)
        if kind == "template":
            return self._template(start, match.group(), spaced)
        end = match.end()
        if kind == "name":
            end = self._name_end(start, end, after_dot)
        elif kind == "number" and _SPACE.match(self.text, end) and self.text[end : end + 1].isidentifier():
            raise self._problem(end, f"'{self.text[end]}' directly after a number")
        text = self.text[start:end]
        return Token(kind, text, self.offsets[start], self.offsets[end], spaced), end

    def _name_end(self, start: int, end: int, after_dot: bool) -> int:
        if self.text[end : end + 1] != "-":
            return end
        if after_dot:
            tail = _FIELD_TAIL.match(self.text, end)
            return tail.end() if tail else end
        whole = _HYPHENATED.match(self.text, start)
        candidate = whole.group() if whole else ""
        while "-" in candidate:
            if candidate in self.ids:
                return start + len(candidate)
            candidate = candidate[: candidate.rindex("-")]
        return end

    def _strange(self, at: int) -> str:
        character = self.text[at]
        hints = {"=": "'=' compares as '=='", "&": "write '&&' or 'and'", "|": "write '||' or 'or'"}
        return hints.get(character, f"'{character}' has no meaning in an expression")

    def _template(self, start: int, opened: str, spaced: bool) -> tuple[Token, int]:
        inner = start + 2
        close = _CLOSERS[opened]
        if opened == "${" and _DEFAULT.match(self.text, inner):
            end = self.text.find("}", inner)
        else:
            end = closing(self.text, inner, close)
        if end < 0:
            raise self._problem(start, f"'{opened}' is not closed", length=2, rule="template/unclosed")
        after = end + len(close)
        offsets = self.offsets[inner : end + 1]
        literal = self.text[inner:end].strip()
        if literal in LITERAL_OPEN:
            return Token("literal", literal[1:-1], self.offsets[start], self.offsets[after], spaced), after
        token = Token("template", self.text[inner:end], self.offsets[start], self.offsets[after], spaced, offsets)
        return token, after

    def _string(self, start: int, spaced: bool) -> tuple[Token, int]:
        end = self._string_end(start)
        value: list[str] = []
        offsets: list[int] = []
        at = start + 1
        while at < end - 1:
            offsets.append(self.offsets[at])
            if self.text[at] == "\\":
                character, at = self._escape(at)
                value.append(character)
            else:
                value.append(self.text[at])
                at += 1
        offsets.append(self.offsets[end - 1])
        decoded = "".join(value)
        if any(0xD800 <= ord(character) < 0xE000 for character in decoded):
            decoded, offsets = _joined_surrogates(decoded, offsets)
        return Token("string", decoded, self.offsets[start], self.offsets[end], spaced, offsets), end

    def _string_end(self, start: int) -> int:
        """After the closing quote; quotes inside an unquoted template of the string belong to the template."""
        end = end_of_string(self.text, start)
        if end < 0:
            raise self._problem(start, "the text is not closed", rule="expr/string")
        at = start + 1
        while True:
            opened = min((i for i in (self.text.find("${", at), self.text.find("{{", at)) if i >= 0), default=-1)
            if opened < 0 or opened >= end:
                return end
            close = _CLOSERS[self.text[opened : opened + 2]]
            closed = closing(self.text, opened + 2, close)
            if closed < 0:
                return end
            if closed >= end:
                longer = self._end_after(start, closed + len(close))
                return end if longer < 0 else longer
            at = closed + len(close)

    def _end_after(self, start: int, at: int) -> int:
        quote = self.text[start]
        return end_of_string(quote + self.text[at:], 0) + at - 1 if quote in self.text[at:] else -1

    def _escape(self, at: int) -> tuple[str, int]:
        code = self.text[at + 1]
        if code in _ESCAPES:
            return _ESCAPES[code], at + 2
        match = _HEX.match(self.text, at + 2) if code == "u" else None
        if match is not None:
            return chr(int(match.group(), 16)), at + 6
        message = f"'\\{code}' is no JSON escape; a backslash is written '\\\\'"
        raise self._problem(at, message, length=2, rule="expr/string")

    def _problem(self, at: int, message: str, *, length: int = 1, rule: str = "expr/syntax") -> SyntaxProblem:
        return SyntaxProblem(message, self.offsets[at], length, rule=rule)


def _joined_surrogates(text: str, offsets: list[int]) -> tuple[str, list[int]]:
    """Pairs of ``\\uD83D\\uDE00`` become one character; a lone half is refused."""
    value: list[str] = []
    kept: list[int] = []
    at = 0
    while at < len(text):
        kept.append(offsets[at])
        pair = text[at : at + 2].encode("utf-16", "surrogatepass")
        try:
            both = pair.decode("utf-16")
        except UnicodeDecodeError:
            both = ""
        if len(both) == 1 and 0xD800 <= ord(text[at]) < 0xDC00:
            value.append(both)
            at += 2
        elif 0xD800 <= ord(text[at]) < 0xE000:
            raise SyntaxProblem("half of a surrogate pair", offsets[at], 6, rule="expr/string")
        else:
            value.append(text[at])
            at += 1
    kept.append(offsets[-1])
    return "".join(value), kept
