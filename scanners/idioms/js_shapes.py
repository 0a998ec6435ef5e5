"""JavaScript payloads as Shapes: object literals and TypeScript types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Field, Lit, Scalar, Shape
from scanners.idioms.code import MAX_DEPTH, Scope
from scanners.idioms.generics import applied

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_LITERALS = {"string": "string", "template_string": "string", "number": "number", "true": "boolean", "false": "boolean"}
_LITERALS |= {"null": "null", "undefined": "null"}
_PREDEFINED = {"string": "string", "number": "number", "boolean": "boolean", "null": "null", "undefined": "null"}
_NAMED = {"Date": "string", "Record": "object", "Object": "object", "Map": "object"}
_INFERRED = (
    "z.infer",
    "z.output",
    "z.input",
    "infer",
    "Static",
    "InferType",
    "InferOutput",
    "TypeOf",
    "InferSchemaType",
)
_STREAMS = ("Observable", "AsyncIterator", "AsyncIterable", "AsyncGenerator", "Promise")
_WRAPPERS = (*_STREAMS, "Partial", "Readonly", "Required", "AxiosResponse", "NonNullable")
_TYPE_DECLARATIONS = ("interface_declaration", "type_alias_declaration")
_ARRAYS = ("Array", "ReadonlyArray", "Set", "Iterable")
_SAME = ("stringify", "parse", "freeze", "assign", "from")
_STRINGS = ("toString", "toISOString", "String", "uuid", "uuidv4", "randomUUID", "join", "toFixed", "trim")
_CALLS_DEEP = 12
_NUMBERS = ("parseInt", "parseFloat", "Number", "now", "round", "floor", "ceil", "random")


def shape(code: JsCode, node: Node | None, scope: Scope, depth: int = 0) -> Shape:
    """The Shape of an expression that is sent or returned.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    if node is None or depth > MAX_DEPTH:
        return ANYTHING
    if node.type in _LITERALS:
        return Shape(_LITERALS[node.type])
    reader = _READERS.get(node.type)
    return reader(code, node, scope, depth + 1) if reader else ANYTHING


def _object(code: JsCode, node: Node, scope: Scope, depth: int) -> Shape:
    from scanners.idioms.javascript import key_of

    fields: list[Field] = []
    spread = False
    for child in node.named_children:
        if child.type == "pair" and key_of(code, child):
            fields.append(
                Field(key_of(code, child), shape(code, child.child_by_field_name("value"), scope, depth), True)
            )
        elif child.type == "shorthand_property_identifier":
            fields.append(Field(code.text(child), _by_name(code, code.text(child), scope, depth), True))
        elif child.type == "spread_element" and child.named_child_count:
            inner = shape(code, child.named_children[0], scope, depth)
            fields += inner.fields
            spread = spread or inner.open
        elif child.type != "comment":
            spread = True
    return Shape("object", tuple(fields), open=spread)


def _array(code: JsCode, node: Node, scope: Scope, depth: int) -> Shape:
    items = [c for c in node.named_children if c.type not in ("comment", "spread_element")]
    return Shape("array", item=shape(code, items[0], scope, depth) if items else None)


def _call(code: JsCode, node: Node, scope: Scope, depth: int) -> Shape:
    site = code.site(node)
    if site is None:
        return ANYTHING
    if site.method in _STRINGS:
        return Shape("string")
    if site.method in _NUMBERS:
        return Shape("number")
    if site.dotted == "Object.assign":
        return _merged([shape(code, arg, scope, depth) for arg in site.args])
    if site.method in _SAME and site.args:
        return shape(code, site.args[0], scope, depth)
    if site.method == "from" and site.receiver is not None and site.args:
        return shape(code, site.args[0], scope, depth)
    if site.method == "map" and site.args:
        body = site.args[0].child_by_field_name("body")
        inner = shape(code, body, scope, depth) if body is not None and body.type != "statement_block" else ANYTHING
        return Shape("array", item=inner)
    if site.node.type == "new_expression" and site.dotted:
        return Shape("object", named=site.dotted) if site.dotted != "Date" else Shape("string")
    return _given_back(code, site.dotted, site.scope, depth)


def _merged(parts: list[Shape]) -> Shape:
    """``Object.assign({}, form, {items})``: later keys win, and parts nobody knows may hold any."""
    fields = {f.name: f for part in parts for f in part.fields}
    return Shape("object", tuple(fields.values()), open=any(p.open or p.type != "object" for p in parts))


def _given_back(code: JsCode, dotted: str, scope: Scope, depth: int) -> Shape:
    """What a function of this file returns: its declared type, else the only thing it returns."""
    from scanners.idioms.js_reads import local_function

    target = local_function(code, dotted, scope)
    if target is None or depth > _CALLS_DEEP:
        return ANYTHING
    declared = annotation(code, target.node.child_by_field_name("return_type"))
    if declared != ANYTHING:
        return declared
    body = target.node.child_by_field_name("body")
    if body is not None and body.type != "statement_block":
        return shape(code, body, target, depth + 1)
    made = [n for n, inside in code.returns if inside is target and n.named_child_count]
    return shape(code, made[0].named_children[0], target, depth + 1) if len(made) == 1 else ANYTHING


def _identifier(code: JsCode, node: Node, scope: Scope, depth: int) -> Shape:
    return _by_name(code, code.text(node), scope, depth)


def _by_name(code: JsCode, name: str, scope: Scope, depth: int) -> Shape:
    """Read once per name and scope: minified code assigns one letter to many things, many times over."""
    key = (scope.name, scope.node.id, name)
    if key not in code.named_shapes:
        code.named_shapes[key] = ANYTHING
        code.named_shapes[key] = _looked_up(code, name, scope, depth)
    return code.named_shapes[key]


def _looked_up(code: JsCode, name: str, scope: Scope, depth: int) -> Shape:
    for outer in scope.outward():
        made = [a for a in code.assigned(outer, name) if not a.key and a.how in ("=", ":=")]
        for assign in reversed(made):
            declared = annotation(code, assign.annotation)
            if declared != ANYTHING:
                return declared
            known = shape(code, assign.value, outer, depth) if assign.value is not None else ANYTHING
            if known != ANYTHING and known.type != "null":
                return _assembled(code, known, (name, outer, depth))
        declared = _parameter(code, outer, name)
        if declared != ANYTHING:
            return declared
    return ANYTHING


def _assembled(code: JsCode, base: Shape, about: tuple[str, Scope, int]) -> Shape:
    """An object literal and the keys set on it afterwards."""
    name, scope, depth = about
    if base.type != "object" or base.named:
        return base
    known = {f.name for f in base.fields}
    later: list[Field] = []
    for assign in code.assigns:
        head, _, key = assign.target.partition(".")
        if head == name and key and "." not in key and key not in known and assign.scope is scope:
            known.add(key)
            later.append(Field(key, shape(code, assign.value, scope, depth), None))
    return Shape("object", (*base.fields, *later), open=base.open) if later else base


def _parameter(code: JsCode, scope: Scope, name: str) -> Shape:
    from scanners.idioms.js_scopes import parameters

    if scope.sort not in ("function", "method"):
        return ANYTHING
    for found, node in parameters(code, scope.node):
        if found == name:
            return annotation(code, node.child_by_field_name("type"))
    return ANYTHING


def _inner(code: JsCode, node: Node, scope: Scope, depth: int) -> Shape:
    return shape(code, node.named_children[0] if node.named_child_count else None, scope, depth)


def _asserted(code: JsCode, node: Node, scope: Scope, depth: int) -> Shape:
    declared = annotation(code, node.named_children[-1]) if node.named_child_count > 1 else ANYTHING
    return declared if declared != ANYTHING else _inner(code, node, scope, depth)


def _either(code: JsCode, node: Node, scope: Scope, depth: int) -> Shape:
    operator = code.text(node.child_by_field_name("operator"))
    if operator in ("===", "!==", "==", "!=", "<", ">", "<=", ">="):
        return Shape("boolean")
    if operator in ("-", "*", "/", "%"):
        return Shape("number")
    sides = ("left", "right") if node.type == "binary_expression" else ("consequence", "alternative")
    options = [shape(code, node.child_by_field_name(side), scope, depth) for side in sides]
    return next((o for o in options if o != ANYTHING and o.type != "null"), ANYTHING)


_READERS: dict[str, Callable[[JsCode, Node, Scope, int], Shape]] = {
    "object": _object,
    "array": _array,
    "call_expression": _call,
    "new_expression": _call,
    "identifier": _identifier,
    "parenthesized_expression": _inner,
    "await_expression": _inner,
    "as_expression": _asserted,
    "satisfies_expression": _asserted,
    "binary_expression": _either,
    "ternary_expression": _either,
    "unary_expression": lambda *_: Shape("boolean"),
}


def annotation(code: JsCode, node: Node | None) -> Shape:
    """The Shape a TypeScript type describes.

    Args:
        code: the file.
        node: a type or type annotation, None gives an unknown Shape.
    """
    while node is not None and node.type in ("type_annotation", "parenthesized_type") and node.named_child_count:
        node = node.named_children[0]
    if node is None:
        return ANYTHING
    reader = _TYPES.get(node.type)
    return reader(code, node) if reader else ANYTHING


def _predefined(code: JsCode, node: Node) -> Shape:
    return Shape(_PREDEFINED.get(code.text(node), "unknown"))


def _type_name(code: JsCode, node: Node) -> Shape:
    name = code.text(node)
    if name in _NAMED:
        return Shape(_NAMED[name])
    around = _parameter_of(code, node, name)
    of_function = around is not None and around.type not in _TYPE_DECLARATIONS
    return ANYTHING if of_function else Shape("object", named=name)


def _parameter_of(code: JsCode, node: Node, name: str) -> Node | None:
    """The function, class or type around a type that has it as type parameter."""
    if len(name) > 1 and not (name[0] == "T" and name[1:2].isupper()):
        return None
    around = node.parent
    while around is not None:
        written = around.child_by_field_name("type_parameters")
        if written is not None and name in _parameter_names(code, written):
            return around
        around = around.parent
    return None


def type_parameters(code: JsCode, node: Node) -> list[str]:
    """Names of a type's own parameters, none for anything else.

    Args:
        code: the file.
        node: its declaration.
    """
    written = node.child_by_field_name("type_parameters") if node.type in _TYPE_DECLARATIONS else None
    return _parameter_names(code, written) if written is not None else []


def _parameter_names(code: JsCode, written: Node) -> list[str]:
    return [code.text(p.named_children[0]) for p in written.named_children if p.named_child_count]


def _generic(code: JsCode, node: Node) -> Shape:
    name = code.text(node.named_children[0])
    inner = node.named_children[1].named_children if node.named_child_count > 1 else []
    first = annotation(code, inner[0]) if inner else ANYTHING
    if name in _ARRAYS:
        return Shape("array", item=first)
    if name in _INFERRED and inner:
        queried = inner[0].named_children[0] if inner[0].type == "type_query" and inner[0].named_child_count else None
        return Shape("object", named=code.text(queried)) if queried is not None else ANYTHING
    if name in _WRAPPERS:
        return first
    if name in _NAMED:
        return Shape(_NAMED[name])
    return applied(Shape("object", named=name), [annotation(code, arg) for arg in inner])


def _array_type(code: JsCode, node: Node) -> Shape:
    return Shape("array", item=annotation(code, node.named_children[0]) if node.named_child_count else None)


def _union(code: JsCode, node: Node) -> Shape:
    options = [annotation(code, c) for c in node.named_children]
    known = [o for o in options if o.type not in ("null", "unknown")]
    return known[0] if known else ANYTHING


def _literal_type(code: JsCode, node: Node) -> Shape:
    inner = node.named_children[0] if node.named_child_count else None
    return Shape(_LITERALS.get(inner.type, "unknown")) if inner is not None else ANYTHING


def object_type(code: JsCode, node: Node) -> Shape:
    """The Shape of an interface body or object type.

    Args:
        code: the file.
        node: its node.
    """
    fields = tuple(_properties(code, node))
    return Shape("object", fields, open=any(c.type == "index_signature" for c in node.named_children))


def _properties(code: JsCode, node: Node) -> Iterator[Field]:
    for child in node.named_children:
        if child.type == "property_signature":
            yield field_of(code, child)


def field_of(code: JsCode, node: Node) -> Field:
    """One declared property of an interface or class.

    Args:
        code: the file.
        node: its signature or definition.
    """
    key = node.child_by_field_name("name")
    declared = node.child_by_field_name("type")
    optional = any(code.text(c) == "?" for c in node.children)
    return Field(code.string(key) or code.text(key), annotation(code, declared), not optional, _enum(code, declared))


def _enum(code: JsCode, node: Node | None) -> tuple[Scalar, ...]:
    while node is not None and node.type in ("type_annotation", "parenthesized_type") and node.named_child_count:
        node = node.named_children[0]
    if node is None or node.type != "union_type":
        return ()
    values: list[Scalar] = []
    todo = list(node.named_children)
    while todo:
        current = todo.pop(0)
        if current.type == "union_type":
            todo = [*current.named_children, *todo]
        elif current.type == "literal_type" and current.named_child_count:
            found = code.value(current.named_children[0], code.scopes[0])
            values += [found.value] if isinstance(found, Lit) and found.value is not None else []
        elif code.text(current) not in ("null", "undefined"):
            return ()
    return tuple(values)


_TYPES: dict[str, Callable[[JsCode, Node], Shape]] = {
    "predefined_type": _predefined,
    "type_identifier": _type_name,
    "nested_type_identifier": _type_name,
    "generic_type": _generic,
    "array_type": _array_type,
    "union_type": _union,
    "literal_type": _literal_type,
    "object_type": object_type,
    "interface_body": object_type,
    "readonly_type": lambda code, node: annotation(code, node.named_children[0]),
}
