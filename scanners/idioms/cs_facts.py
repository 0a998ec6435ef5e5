"""What C# code itself says: symbols, namespaces, imports, bindings, calls, types and configuration reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Config, Env, Fact, Lit, Location, Member, Name, Param, Shape, Unknown, Value
from scanners.idioms import cs_around, cs_config, cs_options, cs_registrations, cs_scopes, cs_values
from scanners.idioms.code import Assign, CallSite, Scope
from scanners.idioms.cs_noise import FOREIGN, NOISE, is_framework
from scanners.idioms.cs_shapes import type_shape
from scanners.idioms.cs_types import TypeRef
from scanners.idioms.symbols import Parts, symbol_facts

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode
    from scanners.idioms.cs_records import Declared

_CLASSES = ("class", "interface")
_ENTRIES = 60
_STATIC = re.compile(rb"(?<![\w.])([A-Z]\w*)\.[A-Z]\w*")


def facts(code: CsCode) -> Iterator[Fact]:
    """Every fact the language says about a file.

    Args:
        code: the file.
    """
    yield from _symbols(code)
    for node in code.kept.namespaces:
        yield Fact("package", {"name": code.text(node)}, code.at(node))
    for found in code.all_imports:
        fields = {"local": found.local, "module": found.module, "name": found.name}
        yield Fact("import", fields, Location(code.path, found.line))
    yield from _bindings(code)
    yield from cs_registrations.entries(code)
    yield from _members(code)
    yield from _returns(code)
    yield from _calls(code)
    yield from _configuration(code)
    yield from cs_options.reads(code)
    yield from _types(code)
    yield from _typed(code)
    yield from cs_registrations.facts(code)
    yield from cs_around.facts(code)


def _symbols(code: CsCode) -> Iterator[Fact]:
    constants = _constants(code)
    plain = {name.rpartition(".")[2] for name in constants}
    names = frozenset(plain | {h.decode() for h in _STATIC.findall(code.data)} - FOREIGN)
    names = frozenset(n for n in names if not is_framework(n))
    for fact in symbol_facts(
        code, Parts(code.cuts(), constants, {}, [*code.kept.usings, *code.kept.namespaces], names)
    ):
        extended = code.refs.get(f"{fact.get('name')}.{fact.get('params')[0]}") if _extends(code, fact) else None
        yield Fact("symbol", {**fact.fields, "extends": extended.name}, fact.at) if extended is not None else fact
    for scope in code.scopes[1:]:
        if cs_scopes.has_primary(scope.node):
            params = tuple(p.name for p in cs_scopes.parameters(code, scope.node))
            name = f"{scope.name}.{_constructor(code, scope)}"
            listed = next(c for c in scope.node.named_children if c.type == "parameter_list")
            fields = {"name": name, "sort": "method", "params": params, "digest": _digest(code.text(listed))}
            yield Fact("symbol", fields, code.at(listed))


def _constants(code: CsCode) -> dict[str, list[Node]]:
    """Constants and static fields of types, which other code reads by name."""
    return {
        f"{owner}.{made.name}": [made.node]
        for owner, members in code.declared.items()
        for made in members.values()
        if (made.sort == "field" and made.modifiers & {"const", "static"} and made.value is not None) or _is_event(made)
    }


def _is_event(made: Declared) -> bool:
    """``public event Action<Order>? Placed``: who raises it and who listens meet at its name."""
    parent = made.node.parent
    around = {getattr(n, "type", "") for n in (made.node, parent, parent.parent if parent is not None else None)}
    return made.sort == "field" and "event_field_declaration" in around


def _extends(code: CsCode, fact: Fact) -> bool:
    if fact.get("sort") != "method" or not fact.get("params"):
        return False
    scope = code.scope(fact.get("name"))
    return scope is not None and any("this" in p.modifiers for p in cs_scopes.parameters(code, scope.node)[:1])


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256("".join(text.split()).encode()).hexdigest()[:16]


def _constructor(code: CsCode, scope: Scope) -> str:
    """Name of a type's primary constructor."""
    others = [s for s in code.scopes if s.parent is scope and s.node.type == "constructor_declaration"]
    return f"{cs_scopes.CONSTRUCTOR}/{len(cs_scopes.parameter_nodes(scope.node))}" if others else cs_scopes.CONSTRUCTOR


def _binding(target: str, value: Value, scope: str, where: Location) -> Fact:
    return Fact("binding", {"target": target, "value": value, "scope": scope}, where)


def _bindings(code: CsCode) -> Iterator[Fact]:
    for assign in code.assigns:
        if assign.value is None:
            continue
        target = code.bound_name(assign)
        if assign.value.type.endswith("object_creation_expression"):
            yield from _entries(code, assign, target)
        value = code.value(assign.value, assign.scope)
        if isinstance(value, Unknown) or _of_container(code, assign.value):
            continue
        if assign.how == "for":
            value = Member(value, assign.key or "[]")
        elif assign.key:
            value = Member(value, assign.key)
        if value != Name(target):
            scope = assign.scope.name if assign.scope.sort != "class" else ""
            yield _binding(target, value, scope, Location(code.path, assign.line))


def _of_container(code: CsCode, node: Node) -> bool:
    """An object of the container, which linking knows by the type of the name it is given."""
    site = code.site(node) if node.type == "invocation_expression" else None
    return site is not None and site.method in cs_values.SERVICES and bool(code.type_args(site))


def _entries(code: CsCode, assign: Assign, target: str) -> Iterator[Fact]:
    """``new() { ["inch"] = Inches }`` and ``{ { "inch", Inches } }``: what a dictionary holds under plain keys."""
    listed = (
        next((c for c in assign.value.named_children if c.type == "initializer_expression"), None)
        if assign.value
        else None
    )
    for child in listed.named_children[:_ENTRIES] if listed is not None else ():
        key, node = _entry(code, child)
        value = code.value(node, assign.scope) if key else Unknown("")
        if not isinstance(value, Unknown):
            yield _binding(f"{target}.{key}", value, "", code.at(child))


def _entry(code: CsCode, node: Node) -> tuple[str, Node | None]:
    if node.type == "assignment_expression":
        left = node.child_by_field_name("left")
        if left is None or left.type != "element_binding_expression" or not left.named_child_count:
            return "", None
        return _key(code.string(left.named_children[0].named_children[-1])), node.child_by_field_name("right")
    if node.type == "initializer_expression" and node.named_child_count == 2:
        return _key(code.string(node.named_children[0])), node.named_children[1]
    return "", None


def _key(text: str) -> str:
    return text if text.isidentifier() else ""


def _members(code: CsCode) -> Iterator[Fact]:
    """Initial values of properties, primary constructor parameters, defaults of parameters, values of enums."""
    for scope in code.scopes[1:]:
        if scope.node.type == "enum_declaration":
            yield from _enumerated(code, scope)
        elif scope.sort in _CLASSES:
            yield from _of_type(code, scope)
        elif scope.sort != "property":
            for made in cs_scopes.parameters(code, scope.node):
                value = code.value(made.value, scope.parent or scope) if made.value is not None else Unknown("")
                if not isinstance(value, Unknown):
                    yield _binding(f"{scope.name}.{made.name}", value, scope.name, code.at(made.node))


def _enumerated(code: CsCode, scope: Scope) -> Iterator[Fact]:
    """Members of an enum are known by their names."""
    body = scope.node.child_by_field_name("body")
    for node in body.named_children[:_ENTRIES] if body is not None else ():
        name = code.simple(node.child_by_field_name("name")) if node.type == "enum_member_declaration" else ""
        if name:
            yield _binding(f"{scope.name}.{name}", Lit(name), "", code.at(node))


def _of_type(code: CsCode, scope: Scope) -> Iterator[Fact]:
    primary = f"{scope.name}.{_constructor(code, scope)}" if cs_scopes.has_primary(scope.node) else ""
    at = 0
    for made in code.declared.get(scope.name, {}).values():
        if made.sort == "param":
            yield _binding(f"{scope.name}.{made.name}", Param(at, made.name), primary, code.at(made.node))
            at += 1
        if made.value is None or made.sort == "field" or made.value.type == "arrow_expression_clause":
            continue
        value = code.value(made.value, scope)
        if not isinstance(value, Unknown):
            where = f"{primary}.{made.name}" if made.sort == "param" else f"{scope.name}.{made.name}"
            yield _binding(where, value, primary if made.sort == "param" else "", code.at(made.node))


def _returns(code: CsCode) -> Iterator[Fact]:
    for node, scope in code.returns:
        if node.named_child_count and scope.name and scope.sort not in _CLASSES and _own(node, scope):
            value = code.value(node.named_children[0], scope)
            if not isinstance(value, Unknown):
                yield Fact("returns", {"symbol": scope.name, "value": value}, code.at(node))


def _own(node: Node, scope: Scope) -> bool:
    """A return of the scope itself, not of a lambda in it."""
    parent = node.parent
    while parent is not None and parent.id != scope.node.id:
        if parent.type in ("lambda_expression", "anonymous_method_expression"):
            return False
        parent = parent.parent
    return True


def _calls(code: CsCode) -> Iterator[Fact]:
    for site in code.calls:
        if not worth(code, site):
            continue
        head = site.node.child_by_field_name("function")
        made = head is None
        what: Value = Name(site.dotted) if made else cs_values.callee(code, head, site.scope)
        if isinstance(what, Unknown) or not (site.dotted or isinstance(what, Member)):
            continue
        fields: dict[str, object] = {"symbol": site.scope.name, "callee": what}
        fields["args"] = tuple(code.value(a, site.scope) for a in site.args)
        named = dict(cs_values.arguments(code, site, (site.scope, 0)))
        if made:
            given = cs_values.initialised(code, site.node)
            named |= {name: code.value(node, site.scope) for name, node in given}
        if named:
            fields["named"] = tuple(sorted(named.items()))
        sends = _sent(code, site)
        if sends is not None:
            fields["sends"] = sends
        yield Fact("call", fields, Location(code.path, site.line))
    yield from _initialisers(code)
    yield from cs_registrations.mediated(code)


def _initialisers(code: CsCode) -> Iterator[Fact]:
    """``: base(http)`` and ``: this(..)`` of constructors."""
    for scope in code.scopes[1:]:
        node = next((c for c in scope.node.named_children if c.type == "constructor_initializer"), None)
        if node is None or not scope.owner:
            continue
        above = code.text(node).lstrip(": \n").startswith("base")
        listed = next((c for c in node.named_children if c.type == "argument_list"), None)
        args, _ = code.arguments(listed)
        values = tuple(code.value(a, scope) for a in args)
        what = Name("super") if above else Name(f"this.{cs_scopes.CONSTRUCTOR}")
        yield Fact("call", {"symbol": scope.name, "callee": what, "args": values}, code.at(node))


def _sent(code: CsCode, site: CallSite) -> Shape | None:
    """The payload among a call's arguments."""
    for node in (*site.args, *site.named.values()):
        if node.type in ("identifier", "object_creation_expression", "anonymous_object_creation_expression"):
            shape = code.shape(node, site.scope)
            if shape.type == "object" and (shape.fields or (shape.named and not is_framework(shape.named))):
                return shape
    return None


def worth(code: CsCode, site: CallSite) -> bool:
    """Whether a call may lead to code of the scanned system.

    Args:
        code: the file.
        site: a call.
    """
    if site.receiver is None:
        ours = site.method in _own_names(code)
        return bool(site.dotted) and (ours or (site.method not in NOISE and not is_framework(site.method)))
    dotted = code.dotted(site.receiver)
    head = dotted.partition(".")[0]
    if head in FOREIGN or dotted in FOREIGN:
        return False
    made_by = code.type_of(dotted, site.scope) if dotted else _asked(code, site.receiver)
    if site.method in NOISE:
        return bool(made_by) and not is_framework(made_by) and made_by.rpartition(".")[2][:1].isupper()
    return True


def _asked(code: CsCode, node: Node) -> str:
    """The type a container is asked for right before a call on what it gives."""
    made = code.site(node)
    types = code.type_args(made) if made is not None and made.method in cs_values.SERVICES else ()
    return types[0].name if types else ""


def _own_names(code: CsCode) -> frozenset[str]:
    """Last names of the methods and functions this file declares."""
    if code.own_names is None:
        code.own_names = frozenset(s.name.rpartition(".")[2].partition("/")[0] for s in code.scopes[1:])
    return code.own_names


def _configuration(code: CsCode) -> Iterator[Fact]:
    nodes = [(n, code.scope_at(n.start_byte)) for n in code.kept.elements]
    nodes += [(s.node, s.scope) for s in code.calls if s.method in cs_config.READS]
    for node, scope in nodes:
        value = cs_config.read(code, node, scope)
        if isinstance(value, Config | Env):
            key = value.key if isinstance(value, Config) else value.name
            fields: dict[str, object] = {"symbol": scope.name, "key": key}
            whole = _with_default(code, node, scope)
            default = whole.default if isinstance(whole, Config | Env) else value.default
            if default is not None:
                fields["default"] = default
            yield Fact("config_read", fields, code.at(node))


def _with_default(code: CsCode, node: Node, scope: Scope) -> Value | None:
    parent = node.parent
    if parent is not None and parent.type == "binary_expression" and parent.child_by_field_name("left") == node:
        return code.value(parent, scope)
    return None


def _types(code: CsCode) -> Iterator[Fact]:
    for scope in code.scopes[1:]:
        if scope.sort == "class" and scope.node.type != "enum_declaration":
            shape = type_shape(code, scope)
            if shape is not None:
                yield Fact("type", {"name": scope.name, "shape": shape}, code.at(scope.node))


def _typed(code: CsCode) -> Iterator[Fact]:
    lines = {code.bound_name(a): a.line for a in reversed(code.assigns)}
    for target, ref in code.refs.items():
        if not _worth_typing(ref):
            continue
        line = lines.get(target)
        if line is None:
            owner = code.scope(target.removesuffix(".return")) or code.scope(target.rpartition(".")[0])
            line = int((owner or code.scopes[0]).node.start_point[0]) + 1
        yield _typed_fact(target, ref, Location(code.path, line))
        held = code.scope(target.rpartition(".")[0])
        if held is not None and cs_scopes.has_primary(held.node) and _is_param(code, target):
            name = f"{held.name}.{_constructor(code, held)}.{target.rpartition('.')[2]}"
            yield _typed_fact(name, ref, Location(code.path, line))


def _is_param(code: CsCode, target: str) -> bool:
    owner, _, name = target.rpartition(".")
    made = code.declared.get(owner, {}).get(name)
    return made is not None and made.sort == "param"


def _typed_fact(target: str, ref: TypeRef, where: Location) -> Fact:
    fields: dict[str, object] = {"target": target, "type": f"{ref.name}[]" if ref.array else ref.name}
    if ref.array:
        fields = {"target": target, "type": "Array", "of": (TypeRef(ref.name, ref.args).text,)}
    elif ref.args:
        fields["of"] = tuple(a.text for a in ref.args)
    return Fact("typed", fields, where)


def _worth_typing(ref: TypeRef) -> bool:
    """A type that may be of the scanned system, or holds one, or that a pack's rule needs."""
    return any(name.rpartition(".")[2][:1].isupper() and not is_framework(name) for name in ref.names())
