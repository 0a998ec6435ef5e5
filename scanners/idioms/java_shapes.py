"""Payload shapes in Java: what a type, a literal map or a new object looks like on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Field, Shape
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.generics import applied, parameter
from scanners.idioms.java import Mark, Member, bare
from scanners.idioms.java_noise import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

    _Rename = Callable[[str], str]
_DEPTH = 6
_PLAIN = {
    **dict.fromkeys(
        words(
            """String CharSequence char Character UUID LocalDate LocalDateTime LocalTime Instant ZonedDateTime
        OffsetDateTime Date Timestamp Duration Period URI URL Locale Currency ZoneId YearMonth Year Calendar
        ObjectId StringBuilder"""
        ),
        "string",
    ),
    **dict.fromkeys(
        words("int Integer long Long short Short byte Byte BigInteger AtomicInteger AtomicLong"), "integer"
    ),
    **dict.fromkeys(words("double Double float Float BigDecimal Number"), "number"),
    **dict.fromkeys(("boolean", "Boolean", "AtomicBoolean"), "boolean"),
}
_UNWRAPPED = words(
    """Optional Mono Uni CompletableFuture CompletionStage Future ListenableFuture ResponseEntity HttpEntity
    RequestEntity Callable DeferredResult Single Maybe EntityModel RestResponse HttpResponse Response Call
    ServerResponse Try Supplier Message ConsumerRecord ProducerRecord KStream KTable WebAsyncTask Observable
    ParameterizedTypeReference TypeReference GenericType TypeToken JmsMessage KafkaMessage KafkaRecord
    IncomingKafkaRecord Provider Resource JAXBElement OptionalInt"""
)
_LISTS = words(
    """List Collection Set Iterable Flux Multi Stream Page Slice ArrayList LinkedList HashSet LinkedHashSet TreeSet
    Queue Deque SortedSet ConsumerRecords Flowable Publisher Iterator ImmutableList ImmutableSet Streamable
    CollectionModel PagedModel Resources PagedResources"""
)
_CARRIERS = ("HttpEntity", "Message", "ProducerRecord", "RequestEntity")
_STREAMS = ("Multi", "Flux", "Publisher", "Flowable", "PublisherBuilder", "Observable", "Stream")
_LAST_ARGUMENT = frozenset(("ConsumerRecord", "ProducerRecord", "KStream", "KTable", "ConsumerRecords"))
_HANDED_ON = ("just", "ok", "of", "completedFuture", "withPayload", "ofNullable", "item", "body")
_NODES = ("ObjectNode", "JsonObject", "JsonObjectBuilder")
_MAPS = words("Map HashMap LinkedHashMap TreeMap ConcurrentHashMap ImmutableMap MultiValueMap JSONObject")
_NOTHING = words(
    """void Void Object HttpHeaders ? JsonNode ObjectNode JsonObject Serializable Class Enum ProcessorBuilder
    PublisherBuilder SubscriberBuilder Processor"""
)
_LITERALS = {
    "string_literal": "string",
    "decimal_integer_literal": "integer",
    "decimal_floating_point_literal": "number",
    "true": "boolean",
    "false": "boolean",
    "null_literal": "null",
}
_OPTIONAL_MARKS = ("Nullable", "CheckForNull")
_REQUIRED_MARKS = ("NotNull", "NotBlank", "NotEmpty", "NonNull", "Nonnull", "JsonbRequired")
_DEMANDED = re.compile(r"required\s*=\s*true|REQUIRED")
_IGNORED = ("JsonIgnore", "Transient", "JsonBackReference", "JsonbTransient", "XmlTransient")
_NAMED = {"JsonProperty": "value", "SerializedName": "value", "JSONField": "name", "JsonbProperty": "value"}
_SNAKE = re.compile(r"(?<=[a-z0-9])([A-Z])|(?<=[A-Z])([A-Z])(?=[a-z])")


def of_type(code: JavaCode, node: Node | None, depth: int = _DEPTH, own: Sequence[str] = ()) -> Shape:
    """The shape values of a type have, wrappers such as ``Mono`` and ``ResponseEntity`` taken off.

    Args:
        code: the file.
        node: a type.
        depth: how deep type arguments are followed.
        own: type parameters of the class whose field this is.
    """
    if node is None or depth <= 0:
        return ANYTHING
    if node.type == "array_type":
        if code.text(node) in ("byte[]", "char[]"):
            return Shape("string")
        return Shape("array", item=of_type(code, node.child_by_field_name("element"), depth - 1, own))
    written = code.type_text(node)
    name = written.rsplit(".", 1)[-1]
    args = [a for a in code.type_args(node) if not a.is_extra]
    if name in _PLAIN:
        return Shape(_PLAIN[name])
    if name in _LISTS:
        return Shape("array", item=of_type(code, _argument(name, args), depth - 1, own) if args else None)
    if name in _UNWRAPPED:
        return of_type(code, _argument(name, args), depth - 1, own) if args else ANYTHING
    if name in _MAPS:
        return Shape("object")
    if name in own:
        return parameter(own.index(name))
    if not name or name in _NOTHING or node.type == "wildcard" or generic(name):
        return _wildcard(code, node, depth)
    made = Shape("object", named=qualified(code, written, node.start_byte), open=False)
    return applied(made, [of_type(code, arg, depth - 1, own) for arg in args])


def generic(name: str) -> bool:
    """Whether a type name is a type parameter by Java's convention: one capital letter, perhaps a digit.

    Args:
        name: simple name.
    """
    return name[:1].isupper() and (len(name) == 1 or (len(name) == 2 and name[1].isdigit()))


def one_of_stream(code: JavaCode, declared: Node | None, shape: Shape) -> Shape:
    """The shape of one message where a method takes or gives a stream of them.

    Args:
        code: the file.
        declared: the type.
        shape: of the whole.
    """
    return shape.item if shape.item is not None and code.type_text(declared) in _STREAMS else shape


def _argument(name: str, args: list[Node]) -> Node:
    return args[-1] if name in _LAST_ARGUMENT else args[0]


def _wildcard(code: JavaCode, node: Node, depth: int) -> Shape:
    inner = node.named_children[-1] if node.type == "wildcard" and node.named_child_count else None
    return of_type(code, inner, depth - 1) if inner is not None and inner.type != "super" else ANYTHING


def qualified(code: JavaCode, written: str, byte: int) -> str:
    """A type name as other files could look it up: one nested in an enclosing class gets that class in front.

    Args:
        code: the file.
        written: dotted name as written.
        byte: where it stands.
    """
    head = written.partition(".")[0]
    if head in code.imports or head in code.type_names:
        return written
    for outer in code.scope_at(byte).outward():
        if outer.name and f"{outer.name}.{head}" in code.type_names:
            return f"{outer.name}.{written}"
    return written


def shape(code: JavaCode, node: Node | None, scope: Scope) -> Shape:
    """The shape of a payload expression.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    return _shape(code, node, scope, _DEPTH)


def _shape(code: JavaCode, node: Node | None, scope: Scope, depth: int) -> Shape:
    node = bare(node)
    if node is None or depth <= 0:
        return ANYTHING
    if node.type in _LITERALS:
        return Shape(_LITERALS[node.type])
    if node.type == "binary_expression":
        text = any(c.type == "string_literal" for c in node.named_children)
        return Shape("string") if text else ANYTHING
    if node.type == "object_creation_expression":
        return _made(code, node, scope, depth)
    if node.type == "method_invocation":
        return _called(code, node, scope, depth)
    dotted = code.dotted(node)
    return of_name(code, dotted, scope, depth) if dotted else ANYTHING


def of_name(code: JavaCode, dotted: str, scope: Scope, depth: int = _DEPTH) -> Shape:
    """The shape of what a name holds, by its declared type or what it was made of.

    Args:
        code: the file.
        dotted: as written.
        scope: where it is used.
        depth: how deep to follow.
    """
    declared = declared_type(code, dotted, scope)
    if declared is not None and code.type_text(declared) not in ("var", "Object"):
        found = of_type(code, declared)
        if (found.type == "object" and not found.named) or code.type_text(declared) in _NODES:
            return _entries(code, dotted, scope, depth) or found
        if code.type_text(declared) in _CARRIERS or found == ANYTHING:
            return _assigned(code, dotted, scope, depth)
        return found
    return _assigned(code, dotted, scope, depth)


def _assigned(code: JavaCode, dotted: str, scope: Scope, depth: int) -> Shape:
    for assign in code.assigned(scope, dotted):
        if assign.value is not None and assign.how != "for":
            return _shape(code, assign.value, scope, depth - 1)
    return ANYTHING


def declared_type(code: JavaCode, dotted: str, scope: Scope) -> Node | None:
    """The declared type of a local, parameter or field, None when unknown or ``var``.

    Args:
        code: the file.
        dotted: as written.
        scope: where it is used.
    """
    name = dotted.removeprefix("this.")
    for outer in scope.outward():
        if outer.sort == "method" and "." not in dotted:
            local = next((a for a in code.assigned(outer, name) if a.annotation is not None), None)
            if local is not None:
                return local.annotation
            param = next((p for p in code.params.get(outer.name, ()) if p.name == name), None)
            if param is not None:
                return param.type
        member = code.members.get(f"{outer.name}.{name}")
        if member is not None:
            return member.type
    return None


def _made(code: JavaCode, node: Node, scope: Scope, depth: int) -> Shape:
    declared = node.child_by_field_name("type")
    name = code.type_text(declared).rsplit(".", 1)[-1]
    site = code.site(node)
    args = site.args if site is not None else ()
    if name in _UNWRAPPED and args:
        at = -1 if name == "ProducerRecord" else 0
        return _shape(code, args[at], scope, depth - 1)
    return of_type(code, declared)


def _called(code: JavaCode, node: Node, scope: Scope, depth: int) -> Shape:
    site = code.site(node)
    if site is None:
        return ANYTHING
    if site.dotted in ("Map.of", "ImmutableMap.of", "Collections.singletonMap"):
        return _pairs(code, site, scope, depth)
    if site.dotted in ("List.of", "Arrays.asList", "Set.of", "Collections.singletonList") and site.args:
        return Shape("array", item=_shape(code, site.args[0], scope, depth - 1))
    if site.method in _HANDED_ON and len(site.args) == 1:
        return _shape(code, site.args[0], scope, depth - 1)
    if site.method == "build":
        built = _built(code, site, scope, depth)
        if built is not None:
            return built
    if site.method in ("writeValueAsString", "writeValueAsBytes", "toJson", "encode") and site.args:
        return _shape(code, site.args[0], scope, depth - 1)
    return _result(code, site, scope)


def _built(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Shape | None:
    """``Order.builder()....build()`` makes an Order; ``MessageBuilder.withPayload(x).build()`` carries x."""
    chain = list(code.before(site))
    root = chain[-1] if chain else None
    if root is None:
        return None
    if root.method == "builder" and root.dotted.count(".") >= 1:
        written = root.dotted.rpartition(".")[0]
        if written.rsplit(".", 1)[-1][:1].isupper():
            return Shape("object", named=qualified(code, written, site.node.start_byte), open=False)
    if root.method in ("withPayload", "newBuilder") and root.args:
        return _shape(code, root.args[0], scope, depth - 1)
    if root.method == "newBuilder" and root.dotted.count("."):
        return Shape("object", named=root.dotted.rpartition(".")[0], open=False)
    return None


def _result(code: JavaCode, site: CallSite, scope: Scope) -> Shape:
    """What a method of this file returns by its declaration."""
    if site.receiver is None or site.dotted == f"this.{site.method}":
        for outer in scope.outward():
            for found in code.method_names.get(f"{outer.name}.{site.method}", ())[:1]:
                return of_type(code, found.node.child_by_field_name("type"))
    return ANYTHING


def _pairs(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Shape:
    fields = []
    for key, held in zip(site.args[::2], site.args[1::2], strict=False):
        name = code.string(key)
        if not name:
            return Shape("object")
        fields.append(Field(name, _shape(code, held, scope, depth - 1), True))
    return Shape("object", tuple(fields), open=False)


def _entries(code: JavaCode, dotted: str, scope: Scope, depth: int) -> Shape | None:
    """The keys put into a local map in the same method."""
    made = next((a for a in code.assigned(scope, dotted) if a.value is not None), None)
    fields: dict[str, Field] = {}
    if made is not None:
        for item in _shape(code, made.value, scope, depth - 1).fields if depth > 1 else ():
            fields[item.name] = item
    for site in code.inside(scope)[0]:
        puts = site.method in ("put", "add", "set") and len(site.args) == 2
        below = site.method in ("putObject", "withObject")
        name = code.string(site.arg(0)) if (puts or below) and code.dotted(site.receiver) == dotted else ""
        if name and puts:
            fields[name] = Field(name, _shape(code, site.args[1], scope, depth - 1), True)
        elif name:
            held = code.held(site)
            inner = _entries(code, held.target, scope, depth - 1) if held is not None and depth > 1 else None
            fields[name] = Field(name, inner or Shape("object"), True)
    return Shape("object", tuple(fields.values())) if fields else None


def class_fields(code: JavaCode, scope: Scope) -> Iterator[tuple[Member, Field]]:
    """The fields of a class that travel on the wire.

    Args:
        code: the file.
        scope: a class or record.
    """
    prefix = f"{scope.name}."
    rename = _strategy(code, scope)
    own = _parameters(code, scope)
    for name, member in code.members.items():
        if member.scope is not scope or not name.startswith(prefix) or member.static or member.transient:
            continue
        if member.type is None or member.mark(*_IGNORED) is not None:
            continue
        wire = _wire_name(code, scope, member) or rename(member.name)
        yield member, Field(wire, of_type(code, member.type, own=own), _required(code, member), _values(code, member))


def _parameters(code: JavaCode, scope: Scope) -> list[str]:
    listed = scope.node.child_by_field_name("type_parameters")
    return [code.text(p.named_children[0]) for p in listed.named_children if p.named_child_count] if listed else []


def _values(code: JavaCode, member: Member) -> tuple[str, ...]:
    """The constants of an enum declared in the same file."""
    written = qualified(code, code.type_text(member.type), member.node.start_byte)
    node = code.type_nodes.get(written)
    if node is None or node.type != "enum_declaration":
        return ()
    return tuple(m.name for m in code.members.values() if m.scope.name == written and m.type is None)


def _required(code: JavaCode, member: Member) -> bool | None:
    """Whether a payload without the field is refused; None where the type does not say, which means null or zero."""
    if code.type_text(member.type).startswith("Optional") or member.mark(*_OPTIONAL_MARKS) is not None:
        return False
    given = member.mark("JsonProperty", "JsonInclude")
    said = code.text(given.node) if given is not None else ""
    if "NON_NULL" in said or member.value is not None:
        return False
    asked = member.mark(*_REQUIRED_MARKS) is not None or _DEMANDED.search(said) is not None
    return True if asked else None


def _wire_name(code: JavaCode, scope: Scope, member: Member) -> str:
    marks: list[Mark] = list(member.marks)
    getter = f"{member.name[:1].upper()}{member.name[1:]}"
    for method in (f"get{getter}", f"set{getter}", f"is{getter}"):
        for found in code.method_names.get(f"{scope.name}.{method}", ()):
            marks += code.on.get(found.name, ())
    for mark in marks:
        if mark.name in _NAMED:
            name = code.string(mark.arg(_NAMED[mark.name], "value"))
            if name:
                return name
    return ""


def _strategy(code: JavaCode, scope: Scope) -> _Rename:
    for mark in code.on.get(scope.name, ()):
        if mark.name in ("JsonNaming", "Naming"):
            text = code.text(mark.node)
            if "Snake" in text:
                return snake
            if "Kebab" in text:
                return lambda name: snake(name).replace("_", "-")
            if "UpperCamel" in text or "PascalCase" in text:
                return lambda name: name[:1].upper() + name[1:]
    return lambda name: name


def snake(name: str) -> str:
    """``orderLine`` as ``order_line``.

    Args:
        name: in camel case.
    """
    return _SNAKE.sub(lambda m: f"_{m.group(0)}", name).lower()
