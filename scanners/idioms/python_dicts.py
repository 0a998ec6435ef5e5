"""Dictionaries that are written out: their entries, and entries picked from them at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import Choice, Lit, Name, Unknown, Value
from scanners.idioms.code import Assign, Scope
from scanners.idioms.noise import PYTHON_STDLIB

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_MOST = 60
_CONTENTS = ".[]"


def pairs(node: Node | None) -> list[tuple[Node | None, Node | None]]:
    """Keys and values of a dictionary literal.

    Args:
        node: any expression.
    """
    if node is None or node.type != "dictionary":
        return []
    found = [c for c in node.named_children if c.type == "pair"]
    return [(p.child_by_field_name("key"), p.child_by_field_name("value")) for p in found[:_MOST]]


def contents(code: PyCode, assign: Assign) -> Value | None:
    """Any one value of a dictionary that is assigned, None when none is known.

    Args:
        code: the file.
        assign: of a dictionary literal.
    """
    found = [code.value(v, assign.scope) for _, v in pairs(assign.value)]
    known = tuple(dict.fromkeys(v for v in found if not isinstance(v, Unknown)))
    texts = [v for v in known if not isinstance(v, Lit) or isinstance(v.value, str)]
    return None if not texts else known[0] if len(known) == 1 else Choice(known)


def picked(code: PyCode, node: Node | None, scope: Scope) -> Value | None:
    """An entry of a table of this system that is chosen at run time; None when the expression is no table.

    Args:
        code: the file.
        node: the table.
        scope: where it is used.
    """
    dotted = code.dotted(node)
    if not dotted or _given(dotted.split(".", 1)[0], scope):
        return None
    if table(code, dotted, scope) is not None:
        return Name(f"{dotted}{_CONTENTS}")
    found = code.imports.get(dotted.split(".", 1)[0])
    ours = found is not None and (found.module[:1] == "." or found.module.split(".", 1)[0] not in PYTHON_STDLIB)
    return Name(f"{dotted}{_CONTENTS}") if ours and dotted.rsplit(".", 1)[-1].isupper() else None


def _given(name: str, scope: Scope) -> bool:
    """Whether a name is a parameter of the function or of one around it."""
    return any(name in outer.params and name not in outer.bound for outer in scope.outward())


def table(code: PyCode, dotted: str, scope: Scope) -> Assign | None:
    """The assignment of a dictionary literal to a name.

    Args:
        code: the file.
        dotted: the name as written.
        scope: where it is used.
    """
    own = dotted.startswith(("self.", "cls.")) and scope.owner
    around = [s for s in code.scopes if scope.owner in (s.owner, s.name)] if own else scope.outward()
    for outer in around:
        target = dotted.partition(".")[2] if own and outer.sort == "class" else dotted
        for assign in code.assigned(outer, target):
            if assign.value is not None and assign.value.type == "dictionary":
                return assign
    return None
