"""An assertion's verdict with the values on both sides, which is what a person needs to see."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from flows.language.errors import MissingField, NotEvaluable, Undecided
from flows.language.expressions import tree as t
from flows.language.expressions.arithmetic import OPERATORS
from flows.language.expressions.compiling import boolean, compiled, tolerant
from flows.language.expressions.expression import TOO_DEEP, Expression
from flows.language.expressions.frame import Frame
from flows.language.expressions.scope import Scope
from flows.language.expressions.words import COMPARISON, PRECEDENCE


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an assertion came out.

    Args:
        passed: it is true.
        left: value of the left side of the deciding comparison, or of the whole; None when there is none.
        right: value of the right side; None for forms without one.
        problem: why it could not be evaluated, or None.
        undecided: it has a value, which only what is masked in the recording could tell.
    """

    passed: bool
    left: object
    right: object
    problem: str | None = None
    undecided: bool = False

    @property
    def evaluable(self) -> bool:
        """Whether it has a value at all."""
        return self.problem is None


class Sides:
    """Where a judge leaves the values it saw, also when it raises."""

    __slots__ = ("left", "right")

    def __init__(self) -> None:
        self.left: object = None
        self.right: object = None


Judge = Callable[[Frame, Sides], bool]


def evaluate_assertion(expression: Expression, scope: Scope) -> Outcome:
    """Evaluates a condition and keeps what its sides were, also when it cannot be evaluated.

    Args:
        expression: must be boolean.
        scope: where names come from.
    """
    judge: Judge | None = expression.judge
    if judge is None:
        judge = expression.judge = judge_of(expression.tree)
    sides = Sides()
    try:
        passed = judge(Frame(scope), sides)
    except NotEvaluable as problem:
        return Outcome(False, sides.left, sides.right, problem.told(), isinstance(problem, Undecided))
    except RecursionError:
        return Outcome(False, None, None, TOO_DEEP)
    return Outcome(passed, sides.left, sides.right)


def judge_of(tree: t.Tree) -> Judge:
    """What evaluates a condition and leaves the sides of the comparison that decided it.

    Args:
        tree: of a boolean expression.
    """
    if isinstance(tree, t.Unary) and tree.operator == "!":
        inner = judge_of(tree.operand)
        return lambda frame, sides: not inner(frame, sides)
    if isinstance(tree, t.Binary) and tree.operator in ("&&", "||"):
        return _joined(tree)
    if isinstance(tree, t.Binary) and tree.operator in OPERATORS and PRECEDENCE[tree.operator] == COMPARISON:
        return _compared(tree)
    if isinstance(tree, t.Exists | t.Is):
        return _tested(tree)
    run = compiled(tree)

    def whole(frame: Frame, sides: Sides) -> bool:
        sides.left = sides.right = None
        sides.left = run(frame)
        return boolean(sides.left, "an assertion")

    return whole


def _joined(tree: t.Binary) -> Judge:
    first, second = judge_of(tree.left), judge_of(tree.right)
    decided = tree.operator == "||"

    def judge(frame: Frame, sides: Sides) -> bool:
        return decided if first(frame, sides) is decided else second(frame, sides)

    return judge


def _compared(tree: t.Binary) -> Judge:
    left, right, operator = compiled(tree.left), compiled(tree.right), OPERATORS[tree.operator]

    def judge(frame: Frame, sides: Sides) -> bool:
        sides.left = sides.right = None
        try:
            a = sides.left = left(frame)
        except NotEvaluable:
            # What the other side is helps whoever looks for the missing one.
            with suppress(NotEvaluable):
                sides.right = right(frame)
            raise
        b = sides.right = right(frame)
        return operator(a, b) is True

    return judge


def _tested(tree: t.Exists | t.Is) -> Judge:
    whole, operand = compiled(tree), tolerant(tree.operand)

    def judge(frame: Frame, sides: Sides) -> bool:
        sides.left = sides.right = None
        try:
            sides.left = operand(frame)
        except MissingField:
            sides.left = None
        return whole(frame) is True

    return judge
