"""What a C# file imports, marks with attributes and gives names to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from scanners.idioms.code import Assign, Import, Scope
from scanners.idioms.cs_records import Attribute
from scanners.idioms.cs_types import child, type_ref

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode


def imports(code: CsCode) -> Iterator[Import]:
    """``using A.B``, ``using X = A.B.C``, ``using static A.B.C``, ``global using``."""
    for node in code.kept.usings:
        line = int(node.start_point[0]) + 1
        words = {c.type for c in node.children}
        alias = node.child_by_field_name("name")
        target = code.dotted(node.named_children[-1]) if node.named_child_count else ""
        if not target:
            continue
        module, _, last = target.rpartition(".")
        if alias is not None:
            yield Import(code.text(alias), module, last, line)
        else:
            yield Import("global" if "global" in words else "*", target, "*", line)


def attributes(code: CsCode, nodes: Iterable[Node]) -> None:
    """Note the attributes of declarations.

    Args:
        code: the file; changed in place.
        nodes: attributes.
    """
    for node in nodes:
        owner = node.parent.parent if node.parent is not None else None
        named = node.child_by_field_name("name")
        if owner is None or named is None:
            continue
        ref = type_ref(code, named)
        name = ref.name.rpartition(".")[2] if ref is not None else ""
        args, keywords = code.arguments(child(node, "attribute_argument_list"))
        name = name.removesuffix("Attribute") or name
        made = Attribute(name, args, keywords, node, ref.args if ref is not None else ())
        code.attributes.setdefault(owner.id, []).append(made)


def assigns(code: CsCode, nodes: Iterable[Node]) -> Iterator[Assign]:
    """What the file assigns to names, loop variables and patterns included.

    Args:
        code: the file.
        nodes: declarators, assignments, loops and patterns.
    """
    for node in nodes:
        scope = code.scope_at(node.start_byte)
        line = int(node.start_point[0]) + 1
        kind = node.type
        if kind == "assignment_expression":
            target = _assigned(code, node, scope)
            if target:
                yield Assign(target, node.child_by_field_name("right"), None, scope, line, ":=")
        elif kind == "variable_declarator":
            yield from _declarator(code, node, scope)
        elif kind in ("declaration_expression", "declaration_pattern"):
            name = node.child_by_field_name("name")
            if name is not None and name.type == "identifier":
                yield Assign(code.simple(name), None, node.child_by_field_name("type"), scope, line)
        else:
            yield from _loop(code, node, scope)


def _assigned(code: CsCode, node: Node, scope: Scope) -> str:
    """Target of an assignment, empty for initialisers of objects and items."""
    parent = node.parent
    if parent is None or parent.type == "initializer_expression":
        return ""
    operator = node.child_by_field_name("operator")
    if operator is None or code.text(operator) not in ("=", "??="):
        return ""
    target = code.dotted(node.child_by_field_name("left"))
    head = target.partition(".")[0]
    owner = scope.owner
    if owner and head in code.declared.get(owner, ()) and not any(head in s.params for s in scope.outward()):
        return f"this.{target}"
    return target


def _declarator(code: CsCode, node: Node, scope: Scope) -> Iterator[Assign]:
    line = int(node.start_point[0]) + 1
    holder = node.parent
    declared = holder.child_by_field_name("type") if holder is not None else None
    declared = None if declared is not None and declared.type == "implicit_type" else declared
    name = node.child_by_field_name("name")
    children = [c for c in node.named_children if c.type not in ("bracketed_argument_list", "comment")]
    value = children[-1] if len(children) > 1 else None
    if name is None and children and children[0].type == "tuple_pattern":
        for index, part in enumerate(children[0].named_children):
            yield Assign(code.simple(part), value, None, scope, line, "=", f"Item{index + 1}")
    elif name is not None:
        own = code.simple(name)
        whole = holder.parent.type if holder is not None and holder.parent is not None else ""
        if scope.sort == "class" and whole in ("field_declaration", "event_field_declaration"):
            own = f"this.{own}"
        yield Assign(own, value, declared, scope, line, "with" if whole == "using_statement" else "=")


def _loop(code: CsCode, node: Node, scope: Scope) -> Iterator[Assign]:
    line = int(node.start_point[0]) + 1
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    declared = node.child_by_field_name("type")
    declared = None if declared is not None and declared.type == "implicit_type" else declared
    if left is None:
        return
    if left.type == "identifier":
        yield Assign(code.simple(left), right, declared, scope, line, "for")
    elif left.type == "tuple_pattern":
        for part, key in zip(left.named_children, ("keys", "values"), strict=False):
            yield Assign(code.simple(part), right, None, scope, line, "for", key)
