"""A tree as text again, with no more parentheses than its reading needs; parse(printed(tree)) is the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.language.expressions import tree as t
from flows.language.expressions.words import CONSTANTS, PRECEDENCE, UNARY
from flows.language.values import to_json

_ATOM = 10
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")


def printed(tree: t.Tree) -> str:
    """The canonical text of an expression.

    Args:
        tree: any node.
    """
    return _PRINTERS[type(tree)](tree)


def _strength(tree: t.Tree) -> int:
    if isinstance(tree, t.Binary):
        return PRECEDENCE[tree.operator]
    if isinstance(tree, t.Exists | t.Is):
        return PRECEDENCE["exists"]
    if isinstance(tree, t.Conditional):
        return PRECEDENCE["?"]
    if isinstance(tree, t.Unary):
        return UNARY
    if isinstance(tree, t.Literal) and type(tree.value) not in (str, bool) and tree.value is not None:
        return UNARY if to_json(tree.value).startswith("-") else _ATOM - 1
    return _ATOM - 1 if isinstance(tree, t.Faker) else _ATOM


def _within(tree: t.Tree, least: int) -> str:
    text = printed(tree)
    return text if _strength(tree) >= least else f"({text})"


def text_literal(text: str) -> str:
    """A quoted text that reads back as the same literal text, templates escaped.

    Args:
        text: the value.
    """
    return to_json(_escaped(text))


def _escaped(text: str) -> str:
    return text.replace("{{", "{{ '{{' }}").replace("${", "$${")


def _literal(tree: t.Literal) -> str:
    return text_literal(tree.value) if isinstance(tree.value, str) else to_json(tree.value)


def _joined(tree: t.Joined) -> str:
    parts = [_escaped(part) if isinstance(part, str) else f"${{{printed(part)}}}" for part in tree.parts]
    return to_json("".join(parts))


def _template_part(tree: t.Default) -> str:
    return f"${{{tree.name}:{tree.default}}}"


def _member(tree: t.Member) -> str:
    if isinstance(tree.target, t.Element):
        return f".{tree.name}"
    return f"{_within(tree.target, _ATOM)}.{tree.name}"


def _slice(tree: t.Slice) -> str:
    lower = "" if tree.lower is None else _within(tree.lower, 2)
    upper = "" if tree.upper is None else printed(tree.upper)
    return f"{_within(tree.target, _ATOM)}[{lower}:{upper}]"


def _call(tree: t.Call) -> str:
    if tree.method:
        target = tree.arguments[0]
        shown = "" if isinstance(target, t.Element) else _within(target, _ATOM)
        return f"{shown}.{tree.function}()"
    return f"{tree.function}({', '.join(printed(argument) for argument in tree.arguments)})"


def _unary(tree: t.Unary) -> str:
    if tree.operator == "-" and isinstance(tree.operand, t.Literal | t.Unary):
        return f"-({printed(tree.operand)})"
    return f"{tree.operator}{_within(tree.operand, UNARY)}"


def _binary(tree: t.Binary) -> str:
    strength = PRECEDENCE[tree.operator]
    right_first = tree.operator == "??"
    left = _within(tree.left, strength + (1 if right_first or strength == 5 else 0))
    right = _within(tree.right, strength + (0 if right_first else 1))
    operator = {"&&": "and", "||": "or"}.get(tree.operator, tree.operator)
    return f"{left} {operator} {right}"


def _conditional(tree: t.Conditional) -> str:
    return f"{_within(tree.test, 2)} ? {_within(tree.then, 2)} : {_within(tree.other, 1)}"


def _exists(tree: t.Exists) -> str:
    return f"{_within(tree.operand, _ATOM)} {'not ' if tree.negated else ''}exists"


def _is(tree: t.Is) -> str:
    return f"{_within(tree.operand, 6)} is {'not ' if tree.negated else ''}{tree.what}"


def _map_of(tree: t.MapOf) -> str:
    pairs = zip(tree.keys, tree.values, strict=True)
    return "{" + ", ".join(f"{_key(key)}: {printed(value)}" for key, value in pairs) + "}"


def _key(key: str) -> str:
    plain = key and set(key) <= _WORD and not key[0].isdigit() and key not in CONSTANTS
    return key if plain else to_json(key)


_PRINTERS: Mapping[type, Callable[[Any], str]] = {
    t.Literal: _literal,
    t.Joined: _joined,
    t.Default: _template_part,
    t.Name: lambda tree: tree.name,
    t.Faker: lambda tree: f"FAKER.{tree.provider}",
    t.Element: lambda tree: ".",
    t.Root: lambda tree: "$",
    t.PathOf: lambda tree: to_json(tree.path),
    t.Member: _member,
    t.Index: lambda tree: f"{_within(tree.target, _ATOM)}[{printed(tree.key)}]",
    t.Slice: _slice,
    t.Call: _call,
    t.Closure: lambda tree: f"{tree.function}({printed(tree.items)}, {printed(tree.body)})",
    t.Unary: _unary,
    t.Binary: _binary,
    t.Exists: _exists,
    t.Is: _is,
    t.Conditional: _conditional,
    t.ListOf: lambda tree: f"[{', '.join(printed(item) for item in tree.items)}]",
    t.MapOf: _map_of,
}
