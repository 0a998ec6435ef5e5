"""Settings that JavaScript reads from the environment through a schema or a configuration function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Env, Fact, Lit, Unknown, Value
from scanners.idioms.code import Assign, CallSite, Scope

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_ENVIRONMENT = ("process.env", "import.meta.env", "Bun.env")
_GROUPS = ("server", "client", "shared", "clientPrefix")
_GIVEN = ("runtimeEnv", "experimental__runtimeEnv", "data", "env")
_DEFAULTS = ("default", "prefault", "catch")
_CHAIN = 8
_DEEP = 4


def settings(code: JsCode) -> Iterator[Fact]:
    """Bindings of validated environments, and keys of configuration functions.

    Args:
        code: the file.
    """
    if b".env" not in code.data:
        return
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None and not assign.key else None
        if site is not None and _given_environment(code, site):
            yield from _validated(code, assign, site)
    for site in code.calls:
        if site.method == "registerAs" and len(site.args) > 1:
            yield from _function(code, site.args[1], code.string(site.args[0]), site.scope)
    if "config" in code.path.lower():
        for node in code.exports:
            if any(c.type == "default" for c in node.children):
                yield from _function(code, node.child_by_field_name("value"), "", code.scopes[0])


def _given_environment(code: JsCode, site: CallSite) -> bool:
    from scanners.idioms.javascript import option

    if any(code.text(arg) in _ENVIRONMENT for arg in site.args if arg.type == "member_expression"):
        return True
    first = site.arg(0)
    return first is not None and first.type == "object" and any(option(code, first, name) for name in _GIVEN)


def _validated(code: JsCode, assign: Assign, site: CallSite) -> Iterator[Fact]:
    """``cleanEnv(process.env, {PORT: port()})``, ``schema.parse(process.env)``, ``createEnv({server: {...}})``."""
    target = code.bound_name(assign)
    for keys in _schemas(code, site):
        for child in keys.named_children:
            found = _key(code, child, assign.scope)
            if found is not None:
                fields = {"target": f"{target}.{found.name}", "value": found, "scope": assign.scope.name}
                yield Fact("binding", fields, code.at(child))


def _schemas(code: JsCode, site: CallSite) -> Iterator[Node]:
    from scanners.idioms.javascript import option

    for arg in site.args:
        if arg.type == "object":
            groups = [g for name in _GROUPS if (g := option(code, arg, name)) is not None and g.type == "object"]
            yield from groups or [arg]
    inner = site
    for _ in range(_CHAIN):
        dotted = code.dotted(inner.receiver) if inner.receiver is not None else ""
        made = code.made_of(dotted, inner.scope) if dotted else None
        made = made or (code.site(inner.receiver) if inner.receiver is not None else None)
        if made is None:
            return
        if made.method in ("object", "Object", "strictObject") and made.args and made.args[0].type == "object":
            yield made.args[0]
            return
        inner = made


def _key(code: JsCode, child: Node, scope: Scope) -> Env | None:
    from scanners.idioms.javascript import key_of

    key = key_of(code, child) if child.type == "pair" else ""
    return Env(key, _default(code, child.child_by_field_name("value"), scope)) if key.isidentifier() else None


def _default(code: JsCode, node: Node | None, scope: Scope) -> Value | None:
    """``z.string().default("x")``, ``str({default: "x"})``."""
    from scanners.idioms.javascript import option

    for _ in range(_CHAIN):
        site = code.site(node) if node is not None and node.type == "call_expression" else None
        if site is None:
            return None
        given = site.arg(0) if site.method in _DEFAULTS else option(code, site.arg(0), "default")
        if given is not None:
            value = code.value(given, scope)
            return None if isinstance(value, Unknown) else value
        node = site.receiver
    return None


def _function(code: JsCode, node: Node | None, name: str, scope: Scope) -> Iterator[Fact]:
    """Keys of the object a configuration function returns, as ``ConfigService.get("database.host")`` asks for them."""
    from scanners.idioms.javascript import bare

    body = node.child_by_field_name("body") if node is not None and node.type == "arrow_function" else None
    made = bare(body)
    if made is not None and made.type == "statement_block":
        last = [c for c in made.named_children if c.type == "return_statement"]
        made = bare(last[-1].named_children[0]) if last and last[-1].named_child_count else None
    if made is not None and made.type == "object":
        yield from _leaves(code, made, (name,) if name else (), scope)


def _leaves(code: JsCode, node: Node, above: tuple[str, ...], scope: Scope) -> Iterator[Fact]:
    from scanners.idioms.javascript import bare, key_of

    for child in node.named_children if len(above) < _DEEP else ():
        key = key_of(code, child) if child.type == "pair" else ""
        inner = bare(child.child_by_field_name("value"))
        if not key or inner is None:
            continue
        if inner.type == "object":
            yield from _leaves(code, inner, (*above, key), scope)
            continue
        value = code.value(inner, scope)
        if isinstance(value, Env | Lit):
            fields = {"service": "", "key": ".".join((*above, key)), "value": value}
            yield Fact("env_value", fields, code.at(child))
