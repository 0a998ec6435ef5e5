"""Python payloads as Shapes: literals, annotations and constructed models."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Field, Lit, Scalar, Shape
from scanners.idioms.code import MAX_DEPTH, CallSite, Scope
from scanners.idioms.generics import applied

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_SIMPLE = {
    "str": "string",
    "EmailStr": "string",
    "UUID": "string",
    "datetime": "string",
    "date": "string",
    "bytes": "string",
    "HttpUrl": "string",
    "int": "integer",
    "float": "number",
    "Decimal": "number",
    "bool": "boolean",
    "None": "null",
    "dict": "object",
    "Mapping": "object",
    "list": "array",
    "List": "array",
    "Sequence": "array",
    "tuple": "array",
    "set": "array",
    "Any": "unknown",
    "object": "unknown",
}
_ARRAYS = ("list", "List", "Sequence", "Iterable", "set", "Set", "tuple", "Tuple", "frozenset", "AsyncIterator")
_DEEPEST = 12
_GIVEN = 6
_SAME = (
    "dumps",
    "encode",
    "jsonable_encoder",
    "jsonify",
    "JSONResponse",
    "ORJSONResponse",
    "dict",
    "asdict",
    "Response",
)
_DUMPS: tuple[str, ...] = (
    "model_dump",
    "dict",
    "model_dump_json",
    "json",
    "_asdict",
    "to_dict",
    "to_json",
    "asdict",
    "copy",
)
_DUMPS += ("as_dict", "serialize", "serialized")
_DUMPS += ("SerializeToString", "SerializePartialToString")
_MODEL = re.compile(r"(?:await\s+)?(?:([A-Z]\w*)\.(?:query|objects)\b|[\w.]*\.query\(([A-Z]\w*)\))")
_ONE_ROW = ("get", "get_or_404", "first", "first_or_404", "one", "one_or_404", "one_or_none", "create", "latest")
_ROWS = ("all", "filter", "filter_by", "order_by", "exclude")
OWN = ("to_dict", "to_json", "asdict", "as_dict", "serialize", "serialized")
_LITERALS = {"string": "string", "concatenated_string": "string", "integer": "integer", "float": "number"}
_LITERALS |= {"true": "boolean", "false": "boolean", "none": "null"}
_SCALAR_CALLS = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "len": "integer"}
_SCALAR_CALLS |= {"isoformat": "string", "uuid4": "string", "time": "number", "strftime": "string", "hex": "string"}


def shape(code: PyCode, node: Node | None, scope: Scope, depth: int = 0) -> Shape:
    """The Shape of an expression that is sent or returned.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    if node is None or depth > MAX_DEPTH:
        return ANYTHING
    depth += 1
    if node.type in _LITERALS:
        return Shape(_LITERALS[node.type])
    if node.type in ("parenthesized_expression", "await") and node.named_child_count:
        return shape(code, node.named_children[0], scope, depth)
    reader = _READERS.get(node.type)
    return reader(code, node, scope, depth) if reader else ANYTHING


def _dictionary(code: PyCode, node: Node, scope: Scope, depth: int) -> Shape:
    fields: list[Field] = []
    spread = False
    for child in node.named_children:
        key = code.string(child.child_by_field_name("key")) if child.type == "pair" else ""
        if key:
            fields.append(Field(key, shape(code, child.child_by_field_name("value"), scope, depth), True))
        elif child.type != "comment":
            inner = shape(code, child.named_children[0], scope, depth) if child.named_child_count else ANYTHING
            fields += inner.fields
            spread = spread or inner.open
    return Shape("object", tuple(fields), open=spread)


def _list(code: PyCode, node: Node, scope: Scope, depth: int) -> Shape:
    items = [c for c in node.named_children if c.type not in ("comment", "for_in_clause", "if_clause")]
    return Shape("array", item=shape(code, items[0], scope, depth) if items else None)


def _call(code: PyCode, node: Node, scope: Scope, depth: int) -> Shape:
    site = code.site(node)
    if site is None:
        return ANYTHING
    if site.method in _SCALAR_CALLS:
        return Shape(_SCALAR_CALLS[site.method])
    if site.method in _DUMPS and site.receiver is not None and not site.args:
        found = shape(code, site.receiver, scope, depth)
        own = site.method in OWN and bool(found.named)
        return Shape("object", named=f"{found.named}.{site.method}()") if own else found
    if site.method in _SAME:
        return _wrapped(code, site, scope, depth)
    last = site.dotted.rsplit(".", 1)[-1]
    known = code.scope(site.dotted)
    if last[:1].isupper() and not _is_object(site, scope) and (known is None or known.sort == "class"):
        fields = tuple(Field(n, shape(code, v, scope, depth), True) for n, v in site.named.items())
        return Shape("object", fields, named=site.dotted)
    row = _row(code, site)
    if row is not None:
        return row
    if site.receiver is not None and site.method in ("model_validate", "parse_obj", "from_orm"):
        return Shape("object", named=code.dotted(site.receiver))
    return _returned(code, site, scope, depth)


def _row(code: PyCode, site: CallSite) -> Shape | None:
    """``Order.query.get(id)``, ``Order.objects.filter(..)``, ``session.get(Order, id)``: rows of a model class."""
    if site.method not in (*_ONE_ROW, *_ROWS):
        return None
    found = _MODEL.match(code.text(site.node)) if site.receiver is not None else None
    first = code.dotted(site.arg(0)) if site.method == "get" and len(site.args) == 2 else ""
    name = found[1] or found[2] if found is not None else first
    if not name or not name.rsplit(".", 1)[-1][:1].isupper():
        return None
    made = Shape("object", named=name)
    return made if site.method in _ONE_ROW else Shape("array", item=made)


def _is_object(site: CallSite, scope: Scope) -> bool:
    """Whether a method is called on something a function holds, not on a module or class."""
    head = site.dotted.split(".", 1)[0]
    return site.receiver is not None and any(head in o.bound or head in o.params for o in scope.outward() if o.name)


def _wrapped(code: PyCode, site: CallSite, scope: Scope, depth: int) -> Shape:
    inner = site.arg(0, "content") or (site.receiver if site.method == "encode" else None)
    if inner is None:
        fields = tuple(Field(n, shape(code, v, scope, depth), True) for n, v in site.named.items())
        return Shape("object", fields, open=False) if site.method in ("jsonify", "dict") else ANYTHING
    return shape(code, inner, scope, depth)


def _returned(code: PyCode, site: CallSite, scope: Scope, depth: int) -> Shape:
    """What a function of this file returns, when all of its returns look the same or one is known."""
    name = site.dotted
    if name.startswith(("self.", "cls.")) and scope.owner:
        name = f"{scope.owner}.{name.split('.', 1)[1]}"
    made = code.scope(name)
    if made is None or made.sort == "class" or depth > 12:
        return ANYTHING
    from scanners.idioms.python import definition

    declared = annotation(code, definition(made).child_by_field_name("return_type"))
    if declared.named or declared.fields:
        return declared
    key = (made.name, made.node.id, "")
    if key not in code.named_shapes:
        code.named_shapes[key] = declared
        code.named_shapes[key] = _first_return(code, made, declared, depth)
    return code.named_shapes[key]


def _first_return(code: PyCode, made: Scope, declared: Shape, depth: int) -> Shape:
    for node, where in code.returns:
        if where is made and node.named_child_count:
            found = shape(code, node.named_children[0], where, depth + 3)
            if found != ANYTHING and found.type != "null":
                return found
    return declared


def _identifier(code: PyCode, node: Node, scope: Scope, depth: int) -> Shape:
    """Read once per name and scope, for names are made of each other, and of themselves."""
    key = (scope.name, scope.node.id, code.text(node))
    if key not in code.named_shapes:
        code.named_shapes[key] = ANYTHING
        code.named_shapes[key] = _looked_up(code, key[2], scope, depth)
    return code.named_shapes[key]


def _looked_up(code: PyCode, name: str, scope: Scope, depth: int) -> Shape:
    for outer in scope.outward():
        made = [a for a in code.assigned(outer, name) if a.value is not None and a.how == "="]
        if made:
            found = [ANYTHING if a.key else _assembled(code, a.value, outer, (name, depth)) for a in made[-_GIVEN:]]
            return _one_of([s for s in found if s.type != "null"])
        looped = [a for a in code.assigned(outer, name) if a.value is not None and a.how == "for" and not a.key]
        if looped:
            return shape(code, looped[-1].value, outer, depth + 3).item or ANYTHING
        declared = _parameter(code, outer, name)
        if declared is not None:
            return declared if declared != ANYTHING else _given(code, outer, name, depth)
    return ANYTHING


def _one_of(shapes: list[Shape]) -> Shape:
    """What a name holds that is given several values: nothing is known when one of them is not."""
    if len(shapes) < 2:
        return shapes[0] if shapes else ANYTHING
    known = [s for s in shapes if s != Shape("object", open=False)]
    return ANYTHING if ANYTHING in known else merged(known)


def _given(code: PyCode, scope: Scope, name: str, depth: int) -> Shape:
    """What the calls of this file give a parameter, when they give the same fields."""
    from scanners.idioms.python_reads import local_function

    if name not in scope.params or depth > _DEEPEST:
        return ANYTHING
    at = scope.params.index(name)
    found: list[Shape] = []
    for site in code.called(scope.name.rsplit(".", 1)[-1]):
        node = site.arg(at, name) if local_function(code, site) is scope else None
        given = shape(code, node, site.scope, depth + 3) if node is not None else ANYTHING
        found += [given] if given != ANYTHING else []
    return merged(found)


def merged(shapes: list[Shape]) -> Shape:
    """One shape for several: fields of any of them, required where all of them have it.

    Args:
        shapes: of one payload, at different places.
    """
    if not shapes or any(s.type != "object" or s.named != shapes[0].named for s in shapes):
        return shapes[0] if len({(s.type, s.named) for s in shapes}) == 1 else ANYTHING
    fields: dict[str, Field] = {}
    for one in shapes:
        for item in one.fields:
            everywhere = all(s.field(item.name) is not None for s in shapes)
            fields.setdefault(item.name, item if everywhere else Field(item.name, item.shape, None, item.enum))
    return Shape("object", tuple(fields.values()), open=any(s.open for s in shapes), named=shapes[0].named)


def _assembled(code: PyCode, node: Node | None, scope: Scope, about: tuple[str, int]) -> Shape:
    """A literal and the keys set on it afterwards."""
    name, depth = about
    base = shape(code, node, scope, depth)
    if base.type != "object" or base.named:
        return base
    known = {f.name for f in base.fields}
    later = []
    for assign in code.assigns:
        head, _, key = assign.target.partition(".")
        if assign.scope is scope and head == name and key and "." not in key and key not in known:
            known.add(key)
            later.append(Field(key, shape(code, assign.value, scope, depth), None))
    return Shape("object", (*base.fields, *later), open=base.open) if later else base


def _parameter(code: PyCode, scope: Scope, name: str) -> Shape | None:
    from scanners.idioms.python import parameters

    if scope.sort not in ("function", "method"):
        return None
    for found, node in parameters(code, scope):
        if found == name:
            return annotation(code, node.child_by_field_name("type"))
    return None


def _conditional(code: PyCode, node: Node, scope: Scope, depth: int) -> Shape:
    options = (shape(code, node.named_children[0], scope, depth), shape(code, node.named_children[-1], scope, depth))
    return next((o for o in options if o != ANYTHING and o.type != "null"), ANYTHING)


_READERS: dict[str, Callable[[PyCode, Node, Scope, int], Shape]] = {
    "dictionary": _dictionary,
    "list": _list,
    "list_comprehension": _list,
    "tuple": _list,
    "call": _call,
    "identifier": _identifier,
    "conditional_expression": _conditional,
    "boolean_operator": _conditional,
    "comparison_operator": lambda *_: Shape("boolean"),
    "not_operator": lambda *_: Shape("boolean"),
}


def annotation(code: PyCode, node: Node | None) -> Shape:
    """The Shape a type annotation describes.

    Args:
        code: the file.
        node: a ``type`` node or an expression, None gives an unknown Shape.
    """
    while node is not None and node.type in ("type", "string") and node.named_child_count:
        node = node.named_children[0]
    if node is None:
        return ANYTHING
    if node.type in ("generic_type", "subscript"):
        return _generic(code, node)
    if node.type == "binary_operator":
        sides = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        return next((s for s in (annotation(code, n) for n in sides) if s.type != "null"), ANYTHING)
    name = code.text(node) if node.type == "string_content" else code.dotted(node) or code.text(node)
    last = name.rsplit(".", 1)[-1]
    if last in _SIMPLE:
        return Shape(_SIMPLE[last])
    return Shape("object", named=name) if last[:1].isupper() and name.replace(".", "").isidentifier() else ANYTHING


def _generic(code: PyCode, node: Node) -> Shape:
    parts = [c for c in node.named_children if c.type != "comment"]
    head = code.text(parts[0]).rsplit(".", 1)[-1]
    inner = parts[1:]
    if inner and inner[0].type == "type_parameter":
        inner = list(inner[0].named_children)
    if head == "Literal":
        return Shape("string" if any(c.type == "string" for n in inner for c in (n, *n.named_children)) else "unknown")
    if head in ("Union",):
        return next((s for s in (annotation(code, n) for n in inner) if s.type != "null"), ANYTHING)
    first = annotation(code, inner[0]) if inner else ANYTHING
    if head in ("Annotated", "Optional", "Final", "ClassVar", "Mapped", "Required", "NotRequired"):
        return first
    if head in _ARRAYS:
        return Shape("array", item=first)
    if head.lower() in ("dict", "mapping"):
        return Shape("object")
    made = annotation(code, parts[0])
    return applied(made, [annotation(code, n) for n in inner]) if made.named else made


def literal_values(code: PyCode, node: Node | None) -> tuple[Scalar, ...]:
    """The values of a ``Literal[...]`` anywhere in an annotation, or nothing.

    Args:
        code: the file.
        node: an annotation.
    """
    if node is None or "Literal[" not in code.text(node):
        return ()
    out: list[Scalar] = []
    todo = [node]
    while todo:
        current = todo.pop()
        if current.type in ("string", "integer", "true", "false"):
            found = code.value(current, code.scopes[0])
            out += [found.value] if isinstance(found, Lit) else []
        else:
            todo += reversed(current.named_children)
    return tuple(out)
