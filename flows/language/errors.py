"""Why an expression has no value; the engine turns these into verdicts, never into exceptions of its own."""

from __future__ import annotations

from testmesh.kernel.errors import TestMeshError


class SyntaxProblem(TestMeshError):
    """Text that does not compile.

    Args:
        message: what is wrong.
        offset: index into the text where the smallest wrong token starts.
        length: characters of that token.
        rule: rule id of the finding.
        suggestion: the nearest valid word, or None.
    """

    def __init__(
        self,
        message: str,
        offset: int,
        length: int = 1,
        *,
        rule: str = "expr/syntax",
        suggestion: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = length
        self.rule = rule
        self.suggestion = suggestion


class NotEvaluable(TestMeshError):
    """The expression has no value in this scope (verdict *error*).

    Args:
        message: what is wrong, naming the part of the expression.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MissingField(NotEvaluable):
    """A path that finds nothing; tolerated directly under `exists`, `not exists` and left of `??`."""


class UnknownName(MissingField):
    """A bare name that nothing in scope defines.

    Args:
        name: the name.
    """

    def __init__(self, name: str, message: str | None = None) -> None:
        super().__init__(message or f"'{name}' is not defined")
        self.name = name


class StepDidNotRun(MissingField):
    """A reference to a step that has no result; the engine's scope raises it from `lookup`.

    Args:
        step: its id.
    """

    def __init__(self, step: str) -> None:
        super().__init__(f"step '{step}' did not run")
        self.step = step


class TypeMismatch(NotEvaluable):
    """Two types that do not go together, both named."""


class TooMuch(NotEvaluable):
    """More steps or larger values than one expression may use."""
