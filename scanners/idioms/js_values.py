"""JavaScript expressions as Values: strings, templates, concatenation, environment reads, defaults, choices."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.values import Call, Choice, Config, Env, Lit, Member, Name, Param, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import by_kind, concat
from scanners.idioms.js_imports import in_place, required

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_Reader = Callable[["JsCode", "Node", Scope, int], Value]
_SAME = ("toString", "trim", "String", "encodeURIComponent", "encodeURI", "toLowerCase", "valueOf", "resolve")
_ENVIRONMENTS = ("process.env", "import.meta.env", "Bun.env")
_LONGEST = 40
_KEYS = 16
_DEEPEST = 10
_CASES = ("snakeCase", "kebabCase", "camelCase", "paramCase", "pascalCase", "dotCase", "constantCase")
_RUNTIME = ("next-runtime-env.env",)
_JOINERS = ("url-join", "urljoin", "url-join.urlJoin", "proper-url-join", "path.join", "node:path.join")
_PLACES = re.compile(r"%[sdifjoOc]")
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r"}


def _identifier(code: JsCode, node: Node, scope: Scope, _: int) -> Value:
    name = code.text(node)
    return Env(code.imports[name].name) if _sveltes(code, name) else _named(code, name, scope)


def _last(code: JsCode, node: Node, scope: Scope, depth: int) -> Value:
    return value(code, node.named_children[-1] if node.named_child_count else None, scope, depth)


def _named(code: JsCode, name: str, scope: Scope) -> Value:
    for outer in scope.outward():
        if outer.sort == "class":
            continue
        if name in outer.bound:
            return Name(name)
        if name in outer.params:
            return Param(outer.params.index(name), name) if outer is scope else Name(name)
        taken = _destructured(outer, name)
        if taken >= 0:
            return Member(Param(taken, outer.params[taken]), name) if outer is scope else Name(name)
    return Name(name)


def _destructured(scope: Scope, name: str) -> int:
    """Position of the parameter that is taken apart into a name, -1 when none is."""
    for index, param in enumerate(scope.params):
        if param.startswith("{"):
            parts = (p.split("=", 1)[0].split(":")[-1].strip() for p in param.strip("{} \n").split(","))
            if name in parts:
                return index
    return -1


def environment(code: JsCode, node: Node) -> str:
    """The environment variable an expression reads, empty when it reads none.

    Args:
        code: the file.
        node: expression.
    """
    if node.type not in ("member_expression", "subscript_expression"):
        return ""
    inner = node.child_by_field_name("object")
    if inner is None or inner.end_byte - inner.start_byte > _LONGEST:
        return ""
    holder = code.text(inner).replace("?", "")
    if holder not in _ENVIRONMENTS and not _sveltes(code, holder):
        return ""
    named = node.child_by_field_name("property")
    return code.text(named) if named is not None else code.string(node.child_by_field_name("index"))


def _sveltes(code: JsCode, name: str) -> bool:
    """SvelteKit's modules ``$env/dynamic/private`` and ``$env/static/public``."""
    found = code.imports.get(name)
    return found is not None and found.module.startswith("$env/")


def _member(code: JsCode, node: Node, scope: Scope, depth: int) -> Value:
    read = environment(code, node)
    if read:
        return Env(read)
    index = node.child_by_field_name("index")
    if index is not None and code.text(node.child_by_field_name("object")) in _ENVIRONMENTS:
        return Call(Name(_ENVIRONMENTS[0]), (value(code, index, scope, depth),))
    module = required(code, node.child_by_field_name("object"))
    part = code.text(node.child_by_field_name("property")) or code.string(node.child_by_field_name("index"))
    if module:
        return Member(Name(in_place(module)), part)
    if part == "name":
        reflected = _class_name(code, node.child_by_field_name("object"), scope, depth)
        if reflected is not None:
            return reflected
    dotted = code.dotted(node)
    if dotted:
        head = _named(code, dotted.split(".", 1)[0], scope)
        if not isinstance(head, Param | Member):
            return Name(dotted)
    if not part:
        return Unknown("an item picked at run time")
    return Member(value(code, node.child_by_field_name("object"), scope, depth), part)


def _class_name(code: JsCode, node: Node | None, scope: Scope, depth: int) -> Value | None:
    """``OrderCreated.name`` and ``event.constructor.name``."""
    if node is None:
        return None
    if node.type == "identifier":
        name = code.text(node)
        known = code.scope(name)
        ours = name in code.imports or (known is not None and known.sort == "class")
        return Member(Call(Name("typeof"), (Name(name),)), "Name") if ours and name[:1].isupper() else None
    if node.type == "member_expression" and code.text(node.child_by_field_name("property")) == "constructor":
        inner = value(code, node.child_by_field_name("object"), scope, depth)
        return Member(Call(Member(inner, "GetType")), "Name")
    return None


def _string(code: JsCode, node: Node, scope: Scope, depth: int) -> Value:
    parts: list[Value] = []
    for child in node.named_children:
        if child.type in ("string_fragment", "escape_sequence"):
            text = code.text(child)
            parts.append(Lit(_ESCAPES.get(text, text.lstrip("\\")) if child.type == "escape_sequence" else text))
        elif child.type == "template_substitution" and child.named_child_count:
            parts += _behind(parts, value(code, child.named_children[0], scope, depth))
    return concat(parts)


def _behind(before: list[Value], part: Value) -> list[Value]:
    """``ORDERS_URL + req.originalUrl``: the path of the request that is handled starts with a slash."""
    base = part.base if isinstance(part, Member) and part.name in ("originalUrl", "url", "path") else None
    last = before[-1] if before else Lit("/")
    told = isinstance(last, Lit) and str(last.value).endswith("/")
    return [Lit("/"), part] if isinstance(base, Param) and base.name in ("req", "request") and not told else [part]


def _binary(code: JsCode, node: Node, scope: Scope, depth: int) -> Value:
    operator = code.text(node.child_by_field_name("operator"))
    left = value(code, node.child_by_field_name("left"), scope, depth)
    right_node = node.child_by_field_name("right")
    if operator == "+":
        return concat([left, *_behind([left], value(code, right_node, scope, depth))])
    if operator in ("||", "??"):
        right = value(code, right_node, scope, depth)
        if isinstance(left, Env) and left.default is None:
            return Env(left.name, right)
        if isinstance(left, Call) and left.callee == Name(_ENVIRONMENTS[0]):
            return Call(left.callee, (*left.args[:1], right))
        return Choice((left, right))
    if operator == "&&":
        return value(code, right_node, scope, depth)
    return Unknown(f"operator {operator}")


def _ternary(code: JsCode, node: Node, scope: Scope, depth: int) -> Value:
    first = value(code, node.child_by_field_name("consequence"), scope, depth)
    return Choice((first, value(code, node.child_by_field_name("alternative"), scope, depth)))


def _inner(code: JsCode, node: Node, scope: Scope, depth: int) -> Value:
    return value(code, node.named_children[0] if node.named_child_count else None, scope, depth)


def _call(code: JsCode, node: Node, scope: Scope, depth: int) -> Value:
    module = required(code, node)
    if module:
        return Name(in_place(module))
    site = code.site(node)
    if site is None:
        return Unknown("a call")
    special = _special(code, site, scope, depth)
    if special is not None:
        return special
    args, named = arguments(code, site, scope, depth)
    head = node.child_by_field_name("function") or node.child_by_field_name("constructor")
    return Call(Name(site.dotted) if site.dotted else value(code, head, scope, depth), args, named)


def arguments(
    code: JsCode, site: CallSite, scope: Scope, depth: int = 0
) -> tuple[tuple[Value, ...], tuple[tuple[str, Value], ...]]:
    """Positional and named arguments; a sole object literal is flattened to names.

    Args:
        code: the file.
        site: the call.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    from scanners.idioms.javascript import bare, key_of

    only = bare(site.args[0]) if len(site.args) == 1 else None
    if only is None or only.type != "object":
        return tuple(value(code, a, scope, depth) for a in site.args), ()
    named: dict[str, Value] = {}
    for child in only.named_children:
        if child.type == "pair" and key_of(code, child):
            named[key_of(code, child)] = value(code, child.child_by_field_name("value"), scope, depth)
        elif child.type == "shorthand_property_identifier":
            named[code.text(child)] = _named(code, code.text(child), scope)
    return (), tuple(sorted(named.items()))


def _special(code: JsCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    if site.node.type == "new_expression" and site.dotted == "URL" and site.args:
        path = value(code, site.args[0], scope, depth)
        return concat([value(code, site.args[1], scope, depth), path]) if len(site.args) > 1 else path
    if site.receiver is None:
        return _plain_call(code, site, scope, depth)
    if site.method in ("replace", "replaceAll"):
        return value(code, site.receiver, scope, depth)
    if site.method in _SAME and len(site.args) <= 1:
        return value(code, site.args[0] if site.args else site.receiver, scope, depth)
    if site.method in ("get", "getOrThrow") and site.args:
        return _setting(code, site, scope, depth)
    if site.method == "join":
        return _join(code, site, scope, depth)
    if site.method == "format" and code.origin(code.dotted(site.receiver)) in ("util", "node:util"):
        return _formatted(code, site, scope, depth)
    if site.method in _CASES and code.dotted(site.receiver) == "_" and site.args:
        return Call(Member(value(code, site.args[0], scope, depth), site.method))
    if site.method == "concat":
        return concat([value(code, n, scope, depth) for n in (site.receiver, *site.args)])
    return None


def _plain_call(code: JsCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    if site.method in _SAME and len(site.args) <= 1:
        return value(code, (*site.args, None)[0], scope, depth)
    origin = code.origin(site.dotted)
    if site.method in _CASES and site.args and origin.split(".")[0].startswith(("lodash", "change-case", "case")):
        return Call(Member(value(code, site.args[0], scope, depth), site.method))
    if origin in _RUNTIME and site.args:
        key = value(code, site.args[0], scope, depth)
        told = isinstance(key, Lit) and isinstance(key.value, str)
        return Env(str(key.value)) if told and isinstance(key, Lit) else Call(Name(_ENVIRONMENTS[0]), (key,))
    if origin in _JOINERS:
        return _with_slashes(code, site, scope, depth)
    return _formatted(code, site, scope, depth) if origin in ("util.format", "node:util.format") else None


def _formatted(code: JsCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    """``util.format("http://orders%s/orders", domain)``."""
    template = value(code, site.args[0], scope, depth) if site.args else None
    if not isinstance(template, Lit) or not isinstance(template.value, str):
        return None
    pieces = _PLACES.split(template.value)
    given = [value(code, arg, scope, depth) for arg in site.args[1 : len(pieces)]]
    parts: list[Value] = [Lit(pieces[0])]
    for piece, part in zip(pieces[1:], given, strict=False):
        parts += [part, Lit(piece)]
    return concat(parts)


def _setting(code: JsCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    """``configService.get("a.b", default)``, node-config's ``config.get("a.b")``, ``Deno.env.get("X")``."""
    dotted = code.dotted(site.receiver)
    key = value(code, site.args[0], scope, depth)
    if not isinstance(key, Lit) or not isinstance(key.value, str) or not key.value or not dotted:
        return None
    if dotted == "Deno.env":
        return Env(key.value)
    made_by = code.type_of(dotted, scope)
    service = made_by.endswith("ConfigService") or (not made_by and dotted.lower().endswith("configservice"))
    if not service and code.origin(dotted) != "config":
        return None
    given = value(code, site.args[1], scope, depth) if len(site.args) > 1 and site.args[1].type != "object" else None
    return Config(key.value, None if isinstance(given, Unknown) else given)


def _join(code: JsCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    if site.receiver is not None and site.receiver.type == "array":
        return _joined(code, site, scope, depth)
    origin = code.origin(code.dotted(site.receiver)).removeprefix("node:")
    return _with_slashes(code, site, scope, depth) if origin.split(".")[0] == "path" else None


def _with_slashes(code: JsCode, site: CallSite, scope: Scope, depth: int) -> Value:
    parts: list[Value] = []
    for index, item in enumerate(site.args):
        part = value(code, item, scope, depth)
        slashed = isinstance(part, Lit) and str(part.value).startswith("/")
        parts += [Lit("/")] if index and not slashed and not _ends_with_slash(parts) else []
        parts.append(part)
    return concat(parts)


def _ends_with_slash(parts: list[Value]) -> bool:
    last = parts[-1] if parts else None
    return isinstance(last, Lit) and str(last.value).endswith("/")


def _object(code: JsCode, node: Node, scope: Scope, depth: int) -> Value:
    """An object literal is a call of ``{}`` with its keys; what of it cannot be read is left out."""
    from scanners.idioms.javascript import key_of

    named: dict[str, Value] = {}
    for child in node.named_children[:_KEYS] if depth < _DEEPEST else ():
        key = key_of(code, child) if child.type == "pair" else code.text(child)
        if child.type not in ("pair", "shorthand_property_identifier") or not key:
            continue
        inner = child.child_by_field_name("value")
        found = value(code, inner, scope, depth + 3) if inner is not None else _named(code, key, scope)
        if not isinstance(found, Unknown):
            named[key] = found
    return Call(Name("{}"), (), tuple(sorted(named.items()))) if named else Unknown("an object")


def _joined(code: JsCode, site: CallSite, scope: Scope, depth: int) -> Value:
    separator = value(code, site.args[0], scope, depth) if site.args else Lit(",")
    parts: list[Value] = []
    for index, item in enumerate(site.receiver.named_children if site.receiver is not None else ()):
        parts += [separator] if index else []
        parts.append(value(code, item, scope, depth))
    return concat(parts)


def _number(code: JsCode, node: Node, scope: Scope, depth: int) -> Value:
    text = code.text(node).replace("_", "")
    try:
        return Lit(int(text, 0)) if text.isalnum() else Lit(float(text))
    except ValueError:
        return Unknown("a number")


_READERS: dict[str, _Reader] = {
    "identifier": _identifier,
    "object": _object,
    "shorthand_property_identifier": _identifier,
    "this": _identifier,
    "member_expression": _member,
    "subscript_expression": _member,
    "string": _string,
    "template_string": _string,
    "binary_expression": _binary,
    "ternary_expression": _ternary,
    "call_expression": _call,
    "new_expression": _call,
    "parenthesized_expression": _inner,
    "await_expression": _inner,
    "as_expression": _inner,
    "non_null_expression": _inner,
    "satisfies_expression": _inner,
    "type_assertion": _last,
    "number": _number,
    "true": lambda *_: Lit(True),
    "false": lambda *_: Lit(False),
    "null": lambda *_: Lit(None),
    "undefined": lambda *_: Lit(None),
}

value = by_kind("a JavaScript", _READERS)
"""The Value of an expression."""
