"""gRPC for .NET: classes that serve generated services, calls through generated clients, and their addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Config, Fact, Field, Location, Name, Shape, Unknown, Value
from scanners.idioms import cs_clients
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_reads import result_reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_REGISTERS = ("AddGrpcClient", "AddCodeFirstGrpcClient")
_NAMESPACES = ("Http", "Smtp", "Pop3", "Imap", "Sockets", "Docker", "Dapr", "Elastic", "Mqtt", "Rest", "Graph")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLUMBING = ("WithHost", "ToString", "GetType", "Equals", "GetHashCode", "CreateClient")


class GrpcDotnet:
    """Grpc.AspNetCore, Grpc.Net.Client and Grpc.Core."""

    name: str = "grpc_dotnet"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (b"Grpc", b"ServerCallContext", b"Client(", b"Client ", b"Base\n", b"Base\r", b"Base ")

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Services served, calls sent, addresses registered.

        Args:
            parsed: a C# file.
        """
        for scope in parsed.scopes:
            if scope.sort == "class":
                yield from _served(parsed, scope)
        for site in parsed.calls:
            if site.method in _REGISTERS:
                yield from _registration(parsed, site)
            elif site.receiver is not None:
                yield from _call(parsed, site)


def _nested(dotted: str, ending: str) -> str:
    """``Basket`` of ``Basket.BasketBase``: generated code nests base class and client in a class named like them."""
    parts = dotted.split(".")
    if len(parts) < 2 or parts[-1] != f"{parts[-2]}{ending}" or parts[-2] in _NAMESPACES:
        return ""
    return parts[-2]


def _served(code: CsCode, scope: Scope) -> Iterator[Fact]:
    for base in scope.bases:
        service = _nested(code.origin(base), "Base") or _unqualified(code, scope, base)
        if service:
            methods = [s for s in code.scopes if s.parent is scope and _handles(code, s)]
            handlers = tuple(sorted((s.name.rpartition(".")[2].partition("/")[0], Name(s.name)) for s in methods))
            fields: dict[str, object] = {"service": service, "symbol": scope.name, "framework": "grpc_dotnet"}
            if handlers:
                fields["handlers"] = handlers
            yield Fact("rpc_service", fields, code.at(scope.node))


def _unqualified(code: CsCode, scope: Scope, base: str) -> str:
    """``GreeterBase`` through ``using static``, told by its methods that take a ServerCallContext."""
    if "." in base or not base.endswith("Base") or base in ("ControllerBase", "ComponentBase"):
        return ""
    served = any(s.parent is scope and _handles(code, s) for s in code.scopes)
    return base.removesuffix("Base") if served else ""


def _handles(code: CsCode, scope: Scope) -> bool:
    words = {code.text(c) for c in scope.node.children if c.type == "modifier"}
    typed = [code.refs.get(f"{scope.name}.{p}") for p in scope.params]
    return "override" in words and any(r is not None and r.short == "ServerCallContext" for r in typed)


def _client(code: CsCode, node: Node | None, scope: Scope) -> str:
    """The service an expression is a client of, empty when it is none."""
    dotted = code.dotted(node)
    if not dotted:
        made = code.site(node) if node is not None else None
        return _nested(code.origin(made.dotted), "Client") if made is not None and made.receiver is None else ""
    ref = code.ref_of(dotted, scope)
    return _nested(code.origin(ref.name), "Client") if ref is not None else ""


def _call(code: CsCode, site: CallSite) -> Iterator[Fact]:
    if site.method in _PLUMBING or not site.method[:1].isupper():
        return
    service = _client(code, site.receiver, site.scope)
    if not service:
        return
    method = site.method.removesuffix("Async") if site.method.endswith("Async") else site.method
    fields: dict[str, object] = {"service": service, "method": method, "target": _target(code, site, service)}
    fields |= {"symbol": site.scope.name, "client": "grpc_dotnet"}
    shape = code.shape(site.args[0], site.scope) if site.args else ANYTHING
    if shape != ANYTHING:
        fields["sends"] = shape
    reads = result_reads(code, site)
    if reads is not None:
        fields["reads"] = _snake(reads)
    yield Fact("rpc_call", fields, Location(code.path, site.line))


def _snake(shape: Shape) -> Shape:
    """Fields under their names in the .proto file, of which C# makes ``UserId``."""
    fields = tuple(Field(_HUMP.sub("_", f.name).lower(), _snake(f.shape), f.required, f.enum) for f in shape.fields)
    item = _snake(shape.item) if shape.item is not None else None
    return Shape(shape.type, fields, item, shape.open, shape.named)


def _target(code: CsCode, site: CallSite, service: str) -> Value:
    dotted = code.dotted(site.receiver)
    made = (
        code.made_of(dotted, site.scope) if dotted else code.site(site.receiver) if site.receiver is not None else None
    )
    if made is not None and _nested(code.origin(made.dotted), "Client") and made.args:
        value = code.value(made.args[0], made.scope)
        return cs_clients.qualified(code, value, made.scope) if not isinstance(value, Unknown) else value
    return Config(cs_clients.key("GrpcClient", service, "Address"))


def _registration(code: CsCode, site: CallSite) -> Iterator[Fact]:
    types = code.type_args(site)
    service = _nested(code.origin(types[0].name), "Client") if types else ""
    service = service or (types[0].short.removesuffix("Client") if types else "")
    later = [s for s in cs_clients.chained(code, site) if s.method in ("ConfigureHttpClient", "ConfigureChannel")]
    for other in (site, *later):
        for node in (*other.args, *other.named.values()):
            for prop in ("Address", "BaseAddress"):
                found = cs_clients.set_inside(code, node, prop)
                if found is not None and service:
                    value, scope, line = found
                    yield cs_clients.given(code, ("GrpcClient", service), value, scope, line)
                    return


PACK = GrpcDotnet()
