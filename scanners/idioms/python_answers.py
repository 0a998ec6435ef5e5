"""What a view answers when all goes well: one shape for all its success answers, open where one is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Shape
from scanners.idioms.python_shapes import merged

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.code import CallSite, Scope
    from scanners.idioms.python import PyCode

_LEAVES = ("return_statement", "raise_statement")
_ERROR = 400


def together(shapes: Sequence[Shape]) -> Shape:
    """The shape of success answers.

    Args:
        shapes: one a success answer, ANYTHING where it is not known; answers without a body left out.
    """
    known = list(dict.fromkeys(s for s in shapes if s != ANYTHING))
    if not known or any(s.type != "object" for s in known):
        return known[0] if len(known) == 1 and len(shapes) == shapes.count(known[0]) else ANYTHING
    one = known[0] if len(known) == 1 else merged(known)
    if len(known) < len(set(shapes)) and one.type == "object":
        return Shape("object", one.fields, one.item, True, one.named)
    return one


def answers_method(code: PyCode, scope: Scope, node: Node, method: str) -> bool:
    """Whether a return of a view for several methods is reached with this one, by ``if request.method == "X"``.

    Args:
        code: the file.
        scope: the view.
        node: the return.
        method: upper case.
    """
    for branch, named in _branches(code, scope):
        taken = branch.child_by_field_name("consequence")
        inside = taken is not None and taken.start_byte <= node.start_byte < taken.end_byte
        if inside and named != method:
            return False
        if not inside and named == method and taken is not None and _leaves(taken) and node.start_byte > taken.end_byte:
            return False
    return True


def _branches(code: PyCode, scope: Scope) -> list[tuple[Node, str]]:
    found: list[tuple[Node, str]] = []
    todo = [scope.node]
    while todo:
        node = todo.pop()
        for child in node.named_children:
            if child.type in ("block", "if_statement", "decorated_definition", "function_definition", "elif_clause"):
                todo.append(child)
        if node.type in ("if_statement", "elif_clause"):
            condition = node.child_by_field_name("condition")
            named = _method_of(code, condition) if condition is not None else ""
            if named:
                found.append((node, named))
    return found


def _method_of(code: PyCode, condition: Node) -> str:
    parts = condition.named_children
    if condition.type != "comparison_operator" or len(parts) != 2 or "==" not in code.text(condition):
        return ""
    sides = [code.text(p) for p in parts]
    if not any(s in ("request.method", "self.request.method", "flask.request.method") for s in sides):
        return ""
    return next((code.string(p).upper() for p in parts if p.type == "string"), "")


def _leaves(block: Node) -> bool:
    return bool(block.named_children) and block.named_children[-1].type in _LEAVES


def error_given(code: PyCode, site: CallSite) -> bool:
    """Whether a call of a function of this file hands it an error status that it answers with: ``problem(404, "no")``.

    Args:
        code: the file.
        site: a call whose result is returned.
    """
    made = code.scope(site.dotted) if site.receiver is None and site.dotted else None
    if made is None or made.sort != "function":
        return False
    for at, name in enumerate(made.params):
        given = site.arg(at, name)
        if given is None or not code.text(given).isdigit() or int(code.text(given)) < _ERROR:
            continue
        if any(where is made and _as_status(code, node, name) for node, where in code.returns):
            return True
    return False


def _as_status(code: PyCode, node: Node, name: str) -> bool:
    if not node.named_child_count:
        return False
    body = node.named_children[0]
    if body.type in ("expression_list", "tuple") and body.named_child_count > 1:
        return code.text(body.named_children[1]) == name
    inner = code.site(body)
    if inner is None:
        return False
    status = inner.named.get("status_code") or inner.named.get("status") or inner.arg(1)
    return status is not None and code.text(status) == name
