"""gRPC in Go: servers by what they register or embed, and calls through stubs with the channel they were made with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_rpc import generated_name, stub_channel, stub_service

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_REGISTER = re.compile(r"^Register(\w+)Server$")
_GENERATED, _WRAPPER = b"DO NOT EDIT", b"zrpc.Client"
"""go-zero generates clients around the stubs; other generated code calls nothing by itself."""
_GATEWAY = re.compile(r"^Register(\w+?)(?:Handler(FromEndpoint|Client|Server)?|HTTPServer)$")
_HANDLER = re.compile(r"^New(\w+)Handler$")
_EMBEDDED = re.compile(r"^Unimplemented(\w+)Server$")
_CLIENT = re.compile(r"^(?:New(?=[A-Z]\w*Client$))?((?!New$)\w+)Client$")
_HEALTH = "google.golang.org/grpc/health/grpc_health_v1"
_REFLECTION = "google.golang.org/grpc/reflection"


class Grpc:
    """grpc-go servers and stubs."""

    name: str = "go_grpc"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"google.golang.org/grpc", b"Server(", b"Client", b"HandlerFromEndpoint(")
    generated: bool = True

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Services served and calls through stubs.

        Args:
            parsed: a Go file.
        """
        if parsed.path.endswith(".pb.go") or (_GENERATED in parsed.data[:2000] and _WRAPPER not in parsed.data):
            return
        served: set[str] = set()
        for site in parsed.calls:
            yield from _served(parsed, site, served)
            if site.method == "Register" and parsed.origin(site.dotted) == f"{_REFLECTION}.Register":
                yield from _reflected(parsed, site)
        yield from _embedded(parsed, served)
        for site in parsed.calls:
            call = _called(parsed, site)
            if call is not None:
                yield call


def _reflected(code: GoCode, site: CallSite) -> Iterator[Fact]:
    for version in ("v1", "v1alpha"):
        path = f"grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        fields = {
            "protocol": "grpc",
            "method": "rpc",
            "path": Lit(path),
            "handler": "",
            "framework": "go_grpc",
            "operational": True,
        }
        yield Fact("endpoint", fields, Location(code.path, site.line))


def _full(code: GoCode, local: str, service: str) -> str:
    found = code.imports.get(local)
    return f"grpc.health.v1.{service}" if found is not None and found.module == _HEALTH else service


def _served(code: GoCode, site: CallSite, served: set[str]) -> Iterator[Fact]:
    """``RegisterXServer(srv, impl)``, grpc-gateway's handlers, go-micro's handlers and connect's handlers."""
    if site.dotted.count(".") != 1 or not site.args:
        return
    local = site.dotted.partition(".")[0]
    found = code.imports.get(local)
    if found is None:
        return
    match = _REGISTER.match(site.method)
    if match is not None and len(site.args) == 2 and not match.group(1).endswith("HTTP"):
        yield _registered(code, site, match.group(1), served)
        return
    connect = _HANDLER.match(site.method) if found.module.endswith("connect") else None
    if connect is not None:
        yield _implemented(code, site, connect.group(1), (site.args[0], served))
        return
    match = _GATEWAY.match(site.method) if generated_name(code, found.module) else None
    if match is None:
        return
    if site.method.endswith("Handler") and len(site.args) >= 2 and "erver" in code.text(site.args[0]):
        yield _implemented(code, site, match.group(1), (site.args[1], served))
    elif len(site.args) > 1:
        yield _gateway(code, site, match)


def _gateway(code: GoCode, site: CallSite, match: re.Match[str]) -> Fact:
    """grpc-gateway: this program answers the HTTP requests the service's proto file describes."""
    fields: dict[str, object] = {
        "service": match.group(1),
        "symbol": site.scope.name,
        "framework": "go_grpc",
        "gateway": True,
    }
    if (
        match.group(2) in ("FromEndpoint", "Client", None)
        and len(site.args) > 2
        and not site.method.endswith("HTTPServer")
    ):
        fields["target"] = code.value(site.args[2], site.scope)
    return Fact("rpc_service", fields, Location(code.path, site.line))


def _registered(code: GoCode, site: CallSite, service: str, served: set[str]) -> Fact:
    return _implemented(code, site, service, (site.args[1], served))


def _implemented(code: GoCode, site: CallSite, service: str, about: tuple[Node, set[str]]) -> Fact:
    node, served = about
    name = _full(code, site.dotted.partition(".")[0], service)
    served.add(name)
    made = code.made_by(node, site.scope)
    owner = code.scope(code.results.get(made, made)) if made else None
    known = owner is not None and owner.sort == "class"
    fields: dict[str, object] = {
        "service": name,
        "symbol": owner.name if owner is not None and known else site.scope.name,
    }
    if not known:
        fields["impl"] = code.value(node, site.scope)
    fields["framework"] = "go_grpc"
    return Fact("rpc_service", fields, Location(code.path, site.line))


def _embedded(code: GoCode, served: set[str]) -> Iterator[Fact]:
    """``type server struct { pb.UnimplementedCartServer }`` serves Cart."""
    for member in code.fields:
        match = _EMBEDDED.match(member.name) if member.embedded else None
        if match is None:
            continue
        local = code.text(member.type).lstrip("*").partition(".")[0]
        name = _full(code, local, match.group(1))
        if name not in served:
            served.add(name)
            fields = {"service": name, "symbol": member.owner.name, "framework": "go_grpc"}
            yield Fact("rpc_service", fields, code.at(member.owner.node))


def _called(code: GoCode, site: CallSite) -> Fact | None:
    if site.receiver is None or not site.method[:1].isupper() or not site.args or not _context(code, site):
        return None
    service = _service(code, site)
    if not service or any(code.string(arg) for arg in site.args[:2]) or _is_struct(code, site):
        return None
    fields: dict[str, object] = {"service": service, "method": site.method}
    target = _target(code, site.receiver, site.scope)
    if target is not None:
        fields["target"] = target
    fields |= {"symbol": site.scope.name, "client": "go_grpc"}
    if len(site.args) > 1:
        sent = code.shape(site.args[1], site.scope)
        if sent.named or sent.fields:
            fields["sends"] = sent
    return Fact("rpc_call", fields, Location(code.path, site.line))


def _is_struct(code: GoCode, site: CallSite) -> bool:
    """Whether the receiver is a field that holds a pointer: stubs are interfaces."""
    name = code.dotted(site.receiver).rpartition(".")[2]
    return any(
        member.name == name and member.type is not None and member.type.type == "pointer_type"
        for member in code.fields
        if member.owner.name == site.scope.owner
    )


def _service(code: GoCode, site: CallSite) -> str:
    """The service of the stub a method is called on, empty when it is no stub."""
    made = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    path, _, last = made.rpartition(".")
    local = code.locals.get(path, "") if path else ""
    wrapped = _CLIENT.match(last)
    if wrapped is not None and last.startswith("New") and _generated_request(code, site) and local:
        return wrapped.group(1)
    if not local:
        return ""
    direct = code.site(bare(site.receiver) or site.receiver) if site.receiver is not None else None
    found = stub_service(code, direct) if direct is not None else ""
    if found:
        return _full(code, local, found)
    match = _CLIENT.match(last)
    if match is not None and (generated_name(code, path) or _own_request(code, site, path)):
        twirp = re.fullmatch(r"(\w+?)(Protobuf|JSON)", match.group(1))
        return _full(code, local, twirp.group(1) if twirp else match.group(1))
    micro = re.fullmatch(r"(?:New)?(\w+Service)", last)
    return micro.group(1) if micro is not None and generated_name(code, path) and _own_request(code, site, path) else ""


def _generated_request(code: GoCode, site: CallSite) -> bool:
    """The request is a literal of a message in a package of generated code."""
    inner = bare(site.args[1]) if len(site.args) > 1 else None
    if inner is None or inner.type != "composite_literal":
        return False
    path = code.annotation(inner.child_by_field_name("type")).rpartition(".")[0]
    return bool(path) and generated_name(code, path)


def _own_request(code: GoCode, site: CallSite, path: str) -> bool:
    """The request is a message of the stub's own package."""
    made = code.made_by(site.args[1], site.scope) if len(site.args) > 1 else ""
    return made.rpartition(".")[0] == path


def _context(code: GoCode, site: CallSite) -> bool:
    """Every generated method takes the context first."""
    first = bare(site.args[0])
    if first is None:
        return False
    dotted = code.dotted(first)
    text = code.text(first)
    return "ctx" in text.lower() or "ontext" in text or (bool(dotted) and "ontext" in code.type_of(dotted, site.scope))


def _target(code: GoCode, node: Node, scope: Scope) -> Value | None:
    inner = bare(node)
    if inner is None:
        return None
    made = code.site(inner)
    if made is not None:
        channel = stub_channel(code, made)
        return code.value(channel, scope) if channel is not None else code.value(inner, scope)
    dotted = code.dotted(inner)
    if not dotted:
        return None
    for assign in code.assigned(scope, dotted):
        built = code.site(assign.value) if assign.value is not None and not assign.key else None
        channel = stub_channel(code, built) if built is not None else None
        if channel is not None:
            return code.value(channel, scope)
    value = code.value(inner, scope)
    return value if not isinstance(value, Name) or value.name else None


PACK = Grpc()
