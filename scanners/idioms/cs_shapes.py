"""C# payloads as Shapes: declared types, anonymous objects, and what an expression gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Field, Shape
from scanners.idioms.code import MAX_DEPTH, CallSite, Scope
from scanners.idioms.cs_noise import words
from scanners.idioms.cs_types import LISTS, MAPS, TypeRef, type_ref
from scanners.idioms.generics import applied, parametrised

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode
    from scanners.idioms.cs_records import Declared

_PRIMITIVES = {
    **dict.fromkeys(
        ["string", "char", "String", "Guid", "DateTime", "DateTimeOffset", "DateOnly", "TimeOnly", "TimeSpan", "Uri"],
        "string",
    ),
    **dict.fromkeys(
        words("""int long short byte uint ulong ushort sbyte Int32 Int64 Int16 Byte BigInteger"""), "integer"
    ),
    **dict.fromkeys(["decimal", "double", "float", "Double", "Decimal", "Single"], "number"),
    **dict.fromkeys(("bool", "Boolean"), "boolean"),
}
_OPAQUE = words(
    """object dynamic JsonElement JsonNode JsonObject JsonDocument JObject JToken JArray Stream byte
    HttpResponseMessage IActionResult ActionResult IResult Task ValueTask void HttpContent IFormFile HttpContext
    HttpRequest HttpResponse var IHttpActionResult Unit NoContent NotFound BadRequest ViewResult JsonResult
    ContentResult FileResult FileContentResult FileStreamResult PhysicalFileResult PhysicalFileHttpResult
    FileStreamHttpResult FileContentHttpResult PartialViewResult RedirectResult"""
)
_SAME = words(
    """ToList ToArray ToListAsync ToArrayAsync AsEnumerable Where OrderBy OrderByDescending Skip Take Distinct
    Serialize SerializeObject SerializeToUtf8Bytes Create GetBytes FromObject AsQueryable ConfigureAwait
    AsReadOnly SerializeToElement ReadOnlyMemory AsNoTracking ThenBy Include"""
)
_FIRSTS = words("""First FirstOrDefault Single SingleOrDefault FirstAsync FirstOrDefaultAsync Last Find""")
_DELEGATES = ("Action", "Func", "EventHandler", "Predicate")
_ACTS = re.compile(
    r"(ComponentBase|Controller|ControllerBase|DbContext|PageModel|BackgroundService|Hub|Attribute|Middleware|Endpoint"
    r"|AuthenticationHandler|TagHelper|MassTransitStateMachine|Migration|ViewComponent|Window|ContentPage|Profile)$"
)
_OUTER = ("StringContent", "ByteArrayContent", "ReadOnlyMemory", "BinaryData", "ObjectResult", "ServiceBusMessage")


def of_ref(ref: TypeRef | None, depth: int = 0) -> Shape:
    """The Shape of a type.

    Args:
        ref: the type, None gives anything.
        depth: how deep in type arguments we are.
    """
    if ref is None or depth > 8:
        return ANYTHING
    ref = ref.inner
    item = ref.item
    if item is not None:
        return Shape("string") if item.name == "byte" else Shape("array", item=of_ref(item, depth + 1))
    if ref.short in _PRIMITIVES:
        return Shape(_PRIMITIVES[ref.short])
    if ref.short in MAPS:
        return Shape("object")
    if ref.short in _OPAQUE or ref.short in LISTS:
        return ANYTHING
    if ref.args:
        made = Shape("object", named=ref.name)
        return applied(made, [of_ref(arg, depth + 1) for arg in ref.args]) if ref.short[:1].isupper() else ANYTHING
    return Shape("object", named=ref.name) if ref.short[:1].isupper() and len(ref.short) > 1 else ANYTHING


def wire(name: str) -> str:
    """The JSON name ASP.NET gives a property: camel case, leading capitals lowered as a whole.

    Args:
        name: of the property.
    """
    if not name or not name[0].isupper():
        return name
    for index, char in enumerate(name):
        if not char.isupper():
            at = index if index <= 1 or not char.isalpha() else index - 1
            return name[: max(at, 1)].lower() + name[max(at, 1) :]
    return name.lower()


def type_shape(code: CsCode, scope: Scope) -> Shape | None:
    """The payload a class or record is, None when it carries no data.

    Args:
        code: the file.
        scope: the type.
    """
    if any(_ACTS.search(base) for base in scope.bases):
        return None
    fields = tuple(f for made in code.declared.get(scope.name, {}).values() if (f := _field(code, scope, made)))
    if not fields:
        return None
    own = code.generics.get(scope.name, ())
    inherits = any(not (b[:1] == "I" and b[1:2].isupper()) for b in scope.bases)
    return parametrised(Shape("object", fields, open=inherits), own)


def _field(code: CsCode, scope: Scope, made: Declared) -> Field | None:
    positional = made.sort == "param" and scope.node.type == "record_declaration"
    if not positional and not _data(made):
        return None
    marks = {a.name: a for a in code.attributes_of(made.node)}
    if "JsonIgnore" in marks or "IgnoreDataMember" in marks:
        return None
    name = wire(made.name)
    for mark, keyword in (("JsonPropertyName", ""), ("JsonProperty", "PropertyName"), ("DataMember", "Name")):
        if mark in marks:
            name = code.string(marks[mark].arg(0 if mark != "DataMember" else -1, keyword)) or name
    return Field(
        name,
        _declared(code, made.type, scope),
        _required(code, made, marks.keys() & {"Required", "JsonRequired"} != set()),
    )


def _declared(code: CsCode, ref: TypeRef | None, scope: Scope) -> Shape:
    """The Shape of a field's type; a type parameter keeps its name, to be told apart afterwards."""
    own = code.generics.get(scope.name, ())
    inner = ref.inner if ref is not None else None
    item = inner.item if inner is not None else None
    if inner is not None and inner.name in own and not inner.array:
        return Shape("object", named=inner.name)
    if item is not None and item.name in own:
        return Shape("array", item=Shape("object", named=item.name))
    return of_ref(ref)


def _data(made: Declared) -> bool:
    """An auto-property or field others can see: ``public int Id { get; set; }``, ``public readonly int Id;``."""
    if made.sort == "field":
        called = made.node.type.startswith("event") or (made.type is not None and made.type.short in _DELEGATES)
        return "public" in made.modifiers and not made.modifiers & {"static", "const"} and not called
    if made.sort != "property" or made.modifiers & {"static", "private", "protected", "override"}:
        return False
    if "public" not in made.modifiers:
        return False
    listed = made.node.child_by_field_name("accessors")
    return listed is not None and all(a.child_by_field_name("body") is None for a in listed.named_children)


def _required(code: CsCode, made: Declared, marked: bool) -> bool | None:
    """Whether a payload without the field is refused; None for numbers and the like, which are zero then."""
    if marked or "required" in made.modifiers:
        return True
    if made.type is not None and made.type.nullable:
        return False
    if made.value is not None and code.text(made.value).rstrip("!") not in ("null", "default", "=null", "= null"):
        return False
    return None if of_ref(made.type).type in ("integer", "number", "boolean") else True


def shape(code: CsCode, node: Node | None, scope: Scope, depth: int = 0) -> Shape:
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


_LITERALS = {
    "string_literal": "string",
    "interpolated_string_expression": "string",
    "verbatim_string_literal": "string",
    "integer_literal": "integer",
    "real_literal": "number",
    "boolean_literal": "boolean",
    "null_literal": "null",
}


def _anonymous(code: CsCode, node: Node, scope: Scope, depth: int) -> Shape:
    return Shape("object", tuple(_pairs(code, node, scope, depth)), open=False)


def _pairs(code: CsCode, node: Node, scope: Scope, depth: int) -> Iterator[Field]:
    """``{ Id = 1, order.Name, total }``: the tree has names and values in one row."""
    children = [c for c in node.children if c.is_named or code.text(c) in ("=", ",")]
    at = 0
    while at < len(children):
        child = children[at]
        following = children[at + 1] if at + 1 < len(children) else None
        if following is not None and following.type == "=" and at + 2 < len(children):
            yield Field(wire(code.text(child)), shape(code, children[at + 2], scope, depth), True)
            at += 3
        else:
            name = code.dotted(child).rpartition(".")[2] if child.is_named else ""
            if name:
                yield Field(wire(name), shape(code, child, scope, depth), True)
            at += 1


def _named(code: CsCode, node: Node, scope: Scope, depth: int) -> Shape:
    dotted = code.dotted(node)
    if not dotted:
        return ANYTHING
    ref = code.ref_of(dotted, scope)
    known = of_ref(ref, depth) if ref is not None else ANYTHING
    if known != ANYTHING:
        return known
    for outer in scope.outward():
        for assign in reversed(code.assigned(outer, dotted)):
            if assign.value is not None and not assign.key and assign.how != "for":
                return shape(code, assign.value, scope, depth + 8)
    return ANYTHING


def _creation(code: CsCode, node: Node, scope: Scope, depth: int) -> Shape:
    made = node.child_by_field_name("type")
    ref = type_ref(code, made) if made is not None else code.target_type(node)
    site = code.site(node)
    if ref is not None and ref.short in _OUTER and site is not None and site.args:
        return shape(code, site.args[0], scope, depth)
    return of_ref(ref, depth)


def _call(code: CsCode, node: Node, scope: Scope, depth: int) -> Shape:
    site = code.site(node)
    if site is None:
        return ANYTHING
    given = code.type_args(site)
    if site.method in _SAME:
        inner = site.receiver if not _static(code, site) else (*site.args, None)[0]
        found = shape(code, inner, scope, depth)
        return found if found != ANYTHING else of_ref(given[0]) if given else ANYTHING
    if site.method == "Select" and site.args and site.args[0].type == "lambda_expression":
        return Shape("array", item=_projected(code, site.args[0], scope, depth))
    if site.method in _FIRSTS:
        found = shape(code, site.receiver, scope, depth)
        return found.item or ANYTHING
    owner = code.type_of(code.dotted(site.receiver), scope) if site.receiver is not None else scope.owner
    returned = code.refs.get(f"{owner}.{site.method}.return") if owner else None
    return of_ref(returned, depth) if returned is not None else ANYTHING


def _static(code: CsCode, site: CallSite) -> bool:
    head = code.dotted(site.receiver) if site.receiver is not None else ""
    last = head.rpartition(".")[2]
    return (
        last in ("JsonSerializer", "JsonConvert", "JsonContent", "UTF8", "ASCII", "BinaryData", "JObject")
        or site.receiver is None
    )


def _projected(code: CsCode, node: Node, scope: Scope, depth: int) -> Shape:
    body = node.child_by_field_name("body")
    return shape(code, body, scope, depth) if body is not None and body.type != "block" else ANYTHING


def _inner(code: CsCode, node: Node, scope: Scope, depth: int) -> Shape:
    return shape(code, node.named_children[0] if node.named_child_count else None, scope, depth)


def _either(code: CsCode, node: Node, scope: Scope, depth: int) -> Shape:
    first = shape(code, node.child_by_field_name("consequence"), scope, depth)
    return first if first != ANYTHING else shape(code, node.child_by_field_name("alternative"), scope, depth)


def _cast(code: CsCode, node: Node, scope: Scope, depth: int) -> Shape:
    found = of_ref(type_ref(code, node.child_by_field_name("type") or node.child_by_field_name("right")))
    return found if found != ANYTHING else shape(code, node.named_children[-1], scope, depth)


def _many(code: CsCode, node: Node, scope: Scope, depth: int) -> Shape:
    items = [c for c in node.named_children if c.type not in ("comment", "type")]
    first = items[-1] if items else None
    if first is not None and first.type == "initializer_expression":
        first = first.named_children[0] if first.named_child_count else None
    return Shape("array", item=shape(code, first, scope, depth) if first is not None else None)


_Reader = Callable[["CsCode", "Node", Scope, int], Shape]
_READERS: dict[str, _Reader] = {
    "anonymous_object_creation_expression": _anonymous,
    "identifier": _named,
    "member_access_expression": _named,
    "object_creation_expression": _creation,
    "implicit_object_creation_expression": _creation,
    "invocation_expression": _call,
    "parenthesized_expression": _inner,
    "await_expression": _inner,
    "postfix_unary_expression": _inner,
    "arrow_expression_clause": _inner,
    "conditional_expression": _either,
    "cast_expression": _cast,
    "as_expression": _cast,
    "implicit_array_creation_expression": _many,
    "array_creation_expression": _many,
    "collection_expression": _many,
}
