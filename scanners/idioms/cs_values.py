"""C# expressions as Values: strings, interpolation, concatenation, configuration and environment reads, choices."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.values import Call, Choice, Concat, Config, Env, Format, Lit, Member, Name, Param, Unknown, Value
from scanners.idioms import cs_resources
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_config import read as config_read
from scanners.idioms.cs_noise import words
from scanners.idioms.cs_strings import escaped, literal
from scanners.idioms.expressions import by_kind, concat

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_Reader = Callable[["CsCode", "Node", Scope, int], Value]
_SAME = words(
    """ToString Trim TrimEnd TrimStart ToLower ToLowerInvariant ToUpper ToUpperInvariant EscapeDataString UrlEncode
    Encode AddQueryString EscapeUriString EnsureTrailingSlash ConfigureAwait GetAwaiter GetResult ToUri AsString
    TrimEntries Normalize Intern"""
)
_HOLE = re.compile(r"\{\d+(?:,[^{}:]*)?(?::[^{}]*)?\}")
GENERIC = 1000
_CHAIN = 200

SERVICES = ("GetRequiredService", "GetService", "GetRequiredKeyedService", "GetKeyedService")
"""What gives an object of the container; its type argument is the type asked for."""


def _identifier(code: CsCode, node: Node, scope: Scope, _: int) -> Value:
    return named(code, code.text(node).removeprefix("@"), scope)


def named(code: CsCode, name: str, scope: Scope) -> Value:
    """The Value of a bare name: a parameter of the enclosing method, else a Name.

    Args:
        code: the file.
        name: without dots.
        scope: where it is written.
    """
    for outer in scope.outward():
        if outer.sort in ("class", "interface"):
            break
        if name in outer.bound:
            return Name(name)
        if name in outer.params:
            return Param(outer.params.index(name), name) if outer is scope else Name(name)
        generic = code.generics.get(outer.name, ())
        if name in generic:
            at = generic.index(name)
            return Param(GENERIC + at, f"<{at}>")
    return Name(name)


def _member(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    dotted = code.dotted(node)
    if dotted:
        head, _, _ = dotted.partition(".")
        first = named(code, head, scope)
        if not isinstance(first, Param):
            return Lit("") if dotted in ("string.Empty", "String.Empty") else Name(dotted)
    last = code.simple(node.child_by_field_name("name"))
    inner = node.child_by_field_name("expression")
    found = config_read(code, node, scope)
    if found is not None:
        return found
    base = value(code, inner, scope, depth)
    if last in ("AbsoluteUri", "OriginalString") or (last == "Value" and isinstance(base, Lit | Config | Env)):
        return base
    return Unknown(base.reason) if isinstance(base, Unknown) else Member(base, last)


def _conditional(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    binding = node.named_children[-1]
    base = value(code, node.child_by_field_name("condition"), scope, depth)
    if binding.type == "member_binding_expression":
        dotted = code.dotted(node)
        last = code.simple(binding.child_by_field_name("name"))
        return Name(dotted) if dotted and isinstance(base, Name) else Member(base, last)
    return Unknown("a conditional access")


def _interpolated(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    parts: list[Value] = []
    verbatim = code.text(node)[:3].find("@") >= 0
    for child in node.named_children:
        if child.type in ("string_content", "escape_sequence"):
            text = code.text(child)
            marked = child.type == "escape_sequence"
            parts.append(Lit(escaped(text) if marked and not verbatim else text.replace("{{", "{").replace("}}", "}")))
        elif child.type == "interpolation":
            held = [c for c in child.named_children if c.type not in _BRACES]
            parts.append(value(code, held[0] if held else None, scope, depth))
    return concat(parts)


_BRACES = ("interpolation_brace", "interpolation_format_clause", "interpolation_alignment_clause")


def _binary(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    operator = code.text(node.child_by_field_name("operator"))
    if operator == "+":
        return _sum(code, node, scope, depth)
    left_node, right_node = node.child_by_field_name("left"), node.child_by_field_name("right")
    if operator == "??":
        left = value(code, left_node, scope, depth)
        if right_node is not None and right_node.type == "throw_expression":
            return left
        return defaulted(left, value(code, right_node, scope, depth))
    return Unknown(f"operator {operator}")


def defaulted(read: Value, other: Value) -> Value:
    """A value or, when it is missing, another one.

    Args:
        read: what is tried first.
        other: what is used instead.
    """
    if isinstance(read, Env) and read.default is None:
        return Env(read.name, other)
    if isinstance(read, Config) and read.default is None:
        return Config(read.key, other)
    return Choice((read, other))


def _sum(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    """``a + b + c``, which leans to the left as deep as it is long."""
    parts: list[Value] = []
    at: Node | None = node
    for _ in range(_CHAIN):
        if at is None or at.type != "binary_expression" or code.text(at.child_by_field_name("operator")) != "+":
            break
        parts.append(value(code, at.child_by_field_name("right"), scope, depth))
        at = at.child_by_field_name("left")
    parts.append(value(code, at, scope, depth))
    return concat(list(reversed(parts)))


def _ternary(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    first = value(code, node.child_by_field_name("consequence"), scope, depth)
    return Choice((first, value(code, node.child_by_field_name("alternative"), scope, depth)))


def _switch(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    arms = [c.named_children[-1] for c in node.named_children if c.type == "switch_expression_arm"]
    found = [value(code, a, scope, depth) for a in arms[:12] if a.type != "throw_expression"]
    return Choice(tuple(found)) if found else Unknown("a C# switch expression")


def _inner(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    return value(code, node.named_children[0] if node.named_child_count else None, scope, depth)


def _cast(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    return value(code, node.child_by_field_name("value") or node.named_children[-1], scope, depth)


def _element(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    found = config_read(code, node, scope)
    if found is not None:
        return found
    listed = node.child_by_field_name("subscript")
    held = listed.named_children[0].named_children[-1] if listed is not None and listed.named_child_count else None
    key = code.string(held)
    base = value(code, node.child_by_field_name("expression"), scope, depth)
    return Unknown(base.reason) if isinstance(base, Unknown) else Member(base, key or "[]")


def _call(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    site = code.site(node)
    if site is None:
        return Unknown("a call")
    special = _special(code, site, scope, depth)
    if special is not None:
        return special
    head = node.child_by_field_name("function")
    return call(code, site, callee(code, head, scope, depth), (scope, depth))


def callee(code: CsCode, head: Node | None, scope: Scope, depth: int = 0) -> Value:
    """The Value of what is called, type arguments left out.

    Args:
        code: the file.
        head: function part of an invocation.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    if head is not None and head.type == "generic_name":
        return Name(code.simple(head))
    if head is not None and head.type == "conditional_access_expression":
        return _conditional(code, head, scope, depth)
    return value(code, head, scope, depth)


def call(code: CsCode, site: CallSite, what: Value, about: tuple[Scope, int]) -> Value:
    """A call as Value; type arguments are the named arguments ``<0>``, ``<1>``...

    Args:
        code: the file.
        site: the call.
        what: its callee.
        about: scope and depth.
    """
    if isinstance(what, Unknown):
        return what
    args = tuple(value(code, a, *about) for a in site.args)
    return Call(what, args, arguments(code, site, about))


def arguments(code: CsCode, site: CallSite, about: tuple[Scope, int]) -> tuple[tuple[str, Value], ...]:
    """Named arguments with type arguments among them.

    Args:
        code: the file.
        site: the call.
        about: scope and depth.
    """
    given = [(name, value(code, node, *about)) for name, node in site.named.items()]
    for index, ref in enumerate(code.type_args(site)):
        what = named(code, ref.name, about[0]) if "." not in ref.name else Name(ref.name)
        given.append((f"<{index}>", what))
    return tuple(sorted(given, key=lambda pair: pair[0]))


def _creation(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    site = code.site(node)
    if site is None:
        return Unknown("a call")
    last = site.method
    implicit = node.type == "implicit_object_creation_expression"
    if last in ("Uri", "UriBuilder", "PathString", "StringBuilder", "RedisKey") or (implicit and not site.dotted):
        given = [value(code, a, scope, depth) for a in site.args[:2]]
        if len(given) == 2 and last == "Uri":
            base, path = given
            relative = isinstance(path, Name) and path.name.startswith("UriKind")
            return base if relative or isinstance(path, Unknown) else concat([base, path])
        return given[0] if given else Unknown("an object made without arguments")
    if not site.dotted:
        return Unknown("an object of a type the file does not name here")
    made = [(n, value(code, v, scope, depth)) for n, v in initialised(code, node)]
    args = tuple(value(code, a, scope, depth) for a in site.args)
    named_args = {**dict(arguments(code, site, (scope, depth))), **dict(made)}
    return Call(Name(site.dotted), args, tuple(sorted(named_args.items())))


def initialised(code: CsCode, node: Node) -> list[tuple[str, Node]]:
    """Properties set where an object is made: ``new Order { Id = 1 }``.

    Args:
        code: the file.
        node: a creation expression.
    """
    listed = next((c for c in node.named_children if c.type == "initializer_expression"), None)
    found = []
    for child in listed.named_children if listed is not None else ():
        left = child.child_by_field_name("left") if child.type == "assignment_expression" else None
        right = child.child_by_field_name("right")
        if left is not None and right is not None and left.type == "identifier":
            found.append((code.simple(left), right))
    return found


def _special(code: CsCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    found = config_read(code, site.node, scope) or cs_resources.value(code, site, scope)
    if found is not None:
        return found
    if site.args and (site.dotted == "nameof" or site.dotted.endswith("GrpcChannel.ForAddress")):
        given = site.args[0]
        return (
            Lit(code.dotted(given).rpartition(".")[2]) if site.dotted == "nameof" else value(code, given, scope, depth)
        )
    if site.dotted in ("string.Format", "String.Format") and site.args:
        return _format(code, site, scope, depth)
    if site.dotted in ("string.Concat", "String.Concat", "Path.Combine", "Url.Combine"):
        return concat([value(code, a, scope, depth) for a in site.args])
    if site.receiver is None:
        return None
    if site.method in ("AppendPathSegment", "AppendPathSegments"):
        parts: list[Value] = [value(code, site.receiver, scope, depth)]
        for arg in site.args:
            parts += [Lit("/"), value(code, arg, scope, depth)]
        return concat(parts)
    return _unchanged(code, site, scope, depth)


def _unchanged(code: CsCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    """``x.ToString()``, ``Uri.EscapeDataString(x)``, ``url.SetQueryParam(..)``: what they are given, as an address."""
    if site.method in ("SetQueryParam", "SetQueryParams", "Replace"):
        return value(code, site.receiver, scope, depth)
    if site.method == "Append" and len(site.args) == 1:
        return concat([value(code, site.receiver, scope, depth), value(code, site.args[0], scope, depth)])
    if site.method in _LITERALS and not site.args:
        inner = value(code, site.receiver, scope, depth)
        text = inner.value if isinstance(inner, Lit) else None
        return Lit(_LITERALS[site.method](text)) if isinstance(text, str) else None
    if site.method not in _SAME:
        return None
    static = code.dotted(site.receiver).rpartition(".")[2] in _STATICS
    return value(code, site.args[0] if static and site.args else site.receiver, scope, depth)


_LITERALS: dict[str, Callable[[str], str]] = {
    "ToArray": str,
    "AsSpan": str,
    "Underscore": lambda text: re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\s-]+", "_", text).lower(),
    "Kebaberize": lambda text: re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\s_]+", "-", text).lower(),
    "Camelize": lambda text: text[:1].lower() + text[1:],
}
_STATICS = ("Uri", "WebUtility", "HttpUtility", "QueryHelpers", "UrlEncoder", "String", "Default")


def _format(code: CsCode, site: CallSite, scope: Scope, depth: int) -> Value:
    template = value(code, site.args[0], scope, depth)
    if not isinstance(template, Lit) or not isinstance(template.value, str):
        return Unknown("a format string from elsewhere")
    given = [value(code, a, scope, depth) for a in site.args[1:]]
    order = [int(re.sub(r"\D.*", "", m[1:])) for m in _HOLE.findall(template.value)]
    args = tuple(given[i] if i < len(given) else Unknown("a missing argument") for i in order)
    return Format(_HOLE.sub("{}", template.value), args)


def _typeof(code: CsCode, node: Node, scope: Scope, _: int) -> Value:
    """``typeof(T)``: linking knows the name of the type, also of a type parameter."""
    name = code.dotted(node.named_children[0]) if node.named_child_count else ""
    what = named(code, name, scope) if name and "." not in name else Name(name) if name else Unknown("a type")
    return Call(Name("typeof"), (what,))


def _number(code: CsCode, node: Node, scope: Scope, depth: int) -> Value:
    text = code.text(node).replace("_", "").rstrip("uUlLfFdDmM")
    try:
        return Lit(int(text, 0) if node.type == "integer_literal" else float(text))
    except ValueError:
        return Unknown("a number")


_READERS: dict[str, _Reader] = {
    "identifier": _identifier,
    "this": _identifier,
    "base": _identifier,
    "predefined_type": _identifier,
    "member_access_expression": _member,
    "conditional_access_expression": _conditional,
    "element_access_expression": _element,
    "string_literal": literal,
    "verbatim_string_literal": literal,
    "raw_string_literal": literal,
    "interpolated_string_expression": _interpolated,
    "binary_expression": _binary,
    "conditional_expression": _ternary,
    "switch_expression": _switch,
    "invocation_expression": _call,
    "object_creation_expression": _creation,
    "implicit_object_creation_expression": _creation,
    "parenthesized_expression": _inner,
    "await_expression": _inner,
    "postfix_unary_expression": _inner,
    "arrow_expression_clause": _inner,
    "cast_expression": _cast,
    "as_expression": _inner,
    "typeof_expression": _typeof,
    "integer_literal": _number,
    "real_literal": _number,
    "boolean_literal": lambda code, node, *_: Lit(code.text(node) == "true"),
    "null_literal": lambda *_: Lit(None),
    "qualified_name": _member,
}
__all__ = ["GENERIC", "Concat", "arguments", "call", "callee", "defaulted", "initialised", "literal", "named", "value"]

value = by_kind("a C#", _READERS)
"""The Value of an expression."""
