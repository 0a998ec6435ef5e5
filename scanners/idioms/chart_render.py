"""Go templates filled in within limits; what no rule can fill in stays marked, and is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scanners.idioms.chart_functions import FUNCTIONS
from scanners.idioms.chart_template import Pipe, Step, TemplateProblem, Term, parse
from scanners.idioms.chart_text import Hole, heavy, shown, truth

_MOST_STEPS = 60_000
_MOST_IN_ALL = 1_000_000
_MOST_TEXT = 2_000_000
_DEEPEST = 40
_MOST_ITEMS = 2_000
_TAKING_HOLES = frozenset(("and", "or", "not", "default", "coalesce", "ternary", "dict", "list"))
_LIGHT = _TAKING_HOLES | frozenset(("get", "set", "unset", "hasKey", "index", "empty", "required", "kindIs", "kindOf"))

Line = tuple[str, int]


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class OutOfBudget(Exception):
    """A template takes more steps or writes more text than one may."""


@dataclass(slots=True)
class _Frame:
    dot: Any
    scopes: list[dict[str, Any]]
    depth: int = 0

    def find(self, name: str) -> Any:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def assign(self, pipe: Pipe, values: tuple[Any, ...]) -> None:
        for name, value in zip(pipe.names, values, strict=False):
            held = next((s for s in reversed(self.scopes) if name in s), None)
            target = self.scopes[-1] if pipe.declares or held is None else held
            target[name] = value

    def inside(self, dot: Any) -> _Frame:
        return _Frame(dot, [*self.scopes, {}], self.depth)


@dataclass(slots=True)
class Renderer:
    """The templates of a chart.

    Args:
        named: bodies of `define` by name.
        holes: line and reason of what could not be filled in, of the template being rendered.
    """

    named: dict[str, list[Step]] = field(default_factory=dict)
    holes: list[tuple[int, str]] = field(default_factory=list)
    _steps: int = 0
    _size: int = 0
    _all: int = 0
    _parsed: dict[str, list[Step]] = field(default_factory=dict)

    def declare(self, steps: list[Step]) -> None:
        """Remember the named templates of a file; the first of a name stays.

        Args:
            steps: of the file.
        """
        todo = list(steps)
        while todo:
            step = todo.pop()
            if step.sort in ("define", "block"):
                self.named.setdefault(step.text, step.body)
            todo += [*step.body, *step.other]

    def render(self, steps: list[Step], dot: Any) -> list[Line]:
        """A file's text in pieces, each with the line of the template it comes from.

        Args:
            steps: of the file.
            dot: what `.` is.

        Raises:
            OutOfBudget: it takes too long.
            TemplateProblem: a text that is a template itself cannot be read.
        """
        self.holes = []
        self._all += self._steps
        self._steps = self._size = 0
        return list(self._run(steps, _Frame(dot, [{"$": dot}])))

    def _run(self, steps: list[Step], frame: _Frame) -> Iterator[Line]:
        for step in steps:
            self._steps += 1
            if self._steps > _MOST_STEPS or self._size > _MOST_TEXT or self._all > _MOST_IN_ALL:
                raise OutOfBudget
            if step.sort == "text":
                self._size += len(step.text)
                yield step.text, step.line
            elif step.sort == "output" and step.pipe is not None:
                value = self._pipe(step.pipe, frame, step.line)
                if not step.pipe.names:
                    text = "" if heavy((value,)) else shown(value)
                    self._size += len(text)
                    yield text, -step.line
            else:
                yield from self._control(step, frame)

    def _control(self, step: Step, frame: _Frame) -> Iterator[Line]:
        if step.sort == "break":
            raise _Break
        if step.sort == "continue":
            raise _Continue
        if step.sort in ("template", "block"):
            dot = self._pipe(step.pipe, frame, step.line) if step.pipe is not None else None
            yield self._included(step.text, dot, (step.line, frame.depth)), -step.line
        elif step.pipe is not None and step.sort in ("if", "with"):
            inner = frame.inside(frame.dot)
            value = self._pipe(step.pipe, inner, step.line)
            if step.sort == "with" and truth(value):
                inner.dot = value
            yield from self._run(step.body if truth(value) else step.other, inner)
        elif step.pipe is not None and step.sort == "range":
            yield from self._range(step, step.pipe, frame)

    def _range(self, step: Step, pipe: Pipe, frame: _Frame) -> Iterator[Line]:
        plain = Pipe(pipe.commands)
        value = self._pipe(plain, frame, step.line)
        pairs = list(_pairs(value))[:_MOST_ITEMS]
        if not pairs:
            yield from self._run(step.other, frame.inside(frame.dot))
        for key, item in pairs:
            inner = frame.inside(item)
            inner.assign(pipe, (key, item) if len(pipe.names) == 2 else (item,))
            try:
                yield from self._run(step.body, inner)
            except _Continue:
                continue
            except _Break:
                return

    def _pipe(self, pipe: Pipe, frame: _Frame, line: int) -> Any:
        value: Any = None
        for number, command in enumerate(pipe.commands):
            value = self._command(command, (value,) if number else (), (frame, line))
        if pipe.names:
            frame.assign(pipe, (value,))
        return value

    def _command(self, terms: tuple[Term, ...], last: tuple[Any, ...], about: tuple[_Frame, int]) -> Any:
        frame, line = about
        self._steps += 1
        head = terms[0]
        args = [self._term(t, frame, line) for t in terms[1:]] + list(last)
        if head.sort == "function":
            return self._call(str(head.value), args, about)
        value = self._term(head, frame, line)
        if not callable(value) or not args:
            return value
        answer = value(*args)
        return self._hole(line, answer.reason) if isinstance(answer, Hole) else answer

    def _term(self, term: Term, frame: _Frame, line: int) -> Any:
        if term.sort == "literal":
            return term.value
        if term.sort == "function":
            return self._call(str(term.value), [], (frame, line))
        if term.sort == "pipe" and term.pipe is not None:
            value = self._pipe(term.pipe, frame, line)
        else:
            value = frame.dot if term.sort == "dot" else frame.find(str(term.value))
        for name in term.path:
            value = _member(value, name)
        return value

    def _call(self, name: str, args: list[Any], about: tuple[_Frame, int]) -> Any:
        frame, line = about
        if name == "include":
            return self._included(str(args[0]) if args else "", args[1] if len(args) > 1 else None, (line, frame.depth))
        if name == "tpl":
            return self._text(args, about)
        found = FUNCTIONS.get(name)
        if found is None:
            return self._hole(line, f"the function '{name}' is not known")
        hole = next((a for a in args if isinstance(a, Hole)), None)
        if hole is not None and name not in _TAKING_HOLES:
            return hole
        if name not in _LIGHT and heavy(args):
            return self._hole(line, f"'{name}' gets too much")
        try:
            value = found(*args)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError) as error:
            return self._hole(line, f"'{name}' fails here: {str(error)[:80]}")
        return self._hole(line, value.reason) if isinstance(value, Hole) else value

    def _hole(self, line: int, reason: str) -> Hole:
        self.holes.append((line, reason))
        return Hole(reason)

    def _included(self, name: str, dot: Any, about: tuple[int, int]) -> Any:
        line, depth = about
        body = self.named.get(name)
        if body is None or depth > _DEEPEST:
            reason = "includes itself" if body is not None else "is not there"
            return shown(self._hole(line, f"the template '{name}' {reason}"))
        pieces = self._run(body, _Frame(dot, [{"$": dot}], depth + 1))
        return "".join(text for text, _ in pieces)

    def _text(self, args: list[Any], about: tuple[_Frame, int]) -> Any:
        """`tpl`: a value that is a template itself."""
        frame, line = about
        text = args[0] if args else ""
        if not isinstance(text, str) or "{{" not in text or frame.depth > _DEEPEST:
            return text
        if text not in self._parsed:
            try:
                self._parsed[text] = parse(text)
            except TemplateProblem as problem:
                return self._hole(line, str(problem))
        dot = args[1] if len(args) > 1 else None
        return "".join(t for t, _ in self._run(self._parsed[text], _Frame(dot, [{"$": dot}], frame.depth + 1)))


def _pairs(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        yield from ((key, value[key]) for key in sorted(value, key=str))
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from ((n, n) for n in range(min(value, _MOST_ITEMS)))


def _member(value: Any, name: str) -> Any:
    if isinstance(value, Hole):
        return value
    return value.get(name) if isinstance(value, Mapping) else None


def lined(pieces: list[Line]) -> tuple[str, list[int]]:
    """The text of pieces, and for each of its lines the line of the template.

    Args:
        pieces: of :meth:`Renderer.render`; a negative line holds for the whole piece.
    """
    lines: list[int] = []
    current = last = 1
    begun = False
    for text, line in pieces:
        for number, part in enumerate(text.split("\n")):
            source = -line if line < 0 else line + number
            if number:
                lines.append(current if begun else last)
                begun = False
            if part.strip() and not begun:
                current, begun = source, True
            last = source
    lines.append(current if begun else last)
    return "".join(text for text, _ in pieces), lines
