"""Nameko: HTTP entrypoints, RPC between services and events, all named by the service classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Unknown, Value
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.python_reads import Payload, reads
from scanners.idioms.python_tasks import arguments_shape, parameters_shape
from scanners.idioms.python_views import Incoming, described

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_EXCHANGE = Lit("nameko-rpc")
_VARIANTS = ("call_async", "result")
_REQUEST = Incoming(
    requests=("request",), calls=("get_json",), raw=("get_data", "data"), query=("args",), answers=("Response", "dumps")
)


class Nameko:
    """The Nameko framework."""

    name: str = "nameko"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"nameko",)

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Entrypoints, RPC and events.

        Args:
            parsed: a Python file.
        """
        for scope in parsed.scopes:
            if scope.sort == "method" and scope.decorated and scope.parent is not None:
                for decorator in py.decorators(parsed, scope):
                    yield from _entrypoint(parsed, scope, decorator)
        for site in parsed.calls:
            if site.receiver is not None or site.dotted.startswith("self."):
                yield from _sent(parsed, site)


def _service_name(code: PyCode, scope: Scope) -> Value:
    owner = code.scope(scope.owner)
    named = code.assigned(owner, "name") if owner is not None else []
    return code.value(named[0].value, owner or scope) if named else Unknown("the service class has no name")


def _entrypoint(code: PyCode, scope: Scope, decorator: Node) -> Iterator[Fact]:
    site = code.site(decorator)
    last = (site.dotted if site is not None else code.dotted(decorator)).rsplit(".", 1)[-1]
    method = scope.name.rsplit(".", 1)[-1]
    if last == "http" and site is not None and len(site.args) > 1:
        yield from _endpoints(code, scope, site)
    elif last == "rpc":
        topic = concat([_service_name(code, scope), Lit(f".{method}")])
        shape = parameters_shape(code, scope)
        yield _consume(code, scope, (topic, _EXCHANGE), shape if shape.fields else None)
    elif last == "event_handler" and site is not None and len(site.args) > 1:
        source = code.value(site.args[0], site.scope)
        read = reads(code, scope, Payload(lambda _: False, (), {p: () for p in scope.params[:1]})).all()
        yield _consume(code, scope, (code.value(site.args[1], site.scope), concat([source, Lit(".events")])), read)


def _consume(code: PyCode, scope: Scope, about: tuple[Value, Value], shape: object) -> Fact:
    topic, exchange = about
    fields: dict[str, object] = {"broker": "rabbitmq", "topic": topic, "exchange": exchange, "symbol": scope.name}
    if shape is not None:
        fields["shape"] = shape
    return Fact("consume", fields, code.at(scope.node))


def _endpoints(code: PyCode, scope: Scope, site: CallSite) -> Iterator[Fact]:
    path = code.value(site.args[1], site.scope)
    for method in code.string(site.args[0]).upper().replace(" ", "").split(","):
        fields: dict[str, object] = {"protocol": "http", "method": method, "path": path, "router": Name(scope.owner)}
        fields |= {"handler": scope.name, "framework": "nameko"}
        fields |= described(code, scope, _REQUEST, (method, path))
        yield Fact("endpoint", fields, code.at(scope.node))


def _sent(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """``self.products.get(id)`` through an RpcProxy, ``self.dispatch("order_created", payload)``."""
    held, method = site.receiver, site.method
    if method in _VARIANTS and held is not None and held.type == "attribute":
        method = code.text(held.child_by_field_name("attribute"))
        held = held.child_by_field_name("object")
    proxy = _made(code, held, site.scope) if held is not None else None
    if proxy is not None and proxy.method in ("RpcProxy", "ServiceRpcProxy", "ServiceRpc") and proxy.args:
        topic = concat([code.value(proxy.args[0], proxy.scope), Lit(f".{method}")])
        fields: dict[str, object] = {"broker": "rabbitmq", "topic": topic, "exchange": _EXCHANGE}
        fields["symbol"] = site.scope.name
        shape = arguments_shape(code, site.scope, list(site.args), dict(site.named))
        if shape.fields:
            fields["shape"] = shape
        yield Fact("publish", fields, Location(code.path, site.line))
        return
    dispatcher = _made(code, site.node.child_by_field_name("function"), site.scope)
    if dispatcher is not None and dispatcher.method == "EventDispatcher" and site.args:
        fields = {"broker": "rabbitmq", "topic": code.value(site.args[0], site.scope)}
        fields["exchange"] = concat([_service_name(code, site.scope), Lit(".events")])
        fields["symbol"] = site.scope.name
        payload = code.shape(site.arg(1, "event_data"), site.scope)
        if payload.fields or payload.named:
            fields["shape"] = payload
        yield Fact("publish", fields, Location(code.path, site.line))


def _made(code: PyCode, node: Node | None, scope: Scope) -> CallSite | None:
    """What made a name or an attribute that the class body assigns."""
    dotted = code.dotted(node) if node is not None else ""
    if not dotted:
        return None
    if dotted.startswith("self.") and scope.owner:
        owner = code.scope(scope.owner)
        for assign in code.assigned(owner, dotted[5:]) if owner is not None else ():
            made = code.site(assign.value) if assign.value is not None else None
            if made is not None:
                return made
        return None
    return code.made_of(dotted, scope)


PACK = Nameko()
