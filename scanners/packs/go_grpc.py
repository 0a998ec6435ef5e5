"""gRPC in Go: servers by what they register or embed, and calls through stubs with the channel they were made with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Location, Name, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_rpc import generated_name, stub_channel

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_REGISTER = re.compile(r"^Register(\w+)Server$")
_EMBEDDED = re.compile(r"^Unimplemented(\w+)Server$")
_CLIENT = re.compile(r"^(?:New)?(\w+)Client$")
_HEALTH = "google.golang.org/grpc/health/grpc_health_v1"
_REFLECTION = "google.golang.org/grpc/reflection"


@dataclass(frozen=True, slots=True)
class Grpc:
    """grpc-go servers and stubs."""

    name: str = "go_grpc"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"google.golang.org/grpc", b"Server(", b"Client")

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Services served and calls through stubs.

        Args:
            parsed: a Go file.
        """
        if parsed.path.endswith(".pb.go"):
            return
        served: set[str] = set()
        for site in parsed.calls:
            match = _REGISTER.match(site.method)
            if match is not None and len(site.args) == 2 and site.dotted.count(".") == 1:
                yield _registered(parsed, site, match.group(1), served)
        yield from _embedded(parsed, served)
        for site in parsed.calls:
            call = _called(parsed, site)
            if call is not None:
                yield call


def _full(code: GoCode, local: str, service: str) -> str:
    found = code.imports.get(local)
    return f"grpc.health.v1.{service}" if found is not None and found.module == _HEALTH else service


def _registered(code: GoCode, site: CallSite, service: str, served: set[str]) -> Fact:
    name = _full(code, site.dotted.partition(".")[0], service)
    served.add(name)
    made = code.made_by(site.args[1], site.scope)
    owner = code.scope(code.results.get(made, made)) if made else None
    symbol = owner.name if owner is not None and owner.sort == "class" else site.scope.name
    return Fact(
        "rpc_service", {"service": name, "symbol": symbol, "framework": "go_grpc"}, Location(code.path, site.line)
    )


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
    if site.receiver is None or not site.method[:1].isupper() or not site.args:
        return None
    made = code.made_by(site.receiver, site.scope)
    path, _, last = made.rpartition(".")
    match = _CLIENT.match(last)
    if match is None or not path or not generated_name(code, path) or not _context(code, site):
        return None
    local = code.locals.get(path, "")
    fields: dict[str, object] = {"service": _full(code, local, match.group(1)), "method": site.method}
    target = _target(code, site.receiver, site.scope)
    if target is not None:
        fields["target"] = target
    fields |= {"symbol": site.scope.name, "client": "go_grpc"}
    if len(site.args) > 1:
        sent = code.shape(site.args[1], site.scope)
        if sent.named or sent.fields:
            fields["sends"] = sent
    return Fact("rpc_call", fields, Location(code.path, site.line))


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
