"""Which fields of a payload JavaScript code reads: members, destructuring, callbacks, and functions it goes to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scanners.idioms.code import MAX_DEPTH, Assign, CallSite, Scope
from scanners.idioms.reading import ITEM, Path, Reads, places

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

FIRST = re.compile(rb"[\s(]*(?:await\b[\s(]*)?([A-Za-z_$][\w$]*)")
_EACH = ("map", "forEach", "filter", "find", "some", "every", "flatMap", "findIndex", "findLast")
_SAME = ("filter", "slice", "sort", "reverse", "toSorted", "flat")
_ONE = ("find", "at", "pop", "shift", "findLast")
_SIZES = ("length", "size")
_LOGS = ("log", "info", "debug", "warn", "error", "isArray", "Boolean")
_INLINE = ("arrow_function", "function_expression")
_THROUGH = (
    "parenthesized_expression",
    "await_expression",
    "as_expression",
    "non_null_expression",
    "satisfies_expression",
)
_BINDERS = ("formal_parameters", "required_parameter", "optional_parameter", "array_pattern", "rest_pattern")
_CONDITIONS = ("if_statement", "while_statement", "unary_expression", "expression_statement", "sequence_expression")


@dataclass(slots=True)
class Payload:
    """A payload, and the names and places that hold it or a part of it.

    Args:
        is_source: whether an expression is the payload.
        marks: identifiers that occur in such an expression.
        names: local names, with the path of the part each holds.
        span: bytes of the code that may read it.
        head: first identifier of the only expression that is the payload, empty when there may be several.
    """

    is_source: Callable[[Node], bool]
    marks: tuple[str, ...] = ()
    names: dict[str, Path] = field(default_factory=dict)
    span: tuple[int, int] = (0, 0)
    head: bytes = b""

    def may_be(self, code: JsCode, node: Node) -> bool:
        """Whether an expression can be a part of the payload, by the identifier it starts with.

        Args:
            code: the file.
            node: expression.
        """
        if not self.head:
            return True
        first = FIRST.match(code.data, node.start_byte)
        return first is None or first[1] == self.head or first[1].decode("utf-8", "replace") in self.names


def reads(code: JsCode, payload: Payload, depth: int = 0) -> Reads:
    """The fields of a payload that a piece of code reads, followed into functions of this file.

    Args:
        code: the file.
        payload: what to follow, and where.
        depth: how many functions it was handed through.
    """
    found = Reads()
    start, end = payload.span
    for assign in code.assigns_within(start, end):
        _bind(code, assign, payload, found)
    for site in code.calls_within(start, end):
        _callback(code, site, payload)
    seen: set[tuple[int, int]] = set()
    for around in places(code.root, code.data, payload.span, (*payload.marks, *payload.names)):
        begun = _start(code, around, payload)
        if begun is not None and (begun[0].start_byte, begun[0].end_byte) not in seen:
            seen.add((begun[0].start_byte, begun[0].end_byte))
            _Walk(code, payload, found, depth).climb(*begun)
    return found


def _start(code: JsCode, around: list[Node], payload: Payload) -> tuple[Node, Path] | None:
    """The payload's expression at an identifier, with its path."""
    for node in around:
        if payload.is_source(node):
            return node, ()
    node = around[0]
    if node.type not in ("identifier", "shorthand_property_identifier"):
        return None
    parent = node.parent
    left = parent.child_by_field_name("name") or parent.child_by_field_name("left") if parent is not None else None
    path = payload.names.get(code.text(node))
    bound = parent is not None and (_is(left, node) or parent.type in _BINDERS)
    own = parent is not None and _is(parent.child_by_field_name("parameter"), node)
    return None if path is None or bound or own else (node, path)


def _bind(code: JsCode, assign: Assign, payload: Payload, found: Reads) -> None:
    if "." in assign.target or assign.value is None or not payload.may_be(code, assign.value):
        return
    path = _path(code, assign.value, payload)
    if path is None:
        return
    whole = (*path, assign.key) if assign.key else path
    payload.names[assign.target] = (*whole, ITEM) if assign.how == "for" else whole
    if assign.key:
        found.add(whole)


def _callback(code: JsCode, site: CallSite, payload: Payload) -> None:
    """``items.map((item) => ...)`` and ``response.json().then((body) => ...)`` give names to parts."""
    if site.receiver is None or not site.args or not payload.may_be(code, site.receiver):
        return
    path = _path(code, site.receiver, payload)
    first = next(first_parameters(code, site.args[0]), None)
    if path is None or first is None:
        return
    whole = (*path, ITEM) if site.method in _EACH else path if site.method == "then" else None
    if whole is None:
        return
    for name, key in names_of(code, first):
        payload.names[name] = (*whole, key) if key else whole


def first_parameters(code: JsCode, node: Node) -> Iterator[Node]:
    """Pattern nodes of a function's parameters.

    Args:
        code: the file.
        node: a function expression, anything else gives nothing.
    """
    from scanners.idioms.js_scopes import parameters

    if node.type in _INLINE:
        for _, child in parameters(code, node):
            yield child.child_by_field_name("pattern") or child


def names_of(code: JsCode, pattern: Node) -> Iterator[tuple[str, str]]:
    """Local names a parameter binds, with the key each takes.

    Args:
        code: the file.
        pattern: identifier or object pattern.
    """
    from scanners.idioms.javascript import parts_of

    if pattern.type == "identifier":
        yield code.text(pattern), ""
    elif pattern.type == "object_pattern":
        for child in pattern.named_children:
            name, key = parts_of(code, child)
            if name:
                yield name, key


def _path(code: JsCode, node: Node | None, payload: Payload) -> Path | None:
    """Key path of an expression into the payload; None when it is not a part of it."""
    from scanners.idioms.javascript import bare

    keys: list[str] = []
    for _ in range(MAX_DEPTH):
        node = bare(node)
        if node is None:
            return None
        if payload.is_source(node):
            return tuple(reversed(keys))
        if node.type == "identifier":
            prefix = payload.names.get(code.text(node))
            return None if prefix is None else (*prefix, *reversed(keys))
        step = _down(code, node)
        if step is None:
            return None
        node, key = step
        keys += [key] if key else []
    return None


def _down(code: JsCode, node: Node) -> tuple[Node | None, str] | None:
    """One step towards the payload: the inner expression and the key, empty for none."""
    if node.type == "binary_expression" and _either(code, node):
        return node.child_by_field_name("left"), ""
    if node.type in ("member_expression", "subscript_expression"):
        key = _key(code, node)
        return None if key is None else (node.child_by_field_name("object"), key)
    site = code.site(node) if node.type == "call_expression" else None
    if site is not None and site.receiver is not None and site.method in (*_SAME, *_ONE):
        return site.receiver, ITEM if site.method in _ONE else ""
    return None


def _key(code: JsCode, member: Node) -> str | None:
    """The key a member or subscript picks, ``[]`` for an index; None when it is chosen at run time."""
    named = member.child_by_field_name("property")
    if named is not None:
        return code.text(named)
    index = member.child_by_field_name("index")
    if index is None:
        return None
    return ITEM if index.type == "number" else code.string(index) or None


class _Walk:
    """From a part of a payload outwards, to what becomes of it."""

    def __init__(self, code: JsCode, payload: Payload, found: Reads, depth: int) -> None:
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
        for _ in range(MAX_DEPTH):
            parent = node.parent
            if parent is None:
                return
            step = self._outwards(node, parent, path)
            if step is None:
                self._ends(node, parent, path)
                return
            node, more = step
            path = (*path, *more)
        self.found.whole(path)

    def _outwards(self, node: Node, parent: Node, path: Path) -> tuple[Node, Path] | None:
        """The expression around and the key it adds; None at the end of the chain."""
        if parent.type in _THROUGH:
            return parent, ()
        if parent.type == "binary_expression" and self.code.text(parent.child_by_field_name("operator")) in (
            "||",
            "??",
        ):
            return parent, ()
        picks = parent.type in ("member_expression", "subscript_expression") and _is(parent.named_children[0], node)
        if not picks:
            return None
        key = _key(self.code, parent)
        call = _called(parent)
        if call is None:
            return None if key is None or (key in _SIZES and not self._record(path)) else (parent, (key,))
        if key in (*_SAME, *_ONE) and self._quiet(call):
            return call, (ITEM,) if key in _ONE else ()
        return None

    def _record(self, path: Path) -> bool:
        """Whether named fields of the part are read elsewhere, so that it is no array and no text."""
        return any(p[: len(path)] == path and len(p) > len(path) and p[len(path)] != ITEM for p in self.found.paths)

    def _quiet(self, call: Node) -> bool:
        """Callbacks written in place are followed by name; a function given by name may read more."""
        site = self.code.site(call)
        return site is not None and all(a.type in (*_INLINE, "number", "string", "unary_expression") for a in site.args)

    def _ends(self, node: Node, parent: Node, path: Path) -> None:
        sort = parent.type
        if sort in ("member_expression", "subscript_expression"):
            self._method(parent, path)
        elif sort in ("variable_declarator", "assignment_expression", "for_in_statement"):
            left = parent.child_by_field_name("name") or parent.child_by_field_name("left")
            held = left is not None and left.type in ("identifier", "object_pattern")
            self.found.add(path)
            if not held or (left is not None and "..." in self.code.text(left)):
                self.found.whole(path)
        elif sort in _CONDITIONS or sort == "binary_expression" or _is(parent.child_by_field_name("condition"), node):
            self.found.add(path)
        elif sort == "arguments":
            self._handed(node, parent, path)
        elif sort == "arrow_function" and self._decodes(parent):
            return
        else:
            self.found.whole(path)

    def _decodes(self, arrow: Node) -> bool:
        """``.then((r) => r.json())``: the body goes on to the next ``then``, which is a source of its own."""
        call = arrow.parent.parent if arrow.parent is not None else None
        return call is not None and call.type == "call_expression" and self.payload.is_source(call)

    def _method(self, member: Node, path: Path) -> None:
        """A method is called on the part, or its size is asked."""
        call = _called(member)
        site = self.code.site(call) if call is not None else None
        if site is None:
            key = _key(self.code, member)
            (self.found.add if key in _SIZES else self.found.whole)(path)
            return
        first = site.arg(0)
        inline = site.method in (*_EACH, "then") and first is not None and first.type in _INLINE
        named = site.method in _EACH and first is not None and not inline
        if inline or (named and first is not None and self._followed_by_name(first, (*path, ITEM))):
            self.found.add(path)
        else:
            self.found.whole(path)

    def _handed(self, node: Node, listed: Node, path: Path) -> None:
        site = self.code.site(listed.parent) if listed.parent is not None else None
        if site is None:
            self.found.whole(path)
        elif site.method in _LOGS:
            self.found.add(path)
        else:
            position = next((i for i, a in enumerate(site.args) if a.id == node.id), -1)
            target = local_function(self.code, site.dotted, site.scope)
            if not self._followed(target, position, path):
                self.found.whole(path)

    def _followed_by_name(self, node: Node, path: Path) -> bool:
        target = local_function(self.code, self.code.dotted(node), self.code.scope_at(node.start_byte))
        return self._followed(target, 0, path)

    def _followed(self, target: Scope | None, position: int, path: Path) -> bool:
        if target is None or self.depth >= 2 or not 0 <= position < len(target.params):
            return False
        name = target.params[position]
        if not name.isidentifier():
            return False
        span = (target.node.start_byte, target.node.end_byte)
        inner = Payload(lambda _: False, (), {name: path}, span)
        self.found.merge(reads(self.code, inner, self.depth + 1))
        return True


def _either(code: JsCode, node: Node) -> bool:
    return code.text(node.child_by_field_name("operator")) in ("||", "??")


def _called(member: Node) -> Node | None:
    """The call whose method a member is, None when it is not called."""
    parent = member.parent
    if parent is None or parent.type != "call_expression":
        return None
    return parent if _is(parent.child_by_field_name("function"), member) else None


def _is(left: Node | None, node: Node) -> bool:
    return left is not None and left.id == node.id


def local_function(code: JsCode, dotted: str, scope: Scope) -> Scope | None:
    """The function or method of this file that a call names.

    Args:
        code: the file.
        dotted: as written, ``this.`` included.
        scope: of the call.
    """
    name = f"{scope.owner}.{dotted[5:]}" if dotted.startswith("this.") and scope.owner else dotted
    for outer in scope.outward() if name else ():
        found = code.scope(f"{outer.name}.{name}" if outer.name and "." not in name else name)
        if found is not None and found.sort != "class":
            return found
    return None
