"""A place in a JSONPath text, with the few moves that its grammar needs."""

from __future__ import annotations

import re

from flows.language.errors import SyntaxProblem

_BLANK = re.compile(r"[ \t\n\r]*")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\"}
_HEX = re.compile(r"[0-9a-fA-F]{4}")


class Cursor:
    """A place in a text.

    Args:
        text: the path.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def done(self) -> bool:
        """Whether everything was read."""
        return self.at >= len(self.text)

    def peek(self) -> str:
        """The next character, empty at the end."""
        return self.text[self.at : self.at + 1]

    def shown(self) -> str:
        """The next character for a message."""
        return f"'{self.peek()}'" if self.peek() else "the end"

    def skip(self) -> bool:
        """Moves over blanks; whether there were any."""
        match = _BLANK.match(self.text, self.at)
        before, self.at = self.at, match.end() if match else self.at
        return self.at > before

    def take(self, text: str) -> bool:
        """Moves over a text if it stands here.

        Args:
            text: what.
        """
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """Moves over what a pattern matches here.

        Args:
            pattern: one of our own.
        """
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match.group()

    def problem(self, message: str, *, at: int | None = None) -> SyntaxProblem:
        """A finding here.

        Args:
            message: what is wrong.
            at: another place.
        """
        return SyntaxProblem(message, self.at if at is None else at, rule="expr/path")

    def string(self) -> str:
        """A quoted string (RFC 9535 §2.3.1.1)."""
        opened = self.at
        quote = self.peek()
        self.at += 1
        value: list[str] = []
        while not self.done:
            character = self.peek()
            if character == quote:
                self.at += 1
                return "".join(value)
            if character == "\\":
                value.append(self._escape(quote))
                continue
            if character < " ":
                raise self.problem("a control character in a name")
            value.append(character)
            self.at += 1
        raise self.problem("the name is not closed", at=opened)

    def _escape(self, quote: str) -> str:
        code = self.text[self.at + 1 : self.at + 2]
        if code in _ESCAPES or (code and code == quote):
            self.at += 2
            return _ESCAPES.get(code, code)
        if code != "u":
            raise self.problem(f"'\\{code}' is no escape")
        high = self._unit()
        if 0xD800 <= high < 0xDC00 and self.text.startswith("\\u", self.at):
            low = self._unit()
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            raise self.problem("half of a surrogate pair", at=self.at - 6)
        if 0xD800 <= high < 0xE000:
            raise self.problem("half of a surrogate pair", at=self.at - 6)
        return chr(high)

    def _unit(self) -> int:
        match = _HEX.match(self.text, self.at + 2)
        if match is None:
            raise self.problem("'\\u' needs four hexadecimal digits")
        self.at += 6
        return int(match.group(), 16)
