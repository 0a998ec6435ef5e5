"""Which fields of a payload Python code reads: subscripts, ``get``, loops, models, and functions it is handed to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scanners.idioms.code import MAX_DEPTH, CallSite, Scope
from scanners.idioms.reading import ITEM, Path, Reads, places

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_BUILTINS = ("print", "len", "isinstance", "type", "bool")
_LOGS = ("info", "debug", "warning", "error", "exception")
_CONDITIONS = ("if_statement", "elif_clause", "while_statement", "not_operator", "assert_statement", "if_clause")
JSON_MODELS = ("model_validate_json", "parse_raw")
_THROUGH = ("parenthesized_expression", "await", "conditional_expression")
_BINDERS = ("parameters", "lambda_parameters", "typed_parameter", "pattern_list", "tuple_pattern", "as_pattern_target")
_DEFAULTS = ("default_parameter", "typed_default_parameter")
_NAMERS = ("assignment", "for_statement", "for_in_clause", "named_expression", "keyword_argument", *_DEFAULTS)
_PARSES = ("model_validate", "parse_obj", "from_dict", "model_construct", *JSON_MODELS)


@dataclass(slots=True)
class Payload:
    """A payload's expression and the local names for it and its parts.

    Args:
        is_source: whether an expression is the payload.
        marks: identifiers that occur in such an expression.
        names: local names, with the path of the part each holds.
        attributes: its fields are read as attributes (a typed message), not as keys.
        where: whether code at a node counts, None for all.
        soft: those of the names that were asked for and may hold nothing.
    """

    is_source: Callable[[Node], bool]
    marks: tuple[str, ...] = ()
    names: dict[str, Path] = field(default_factory=dict)
    attributes: bool = False
    where: Callable[[Node], bool] | None = None
    soft: set[str] = field(default_factory=set)


def reads(code: PyCode, scope: Scope, payload: Payload, depth: int = 0) -> Reads:
    """The fields of a payload that a function reads, followed into functions of this file it is handed to.

    Args:
        code: the file.
        scope: the function.
        payload: what to follow.
        depth: how many functions it was handed through.
    """
    found = Reads()
    for assign in code.assigns:
        inside = assign.scope is scope or scope in assign.scope.outward()
        if inside and assign.value is not None and not assign.key and assign.target.isidentifier():
            path = _path(code, assign.value, payload)
            if path is not None:
                payload.names[assign.target] = (*path, ITEM) if assign.how == "for" else path
                if _asked(code, assign.value):
                    payload.soft.add(assign.target)
    span = (scope.node.start_byte, scope.node.end_byte)
    seen: set[tuple[int, int]] = set()
    for around in places(code.root, code.data, span, (*payload.marks, *payload.names)):
        if payload.where is not None and not payload.where(around[0]):
            continue
        start = _start(code, around, payload)
        if start is not None and (start[0].start_byte, start[0].end_byte) not in seen:
            seen.add((start[0].start_byte, start[0].end_byte))
            _Walk(code, payload, found, depth).climb(*start)
    return found


def _start(code: PyCode, around: list[Node], payload: Payload) -> tuple[Node, Path] | None:
    """The payload's expression at an identifier, with its path."""
    for node in around:
        if payload.is_source(node):
            return node, ()
    node = around[0]
    parent = node.parent
    if parent is not None and parent.type == "attribute" and parent.named_children[-1].id == node.id:
        return None
    path = payload.names.get(code.text(node))
    return (node, path) if path is not None and not _is_target(node) else None


def _asked(code: PyCode, node: Node) -> bool:
    """``data.get("day")``: it may not be there."""
    while node.type in ("parenthesized_expression", "await") and node.named_child_count:
        node = node.named_children[0]
    site = code.site(node) if node.type == "call" else None
    return node.type == "boolean_operator" or (site is not None and site.method in ("get", "pop"))


def _guarded(code: PyCode, node: Node, key: str) -> bool:
    """Whether a key is read only where it was found first, or where its absence is caught."""
    outer = node.parent
    for _ in range(MAX_DEPTH):
        if outer is None or outer.type in ("function_definition", "module"):
            return False
        if outer.type in ("if_statement", "conditional_expression", "if_clause", "elif_clause"):
            condition = outer.child_by_field_name("condition")
            text = code.text(condition) if condition is not None else code.text(outer)
            if condition is not None or outer.type != "if_statement":
                read = (f'"{key}" in', f"'{key}' in", f'get("{key}"', f"get('{key}'")
                if any(mark in text for mark in read):
                    return True
        if outer.type == "try_statement" and "KeyError" in code.text(outer):
            return True
        outer = outer.parent
    return False


def _is_target(node: Node) -> bool:
    parent = node.parent
    if parent is None or parent.type in (*_BINDERS, "function_definition", "class_definition"):
        return True
    left = parent.child_by_field_name("left") or parent.child_by_field_name("name")
    return _is(left, node) and parent.type in _NAMERS


def _path(code: PyCode, node: Node | None, payload: Payload) -> Path | None:
    """Key path of an expression into the payload; None when it is not a part of it."""
    keys: list[str] = []
    for _ in range(MAX_DEPTH):
        if node is None:
            return None
        if payload.is_source(node):
            return tuple(reversed(keys))
        if node.type == "identifier":
            prefix = payload.names.get(code.text(node))
            return None if prefix is None else (*prefix, *reversed(keys))
        step = _down(code, node, payload)
        if step is None:
            return None
        node, key = step
        keys += [key] if key else []
    return None


def _down(code: PyCode, node: Node, payload: Payload) -> tuple[Node | None, str] | None:
    """One step towards the payload: the inner expression and the key, empty for none."""
    if node.type == "attribute" and payload.attributes:
        return node.child_by_field_name("object"), code.text(node.child_by_field_name("attribute"))
    if node.type in ("parenthesized_expression", "await"):
        return (node.named_children[0] if node.named_child_count else None), ""
    if node.type == "boolean_operator" and code.text(node.child_by_field_name("operator")) == "or":
        return node.child_by_field_name("left"), ""
    if node.type == "subscript":
        key = _key(code, node)
        return (node.child_by_field_name("value"), key) if key is not None else None
    site = code.site(node) if node.type == "call" else None
    if site is not None and site.receiver is not None:
        key = _got(code, site)
        return (site.receiver, key) if key is not None else None
    return None


def _key(code: PyCode, subscript: Node) -> str | None:
    """The key of a subscript: a name, ``[]`` for an index, empty for a slice; None when it is chosen at run time."""
    node = subscript.child_by_field_name("subscript")
    if node is None:
        return None
    if node.type == "string":
        return code.string(node) or None
    if node.type == "slice":
        return ""
    return ITEM if node.type in ("integer", "unary_operator") else None


def _got(code: PyCode, site: CallSite) -> str | None:
    """The key that ``get`` and its like pick, ``[]`` for items; None for any other method."""
    if site.method in ("get", "pop", "setdefault") and site.args:
        return code.string(site.args[0]) or None
    if site.method == "values" and not site.args:
        return ITEM
    return "" if site.method in ("copy", "items") and not site.args else None


class _Walk:
    """From a part of a payload outwards, to what becomes of it."""

    def __init__(self, code: PyCode, payload: Payload, found: Reads, depth: int) -> None:
        self.code = code
        self.payload = payload
        self.found = found
        self.depth = depth

    def climb(self, node: Node, path: Path) -> None:
        """Follow an expression until it is read, handed on or held by a name.

        Args:
            node: expression.
            path: which part of the payload it is.
        """
        required = self.code.text(node) not in self.payload.soft
        for _ in range(MAX_DEPTH):
            parent = node.parent
            if parent is None:
                return
            step = self._outwards(node, parent, path)
            if step is None:
                self._ends(node, parent, path, required)
                return
            node, more, needed = step
            path, required = (*path, *more), needed if more else required
        self.found.whole(path)

    def _outwards(self, node: Node, parent: Node, path: Path) -> tuple[Node, Path, bool] | None:
        """The expression around, the keys it adds and whether it fails without them; None at the end of the chain."""
        if parent.type in _THROUGH and not (parent.type == "conditional_expression" and _is_condition(node, parent)):
            return parent, (), True
        if parent.type == "boolean_operator" and self.code.text(parent.child_by_field_name("operator")) == "or":
            return parent, (), True
        if parent.type == "subscript" and _is(parent.child_by_field_name("value"), node):
            key = _key(self.code, parent)
            sure = key is None or not _guarded(self.code, parent, key)
            return None if key is None else (parent, (key,) if key else (), sure)
        called = parent.parent is not None and parent.parent.type == "call"
        if parent.type == "attribute" and self.payload.attributes and not called:
            return parent, (self.code.text(parent.child_by_field_name("attribute")),), True
        if parent.type == "attribute" and parent.parent is not None and called:
            site = self.code.site(parent.parent)
            key = _got(self.code, site) if site is not None and site.node.id == parent.parent.id else None
            return (
                None
                if key is None
                else (parent.parent, (key,) if key else (), site is not None and site.method == "values")
            )
        return None

    def _ends(self, node: Node, parent: Node, path: Path, required: bool) -> None:
        sort = parent.type
        if sort in ("assignment", "named_expression", "for_statement", "for_in_clause"):
            left = parent.child_by_field_name("left") or parent.child_by_field_name("name")
            held = left is not None and left.type == "identifier"
            self.found.add(path, required=required)
            if not held and not _is(left, node):
                self.found.whole(path, required=required)
        elif sort in _CONDITIONS or sort in ("expression_statement", "conditional_expression", "boolean_operator"):
            self.found.add(path, required=required)
        elif sort == "comparison_operator":
            self._compared(node, parent, path, required)
        elif sort in ("argument_list", "keyword_argument", "dictionary_splat", "list_splat"):
            self._handed(node, parent, (path, required))
        else:
            self.found.whole(path, required=required)

    def _compared(self, node: Node, parent: Node, path: Path, required: bool) -> None:
        key = self.code.string(parent.named_children[0]) if parent.named_child_count else ""
        if key and not _is(parent.named_children[0], node) and " in " in self.code.text(parent):
            self.found.add((*path, key))
        else:
            self.found.add(path, required=required)

    def _handed(self, node: Node, parent: Node, about: tuple[Path, bool]) -> None:
        """An argument: followed into a function of this file, else everything may be read there."""
        path, required = about
        listed = parent if parent.type == "argument_list" else parent.parent
        call = listed.parent if listed is not None and listed.type == "argument_list" else None
        site = self.code.site(call) if call is not None and call.type == "call" else None
        if site is None:
            self.found.whole(path, required=required)
        elif parent.type == "dictionary_splat" and not path and site.method[:1].isupper():
            self.found.named = site.dotted
        elif site.method in _PARSES and site.receiver is not None and not path:
            self.found.named = self.code.dotted(site.receiver)
        elif site.method in (_BUILTINS if site.receiver is None else _LOGS):
            self.found.add(path, required=required)
        elif not self._followed(site, node, parent, path):
            self.found.whole(path, required=required)

    def _followed(self, site: CallSite, node: Node, parent: Node, path: Path) -> bool:
        target = local_function(self.code, site)
        if target is None or self.depth >= 2:
            return False
        name = self.code.text(parent.child_by_field_name("name")) if parent.type == "keyword_argument" else ""
        position = next((i for i, a in enumerate(site.args) if a.id == node.id), -1)
        if not name and 0 <= position < len(target.params):
            name = target.params[position]
        if name not in target.params:
            return False
        inner = Payload(lambda _: False, (), {name: path}, self.payload.attributes, self.payload.where)
        self.found.merge(reads(self.code, target, inner, self.depth + 1))
        return True


def _is(left: Node | None, node: Node) -> bool:
    return left is not None and left.id == node.id


def _is_condition(node: Node, parent: Node) -> bool:
    return parent.named_child_count > 1 and parent.named_children[1].id == node.id


def local_function(code: PyCode, site: CallSite) -> Scope | None:
    """The function of this file that a call leads to, None when it is not here.

    Args:
        code: the file.
        site: the call.
    """
    name = site.dotted
    if name.startswith("self.") and site.scope.owner:
        name = f"{site.scope.owner}.{name[5:]}"
    for outer in site.scope.outward():
        found = code.scope(f"{outer.name}.{name}" if outer.name and "." not in name else name)
        if found is not None and found.sort != "class":
            return found
    return None
