"""Shapes of Go payloads: struct fields by their tags, map literals, and names of types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Field, Shape
from scanners.idioms.code import Scope
from scanners.idioms.generics import applied
from scanners.idioms.go_imports import is_standard
from scanners.idioms.go_types import Member
from scanners.idioms.go_values import members

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_SCALARS = {
    "string": "string",
    "bool": "boolean",
    "error": "string",
    "float32": "number",
    "float64": "number",
    "byte": "integer",
    "rune": "integer",
    "time.Time": "string",
    "uuid.UUID": "string",
    "time.Duration": "integer",
    "decimal.Decimal": "number",
    "json.Number": "number",
    "primitive.ObjectID": "string",
    "sql.NullString": "string",
}
_INTEGERS = re.compile(r"u?int(8|16|32|64)?")
_TAG = re.compile(r'(\w+):"((?:[^"\\]|\\.)*)"')
WIRE = ("json", "protobuf", "bson", "avro", "db", "gorm", "form", "query", "yaml", "xml", "dynamodbav", "firestore")
_CHECKS = ("validate", "binding", "valid")
_DEPTH = 6


def tags(text: str) -> dict[str, str]:
    """The parts of a struct tag.

    Args:
        text: without the quotes around it.
    """
    return dict(_TAG.findall(text))


def wire_name(kind: str, tag: str, name: str) -> str:
    """The name a field travels under, empty when it does not.

    Args:
        kind: which part of the tag.
        tag: that part.
        name: of the field in the code.
    """
    if kind == "protobuf":
        found = re.search(r"(?:^|,)json=(\w+)", tag) or re.search(r"(?:^|,)name=(\w+)", tag)
        return found.group(1) if found else name
    if kind == "gorm":
        found = re.search(r"column:(\w+)", tag)
        return found.group(1) if found else name
    first = tag.split(",", 1)[0]
    return "" if first == "-" and tag == "-" else first or name


def struct(code: GoCode, owner: str, kind: str = "", depth: int = _DEPTH) -> Shape | None:
    """The fields of a struct of this file as they travel, None when nothing of it does.

    Args:
        code: the file.
        owner: qualified type name.
        kind: which tags to read, empty for those it has.
        depth: how many embedded structs deep.
    """
    own = [m for m in code.fields if m.owner.name == owner]
    kind = kind or next((k for k in WIRE if any(f'{k}:"' in m.tag for m in own)), "json")
    fields: list[Field] = []
    whole = True
    for member in own:
        tag = tags(member.tag)
        if member.embedded and kind not in tag:
            inner = (
                struct(code, member.name, kind, depth - 1)
                if depth > 1 and code.scope(member.name) is not None
                else None
            )
            fields += inner.fields if inner is not None else ()
            whole = whole and inner is not None
        elif member.name[:1].isupper():
            fields += _field(code, member, kind, tag)
    return Shape("object", tuple(fields), open=not whole) if fields else None


def _field(code: GoCode, member: Member, kind: str, tag: dict[str, str]) -> Iterator[Field]:
    given = tag.get(kind, "")
    name = wire_name(kind, given, member.name)
    if name and not (kind == "gorm" and given == "-"):
        pointer = member.type is not None and member.type.type == "pointer_type"
        optional = "omitempty" in given or "omitzero" in given or pointer
        asked = any("required" in tag.get(check, "").split(",") for check in _CHECKS)
        yield Field(name, type_shape(code, member.type), True if asked else False if optional else None)


def type_shape(code: GoCode, node: Node | None, depth: int = 0) -> Shape:
    """The shape of a type expression.

    Args:
        code: the file.
        node: a type.
        depth: how deep in it we are.
    """
    while node is not None and node.type in ("pointer_type", "parenthesized_type") and node.named_child_count:
        node = node.named_children[0]
    if node is None or depth > _DEPTH:
        return ANYTHING
    if node.type in ("slice_type", "array_type"):
        inner = node.child_by_field_name("element")
        if code.text(inner) == "byte":
            return Shape("string")
        return Shape("array", item=type_shape(code, inner, depth + 1))
    if node.type == "map_type":
        return Shape("object")
    if node.type == "struct_type":
        return _written(code, node, depth)
    if node.type == "generic_type":
        listed = node.child_by_field_name("type_arguments")
        given = [e.named_children[0] for e in listed.named_children if e.named_child_count] if listed else []
        made = Shape("object", named=code.text(node.child_by_field_name("type")))
        return applied(made, [type_shape(code, arg, depth + 1) for arg in given])
    return _named_type(code.text(node)) if node.type in ("type_identifier", "qualified_type") else ANYTHING


def _written(code: GoCode, node: Node, depth: int) -> Shape:
    """A struct type without a name: ``var out struct { ID string `json:"id"` }``."""
    listed = next((c for c in node.named_children if c.type == "field_declaration_list"), None)
    fields: list[Field] = []
    for child in listed.named_children if listed is not None else ():
        held = child.child_by_field_name("tag")
        given = tags(code.text(held).strip("`")).get("json", "") if held is not None else ""
        kind = child.child_by_field_name("type")
        for name in child.children_by_field_name("name"):
            wire = wire_name("json", given, code.text(name))
            if wire and code.text(name)[:1].isupper():
                fields.append(Field(wire, type_shape(code, kind, depth + 1), False if "omitempty" in given else None))
    return Shape("object", tuple(fields), open=False) if fields else Shape("object")


def _named_type(text: str) -> Shape:
    if _INTEGERS.fullmatch(text):
        return Shape("integer")
    if text in _SCALARS:
        return Shape(_SCALARS[text])
    return ANYTHING if text in ("any", "json.RawMessage") else Shape("object", named=text)


def type_parameters(code: GoCode, node: Node) -> list[str]:
    """Names of a type's own parameters: ``type Page[T any] struct``.

    Args:
        code: the file.
        node: its declaration.
    """
    listed = node.child_by_field_name("type_parameters")
    declared = listed.named_children if listed is not None else []
    return [code.text(name) for one in declared for name in one.children_by_field_name("name")]


def shape(code: GoCode, node: Node | None, scope: Scope, depth: int = 0) -> Shape:
    """The Shape of a payload expression.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        depth: how deep in it we are.
    """
    from scanners.idioms.go import bare

    node = bare(node)
    if node is None or depth > _DEPTH:
        return ANYTHING
    if node.type == "composite_literal":
        return _literal(code, node, scope, depth)
    if node.type in ("interpreted_string_literal", "raw_string_literal"):
        return Shape("string")
    if node.type in ("int_literal", "float_literal"):
        return Shape("integer" if node.type == "int_literal" else "number")
    if node.type in ("true", "false"):
        return Shape("boolean")
    site = code.site(node) if node.type == "call_expression" else None
    if site is not None and code.callee(site) in ("encoding/json.Marshal", "encoding/json.MarshalIndent") and site.args:
        return shape(code, site.args[0], scope, depth + 1)
    dotted = code.dotted(node)
    declared = _generic_local(code, dotted, scope)
    if declared is not None:
        return type_shape(code, declared)
    made = code.type_of(dotted, scope) if dotted else code.made_by(node, scope)
    return named(code, made, constructed=site is not None)


def _generic_local(code: GoCode, dotted: str, scope: Scope) -> Node | None:
    """The type of ``var page Page[Order]``, with its arguments."""
    for outer in scope.outward() if dotted and "." not in dotted else ():
        for assign in code.assigned(outer, dotted):
            if assign.annotation is not None and assign.annotation.type in ("generic_type", "struct_type"):
                return assign.annotation
    return None


def named(code: GoCode, made: str, *, constructed: bool = False) -> Shape:
    """The shape of a type by its name as types of names keep it.

    Args:
        code: the file.
        made: with marks for slices and maps.
        constructed: it may be a function that makes the value, whose type is not known.
    """
    if not made or made in code.factories:
        return ANYTHING
    if made.startswith("[]"):
        return Shape("string") if made == "[]byte" else Shape("array", item=named(code, made[2:]))
    if made.startswith("map[]"):
        return Shape("object")
    if made in _SCALARS:
        return Shape(_SCALARS[made])
    if _INTEGERS.fullmatch(made):
        return Shape("integer")
    if is_standard(made.rpartition(".")[0]) and "." in made:
        return ANYTHING
    text = written(code, made)
    last = text.rpartition(".")[2]
    if constructed or not last or last in ("any", "error") or text.count(".") > 1 or code.scope_is_function(text):
        return ANYTHING
    return Shape("object", named=text)


def written(code: GoCode, origin: str) -> str:
    """A type as this file writes it: ``path/to/pkg.Order`` is ``pkg.Order``.

    Args:
        code: the file.
        origin: through imports.
    """
    path, dot, name = origin.rpartition(".")
    local = code.locals.get(path) if dot else None
    return f"{local}.{name}" if local else origin


def _literal(code: GoCode, node: Node, scope: Scope, depth: int) -> Shape:
    kind = node.child_by_field_name("type")
    if kind is None:
        return ANYTHING
    written_type = code.text(kind)
    if kind.type == "map_type" or written_type in ("gin.H", "echo.Map", "fiber.Map", "bson.M", "render.M", "iris.Map"):
        pairs = members(code, node)
        fields = tuple(
            Field(k, shape(code, v, scope, depth + 1), True) for k, v in pairs if k.isidentifier() or "-" in k
        )
        return Shape("object", fields, open=len(fields) != len(pairs)) if fields else Shape("object")
    if kind.type in ("slice_type", "array_type"):
        return type_shape(code, kind)
    if kind.type == "struct_type":
        return Shape("object")
    return type_shape(code, kind)
