"""What a JavaScript file imports: ES modules, CommonJS, re-exports and modules required in place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scanners.idioms.code import Import

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode


def imports(code: JsCode, found: dict[str, list[Node]]) -> Iterator[Import]:
    """Every import of a file.

    Args:
        code: the file.
        found: its captured nodes.
    """
    for node in found.get("import", ()):
        yield from _static(code, node)
    for node in found.get("export", ()):
        yield from _reexported(code, node)
    for node in found.get("assign", ()):
        if node.type == "variable_declarator":
            yield from _declared(code, node)
    for node in found.get("call", ()):
        module = required(code, node)
        if module and node.parent is not None and node.parent.type != "variable_declarator":
            yield Import(in_place(module), module, "default", _line(node))


def in_place(module: str) -> str:
    """The local name we give to a module that is required inside an expression.

    Args:
        module: as written.
    """
    return "require_" + re.sub(r"\W", "_", module)


def required(code: JsCode, node: Node | None) -> str:
    """The module of ``require("x")`` or ``require("x").y`` (then ``x.y``), empty for anything else.

    Args:
        code: the file.
        node: expression.
    """
    if node is None:
        return ""
    if node.type == "member_expression":
        inner = required(code, node.child_by_field_name("object"))
        return f"{inner}.{code.text(node.child_by_field_name('property'))}" if inner else ""
    if node.type != "call_expression" or code.text(node.child_by_field_name("function")) not in ("require", "import"):
        return ""
    listed = node.child_by_field_name("arguments")
    first = listed.named_children[0] if listed is not None and listed.named_child_count else None
    return code.string(first)


def _line(node: Node) -> int:
    return int(node.start_point[0]) + 1


def _static(code: JsCode, node: Node) -> Iterator[Import]:
    module = code.string(node.child_by_field_name("source"))
    for clause in node.named_children:
        if clause.type == "import_require_clause":
            local = code.text(clause.named_children[0])
            yield Import(local, code.string(clause.child_by_field_name("source")), "default", _line(node))
        if clause.type != "import_clause":
            continue
        for child in clause.named_children:
            yield from _clause(code, child, module, _line(node))


def _clause(code: JsCode, child: Node, module: str, line: int) -> Iterator[Import]:
    if child.type == "identifier":
        yield Import(code.text(child), module, "default", line)
    elif child.type == "namespace_import":
        yield Import(code.text(child.named_children[0]), module, "", line)
    elif child.type == "named_imports":
        for part in child.named_children:
            name = code.text(part.child_by_field_name("name"))
            alias = code.text(part.child_by_field_name("alias"))
            if name:
                yield Import(alias or name, module, name, line)


def _reexported(code: JsCode, node: Node) -> Iterator[Import]:
    module = code.string(node.child_by_field_name("source"))
    if not module:
        return
    clauses = [c for c in node.named_children if c.type == "export_clause"]
    if not clauses:
        yield Import("*", module, "*", _line(node))
    for clause in clauses:
        for part in clause.named_children:
            name = code.text(part.child_by_field_name("name"))
            yield Import(code.text(part.child_by_field_name("alias")) or name, module, name, _line(node))


def _declared(code: JsCode, node: Node) -> Iterator[Import]:
    """``const a = require("x")``, ``const { a } = require("x")``, ``const a = require("x").b``."""
    from scanners.idioms.javascript import bare, parts_of

    value = bare(node.child_by_field_name("value"))
    name = node.child_by_field_name("name")
    if value is None or name is None:
        return
    inner = value.child_by_field_name("object") if value.type == "member_expression" else value
    module = required(code, inner)
    if not module:
        return
    part = code.text(value.child_by_field_name("property")) if value.type == "member_expression" else ""
    if name.type == "identifier":
        yield Import(code.text(name), module, part or "default", _line(node))
    elif name.type == "object_pattern":
        for child in name.named_children:
            local, key = parts_of(code, child)
            if local:
                yield Import(local, module, key or local, _line(node))
