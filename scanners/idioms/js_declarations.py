"""What a JavaScript file declares beside functions: exported names, interfaces with their methods, enums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Name, Unknown, Value
from scanners.idioms.digest import digest
from scanners.idioms.js_scopes import parameters, type_name
from scanners.idioms.js_types import declared

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode
    from scanners.idioms.symbols import Parts

_NESTED = 3
_SIGNATURES = ("method_signature", "abstract_method_signature")


def interfaces(code: JsCode) -> Mapping[str, tuple[str, ...]]:
    """The interfaces of a file and what each extends.

    Args:
        code: the file.
    """
    found: dict[str, tuple[str, ...]] = {}
    for node in code.type_nodes:
        if node.type == "interface_declaration":
            above = (c for c in node.named_children if c.type in ("extends_type_clause", "extends_clause"))
            bases = tuple(n for clause in above for c in clause.named_children if (n := type_name(code, c)))
            found[code.text(node.child_by_field_name("name"))] = bases
    return found


def members(code: JsCode, parts: Parts) -> Iterator[Fact]:
    """Methods that interfaces and abstract classes promise, as symbols that calls can be led through.

    Args:
        code: the file.
        parts: its top level.
    """
    seen = {scope.name for scope in code.scopes}
    abstract = [(s.name, s.node) for s in code.scopes if s.node.type == "abstract_class_declaration"]
    named = [(code.text(n.child_by_field_name("name")), n) for n in code.type_nodes]
    for owner, node in (*named, *abstract):
        body = node.child_by_field_name("body")
        for child in body.named_children if body is not None else ():
            name = f"{owner}.{code.text(child.child_by_field_name('name'))}"
            if child.type not in _SIGNATURES or name in seen:
                yield from _property(code, owner, child) if child.type == "property_signature" else ()
                continue
            seen.add(name)
            params = tuple(param for param, _ in parameters(code, child))
            made = digest(code.data, (child.start_byte, child.end_byte), (), parts.cuts)
            yield Fact("symbol", {"name": name, "sort": "method", "params": params, "digest": made}, code.at(child))
            yield from _result(code, f"{name}.return", child)


def _property(code: JsCode, owner: str, node: Node) -> Iterator[Fact]:
    name, of = declared(code, node.child_by_field_name("type"))
    if name:
        target = f"{owner}.{code.text(node.child_by_field_name('name'))}"
        fields: dict[str, object] = {"target": target, "type": code.written(name)}
        yield Fact("typed", fields | ({"of": of} if of else {}), code.at(node))


def _result(code: JsCode, target: str, node: Node) -> Iterator[Fact]:
    name, of = declared(code, node.child_by_field_name("return_type"))
    if name:
        fields: dict[str, object] = {"target": target, "type": code.written(name)}
        yield Fact("typed", fields | ({"of": of} if of else {}), code.at(node))


def exported_names(code: JsCode) -> Iterator[Fact]:
    """What importers see under another name: default exports, ``export { a as b }``, ``export = x``.

    Args:
        code: the file.
    """
    from scanners.idioms.js_facts import binding, entries

    module = code.scopes[0]
    for node in code.exports:
        value = node.child_by_field_name("value") or _assigned(node)
        if value is None:
            for target, name in _renamed(code, node):
                yield binding(target, Name(name), module, code.at(node))
            continue
        found = code.value(value, module)
        if not isinstance(found, Unknown) and value.type != "object":
            yield binding("default", found, module, code.at(node))
        if value.type == "object":
            yield from entries(code, value, "", (module, _NESTED))


def _assigned(node: Node) -> Node | None:
    """``export = value``."""
    written = any(c.type == "=" for c in node.children)
    return node.named_children[-1] if written and node.named_child_count else None


def _renamed(code: JsCode, node: Node) -> Iterator[tuple[str, str]]:
    declaration = node.child_by_field_name("declaration")
    if declaration is not None and any(c.type == "default" for c in node.children):
        name = code.text(declaration.child_by_field_name("name"))
        if name:
            yield "default", name
    if node.child_by_field_name("source") is not None:
        return
    for clause in node.named_children:
        for part in clause.named_children if clause.type == "export_clause" else ():
            name, alias = (code.text(part.child_by_field_name(f)) for f in ("name", "alias"))
            if name and alias and alias != name:
                yield alias, name


def constants(code: JsCode) -> Iterator[Fact]:
    """Members of enums.

    Args:
        code: the file.
    """
    from scanners.idioms.js_facts import binding

    for node in code.enums:
        owner, body = code.text(node.child_by_field_name("name")), node.child_by_field_name("body")
        following = 0
        for child in body.named_children if body is not None else ():
            if child.type == "comment":
                continue
            given = child.child_by_field_name("value")
            key = child.child_by_field_name("name") or child
            value: Value = code.value(given, code.scopes[0]) if given is not None else Lit(following)
            following = value.value + 1 if isinstance(value, Lit) and isinstance(value.value, int) else following
            name = code.string(key) or code.text(key)
            if name.isidentifier() and not isinstance(value, Unknown):
                yield binding(f"{owner}.{name}", value, code.scopes[0], code.at(child))
