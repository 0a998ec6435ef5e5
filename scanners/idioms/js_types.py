"""Declared and constructed types of names in JavaScript and TypeScript, with their type arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanners.idioms.code import Assign, Scope
from scanners.idioms.js_scopes import parameters, type_name

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_AROUND = ("type_annotation", "parenthesized_type", "readonly_type")
_HANDED_ON = ("Promise", "Readonly", "Partial", "Required", "NonNullable", "Awaited")
_STEPS = 12
_NOTHING: tuple[str, tuple[str, ...]] = ("", ())


def declared(code: JsCode, node: Node | None) -> tuple[str, tuple[str, ...]]:
    """The dotted class of a type through imports, empty for anything but a plain name, and its type arguments.

    Args:
        code: the file.
        node: a type annotation or a type.
    """
    for _ in range(_STEPS):
        if node is None:
            return _NOTHING
        if node.type in _AROUND and node.named_child_count:
            node = node.named_children[0]
        elif node.type == "union_type":
            node = next((c for c in node.named_children if declared(code, c)[0]), None)
        elif node.type == "array_type" and node.named_child_count:
            return "Array", (code.text(node.named_children[0]),)
        elif node.type == "generic_type":
            name = code.text(node.named_children[0])
            inner = node.named_children[1].named_children if node.named_child_count > 1 else []
            if name not in _HANDED_ON or not inner:
                return code.origin(name), tuple(code.text(i) for i in inner)
            node = inner[0]
        else:
            known = node.type in ("type_identifier", "nested_type_identifier")
            return (code.origin(code.text(node)), ()) if known else _NOTHING
    return _NOTHING


def types(code: JsCode) -> None:
    """Fill the file's maps from qualified names to the types or factories they come from.

    Args:
        code: the file.
    """
    for scope in code.scopes[1:]:
        if scope.sort == "class":
            continue
        for name, node in parameters(code, scope.node):
            owner = scope.owner if scope.owner and is_property(code, node) else ""
            for target in (f"{scope.name}.{name}", *((f"{owner}.{name}",) if owner else ())):
                _set(code, target, node.child_by_field_name("type"))
    made_by = {s.name: declared(code, s.node.child_by_field_name("return_type"))[0] for s in code.scopes[1:]}
    for assign in code.assigns:
        _type_of_assign(code, assign, made_by)


def _set(code: JsCode, target: str, annotation: Node | None) -> bool:
    name, of = declared(code, annotation)
    if name:
        code.types[target] = name
    if of:
        code.type_arguments[target] = of
    return bool(name)


def is_property(code: JsCode, node: Node) -> bool:
    """Whether a constructor's parameter becomes a property of its class.

    Args:
        code: the file.
        node: the parameter.
    """
    return any(c.type == "accessibility_modifier" or code.text(c) == "readonly" for c in node.children)


def _type_of_assign(code: JsCode, assign: Assign, made_by: dict[str, str]) -> None:
    target = code.bound_name(assign)
    if (assign.annotation is not None and _set(code, target, assign.annotation)) or assign.value is None:
        return
    if assign.how == "for" or assign.key:
        return
    site = code.site(assign.value)
    if site is not None:
        callee = code.callee(site)
        if callee.endswith("inject") and site.args and code.dotted(site.args[0]):
            callee = code.origin(code.dotted(site.args[0]))
        if callee and callee != "require":
            code.types.setdefault(target, made_by.get(callee) or callee)
            _arguments(code, target, site.node)
        return
    _taken_over(code, target, assign)


def _arguments(code: JsCode, target: str, node: Node) -> None:
    written = node.child_by_field_name("type_arguments")
    if written is not None:
        code.type_arguments.setdefault(target, tuple(code.text(c) for c in written.named_children))


def _taken_over(code: JsCode, target: str, assign: Assign) -> None:
    """``this.orders = orders`` has the type of ``orders``."""
    dotted = code.dotted(assign.value)
    known = code.type_of(dotted, assign.scope) if dotted else ""
    if known:
        code.types.setdefault(target, known)
        of = argument_types(code, dotted, assign.scope)
        if of:
            code.type_arguments.setdefault(target, of)


def argument_types(code: JsCode, dotted: str, scope: Scope) -> tuple[str, ...]:
    """The type arguments of a name's type, as written.

    Args:
        code: the file.
        dotted: as written.
        scope: where it is used.
    """
    head, dot, rest = dotted.partition(".")
    if dot and head == "this":
        return code.type_arguments.get(f"{scope.owner}.{rest}", ()) if scope.owner else ()
    for outer in scope.outward():
        found = code.type_arguments.get(f"{outer.name}.{dotted}" if outer.name else dotted)
        if found:
            return found
    return ()


def base_argument(code: JsCode, node: Node) -> str:
    """The first type argument of what a class extends: ``Order`` of ``extends Repository<Order>``; empty without one.

    Args:
        code: the file.
        node: the class.
    """
    for heritage in (c for c in node.named_children if c.type == "class_heritage"):
        for clause in heritage.named_children:
            written = clause.child_by_field_name("type_arguments") if clause.type == "extends_clause" else None
            if written is not None and written.named_child_count:
                return type_name(code, written.named_children[0])
    return ""
