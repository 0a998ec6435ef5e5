"""No tail: functions, files and parameter lists stay within DESIGN §12, without waivers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import tree

MAX_FILE, MAX_FUNCTION, MAX_PARAMETERS = 400, 60, 5
TABLE_SHARE = 0.8
Function = ast.FunctionDef | ast.AsyncFunctionDef


def all_files() -> list[Path]:
    """Product and test code; migrations are exempt by kind."""
    files = [*tree.product_files(), *tree.testing_files()]
    return [f for f in files if "migrations" not in f.parts]


def functions(module: ast.Module) -> Iterator[Function]:
    """Every function and method."""
    for node in ast.walk(module):
        if isinstance(node, Function):
            yield node


def own_lines(function: Function) -> int:
    """Lines of a function without its docstring, decorators and nested functions."""
    total = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        total -= (first.end_lineno or 0) - first.lineno + 1
    for inner in ast.walk(function):
        if isinstance(inner, Function) and inner is not function:
            total -= (inner.end_lineno or 0) - inner.lineno + 1
    return total


def is_table(module: ast.Module, lines: int) -> bool:
    """A file that is data: at least 80 % of it is module-level assignments."""
    data = sum((n.end_lineno or 0) - n.lineno + 1 for n in module.body if isinstance(n, ast.Assign | ast.AnnAssign))
    return data >= TABLE_SHARE * lines


@pytest.mark.parametrize("path", all_files(), ids=lambda p: str(p.relative_to(tree.ROOT)))
def test_sizes(path: Path) -> None:
    text = path.read_text()
    module, lines = ast.parse(text), text.count("\n")
    problems = []
    if lines > MAX_FILE and not is_table(module, lines):
        problems.append(f"file has {lines} lines")
    for function in functions(module):
        if own_lines(function) > MAX_FUNCTION:
            problems.append(f"{function.name}:{function.lineno} has {own_lines(function)} lines")
        arguments = function.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        count = len([n for n in names if n not in ("self", "cls")])
        if count > MAX_PARAMETERS and "tests" not in path.relative_to(tree.ROOT).parts:
            problems.append(f"{function.name}:{function.lineno} has {count} parameters")
    assert not problems
