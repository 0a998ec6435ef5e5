"""Functions, methods and types of a Go file, with a stable name for each handler written in place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from scanners.idioms import parsing
from scanners.idioms.code import Scope

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_PARAMETERS = ("parameter_declaration", "variadic_parameter_declaration")
_PLAIN_TYPES = frozenset("int string bool error byte rune float64 int64 uint any".split())  # noqa: SIM905
_CONVERSION = re.compile(r"(HandlerFunc|Handler|Func)$")


def scopes(code: GoCode, nodes: Iterable[Node]) -> list[Scope]:
    """Every function, method and type, and closures that are named by what they are given to, in source order.

    Args:
        code: the file.
        nodes: their nodes, in source order.
    """
    listed = list(nodes)
    classes = {s.name: s for s in _types(code, listed)}
    found: list[Scope] = []
    stack = [code.scopes[0]]
    used: dict[str, int] = {}
    for node in listed:
        while len(stack) > 1 and node.start_byte >= stack[-1].node.end_byte:
            stack.pop()
        if len(stack) > parsing.SCOPES:
            raise parsing.TooHard("scan/too-deep", "functions are nested too deeply in it; not read as code")
        scope = _scope(code, node, stack[-1], classes)
        if scope is None:
            continue
        count = used[scope.name] = used.get(scope.name, 0) + 1
        if count > 1:
            scope.name = f"{scope.name}#{count}"
        stack.append(scope)
        found.append(scope)
    return found


def _types(code: GoCode, nodes: Iterable[Node]) -> Iterator[Scope]:
    for node in nodes:
        if node.type in ("type_spec", "type_alias"):
            named = code.text(node.child_by_field_name("name"))
            yield Scope(named, "class", node, code.scopes[0])


def _scope(code: GoCode, node: Node, outer: Scope, classes: dict[str, Scope]) -> Scope | None:
    kind = node.type
    if kind in ("type_spec", "type_alias"):
        name = code.text(node.child_by_field_name("name"))
        if not outer.name:
            scope = classes[name]
            return scope if scope.node.id == node.id else Scope(name, "class", node, outer)
        return Scope(f"{outer.name}.{name}", "class", node, outer)
    if kind == "func_literal":
        return _closure(code, node, outer)
    name = code.text(node.child_by_field_name("name"))
    scope = Scope(name, "function", node, code.scopes[0])
    scope.params = tuple(n for n, _ in parameters(code, node))
    if kind == "method_declaration":
        received, owner = receiver(code, node)
        scope.name, scope.sort = f"{owner}.{name}", "method"
        scope.parent = classes.get(owner) or classes.setdefault(owner, Scope(owner, "class", node, code.scopes[0]))
        if received:
            code.receivers[scope.name] = received
    return scope


def receiver(code: GoCode, node: Node) -> tuple[str, str]:
    """Name and type of a method's receiver.

    Args:
        code: the file.
        node: a method declaration.
    """
    listed = node.child_by_field_name("receiver")
    declared = next((c for c in listed.named_children if c.type in _PARAMETERS), None) if listed is not None else None
    if declared is None:
        return "", ""
    kind = declared.child_by_field_name("type")
    while kind is not None and kind.type in ("pointer_type", "parenthesized_type", "generic_type"):
        kind = kind.named_children[0]
    return code.text(declared.child_by_field_name("name")), code.text(kind)


def parameters(code: GoCode, node: Node) -> Iterator[tuple[str, Node | None]]:
    """Name and type of each parameter; one without a name has an empty one.

    Args:
        code: the file.
        node: a function, method, closure or function type.
    """
    listed = node.child_by_field_name("parameters")
    for child in listed.named_children if listed is not None else ():
        if child.type in _PARAMETERS:
            kind = child.child_by_field_name("type")
            names = child.children_by_field_name("name")
            for name in names:
                yield code.text(name), kind
            if not names:
                yield "", kind


def _closure(code: GoCode, node: Node, outer: Scope) -> Scope | None:
    name = _closure_name(code, node, 0)
    params = list(parameters(code, node))
    if not name:
        outer.bound.update(n for n, _ in params if n)
        code.loose.append((outer, node))
        return None
    scope = Scope(f"{outer.name}.{name}" if outer.name else name, "function", node, outer)
    scope.params = tuple(n for n, _ in params)
    code.closures[node.id] = scope
    return scope


def _closure_name(code: GoCode, node: Node, depth: int) -> str:
    """The name a closure gets from where it is written; empty for one that belongs to what is around it."""
    parent = node.parent
    if parent is None or depth > 3:
        return ""
    if parent.type == "expression_list" and parent.parent is not None:
        return _assigned_name(code, parent, node)
    if parent.type in ("literal_element", "keyed_element", "parenthesized_expression"):
        if parent.type == "literal_element" and parent.parent is not None and parent.parent.type == "keyed_element":
            key = parent.parent.child_by_field_name("key")
            name = re.sub(r"\W+", "_", code.text(key).strip('"'))[:60]
            return "" if key is not None and key.id == parent.id else name
        return _closure_name(code, parent, depth + 1) if parent.type == "parenthesized_expression" else ""
    if parent.type == "argument_list" and parent.parent is not None:
        return _argument_name(code, parent, node, depth)
    return ""


def _assigned_name(code: GoCode, listed: Node, node: Node) -> str:
    statement = listed.parent
    if statement is None or statement.type == "return_statement":
        return ""
    left = statement.child_by_field_name("left")
    index = next((i for i, c in enumerate(listed.named_children) if c.id == node.id), 0)
    names = left.named_children if left is not None else statement.children_by_field_name("name")
    text = code.text(names[index]) if index < len(names) else ""
    return text.rpartition(".")[2] if re.fullmatch(r"[\w.]+", text) and text != "_" else ""


def _argument_name(code: GoCode, listed: Node, node: Node, depth: int) -> str:
    call = listed.parent
    head = call.child_by_field_name("function") if call is not None else None
    if call is None or head is None:
        return ""
    written = code.text(head)
    if _CONVERSION.search(written) and listed.named_child_count == 1:
        return _closure_name(code, call, depth + 1)
    first = next((c for c in listed.named_children if c.type != "comment"), None)
    literal = code.string(first)
    own = not literal and any(code.text(kind) not in _PLAIN_TYPES for _, kind in parameters(code, node))
    if not literal and not own:
        return ""
    receiver_text, _, method = written.rpartition(".")
    receiver_text = re.sub(r"\W+", "_", receiver_text)[-40:] or "it"
    return f"{receiver_text}:{(method or written).strip()} {literal}".strip().replace(".", "_")
