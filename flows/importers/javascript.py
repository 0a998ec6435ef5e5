"""JavaScript of test scripts, read by a real parser: names, calls, texts, functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from flows.importers.draft import NotCarried
from flows.importers.paths import dotted

if TYPE_CHECKING:
    from tree_sitter import Node


class JsValue(NamedTuple):
    """What an expression of a script is in the flow language.

    Args:
        text: the expression.
        path: it is a path, so that it may be missing.
    """

    text: str
    path: bool = False

    def member(self, name: str | int) -> JsValue:
        """A field or element of it.

        Args:
            name: which.
        """
        return JsValue(dotted(self.text, [name]), True)


@dataclass(slots=True)
class Scope:
    """What the names of a script mean.

    Args:
        known: dotted names of the tool (``pm.response.code``) → expression.
        calls: dotted names of functions → what a call of them is.
        names: variables of the script.
        regex: checks a pattern.
    """

    known: Mapping[str, JsValue]
    calls: Mapping[str, Callable[[list[Node], Scope], JsValue]]
    names: dict[str, JsValue] = field(default_factory=dict)

    def inner(self) -> Scope:
        """For a block, whose names end with it."""
        return Scope(self.known, self.calls, dict(self.names))


def parsed(text: str) -> Node:
    """The tree of a script.

    Args:
        text: of the script.
    """
    import tree_sitter_javascript
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_javascript.language())).parse(text.encode()).root_node


def text_of(node: Node) -> str:
    """The source of a node.

    Args:
        node: any.
    """
    return (node.text or b"").decode("utf-8", "replace")


def named(node: Node) -> list[Node]:
    """Children that are no punctuation or comment.

    Args:
        node: any.
    """
    return [child for child in node.named_children if child.type != "comment"]


def part(node: Node, name: str) -> Node:
    """A required part of a node.

    Args:
        node: any.
        name: of the field.

    Raises:
        NotCarried: it is not there.
    """
    found = node.child_by_field_name(name)
    if found is None:
        raise NotCarried(f"this cannot be read: {text_of(node)[:60]}")
    return found


def dotted_name(node: Node) -> str | None:
    """``a.b.c`` of a chain of members, or None.

    Args:
        node: an expression.
    """
    if node.type in ("identifier", "this"):
        return text_of(node)
    if node.type == "member_expression":
        inner = dotted_name(part(node, "object"))
        return None if inner is None else f"{inner}.{text_of(part(node, 'property'))}"
    return None


def arguments_of(call: Node) -> list[Node]:
    """The arguments of a call.

    Args:
        call: the call.
    """
    found = call.child_by_field_name("arguments")
    return named(found) if found is not None else []


def calls_on(node: Node) -> Iterator[tuple[str, list[Node] | None]]:
    """The links of a chain ``f(x).to.be.above(1)`` from its first call on: name, and arguments of a call.

    Args:
        node: the outermost expression.
    """
    links: list[tuple[str, list[Node] | None]] = []
    current = node
    while True:
        arguments: list[Node] | None = None
        if current.type == "call_expression":
            arguments = arguments_of(current)
            current = part(current, "function")
        if current.type != "member_expression":
            links.append((text_of(current), arguments))
            break
        links.append((text_of(part(current, "property")), arguments))
        current = part(current, "object")
    yield from reversed(links)


def string_of(node: Node) -> str:
    """The text of a string literal.

    Args:
        node: a string, or a template without substitutions.

    Raises:
        NotCarried: it is none.
    """
    if node.type == "string":
        return "".join(string_piece(child) for child in node.named_children)
    if node.type == "template_string" and all(child.type != "template_substitution" for child in node.named_children):
        return "".join(string_piece(child) for child in node.named_children)
    raise NotCarried(f"a text is expected: {text_of(node)[:60]}")


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "v": "\v"}


def string_piece(node: Node) -> str:
    """A fragment or an escape of a text.

    Args:
        node: inside a string or template.
    """
    text = text_of(node)
    if node.type != "escape_sequence":
        return text
    coded = re.match(r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))", text)
    if coded is not None:
        return chr(int(next(group for group in coded.groups() if group), 16))
    return _ESCAPES.get(text[1:], text[1:])


def pattern_of(node: Node) -> str:
    """The pattern of a regex literal, as RE2 reads it.

    Args:
        node: the literal.

    Raises:
        NotCarried: RE2 cannot compile it.
    """
    from testmesh.guard.regex import compile_pattern
    from testmesh.kernel.errors import UserError

    if node.type != "regex":
        raise NotCarried("a regex is expected")
    pattern, flags = "", ""
    for child in node.named_children:
        if child.type == "regex_pattern":
            pattern = text_of(child)
        elif child.type == "regex_flags":
            flags = text_of(child)
    known = "".join(flag for flag in flags if flag in "ims")
    pattern = (f"(?{known})" if known else "") + pattern.replace("\\/", "/")
    try:
        compile_pattern(pattern)
    except UserError as problem:
        raise NotCarried(f"this regex cannot be used: {problem.message}") from None
    return pattern


def function_of(node: Node) -> tuple[str, Node]:
    """Parameter and body of a function with at most one parameter.

    Args:
        node: a function or arrow function.

    Raises:
        NotCarried: it is none, or has several.
    """
    if node.type not in ("arrow_function", "function_expression", "function"):
        raise NotCarried("a function is expected")
    single = node.child_by_field_name("parameter")
    listed = node.child_by_field_name("parameters")
    names = [text_of(single)] if single is not None else [text_of(child) for child in named(listed)] if listed else []
    if len(names) > 1:
        raise NotCarried("a function of several parameters has no counterpart")
    return (names or [""])[0], part(node, "body")
