"""The errors of expressions under the name that callers of this package use."""

from flows.language.errors import (
    MissingField,
    NotEvaluable,
    StepDidNotRun,
    SyntaxProblem,
    TooMuch,
    TypeMismatch,
    UnknownName,
)

__all__ = [
    "MissingField",
    "NotEvaluable",
    "StepDidNotRun",
    "SyntaxProblem",
    "TooMuch",
    "TypeMismatch",
    "UnknownName",
]
