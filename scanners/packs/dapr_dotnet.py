"""Dapr from .NET: services invoked by application id, topics of pub/sub components, state stores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Value
from scanners.idioms import cs_clients, cs_http
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_messages import sent
from scanners.idioms.cs_scopes import parameters
from scanners.idioms.cs_shapes import of_ref
from scanners.idioms.expressions import concat

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_INVOKES = ("InvokeMethodAsync", "CreateInvokeMethodRequest", "InvokeMethodWithResponseAsync", "InvokeMethodGrpcAsync")
_STATES = {
    "GetStateAsync": ("read",),
    "GetStateEntryAsync": ("read",),
    "GetBulkStateAsync": ("read",),
    "QueryStateAsync": ("read",),
    "SaveStateAsync": ("write",),
    "DeleteStateAsync": ("write",),
    "TrySaveStateAsync": ("write",),
}
_TYPES = ("DaprClient", "DaprClientBuilder")


class DaprDotnet:
    """The Dapr .NET SDK."""

    name: str = "dapr_dotnet"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (b"Dapr", b"[Topic(", b"WithTopic")

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Invocations, publications, subscriptions, state.

        Args:
            parsed: a C# file.
        """
        for site in parsed.calls:
            if site.receiver is None:
                continue
            if site.method in _INVOKES and _is_client(parsed, site):
                yield from _invoked(parsed, site)
            elif site.method in ("PublishEventAsync", "BulkPublishEventAsync"):
                yield from _published(parsed, site)
            elif site.method in _STATES and _is_client(parsed, site):
                yield from _state(parsed, site)
            elif site.method == "WithTopic":
                yield from _mapped(parsed, site)
        yield from (fact for site in parsed.calls for fact in _clients(parsed, site))
        for scope in parsed.scopes[1:]:
            for mark in parsed.attributes_of(scope.node):
                if mark.name == "Topic" and len(mark.args) > 1 and scope.sort == "method":
                    yield _consumed(parsed, scope, mark.args[1], int(mark.node.start_point[0]) + 1)


def _clients(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``new Orders(DaprClient.CreateInvokeHttpClient("orders"))``: the address of the client class made with it."""
    app = site.arg(0, "appId") if site.method == "CreateInvokeHttpClient" else None
    node: Node | None = site.node
    for _ in range(3 if app is not None else 0):
        node = node.parent if node is not None else None
    made = code.site(node) if node is not None and node.type == "object_creation_expression" else None
    if app is not None and made is not None:
        address = concat([Lit("http://"), code.value(app, site.scope)])
        yield cs_clients.given(code, ("HttpClient", made.method), address, site.scope, site.line)


def _is_client(code: CsCode, site: CallSite) -> bool:
    ref = code.ref_of(code.dotted(site.receiver), site.scope) if site.receiver is not None else None
    if ref is not None:
        return ref.short in _TYPES
    return "dapr" in code.dotted(site.receiver).lower()


def _invoked(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``InvokeMethodAsync<TRequest, TResponse>(HttpMethod.Post, "app-id", "path", data)``."""
    args = list(site.args)
    method: Value = Lit("POST")
    first = code.dotted(args[0]) if args else ""
    if first.startswith("HttpMethod.") or "httpMethod" in site.named:
        method = Lit((first or code.dotted(site.named.get("httpMethod"))).rpartition(".")[2].upper())
        args = args[1:] if first.startswith("HttpMethod.") else args
    app, path = _given(args, site, 0, "appId"), _given(args, site, 1, "methodName")
    if app is None or path is None:
        return
    host = code.value(app, site.scope)
    if site.method != "CreateInvokeMethodRequest" and code.site(app) is not None:
        return
    url = concat([Lit("http://"), host, cs_http.joined([code.value(path, site.scope)])])
    fields: dict[str, object] = {"method": method, "url": url, "symbol": site.scope.name, "client": "dapr_dotnet"}
    types = code.type_args(site)
    if types and of_ref(types[-1]) != ANYTHING and len(types) in (1, 2):
        fields["reads"] = of_ref(types[-1])
    data = _given(args, site, 2, "data")
    shape = sent(code, data, site) if data is not None else ANYTHING
    if shape != ANYTHING:
        fields["sends"] = shape
    yield Fact("http_call", fields, Location(code.path, site.line))


def _given(args: list[Node], site: CallSite, index: int, name: str) -> Node | None:
    return site.named.get(name) or (args[index] if index < len(args) else None)


def _published(code: CsCode, site: CallSite) -> Iterator[Fact]:
    topic = site.arg(1, "topicName")
    if topic is None:
        return
    body = site.arg(2, "data", "events")
    shape = sent(code, body, site) if body is not None else ANYTHING
    fields: dict[str, object] = {"broker": "", "topic": code.value(topic, site.scope), "symbol": site.scope.name}
    if shape != ANYTHING:
        fields["shape"] = shape
    yield Fact("publish", fields, Location(code.path, site.line))


def _consumed(code: CsCode, scope: Scope, topic: Node, line: int) -> Fact:
    fields: dict[str, object] = {"broker": "", "topic": code.value(topic, scope), "symbol": scope.name}
    shapes = [of_ref(p.type) for p in parameters(code, scope.node) if p.type is not None]
    known = next((s for s in shapes if s.named and not s.named.startswith("I") and s.named != "DaprClient"), None)
    if known is not None:
        fields["shape"] = known
    return Fact("consume", fields, Location(code.path, line))


def _mapped(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``app.MapPost("/orders", Handle).WithTopic("pubsub", "orders")``."""
    if len(site.args) < 2:
        return
    inner = code.site(site.receiver) if site.receiver is not None else None
    handler = site.scope.name
    for _ in range(16):
        if inner is None or inner.method.startswith("Map"):
            break
        inner = code.site(inner.receiver) if inner.receiver is not None else None
    if inner is not None and len(inner.args) > 1:
        node = inner.args[1]
        own = next((s for s in code.scopes if s.node.id == node.id), None)
        named = code.dotted(node)
        known = next((s for s in code.scopes if named and s.name.endswith(f"{named}")), None)
        handler = own.name if own is not None else known.name if known is not None else handler
    scope = code.scope(handler) or site.scope
    yield _consumed(code, scope, site.args[1], site.line)


def _state(code: CsCode, site: CallSite) -> Iterator[Fact]:
    store, key = site.arg(0, "storeName"), site.arg(1, "key")
    if store is None or key is None:
        return
    for mode in _STATES[site.method]:
        fields = {"store_kind": "dapr", "dataset": code.value(key, site.scope), "mode": mode, "symbol": site.scope.name}
        yield Fact("access", fields, Location(code.path, site.line))


PACK = DaprDotnet()
