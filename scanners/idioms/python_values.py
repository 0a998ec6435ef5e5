"""Python expressions as Values: strings, f-strings, concatenation, formatting, environment reads, choices."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.values import Call, Choice, Env, Format, Lit, Member, Name, Param, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import by_kind, concat
from scanners.idioms.python_config import ENV_CALLS, config_call, config_item, env_object
from scanners.idioms.python_dicts import picked

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_Reader = Callable[["PyCode", "Node", Scope, int], Value]
_PERCENT = re.compile(r"%(?:\((\w+)\))?[-#0 +]*[\d.*]*[sdrfixXeg]")
_BELOW = ("with_path", "joinpath", "join", "add", "copy_with")
_SAME = (
    "str",
    "rstrip",
    "lstrip",
    "strip",
    "HttpUrl",
    "AnyUrl",
    "URL",
    "Path",
    "cast",
    "encode",
    "decode",
    "strip_slash",
)
_JOINERS = ("urllib.parse.urljoin", "urljoin", "os.path.join", "posixpath.join")
_SCALARS = ("string", "concatenated_string", "identifier", "attribute", "call", "subscript", "binary_operator")
_ITEMS = 12
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\n": ""}


def _identifier(code: PyCode, node: Node, scope: Scope, _: int) -> Value:
    name = code.text(node)
    if name in scope.bound and name in scope.params:
        first = next((a for a in code.assigned(scope, name) if a.value is not None), None)
        if first is not None and first.value is not None and node.end_byte <= first.value.end_byte:
            return Param(scope.params.index(name), name)
    return _named(name, scope)


def is_local(value: Value, scope: Scope) -> bool:
    """Whether a Value names something only a function knows: a parameter or a local name.

    Args:
        value: read in that function.
        scope: the function.
    """
    if isinstance(value, Param):
        return True
    if isinstance(value, Name):
        head = value.name.split(".", 1)[0]
        return scope.sort != "module" and (head in scope.bound or head in scope.params)
    if isinstance(value, Member):
        return is_local(value.base, scope)
    named = tuple(given for _, given in getattr(value, "named", ()))
    inner = getattr(value, "parts", ()) or (*getattr(value, "args", ()), *named) or getattr(value, "options", ())
    return any(is_local(part, scope) for part in inner)


def named_value(dotted: str, scope: Scope) -> Value:
    """A dotted name as a Value, told apart from a parameter.

    Args:
        dotted: as written.
        scope: where it is.
    """
    head, _, rest = dotted.partition(".")
    found = _named(head, scope)
    if not isinstance(found, Param):
        return Name(dotted)
    for part in rest.split(".") if rest else ():
        found = Member(found, part)
    return found


def _named(name: str, scope: Scope) -> Value:
    for outer in scope.outward():
        if outer.sort == "class":
            continue
        if name in outer.bound:
            return Name(name)
        if name in outer.params:
            return Param(outer.params.index(name), name) if outer is scope else Name(name)
    return Name(name)


def _attribute(code: PyCode, node: Node, scope: Scope, depth: int) -> Value:
    configured = config_item(code, node, scope)
    if configured is not None:
        return configured
    dotted = code.dotted(node)
    if dotted and not isinstance(_named(dotted.split(".", 1)[0], scope), Param):
        return Name(dotted)
    base = value(code, node.child_by_field_name("object"), scope, depth)
    return Member(base, code.text(node.child_by_field_name("attribute")))


def _string(code: PyCode, node: Node, scope: Scope, depth: int) -> Value:
    prefix = code.text(node.children[0]).rstrip("\"'").lower() if node.children else ""
    parts: list[Value] = []
    for child in node.named_children:
        if child.type == "string_content":
            text = code.text(child)
            parts.append(Lit(text if "r" in prefix else _unescape(text, formatted="f" in prefix)))
        elif child.type == "interpolation":
            parts.append(value(code, child.child_by_field_name("expression"), scope, depth))
    return concat(parts)


def _unescape(text: str, *, formatted: bool) -> str:
    if formatted:
        text = text.replace("{{", "{").replace("}}", "}")
    return _ESCAPE.sub(lambda m: _ESCAPES.get(m.group(1), m.group(1)), text) if "\\" in text else text


def _concatenated(code: PyCode, node: Node, scope: Scope, depth: int) -> Value:
    return concat([value(code, c, scope, depth) for c in node.named_children if c.type == "string"])


def _binary(code: PyCode, node: Node, scope: Scope, depth: int) -> Value:
    operator = code.text(node.child_by_field_name("operator"))
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    first = value(code, left, scope, depth)
    if operator == "+":
        return concat([first, value(code, right, scope, depth)])
    if operator == "/":
        return concat([first, Lit("/"), value(code, right, scope, depth)])
    if operator == "%" and isinstance(first, Lit) and isinstance(first.value, str) and right is not None:
        return _percent(code, first.value, right, scope, depth)
    return Unknown(f"operator {operator}")


def _percent(code: PyCode, template: str, right: Node, scope: Scope, depth: int) -> Value:
    text = _PERCENT.sub(lambda m: "{" + (m.group(1) or "") + "}", template).replace("%%", "%")
    if right.type == "dictionary":
        pairs = [p for p in right.named_children if p.type == "pair"]
        named = sorted(
            (code.string(p.child_by_field_name("key")), value(code, p.child_by_field_name("value"), scope, depth))
            for p in pairs
            if code.string(p.child_by_field_name("key"))
        )
        return Format(text, (), tuple(named))
    items = right.named_children if right.type == "tuple" else [right]
    return Format(text, tuple(value(code, i, scope, depth) for i in items))


def _choice(code: PyCode, node: Node, scope: Scope, depth: int) -> Value:
    if node.type == "boolean_operator":
        left = value(code, node.child_by_field_name("left"), scope, depth)
        right = value(code, node.child_by_field_name("right"), scope, depth)
        if code.text(node.child_by_field_name("operator")) != "or":
            return right
        if isinstance(left, Env) and left.default is None:
            return Env(left.name, right)
        return Choice((left, right))
    parts = node.named_children
    return Choice((value(code, parts[0], scope, depth), value(code, parts[-1], scope, depth)))


def _subscript(code: PyCode, node: Node, scope: Scope, depth: int) -> Value:
    base = node.child_by_field_name("value")
    key = node.child_by_field_name("subscript")
    origin = code.origin(code.dotted(base))
    if origin == "os.environ" and code.string(key):
        return Env(code.string(key))
    configured = config_item(code, node, scope)
    if configured is not None:
        return configured
    dotted = code.dotted(node)
    if dotted and not isinstance(_named(dotted.split(".", 1)[0], scope), Param):
        return Name(dotted)
    if code.string(key):
        return Member(value(code, base, scope, depth), code.string(key))
    return picked(code, base, scope) or Unknown("an item picked at run time")


def _call(code: PyCode, node: Node, scope: Scope, depth: int) -> Value:
    site = code.site(node)
    if site is None:
        return Unknown("a call")
    special = _special(code, site, scope, depth)
    if special is not None:
        return special
    args = tuple(value(code, a, scope, depth) for a in site.args)
    named = tuple((n, value(code, v, scope, depth)) for n, v in sorted(site.named.items()))
    head = node.child_by_field_name("function")
    return Call(Name(site.dotted) if site.dotted else value(code, head, scope, depth), args, named)


_FIELDS = ("Field", "field", "ib", "attrib")
_FIELD_MODULES = ("pydantic", "dataclasses", "attr", "attrs", "msgspec", "sqlmodel")


def _special(code: PyCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    callee = code.callee(site)
    if callee in ENV_CALLS or (callee.endswith(".environ.get") and site.args) or env_object(code, site):
        return env_read(code, site, scope, depth)
    configured = config_call(code, site, scope, (value, depth))
    if configured is not None:
        return configured
    if site.method in _FIELDS and callee.split(".", 1)[0] in _FIELD_MODULES:
        given = site.arg(-1, "default") or (site.args[0] if site.args else None)
        return value(code, given, scope, depth) if given is not None and code.text(given) != "..." else None
    if site.method in ("Depends", "Security") and site.args and code.dotted(site.args[0]):
        return Call(value(code, site.args[0], scope, depth))
    picked = _picked(code, site, scope, depth)
    if picked is not None:
        return picked
    if callee in _JOINERS and site.args:
        return _joined(code, site, scope, depth)
    if site.method in _SAME:
        inner = site.receiver if site.receiver is not None and not site.args else (site.args or (site.receiver,))[-1]
        if site.receiver is not None and site.method in ("rstrip", "lstrip", "strip", "encode", "decode"):
            inner = site.receiver
        return value(code, inner, scope, depth)
    if site.method == "join" and site.receiver is not None and len(site.args) == 1:
        return _separated(code, site, scope, depth)
    return None


def _picked(code: PyCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    """``getattr(x, "name")``, ``"...".format(...)``, and a path put below a URL object."""
    if site.method == "getattr" and site.receiver is None and len(site.args) > 1 and code.string(site.args[1]):
        name = code.string(site.args[1])
        base = value(code, site.args[0], scope, depth)
        found: Value = Name(f"{base.name}.{name}") if isinstance(base, Name) else Member(base, name)
        return Choice((found, value(code, site.args[2], scope, depth))) if len(site.args) > 2 else found
    if site.method == "get" and site.args and not code.string(site.args[0]) and site.receiver is not None:
        entry = picked(code, site.receiver, scope)
        return None if entry is None else Choice((entry, *(value(code, a, scope, depth) for a in site.args[1:2])))
    if site.method in _BELOW and site.receiver is not None and len(site.args) == 1 and _is_url(code, site, scope):
        return concat([value(code, site.receiver, scope, depth), Lit("/"), value(code, site.args[0], scope, depth)])
    if site.method == "format" and site.receiver is not None:
        base = value(code, site.receiver, scope, depth)
        args = tuple(value(code, a, scope, depth) for a in site.args)
        named = tuple((n, value(code, v, scope, depth)) for n, v in sorted(site.named.items()))
        if isinstance(base, Lit) and isinstance(base.value, str):
            return Format(base.value, args, named)
        return Call(Member(base, "format"), args, named)
    return None


def _is_url(code: PyCode, site: CallSite, scope: Scope) -> bool:
    """Whether a method is one of a URL object (yarl, furl, httpx)."""
    made_by = code.made_by(site.receiver, scope) if site.receiver is not None else ""
    return made_by.rsplit(".", 1)[-1] in ("URL", "furl") or code.text(site.receiver).lower().endswith("url")


def env_read(code: PyCode, site: CallSite, scope: Scope, depth: int = 0) -> Value:
    """The Value of a call that reads an environment variable.

    Args:
        code: the file.
        site: ``os.getenv("X", default)`` or its like.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    name = value(code, site.arg(0, "key"), scope, depth)
    given = site.arg(1, "default")
    default = value(code, given, scope, depth) if given is not None else None
    if isinstance(name, Lit) and isinstance(name.value, str):
        return Env(name.value, default)
    return Unknown("an environment variable chosen at run time")


def _joined(code: PyCode, site: CallSite, scope: Scope, depth: int) -> Value:
    parts: list[Value] = []
    for index, arg in enumerate(site.args):
        part = value(code, arg, scope, depth)
        if index:
            starts = isinstance(part, Lit) and str(part.value).startswith("/")
            before = parts[-1]
            ends = isinstance(before, Lit) and str(before.value).endswith("/")
            if not starts and not ends:
                parts.append(Lit("/"))
        parts.append(part)
    return concat(parts)


def _separated(code: PyCode, site: CallSite, scope: Scope, depth: int) -> Value:
    separator = value(code, site.receiver, scope, depth)
    listed = site.args[0]
    if listed.type not in ("list", "tuple"):
        return Unknown("a join of a list built at run time")
    parts: list[Value] = []
    for index, item in enumerate(listed.named_children):
        parts += [separator] if index else []
        parts.append(value(code, item, scope, depth))
    return concat(parts)


def _inner(code: PyCode, node: Node, scope: Scope, depth: int) -> Value:
    return value(code, node.named_children[0] if node.named_child_count else None, scope, depth)


def _number(code: PyCode, node: Node, scope: Scope, depth: int) -> Value:
    text = code.text(node).replace("_", "")
    try:
        return Lit(int(text, 0) if node.type == "integer" else float(text))
    except ValueError:
        return Unknown("a number")


def _listed(code: PyCode, node: Node, scope: Scope, depth: int) -> Value:
    """A list of names is any of them."""
    items = [c for c in node.named_children if c.type != "comment"]
    if not items or len(items) > _ITEMS or any(c.type not in _SCALARS for c in items):
        return Unknown(f"a Python {node.type}")
    found = tuple(value(code, c, scope, depth) for c in items)
    if any(isinstance(v, Call | Unknown) for v in found):
        return Unknown(f"a Python {node.type}")
    return found[0] if len(found) == 1 else Choice(found)


_READERS: dict[str, _Reader] = {
    "list": _listed,
    "tuple": _listed,
    "set": _listed,
    "identifier": _identifier,
    "attribute": _attribute,
    "string": _string,
    "concatenated_string": _concatenated,
    "binary_operator": _binary,
    "boolean_operator": _choice,
    "conditional_expression": _choice,
    "subscript": _subscript,
    "call": _call,
    "parenthesized_expression": _inner,
    "await": _inner,
    "integer": _number,
    "float": _number,
    "true": lambda *_: Lit(True),
    "false": lambda *_: Lit(False),
    "none": lambda *_: Lit(None),
}

value = by_kind("a Python", _READERS)
"""The Value of an expression."""
