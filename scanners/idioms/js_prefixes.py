"""Prefixes that callbacks around a route give it: ``register(plugin, {prefix})``, ``group("/v1", (app) => ...)``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Lit, Name, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.javascript import option
from scanners.idioms.js_scopes import parameters

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_FUNCTIONS = ("arrow_function", "function_expression", "function_declaration", "method_definition")
_UP = 200
_NESTED = 8
_REGISTERS = ("register", "group", "route", "basePath", "guard")


def around(code: JsCode, site: CallSite, path: Value) -> Value:
    """A path with the prefixes of the registering callbacks it is written in.

    Args:
        code: the file.
        site: the call that registers the route.
        path: as written.
    """
    found: list[Value] = []
    for call in registering(code, site.node):
        prefix = given_prefix(code, call)
        if prefix is not None and prefix != Lit(""):
            found = [prefix, Lit("/"), *found]
    return Concat((*found, path)) if found else path


def registering(code: JsCode, node: Node) -> Iterator[CallSite]:
    """The registering calls whose callbacks a node is in, innermost first.

    Args:
        code: the file.
        node: any.
    """
    current = node.parent
    for _ in range(_UP):
        if current is None:
            return
        parent = current.parent
        if current.type in _FUNCTIONS[:2] and parent is not None and parent.type == "arguments":
            call = code.site(parent.parent) if parent.parent is not None else None
            if call is not None and call.receiver is not None and call.method in _REGISTERS:
                yield call
        current = parent


def given_prefix(code: JsCode, call: CallSite) -> Value | None:
    """The prefix a registering call gives: its first argument, or the option ``prefix``.

    Args:
        code: the file.
        call: the call.
    """
    if call.method == "register":
        given = option(code, call.arg(1), "prefix")
        return code.value(given, call.scope) if given is not None else None
    first = call.arg(0)
    text = first is not None and first.type in ("string", "template_string", "identifier", "member_expression")
    return code.value(first, call.scope) if text else None


def plugin(code: JsCode, site: CallSite) -> Scope | None:
    """The function whose first parameter a call is made on, None in any other place.

    Args:
        code: the file.
        site: the call.
    """
    dotted = code.dotted(site.receiver)
    for scope in site.scope.outward():
        if scope.sort in ("function", "method") and scope.params[:1] == (dotted,):
            return None if _registered(code, scope) else scope
    return None


def _registered(code: JsCode, scope: Scope) -> bool:
    """Whether a function is a callback of a registering call, written in place."""
    parent = scope.node.parent
    call = code.site(parent.parent) if parent is not None and parent.type == "arguments" and parent.parent else None
    return call is not None and call.receiver is not None and call.method in _REGISTERS


def router_of(code: JsCode, site: CallSite) -> Value:
    """What a route is registered on: the plugin function when it is that function's parameter, else the name.

    Args:
        code: the file.
        site: the call.
    """
    current = site
    for _ in range(_NESTED):
        inside = plugin(code, current)
        if inside is not None:
            return Name(inside.name)
        outer = next((c for c in registering(code, current.node) if _is_parameter(code, c, current)), None)
        if outer is None:
            break
        current = outer
    return Name(code.dotted(current.receiver) or holder(code, current) or "app")


def holder(code: JsCode, site: CallSite) -> str:
    """What a whole chain of calls is bound to, empty when it is not.

    Args:
        code: the file.
        site: a call of the chain.
    """
    node: Node | None = site.node
    for _ in range(_UP):
        parent = node.parent if node is not None else None
        if parent is None:
            return ""
        if parent.type in ("variable_declarator", "assignment_expression", "export_statement"):
            left = parent.child_by_field_name("name") or parent.child_by_field_name("left")
            return site.scope.qualify(code.text(left)) if left is not None else "default"
        if parent.type not in ("member_expression", "call_expression", "await_expression", "parenthesized_expression"):
            return ""
        node = parent
    return ""


def _is_parameter(code: JsCode, call: CallSite, site: CallSite) -> bool:
    dotted = code.dotted(site.receiver)
    functions = [a for a in call.args if a.type in _FUNCTIONS]
    return any(name == dotted for f in functions for name, _ in list(parameters(code, f))[:1])
