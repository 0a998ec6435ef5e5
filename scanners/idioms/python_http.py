"""HTTP requests sent by Python clients: what is sent, where to, and which response fields are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Env, Fact, Lit, Location, Member, Name, Shape, Value
from scanners.idioms.code import Assign, CallSite
from scanners.idioms.http import VERBS
from scanners.idioms.python_reads import Payload, reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode


@dataclass(frozen=True, slots=True)
class PythonClient:
    """A client library as data.

    Args:
        name: of the pack.
        module: its import name.
        clients: its client classes.
        base: keyword of a client class that holds the base URL, or empty.
        body: keywords that hold a body.
    """

    name: str
    module: str
    clients: tuple[str, ...]
    base: str = ""
    body: tuple[str, ...] = ("json", "data", "content")


def client_facts(code: PyCode, client: PythonClient) -> Iterator[Fact]:
    """Every request a file sends with a client library.

    Args:
        code: the file.
        client: the library.
    """
    senders = _senders(client)
    for site in code.calls:
        method = senders.get(code.callee(site))
        if method is not None:
            yield _request(code, client, site, method)


def _senders(client: PythonClient) -> Mapping[str, str]:
    """Callee to its HTTP method, empty for ``request`` and ``stream`` whose first argument says it."""
    owners = [client.module, *(f"{client.module}.{c}" for c in client.clients)]
    senders = {f"{owner}.{verb}": verb.upper() for owner in owners for verb in VERBS}
    return senders | {f"{owner}.{name}": "" for owner in owners for name in ("request", "stream")}


def _request(code: PyCode, client: PythonClient, site: CallSite, method: str) -> Fact:
    at = 0 if method else 1
    verb = Lit(method) if method else _upper(code.value(site.arg(0, "method"), site.scope))
    fields: dict[str, object] = {
        "method": verb,
        "url": code.value(site.arg(at, "url"), site.scope),
        "symbol": site.scope.name,
        "client": client.name,
    }
    base = _base(code, client, site)
    if base is not None:
        fields["base"] = base
    sends = _sent(code, client, site)
    if sends is not None:
        fields["sends"] = sends
    read = response_reads(code, site)
    if read is not None:
        fields["reads"] = read
    return Fact("http_call", fields, Location(code.path, site.line))


def _upper(value: Value) -> Value:
    if isinstance(value, Lit) and isinstance(value.value, str):
        return Lit(value.value.upper())
    return value


def _base(code: PyCode, client: PythonClient, site: CallSite) -> Value | None:
    if not client.base or site.receiver is None:
        return None
    receiver = code.dotted(site.receiver)
    made = code.made_of(receiver, site.scope) if receiver else code.site(site.receiver)
    given = made.arg(-1, client.base) if made is not None else None
    if made is None or given is None:
        return None
    value = code.value(given, made.scope)
    if made.scope is site.scope or not receiver or isinstance(value, Lit | Env):
        return value
    return Member(Name(receiver), client.base)


def _sent(code: PyCode, client: PythonClient, site: CallSite) -> Shape | None:
    for keyword in client.body:
        if keyword in site.named:
            shape = code.shape(site.named[keyword], site.scope)
            return shape if shape != Shape() else None
    return None


def response_reads(code: PyCode, site: CallSite) -> Shape | None:
    """The fields of a request's JSON response that the surrounding function reads; None when unknown.

    Args:
        code: the file.
        site: the request.
    """
    held = code.held(site)
    until = _next_line(code, held)

    def is_source(node: Node) -> bool:
        inner = code.site(node) if node.type == "call" else None
        if inner is None or inner.method != "json" or inner.receiver is None or inner.args:
            return False
        receiver = _bare(inner.receiver)
        if receiver.id == site.node.id:
            return True
        return held is not None and code.dotted(receiver) == held.target and held.line <= inner.line < until

    return reads(code, site.scope, Payload(is_source, ("json",))).all()


def _bare(node: Node) -> Node:
    while node.type in ("await", "parenthesized_expression") and node.named_child_count:
        node = node.named_children[0]
    return node


def result_reads(code: PyCode, site: CallSite, held: Assign | None) -> Shape | None:
    """The fields of a call's result that the surrounding function reads as keys; None when it reads none.

    Args:
        code: the file.
        site: the call.
        held: what the result is assigned to, or None.
    """
    if held is not None:
        text = code.text(site.scope.node)
        if f"{held.target}[" not in text and f"{held.target}.get(" not in text:
            return None
    until = _next_line(code, held)

    def is_source(node: Node) -> bool:
        if node.id == site.node.id:
            return True
        if held is None or node.type != "identifier" or code.text(node) != held.target:
            return False
        return held.line <= int(node.start_point[0]) + 1 < until

    marks = (held.target,) if held is not None else (site.method,)
    return reads(code, site.scope, Payload(is_source, marks)).all()


def _next_line(code: PyCode, held: Assign | None) -> int:
    """The line where the response's name is used for something else."""
    if held is None:
        return 0
    later = [a.line for a in code.assigned(held.scope, held.target) if a.line > held.line]
    return min(later, default=len(code.data))
