"""Functions that answer a request for their caller, ``ok(res, order)``: what they wrap around what they are given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Field, Shape
from scanners.idioms.generics import applied, parameter
from scanners.idioms.js_scopes import parameters

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.code import CallSite, Scope
    from scanners.idioms.javascript import JsCode

_ANSWERING = ("res", "response", "reply", "resp")
_ASKING = ("req", "request", "_req")
_REFUSES = re.compile(r"(?i)err|fail|bad|not_?found|forbid|unauth|denied|invalid|problem|abort|reject|conflict|cookie")


def helper_types(code: JsCode) -> Iterator[Fact]:
    """A type ``ok()`` for each function that answers with something of its parameters.

    Args:
        code: the file.
    """
    from scanners.idioms.js_routes import Style, answers

    for scope in code.scopes[1:]:
        if scope.sort not in ("function", "method") or not set(scope.params) & set(_ANSWERING):
            continue
        names = [name for name, _ in parameters(code, scope.node)]
        shapes = {_wrapped(code, a.node, scope, names) for a in answers(code, scope, Style()) if a.node is not None}
        if len(shapes) == 1 and _uses_parameter(shape := shapes.pop()):
            yield Fact("type", {"name": f"{scope.name}()", "shape": shape}, code.at(scope.node))


def handlers(code: JsCode) -> Iterator[Fact]:
    """What Express handlers read and answer that are registered elsewhere: functions of a request and a response.

    Args:
        code: the file.
    """
    from scanners.idioms.js_routes import Style, payloads

    for scope in code.scopes[1:]:
        names = [name for name, _ in parameters(code, scope.node)] if scope.sort in ("function", "method") else []
        if not (2 <= len(names) <= 3 and names[0] in _ASKING and names[1] in _ANSWERING):
            continue
        found = payloads(code, scope, Style())
        if found:
            yield Fact("handler", {"symbol": scope.name, "framework": "express", **found}, code.at(scope.node))


def _wrapped(code: JsCode, node: Node, scope: Scope, names: list[str]) -> Shape:
    """The shape of an answer, with the function's own parameters as type parameters."""
    if node.type in ("identifier", "shorthand_property_identifier") and code.text(node) in names:
        return parameter(names.index(code.text(node)))
    if node.type != "object":
        return code.shape(node, scope)
    from scanners.idioms.javascript import key_of

    fields: list[Field] = []
    whole = True
    for child in node.named_children:
        if child.type == "shorthand_property_identifier":
            fields.append(Field(code.text(child), _wrapped(code, child, scope, names), True))
        elif child.type == "pair" and key_of(code, child) and (value := child.child_by_field_name("value")) is not None:
            fields.append(Field(key_of(code, child), _wrapped(code, value, scope, names), True))
        else:
            whole = whole and child.type == "comment"
    return Shape("object", tuple(fields), open=not whole)


def _uses_parameter(shape: Shape) -> bool:
    return shape.named.startswith("<") or any(f.shape.named.startswith("<") for f in shape.fields)


def helped(code: JsCode, scope: Scope, names: tuple[str, ...]) -> Shape:
    """What a handler answers through a function it hands the answering object to; ANYTHING when it does not.

    Args:
        code: the file.
        scope: the handler.
        names: of objects that answer.
    """
    found = {
        _applied(code, site)
        for site in code.calls_within(scope.node.start_byte, scope.node.end_byte)
        if _hands_on(code, site, names)
    }
    return found.pop() if len(found) == 1 else ANYTHING


def _hands_on(code: JsCode, site: CallSite, names: tuple[str, ...]) -> bool:
    given = [code.text(a) for a in site.args]
    return len(given) > 1 and bool(site.dotted) and bool(set(given) & set(names)) and not _REFUSES.search(site.method)


def _applied(code: JsCode, site: CallSite) -> Shape:
    made = Shape("object", named=f"{site.dotted}()")
    return applied(made, [code.shape(a, site.scope) for a in site.args])
