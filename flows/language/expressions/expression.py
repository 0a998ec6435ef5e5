"""A compiled expression with its text and place."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flows.language.errors import SyntaxProblem, TooMuch
from flows.language.expressions import tree as t
from flows.language.expressions.compiling import boolean, compiled
from flows.language.expressions.frame import Frame, Run
from flows.language.expressions.parser import parse
from flows.language.expressions.scope import Scope

if TYPE_CHECKING:
    from flows.language.spec import Position


TOO_DEEP = "a value nested too deep to be compared or printed"


class Expression:
    """A compiled expression; build it with :func:`compile_expression` or :func:`compile_path`.

    Args:
        text: as written.
        tree: what it says.
        run: evaluates it.
        at: where it is written, or None.
    """

    __slots__ = ("at", "judge", "run", "text", "tree")

    def __init__(self, text: str, tree: t.Tree, run: Run, at: Position | None) -> None:
        self.text = text
        self.tree = tree
        self.at = at
        self.run = run
        self.judge: Any = None

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def evaluate(self, scope: Scope) -> object:
        """Its value.

        Args:
            scope: where names come from.

        Raises:
            NotEvaluable: it has none; MissingField, UnknownName, StepDidNotRun, TypeMismatch, TooMuch say why.
        """
        try:
            return self.run(Frame(scope))
        except RecursionError:
            raise TooMuch(TOO_DEEP) from None

    def condition(self, scope: Scope) -> bool:
        """Its value as a condition.

        Args:
            scope: where names come from.

        Raises:
            NotEvaluable: it has no value, or one that is not a boolean.
        """
        return boolean(self.evaluate(scope), "a condition")

    @property
    def names(self) -> frozenset[str]:
        """Every bare name it refers to."""
        found: set[str] = set()
        waiting: list[t.Tree] = [self.tree]
        while waiting:
            tree = waiting.pop()
            if isinstance(tree, t.Name | t.Default):
                found.add(tree.name)
            waiting += t.children(tree)
        return frozenset(found)


def compile_expression(text: str, *, at: Position | None = None, ids: frozenset[str] = frozenset()) -> Expression:
    """An expression ready to evaluate any number of times.

    Args:
        text: FLOWS §6.
        at: where it is written.
        ids: step ids that contain hyphens (others do no harm).

    Raises:
        SyntaxProblem: it does not compile; the offset is that of the smallest wrong token.
    """
    return Expression(text, *_built(text, ids), at)


def compile_path(text: str, *, at: Position | None = None, ids: frozenset[str] = frozenset()) -> Expression:
    """A path: dotted access, or with ``$`` JSONPath (RFC 9535).

    Args:
        text: FLOWS §5.
        at: where it is written.
        ids: step ids that contain hyphens.

    Raises:
        SyntaxProblem: it is no path.
    """
    stripped = text.strip()
    if stripped.startswith("$") and not stripped.startswith(("${", "$$")):
        lead = len(text) - len(text.lstrip())
        whole = t.PathOf(stripped, lead - 1, lead + len(stripped))
        return Expression(text, whole, compiled(whole), at)
    tree, run = _built(text, ids)
    part = tree
    while isinstance(part, t.Member | t.Index | t.Slice):
        part = part.target
    if not isinstance(part, t.Name):
        message = "this is no path; an expression belongs into a 'transform' step"
        raise SyntaxProblem(message, part.start, max(1, part.end - part.start), rule="expr/path")
    return Expression(text, tree, run, at)


@lru_cache(maxsize=2048)
def _built(text: str, ids: frozenset[str]) -> tuple[t.Tree, Run]:
    """Trees and closures hold no state, so equal texts share them: flows repeat `status == 200` a lot."""
    tree = parse(text, ids)
    return tree, compiled(tree)
