"""YAML values with templates in them, compiled once; a string that is one template keeps its value's type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flows.language.errors import SyntaxProblem, TooMuch
from flows.language.expressions.compiling import compiled
from flows.language.expressions.expression import TOO_DEEP, Expression
from flows.language.expressions.frame import Frame, Run
from flows.language.expressions.parser import Parser
from flows.language.expressions.pieces import Piece, pieces
from flows.language.expressions.scope import Scope
from flows.language.expressions.tree import Default, Joined, Literal, Name, Tree, children
from flows.language.values import instant_text, seconds_of, simplest, type_name

if TYPE_CHECKING:
    from flows.language.spec import Position

Wrong = Callable[[tuple[str | int, ...], SyntaxProblem], None]


class Template:
    """A value that may depend on names.

    Args:
        source: the value as written.
        run: gives the value; None when nothing in it depends on names.
        value: the value, when it is constant.
        trees: what the templates in it say, each with its path into the value.
    """

    __slots__ = ("at", "run", "source", "trees", "value")

    def __init__(
        self,
        source: object,
        run: Run | None,
        value: object = None,
        trees: tuple[tuple[tuple[str | int, ...], Tree], ...] = (),
        at: Position | None = None,
    ) -> None:
        self.source = source
        self.run = run
        self.value = value
        self.trees = trees
        self.at = at

    def __repr__(self) -> str:
        return f"Template({self.source!r})"

    @property
    def constant(self) -> bool:
        """Whether it is the same whatever the scope."""
        return self.run is None

    @property
    def names(self) -> frozenset[str]:
        """Every bare name that it refers to."""
        found: set[str] = set()
        waiting = [tree for _, tree in self.trees]
        while waiting:
            tree = waiting.pop()
            if isinstance(tree, Name | Default):
                found.add(tree.name)
            waiting += children(tree)
        return frozenset(found)

    def render(self, scope: Scope) -> Any:
        """The value, JSON-shaped (instants as ISO text, durations as seconds) but for expression fields.

        Args:
            scope: where names come from.

        Raises:
            NotEvaluable: a template has no value.
        """
        if self.run is None:
            return _copied(self.value)
        try:
            return self.run(Frame(scope))
        except RecursionError:
            raise TooMuch(TOO_DEEP) from None


def compile_template(
    value: object, *, at: Position | None = None, ids: frozenset[str] = frozenset(), wrong: Wrong | None = None
) -> Template:
    """A template ready to render.

    Args:
        value: any YAML value; :class:`Expression` objects in it are kept as they are.
        at: where it is written.
        ids: step ids that contain hyphens.
        wrong: called with the path into the value for each string that does not compile; then that string is left
            as it is.

    Raises:
        SyntaxProblem: a string does not compile and there is no `wrong`.
    """
    compiler = _Compiler(ids, wrong)
    run = compiler.compile(value, ())
    if run is None:
        return Template(value, None, compiler.constants(value), at=at)
    return Template(value, run, trees=tuple(compiler.trees), at=at)


class _Compiler:
    def __init__(self, ids: frozenset[str], wrong: Wrong | None) -> None:
        self.ids = ids
        self.wrong = wrong
        self.trees: list[tuple[tuple[str | int, ...], Tree]] = []

    def compile(self, value: object, path: tuple[str | int, ...]) -> Run | None:
        """The closure for a value, None when it is constant."""
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, Mapping):
            return self._map(value, path)
        if isinstance(value, list | tuple):
            return self._list(value, path)
        return None

    def constants(self, value: object) -> object:
        """A constant value with its escapes resolved."""
        if isinstance(value, str):
            return "".join(part for part in pieces(value) if isinstance(part, str)) if _may(value) else value
        if isinstance(value, Mapping):
            return {key: self.constants(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.constants(item) for item in value]
        return value

    def _map(self, value: Mapping[Any, object], path: tuple[str | int, ...]) -> Run | None:
        runs = {key: self.compile(item, (*path, key)) for key, item in value.items()}
        if not any(runs.values()):
            return None
        parts = [(key, runs[key] or _constant(self.constants(item))) for key, item in value.items()]
        return lambda frame: {key: run(frame) for key, run in parts}

    def _list(self, value: Sequence[object], path: tuple[str | int, ...]) -> Run | None:
        runs = [self.compile(item, (*path, index)) for index, item in enumerate(value)]
        if not any(runs):
            return None
        parts = [run or _constant(self.constants(item)) for run, item in zip(runs, value, strict=True)]
        return lambda frame: [run(frame) for run in parts]

    def _text(self, text: str, path: tuple[str | int, ...]) -> Run | None:
        if not _may(text):
            return None
        try:
            if all(isinstance(part, str) for part in pieces(text)):
                return None
            tree = text_tree(text, self.ids)
            run = compiled(tree)
        except SyntaxProblem as problem:
            if self.wrong is None:
                raise
            self.wrong(path, problem)
            return _constant(text)
        self.trees.append((path, tree))
        return _settling(run)


def text_tree(text: str, ids: frozenset[str] = frozenset()) -> Tree:
    """What a string with templates says: a literal, one expression, or text joined from parts.

    Args:
        text: the string.
        ids: step ids that contain hyphens.

    Raises:
        SyntaxProblem: it does not compile.
    """
    parts = [part if isinstance(part, str) else _piece_tree(part, ids) for part in pieces(text)]
    if len(parts) == 1:
        only = parts[0]
        return Literal(only, 0, len(text)) if isinstance(only, str) else only
    return Joined(tuple(parts), 0, len(text))


def _piece_tree(piece: Piece, ids: frozenset[str]) -> Tree:
    if piece.default >= 0:
        name, _, default = piece.body.partition(":")
        return Default(name, default, piece.start, piece.start + len(name))
    return Parser(piece.body, range(piece.start, piece.start + len(piece.body) + 1), ids, depth=1).whole()


def _may(text: str) -> bool:
    return "${" in text or "{{" in text


def _constant(value: object) -> Run:
    if isinstance(value, Mapping | list):
        return lambda frame: _copied(value)
    return lambda frame: value


def _settling(run: Run) -> Run:
    def settled(frame: Frame) -> object:
        value = run(frame)
        name = type_name(value)
        if name == "instant":
            return instant_text(value)
        return simplest(seconds_of(value)) if name == "duration" else value

    return settled


_ATOMS = frozenset({str, int, float, bool, type(None)})


def _copied(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


__all__ = ["Expression", "Template", "compile_template", "text_tree"]
