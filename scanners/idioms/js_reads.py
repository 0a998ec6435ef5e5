"""Which fields of a payload JavaScript code reads: member chains, destructuring, callbacks, decoded bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scanners.idioms.code import MAX_DEPTH, Assign, CallSite, Scope
from scanners.idioms.reading import ITEM, Path, Reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_EACH = ("map", "forEach", "filter", "find", "some", "every", "flatMap", "reduce", "sort", "findIndex")
_NATIVE = (
    *_EACH,
    "length",
    "push",
    "slice",
    "join",
    "concat",
    "includes",
    "toString",
    "then",
    "catch",
    "keys",
    "entries",
)
_HARMLESS = ("log", "info", "debug", "warn", "error", "isArray", "Boolean", "String", "parseInt", "Number", "keys")


@dataclass(slots=True)
class Payload:
    """A payload, and the names and places that hold it or a part of it.

    Args:
        is_source: whether an expression is the payload.
        names: local names, with the path of the part each holds.
        span: bytes of the code that may read it.
    """

    is_source: Callable[[Node], bool]
    names: dict[str, Path] = field(default_factory=dict)
    span: tuple[int, int] = (0, 0)


def reads(code: JsCode, payload: Payload, depth: int = 0) -> Reads:
    """The fields of a payload that a piece of code reads.

    Args:
        code: the file.
        payload: what to follow, and where.
        depth: how many functions it was handed through.
    """
    found = Reads()
    start, end = payload.span
    calls = [site for site in code.calls if start <= site.node.start_byte < end]
    for assign in code.assigns:
        if assign.value is not None and start <= assign.value.start_byte < end:
            _bind(code, assign, payload, found)
    for site in calls:
        _callback(code, site, payload)
    for node in code.members:
        path = _path(code, _uncalled(node), payload) if start <= node.start_byte < end and not _is_inner(node) else None
        if path is not None:
            found.add(path, required=False)
    for site in calls:
        _handed_on(code, site, payload, (found, depth))
    for node, _ in code.returns:
        if start <= node.start_byte < end and any(_path(code, n, payload) == () for n in _returned(node)):
            found.escaped = True
    return found


def _uncalled(node: Node) -> Node | None:
    """A member chain without the method that is called on it."""
    parent = node.parent
    called = parent.child_by_field_name("function") if parent is not None and parent.type == "call_expression" else None
    return node.child_by_field_name("object") if called is not None and called.id == node.id else node


def _bind(code: JsCode, assign: Assign, payload: Payload, found: Reads) -> None:
    path = _path(code, assign.value, payload)
    if path is None or "." in assign.target:
        return
    whole = (*path, assign.key) if assign.key else path
    payload.names[assign.target] = (*whole, ITEM) if assign.how == "for" else whole
    if assign.key:
        found.add(whole, required=False)


def _callback(code: JsCode, site: CallSite, payload: Payload) -> None:
    """``items.map((item) => ...)`` and ``response.json().then((body) => ...)`` give names to parts."""
    if site.receiver is None or not site.args:
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

    if node.type in ("arrow_function", "function_expression"):
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


def _is_inner(node: Node) -> bool:
    parent = node.parent
    return (
        parent is not None
        and parent.type in ("member_expression", "subscript_expression")
        and (parent.named_children[0].id == node.id)
    )


def _path(code: JsCode, node: Node | None, payload: Payload) -> Path | None:
    """Key path of an expression into the payload; None when unrelated."""
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
        if node.type == "binary_expression" and code.text(node.child_by_field_name("operator")) in ("||", "??"):
            node = node.child_by_field_name("left")
            continue
        if node.type not in ("member_expression", "subscript_expression"):
            return None
        key = code.text(node.child_by_field_name("property")) or code.string(node.child_by_field_name("index")) or ITEM
        keys = [] if key in _NATIVE else [*keys, key]
        node = node.child_by_field_name("object")
    return None


def _returned(node: Node) -> Iterator[Node]:
    yield from node.named_children
    for child in node.named_children:
        if child.type in ("object", "pair", "array", "spread_element"):
            yield from _returned(child)


def _handed_on(code: JsCode, site: CallSite, payload: Payload, into: tuple[Reads, int]) -> None:
    found, depth = into
    for index, arg in enumerate(site.args):
        path = _path(code, arg, payload)
        if path is None or payload.is_source(site.node) or site.method in _HARMLESS:
            continue
        target = _local_function(code, site)
        if target is None or depth >= 2 or index >= len(target.params):
            found.escaped = found.escaped or not path
            continue
        span = (target.node.start_byte, target.node.end_byte)
        inner = reads(code, Payload(lambda _: False, {target.params[index]: path}, span), depth + 1)
        for read, required in inner.paths.items():
            found.add(read, required=required)
        found.escaped = found.escaped or inner.escaped


def _local_function(code: JsCode, site: CallSite) -> Scope | None:
    name = site.dotted
    if name.startswith("this.") and site.scope.owner:
        name = f"{site.scope.owner}.{name[5:]}"
    for outer in site.scope.outward():
        found = code.scope(f"{outer.name}.{name}" if outer.name and "." not in name else name)
        if found is not None and found.sort != "class":
            return found
    return None
