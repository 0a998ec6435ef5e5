"""The expression language: compiled once to closures, evaluated against a scope, without side effects."""

from __future__ import annotations

from flows.language.errors import (
    MissingField,
    NotEvaluable,
    StepDidNotRun,
    SyntaxProblem,
    TooMuch,
    TypeMismatch,
    UnknownName,
)
from flows.language.expressions.expression import Expression, compile_expression, compile_path
from flows.language.expressions.outcome import Outcome, evaluate_assertion
from flows.language.expressions.scope import InnerScope, MappingScope, Scope

__all__ = [
    "Expression",
    "InnerScope",
    "MappingScope",
    "MissingField",
    "NotEvaluable",
    "Outcome",
    "Scope",
    "StepDidNotRun",
    "SyntaxProblem",
    "TooMuch",
    "TypeMismatch",
    "UnknownName",
    "compile_expression",
    "compile_path",
    "evaluate_assertion",
]
