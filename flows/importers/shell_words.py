"""Shell words, as a terminal would split a pasted command: POSIX quoting, ``$'...'``, and cmd's ``^``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from testmesh.kernel.errors import UserError

_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_CODED = re.compile(r"x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})")
_CMD = re.compile(r"\^\r?\n|\^\"")


def words(text: str) -> list[str]:
    """The words of one command line.

    Args:
        text: as pasted, possibly over several lines.

    Raises:
        UserError: a quote is not closed.
    """
    if _CMD.search(text) and "\\\n" not in text:
        text = _uncareted(text)
    return list(_Splitter(text).words())


def _uncareted(text: str) -> str:
    """cmd.exe: ``^`` before a line break joins lines, before anything else it takes away its meaning."""
    joined = re.sub(r"\^\r?\n\s*", " ", text)
    return re.sub(r"\^(.)", r"\1", joined).replace('""', '\\"') if '^"' in joined else re.sub(r"\^(.)", r"\1", joined)


class _Splitter:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def words(self) -> Iterator[str]:
        """One after the other."""
        word: list[str] | None = None
        while self.at < len(self.text):
            character = self.text[self.at]
            if character.isspace():
                if word is not None:
                    yield "".join(word)
                word = None
                self.at += 1
                continue
            if character == "#" and word is None:
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
                continue
            piece = self._piece(character)
            if piece is not None:
                word = [*(word or []), piece]
        if word is not None:
            yield "".join(word)

    def _piece(self, character: str) -> str | None:
        """The next part of a word; None for a joined line."""
        if self.text.startswith("$'", self.at):
            return self._until("'", 2, self._escape)
        if character == "'":
            return self._until("'", 1, None)
        if character == '"':
            return self._until('"', 1, self._double)
        self.at += 1
        if character != "\\":
            return character
        following = self.text[self.at : self.at + 1]
        self.at += 1
        if following == "\r" and self.text[self.at : self.at + 1] == "\n":
            self.at += 1
        return None if following in ("\n", "\r") else following

    def _until(self, quote: str, skip: int, escape: Callable[[], str] | None) -> str:
        start = self.at
        self.at += skip
        found: list[str] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            self.at += 1
            if character == quote:
                return "".join(found)
            found.append(escape() if character == "\\" and escape is not None else character)
        line = self.text.count("\n", 0, start) + 1
        raise UserError(f"the quote that begins in line {line} is not closed", hint="paste the whole command")

    def _double(self) -> str:
        following = self.text[self.at : self.at + 1]
        if following in ('"', "\\", "$", "`", "\n"):
            self.at += 1
            return "" if following == "\n" else following
        return "\\"

    def _escape(self) -> str:
        coded = _CODED.match(self.text, self.at)
        if coded is not None:
            self.at = coded.end()
            digits = next(group for group in coded.groups() if group is not None)
            return chr(int(digits, 8 if coded.group(4) is not None else 16))
        following = self.text[self.at : self.at + 1]
        self.at += 1
        return _SIMPLE.get(following, following)
