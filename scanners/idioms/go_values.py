"""Go expressions as Values: strings, Sprintf, URL joins, environment reads, struct literals as constructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.values import Call, Choice, Concat, Config, Env, Format, Lit, Member, Name, Param, Unknown, Value
from scanners.idioms import go_latest
from scanners.idioms.code import MAX_DEPTH, Scope
from scanners.idioms.expressions import by_kind, concat

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_Reader = Callable[["GoCode", "Node", Scope, int], Value]
_LISTED = 24


def _identifier(code: GoCode, node: Node, scope: Scope, depth: int) -> Value:
    name = code.dotted(node)
    latest = go_latest.assigned(code, name, node, scope)
    if latest is not None:
        return value(code, latest.value, latest.scope, depth + 12)
    return _named(name, scope)


def _named(name: str, scope: Scope) -> Value:
    for outer in scope.outward():
        if name in outer.params:
            if name in outer.bound:
                return Name(name)
            return Param(outer.params.index(name), name) if outer is scope else Name(name)
        if name in outer.bound:
            return Name(name)
    return Name(name)


def _selector(code: GoCode, node: Node, scope: Scope, depth: int) -> Value:
    dotted = code.dotted(node)
    if dotted:
        head, _, rest = dotted.partition(".")
        base = _named(head, scope)
        if not isinstance(base, Param):
            return Name(dotted)
        out: Value = base
        for part in rest.split("."):
            out = Member(out, part)
        return out
    return Member(
        value(code, node.child_by_field_name("operand"), scope, depth), code.text(node.child_by_field_name("field"))
    )


def _string(code: GoCode, node: Node, _: Scope, __: int) -> Value:
    return Lit(code.string(node))


def _number(code: GoCode, node: Node, _: Scope, __: int) -> Value:
    text = code.text(node).replace("_", "")
    try:
        return Lit(int(text, 0) if node.type == "int_literal" else float(text))
    except ValueError:
        return Unknown("a number")


def _binary(code: GoCode, node: Node, scope: Scope, depth: int) -> Value:
    operator = node.child_by_field_name("operator")
    if operator is None or operator.type != "+":
        return Unknown("a computed value")
    parts: list[Node] = []
    left: Node | None = node
    for _ in range(MAX_DEPTH * 4):
        inner = left.child_by_field_name("operator") if left is not None and left.type == "binary_expression" else None
        if left is None or inner is None or inner.type != "+":
            break
        right = left.child_by_field_name("right")
        parts += [right] if right is not None else []
        left = left.child_by_field_name("left")
    first = [value(code, left, scope, depth)] if left is not None else []
    return concat([*first, *(value(code, p, scope, depth) for p in reversed(parts))])


def _unary(code: GoCode, node: Node, scope: Scope, depth: int) -> Value:
    operator = node.child_by_field_name("operator")
    if operator is not None and operator.type in ("&", "*"):
        return value(code, node.child_by_field_name("operand"), scope, depth)
    if operator is not None and operator.type == "<-":
        return _item(value(code, node.child_by_field_name("operand"), scope, depth), "[]")
    return Unknown("a computed value")


def _item(base: Value, name: str) -> Value:
    return base if isinstance(base, Unknown) else Member(base, name)


def _index(code: GoCode, node: Node, scope: Scope, depth: int) -> Value:
    if _is_generic(code, node, scope):
        return value(code, node.child_by_field_name("operand"), scope, depth)
    key = code.string(node.child_by_field_name("index"))
    base = value(code, node.child_by_field_name("operand"), scope, depth)
    return _item(base, key if key.isidentifier() else "[]")


def _is_generic(code: GoCode, node: Node, scope: Scope) -> bool:
    """``store.Find[Order](ctx)``: a call that gives a type to a function, not one of an entry of a map."""
    call = node.parent
    if call is None or call.type != "call_expression" or call.child_by_field_name("function") != node:
        return False
    head, _, rest = code.dotted(node.child_by_field_name("operand")).partition(".")
    if any(head in outer.bound or head in outer.params for outer in scope.outward()):
        return False
    return head in code.imports if rest else code.scope_is_function(head)


def _inner(code: GoCode, node: Node, scope: Scope, depth: int) -> Value:
    return value(code, node.named_children[0] if node.named_child_count else None, scope, depth)


def _operand(code: GoCode, node: Node, scope: Scope, depth: int) -> Value:
    return value(code, node.child_by_field_name("operand"), scope, depth)


def _closure(code: GoCode, node: Node, scope: Scope, _: int) -> Value:
    made = code.closures.get(node.id)
    if made is None:
        return Unknown("a function written in place")
    return Name(made.name.removeprefix(f"{scope.name}.") if scope.name else made.name)


def _literal(code: GoCode, node: Node, scope: Scope, depth: int) -> Value:
    kind = node.child_by_field_name("type")
    if kind is not None and kind.type in ("slice_type", "array_type"):
        return _listed(code, node, scope, depth)
    if kind is None or kind.type not in ("type_identifier", "qualified_type", "generic_type"):
        return Unknown("a list or map")
    named = code.text(kind.child_by_field_name("type") if kind.type == "generic_type" else kind)
    pairs = dict(_by_position(code, named, members(code, node)))
    if code.origin(named) == "net/url.URL":
        return _url(code, pairs, scope, depth)
    given = tuple(
        (key, found)
        for key, part in sorted(pairs.items())
        if not isinstance(found := value(code, part, scope, depth), Unknown)
    )
    return Call(Name(named), (), given)


def _by_position(code: GoCode, named: str, found: list[tuple[str, Node]]) -> list[tuple[str, Node]]:
    """``Repo{collection}``: values without keys are given to the fields of a struct of this file in their order."""
    if not found or not found[0][0].isdigit():
        return found
    fields = [member.name for member in code.fields if member.owner.name == named]
    return [(field, node) for field, (_, node) in zip(fields, found, strict=False)] or found


def _listed(code: GoCode, node: Node, scope: Scope, depth: int) -> Value:
    """A list of texts or names is any of them."""
    found = [value(code, item, scope, depth) for _, item in members(code, node)[:_LISTED]]
    known = tuple(v for v in found if isinstance(v, Lit | Name | Env | Config | Concat | Format | Member | Param))
    if not known or len(known) != len(found):
        return Unknown("a list or map")
    return known[0] if len(known) == 1 else Choice(known)


def members(code: GoCode, literal: Node) -> list[tuple[str, Node]]:
    """Keys and values of a struct or map literal; one without a key has its position.

    Args:
        code: the file.
        literal: a composite literal or its body.
    """
    body = literal.child_by_field_name("body") if literal.type == "composite_literal" else literal
    out: list[tuple[str, Node]] = []
    for index, child in enumerate(c for c in (body.named_children if body is not None else ()) if c.type != "comment"):
        if child.type == "keyed_element":
            key, held = child.child_by_field_name("key"), child.child_by_field_name("value")
            if key is not None and held is not None:
                out.append((code.string(key) or code.text(key), held))
        elif child.type == "literal_element":
            out.append((str(index), child))
    return out


def _url(code: GoCode, pairs: dict[str, Node], scope: Scope, depth: int) -> Value:
    parts: list[Value] = []
    scheme = value(code, pairs["Scheme"], scope, depth) if "Scheme" in pairs else Lit("http")
    if "Host" in pairs:
        parts += [scheme, Lit("://"), value(code, pairs["Host"], scope, depth)]
    if "Path" in pairs:
        path = value(code, pairs["Path"], scope, depth)
        starts = isinstance(path, Lit) and str(path.value).startswith("/")
        parts += [path] if starts or not parts or not isinstance(path, Lit) else [Lit("/"), path]
    return concat(parts)


def _call(code: GoCode, node: Node, scope: Scope, depth: int) -> Value:
    from scanners.idioms import go_calls

    site = code.site(node)
    if site is None:
        return Unknown("a call")
    special = go_calls.special(code, site, scope, depth)
    if special is not None:
        return special
    args = tuple(value(code, a, scope, depth) for a in site.args)
    head = node.child_by_field_name("function")
    callee = (
        value(code, head, scope, depth)
        if head is not None and head.type not in ("parenthesized_expression",)
        else Unknown("")
    )
    if isinstance(callee, Unknown):
        return Unknown("a call of a computed function")
    return Call(callee, args)


_READERS: dict[str, _Reader] = {
    "identifier": _identifier,
    "selector_expression": _selector,
    "interpreted_string_literal": _string,
    "raw_string_literal": _string,
    "int_literal": _number,
    "float_literal": _number,
    "binary_expression": _binary,
    "unary_expression": _unary,
    "index_expression": _index,
    "slice_expression": _operand,
    "parenthesized_expression": _inner,
    "literal_element": _inner,
    "expression_list": _inner,
    "type_assertion_expression": _operand,
    "func_literal": _closure,
    "composite_literal": _literal,
    "call_expression": _call,
    "type_conversion_expression": _call,
    "true": lambda *_: Lit(True),
    "false": lambda *_: Lit(False),
    "nil": lambda *_: Lit(None),
}

value = by_kind("a Go", _READERS)
"""The Value of an expression."""
