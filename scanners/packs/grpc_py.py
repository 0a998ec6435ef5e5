"""gRPC in Python: servicers and calls through stubs, of grpcio (its asyncio API too), grpclib and betterproto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Fact, Lit, Location, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.python_results import attribute_reads
from scanners.idioms.python_values import is_local

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_KNOWN = {"grpc_health": "grpc.health.v1.Health", "grpc_reflection": "grpc.reflection.v1alpha.ServerReflection"}
_CHANNELS = ("insecure_channel", "secure_channel", "Channel")
_WRAPS = ("intercept_channel",)
_VARIANTS = ("future", "with_call")
_STEPS = 5


class GrpcPy:
    """Servers and clients generated from .proto files."""

    name: str = "grpc_py"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"_pb2_grpc", b"grpclib", b"_grpc import", b"Servicer", b"Stub(", b"betterproto")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Services served and calls sent.

        Args:
            parsed: a Python file.
        """
        yield from _classes(parsed)
        yield from _registrations(parsed)
        stubs = _stub_types(parsed)
        for site in parsed.calls:
            if site.receiver is not None:
                yield from _sent(parsed, site, stubs)


def _generated(code: PyCode, origin: str) -> bool:
    """Whether a dotted origin lies in a module protoc writes."""
    module = origin.rpartition(".")[0]
    return "_pb2_grpc" in module or module.endswith("_grpc") or "pb2_grpc" in module


def _service(origin: str, suffix: str) -> str:
    known = next((full for head, full in _KNOWN.items() if origin.startswith(head)), "")
    return known or origin.rsplit(".", 1)[-1].removesuffix(suffix)


def _served_by(code: PyCode, scope: Scope) -> str:
    """The service a class serves, empty when it is no servicer."""
    for base in scope.bases:
        origin = code.origin(base)
        last = origin.rsplit(".", 1)[-1]
        if last.endswith("Servicer") and last != "Servicer":
            return _service(origin, "Servicer")
        if last.endswith("Base") and last != "Base" and (b"grpclib" in code.data or b"_grpc import" in code.data):
            return _service(origin, "Base")
    return ""


def _classes(code: PyCode) -> Iterator[Fact]:
    for scope in code.scopes:
        service = _served_by(code, scope) if scope.sort == "class" else ""
        if service:
            fields = {"service": service, "symbol": scope.name, "framework": "grpc_py"}
            yield Fact("rpc_service", fields, code.at(scope.node))


def _registrations(code: PyCode) -> Iterator[Fact]:
    """``add_XServicer_to_server(Impl(), server)`` where the class itself does not say what it serves in this file."""
    for site in code.calls:
        if not site.method.startswith("add_") or not site.method.endswith("Servicer_to_server") or not site.args:
            continue
        service = _service(f"{code.origin(site.dotted)}", "Servicer_to_server").removeprefix("add_")
        name = _class_of(code, site.args[0], site.scope)
        scope = code.scope(name) if name else None
        if scope is not None and _served_by(code, scope) == service:
            continue
        fields = {"service": service, "symbol": name or site.scope.name, "framework": "grpc_py"}
        yield Fact("rpc_service", fields, Location(code.path, site.line))


def _class_of(code: PyCode, node: Node, scope: Scope) -> str:
    made = code.site(node)
    if made is not None:
        return made.dotted
    dotted = code.dotted(node)
    found = code.made_of(dotted, scope) if dotted else None
    return found.dotted if found is not None else ""


def _stub_types(code: PyCode) -> set[str]:
    """Origins of the stub classes this file names."""
    origins = {made for made in code.types.values() if made.endswith("Stub")}
    origins |= {code.origin(s.dotted) for s in code.calls if s.method.endswith("Stub") and s.dotted}
    return {o for o in origins if _generated(code, o) or b"grpclib" in code.data or b"betterproto" in code.data}


def _sent(code: PyCode, site: CallSite, stubs: set[str]) -> Iterator[Fact]:
    held, method = site.receiver, site.method
    if method in _VARIANTS and held is not None and held.type == "attribute":
        method = code.text(held.child_by_field_name("attribute"))
        held = held.child_by_field_name("object")
    if held is None or method.startswith("__"):
        return
    made_by = code.made_by(held, site.scope)
    if made_by not in stubs:
        return
    fields: dict[str, object] = {"service": _service(made_by, "Stub"), "method": method, "symbol": site.scope.name}
    fields["client"] = "grpc_py"
    target = _target(code, held, site.scope)
    if target is not None:
        fields["target"] = target
    sent = code.shape(site.args[0], site.scope) if site.args else None
    if sent is not None and (sent.fields or sent.named):
        fields["sends"] = sent
    read = attribute_reads(code, site)
    if read is not None:
        fields["reads"] = read
    yield Fact("rpc_call", fields, Location(code.path, site.line))


def _target(code: PyCode, stub: Node, scope: Scope) -> Value | None:
    """The address the stub's channel leads to, as far as this file shows it from here; else the stub's name."""
    written = code.dotted(stub)
    made = code.site(stub) or (code.made_of(written, scope) if written else None)
    given = made.arg(0, "channel") if made is not None else None
    for _ in range(_STEPS):
        if made is None or given is None:
            break
        channel = code.site(given)
        if channel is None:
            name = code.dotted(given)
            channel = code.made_of(name, made.scope) if name else None
        if channel is None:
            break
        if channel.method in _WRAPS:
            made, given = channel, channel.arg(0, "channel")
            continue
        if channel.method not in _CHANNELS:
            break
        address = _address(code, channel)
        if _seen_from(address, channel.scope, scope):
            return address
        break
    return code.value(stub, scope) if written else None


def _address(code: PyCode, channel: CallSite) -> Value:
    if channel.method == "Channel":
        host, port = channel.arg(0, "host"), channel.arg(1, "port")
        first = code.value(host, channel.scope) if host is not None else Lit("localhost")
        return Concat((first, Lit(":"), code.value(port, channel.scope))) if port is not None else first
    return code.value(channel.arg(0, "target"), channel.scope)


def _seen_from(address: Value, there: Scope, here: Scope) -> bool:
    """Whether an address written in one scope means the same in another: it names nothing local."""
    if there is here or there.sort == "module":
        return True
    return not is_local(address, there)


PACK = GrpcPy()
