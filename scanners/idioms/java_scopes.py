"""Classes, methods, fields, parameters and annotations of a Java file, with a stable name for each overload."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scanners.idioms import parsing
from scanners.idioms.code import Assign, Scope
from scanners.idioms.java import Found, JavaCode, Mark, Member
from scanners.idioms.java_noise import words

if TYPE_CHECKING:
    from tree_sitter import Node

_METHODS = ("method_declaration", "constructor_declaration", "compact_constructor_declaration")
_INTERFACES = ("interface_declaration", "annotation_type_declaration")
_QUIET = words("Override SuppressWarnings Deprecated FunctionalInterface SafeVarargs Nullable NonNull NotNull Nonnull")
CONSTRUCTOR = "constructor"
_TEXTS = ("String", "CharSequence", "URI", "URL", "int", "long", "Integer", "Long")


def fill(code: JavaCode, found: Found) -> None:
    """Index scopes, members, parameters and annotations.

    Args:
        code: the file.
        found: what the query found.
    """
    code.inline = found.of("inline")
    inline = {n.id for n in code.inline}
    code.index_scopes(list(_scopes(code, [n for n in found.of("scope") if n.id not in inline])))
    for scope in code.scopes[1:]:
        if scope.sort == "method":
            code.method_names.setdefault(f"{scope.parent.name if scope.parent else ''}.{_plain(scope)}", []).append(
                scope
            )
    marks = _marks(code, found)
    for scope in code.scopes[1:]:
        scope.decorated = any(m.name not in _QUIET for m in code.on.get(scope.name, ()))
        if scope.sort == "method" and scope.node.type != "compact_constructor_declaration":
            made = tuple(_parameters(code, scope, scope.node, marks))
            code.params[scope.name] = made
            scope.params = tuple(p.name for p in made)
        elif scope.node.type == "record_declaration":
            for member in _parameters(code, scope, scope.node, marks):
                code.members[f"{scope.name}.{member.name}"] = member
    for node in found.of("field"):
        for member in _fields(code, node, marks):
            code.members.setdefault(f"{member.scope.name}.{member.name}", member)
    for node in found.of("constant"):
        scope = code.scope_at(node.start_byte)
        name = code.text(node.child_by_field_name("name"))
        code.members.setdefault(f"{scope.name}.{name}", Member(name, None, node, scope, node, static=True, final=True))


def _scopes(code: JavaCode, nodes: list[Node]) -> Iterator[Scope]:
    stack = [code.scopes[0]]
    taken: Counter[str] = Counter()
    types: list[str] = []
    for node in nodes:
        while len(stack) > 1 and node.start_byte >= stack[-1].node.end_byte:
            stack.pop()
        outer = stack[-1]
        if len(stack) > parsing.SCOPES:
            raise parsing.TooHard("scan/too-deep", "classes are nested too deeply in it; not read as code")
        method = node.type in _METHODS
        written = CONSTRUCTOR if method and node.type != "method_declaration" else ""
        name = outer.qualify(written or code.text(node.child_by_field_name("name")))
        if method:
            name = _overload(code, name, node, taken)
            scope = Scope(name, "method", node, outer)
        else:
            scope = Scope(name, "interface" if node.type in _INTERFACES else "class", node, outer)
            scope.bases = tuple(_bases(code, node))
            types.append(name)
            code.type_nodes[name] = node
        taken[name] += 1
        stack.append(scope)
        yield scope
    code.type_names = frozenset(types)


def _overload(code: JavaCode, name: str, node: Node, taken: Counter[str]) -> str:
    """``find``, then ``find/2`` for one with another arity, then ``find/2:String,int``."""
    if not taken[name]:
        return name
    listed = node.child_by_field_name("parameters")
    params = [c for c in listed.named_children if c.type.endswith("_parameter")] if listed is not None else []
    with_arity = f"{name}/{len(params)}"
    if not taken[with_arity]:
        return with_arity
    types = ",".join(code.type_text(_type_of(p)).rsplit(".", 1)[-1] for p in params)
    return f"{with_arity}:{types}"


def _plain(scope: Scope) -> str:
    return scope.name.rsplit("/", 1)[0].rsplit(".", 1)[-1] if "/" in scope.name else scope.name.rsplit(".", 1)[-1]


def _bases(code: JavaCode, node: Node) -> Iterator[str]:
    for child in node.named_children:
        if child.type == "superclass":
            yield from (code.type_text(c) for c in child.named_children[:1])
        elif child.type in ("super_interfaces", "extends_interfaces"):
            for listed in child.named_children:
                yield from (code.type_text(c) for c in listed.named_children)


def base_nodes(node: Node) -> list[Node]:
    """The types a class extends and implements, with their type arguments.

    Args:
        node: a class or interface.
    """
    out: list[Node] = []
    for child in node.named_children:
        if child.type == "superclass":
            out += child.named_children[:1]
        elif child.type in ("super_interfaces", "extends_interfaces"):
            out += [c for listed in child.named_children for c in listed.named_children]
    return out


def _type_of(node: Node) -> Node | None:
    declared = node.child_by_field_name("type")
    if declared is None and node.type == "spread_parameter":
        return next((c for c in node.named_children if c.type not in ("modifiers", "variable_declarator")), None)
    return declared


def _parameters(code: JavaCode, scope: Scope, node: Node, marks: dict[int, list[Mark]]) -> Iterator[Member]:
    listed = node.child_by_field_name("parameters")
    for child in listed.named_children if listed is not None else ():
        if child.type not in ("formal_parameter", "spread_parameter"):
            continue
        named = child.child_by_field_name("name")
        if named is None:
            holder = next((c for c in child.named_children if c.type == "variable_declarator"), None)
            named = holder.child_by_field_name("name") if holder is not None else None
        name = code.text(named)
        yield Member(name, _type_of(child), None, scope, child, marks=_taken(code, child, (scope, name), marks))


def _fields(code: JavaCode, node: Node, marks: dict[int, list[Mark]]) -> Iterator[Member]:
    scope = code.scope_at(node.start_byte)
    first = node.named_children[0] if node.named_child_count else None
    said = {c.type for c in first.children} if first is not None and first.type == "modifiers" else set()
    constant = node.type == "constant_declaration"
    declared = node.child_by_field_name("type")
    for holder in node.children_by_field_name("declarator"):
        name = code.text(holder.child_by_field_name("name"))
        yield Member(
            name,
            declared,
            holder.child_by_field_name("value"),
            scope,
            holder,
            static="static" in said or constant,
            final="final" in said or constant,
            transient="transient" in said,
            marks=_taken(code, node, (scope, name), marks),
        )


def _taken(code: JavaCode, node: Node, about: tuple[Scope, str], marks: dict[int, list[Mark]]) -> tuple[Mark, ...]:
    """The annotations of a field or parameter, indexed under its name."""
    found = tuple(Mark(m.name, m.full, m.args, m.node, about[0], about[1]) for m in marks.get(node.id, ()))
    for mark in found:
        code.marks.setdefault(mark.name, []).append(mark)
    return found


def _marks(code: JavaCode, found: Found) -> dict[int, list[Mark]]:
    """Annotations of classes and methods into the index; those of fields and parameters by their declaration."""
    scopes = {s.node.id: s for s in code.scopes[1:]}
    others: dict[int, list[Mark]] = {}
    for node in found.of("mark"):
        modifiers = node.parent
        declared = modifiers.parent if modifiers is not None and modifiers.type == "modifiers" else None
        if declared is None:
            continue
        owner = scopes.get(declared.id)
        mark = _mark(code, node, owner or code.scope_at(node.start_byte))
        if owner is not None:
            code.marks.setdefault(mark.name, []).append(mark)
            code.on.setdefault(owner.name, []).append(mark)
        else:
            others.setdefault(declared.id, []).append(mark)
    return others


def _mark(code: JavaCode, node: Node, scope: Scope) -> Mark:
    written = code.text(node.child_by_field_name("name"))
    return Mark(written.rsplit(".", 1)[-1], code.origin(written), _arguments(code, node), node, scope)


def _arguments(code: JavaCode, node: Node) -> dict[str, Node]:
    listed = node.child_by_field_name("arguments")
    args: dict[str, Node] = {}
    for child in listed.named_children if listed is not None else ():
        if child.type == "element_value_pair":
            value = child.child_by_field_name("value")
            if value is not None:
                args[code.text(child.child_by_field_name("key"))] = value
        elif not child.is_extra:
            args["value"] = child
    return args


def nested_mark(code: JavaCode, node: Node, scope: Scope) -> Mark | None:
    """An annotation given as an argument of another one.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    return _mark(code, node, scope) if node.type in ("annotation", "marker_annotation") else None


def names(code: JavaCode, found: Found) -> None:
    """Assignments, bound names, results and types of the file.

    Args:
        code: the file.
        found: what the query found.
    """
    code.assigns = sorted(_assigns(code, found), key=lambda a: a.line)
    for assign in code.assigns:
        if assign.how != ":=" and "." not in assign.target:
            assign.scope.bound.add(assign.target)
    inside = sorted((n.start_byte, n.end_byte) for n in (*found.of("lambda"), *found.of("inline")))
    for node in found.of("lambda"):
        scope = code.scope_at(node.start_byte)
        scope.bound.update(_lambda_names(code, node.child_by_field_name("parameters")))
    code.returns = [
        (n, scope)
        for n in found.of("return")
        if not _within(inside, n.start_byte, (scope := code.scope_at(n.start_byte)).node.start_byte)
    ]
    code.throws = [(n, code.scope_at(n.start_byte)) for n in found.of("throw")]
    code.references = [(n, code.scope_at(n.start_byte)) for n in found.of("reference")]
    _types(code, found)


def _within(spans: list[tuple[int, int]], byte: int, since: int) -> bool:
    """Whether a place lies in one of the spans that start behind `since`."""
    at = bisect_right(spans, (byte, 1 << 60)) - 1
    while at >= 0 and spans[at][0] > since:
        if spans[at][1] > byte:
            return True
        at -= 1
    return False


def _lambda_names(code: JavaCode, node: Node | None) -> Iterator[str]:
    if node is None:
        return
    if node.type == "identifier":
        yield code.text(node)
        return
    for child in node.named_children:
        named = child if child.type == "identifier" else child.child_by_field_name("name")
        if named is not None:
            yield code.text(named)


def _assigns(code: JavaCode, found: Found) -> Iterator[Assign]:
    for member in code.members.values():
        if member.node.type == "variable_declarator":
            yield Assign(member.name, member.value, member.type, member.scope, _line(member.node))
    for node in found.of("local"):
        declared = node.child_by_field_name("type")
        for holder in node.children_by_field_name("declarator"):
            name = code.text(holder.child_by_field_name("name"))
            scope = code.scope_at(holder.start_byte)
            yield Assign(name, holder.child_by_field_name("value"), declared, scope, _line(holder))
    for node in found.of("for", "resource"):
        name = code.text(node.child_by_field_name("name"))
        value, declared = node.child_by_field_name("value"), node.child_by_field_name("type")
        how = "for" if node.type == "enhanced_for_statement" else "with"
        if name:
            yield Assign(name, value, declared, code.scope_at(node.start_byte), _line(node), how)
    for node in found.of("catch"):
        name = code.text(node.child_by_field_name("name"))
        yield Assign(name, None, None, code.scope_at(node.start_byte), _line(node))
    for node in found.of("assign"):
        target = code.dotted(node.child_by_field_name("left"))
        if target and code.text(node.child_by_field_name("operator")) == "=":
            scope = code.scope_at(node.start_byte)
            yield Assign(target, node.child_by_field_name("right"), None, scope, _line(node), ":=")


def _line(node: Node) -> int:
    return int(node.start_point[0]) + 1


def _types(code: JavaCode, found: Found) -> None:
    """Fill the file's map from qualified names to the types they are declared or made as."""
    for name, member in code.members.items():
        if member.type is not None:
            code.types[name] = code.origin(code.type_text(member.type))
    for scope, params in code.params.items():
        for param in params:
            code.types[f"{scope}.{param.name}"] = code.origin(code.type_text(param.type))
    results = _results(code)
    for assign in code.assigns:
        if assign.how == ":=" or assign.annotation is None or assign.scope.sort != "method":
            continue
        declared = code.type_text(assign.annotation)
        if declared == "var":
            site = code.site(assign.value) if assign.value is not None else None
            made = results.get(site.dotted, "") if site is not None else ""
            declared = made or (code.callee(site) if site is not None else "")
        if declared:
            code.types.setdefault(assign.scope.qualify(assign.target), code.origin(declared))


def _results(code: JavaCode) -> dict[str, str]:
    """Methods of this file called by their bare name, with the type they return."""
    found = {}
    for scope in code.scopes[1:]:
        if scope.node.type == "method_declaration":
            declared = code.type_text(scope.node.child_by_field_name("type"))
            if declared[:1].isupper():
                found[_plain(scope)] = declared
                code.types[f"{_plain(scope)}()"] = code.origin(declared)
    return found


def apart(code: JavaCode, full: str) -> str:
    """The name a field's text is kept under: another one than its accessor's (``String url() { return url; }``).

    Args:
        code: the file.
        full: class and field.
    """
    field = code.members.get(full)
    if field is None or full not in code.method_names:
        return full
    if field.static or field.scope.node.type == "record_declaration":
        return full
    return f"{full}_" if code.type_text(field.type) in _TEXTS else full
