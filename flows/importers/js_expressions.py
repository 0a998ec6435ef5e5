"""Expressions of JavaScript as expressions of the flow language, or the reason why not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flows.importers.draft import NotCarried, literal
from flows.importers.javascript import (
    JsValue,
    Scope,
    arguments_of,
    dotted_name,
    function_of,
    named,
    part,
    pattern_of,
    string_of,
    string_piece,
    text_of,
)
from flows.importers.paths import dotted

if TYPE_CHECKING:
    from tree_sitter import Node


def translated(node: Node, scope: Scope) -> JsValue:
    """An expression of a script as one of the flow language.

    Args:
        node: the expression.
        scope: what names mean.

    Raises:
        NotCarried: there is none.
    """
    translate = _NODES.get(node.type)
    if translate is None:
        raise NotCarried(f"'{text_of(node)[:60]}' has no counterpart")
    return translate(node, scope)


def _literal(node: Node, scope: Scope) -> JsValue:
    text = text_of(node)
    return JsValue("null" if text == "undefined" else text)


def _string(node: Node, scope: Scope) -> JsValue:
    text = string_of(node)
    quoted = literal(text)
    risky = text.startswith(("$.", "$[")) or "${" in text or "{{" in text
    return JsValue(f"text({quoted.replace('${', '$${')})" if risky else quoted)


def _template(node: Node, scope: Scope) -> JsValue:
    pieces: list[str] = []
    for child in node.named_children:
        if child.type == "template_substitution":
            pieces.append(f"string({translated(named(child)[0], scope).text})")
        else:
            pieces.append(literal(string_piece(child)))
    return JsValue("(" + " + ".join(pieces) + ")" if len(pieces) > 1 else (pieces or ['""'])[0])


def _name(node: Node, scope: Scope) -> JsValue:
    text = text_of(node)
    if text in scope.names:
        return scope.names[text]
    if text in scope.known:
        return scope.known[text]
    if text == "undefined":
        return JsValue("null")
    raise NotCarried(f"'{text}' is not known here")


def _member(node: Node, scope: Scope) -> JsValue:
    name = dotted_name(node)
    if name is not None and name in scope.known:
        return scope.known[name]
    value = translated(part(node, "object"), scope)
    prop = text_of(part(node, "property"))
    return JsValue(f"len({value.text})") if prop == "length" else value.member(prop)


def _subscript(node: Node, scope: Scope) -> JsValue:
    value, index = translated(part(node, "object"), scope), part(node, "index")
    if index.type == "number" and text_of(index).isdigit():
        return value.member(int(text_of(index)))
    if index.type == "string":
        return value.member(string_of(index))
    return JsValue(f"{value.text}[{translated(index, scope).text}]", True)


def _parenthesized(node: Node, scope: Scope) -> JsValue:
    inner = translated(named(node)[0], scope)
    return inner if inner.path else JsValue(f"({inner.text})")


def _array(node: Node, scope: Scope) -> JsValue:
    return JsValue("[" + ", ".join(translated(child, scope).text for child in named(node)) + "]")


def _object(node: Node, scope: Scope) -> JsValue:
    parts: list[str] = []
    for child in named(node):
        if child.type == "shorthand_property_identifier":
            parts.append(f"{json.dumps(text_of(child))}: {_name(child, scope).text}")
            continue
        if child.type != "pair":
            raise NotCarried(f"'{text_of(child)[:40]}' in an object has no counterpart")
        key = part(child, "key")
        name = string_of(key) if key.type == "string" else text_of(key)
        parts.append(f"{json.dumps(name)}: {translated(part(child, 'value'), scope).text}")
    return JsValue("{" + ", ".join(parts) + "}")


def _unary(node: Node, scope: Scope) -> JsValue:
    operator, argument = text_of(part(node, "operator")), part(node, "argument")
    value = translated(argument, scope)
    if operator == "typeof":
        return JsValue(_type_text(value))
    if operator == "!":
        return JsValue(f"not ({truth(value)})")
    if operator == "-":
        return JsValue(f"-{value.text}")
    raise NotCarried(f"the operator '{operator}' has no counterpart")


def truth(value: JsValue) -> str:
    """A value as a condition: what JavaScript takes for true.

    Args:
        value: of a script.
    """
    if not value.path:
        return value.text
    v = value.text
    nothing = (f"{v} is null", f"({v} is boolean and {v} == false)", f"({v} is number and {v} == 0)")
    falsy = " or ".join([*nothing, f'({v} is string and {v} == "")'])
    return f"({v} exists and not ({falsy}))"


def _type_text(value: JsValue) -> str:
    kinds = " : ".join(f'{value.text} is {kind} ? "{kind}"' for kind in ("string", "number", "boolean"))
    found = f'{kinds} : "object"'
    return f'({value.text} not exists ? "undefined" : {found})' if value.path else f"({found})"


def _ternary(node: Node, scope: Scope) -> JsValue:
    parts = [translated(part(node, name), scope).text for name in ("condition", "consequence", "alternative")]
    return JsValue(f"({parts[0]} ? {parts[1]} : {parts[2]})")


def _binary(node: Node, scope: Scope) -> JsValue:
    operator = text_of(part(node, "operator"))
    left_node, right_node = part(node, "left"), part(node, "right")
    if left_node.type == "unary_expression" and text_of(left_node).startswith("typeof"):
        return _typeof(left_node, right_node, operator, scope)
    left, right = translated(left_node, scope), translated(right_node, scope)
    if operator == "in":
        return JsValue(f"({right.text} contains {left.text})")
    if operator in ("===", "=="):
        return _same(left, right)
    if operator in ("!==", "!="):
        return JsValue(different(left, right.text))
    if operator in ("&&", "||"):
        return JsValue(f"({truth(left)} {_OPERATORS[operator]} {truth(right)})")
    if operator in _OPERATORS:
        return JsValue(f"({left.text} {_OPERATORS[operator]} {right.text})")
    raise NotCarried(f"the operator '{operator}' has no counterpart")


def _same(left: JsValue, right: JsValue) -> JsValue:
    if right.text == "null" and left.path:
        return JsValue(f"({left.text} ?? null) == null")
    return JsValue(f"{left.text} == {right.text}")


def different(left: JsValue, right: str) -> str:
    """``!==``: also true of what is missing and of another type.

    Args:
        left: what is compared.
        right: with what.
    """
    kind = kind_of(right)
    typed = f"{left.text} is not {kind} or " if kind else ""
    missing = f"{left.text} not exists or " if left.path else ""
    return f"({missing}{typed}{left.text} != {right})"


def kind_of(text: str) -> str | None:
    """The type of a literal, or None.

    Args:
        text: an expression.
    """
    if text in ("true", "false"):
        return "boolean"
    if text[:1] == '"' or text.startswith("text("):
        return "string"
    return "number" if re.fullmatch(r"-?[0-9][0-9.eE+-]*", text) else None


def _typeof(left: Node, right: Node, operator: str, scope: Scope) -> JsValue:
    value = translated(part(left, "argument"), scope)
    found = f"{value.text} is {type_word(string_of(right))}"
    if string_of(right) == "undefined":
        found = f"{value.text} not exists"
    return JsValue(f"({found})" if operator in ("===", "==") else f"not ({found})")


def type_word(name: str) -> str:
    """A JavaScript type as ours.

    Args:
        name: in lower case.

    Raises:
        NotCarried: we have none of that name.
    """
    if name in ("string", "number", "boolean", "object", "array", "null"):
        return name
    if name == "undefined":
        return "null"
    raise NotCarried(f"there is no type '{name}'")


def _call(node: Node, scope: Scope) -> JsValue:
    function = part(node, "function")
    name = dotted_name(function)
    arguments = arguments_of(node)
    if name is not None and name in scope.calls:
        return scope.calls[name](arguments, scope)
    if name is not None and name in _FUNCTIONS:
        return _FUNCTIONS[name](arguments, scope)
    if function.type == "member_expression":
        method = text_of(part(function, "property"))
        receiver = part(function, "object")
        if receiver.type == "regex" and method == "test":
            return JsValue(f"{translated(arguments[0], scope).text} matches {literal(pattern_of(receiver))}")
        if method in _METHODS:
            return _METHODS[method](translated(receiver, scope), arguments, scope)
    raise NotCarried(f"the call '{text_of(node)[:60]}' has no counterpart")


def _method(template: str) -> Callable[[JsValue, list[Node], Scope], JsValue]:
    def apply(value: JsValue, arguments: list[Node], scope: Scope) -> JsValue:
        return JsValue(template.format(value.text, *(translated(node, scope).text for node in arguments)))

    return apply


def _closure(function: str) -> Callable[[JsValue, list[Node], Scope], JsValue]:
    def apply(value: JsValue, arguments: list[Node], scope: Scope) -> JsValue:
        parameter, body = function_of(arguments[0])
        inner = scope.inner()
        inner.names[parameter] = ELEMENT
        if body.type == "statement_block":
            statements = named(body)
            if len(statements) != 1 or statements[0].type != "return_statement":
                raise NotCarried("a function of several statements has no counterpart")
            body = named(statements[0])[0]
        return JsValue(f"{function}({value.text}, {translated(body, inner).text})")

    return apply


class _Element(JsValue):
    """The element of a closure, whose fields begin with a dot."""

    __slots__ = ()

    def member(self, name: str | int) -> JsValue:
        """A field of the element.

        Args:
            name: which.
        """
        if isinstance(name, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            return JsValue(f".{name}", True)
        return JsValue(dotted(".", [name]), True)


ELEMENT = _Element(".", False)


def _one(template: str) -> Callable[[list[Node], Scope], JsValue]:
    def apply(arguments: list[Node], scope: Scope) -> JsValue:
        return JsValue(template.format(*(translated(node, scope).text for node in arguments)))

    return apply


def _parsed_json(arguments: list[Node], scope: Scope) -> JsValue:
    value = translated(arguments[0], scope)
    return JsValue("body", True) if "body is string" in value.text else JsValue(f"json({value.text})")


_FUNCTIONS: Mapping[str, Callable[[list[Node], Scope], JsValue]] = {
    "Array.isArray": _one("({} is array)"),
    "parseInt": _one("int({})"),
    "parseFloat": _one("float({})"),
    "Number": _one("float({})"),
    "String": _one("string({})"),
    "JSON.stringify": _one("to_json({})"),
    "JSON.parse": _parsed_json,
    "Object.keys": _one("keys({})"),
    "Object.values": _one("values({})"),
    "Math.round": _one("round({})"),
    "Math.floor": _one("floor({})"),
    "Math.ceil": _one("ceil({})"),
    "Math.abs": _one("abs({})"),
    "Date.now": lambda arguments, scope: JsValue("(TIMESTAMP_UNIX * 1000)"),
}
_METHODS: Mapping[str, Callable[[JsValue, list[Node], Scope], JsValue]] = {
    "includes": _method("({0} contains {1})"),
    "startsWith": _method("({0} startsWith {1})"),
    "endsWith": _method("({0} endsWith {1})"),
    "toLowerCase": _method("lower({0})"),
    "toUpperCase": _method("upper({0})"),
    "trim": _method("trim({0})"),
    "toString": _method("string({0})"),
    "split": _method("split({0}, {1})"),
    "join": _method("join({0}, {1})"),
    "every": _closure("all"),
    "some": _closure("any"),
    "filter": _closure("filter"),
    "map": _closure("map"),
}
_OPERATORS = {
    "<": "<", ">": ">", "<=": "<=", ">=": ">=", "&&": "and", "||": "or", "+": "+", "-": "-", "*": "*", "/": "/",
    "%": "%", "??": "??",
}  # fmt: skip
_NODES: Mapping[str, Callable[[Node, Scope], JsValue]] = {
    "number": _literal,
    "true": _literal,
    "false": _literal,
    "null": _literal,
    "undefined": _literal,
    "string": _string,
    "template_string": _template,
    "identifier": _name,
    "member_expression": _member,
    "subscript_expression": _subscript,
    "parenthesized_expression": _parenthesized,
    "array": _array,
    "object": _object,
    "unary_expression": _unary,
    "ternary_expression": _ternary,
    "binary_expression": _binary,
    "call_expression": _call,
}
