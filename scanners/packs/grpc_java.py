"""gRPC for Java: classes that serve generated services, calls through generated stubs, and their channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Config, Fact, Lit, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.java import Mark
from scanners.idioms.java_noise import words
from scanners.idioms.java_shapes import of_type
from scanners.idioms.java_values import filled
from scanners.idioms.java_web import around, known

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_STUBS = ("BlockingStub", "FutureStub", "Stub", "BlockingV2Stub", "MutinyStub")
_MAKERS = ("newBlockingStub", "newFutureStub", "newStub", "newBlockingV2Stub", "newMutinyStub", "newReactorStub")
_PLUMBING = words(
    """withDeadlineAfter withInterceptors withCallCredentials withChannel withCompression withOption withWaitForReady
    getChannel getCallOptions withExecutor withMaxInboundMessageSize toString build withDeadline"""
)
_CHANNELS = ("forTarget", "forAddress", "newChannelBuilder", "newChannelBuilderForAddress")


class GrpcJava:
    """grpc-java, with its Spring and Quarkus integrations."""

    name: str = "grpc_java"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (b"ImplBase", b"Stub", b"grpc", b"Grpc")

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Services served and calls sent.

        Args:
            parsed: a Java file.
        """
        for scope in parsed.scopes[1:]:
            if scope.sort == "class":
                yield from _served(parsed, scope)
        for site in parsed.calls:
            if site.receiver is not None and site.method not in _PLUMBING:
                yield from _call(parsed, site)


def _served(code: JavaCode, scope: Scope) -> Iterator[Fact]:
    for base in scope.bases:
        parts = base.split(".")
        name = _service(parts[-1], "ImplBase")
        quarkus = any(m.name == "GrpcService" for m in code.on.get(scope.name, ()))
        if not name and quarkus and not parts[-1].endswith("Base"):
            name = parts[-1]
        if name:
            fields = {"service": name, "handlers": (), "symbol": scope.name, "framework": "grpc_java"}
            yield Fact("rpc_service", fields, code.at(scope.node))


def _service(simple: str, ending: str) -> str:
    """``Greeter`` of ``GreeterImplBase`` and of reactive variants of it."""
    if not simple.endswith(ending) or simple == ending:
        return ""
    return simple.removesuffix(ending)


def _call(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    receiver = site.receiver
    if receiver is None:
        return
    service, target = _stub(code, receiver, site.scope)
    if not service:
        return
    fields: dict[str, object] = {
        "service": service,
        "method": site.method,
        "symbol": site.scope.name,
        "client": "grpc_java",
    }
    if target is not None:
        fields["target"] = target
    shape = code.shape(site.args[0], site.scope) if site.args else ANYTHING
    if known(shape):
        fields["sends"] = shape
    held = code.held(site)
    if held is not None and held.annotation is not None:
        read = of_type(code, held.annotation)
        if known(read):
            fields["reads"] = read
    yield Fact("rpc_call", fields, code.at(site.node))


def _stub(code: JavaCode, receiver: Node, scope: Scope) -> tuple[str, Value | None]:
    """The service a stub is for and the address of its channel, empty when it is no stub."""
    dotted = code.dotted(receiver)
    site = code.site(receiver)
    if site is not None:
        return _chained(code, site)
    declared = code.type_of(dotted, scope) if dotted else ""
    made = code.made_of(dotted, scope) if dotted else None
    if made is not None:
        service, target = _chained(code, made)
        if service:
            return service, target
    parts = declared.split(".")
    mark = _client_mark(code, dotted.removeprefix("this."), scope) if dotted else None
    if mark is not None and parts[-1] and not parts[-1].endswith(("Stub", "Channel")):
        return parts[-1], _injected(code, dotted, scope)
    for ending in _STUBS:
        name = _service(parts[-1], ending)
        if name and ("Grpc" in declared or b"Grpc" in code.data):
            return name, _injected(code, dotted, scope)
    return "", None


def _chained(code: JavaCode, site: CallSite) -> tuple[str, Value | None]:
    """``GreeterGrpc.newBlockingStub(channel).withDeadlineAfter(...)``."""
    for step in (site, *code.before(site)):
        if step.method in _MAKERS and step.dotted.endswith(f"Grpc.{step.method}") and step.args:
            name = step.dotted.split(".")[-2].removesuffix("Grpc")
            return name, _channel(code, step.args[0], step.scope)
        if step.method not in _PLUMBING:
            break
    last = [site, *code.before(site)][-1]
    if site.method in _PLUMBING and last.receiver is not None and code.dotted(last.receiver):
        return _stub(code, last.receiver, site.scope)
    return "", None


def _channel(code: JavaCode, node: Node, scope: Scope) -> Value | None:
    dotted = code.dotted(node)
    made = code.site(node) or (code.made_of(dotted, scope) if dotted else None)
    for step in (made, *code.before(made)) if made is not None else ():
        if step.method in _CHANNELS and step.args:
            parts = [filled(code.value(a, step.scope)) for a in step.args[:2]]
            if len(parts) == 2 and step.method in ("forAddress", "newChannelBuilderForAddress"):
                return concat([parts[0], Lit(":"), parts[1]])
            return parts[0]
        if step.method == "createChannel" and step.args:
            return _configured(code.string(step.args[0]))
    return _injected(code, dotted, scope) if dotted else None


def _injected(code: JavaCode, dotted: str, scope: Scope) -> Value | None:
    """The address of an injected channel or stub: ``@GrpcClient("orders")`` is ``grpc.client.orders.address``."""
    mark = _client_mark(code, dotted.removeprefix("this."), scope)
    if mark is None:
        return None
    value = code.value(mark.arg("value"), around(mark.scope)) if mark.arg("value") is not None else Lit(mark.member)
    text = value.value if isinstance(value, Lit) else None
    return _configured(str(text)) if isinstance(text, str) else Unknown("a channel named elsewhere")


def _client_mark(code: JavaCode, name: str, scope: Scope) -> Mark | None:
    """The annotation of a field, or of the constructor's parameter that the field is given."""
    for mark in code.marks.get("GrpcClient", ()):
        owner = mark.scope.parent if mark.scope.sort == "method" else mark.scope
        if owner is None or owner.name != scope.owner:
            continue
        names = {mark.member}
        names |= {
            a.target.removeprefix("this.")
            for a in code.assigns
            if a.scope is mark.scope and code.dotted(a.value) == mark.member
        }
        if name in names:
            return mark
    return None


def _configured(name: str) -> Value:
    spring = Config(f"spring.grpc.client.channels.{name}.address", Lit(name))
    quarkus = Config(f"quarkus.grpc.clients.{name}.host", spring)
    return Config(f"grpc.client.{name}.address", quarkus)


PACK = GrpcJava()
