"""Types of Go names as far as one file says: fields, parameters, results, literals, constructors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanners.idioms.code import SELVES, Assign, Scope
from scanners.idioms.go_scopes import parameters

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_DEPTH = 8
_MARKS = {"slice_type": "[]", "array_type": "[]", "map_type": "map[]", "channel_type": "chan "}


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One field of a struct; an embedded one has its type's name.

    Args:
        owner: the struct.
        name: of the field.
        type: its type.
        tag: the text of its tag.
        node: the declaration.
        embedded: the struct's methods are promoted.
    """

    owner: Scope
    name: str
    type: Node | None
    tag: str
    node: Node
    embedded: bool = False


def annotation(code: GoCode, node: Node | None) -> str:
    """The type a type expression names, through imports; ``[]T``, ``map[]T`` and ``chan T`` keep their mark.

    Args:
        code: the file.
        node: a type.
    """
    mark = ""
    for _ in range(_DEPTH):
        if node is None:
            return ""
        kind = node.type
        if kind in ("type_identifier", "qualified_type", "identifier", "selector_expression"):
            return mark + code.origin(code.text(node))
        if kind in _MARKS:
            mark += _MARKS[kind]
            node = node.child_by_field_name("element") or node.child_by_field_name("value")
        elif kind == "generic_type":
            node = node.child_by_field_name("type")
        elif kind in ("pointer_type", "parenthesized_type", "type_elem") and node.named_child_count:
            node = node.named_children[0]
        else:
            return ""
    return ""


def arguments(code: GoCode, node: Node | None) -> tuple[str, ...]:
    """Type arguments as written: of a generic type, the element of a slice, key and value of a map.

    Args:
        code: the file.
        node: a type.
    """
    while node is not None and node.type in ("pointer_type", "parenthesized_type") and node.named_child_count:
        node = node.named_children[0]
    if node is None:
        return ()
    if node.type == "generic_type":
        listed = node.child_by_field_name("type_arguments")
        return tuple(code.text(c) for c in listed.named_children) if listed is not None else ()
    if node.type in _MARKS:
        parts = (node.child_by_field_name(n) for n in ("key", "element", "value"))
        return tuple(code.text(p).lstrip("*") for p in parts if p is not None)
    return ()


def fill(code: GoCode) -> None:
    """Fill the file's map from qualified names to the types or factories they come from.

    Args:
        code: the file.
    """
    for scope in code.scopes[1:]:
        if scope.sort == "class":
            _class(code, scope)
        else:
            _function(code, scope, scope.node)
    for outer, closure in code.loose:
        for name, kind in parameters(code, closure):
            if name and name != "_":
                _put(code, f"{outer.name}.{name}" if outer.name else name, kind)
    for assign in code.assigns:
        _type_of_assign(code, assign)


def _put(code: GoCode, target: str, node: Node | None) -> None:
    declared = annotation(code, node)
    if declared:
        code.types[target] = declared
        given = arguments(code, node)
        if given:
            code.type_args[target] = given


def _class(code: GoCode, scope: Scope) -> None:
    body = scope.node.child_by_field_name("type")
    if body is None:
        return
    if body.type == "interface_type":
        scope.sort = "interface"
        scope.bases = tuple(
            code.text(c) for c in body.named_children if c.type == "type_elem" and "|" not in code.text(c)
        )
    elif body.type == "struct_type":
        listed = body.named_children[0] if body.named_child_count else None
        members = [
            m for child in (listed.named_children if listed is not None else ()) for m in _members(code, scope, child)
        ]
        code.fields += members
        scope.bases = tuple(code.text(_core(m.type)) for m in members if m.embedded)
        for member_ in members:
            _put(code, f"{scope.name}.{member_.name}", member_.type)
    elif scope.node.type == "type_alias":
        written = code.text(_core(body))
        scope.bases = (written,) if written.replace(".", "").replace("_", "").isalnum() else ()


def _core(node: Node | None) -> Node | None:
    while node is not None and node.type in ("pointer_type", "generic_type") and node.named_child_count:
        node = node.named_children[0]
    return node


def _members(code: GoCode, owner: Scope, node: Node) -> list[Member]:
    if node.type != "field_declaration":
        return []
    kind = node.child_by_field_name("type")
    tag = code.text(node.child_by_field_name("tag"))[1:-1]
    names = node.children_by_field_name("name")
    if not names:
        name = code.text(_core(kind)).rpartition(".")[2]
        return [Member(owner, name, kind, tag, node, embedded=True)]
    return [Member(owner, code.text(n), kind, tag, node) for n in names]


def _function(code: GoCode, scope: Scope, node: Node) -> None:
    for name, kind in parameters(code, node):
        if name and name != "_":
            _put(code, f"{scope.name}.{name}", kind)
    result = node.child_by_field_name("result")
    if result is not None and result.type == "parameter_list":
        first = result.named_children[0] if result.named_child_count else None
        result = first.child_by_field_name("type") if first is not None else None
    declared = annotation(code, result)
    if declared:
        code.results[scope.name] = declared
        given = arguments(code, result)
        if given:
            code.type_args[f"{scope.name}.return"] = given


def _type_of_assign(code: GoCode, assign: Assign) -> None:
    target = code.bound_name(assign)
    if assign.annotation is not None:
        _put(code, target, assign.annotation)
        return
    if assign.value is None or (assign.key and assign.how != "for") or assign.how == "+=":
        return
    asked = _asked(assign.value)
    if asked is not None:
        _put(code, target, asked)
        return
    made = code.made_by(assign.value, assign.scope)
    if assign.how == "for":
        made = element(made)
    if not made:
        return
    site = code.site(assign.value)
    if site is not None and site.dotted in ("new", "make") and site.args:
        made = annotation(code, site.args[0])
    elif site is not None and made == code.callee(site):
        code.factories.add(made)
    if made:
        code.types.setdefault(target, made)


def _asked(node: Node) -> Node | None:
    """``mapper.Map[*Created](order)``: a generic function of a package gives the one type it is asked for."""
    kind = node.child_by_field_name("type") if node.type == "type_conversion_expression" else None
    name = kind.child_by_field_name("type") if kind is not None and kind.type == "generic_type" else None
    listed = kind.child_by_field_name("type_arguments") if kind is not None else None
    if name is None or name.type != "qualified_type" or listed is None or listed.named_child_count != 1:
        return None
    inner = listed.named_children[0]
    return inner.named_children[0] if inner.type == "type_elem" and inner.named_child_count else inner


def element(made: str) -> str:
    """The type of an item of a collection, empty when it is none.

    Args:
        made: type of the collection.
    """
    mark = next((m for m in _MARKS.values() if made.startswith(m)), "")
    return made[len(mark) :] if mark else ""


def type_of(code: GoCode, dotted: str, scope: Scope) -> str:
    """The type or factory a dotted name comes from, empty when this file does not say.

    Args:
        code: the file.
        dotted: with ``self`` for the receiver.
        scope: where it is used.
    """
    head, *rest = dotted.split(".")
    if head in SELVES:
        made = scope.owner
    else:
        made = ""
        for outer in scope.outward():
            if outer.sort in ("class", "interface"):
                continue
            made = code.types.get(f"{outer.name}.{head}" if outer.name else head, "")
            if made or head in outer.bound or head in outer.params:
                break
    for part in rest:
        made = member(code, made, part)
    return made


def member(code: GoCode, owner: str, name: str, depth: int = 4) -> str:
    """The type of a field of a struct of this file, embedded ones included.

    Args:
        code: the file.
        owner: type name.
        name: of the field.
        depth: how many embedded structs deep.
    """
    if not owner or depth <= 0:
        return ""
    found = code.types.get(f"{owner}.{name}", "")
    if found:
        return found
    scope = code.scope(owner)
    for base in scope.bases if scope is not None else ():
        found = member(code, code.origin(base), name, depth - 1)
        if found:
            return found
    return ""


def type_parameter(code: GoCode, name: str, scope: Scope) -> bool:
    """Whether a type name is a type parameter of a function around a place, or of its receiver.

    Args:
        code: the file.
        name: as written.
        scope: the place.
    """
    for outer in scope.outward():
        if outer.name and outer.sort in ("function", "method"):
            listed = outer.node.child_by_field_name("type_parameters") or outer.node.child_by_field_name("receiver")
            if (
                listed is not None
                and name in code.text(listed).replace("[", " ").replace("]", " ").replace(",", " ").split()
            ):
                return outer.sort != "method" or "[" in code.text(listed)
    return False
