"""Gateways written in Go: handlers that are a reverse proxy, with where it sends requests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Lit, Param, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_handlers import handler, local

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_MAKES = "net/http/httputil.NewSingleHostReverseProxy"
_STEPS = 6


@dataclass(frozen=True, slots=True)
class Proxy:
    """A reverse proxy that something is handed on through.

    Args:
        target: URL of who gets the requests.
        stripped: prefix taken off their paths before.
    """

    target: Value
    stripped: str = ""


def proxied(code: GoCode, node: Node | None, scope: Scope) -> Proxy | None:
    """The reverse proxy that a handler is or calls, None for other handlers.

    Args:
        code: the file.
        node: what is registered.
        scope: where.
    """
    if b"NewSingleHostReverseProxy" not in code.data:
        return None
    stripped = ""
    for _ in range(_STEPS):
        inner = bare(node)
        if inner is None:
            return None
        site = code.site(inner)
        if site is None:
            break
        if code.origin(site.dotted) == _MAKES and site.args:
            return Proxy(code.value(site.args[0], site.scope), stripped)
        if site.method == "StripPrefix" and len(site.args) == 2:
            stripped = code.string(site.args[0])
            node = site.args[1]
        elif site.method.endswith(("HandlerFunc", "WrapH", "WrapF")) and site.args:
            node = site.args[0]
        else:
            break
    target = _held(code, bare(node), scope) or _inside(code, node, scope)
    return Proxy(target, stripped) if target is not None else None


def _held(code: GoCode, node: Node | None, scope: Scope) -> Value | None:
    """``proxy := httputil.NewSingleHostReverseProxy(u)``, then ``proxy`` or ``proxy.ServeHTTP``."""
    dotted = code.dotted(node)
    for name in (dotted, dotted.removesuffix(".ServeHTTP")):
        made = code.made_of(name, scope) if name else None
        if made is not None and code.origin(made.dotted) == _MAKES and made.args:
            return code.value(made.args[0], made.scope)
    return None


def _inside(code: GoCode, node: Node | None, scope: Scope) -> Value | None:
    """A handler or a factory of this file that makes the proxy itself: ``proxyTo("http://orders:80")``."""
    site = code.site(bare(node)) if bare(node) is not None else None  # type: ignore[arg-type]
    found = local(code, site.dotted, scope) if site is not None else None
    if found is None:
        _, found = handler(code, node, scope)
    if found is None:
        return None
    start, end = found.node.start_byte, found.node.end_byte
    for made in code.calls:
        if not start <= made.node.start_byte < end:
            continue
        if code.origin(made.dotted) == _MAKES and made.args:
            return _given(code, made, found, site)
        if made.method == "ServeHTTP" and made.receiver is not None:
            target = _held(code, bare(made.receiver), made.scope)
            if target is not None:
                return target
    return None


def _given(code: GoCode, made: CallSite, factory: Scope, site: CallSite | None) -> Value:
    """The target with the factory's parameter replaced by what it is given."""
    value = code.value(made.args[0], made.scope)
    name = getattr(value, "name", "")
    for assign in code.assigned(made.scope, name) if name else ():
        if assign.value is not None and not assign.key:
            value = code.value(assign.value, assign.scope)
    if isinstance(value, Param) and site is not None and made.scope is factory:
        return code.value(site.arg(value.index), site.scope)
    return value if not isinstance(value, Unknown) else Unknown("a proxy's target that is chosen at run time")


def below(path: Value, stripped: str) -> tuple[str, str]:
    """The path a gateway serves and the one it sends on, as templates; empty when it is not written.

    Args:
        path: as registered.
        stripped: prefix taken off.
    """
    if not isinstance(path, Lit) or not isinstance(path.value, str):
        return "", ""
    text = re.sub(r"/(\*\w*|\{\w+\.\.\.\}|\*\*)?$", "/**", path.value)
    return text, text.removeprefix(stripped.rstrip("/")) if stripped else text
