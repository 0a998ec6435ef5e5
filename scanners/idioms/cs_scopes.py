"""Types, methods, properties and handlers of a C# file, with what each of them declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from scanners.idioms import parsing
from scanners.idioms.code import Assign, Scope
from scanners.idioms.cs_noise import words
from scanners.idioms.cs_types import LISTS, TypeRef, type_ref

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode
    from scanners.idioms.cs_records import Declared

_TYPES = ("class_declaration", "struct_declaration", "record_declaration", "interface_declaration", "enum_declaration")
_NO_NAME = ".\n"
CONSTRUCTOR = "constructor"


def scopes(code: CsCode, nodes: Iterable[Node]) -> Iterator[Scope]:
    """Every type, method, computed property and named handler, in source order.

    Args:
        code: the file.
        nodes: their nodes, in source order.
    """
    stack = [code.scopes[0]]
    listed = list(nodes)
    arities = _arities(code, listed)
    handlers: dict[str, int] = {}
    for node in listed:
        while len(stack) > 1 and node.start_byte >= stack[-1].node.end_byte:
            stack.pop()
        outer = stack[-1]
        if len(stack) > parsing.SCOPES:
            raise parsing.TooHard("scan/too-deep", "types are nested too deeply in it; not read as code")
        name = _name(code, node)
        if not name:
            continue
        whole = f"{outer.name}.{name}" if outer.name else name
        if node.type == "lambda_expression":
            handlers[whole] = handlers.get(whole, 0) + 1
            name = f"{name} #{handlers[whole]}" if handlers[whole] > 1 else name
        elif node.parent is not None and len(arities.get((node.parent.id, name), ())) > 1:
            name = _overload(code, node, name, arities[node.parent.id, name])
        scope = _scope(code, node, outer, name)
        stack.append(scope)
        yield scope


def _scope(code: CsCode, node: Node, outer: Scope, name: str) -> Scope:
    scope = Scope(f"{outer.name}.{name}" if outer.name else name, "function", node, outer)
    scope.decorated = node.id in code.attributes
    if node.type in _TYPES:
        scope.sort = "interface" if node.type == "interface_declaration" else "class"
        scope.bases = tuple(ref.name for ref in base_refs(code, node))
    elif node.type == "property_declaration":
        scope.sort = "property"
    else:
        scope.sort = "method" if outer.sort in ("class", "interface") else "function"
        scope.params = tuple(code.simple(p.child_by_field_name("name")) for p in parameter_nodes(node))
    generic = next((c for c in node.named_children if c.type == "type_parameter_list"), None)
    if generic is not None:
        code.generics[scope.name] = tuple(code.text(c.child_by_field_name("name")) for c in generic.named_children)
    return scope


def _arities(code: CsCode, nodes: list[Node]) -> dict[tuple[int, str], list[int]]:
    """Numbers of parameters of the methods and constructors of each type's body, by name."""
    found: dict[tuple[int, str], list[int]] = {}
    for node in nodes:
        if node.type in ("method_declaration", "constructor_declaration") and node.parent is not None:
            found.setdefault((node.parent.id, _name(code, node)), []).append(len(parameter_nodes(node)))
        elif has_primary(node):
            body = node.child_by_field_name("body")
            if body is not None:
                found.setdefault((body.id, CONSTRUCTOR), []).append(len(parameter_nodes(node)))
    return found


def _overload(code: CsCode, node: Node, name: str, arities: list[int]) -> str:
    """``Run/2``; with the types of its parameters where several have as many."""
    params = parameter_nodes(node)
    if arities.count(len(params)) == 1:
        return f"{name}/{len(params)}"
    refs = [type_ref(code, p.child_by_field_name("type")) for p in params]
    texts = ",".join(_unqualified(r) if r is not None else "object" for r in refs)
    return f"{name}/{len(params)}:{texts}"


def _unqualified(ref: TypeRef) -> str:
    """A type as part of a symbol's name, which may hold no dots and commas."""
    args = f"<{'&'.join(_unqualified(a) for a in ref.args)}>" if ref.args else ""
    return f"{ref.short}{args}{'[]' if ref.array else ''}"


def has_primary(node: Node) -> bool:
    """Whether a type has a primary constructor.

    Args:
        node: a type declaration.
    """
    return node.type in _TYPES and any(c.type == "parameter_list" for c in node.named_children)


def _name(code: CsCode, node: Node) -> str:
    kind = node.type
    if kind == "constructor_declaration":
        return CONSTRUCTOR
    if kind == "property_declaration":
        return code.simple(node.child_by_field_name("name")) if _computed(node) else ""
    if kind == "lambda_expression":
        return _handler(code, node)
    return code.simple(node.child_by_field_name("name"))


def _computed(node: Node) -> bool:
    value = node.child_by_field_name("value")
    if value is not None and value.type == "arrow_expression_clause":
        return True
    listed = node.child_by_field_name("accessors")
    return listed is not None and any(a.child_by_field_name("body") is not None for a in listed.named_children)


def _handler(code: CsCode, node: Node) -> str:
    """``app.MapGet("/x", () => ...)`` gives its lambda a name; other lambdas belong to what is around them."""
    argument = node.parent
    listed = argument.parent if argument is not None and argument.type == "argument" else None
    call = listed.parent if listed is not None else None
    head = call.child_by_field_name("function") if call is not None else None
    if listed is None or head is None or head.type != "member_access_expression":
        return ""
    first = listed.named_children[0].named_children[-1] if listed.named_children[0].named_child_count else None
    literal = code.string(first)
    method = code.simple(head.child_by_field_name("name"))
    if first is None or first.type != "string_literal" or not method.startswith("Map"):
        return ""
    return f"{method} {literal}".strip().translate({ord(c): "_" for c in _NO_NAME})


def base_refs(code: CsCode, node: Node) -> list[TypeRef]:
    """What a type extends and implements, with type arguments.

    Args:
        code: the file.
        node: a type declaration.
    """
    listed = next((c for c in node.named_children if c.type == "base_list"), None)
    if listed is None or node.type == "enum_declaration":
        return []
    found = []
    for child in listed.named_children:
        named = child.child_by_field_name("type") if child.type == "primary_constructor_base_type" else child
        ref = type_ref(code, named)
        if ref is not None:
            found.append(ref)
    return found


def parameter_nodes(node: Node) -> list[Node]:
    """Parameters of a method, lambda, or type with a primary constructor.

    Args:
        node: its declaration.
    """
    listed = node.child_by_field_name("parameters") or next(
        (c for c in node.named_children if c.type == "parameter_list"), None
    )
    if listed is None:
        return []
    return [c for c in listed.named_children if c.type == "parameter" and c.child_by_field_name("name") is not None]


def parameters(code: CsCode, node: Node) -> list[Declared]:
    """Parameters with their types.

    Args:
        code: the file.
        node: a method, lambda, or type with a primary constructor.
    """
    return [_parameter(code, p) for p in parameter_nodes(node)]


def _parameter(code: CsCode, node: Node) -> Declared:
    from scanners.idioms.cs_records import Declared

    name = node.child_by_field_name("name")
    typed = node.child_by_field_name("type")
    last = node.named_children[-1]
    value = last if name is not None and last.start_byte > name.start_byte else None
    words = frozenset(code.text(c) for c in node.children if c.type == "modifier")
    return Declared(code.simple(name), type_ref(code, typed), node, value, words, "param")


def declare(code: CsCode) -> None:
    """Fill the file's map of the fields and properties of each type.

    Args:
        code: the file.
    """
    for scope in code.scopes[1:]:
        if scope.sort not in ("class", "interface"):
            continue
        members = code.declared.setdefault(scope.name, {})
        for made in parameters(code, scope.node):
            members[made.name] = made
        body = scope.node.child_by_field_name("body")
        for child in flat(body):
            for made in _members(code, child):
                members[made.name] = made


def flat(body: Node | None, depth: int = 0) -> Iterator[Node]:
    """What a type's body declares, ``#if`` taken off.

    Args:
        body: declaration list.
        depth: how deep in ``#if`` we are.
    """
    for child in body.named_children if body is not None else ():
        if child.type.startswith("preproc_") and depth < 8:
            yield from flat(child, depth + 1)
        else:
            yield child


def _members(code: CsCode, node: Node) -> Iterator[Declared]:
    from scanners.idioms.cs_records import Declared

    if node.type not in ("property_declaration", "field_declaration", "event_field_declaration"):
        return
    words = frozenset(code.text(c) for c in node.children if c.type == "modifier")
    if node.type == "property_declaration":
        typed, value = type_ref(code, node.child_by_field_name("type")), node.child_by_field_name("value")
        yield Declared(code.simple(node.child_by_field_name("name")), typed, node, value, words, "property")
        return
    held = next((c for c in node.named_children if c.type == "variable_declaration"), None)
    typed = type_ref(code, held.child_by_field_name("type")) if held is not None else None
    for child in held.named_children if held is not None else ():
        if child.type == "variable_declarator":
            parts = child.named_children
            value = parts[-1] if len(parts) > 1 else None
            yield Declared(code.simple(child.child_by_field_name("name")), typed, node, value, words, "field")


def types(code: CsCode) -> None:
    """Fill the file's map from qualified names to types.

    Args:
        code: the file.
    """
    for scope in code.scopes[1:]:
        if scope.sort in ("class", "interface"):
            for made in code.declared.get(scope.name, {}).values():
                if made.type is not None:
                    code.refs[f"{scope.name}.{made.name}"] = made.type
        elif scope.sort != "property":
            for made in parameters(code, scope.node):
                if made.type is not None:
                    code.refs[f"{scope.name}.{made.name}"] = made.type
        returned = return_type(code, scope)
        if returned is not None:
            code.refs[f"{scope.name}.return"] = returned
    for assign in code.assigns:
        _type_of_assign(code, assign)


def return_type(code: CsCode, scope: Scope) -> TypeRef | None:
    """What a method or computed property gives, None when it does not say.

    Args:
        code: the file.
        scope: method or property.
    """
    node = scope.node
    if node.type in _TYPES:
        return None
    return type_ref(code, node.child_by_field_name("returns") or node.child_by_field_name("type"))


def _type_of_assign(code: CsCode, assign: Assign) -> None:
    target = code.bound_name(assign)
    if target in code.refs:
        return
    found = type_ref(code, assign.annotation) or _made(code, assign)
    if found is not None:
        code.refs[target] = found


def _made(code: CsCode, assign: Assign) -> TypeRef | None:
    from scanners.idioms.cs_code import bare

    node = bare(assign.value)
    if node is None or assign.key:
        return None
    if node.type == "object_creation_expression":
        return type_ref(code, node.child_by_field_name("type"))
    if node.type in ("conditional_expression", "binary_expression"):
        made = [c for c in node.named_children if c.type == "object_creation_expression"]
        return type_ref(code, made[0].child_by_field_name("type")) if made else None
    if assign.value is not None and assign.value.type in ("cast_expression", "as_expression"):
        return type_ref(code, assign.value.child_by_field_name("type") or assign.value.child_by_field_name("right"))
    if assign.how == "for":
        whole = code.ref_of(code.dotted(node), assign.scope) if code.dotted(node) else None
        return whole.inner.item if whole is not None else None
    site = code.site(node)
    if site is None:
        return code.ref_of(code.dotted(node), assign.scope) if code.dotted(node) else None
    return _result(code, assign, node)


def _result(code: CsCode, assign: Assign, node: Node) -> TypeRef | None:
    """What a call gives: a method of this file, or ``GetRequiredService<T>()``, ``GetFromJsonAsync<T>(..)``."""
    site = code.site(node)
    if site is None:
        return None
    given = code.type_args(site)
    if given and site.method in _GIVES:
        return TypeRef("List", given) if site.method in _GIVES_LISTS else given[-1]
    owner = code.type_of(code.dotted(site.receiver), assign.scope) if site.receiver is not None else assign.scope.owner
    found = code.refs.get(f"{owner}.{site.method}.return") if owner else None
    return found.inner if found is not None else None


_GIVES_LISTS = frozenset({"QueryAsync", "Query", "GetServices"})
_GIVES = words(
    """GetRequiredService GetService GetFromJsonAsync ReadFromJsonAsync Deserialize DeserializeAsync DeserializeObject
    GetRequiredKeyedService GetKeyedService Get GetValue QueryFirstAsync QueryFirst QueryFirstOrDefaultAsync
    QuerySingleAsync QuerySingleOrDefaultAsync QueryFirstOrDefault QueryAsync Query InvokeMethodAsync ReadAs
    GetStateAsync GetServices GetJsonAsync ReceiveJson Map Adapt MapTo"""
)
__all__ = ["CONSTRUCTOR", "LISTS", "base_refs", "declare", "parameters", "return_type", "scopes", "types"]
