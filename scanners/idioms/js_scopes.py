"""Functions and classes of a JavaScript file, with a stable name for each handler written in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from scanners.idioms import parsing
from scanners.idioms.code import Assign, Scope

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_CLASSES = ("class_declaration", "abstract_class_declaration")
_DECLARED = ("function_declaration", "generator_function_declaration", "method_definition", *_CLASSES)
_PATTERNS = ("required_parameter", "optional_parameter", "assignment_pattern", "rest_pattern")


def scopes(code: JsCode, nodes: Iterable[Node]) -> Iterator[Scope]:
    """Every named function and class, in source order; callbacks without a name belong to what is around them.

    Args:
        code: the file.
        nodes: their nodes, in source order.
    """
    stack = [code.scopes[0]]
    for node in nodes:
        while len(stack) > 1 and node.start_byte >= stack[-1].node.end_byte:
            stack.pop()
        outer = stack[-1]
        if len(stack) > parsing.SCOPES:
            raise parsing.TooHard("scan/too-deep", "functions are nested too deeply in it; not read as code")
        name = _name(code, node)
        if not name:
            continue
        scope = Scope(_qualified(outer, name), "function", node, outer)
        if node.type in _CLASSES:
            scope.sort, scope.bases = "class", tuple(_bases(code, node))
        else:
            scope.sort = "method" if outer.sort == "class" else "function"
            scope.params = tuple(name for name, _ in parameters(code, node))
        stack.append(scope)
        yield scope


def _qualified(outer: Scope, name: str) -> str:
    return f"{outer.name}.{name}" if outer.name else name


def _bases(code: JsCode, node: Node) -> Iterator[str]:
    for child in node.named_children:
        if child.type == "class_heritage":
            for part in child.named_children:
                inner = part.named_children[0] if part.type == "extends_clause" and part.named_child_count else part
                if code.dotted(inner):
                    yield code.dotted(inner)


def _name(code: JsCode, node: Node) -> str:
    if node.type in _DECLARED:
        own = code.text(node.child_by_field_name("name"))
        return own or ("default" if node.parent is not None and node.parent.type == "export_statement" else "")
    return _function_name(code, node, 0)


def _function_name(code: JsCode, node: Node, depth: int) -> str:
    """The name a function expression gets from where it is written; empty for a plain callback."""
    parent = node.parent
    if parent is None or depth > 3:
        return ""
    if parent.type in ("variable_declarator", "public_field_definition", "field_definition"):
        return code.text(parent.child_by_field_name("name") or parent.child_by_field_name("property"))
    if parent.type == "assignment_expression":
        return exported(code.dotted(parent.child_by_field_name("left")))
    if parent.type == "pair":
        return _pair_name(code, parent)
    if parent.type == "export_statement":
        return "default"
    if parent.type in ("parenthesized_expression", "as_expression"):
        return _function_name(code, parent, depth + 1)
    return _argument_name(code, parent, depth) if parent.type == "arguments" else ""


def _argument_name(code: JsCode, arguments: Node, depth: int) -> str:
    call = arguments.parent
    if call is None or call.type != "call_expression":
        return ""
    head = call.child_by_field_name("function")
    first = next((c for c in arguments.named_children if c.type != "comment"), None)
    literal = code.string(first)
    if literal and head is not None and head.type == "member_expression":
        receiver = code.dotted(head.child_by_field_name("object")).replace(".", "_")
        method = code.text(head.child_by_field_name("property"))
        return f"{receiver or 'it'}:{method} {literal}".replace(".", "_")
    if head is not None and head.type == "member_expression":
        return _chained_name(code, head)
    if head is not None and head.type == "identifier":
        return _function_name(code, call, depth + 1)
    return ""


def _chained_name(code: JsCode, head: Node) -> str:
    """``router.route("/x").get(...).post(handler)``: the handler is named by the path the chain starts with."""
    node = head.child_by_field_name("object")
    for _ in range(12):
        inner = node.child_by_field_name("function") if node is not None and node.type == "call_expression" else None
        if node is None or inner is None or inner.type != "member_expression":
            return ""
        listed = node.child_by_field_name("arguments")
        literal = code.string(listed.named_children[0]) if listed is not None and listed.named_child_count else ""
        if code.text(inner.child_by_field_name("property")) == "route" and literal:
            receiver = code.dotted(inner.child_by_field_name("object"))
            return f"{receiver}:{code.text(head.child_by_field_name('property'))} {literal}".replace(".", "_")
        node = inner.child_by_field_name("object")
    return ""


def _pair_name(code: JsCode, pair: Node) -> str:
    key = code.text(pair.child_by_field_name("key")).strip("'\"")
    holder = pair.parent.parent if pair.parent is not None else None
    if holder is not None and holder.type == "variable_declarator":
        return f"{code.text(holder.child_by_field_name('name'))}.{key}"
    if holder is not None and holder.type == "assignment_expression":
        left = exported(code.dotted(holder.child_by_field_name("left")))
        return key if left == "default" else f"{left}.{key}"
    if holder is not None and holder.type == "export_statement":
        return key
    return ""


def exported(dotted: str) -> str:
    """The name something has for importers: ``module.exports.a`` and ``exports.a`` are ``a``.

    Args:
        dotted: left side of an assignment.
    """
    for prefix in ("module.exports", "exports"):
        if dotted == prefix:
            return "default"
        if dotted.startswith(f"{prefix}."):
            return dotted[len(prefix) + 1 :]
    return dotted.removeprefix("this.").replace("$scope.", "")


def parameters(code: JsCode, node: Node) -> Iterator[tuple[str, Node]]:
    """Name and node of each parameter; a destructured one has its text as name.

    Args:
        code: the file.
        node: a function.
    """
    listed = node.child_by_field_name("parameters")
    single = node.child_by_field_name("parameter")
    for child in [single] if single is not None else (listed.named_children if listed is not None else ()):
        inner = child
        while inner.type in _PATTERNS and inner.named_child_count:
            inner = (
                inner.child_by_field_name("pattern") or inner.child_by_field_name("left") or inner.named_children[-1]
            )
        if inner.type in ("identifier", "object_pattern", "array_pattern"):
            yield code.text(inner), child


def types(code: JsCode) -> None:
    """Fill the file's map from qualified names to the types or factories they come from.

    Args:
        code: the file.
    """
    made_by = {s.name: code.annotation(s.node.child_by_field_name("return_type")) for s in code.scopes[1:]}
    for scope in code.scopes[1:]:
        for name, node in parameters(code, scope.node) if scope.sort != "class" else ():
            declared = code.annotation(node.child_by_field_name("type"))
            if declared:
                code.types[f"{scope.name}.{name}"] = declared
                if _is_property(code, node) and scope.owner:
                    code.types[f"{scope.owner}.{name}"] = declared
    for assign in code.assigns:
        _type_of_assign(code, assign, made_by)


def _is_property(code: JsCode, node: Node) -> bool:
    return any(c.type == "accessibility_modifier" or code.text(c) == "readonly" for c in node.children)


def _type_of_assign(code: JsCode, assign: Assign, made_by: dict[str, str]) -> None:
    target = code.bound_name(assign)
    declared = code.annotation(assign.annotation)
    if declared:
        code.types[target] = declared
        return
    if assign.value is None or assign.how == "for" or assign.key:
        return
    site = code.site(assign.value)
    if site is not None:
        callee = code.callee(site)
        if callee and callee != "require":
            code.types.setdefault(target, made_by.get(callee) or callee)
        return
    known = code.type_of(code.dotted(assign.value), assign.scope) if code.dotted(assign.value) else ""
    if known:
        code.types.setdefault(target, known)
