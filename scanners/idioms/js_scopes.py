"""Functions and classes of a JavaScript file, with a stable name for each handler written in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from scanners.idioms import parsing
from scanners.idioms.code import Scope
from scanners.idioms.js_decorators import opening

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_CLASSES = ("class_declaration", "abstract_class_declaration", "class")
_DECLARED = ("function_declaration", "generator_function_declaration", *_CLASSES[:2])
_HOLDERS = ("variable_declarator", "assignment_expression", "export_statement", "public_field_definition")
_TELLING = ("url", "path", "name", "event", "key", "id")
_LISTENING = ("get", "post", "put", "patch", "delete", "all", "on", "subscribe", "consume", "process", "use", "openapi")
_PUT_TOGETHER = ("template_string", "member_expression", "identifier", "binary_expression")
_WORKING = ("process", "handle", "eachMessage")
_LONGEST = 100
_INLINE = ("arrow_function", "function_expression")
_WRAPPED = 3
_CHAIN = 80
_UP = 6
_OPENED = (*_CLASSES, "method_definition")
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
        if node.type in _OPENED:
            scope.opens = opening(node)
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
    """What a class extends, then what it implements."""
    for child in node.named_children:
        if child.type == "class_heritage":
            for part in child.named_children:
                inner = part.named_children[:1] if part.type == "extends_clause" else part.named_children
                for base in inner if part.type.endswith("_clause") else [part]:
                    named = type_name(code, base) or code.dotted(base) or _mixed(code, base)
                    if named:
                        yield named


def _mixed(code: JsCode, node: Node) -> str:
    """``extends PartialType(CreateOrderDto)`` and ``extends EventEmitter(Base)``: the class that is built upon."""
    site = code.site(node)
    return code.dotted(site.args[0]) if site is not None and site.args else ""


def type_name(code: JsCode, node: Node) -> str:
    """The dotted name of a type without its arguments, empty for anything but a plain name.

    Args:
        code: the file.
        node: a type.
    """
    if node.type == "generic_type" and node.named_child_count:
        node = node.named_children[0]
    return code.text(node) if node.type in ("type_identifier", "nested_type_identifier") else ""


def _name(code: JsCode, node: Node) -> str:
    if node.type in _DECLARED:
        own = code.text(node.child_by_field_name("name"))
        return own or ("default" if node.parent is not None and node.parent.type == "export_statement" else "")
    if node.type == "method_definition":
        own = code.text(node.child_by_field_name("name"))
        holder = node.parent
        return _under(code, holder, own) if holder is not None and holder.type == "object" else own
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
    if call is None or call.type not in ("call_expression", "new_expression"):
        return ""
    head = call.child_by_field_name("function") or call.child_by_field_name("constructor")
    first = next((c for c in arguments.named_children if c.type != "comment"), None)
    if call.type == "new_expression":
        return f"{code.text(head)} {code.string(first)}".replace(".", "_") if code.string(first) else ""
    literal = code.string(first) or _computed(code, first, head)
    if literal and head is not None and head.type == "member_expression":
        receiver = (code.dotted(head.child_by_field_name("object")) or _chain_root(code, call)).replace(".", "_")
        method = code.text(head.child_by_field_name("property"))
        return f"{receiver or 'it'}:{method} {literal}".replace(".", "_")
    if head is not None and head.type == "member_expression":
        method = code.text(head.child_by_field_name("property"))
        if method in _WORKING and first is not None and first.type.endswith(("function", "expression")):
            return f"{code.dotted(head.child_by_field_name('object')).replace('.', '_') or 'it'}:{method}"
        wrapped = call.parent is not None and call.parent.type == "arguments" and first is not None
        if wrapped and first is not None and first.type in _INLINE and depth < _WRAPPED:
            return _argument_name(code, call.parent, depth + 1) if call.parent is not None else ""
        return _chained_name(code, head)
    if head is not None and head.type == "identifier":
        return _function_name(code, call, depth + 1)
    return ""


def _chain_root(code: JsCode, call: Node) -> str:
    """What a chain of calls starts at, or is bound to when it starts with a new object."""
    node: Node | None = call
    for _ in range(_CHAIN):
        if node is None or node.type not in ("call_expression", "member_expression"):
            break
        node = node.child_by_field_name("function") or node.child_by_field_name("object")
    if node is not None and node.type == "identifier":
        return code.text(node)
    outer = call.parent
    for _ in range(_CHAIN):
        if outer is None or outer.type not in ("call_expression", "member_expression", "await_expression"):
            break
        outer = outer.parent
    return code.text(outer.child_by_field_name("name")) if outer is not None and outer.type in _HOLDERS else ""


def _computed(code: JsCode, first: Node | None, head: Node | None) -> str:
    """The text of a path that is put together, for handlers of routes and subscriptions."""
    method = code.text(head.child_by_field_name("property")) if head is not None else ""
    if first is not None and first.type == "array" and method in _LISTENING:
        return next((text for c in first.named_children if (text := code.string(c))), "")
    if first is None or method not in _LISTENING or first.type not in _PUT_TOGETHER:
        return ""
    text = code.text(first)
    return text.strip("`") if len(text) <= _LONGEST else ""


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
    holder = pair.parent
    return _under(code, holder, key) if holder is not None else ""


def _under(code: JsCode, node: Node, key: str) -> str:
    """The name of something under a key of an object literal: where that is bound, then the keys that lead there."""
    keys = [key]
    for _ in range(_UP):
        holder = node.parent
        if holder is None:
            return ""
        if holder.type == "pair" and holder.parent is not None:
            keys.append(code.text(holder.child_by_field_name("key")).strip("'\""))
            node = holder.parent
            continue
        if holder.type == "array":
            keys += [telling] if (telling := _telling(code, node)) else []
            node = holder
            continue
        if holder.type in ("as_expression", "satisfies_expression", "parenthesized_expression"):
            node = holder
            continue
        if holder.type == "arguments" and holder.parent is not None:
            node = holder.parent
            if node.type == "call_expression" and node.parent is not None and node.parent.type in _HOLDERS:
                continue
            return _given_to(code, node, holder, ".".join(reversed(keys)))
        return _held(code, holder, ".".join(reversed(keys)))
    return ""


def _given_to(code: JsCode, call: Node, arguments: Node, keys: str) -> str:
    """Functions in an object given to a call are named by the call and what tells it from others: a path, a name."""
    head = call.child_by_field_name("function")
    name = (
        code.text(head.child_by_field_name("property")) if head is not None and head.type == "member_expression" else ""
    )
    name = name or (code.text(head) if head is not None and head.type == "identifier" else "")
    if not name:
        return ""
    for given in arguments.named_children:
        telling = _telling(code, given)
        if telling:
            return f"{name} {telling}.{keys}"
        if given.type in ("member_expression", "string"):
            text = code.string(given) or code.dotted(given)
            return f"{name} {text}".replace(".", "_") + f".{keys}"
    return f"{name}.{keys}"


def _telling(code: JsCode, node: Node) -> str:
    """What tells one object from others of its kind: its method and path, or its name."""
    found: dict[str, str] = {}
    for child in node.named_children if node.type == "object" else ():
        key = code.text(child.child_by_field_name("key")) if child.type == "pair" else ""
        if key in (*_TELLING, "method"):
            found.setdefault(key, code.string(child.child_by_field_name("value")))
    told = next((found[key] for key in _TELLING if found.get(key)), "")
    return f"{found.get('method', '')} {told}".strip().replace(".", "_") if told else ""


def _held(code: JsCode, holder: Node, keys: str) -> str:
    """Objects that a function returns are members of what it makes: ``createCart().add`` is ``createCart.add``."""
    if holder.type in ("variable_declarator", "public_field_definition", "field_definition"):
        name = code.text(holder.child_by_field_name("name") or holder.child_by_field_name("property"))
        return f"{name}.{keys}"
    if holder.type == "assignment_expression":
        left = exported(code.dotted(holder.child_by_field_name("left")))
        return keys if left == "default" else f"{left}.{keys}" if left else ""
    return keys if holder.type in ("export_statement", "arrow_function", "return_statement") else ""


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
