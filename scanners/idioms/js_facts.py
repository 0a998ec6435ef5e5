"""What JavaScript and TypeScript code itself says, for both languages: symbols, imports, bindings, calls, types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Env, Fact, Location, Member, Name, Param, Shape, Unknown, Value
from scanners.idioms import js_declarations, js_schemas, js_settings, js_wrapped
from scanners.idioms.code import SELVES, Assign, CallSite, Scope
from scanners.idioms.generics import parametrised
from scanners.idioms.js_imports import required
from scanners.idioms.js_responses import result_reads
from scanners.idioms.js_scopes import exported, parameters
from scanners.idioms.js_shapes import annotation, object_type, type_parameters
from scanners.idioms.js_types import declared, is_property
from scanners.idioms.js_values import arguments, environment
from scanners.idioms.noise import NODE_BUILTINS, NODE_MODULES
from scanners.idioms.symbols import Parts, symbol_facts

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_ENTRIES = 60
_NESTED = 3


def facts(code: JsCode) -> Iterator[Fact]:
    """Every fact the language says about a file.

    Args:
        code: the file.
    """
    parts = _parts(code)
    yield from symbol_facts(code, parts)
    yield from js_declarations.members(code, parts)
    for found in code.all_imports:
        fields = {"local": found.local, "module": found.module, "name": found.name}
        yield Fact("import", fields, Location(code.path, found.line))
    yield from _bindings(code)
    yield from js_settings.settings(code)
    yield from _defaults(code)
    yield from js_declarations.exported_names(code)
    yield from js_declarations.constants(code)
    yield from _returns(code)
    yield from _calls(code)
    yield from _environment(code)
    yield from _types(code)
    yield from js_schemas.types(code)
    yield from _typed(code)


def _parts(code: JsCode) -> Parts:
    constants: dict[str, list[Node]] = {}
    functions = {scope.name for scope in code.scopes}
    required: list[Node] = []
    for assign in code.assigns:
        node = _statement(assign.value)
        if assign.scope.sort != "module" or "." in assign.target or node is None or assign.how == "for":
            continue
        if assign.target in code.imports:
            required.append(node)
        elif assign.target not in functions and assign.how != ":=":
            listed = constants.setdefault(assign.target, [])
            listed += [node] if all(n.id != node.id for n in listed) else []
    named = (*code.type_nodes, *code.enums)
    types = {code.text(n.child_by_field_name("name")): n for n in named}
    ours = {i.local for i in code.all_imports if i.module.removeprefix("node:") not in NODE_MODULES}
    names = frozenset({*constants, *ours, *types} - {"*"})
    interfaces = js_declarations.interfaces(code)
    passed = [n for n in code.exports if any(c.type == "export_clause" for c in n.named_children)]
    return Parts(code.cuts(), constants, types, [*code.import_nodes, *required, *passed], names, interfaces)


def _statement(node: Node | None) -> Node | None:
    """The declaration around a value; a statement that declares several names is shared by them."""
    while node is not None and node.parent is not None and node.parent.type not in ("program", "statement_block"):
        node = node.parent
    return node


def _bindings(code: JsCode) -> Iterator[Fact]:
    from scanners.idioms.javascript import bare

    for assign in code.assigns:
        if assign.value is None or assign.target.split(".", 1)[0] in code.imports:
            continue
        target = exported(assign.target) if assign.target.startswith(("module.exports", "exports")) else ""
        target = target or code.bound_name(assign)
        node = bare(assign.value)
        if node is not None and node.type == "object" and not assign.key:
            yield from entries(code, node, "" if target == "default" else target, (assign.scope, _NESTED))
        literal = node is not None and node.type == "object" and not assign.key
        if assign.how != "for" and not literal:
            value = _taken(code, assign)
            if not isinstance(value, Unknown) and value != Name(target):
                yield binding(target, value, assign.scope, Location(code.path, assign.line))
                owner = _class_of(code, assign)
                if owner:
                    yield binding(owner, value, assign.scope, Location(code.path, assign.line))


def _class_of(code: JsCode, assign: Assign) -> str:
    """``client.basePath = url`` also says what ``Client.basePath`` may be, when ``client`` is a ``new Client()``."""
    head, dot, key = assign.target.partition(".")
    if not dot or "." in key or head in SELVES or assign.how != ":=":
        return ""
    made = code.type_of(head, assign.scope)
    kind = code.written(made) if made else ""
    return f"{kind}.{key}" if kind[:1].isupper() and "." not in kind else ""


def _taken(code: JsCode, assign: Assign) -> Value:
    if not assign.key or assign.value is None:
        return code.value(assign.value, assign.scope)
    if code.text(assign.value) in ("process.env", "import.meta.env"):
        default = code.value(assign.default, assign.scope) if assign.default is not None else None
        return Env(assign.key, None if isinstance(default, Unknown) else default)
    base = code.value(assign.value, assign.scope)
    return base if isinstance(base, Unknown) else Member(base, assign.key)


def binding(target: str, value: Value, scope: Scope, where: Location) -> Fact:
    """A binding fact.

    Args:
        target: qualified name.
        value: what it is given.
        scope: where.
        where: location.
    """
    return Fact("binding", {"target": target, "value": value, "scope": scope.name}, where)


def entries(code: JsCode, node: Node, target: str, about: tuple[Scope, int]) -> Iterator[Fact]:
    """Bindings of the keys of an object literal.

    Args:
        code: the file.
        node: the object.
        target: what it is bound to, empty for the module's exports.
        about: scope, and how many objects deep to go.
    """
    from scanners.idioms.javascript import bare, key_of

    scope, depth = about
    for child in node.named_children[:_ENTRIES]:
        if child.type == "spread_element" and child.named_child_count:
            yield from _merged(code, child.named_children[0], target, scope)
            continue
        shorthand = child.type == "shorthand_property_identifier"
        key = code.text(child) if shorthand else key_of(code, child)
        inner = child if shorthand else bare(child.child_by_field_name("value"))
        if not key.isidentifier() or inner is None:
            continue
        name = f"{target}.{key}" if target else key
        if inner.type == "object":
            yield from entries(code, inner, name, (scope, depth - 1)) if depth > 1 else ()
            continue
        value = code.value(inner, scope)
        if not isinstance(value, Unknown) and value != Name(name):
            yield binding(name, value, scope, code.at(child))


def _defaults(code: JsCode) -> Iterator[Fact]:
    """What parameters are when a caller does not give them, and constructor parameters that become properties."""
    for scope in code.scopes[1:]:
        if scope.sort == "class":
            continue
        for index, (name, node) in enumerate(parameters(code, scope.node)):
            given = node.child_by_field_name("value") or node.child_by_field_name("right")
            value = code.value(given, scope.parent or scope) if given is not None else Unknown("")
            if not isinstance(value, Unknown) and name.isidentifier():
                yield binding(f"{scope.name}.{name}", value, scope, code.at(node))
            if scope.owner and is_property(code, node):
                yield binding(f"{scope.owner}.{name}", Param(index, name), scope, code.at(node))
            if name.startswith("{"):
                yield from _part_defaults(code, node, scope)


def _merged(code: JsCode, node: Node, target: str, scope: Scope) -> Iterator[Fact]:
    """``{ ...base, PORT: 1 }`` has what ``base`` has; exports that hold those of another file."""
    value = code.value(node, scope)
    if not isinstance(value, Name) or value.name == target:
        return
    known = code.imports.get(value.name)
    module = known.module if known is not None and known.name in ("", "default") else required(code, node)
    if target:
        yield binding(target, value, scope, code.at(node))
    elif module and not scope.name:
        yield Fact("import", {"local": "*", "module": module, "name": "*"}, code.at(node))


def _part_defaults(code: JsCode, node: Node, scope: Scope) -> Iterator[Fact]:
    """Defaults of what a destructured parameter takes apart: ``({ method = "GET" })``."""
    from scanners.idioms.javascript import given_default, parts_of

    pattern = node
    while pattern.type != "object_pattern" and pattern.named_child_count:
        inner = pattern.child_by_field_name("pattern") or pattern.child_by_field_name("left")
        pattern = inner or pattern.named_children[0]
    for child in pattern.named_children:
        given = given_default(child)
        _, key = parts_of(code, child) if given is not None else ("", "")
        value = code.value(given, scope.parent or scope) if given is not None and key else Unknown("")
        if not isinstance(value, Unknown):
            yield binding(f"{scope.name}.{key}", value, scope, code.at(child))


def _returns(code: JsCode) -> Iterator[Fact]:
    for node, scope in code.returns:
        if node.named_child_count and scope.name and _own_return(node, scope):
            value = code.value(node.named_children[0], scope)
            if not isinstance(value, Unknown):
                yield Fact("returns", {"symbol": scope.name, "value": value}, code.at(node))
    for scope in code.scopes[1:]:
        body = scope.node.child_by_field_name("body") if scope.node.type == "arrow_function" else None
        if body is not None and body.type != "statement_block":
            value = code.value(body, scope)
            if not isinstance(value, Unknown):
                yield Fact("returns", {"symbol": scope.name, "value": value}, code.at(body))


def _own_return(node: Node, scope: Scope) -> bool:
    """A return of the scope's function itself, not of a callback in it."""
    parent = node.parent
    while parent is not None and parent.id != scope.node.id:
        if parent.type in ("arrow_function", "function_expression"):
            return False
        parent = parent.parent
    return True


def _calls(code: JsCode) -> Iterator[Fact]:
    for site in code.calls:
        if not _worth(code, site):
            continue
        head = site.node.child_by_field_name("function") or site.node.child_by_field_name("constructor")
        callee = code.value(head, site.scope)
        if isinstance(callee, Unknown):
            continue
        args, named = arguments(code, site, site.scope)
        fields: dict[str, object] = {"symbol": site.scope.name, "callee": callee, "args": args}
        if named:
            fields["named"] = named
        fields |= _payloads(code, site)
        yield Fact("call", fields, Location(code.path, site.line))


def _payloads(code: JsCode, site: CallSite) -> dict[str, object]:
    """The payload among a call's arguments, and the fields read of its result."""
    out: dict[str, object] = {}
    for node in site.args:
        shape = code.shape(node, site.scope) if node.type in ("object", "identifier", "new_expression") else Shape()
        if shape.type == "object" and (shape.fields or shape.named):
            out["sends"] = shape
            break
    held = code.held(site)
    if held is not None and not held.key and _member_of(code, site, f"{held.target}."):
        read = result_reads(code, site, held)
        if read is not None:
            out["reads"] = read
    return out


def _member_of(code: JsCode, site: CallSite, text: str) -> bool:
    return code.data.find(text.encode(), site.node.start_byte, site.scope.node.end_byte) >= 0


def _worth(code: JsCode, site: CallSite) -> bool:
    """Whether a call may lead to code of the scanned system."""
    head = (site.dotted or _made(code, site)).split(".", 1)[0]
    if not head or head in NODE_BUILTINS:
        return False
    found = code.imports.get(head)
    if found is not None:
        return found.module.removeprefix("node:") not in NODE_MODULES
    if head in SELVES or site.receiver is None:
        return True
    known = any(head in s.params or head in s.bound for s in site.scope.outward())
    return known or not site.dotted or bool(code.type_of(head, site.scope))


def _made(code: JsCode, site: CallSite) -> str:
    """The class of an object that is made where its method is called: ``new Publisher(client).publish(..)``."""
    node = site.receiver
    while node is not None and node.type == "parenthesized_expression" and node.named_children:
        node = node.named_children[0]
    made = node.child_by_field_name("constructor") if node is not None and node.type == "new_expression" else None
    return code.dotted(made) if made is not None else ""


def _environment(code: JsCode) -> Iterator[Fact]:
    for node in code.members:
        name = environment(code, node)
        if name:
            scope = code.scope_at(node.start_byte)
            fields: dict[str, object] = {"symbol": scope.name, "key": name}
            parent = node.parent
            whole = code.value(parent, scope) if parent is not None and parent.type == "binary_expression" else None
            if isinstance(whole, Env) and whole.default is not None:
                fields["default"] = whole.default
            yield Fact("config_read", fields, code.at(node))


def _types(code: JsCode) -> Iterator[Fact]:
    yield from js_wrapped.helper_types(code)
    yield from js_wrapped.handlers(code)
    for node in code.type_nodes:
        name = code.text(node.child_by_field_name("name"))
        body = node.child_by_field_name("body") or node.child_by_field_name("value")
        if body is None:
            continue
        shape = object_type(code, body) if body.type in ("interface_body", "object_type") else annotation(code, body)
        if shape != Shape():
            own = parametrised(shape, type_parameters(code, node))
            yield Fact("type", {"name": name, "shape": own}, code.at(node))


def _typed(code: JsCode) -> Iterator[Fact]:
    lines = {code.bound_name(a): a.line for a in reversed(code.assigns)}
    starts = {s.name: s.node for s in code.scopes}
    for target, made in code.types.items():
        if not made.rsplit(".", 1)[-1][:1].isupper():
            continue
        owner = starts.get(target.rpartition(".")[0], code.root)
        line = lines.get(target) or int(owner.start_point[0]) + 1
        fields = _of({"target": target, "type": code.written(made)}, code.type_arguments.get(target, ()))
        yield Fact("typed", fields, Location(code.path, line))
    for assign in code.assigns:
        target = code.bound_name(assign)
        if assign.value is None and assign.scope.sort == "class" and target not in code.types:
            written = code.text(assign.annotation).strip(": ") or "unknown"
            yield Fact("typed", {"target": target, "type": written}, Location(code.path, assign.line))
    for scope in code.scopes[1:]:
        name, of = declared(code, scope.node.child_by_field_name("return_type"))
        if name:
            fields = _of({"target": f"{scope.name}.return", "type": code.written(name)}, of)
            yield Fact("typed", fields, code.at(scope.node))


def _of(fields: dict[str, object], of: tuple[str, ...]) -> dict[str, object]:
    return fields | {"of": of} if of else fields
