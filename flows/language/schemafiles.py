"""JSON Schemas that a flow writes inline or names as a file, checked before the first request."""

from __future__ import annotations

from flows.language.errors import NotEvaluable
from flows.language.expressions import tree as t
from flows.language.expressions.compiling import compiled
from flows.language.expressions.frame import Frame
from flows.language.expressions.schemas import check_schema
from flows.language.expressions.scope import MappingScope
from flows.language.files import Files, NotAtHand
from testmesh.guard.yaml import FOREIGN, parse, plain
from testmesh.kernel.errors import UserError


def schema_problem(node: t.Tree, files: Files) -> tuple[str, str] | None:
    """Rule and message of what is wrong with the right side of `matches_schema`, or None.

    Args:
        node: the right side; what depends on names is not judged.
        files: files beside the flow.
    """
    if isinstance(node, t.Literal) and isinstance(node.value, str):
        return _file_problem(node.value, files)
    if not isinstance(node, t.MapOf):
        return None
    try:
        schema = compiled(node)(Frame(MappingScope({})))
    except NotEvaluable:
        return None
    problem = check_schema(schema)
    return None if problem is None else ("expr/schema", problem)


def _file_problem(name: str, files: Files) -> tuple[str, str] | None:
    try:
        content = files.read(name)
    except NotAtHand:
        return None
    except UserError as problem:
        return "flow/missing-file", problem.message
    try:
        found = check_schema(plain(parse(content, name, FOREIGN)))
    except UserError as problem:
        return "flow/bad-file", f"{name}: {problem.message}"
    return None if found is None else ("flow/bad-file", f"{name}: {found}")
