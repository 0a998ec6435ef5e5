"""Java expressions as Values: strings, concatenation, formatting, URI builders, configuration and environment reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.values import Call, Choice, Concat, Config, Lit, Member, Name, Param, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import by_kind, concat
from scanners.idioms.java import bare, items
from scanners.idioms.java_scopes import apart

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_Reader = Callable[["JavaCode", "Node", Scope, int], Value]
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "s": " ", "0": "\0", "\n": ""}
_ROOTS = ("java", "javax", "jakarta", "org", "com", "io", "net")
_SPRING = re.compile(r"[$#]\{")


def literal(code: JavaCode, node: Node) -> str:
    """The text of a string literal or text block, escapes read.

    Args:
        code: the file.
        node: a string literal.
    """
    raw = code.text(node)
    if raw.startswith('"""'):
        return _block(raw[3:-3])
    return _unescaped(raw[1:-1])


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return re.sub(r"\\(u+[0-9a-fA-F]{4}|.|\n)", lambda m: _escape(m.group(1)), text, flags=re.DOTALL)


def _escape(text: str) -> str:
    if text[0] == "u" and len(text) > 4:
        return chr(int(text[-4:], 16))
    return _ESCAPES.get(text, text)


def _block(text: str) -> str:
    lines = text.split("\n")[1:] if "\n" in text else [text]
    widths = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    if lines and not lines[-1].strip():
        widths.append(len(lines[-1]))
    margin = min(widths, default=0)
    return _unescaped("\n".join(line[margin:].rstrip() for line in lines))


def spring(text: str, *, expression: bool = True) -> Value:
    """Text with Spring placeholders as a Value: ``${key:default}`` is a Config, ``#{...}`` unknown.

    Args:
        text: as written.
        expression: ``#{...}`` is an expression, not text.
    """
    parts: list[Value] = []
    at = 0
    for match in _SPRING.finditer(text):
        if match.start() < at or (match.group()[0] == "#" and not expression):
            continue
        end = _closing(text, match.end())
        if end < 0:
            break
        parts.append(Lit(text[at : match.start()]))
        inner = text[match.end() : end]
        parts.append(_placeholder(inner) if match.group()[0] == "$" else _expression(inner))
        at = end + 1
    return concat([*parts, Lit(text[at:])])


def _closing(text: str, at: int) -> int:
    depth = 1
    for index in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return -1


def _placeholder(inner: str) -> Value:
    key, colon, default = inner.partition(":")
    return Config(key.strip(), spring(default) if colon else None)


def _expression(inner: str) -> Value:
    """A Spring expression: a string, a placeholder in quotes, or unknown."""
    text = inner.strip()
    text = text.removesuffix(".split(',')").removesuffix('.split(",")')
    quoted = re.fullmatch(r"'([^']*)'", text)
    if quoted:
        return spring(quoted.group(1))
    if text.startswith("${") and _closing(text, 2) == len(text) - 1:
        return spring(text)
    read = re.fullmatch(r"environment(?:\.getProperty\(|\[)'([^']+)'[\])]", text)
    return Config(read.group(1)) if read else Unknown("a Spring expression")


def named(code: JavaCode, name: str, scope: Scope) -> Value:
    """What a bare name stands for: local, parameter, field of an enclosing class, or something from elsewhere.

    Args:
        code: the file.
        name: identifier.
        scope: where it is.
    """
    for outer in scope.outward():
        if outer.sort == "method":
            if name in outer.bound:
                return Name(name)
            if name in outer.params:
                return _parameter(code, outer, name, scope)
            continue
        field = code.members.get(f"{outer.name}.{name}")
        if field is not None:
            own = outer.name == scope.owner and not field.static and outer.sort == "class"
            return _shadowed(code, outer, name) or Name(f"this.{name}" if own else f"{outer.name}.{name}")
        if f"{outer.name}.{name}" in code.type_names:
            return Name(f"{outer.name}.{name}")
    return Name(_inherited(code, name, scope))


def _shadowed(code: JavaCode, owner: Scope, name: str) -> Value | None:
    """The text of a field whose name a method of its class has too: by its name alone one could not tell them apart."""
    full = f"{owner.name}.{name}"
    field = code.members.get(full)
    given = field.mark("Value", "ConfigProperty", "Property") if field is not None else None
    if field is None or full not in code.method_names:
        return None
    if given is not None and given.args:
        return configured(code, given.name, dict(given.args), owner)
    if field.final and field.value is not None and field.value.type == "string_literal":
        return Lit(literal(code, field.value))
    return Name(f"this.{name}_") if apart(code, full) != full else None


def _parameter(code: JavaCode, outer: Scope, name: str, scope: Scope) -> Value:
    index = outer.params.index(name)
    given = code.params.get(outer.name, ())[index].mark("Value", "ConfigProperty", "Property")
    if given is not None:
        return configured(code, given.name, dict(given.args), outer)
    return Param(index, name) if outer is scope else Name(name)


def configured(code: JavaCode, annotation: str, args: dict[str, Node], scope: Scope) -> Value:
    """The Value an annotation injects: Spring's and Micronaut's ``@Value``, MicroProfile's ``@ConfigProperty``.

    Args:
        code: the file.
        annotation: last part of its name.
        args: its arguments.
        scope: where it is.
    """
    if annotation in ("ConfigProperty", "Property"):
        key, default = args.get("name"), args.get("defaultValue")
        given = value(code, default, scope) if default is not None else None
        return Config(code.string(key), given) if code.string(key) else Unknown("a key computed elsewhere")
    text = value(code, args.get("value"), scope)
    return filled(text)


def filled(text: Value) -> Value:
    """A Value with the Spring placeholders of its literal parts read.

    Args:
        text: any Value.
    """
    if isinstance(text, Lit) and isinstance(text.value, str):
        return spring(text.value)
    if isinstance(text, Concat):
        whole = _placeholder_of_constant(text)
        return whole if whole is not None else concat([filled(p) for p in text.parts])
    return text


def _placeholder_of_constant(text: Concat) -> Value | None:
    """``"${" + KEY + "}"``: the key is computed, which no rule reads."""
    first, last = text.parts[0], text.parts[-1]
    ends = isinstance(first, Lit) and isinstance(last, Lit)
    if ends and str(getattr(first, "value", "")).endswith("${"):
        return Unknown("a configuration key put together from constants")
    return None


def _inherited(code: JavaCode, name: str, scope: Scope) -> str:
    """Names this file does not define: an inherited member is read of ``this``, types and static imports are not."""
    if (
        name in code.imports
        or name in code.type_names
        or any(i.name == "*" and _static(i.module) for i in code.all_imports)
    ):
        return name
    constant = name.isupper() and len(name) > 1
    if name in _ROOTS:
        return name
    if (name[:1].islower() or constant) and any(s.bases for s in scope.outward() if s.sort != "method"):
        return f"this.{name}"
    return name


def _static(module: str) -> bool:
    """A wildcard import of a class's members, by the naming convention of classes."""
    return module.rsplit(".", 1)[-1][:1].isupper()


def _identifier(code: JavaCode, node: Node, scope: Scope, _: int) -> Value:
    return named(code, code.text(node), scope)


def _field(code: JavaCode, node: Node, scope: Scope, depth: int) -> Value:
    dotted = code.dotted(node)
    if dotted:
        head, _, rest = dotted.partition(".")
        own = next((s for s in scope.outward() if s.name == scope.owner), None) if head == "this" else None
        kept = _shadowed(code, own, rest) if own is not None else None
        if kept is not None:
            return kept
        first = Name(head) if head in ("this", "super") else named(code, head, scope)
        if isinstance(first, Name):
            return Name(f"{first.name}.{rest}")
        for part in rest.split("."):
            first = Member(first, part)
        return first
    inner = value(code, node.child_by_field_name("object"), scope, depth)
    return inner if isinstance(inner, Unknown) else Member(inner, code.text(node.child_by_field_name("field")))


def _string(code: JavaCode, node: Node, _: Scope, __: int) -> Value:
    return Lit(literal(code, node))


def _binary(code: JavaCode, node: Node, scope: Scope, depth: int) -> Value:
    operator = code.text(node.child_by_field_name("operator"))
    if operator != "+":
        return Unknown(f"operator {operator}")
    parts: list[Value] = []
    left: Node | None = node
    while left is not None and left.type == "binary_expression" and len(parts) < 400:
        if code.text(left.child_by_field_name("operator")) != "+":
            break
        parts.append(value(code, left.child_by_field_name("right"), scope, depth))
        left = left.child_by_field_name("left")
    parts.append(value(code, left, scope, depth))
    return concat(parts[::-1])


def _ternary(code: JavaCode, node: Node, scope: Scope, depth: int) -> Value:
    first = value(code, node.child_by_field_name("consequence"), scope, depth)
    return Choice((first, value(code, node.child_by_field_name("alternative"), scope, depth)))


def _inner(code: JavaCode, node: Node, scope: Scope, depth: int) -> Value:
    return value(code, bare(node), scope, depth)


def _assigned(code: JavaCode, node: Node, scope: Scope, depth: int) -> Value:
    return value(code, node.child_by_field_name("right"), scope, depth)


def _array(code: JavaCode, node: Node, scope: Scope, depth: int) -> Value:
    found = items(node)
    if len(found) == 1 and found[0].id != node.id:
        return value(code, found[0], scope, depth)
    if not found or found[0].id == node.id:
        return Unknown("an array")
    return Choice(tuple(value(code, n, scope, depth) for n in found[:20]))


def _number(code: JavaCode, node: Node, _: Scope, __: int) -> Value:
    text = code.text(node).replace("_", "").rstrip("lLfFdD") if node.type != "hex_integer_literal" else "0"
    try:
        return Lit(float(text) if "." in text or "e" in text.lower() else int(text, 10))
    except ValueError:
        return Unknown("a number")


def _class_literal(code: JavaCode, node: Node, scope: Scope, _: int) -> Value:
    return Member(named(code, code.type_text(node.named_children[0]), scope), "class")


def _call(code: JavaCode, node: Node, scope: Scope, depth: int) -> Value:
    site = code.site(node)
    if site is None:
        return Unknown("a call")
    special = _special(code, site, scope, depth)
    if special is not None:
        return special
    return Call(callee(code, site, scope, depth), tuple(value(code, a, scope, depth) for a in site.args))


def callee(code: JavaCode, site: CallSite, scope: Scope, depth: int = 0) -> Value:
    """What a call calls, as Name or Member: a method without receiver is one of the enclosing class or imported.

    Args:
        code: the file.
        site: the call.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    if site.receiver is None:
        if site.node.type != "method_invocation":
            return named(code, site.dotted, scope) if site.dotted not in ("this", "super") else Name(site.dotted)
        for outer in scope.outward():
            if outer.sort != "method" and f"{outer.name}.{site.method}" in code.method_names:
                return Name(f"this.{site.method}" if outer.name == scope.owner else f"{outer.name}.{site.method}")
        return Name(_inherited(code, site.method, scope))
    if site.dotted:
        head, _, rest = site.dotted.partition(".")
        first = Name(head) if head in ("this", "super") else named(code, head, scope)
        if isinstance(first, Name):
            return Name(f"{first.name}.{rest}")
        for part in rest.split("."):
            first = Member(first, part)
        return first
    inner = value(code, site.receiver, scope, depth)
    return inner if isinstance(inner, Unknown) else Member(inner, site.method)


def _special(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    from scanners.idioms import java_strings

    return java_strings.special(code, site, scope, depth)


_READERS: dict[str, _Reader] = {
    "identifier": _identifier,
    "this": lambda *_: Name("this"),
    "field_access": _field,
    "string_literal": _string,
    "binary_expression": _binary,
    "ternary_expression": _ternary,
    "parenthesized_expression": _inner,
    "cast_expression": _inner,
    "assignment_expression": _assigned,
    "element_value_array_initializer": _array,
    "array_initializer": _array,
    "array_creation_expression": _array,
    "method_invocation": _call,
    "object_creation_expression": _call,
    "class_literal": _class_literal,
    "decimal_integer_literal": _number,
    "decimal_floating_point_literal": _number,
    "true": lambda *_: Lit(True),
    "false": lambda *_: Lit(False),
    "null_literal": lambda *_: Lit(None),
    "character_literal": lambda code, node, *_: Lit(_unescaped(code.text(node)[1:-1])),
}

value = by_kind("a Java", _READERS)
"""The Value of an expression."""
