"""What runs around other code in .NET: handlers of a client's messages, filters of actions and endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location
from scanners.idioms.code import CallSite
from scanners.idioms.cs_noise import words
from scanners.idioms.cs_types import type_ref

if TYPE_CHECKING:
    from scanners.idioms.cs_code import CsCode
    from scanners.idioms.cs_records import Attribute

_HANDLERS = ("AddHttpMessageHandler", "ConfigurePrimaryHttpMessageHandler", "AddInterceptor")
_CLIENTS = ("AddHttpClient", "AddRefitClient", "AddGrpcClient", "AddTypedClient")
_FILTERS = ("ServiceFilter", "TypeFilter")
_KNOWN = words(
    """ApiController Route Area Authorize AllowAnonymous HttpGet HttpPost HttpPut HttpDelete HttpPatch HttpHead
    HttpOptions ApiVersion MapToApiVersion ProducesResponseType Produces Consumes Tags Obsolete NonAction
    ApiExplorerSettings SwaggerOperation SwaggerResponse EnableCors ValidateAntiForgeryToken ResponseCache
    ActionName AcceptVerbs Topic Dapr FromBody EndpointSummary EndpointDescription EndpointName NonController
    IgnoreAntiforgeryToken SwaggerTag OutputCache EnableRateLimiting RequestSizeLimit DisableRequestSizeLimit"""
)
_STEPS = 24
_LISTENS = re.compile(rb"(?<![\w.])(?:this\.)?([\w.]*\b[A-Z]\w*)\s*\+=\s*(?:this\.)?([A-Z][\w.]*)\s*;")


def facts(code: CsCode) -> Iterator[Fact]:
    """``around`` facts of a file.

    Args:
        code: the file.
    """
    for site in code.calls:
        if site.receiver is None:
            continue
        if site.method in _HANDLERS:
            yield from _handler(code, site)
        elif site.method == "UseMiddleware":
            yield from _middleware(code, site)
        elif site.method == "AddEndpointFilter":
            yield from _endpoint_filter(code, site)
    if b"Controller" in code.data:
        yield from _filters(code)
    if b"IPipelineBehavior" in code.data:
        yield from _behaviors(code)
    if b"JsonConverter" in code.data:
        yield from _converters(code)
    yield from _listeners(code)


def _middleware(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``app.UseMiddleware<KeyMiddleware>()``."""
    asked = [type_ref(code, a.child_by_field_name("type")) for a in site.args if a.type == "typeof_expression"]
    for ref in [r for r in (*code.type_args(site), *asked) if r is not None][:1]:
        fields = {"what": "", "runs": ref.name, "symbol": site.scope.name}
        yield Fact("around", fields, Location(code.path, site.line))


def _behaviors(code: CsCode) -> Iterator[Fact]:
    """``class Trimming : IPipelineBehavior<PlaceOrder, string>``."""
    for scope in code.scopes[1:]:
        if scope.sort == "class" and any(b.rpartition(".")[2] == "IPipelineBehavior" for b in scope.bases):
            yield from _fact(code, "<mediator>", scope.name, ("", int(scope.node.start_point[0]) + 1))


def _converters(code: CsCode) -> Iterator[Fact]:
    """``[JsonConverter(typeof(MoneyConverter))]`` on a class or one of its properties."""
    for scope in code.scopes[1:]:
        nodes = [scope.node, *(made.node for made in code.declared.get(scope.name, {}).values())]
        for mark in (m for node in nodes if scope.sort == "class" for m in code.attributes_of(node)):
            for node in mark.args if mark.name == "JsonConverter" else ():
                ref = type_ref(code, node.child_by_field_name("type")) if node.type == "typeof_expression" else None
                if ref is not None:
                    yield from _fact(code, scope.name, ref.name, (scope.name, int(mark.node.start_point[0]) + 1))


def _listeners(code: CsCode) -> Iterator[Fact]:
    """``orders.Placed += Listeners.GivePoints``."""
    for match in _LISTENS.finditer(code.data):
        scope = code.scope_at(match.start())
        what, runs = match[1].decode(), match[2].decode()
        yield from _fact(code, what, runs, (scope.name, code.data.count(b"\n", 0, match.start()) + 1))


def _fact(code: CsCode, what: str, runs: str, site: tuple[str, int]) -> Iterator[Fact]:
    if what and runs:
        yield Fact("around", {"what": what, "runs": runs, "symbol": site[0]}, Location(code.path, site[1]))


def _before(code: CsCode, site: CallSite) -> Iterator[CallSite]:
    """The calls of a chain before one."""
    at: CallSite | None = site
    for _ in range(_STEPS):
        at = code.site(at.receiver) if at is not None and at.receiver is not None else None
        if at is None:
            return
        yield at


def _handler(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``AddHttpClient<Billing>().AddHttpMessageHandler<KeyHandler>()``."""
    runs = code.type_args(site)
    for before in _before(code, site):
        types = code.type_args(before) if before.method in _CLIENTS else ()
        if types and runs:
            yield from _fact(code, types[-1].name, runs[0].name, (site.scope.name, site.line))
            return


def _endpoint_filter(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``app.MapPost("/orders", Place).AddEndpointFilter<Checked>()``."""
    runs = code.type_args(site)
    for before in _before(code, site):
        handler = before.arg(1, "handler") if before.method.startswith("Map") else None
        if handler is not None and runs:
            own = next((s.name for s in code.scopes if s.node.id == handler.id), "")
            yield from _fact(code, own or code.dotted(handler), runs[0].name, (site.scope.name, site.line))
            return


def _filters(code: CsCode) -> Iterator[Fact]:
    """``[ServiceFilter(typeof(Audited))]`` and attributes that may be filters of ours."""
    for scope in code.scopes[1:]:
        if scope.sort not in ("class", "method"):
            continue
        for mark in code.attributes_of(scope.node):
            for name in _running(code, mark):
                yield from _fact(code, scope.name, name, (scope.owner, int(mark.node.start_point[0]) + 1))


def _running(code: CsCode, mark: Attribute) -> Iterator[str]:
    if mark.name not in _FILTERS:
        if mark.name not in _KNOWN:
            yield f"{mark.name}Attribute"
        return
    yield from (ref.name for ref in mark.of)
    for node in mark.args:
        if node.type == "typeof_expression":
            ref = type_ref(code, node.child_by_field_name("type"))
            if ref is not None:
                yield ref.name
