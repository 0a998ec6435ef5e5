"""Calls NestJS makes for the code: guards and interceptors of routes, handlers of commands, queries and events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location, Member, Name, Unknown
from scanners.idioms.code import Scope
from scanners.idioms.js_decorators import Decorator

if TYPE_CHECKING:
    from scanners.idioms.code import CallSite
    from scanners.idioms.javascript import JsCode

_AROUND = {
    "UseInterceptors": "intercept",
    "UseGuards": "canActivate",
    "UsePipes": "transform",
    "UseFilters": "catch",
}
_HANDLERS = ("CommandHandler", "QueryHandler", "EventsHandler")
_BUSES = {"CommandBus": "execute", "QueryBus": "execute", "EventBus": "handle", "EventPublisher": "handle"}
_BUS_NAMES = {"commandbus": "execute", "querybus": "execute", "eventbus": "handle"}


def around(code: JsCode, scope: Scope) -> Iterator[Fact]:
    """Calls of what decorators put around a handler, its own and its class's.

    Args:
        code: the file.
        scope: the handler.
    """
    for decorator in code.decorators:
        method = _AROUND.get(decorator.name)
        if method is None or decorator.target or decorator.scope not in (scope, scope.parent):
            continue
        for node in decorator.args:
            made = code.site(node)
            dotted = made.dotted if made is not None else code.dotted(node)
            if dotted:
                fields = {"symbol": scope.name, "callee": Name(f"{dotted}.{method}"), "args": ()}
                yield Fact("call", fields, Location(code.path, decorator.line))


def handlers(code: JsCode, decorator: Decorator) -> Iterator[Fact]:
    """``@CommandHandler(CreateOrder) class CreateOrderHandler``: who sends the one gets the other.

    Args:
        code: the file.
        decorator: of a class.
    """
    for node in decorator.args if decorator.name in _HANDLERS else ():
        if code.dotted(node):
            fields = {"type": code.dotted(node), "to": decorator.scope.name, "symbol": decorator.scope.name}
            yield Fact("binds", fields, Location(code.path, decorator.line))


def sent(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``commandBus.execute(new CreateOrder(...))`` calls the handler.

    Args:
        code: the file.
        site: a call.
    """
    if site.method not in ("execute", "publish") or site.receiver is None or not site.args:
        return
    dotted = code.dotted(site.receiver)
    kind = code.type_of(dotted, site.scope).rpartition(".")[2] if dotted else ""
    method = _BUSES.get(kind) if kind else _BUS_NAMES.get(dotted.rpartition(".")[2].lower())
    value = code.value(site.args[0], site.scope) if method is not None else Unknown("")
    if method is not None and not isinstance(value, Unknown):
        fields = {"symbol": site.scope.name, "callee": Member(value, method), "args": (value,)}
        yield Fact("call", fields, Location(code.path, site.line))
