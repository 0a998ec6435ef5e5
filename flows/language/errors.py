"""Why an expression has no value; the engine turns these into verdicts, never into exceptions of its own."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from testmesh.kernel.errors import TestMeshError

_MOST_NAMES = 200
_SHOWN_NAMES = 8
_LONGEST_NAME = 30


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

    def told(self) -> str:
        """The message, with what may help whoever reads it."""
        return self.message


UNDECIDED = "undecided: it depends on a masked value"


class Undecided(NotEvaluable):
    """Only the hidden part of a recorded value could tell: neither true nor false, and no error of the system."""

    def __init__(self) -> None:
        super().__init__(UNDECIDED)


class MissingField(NotEvaluable):
    """A path that finds nothing; tolerated directly under `exists`, `not exists` and left of `??`.

    Args:
        message: what is missing where.
        field: the name that was not found, or empty.
        among: the names that are there.
    """

    def __init__(self, message: str, field: str = "", among: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.among = among

    def told(self) -> str:
        """The message with the nearest name, or with the names that are there."""
        names = list(islice(self.among, _MOST_NAMES)) if self.field else []
        if not names:
            return self.message
        from flows.language.closest import closest

        near = closest(self.field, names)
        if near is not None:
            return f"{self.message}; did you mean '{near}'?"
        more = ", …" if len(names) > _SHOWN_NAMES else ""
        return f"{self.message}; fields are {', '.join(name[:_LONGEST_NAME] for name in names[:_SHOWN_NAMES])}{more}"


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
