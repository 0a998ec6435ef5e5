"""gRPC from Node: services and stubs of grpc-js, generated clients, nice-grpc and Connect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Location, Name, Value
from scanners.idioms.code import CallSite
from scanners.idioms.javascript import bare, key_of
from scanners.idioms.js_reads import Payload, first_parameters, reads
from scanners.idioms.js_responses import result_reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from graph.values import Shape
    from scanners.idioms.javascript import JsCode

_CREDENTIALS = (b"redentials", b"createInsecure", b"createSsl")
_MAKERS = ("createClient", "createPromiseClient", "createCallbackClient", "createGrpcClient")
_OWN = ("close", "waitForReady", "getChannel", "makeUnaryRequest", "on", "then", "catch", "bind", "addService")
_SUFFIXES = ("Definition", "Client")


class GrpcNode:
    """gRPC in JavaScript and TypeScript."""

    name: str = "grpc_node"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"grpc", b"connectrpc", b"bufbuild/connect")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Services served and methods called.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        for site in parsed.calls:
            yield from _served(parsed, site)
            yield from _called(parsed, site)


def _served(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``server.addService(proto.Cart.service, {...})``, nice-grpc's ``add``, Connect's ``router.service``."""
    if site.receiver is None or len(site.args) < 2 or site.method not in ("addService", "add", "service"):
        return
    dotted = code.dotted(site.args[0])
    name = dotted.removesuffix(".service").rpartition(".")[2]
    if not name[:1].isupper() or (site.method == "add" and not name.endswith(_SUFFIXES)):
        return
    handlers = tuple(sorted(_handlers(code, site)))
    fields = {
        "service": _bare(name),
        "handlers": handlers,
        "symbol": _implementation(code, site),
        "framework": "grpc_node",
    }
    yield Fact("rpc_service", fields, Location(code.path, site.line))


def _bare(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix) or name
    return name


def _handlers(code: JsCode, site: CallSite) -> Iterator[tuple[str, Value]]:
    given = bare(site.args[1])
    if given is not None and given.type == "identifier":
        made = next(
            (a.value for s in site.scope.outward() for a in code.assigned(s, code.text(given)) if a.value), None
        )
        given = bare(made) if made is not None else given
    inline = {s.node.id: s.name for s in code.scopes}
    for child in given.named_children if given is not None and given.type == "object" else ():
        if child.type == "shorthand_property_identifier":
            yield code.text(child), Name(code.text(child))
            continue
        key = key_of(code, child) if child.type in ("pair", "method_definition") else ""
        value = _unbound(code, child.child_by_field_name("value") or child)
        named = inline.get(value.id, "") or code.dotted(value)
        if key and (named or key):
            yield key, Name(named or site.scope.name or key)


def _unbound(code: JsCode, node: Node) -> Node:
    """``Server.charge.bind(this)`` is ``Server.charge``; ``wrap(handler)`` is the handler."""
    site = code.site(node) if node.type == "call_expression" else None
    if site is None:
        return node
    if site.method == "bind" and site.receiver is not None:
        return site.receiver
    return site.args[0] if site.args else node


def _implementation(code: JsCode, site: CallSite) -> str:
    """The class whose methods serve, when an object of one is given."""
    made = code.site(site.args[1])
    if made is not None and made.node.type == "new_expression":
        return made.dotted
    dotted = code.dotted(site.args[1])
    kind = code.type_of(dotted, site.scope) if dotted else ""
    return code.written(kind) if kind[:1].isupper() or "." in kind else site.scope.name


def _called(code: JsCode, site: CallSite) -> Iterator[Fact]:
    if site.method == "promisify" and site.args:
        yield from _promisified(code, site)
        return
    if site.receiver is None or site.method in _OWN or site.node.type == "new_expression":
        return
    stub = _stub(code, site.receiver, site)
    if stub is None:
        return
    service, target = stub
    fields = _call(site, service, (site.method, target))
    sends = code.shape(site.args[0], site.scope) if site.args and site.args[0].type not in _FUNCTIONS else ANYTHING
    if sends.type == "object" and (sends.fields or sends.named):
        fields["sends"] = sends
    read = _reads(code, site)
    if read is not None:
        fields["reads"] = read
    yield Fact("rpc_call", fields, Location(code.path, site.line))


_FUNCTIONS = ("arrow_function", "function_expression")


def _call(site: CallSite, service: str, about: tuple[str, Value | None]) -> dict[str, object]:
    method, target = about
    fields: dict[str, object] = {"service": service, "method": method, "symbol": site.scope.name, "client": "grpc_node"}
    return fields | ({"target": target} if target is not None else {})


def _promisified(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``promisify(client.charge).bind(client)``."""
    member = bare(_unbound(code, site.args[0]))
    inner = member.child_by_field_name("object") if member is not None and member.type == "member_expression" else None
    stub = _stub(code, inner, site) if inner is not None else None
    if stub is not None and member is not None:
        method = code.text(member.child_by_field_name("property"))
        yield Fact("rpc_call", _call(site, stub[0], (method, stub[1])), Location(code.path, site.line))


def _stub(code: JsCode, node: Node, site: CallSite) -> tuple[str, Value | None] | None:
    """The service and address of the stub an expression is; None for anything else."""
    made = code.site(node)
    if made is None:
        dotted = code.dotted(node)
        made = code.made_of(dotted, site.scope) if dotted else None
    if made is None or not made.args:
        return None
    if made.node.type == "new_expression":
        name = made.dotted.rpartition(".")[2]
        secured = any(mark in code.text(a).encode() for a in made.args[1:2] for mark in _CREDENTIALS)
        credentials = len(made.args) > 1 and (secured or _named_credentials(code, made))
        return (_bare(name), code.value(made.args[0], made.scope)) if name[:1].isupper() and credentials else None
    if made.method in _MAKERS and len(made.args) > 1:
        name = code.dotted(made.args[0]).rpartition(".")[2]
        return (_bare(name), _channel(code, made.args[1], made)) if name[:1].isupper() else None
    return None


def _named_credentials(code: JsCode, made: CallSite) -> bool:
    dotted = code.dotted(made.args[1])
    source = code.made_of(dotted, made.scope) if dotted else None
    return "cred" in dotted.lower() or (source is not None and "redentials" in source.dotted)


def _channel(code: JsCode, node: Node, made: CallSite) -> Value | None:
    """The address of nice-grpc's ``createChannel(address)`` and Connect's ``createGrpcTransport({baseUrl})``."""
    from scanners.idioms.javascript import option

    source = code.site(node)
    if source is None:
        dotted = code.dotted(node)
        source = code.made_of(dotted, made.scope) if dotted else None
    if source is None or not source.args:
        return None
    base = option(code, source.args[0], "baseUrl")
    given = base or (source.args[0] if source.args[0].type != "object" else None)
    return code.value(given, source.scope) if given is not None else None


def _reads(code: JsCode, site: CallSite) -> Shape | None:
    """Fields of the answer: of what is awaited, or of the callback's second parameter."""
    held = code.held(site)
    if held is not None and not held.key:
        return result_reads(code, site, held)
    last = site.args[-1] if site.args else None
    patterns = list(first_parameters(code, last)) if last is not None else []
    if last is None or len(patterns) < 2 or patterns[1].type != "identifier":
        return None
    payload = Payload(lambda _: False, (), {code.text(patterns[1]): ()}, (last.start_byte, last.end_byte))
    return reads(code, payload).all()


PACK = GrpcNode()
