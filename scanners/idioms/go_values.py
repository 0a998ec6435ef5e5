"""Go expressions as Values: strings, Sprintf, URL joins, environment reads, struct literals as constructions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.values import Call, Concat, Config, Env, Format, Lit, Member, Name, Param, Unknown, Value
from scanners.idioms.code import MAX_DEPTH, CallSite, Scope
from scanners.idioms.go_rpc import stub_channel
from scanners.idioms.python_values import concat

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_Reader = Callable[["GoCode", "Node", Scope, int], Value]
_VERB = re.compile(r"%(?:\[\d+\])?[-#0 +]*[\d.*]*[sdvqxXtfgeTwcUbop]")
_SPRINTF = ("fmt.Sprintf", "fmt.Errorf")
_SAME = frozenset(
    """strings.TrimSpace strings.ToLower strings.Trim strings.TrimRight strings.TrimLeft strings.TrimSuffix
    strings.TrimPrefix net/url.QueryEscape net/url.PathEscape net/url.Parse net/url.ParseRequestURI net/url.MustParse
    strconv.Itoa os.ExpandEnv bytes.NewBufferString bytes.NewBuffer bytes.NewReader strings.NewReader
    path.Clean path/filepath.Clean strings.Clone""".split()  # noqa: SIM905
)
_CONVERSIONS = frozenset("string []byte byte rune int int32 int64 uint uint64".split())  # noqa: SIM905
_JOINS = frozenset(("path.Join", "path/filepath.Join", "net/url.JoinPath"))
_CHANNELS = {f"google.golang.org/grpc.{name}": at for name, at in (("Dial", 0), ("NewClient", 0), ("DialContext", 1))}
_GETENV = frozenset(("os.Getenv", "syscall.Getenv"))
_VIPER = re.compile(
    r"^github\.com/spf13/viper(\.(New|GetViper|Viper|Sub))?\.(Get(String|Int|Int64|Bool|Duration|StringSlice|Float64)?)$"
)
_HELPER = re.compile(
    r"(?i)^(must|try|safe)?_?(get|read|lookup|load|fetch|resolve|require|parse|mustget)?_?env(ironment)?(var|variable|str|string|value)?"
    r"_?(int|bool|duration|str|string|list)?(or(else|default|panic|fail)?|with(default|fallback)?|default|fallback|required|variable|value)*$"
)
_ENV_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def value(code: GoCode, node: Node | None, scope: Scope, depth: int = 0) -> Value:
    """The Value of an expression.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    if node is None:
        return Unknown("nothing given")
    if depth > MAX_DEPTH:
        return Unknown("expression too deep")
    reader = _READERS.get(node.type)
    return reader(code, node, scope, depth + 1) if reader else Unknown(f"a Go {node.type.replace('_', ' ')}")


def _identifier(code: GoCode, node: Node, scope: Scope, _: int) -> Value:
    return _named(code.dotted(node), scope)


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
    key = code.string(node.child_by_field_name("index"))
    base = value(code, node.child_by_field_name("operand"), scope, depth)
    return _item(base, key if key.isidentifier() else "[]")


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
    if kind is None or kind.type not in ("type_identifier", "qualified_type", "generic_type"):
        return Unknown("a list or map")
    named = code.text(kind.child_by_field_name("type") if kind.type == "generic_type" else kind)
    pairs = dict(members(code, node))
    if code.origin(named) == "net/url.URL":
        return _url(code, pairs, scope, depth)
    given = tuple(
        (key, found)
        for key, part in sorted(pairs.items())
        if not isinstance(found := value(code, part, scope, depth), Unknown)
    )
    return Call(Name(named), (), given)


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
    site = code.site(node)
    if site is None:
        return Unknown("a call")
    special = _special(code, site, scope, depth)
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


def _special(code: GoCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    head = code.text(site.node.child_by_field_name("function")) if not site.dotted else site.dotted
    if head in _CONVERSIONS or site.node.type == "type_conversion_expression":
        return value(code, site.args[0], scope, depth) if site.args else Unknown("a conversion")
    if head == "make":
        return Unknown("a made value")
    if head == "new" and site.args:
        kind = site.args[0]
        return (
            Call(Name(code.text(kind)))
            if kind.type in ("type_identifier", "qualified_type", "identifier", "selector_expression")
            else Unknown("a new value")
        )
    callee = code.callee(site)
    if site.args and site.dotted:
        made = _library(code, callee, site, (scope, depth))
        if made is not None:
            return made
    channel = stub_channel(code, site)
    if channel is not None:
        return value(code, channel, scope, depth)
    if (
        site.receiver is not None
        and site.method in ("String", "Error")
        and not site.args
        and not callee.startswith("self")
    ):
        return _text_of(code, site, scope, depth)
    if site.receiver is not None and site.method in ("JoinPath", "ResolveReference", "Parse") and site.args:
        joined = _joined_onto(code, callee, site, (scope, depth))
        if joined is not None:
            return joined
    return env_helper(code, site, scope, depth)


def _text_of(code: GoCode, site: CallSite, scope: Scope, depth: int) -> Value:
    """``u.String()``, with what was put into ``u.Path`` before."""
    base = value(code, site.receiver, scope, depth)
    dotted = code.dotted(site.receiver)
    paths = code.assigned(site.scope, f"{dotted}.Path") if dotted and site.method == "String" else []
    before = [a for a in paths if a.value is not None and a.value.start_byte < site.node.start_byte]
    if not before:
        return base
    path = value(code, before[-1].value, scope, depth)
    parts = path.parts if isinstance(path, Concat) else (path,)
    own = [p for p in parts if p != Name(f"{dotted}.Path")]
    starts = bool(own) and isinstance(own[0], Lit) and str(own[0].value).startswith("/")
    return concat([base, *own] if starts else [base, Lit("/"), *own])


def _library(code: GoCode, callee: str, site: CallSite, about: tuple[Scope, int]) -> Value | None:
    scope, depth = about
    first = site.args[0]
    if callee in _GETENV or callee == "os.LookupEnv":
        name = value(code, first, scope, depth)
        return (
            Env(name.value)
            if isinstance(name, Lit) and isinstance(name.value, str)
            else Call(Name(site.dotted), (name,))
        )
    if callee in _SPRINTF:
        return _format(code, site, scope, depth)
    if callee == "fmt.Sprint":
        return concat([value(code, a, scope, depth) for a in site.args])
    if callee in _SAME:
        return value(code, first, scope, depth)
    if callee in _CHANNELS:
        return value(code, site.arg(_CHANNELS[callee]), scope, depth)
    if callee in _JOINS:
        return _path(code, site.args, scope, depth)
    if callee == "net.JoinHostPort":
        return concat([value(code, first, scope, depth), Lit(":"), value(code, site.arg(1), scope, depth)])
    if callee == "strings.Join":
        return _separated(code, site, scope, depth)
    if _VIPER.match(callee):
        key = value(code, first, scope, depth)
        return (
            Config(key.value)
            if isinstance(key, Lit) and isinstance(key.value, str)
            else Unknown("a configuration key chosen at run time")
        )
    return None


def _format(code: GoCode, site: CallSite, scope: Scope, depth: int) -> Value:
    template = value(code, site.args[0], scope, depth)
    args = tuple(value(code, a, scope, depth) for a in site.args[1:])
    if not isinstance(template, Lit) or not isinstance(template.value, str):
        return Call(Name(site.dotted), (template, *args))
    text = template.value.replace("%%", "\0")
    if "{" not in text:
        return Format(_VERB.sub("{}", text).replace("\0", "%"), args)
    pieces = [Lit(piece.replace("\0", "%")) for piece in _VERB.split(text)]
    between = [*args[: len(pieces) - 1], *[Unknown("an argument that is not given")] * (len(pieces) - 1 - len(args))]
    return concat([part for pair in zip(pieces, [*between, Lit("")], strict=True) for part in pair])


def _path(code: GoCode, args: tuple[Node, ...], scope: Scope, depth: int) -> Value:
    parts: list[Value] = []
    for arg in args:
        part = value(code, arg, scope, depth)
        if parts:
            before = parts[-1]
            ends = isinstance(before, Lit) and str(before.value).endswith("/")
            text = str(part.value) if isinstance(part, Lit) else ""
            if ends and text.startswith("/"):
                part = Lit(text[1:])
            elif not ends and not text.startswith("/"):
                parts.append(Lit("/"))
        parts.append(part)
    return concat(parts)


def _joined_onto(code: GoCode, callee: str, site: CallSite, about: tuple[Scope, int]) -> Value | None:
    """``base.JoinPath("a", "b")`` of a ``*url.URL``."""
    if not callee.startswith("net/url.") or site.receiver is None:
        return None
    if site.method == "JoinPath":
        return _path(code, (site.receiver, *site.args), *about)
    return _path(code, (site.receiver, site.args[0]), *about)


def _separated(code: GoCode, site: CallSite, scope: Scope, depth: int) -> Value:
    listed = site.args[0]
    separator = value(code, site.arg(1), scope, depth)
    if listed.type != "composite_literal":
        return Unknown("a join of a list built at run time")
    parts: list[Value] = []
    for index, (_, item) in enumerate(members(code, listed)):
        parts += [separator] if index else []
        parts.append(value(code, item, scope, depth))
    return concat(parts)


def env_helper(code: GoCode, site: CallSite, scope: Scope, depth: int = 0) -> Value | None:
    """``getEnv("PORT", "8080")``: a call of a function named for reading the environment; None for others.

    Args:
        code: the file.
        site: a call.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    if not site.args or len(site.args) > 3 or _HELPER.match(site.method) is None:
        return None
    name = value(code, site.args[0], scope, depth)
    if not isinstance(name, Lit) or not isinstance(name.value, str) or not _ENV_NAME.match(name.value):
        return None
    default = value(code, site.args[1], scope, depth) if len(site.args) > 1 else None
    return Env(name.value, None if isinstance(default, Unknown) else default)


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
