"""Go templates as trees: the actions of a chart's files with their lines, read without running anything."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_END = re.compile(r"""\}\}|"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)'""")
_OPEN = re.compile(r"\{\{(?:-(?=\s))?\s*")
_TOKEN = re.compile(
    r"""\s+|"(?:[^"\\]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)+'|:=|=|\||\(|\)|,|\$\w*|(?:\.[A-Za-z_][\w-]*)+|\.(?!\d)"""
    r"""|-?\d[\w.]*|[A-Za-z_]\w*|."""
)
_DEEPEST = 100
_MOST_ACTIONS = 20_000


class TemplateProblem(Exception):
    """A template that cannot be read.

    Args:
        line: 1-based.
        message: for people.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Term:
    """An operand.

    Args:
        sort: literal, dot, variable, function or pipe.
        value: the literal, or the name of the variable or function.
        path: fields looked up in it.
        pipe: of parentheses.
    """

    sort: str
    value: object = None
    path: tuple[str, ...] = ()
    pipe: Pipe | None = None


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each one's result the last argument of the next.

    Args:
        commands: terms of each.
        names: variables that take the result.
        declares: they are new.
    """

    commands: tuple[tuple[Term, ...], ...]
    names: tuple[str, ...] = ()
    declares: bool = False


@dataclass(slots=True)
class Step:
    """Text or an action.

    Args:
        sort: text, output, if, range, with, define, template, break or continue.
        line: 1-based, where it begins.
        text: of text; the name of a template.
        pipe: what is shown, asked or gone through.
        body: what stands inside.
        other: what stands after `else`.
    """

    sort: str
    line: int
    text: str = ""
    pipe: Pipe | None = None
    body: list[Step] = field(default_factory=list)
    other: list[Step] = field(default_factory=list)


def parse(text: str) -> list[Step]:
    """The steps of a template.

    Args:
        text: its text.

    Raises:
        TemplateProblem: an action that is none, or blocks that do not fit.
    """
    return _Parser().steps(_pieces(text))


def _pieces(text: str) -> list[tuple[str, int, str]]:
    """Text and actions in turn: sort, line, content; white space trimmed where an action says so."""
    found: list[tuple[str, int, str]] = []
    at, line, trim = 0, 1, False
    for _ in range(_MOST_ACTIONS + 1):
        start = text.find("{{", at)
        if start < 0:
            _add(found, (text[at:], line), (trim, False))
            return found
        trims = text.startswith("{{-", start) and text[start + 3 : start + 4].isspace()
        _add(found, (text[at:start], line), (trim, trims))
        line += text.count("\n", at, start)
        inner, at = _action(text, start, line)
        trim = inner[-2:-1].isspace() and inner.endswith("-") if len(inner) > 1 else False
        found.append(("action", line, (inner[:-1] if trim else inner).strip()))
        line += text.count("\n", start, at)
    raise TemplateProblem(line, f"more than {_MOST_ACTIONS:,} actions")


def _action(text: str, start: int, line: int) -> tuple[str, int]:
    """What stands between the braces at `start`, and where it ends."""
    opened = _OPEN.match(text, start)
    begin = opened.end() if opened is not None else start + 2
    at = begin
    if text.startswith("/*", begin):
        closed = text.find("*/", begin)
        at = closed if closed >= 0 else len(text)
    while (match := _END.search(text, at)) is not None:
        at = match.end()
        if match.group() == "}}":
            return text[begin : match.start()], at
    raise TemplateProblem(line, "'{{' is never closed")


def _add(found: list[tuple[str, int, str]], piece: tuple[str, int], trims: tuple[bool, bool]) -> None:
    text, line = piece
    if trims[0]:
        bare = text.lstrip()
        line += text.count("\n", 0, len(text) - len(bare))
        text = bare
    text = text.rstrip() if trims[1] else text
    if text:
        found.append(("text", line, text))


class _Parser:
    def steps(self, pieces: list[tuple[str, int, str]]) -> list[Step]:
        root = Step("root", 1)
        stack: list[tuple[Step, list[Step]]] = [(root, root.body)]
        for sort, line, text in pieces:
            if sort == "text":
                stack[-1][1].append(Step("text", line, text))
            elif text and not text.startswith("/*"):
                self._action(stack, line, text)
        if len(stack) > 1:
            raise TemplateProblem(stack[-1][0].line, f"'{stack[-1][0].sort}' has no 'end'")
        return root.body

    def _action(self, stack: list[tuple[Step, list[Step]]], line: int, text: str) -> None:
        word = re.match(r"[a-z]+", text)
        name = word.group() if word is not None else ""
        rest = text[len(name) :].strip()
        if name in ("if", "range", "with", "define", "block"):
            self._open(stack, Step(name, line), rest)
        elif name == "else" and len(stack) > 1:
            self._else(stack, line, rest)
        elif name == "end" and not rest:
            self._end(stack, line)
        elif name in ("break", "continue") and not rest:
            stack[-1][1].append(Step(name, line))
        elif name == "template" and rest:
            named, pipe = _named(rest, line)
            stack[-1][1].append(Step("template", line, named, pipe))
        else:
            stack[-1][1].append(Step("output", line, "", _pipe(text, line)))

    def _open(self, stack: list[tuple[Step, list[Step]]], step: Step, rest: str) -> None:
        if len(stack) > _DEEPEST:
            raise TemplateProblem(step.line, f"blocks are nested deeper than {_DEEPEST} levels")
        if step.sort in ("define", "block"):
            step.text, step.pipe = _named(rest, step.line)
        else:
            step.pipe = _pipe(rest, step.line)
        stack[-1][1].append(step)
        stack.append((step, step.body))

    def _else(self, stack: list[tuple[Step, list[Step]]], line: int, rest: str) -> None:
        step, _ = stack.pop()
        if not rest:
            stack.append((step, step.other))
            return
        sort, _, condition = rest.partition(" ")
        inner = Step(sort if sort in ("if", "with") else "if", line, "chained", _pipe(condition, line))
        step.other.append(inner)
        stack.append((inner, inner.body))

    def _end(self, stack: list[tuple[Step, list[Step]]], line: int) -> None:
        if len(stack) < 2:
            raise TemplateProblem(line, "'end' closes nothing")
        stack.pop()


def _named(rest: str, line: int) -> tuple[str, Pipe | None]:
    match = re.match(r"\"((?:[^\"\\]|\\.)*)\"|`([^`]*)`", rest)
    if match is None:
        raise TemplateProblem(line, "a template's name is expected in quotes")
    after = rest[match.end() :].strip()
    return match[1] if match[1] is not None else match[2], _pipe(after, line) if after else None


def _pipe(text: str, line: int) -> Pipe:
    tokens: list[str] = []
    glued: set[int] = set()
    for match in _TOKEN.finditer(text):
        if not match.group().isspace():
            if match.start() and not text[match.start() - 1].isspace():
                glued.add(len(tokens))
            tokens.append(match.group())
    reader = _Tokens(tokens, frozenset(glued), line, text)
    pipe = reader.pipe(1)
    if reader.at < len(tokens):
        raise TemplateProblem(line, f"'{tokens[reader.at]}' is not expected in '{text[:60]}'")
    return pipe


@dataclass(slots=True)
class _Tokens:
    tokens: Sequence[str]
    glued: frozenset[int]
    line: int
    text: str
    at: int = 0

    def _peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def pipe(self, depth: int) -> Pipe:
        if depth > _DEEPEST:
            raise TemplateProblem(self.line, "parentheses are nested too deeply")
        names, declares = self._names()
        commands: list[tuple[Term, ...]] = []
        while True:
            commands.append(self._command(depth))
            if self._peek() != "|":
                break
            self.at += 1
        return Pipe(tuple(commands), names, declares)

    def _names(self) -> tuple[tuple[str, ...], bool]:
        if not self._peek().startswith("$"):
            return (), False
        pair = self._peek(1) == ","
        names = (self._peek(), self._peek(2)) if pair else (self._peek(),)
        sign = self._peek(3 if pair else 1)
        if sign not in (":=", "="):
            return (), False
        self.at += 4 if pair else 2
        return names, sign == ":="

    def _command(self, depth: int) -> tuple[Term, ...]:
        terms: list[Term] = []
        while self._peek() not in ("|", ")", ""):
            terms.append(self._term(depth))
        if not terms:
            raise TemplateProblem(self.line, f"a value is missing in '{self.text[:60]}'")
        return tuple(terms)

    def _term(self, depth: int) -> Term:
        token = self._peek()
        self.at += 1
        if token == "(":
            inner = self.pipe(depth + 1)
            if self._peek() != ")":
                raise TemplateProblem(self.line, f"')' is missing in '{self.text[:60]}'")
            self.at += 1
            return Term("pipe", path=self._path(), pipe=inner)
        if token.startswith("$"):
            return Term("variable", token, self._path())
        if token == ".":
            return Term("dot", path=())
        if token.startswith("."):
            return Term("dot", path=tuple(token[1:].split(".")))
        if (token[0] in "\"`'" and len(token) > 1) or token[0].isdigit() or (token[0] == "-" and len(token) > 1):
            return Term("literal", _literal(token))
        if token in ("true", "false", "nil"):
            return Term("literal", {"true": True, "false": False, "nil": None}[token])
        if not token[0].isalpha() and token[0] != "_":
            raise TemplateProblem(self.line, f"'{token}' is not expected in '{self.text[:60]}'")
        return Term("function", token)

    def _path(self) -> tuple[str, ...]:
        if len(self._peek()) > 1 and self._peek()[0] == "." and self.at in self.glued:
            self.at += 1
            return tuple(self.tokens[self.at - 1][1:].split("."))
        return ()


def _literal(token: str) -> object:
    if token[0] == "`":
        return token[1:-1]
    if token[0] == '"':
        try:
            return json.loads(token, strict=False)
        except ValueError:
            return token[1:-1]
    if token[0] == "'":
        return ord(token[1:-1][-1])
    for kind in (int, float):
        try:
            return kind(token)
        except ValueError:
            continue
    return token
