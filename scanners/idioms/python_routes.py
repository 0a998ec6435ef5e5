"""Routes as Python frameworks register them: in calls and tables, for functions and for classes with verbs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.http import VERBS, operational
from scanners.idioms.messages import listed
from scanners.idioms.python_views import Incoming, described

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

BY_VERB: Mapping[str, str] = {verb: verb.upper() for verb in VERBS}


@dataclass(frozen=True, slots=True)
class Route:
    """One registered operation.

    Args:
        router: qualified name of what it is registered on.
        method: upper case or ANY.
        path: below the router.
        handler: dotted name of the handler, empty for one written in place.
        protocol: http or websocket.
    """

    router: str
    method: str
    path: Value
    handler: str = ""
    protocol: str = "http"


@dataclass(frozen=True, slots=True)
class Server:
    """A framework as far as its routes go.

    Args:
        name: of the framework.
        incoming: how it hands requests on.
        verbs: names of methods of a view class, with the HTTP method.
        views: base classes of its view classes, dotted origins.
    """

    name: str
    incoming: Incoming
    verbs: Mapping[str, str]
    views: tuple[str, ...]


def router(name: str, framework: str, prefix: Value, where: Location, *, detached: bool = False) -> Fact:
    """A router fact.

    Args:
        name: qualified.
        framework: whose.
        prefix: its own prefix.
        where: its place.
        detached: it serves nothing unless it is mounted.
    """
    fields: dict[str, object] = {"name": name, "framework": framework, "prefix": prefix}
    if detached:
        fields["detached"] = True
    return Fact("router", fields, where)


def known_as(scope: Scope, dotted: str) -> str:
    """The file-wide name of something as a scope names it: local names of functions are qualified.

    Args:
        scope: where it is named.
        dotted: as written.
    """
    head = dotted.split(".", 1)[0]
    for outer in scope.outward():
        if outer.sort in ("function", "method") and (head in outer.bound or head in outer.params):
            return f"{outer.name}.{dotted}"
    return dotted


def mount(code: PyCode, site: CallSite, about: tuple[str, str, Value], *, operation: bool = False) -> Fact:
    """A mount fact.

    Args:
        code: the file.
        site: where.
        about: parent, child, prefix.
        operation: the child is one operation's handler.
    """
    parent, child, prefix = about
    parent, child = known_as(site.scope, parent), known_as(site.scope, child)
    fields: dict[str, object] = {"parent": Name(parent), "child": Name(child), "prefix": prefix}
    if operation:
        fields["operation"] = True
    return Fact("mount", fields, Location(code.path, site.line))


def endpoint(code: PyCode, server: Server, route: Route, where: Location) -> Fact:
    """An endpoint fact with what its handler says, when the handler is in this file.

    Args:
        code: the file.
        server: the framework.
        route: the operation.
        where: its place when the handler is elsewhere.
    """
    scope = code.scope(route.handler) if route.handler else None
    handler = route.handler
    fields: dict[str, object] = {
        "protocol": route.protocol,
        "method": route.method,
        "path": route.path,
        "router": Name(route.router),
        "handler": handler,
        "framework": server.name,
    }
    if scope is not None and scope.sort != "class":
        fields |= described(code, scope, server.incoming, (route.method, route.path))
        return Fact("endpoint", fields, code.at(scope.node))
    if operational(route.path):
        fields["operational"] = True
    return Fact("endpoint", fields, where)


def view_classes(code: PyCode, server: Server) -> Iterator[Fact]:
    """Classes with a method for each verb: routers that serve where they are mounted.

    Args:
        code: the file.
        server: the framework.
    """
    for scope in code.scopes:
        if scope.sort != "class" or not is_view(code, scope, server):
            continue
        where = code.at(scope.node)
        yield router(scope.name, server.name, Lit(""), where, detached=True)
        for name, method in server.verbs.items():
            own = code.scope(f"{scope.name}.{name}")
            if own is not None:
                yield endpoint(code, server, Route(scope.name, method, Lit(""), own.name), where)
        for base in scope.bases:
            if code.origin(base) not in server.views and base != "object":
                fields = {"parent": Name(scope.name), "child": Name(base), "prefix": Lit("")}
                yield Fact("mount", fields, where)


def is_view(code: PyCode, scope: Scope, server: Server) -> bool:
    """Whether a class serves requests: it extends a view, or has a verb's method and a base of another file.

    Args:
        code: the file.
        scope: a class.
        server: the framework.
    """
    if any(code.origin(b) in server.views for b in scope.bases):
        return True
    serves = any(code.scope(f"{scope.name}.{name}") is not None for name in server.verbs)
    plain = all(name.startswith("on_") for name in server.verbs)
    return serves and (plain or any(b.rsplit(".", 1)[-1].endswith(_VIEW_NAMES) for b in scope.bases))


_VIEW_NAMES = ("View", "Handler", "Endpoint", "Resource", "Controller")


def methods_of(code: PyCode, node: Node | None, scope: Scope) -> list[str]:
    """The HTTP methods of a list, empty when none is given.

    Args:
        code: the file.
        node: a list or a text.
        scope: where it is.
    """
    found = [code.string(n).upper() for n in listed(code, node, scope)] if node is not None else []
    return [m for m in found if m]


def handler_name(code: PyCode, node: Node | None, scope: Scope) -> str:
    """The dotted name of a handler: a function, a bound method of an object, the class of an instance or ``as_view``.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    if node is None:
        return ""
    site = code.site(node)
    if site is not None:
        if site.method == "as_view" and site.receiver is not None:
            return code.dotted(site.receiver)
        if site.dotted.rsplit(".", 1)[-1][:1].isupper():
            return site.dotted
        return handler_name(code, site.args[-1], scope) if site.args else ""
    dotted = code.dotted(node)
    head, dot, rest = dotted.partition(".")
    if head == "self" and scope.owner:
        return f"{scope.owner}.{rest}"
    made = code.made_of(head, scope) if dotted else None
    if made is not None and made.dotted.rsplit(".", 1)[-1][:1].isupper():
        return f"{made.dotted}{dot}{rest}"
    return dotted
