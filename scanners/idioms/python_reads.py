"""Which fields of a payload Python code reads: subscripts, ``get``, loops, models, and functions it is handed to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from scanners.idioms.code import MAX_DEPTH, CallSite, Scope
from scanners.idioms.reading import ITEM, Path, Reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode


def reads(code: PyCode, scope: Scope, is_source: Callable[[Node], bool], names: tuple[str, ...] = ()) -> Reads:
    """The fields of a payload that a function reads, followed into functions of this file it is handed to.

    Args:
        code: the file.
        scope: the function.
        is_source: whether an expression is the payload.
        names: local names that hold the payload already.
    """
    found = Reads()
    _collect(code, scope, _Payload(is_source, dict.fromkeys(names, ())), (found, 0))
    return found


class _Payload:
    """A payload's expression and the local names for it and its parts."""

    def __init__(self, is_source: Callable[[Node], bool], names: dict[str, Path]) -> None:
        self.is_source = is_source
        self.names = names

    def path(self, code: PyCode, node: Node | None) -> tuple[Path, bool] | None:
        """Key path of an expression into the payload and whether code fails without it; None when unrelated."""
        keys: list[str] = []
        required = True
        for _ in range(MAX_DEPTH):
            if node is None:
                return None
            if self.is_source(node):
                return tuple(reversed(keys)), required
            if node.type == "identifier":
                prefix = self.names.get(code.text(node))
                return None if prefix is None else ((*prefix, *reversed(keys)), required)
            step = _step(code, node)
            if step is None:
                return None
            node, key, needed = step
            if key:
                required = required and needed if not keys else required
                keys.append(key)
        return None


def _step(code: PyCode, node: Node) -> tuple[Node | None, str, bool] | None:
    """One step towards the payload's root: the inner expression, the key (empty for none), required."""
    if node.type in ("parenthesized_expression", "await"):
        return (node.named_children[0] if node.named_child_count else None), "", True
    if node.type == "boolean_operator":
        return node.child_by_field_name("left"), "", False
    if node.type == "subscript":
        key = code.string(node.child_by_field_name("subscript"))
        return node.child_by_field_name("value"), key or ITEM, True
    if node.type == "call":
        site = code.site(node)
        if site is not None and site.receiver is not None and site.method in ("get", "pop") and site.args:
            key = code.string(site.args[0])
            return (site.receiver, key, False) if key else None
        if (
            site is not None
            and site.receiver is not None
            and site.method in ("items", "values", "copy")
            and not site.args
        ):
            return site.receiver, "" if site.method == "copy" else ITEM, True
    return None


def _collect(code: PyCode, scope: Scope, payload: _Payload, into: tuple[Reads, int]) -> None:
    found, _ = into
    for assign in code.assigns:
        if assign.scope is scope and assign.value is not None and "." not in assign.target:
            hit = payload.path(code, assign.value)
            if hit is not None:
                payload.names[assign.target] = (*hit[0], ITEM) if assign.how == "for" else hit[0]
                found.add(hit[0], required=hit[1])
    for node, where in code.subscripts:
        if where is scope:
            _note(found, payload.path(code, node))
    for site in code.calls:
        if site.scope is scope:
            _note(found, payload.path(code, site.node) if site.method in ("get", "pop") else None)
            _handed_on(code, site, payload, into)
    for node, where in code.returns:
        if where is scope and any(payload.path(code, n) == ((), True) for n in _leaves(node)):
            found.escaped = True


def _note(found: Reads, hit: tuple[Path, bool] | None) -> None:
    if hit is not None:
        found.add(hit[0], required=hit[1])


def _leaves(node: Node) -> Iterator[Node]:
    yield from node.named_children
    for child in node.named_children:
        if child.type in ("expression_list", "tuple", "dictionary", "pair", "list"):
            yield from _leaves(child)


def _handed_on(code: PyCode, site: CallSite, payload: _Payload, into: tuple[Reads, int]) -> None:
    found, depth = into
    for unpacked in splats(site.node):
        if payload.path(code, unpacked) == ((), True) and site.method[:1].isupper():
            found.named = site.dotted
    for index, arg in enumerate((*site.args, *site.named.values())):
        hit = payload.path(code, arg)
        if hit is None or payload.is_source(site.node):
            continue
        target = _local_function(code, site)
        if site.method in ("model_validate", "parse_obj") and site.receiver is not None and not hit[0]:
            found.named = code.dotted(site.receiver)
        elif target is not None and depth < 2 and index < len(target.params):
            inner = Reads()
            _collect(code, target, _Payload(lambda _: False, {target.params[index]: hit[0]}), (inner, depth + 1))
            for path, required in inner.paths.items():
                found.add(path, required=required)
            found.escaped = found.escaped or inner.escaped
        elif site.method not in _HARMLESS:
            found.escaped = True


_HARMLESS = (
    "print",
    "len",
    "str",
    "info",
    "debug",
    "warning",
    "error",
    "exception",
    "isinstance",
    "type",
    "bool",
    "get",
)


def _local_function(code: PyCode, site: CallSite) -> Scope | None:
    name = site.dotted
    if name.startswith("self.") and site.scope.owner:
        name = f"{site.scope.owner}.{name[5:]}"
    for outer in site.scope.outward():
        full = f"{outer.name}.{name}" if outer.name and "." not in name else name
        found = code.scope(full)
        if found is not None and found.sort != "class":
            return found
    return code.scope(name)


def splats(node: Node) -> list[Node]:
    """Expressions unpacked with ``**`` in a call's arguments.

    Args:
        node: a call.
    """
    listed = node.child_by_field_name("arguments")
    return [c.named_children[0] for c in (listed.named_children if listed else ()) if c.type == "dictionary_splat"]
