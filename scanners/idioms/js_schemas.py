"""Payload shapes that JavaScript declares: schemas of zod, Joi, yup, TypeBox and valibot, and classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Field, Lit, Scalar, Shape
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.js_shapes import field_of

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_LIBRARIES = {
    "zod": True,
    "@hono/zod-openapi": True,
    "joi": False,
    "@hapi/joi": False,
    "yup": False,
    "@sinclair/typebox": True,
    "elysia": True,
    "valibot": True,
    "superstruct": True,
}
"""Validation libraries, and whether a field is required unless it says otherwise."""
_OBJECTS = ("object", "Object", "strictObject", "looseObject", "interface")
_STRINGS = "string String email uuid url uri date Date datetime cuid cuid2 ulid ip guid isoDate isoTimestamp"
_NUMBERS = "number Number int Integer integer bigint BigInt float32 float64"
_SORTS = {name: "string" for name in _STRINGS.split()} | {name: "number" for name in _NUMBERS.split()}
_SORTS |= {"boolean": "boolean", "Boolean": "boolean", "bool": "boolean", "record": "object", "Record": "object"}
_ARRAYS = ("array", "Array", "set")
_ENUMS = ("enum", "picklist", "valid", "oneOf", "literal", "Literal", "nativeEnum")
_OPTIONAL = ("optional", "nullish", "default", "notRequired", "catch", "Optional", "prefault", "allow")
_WRAPPERS = ("optional", "nullable", "nullish", "Optional", "Nullable", "preprocess", "lazy", "Readonly")
_EXTENDS = ("extend", "merge", "pick", "omit", "partial", "required", "deepPartial", "concat", "safeExtend", "and")
_OPTIONAL_MARKS = ("IsOptional", "ApiPropertyOptional", "Optional")
_HIDDEN = ("static", "private", "protected")
_DEEP = 12


def types(code: JsCode) -> Iterator[Fact]:
    """Type facts of schemas bound to a name and of classes with declared properties.

    Args:
        code: the file.
    """
    known = {found.module for found in code.all_imports}
    if any(module in known for module in _LIBRARIES):
        for assign in code.assigns:
            if assign.value is not None and not assign.key and not assign.scope.name and "." not in assign.target:
                found = schema(code, assign.value, assign.scope)
                if found is not None and found.type == "object" and not found.named:
                    yield Fact("type", {"name": assign.target, "shape": found}, code.at(assign.value))
    for scope in code.scopes[1:]:
        if scope.sort == "class":
            shape = _class(code, scope)
            if shape is not None:
                yield Fact("type", {"name": scope.name, "shape": shape}, code.at(scope.node))


def schema(code: JsCode, node: Node | None, scope: Scope, depth: int = 0) -> Shape | None:
    """The Shape a validation schema describes; None for anything else.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        depth: how deep in the schema we are.
    """
    if node is None or depth > _DEEP:
        return None
    if node.type == "identifier" and depth:
        return Shape("object", named=code.text(node))
    chain = _chain(code, node)
    if not chain:
        return None
    base, required = chain[-1], _library(code, chain[-1])
    if required is None:
        return _built_upon(code, chain, scope, depth)
    shape = _base(code, base, scope, (depth, required))
    for site in reversed(chain[:-1]):
        if site.method in ("keys", "shape", "extend") and site.args:
            shape = _with(shape, _fields(code, site.args[0], scope, (depth, required)))
        elif site.method in ("array", "of", "items"):
            inner = schema(code, site.arg(0), scope, depth + 1) if site.args else shape
            shape = Shape("array", item=inner)
        elif site.method in ("pick", "omit"):
            shape = replace(shape, open=True)
        elif site.method in ("partial", "deepPartial"):
            shape = replace(shape, fields=tuple(replace(f, required=False) for f in shape.fields))
    return shape


def _chain(code: JsCode, node: Node) -> list[CallSite]:
    """``z.object({...}).strict().optional()`` as call sites, outermost first."""
    chain: list[CallSite] = []
    current: Node | None = node
    for _ in range(_DEEP):
        site = code.site(current) if current is not None and current.type == "call_expression" else None
        if site is None:
            break
        chain.append(site)
        current = site.receiver
    return chain


def _library(code: JsCode, base: CallSite) -> bool | None:
    """Whether fields are required by default in the library a call belongs to; None when it belongs to none."""
    found = code.imports.get(base.dotted.split(".", 1)[0])
    return _LIBRARIES.get(found.module) if found is not None else None


def _built_upon(code: JsCode, chain: list[CallSite], scope: Scope, depth: int) -> Shape | None:
    """``Base.extend({...})``: the fields added, and others."""
    base = chain[-1]
    receiver = code.dotted(base.receiver)
    if base.method not in _EXTENDS or not receiver:
        return None
    made = code.made_of(receiver, scope)
    known = schema(code, made.node, scope, depth + 1) if made is not None and depth < 3 else None
    if known is None:
        imported = receiver.split(".", 1)[0] in code.imports
        return Shape("object") if imported and base.method == "extend" else None
    if base.method in ("extend", "safeExtend") and base.args:
        return _with(known, _fields(code, base.args[0], scope, (depth, True)))
    if base.method in ("partial", "deepPartial"):
        return replace(known, fields=tuple(replace(f, required=False) for f in known.fields))
    return replace(known, open=True) if base.method != "required" else known


def _with(shape: Shape, fields: tuple[Field, ...]) -> Shape:
    names = {f.name for f in fields}
    return replace(shape, type="object", fields=(*(f for f in shape.fields if f.name not in names), *fields))


def _base(code: JsCode, site: CallSite, scope: Scope, about: tuple[int, bool]) -> Shape:
    depth, _ = about
    if site.method in _OBJECTS:
        fields = _fields(code, site.args[0], scope, about) if site.args else ()
        return Shape("object", fields, open=site.method == "looseObject" or not site.args)
    if site.method in _ARRAYS:
        return Shape("array", item=schema(code, site.arg(0), scope, depth + 1))
    if site.method in _WRAPPERS and site.args:
        return schema(code, site.args[-1], scope, depth + 1) or ANYTHING
    if site.method in ("enum", "picklist", "literal", "Literal", "nativeEnum"):
        return Shape("string")
    return Shape(_SORTS.get(site.method, "unknown"))


def _fields(code: JsCode, node: Node, scope: Scope, about: tuple[int, bool]) -> tuple[Field, ...]:
    from scanners.idioms.javascript import key_of

    depth, required = about
    out: list[Field] = []
    for child in node.named_children if node.type == "object" else ():
        if child.type == "shorthand_property_identifier":
            out.append(Field(code.text(child), ANYTHING, required))
        key = key_of(code, child) if child.type == "pair" else ""
        if not key:
            continue
        value = child.child_by_field_name("value")
        methods = [s.method for s in _chain(code, value)] if value is not None else []
        needed = (required and not any(m in _OPTIONAL for m in methods)) or "required" in methods
        shape = schema(code, value, scope, depth + 1) or ANYTHING
        out.append(Field(key, shape, needed, _enum(code, value, scope)))
    return tuple(out)


def _enum(code: JsCode, node: Node | None, scope: Scope) -> tuple[Scalar, ...]:
    for site in _chain(code, node) if node is not None else ():
        if site.method in _ENUMS:
            listed = [i for a in site.args for i in (a.named_children if a.type == "array" else [a])]
            values = [code.value(i, scope) for i in listed]
            if values and all(isinstance(v, Lit) for v in values):
                return tuple(v.value for v in values if isinstance(v, Lit))
    return ()


def _class(code: JsCode, scope: Scope) -> Shape | None:
    """The properties a class declares with a type; None without any."""
    body = scope.node.child_by_field_name("body")
    optional = {d.target for d in code.decorators if d.scope is scope and d.name in _OPTIONAL_MARKS}
    wire = {d.target: name for d in code.decorators if d.scope is scope and (name := _exposed(code, d.args, d.name))}
    fields: list[Field] = []
    for child in body.named_children if body is not None else ():
        if _is_data(code, child):
            made = field_of(code, child)
            needed = False if made.name in optional else made.required
            fields.append(replace(made, name=wire.get(made.name, made.name), required=needed))
    if not fields:
        return None
    return Shape("object", tuple(fields), open=bool(scope.bases))


def _is_data(code: JsCode, node: Node) -> bool:
    """A public property with a type that is not given code: ``status: string = 'new'``."""
    if node.type != "public_field_definition" or node.child_by_field_name("type") is None:
        return False
    if any(code.text(c) in _HIDDEN for c in node.children):
        return False
    value = node.child_by_field_name("value")
    return value is None or value.type in ("string", "number", "true", "false", "null", "array")


def _exposed(code: JsCode, args: Sequence[Node], name: str) -> str:
    from scanners.idioms.javascript import option

    return code.string(option(code, args[0], "name")) if name == "Expose" and args else ""
