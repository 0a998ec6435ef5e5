"""Shell words, as a terminal splits pasted commands: quotes, ``$'...'``, variables, here-documents, cmd's ``^``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from testmesh.kernel.errors import UserError

_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_CODED = re.compile(r"x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})")
_CMD = re.compile(r"\^\r?\n|\^\"")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")
_HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1[^\n]*\n")
_OPERATOR = re.compile(r"\|\||&&|\||;(?=\s|\Z)|&(?=\s|\Z)")
_REDIRECT = re.compile(r"\d*>&\d|(?:\d+|&)?>>?(?![>&])")
MARK = re.compile("\ue000(\\w+)\ue001")


@dataclass(slots=True)
class ShellCommand:
    """One simple command.

    Args:
        words: unquoted; a shell variable stands as ``MARK`` finds it.
        given: what a here-document or a here-string gives to its input; None = nothing.
        read: name of the file that its input is read from, or empty.
        piped: what comes after it reads its output.
    """

    words: list[str] = field(default_factory=list)
    given: str | None = None
    read: str = ""
    piped: bool = False


def commands(text: str) -> list[ShellCommand]:
    """The simple commands of a pasted text, in order.

    Args:
        text: as pasted, possibly over several lines.

    Raises:
        UserError: a quote is not closed.
    """
    text = text.replace("`\r\n", " ").replace("`\n", " ")  # PowerShell joins lines so
    cmd = _CMD.search(text) is not None and "\\\n" not in text
    splitter = _Splitter(_uncareted(text) if cmd else text, variables=not cmd)
    return [command for command in splitter.commands() if command.words]


def _uncareted(text: str) -> str:
    """cmd.exe: ``^`` before a line break joins lines, before anything else it takes away its meaning."""
    text = re.sub(r"\^\r?\n\r?\n", "\ue002", text)
    text = re.sub(r"\^\r?\n\s*", " ", text)
    text = re.sub(r"\^(.)", r"\1", text)
    return re.sub(r'(?<=[^\s"])""|""(?=[^\s"])', '\\"', text).replace("\ue002", "\n")


class _Splitter:
    def __init__(self, text: str, *, variables: bool) -> None:
        self.text = text
        self.variables = variables
        self.at = 0

    def commands(self) -> Iterator[ShellCommand]:
        """One after the other."""
        command = ShellCommand()
        while self.at < len(self.text):
            if self._skipped():
                continue
            operator = _OPERATOR.match(self.text, self.at)
            if operator is not None:
                self.at = operator.end()
                command.piped = operator[0] == "|"
                yield command
                command = ShellCommand()
            elif not self._redirected(command):
                if command.words and self._begins_line() and self.text.startswith("curl", self.at):
                    yield command
                    command = ShellCommand()
                command.words.append(self._word())
        yield command

    def _skipped(self) -> bool:
        """Spaces, joined lines, and comments."""
        rest = self.text[self.at :]
        joined = re.match(r"\\\r?\n|\s+", rest)
        comment = re.match(r"#[^\n]*", rest)
        if joined is None and comment is None:
            return False
        self.at += (joined or comment).end()  # type: ignore[union-attr]
        return True

    def _begins_line(self) -> bool:
        before = self.text[: self.at].rstrip(" \t")
        return before.endswith("\n") and not before.rstrip("\r\n").endswith("\\")

    def _redirected(self, command: ShellCommand) -> bool:
        """Input and output that go elsewhere."""
        here = _HERE.match(self.text, self.at)
        if here is not None:
            end = re.compile(rf"^\s*{here[2]}\s*$", re.MULTILINE).search(self.text, here.end())
            last = end.start() if end is not None else len(self.text)
            content = self.text[here.end() : last]
            command.given = content if here[1] else _VARIABLE.sub(_marked, content)
            self.at = end.end() if end is not None else last
            return True
        output = _REDIRECT.match(self.text, self.at)
        if output is not None:
            self.at = output.end()
            if "&" not in output[0][1:]:
                self._argument()
            return True
        if self.text.startswith("<<<", self.at):
            self.at += 3
            command.given = f"{self._argument()}\n"
            return True
        if self.text.startswith("<", self.at):
            self.at += 1
            command.read = self._argument()
            return True
        return False

    def _argument(self) -> str:
        while self.at < len(self.text) and self._skipped():
            pass
        return self._word()

    def _word(self) -> str:
        word: list[str] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            if character.isspace() or (character in ";&|" and _OPERATOR.match(self.text, self.at)):
                break
            word.append(self._piece(character))
        return "".join(word)

    def _piece(self, character: str) -> str:
        """The next part of a word."""
        if self.text.startswith("$'", self.at):
            return self._until("'", 2, self._escape)
        if self.text.startswith('$"', self.at):
            return self._until('"', 2, self._double)
        if character == "'":
            return self._until("'", 1, None)
        if character == '"':
            return self._until('"', 1, self._double)
        if character == "$":
            return self._variable()
        if character == "`" and self.variables:
            raise UserError("a command stands inside the command", hint="put what it gives in its place")
        self.at += 1
        if character != "\\":
            return character
        following = self.text[self.at : self.at + 1]
        self.at += 1
        if following == "\r" and self.text[self.at : self.at + 1] == "\n":
            self.at += 1
        return "" if following in ("\n", "\r") else following

    def _variable(self) -> str:
        found = _VARIABLE.match(self.text, self.at) if self.variables else None
        if found is None:
            if self.variables and self.text.startswith("$(", self.at):
                raise UserError("a command stands inside the command", hint="put what it gives in its place")
            self.at += 1
            return "$"
        self.at = found.end()
        return _marked(found)

    def _until(self, quote: str, skip: int, escape: Callable[[], str] | None) -> str:
        start = self.at
        self.at += skip
        found: list[str] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "$" and quote == '"':
                found.append(self._variable())
                continue
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


def _marked(found: re.Match[str]) -> str:
    return f"\ue000{found[1] or found[2]}\ue001"
