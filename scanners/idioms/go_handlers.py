"""Which function a Go registration hands requests to: names, methods, closures, factories and wrappers around them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scanners.idioms.code import SELVES, CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_imports import is_standard

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_DEPTH = 5
_MIDDLEWARE = re.compile(
    r"(?i)auth|middleware|wrap|log|trac|cors|instrument|limit|recover|decorat|protect|secur|^with|require|chain|metric"
)
_HANDLERS = ("net/http.Handler", "net/http.HandlerFunc")
_OPERATION = re.compile(
    r"promhttp\.|pprof\.|(?i:swagger)|expvar\.|healthcheck\.|statsviz\.|metrics\.Handler|FileServer"
)


def handler(code: GoCode, node: Node | None, scope: Scope) -> tuple[str, Scope | None]:
    """The symbol that handles, as written, and its scope when this file has it; wrappers are looked into.

    Args:
        code: the file.
        node: what is registered.
        scope: where.
    """
    node = _unwrapped(code, node, scope)
    if node is None:
        return "", None
    made = code.closures.get(node.id)
    if made is not None:
        return made.name, made
    if node.type == "func_literal":
        return scope.name, None
    site = code.site(node)
    dotted = site.dotted if site is not None else code.dotted(node)
    if (
        site is not None
        and is_standard(code.origin(dotted))
        and "." in dotted
        and dotted.partition(".")[0] in code.imports
    ):
        return "", None
    if node.type == "composite_literal":
        kind = node.child_by_field_name("type")
        named = kind is not None and kind.type in ("type_identifier", "qualified_type")
        dotted = f"{code.text(kind)}.ServeHTTP" if named else ""
    found = local(code, dotted, scope) or (code.scope(dotted) if node.type == "composite_literal" else None)
    built = code.made_of(dotted, scope) if found is None and site is None and dotted and "." not in dotted else None
    factory = local(code, built.dotted, built.scope) if built is not None else None
    if factory is not None:
        return factory.name, factory
    if found is None and site is None and dotted and "." not in dotted and code.type_of(dotted, scope):
        dotted = f"{dotted}.ServeHTTP"
        found = local(code, dotted, scope)
    return (found.name, found) if found is not None else (dotted, None)


def local(code: GoCode, dotted: str, scope: Scope) -> Scope | None:
    """The function of this file that a dotted name means, None when it is elsewhere.

    Args:
        code: the file.
        dotted: with ``self`` for the receiver.
        scope: where it is written.
    """
    if not dotted:
        return None
    base, dot, name = dotted.rpartition(".")
    if dot:
        made = code.type_of(base, scope)
        found = code.scope(f"{made}.{name}") if made else None
    else:
        found = next(
            (s for o in scope.outward() if (s := code.scope(f"{o.name}.{name}" if o.name else name)) is not None), None
        )
    return found if found is not None and found.sort in ("function", "method") else None


def _unwrapped(code: GoCode, node: Node | None, scope: Scope) -> Node | None:
    """The handler inside wrappers: ``auth(s.list)``, ``http.HandlerFunc(list)``, ``Handle(list, mw...)``."""
    for _ in range(_DEPTH):
        node = bare(node)
        if node is not None and node.type == "selector_expression":
            operand = bare(node.child_by_field_name("operand"))
            served = code.text(node.child_by_field_name("field")) == "ServeHTTP"
            node = operand if served and operand is not None and operand.type == "call_expression" else node
        if node is None or node.type not in ("call_expression", "type_conversion_expression"):
            return node
        site = code.site(node)
        inner = _wrapped(code, site, scope) if site is not None else None
        if inner is None:
            return node
        node = inner
    return node


def _wrapped(code: GoCode, site: CallSite, scope: Scope) -> Node | None:
    if site.method == "NewServer" and "transport/http" in code.origin(site.dotted):
        return site.arg(_context(code, site))
    if site.method == "StripPrefix" and len(site.args) == 2:
        return site.args[1]
    callables = [a for a in site.args if _callable(code, a, scope)]
    if callables:
        return callables[-1]
    if _MIDDLEWARE.search(site.method):
        named = [a for a in site.args if code.dotted(a).count(".") == 1 and code.dotted(a).split(".")[1][:1].isupper()]
        if named and code.dotted(named[-1]).partition(".")[0] in code.imports:
            return named[-1]
    if (
        site.receiver is not None
        and code.site(bare(site.receiver) or site.receiver) is not None
        and site.method in ("Then", "ThenFunc", "Handler")
    ):
        return site.args[-1] if site.args else None
    head = site.dotted.partition(".")[0]
    found = code.imports.get(head)
    wraps = site.method.startswith("Wrap") or site.method in ("HandlerFunc", "HTTPHandler", "NewHandler")
    foreign = found is not None and (is_standard(found.module) or wraps)
    return site.args[0] if foreign and site.args and code.string(site.args[0]) == "" else None


def _context(code: GoCode, site: CallSite) -> int:
    """How many contexts come first: go-kit's servers used to take one."""
    return int(bool(site.args) and re.search(r"(?i)^(ctx|context\b)", code.text(site.args[0])) is not None)


def _callable(code: GoCode, node: Node, scope: Scope) -> bool:
    """Whether an argument is a function: a closure, a function or method of this file, or a method of something."""
    inner = bare(node)
    if inner is None:
        return False
    if inner.type == "func_literal":
        return True
    site = code.site(inner)
    if site is not None:
        return any(_callable(code, a, scope) for a in site.args) or (
            local(code, site.dotted, scope) is not None and bool(site.dotted) and _handles(code, site, scope)
        )
    dotted = code.dotted(inner)
    if not dotted:
        return False
    if local(code, dotted, scope) is not None:
        return True
    base, _, name = dotted.rpartition(".")
    made = code.type_of(base, scope) if base else ""
    known = code.type_of(dotted, scope)
    head = dotted.partition(".")[0]
    if not base and head in scope.params and known in _HANDLERS:
        return True
    return (
        bool(base)
        and not known
        and head not in code.imports
        and (base in SELVES or bool(made))
        and _methodlike(code, made, name)
    )


def _methodlike(code: GoCode, owner: str, name: str) -> bool:
    """A method rather than a field: it is no known field of a struct of this file."""
    return not any(m.owner.name == owner and m.name == name for m in code.fields)


def _handles(code: GoCode, site: CallSite, scope: Scope) -> bool:
    found = local(code, site.dotted, scope)
    return found is not None and "andler" in code.results.get(found.name, "")


def decoder(code: GoCode, node: Node | None, scope: Scope) -> Scope | None:
    """The function of this file that decodes requests for a go-kit server; None for other handlers.

    Args:
        code: the file.
        node: what is registered.
        scope: where.
    """
    for _ in range(_DEPTH):
        inner = bare(node)
        site = code.site(inner) if inner is not None and inner.type == "call_expression" else None
        if site is None or not site.args:
            return None
        if site.method == "NewServer" and "transport/http" in code.origin(site.dotted):
            return local(code, code.dotted(site.arg(_context(code, site) + 1)), scope)
        node = site.args[0]
    return None


def serves_operation(code: GoCode, node: Node | None) -> bool:
    """Whether a handler is a library's page about the service: metrics, profiles, API descriptions.

    Args:
        code: the file.
        node: what is registered.
    """
    return node is not None and _OPERATION.search(code.text(node)) is not None
