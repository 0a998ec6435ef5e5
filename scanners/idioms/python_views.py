"""What Python request handlers take in and answer, whatever the framework calls its request and its answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Shape, Value
from scanners.idioms.code import MAX_DEPTH, CallSite, Scope
from scanners.idioms.http import operational, status_of
from scanners.idioms.python_reads import Payload, reads
from scanners.idioms.python_shapes import merged

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

Where = Callable[["Node"], bool]
_BRANCHES = ("if_statement", "elif_clause")
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE", "ANY")


@dataclass(frozen=True, slots=True)
class Incoming:
    """How a framework hands a request to its handlers.

    Args:
        requests: names of the request object, ``self.request`` included.
        calls: methods of it that give the decoded body.
        attributes: attributes of it that are the decoded body.
        raw: attributes or methods of it that are the body's bytes.
        query: attributes of it that hold query parameters.
        asks: methods whose first argument is a query parameter's name.
        answers: calls that build an answer, with the keyword of the status.
        status_at: position of the status in those calls.
        plain: what a handler returns is the body, a tuple is body and status.
    """

    requests: tuple[str, ...] = ("request", "self.request", "req")
    calls: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    status_at: int = 1
    plain: bool = False


def _anywhere(_: Node) -> bool:
    return True


def described(
    code: PyCode, scope: Scope, incoming: Incoming, about: tuple[str, Value], where: Where = _anywhere
) -> dict[str, object]:
    """The fields of an endpoint fact that the handler's body says: accepts, query, returns, status, operational.

    Args:
        code: the file.
        scope: the handler.
        incoming: its framework.
        about: method and path.
        where: whether code at a node serves this method.
    """
    method, path = about
    out: dict[str, object] = {}
    body = body_of(code, scope, incoming) if method in _WITH_BODY else None
    if body is not None:
        out["accepts"] = body
    query = query_of(code, scope, incoming)
    if query:
        out["query"] = query
    returned, status = success(code, scope, incoming, where)
    if returned != ANYTHING:
        out["returns"] = returned
    if status:
        out["status"] = status
    if operational(path):
        out["operational"] = True
    return out


def body_of(code: PyCode, scope: Scope, incoming: Incoming) -> Shape | None:
    """The fields of a request's body that a handler reads; None when it reads none.

    Args:
        code: the file.
        scope: the handler.
        incoming: its framework.
    """
    calls = {f"{r}.{c}" for r in incoming.requests for c in incoming.calls}
    attributes = {f"{r}.{a}" for r in incoming.requests for a in incoming.attributes}
    raw = tuple(f"{r}.{a}" for r in incoming.requests for a in incoming.raw)

    def is_source(node: Node) -> bool:
        if node.type == "attribute":
            return code.dotted(node) in attributes
        site = code.site(node) if node.type == "call" else None
        if site is None or site.node.id != node.id:
            return False
        parsed = site.method in ("loads", "json_decode", "decode") and bool(site.args)
        return site.dotted in calls or (parsed and code.text(site.args[0]).startswith((*raw, "await ")))

    marks = (*incoming.calls, *incoming.attributes, "loads", "json_decode")
    return reads(code, scope, Payload(is_source, marks)).shape()


def query_of(code: PyCode, scope: Scope, incoming: Incoming) -> tuple[str, ...]:
    """The query parameters a handler reads by name.

    Args:
        code: the file.
        scope: the handler.
        incoming: its framework.
    """
    holders = {f"{r}.{q}" for r in incoming.requests for q in incoming.query}
    found = [
        (s.node.start_byte, code.string(s.args[0]))
        for s in code.called("get", "getlist", "getall", "getone")
        if s.scope is scope and s.args and s.receiver is not None and code.dotted(s.receiver) in holders
    ]
    found += [
        (n.start_byte, code.string(n.child_by_field_name("subscript")))
        for n, s in code.subscripts
        if s is scope and code.dotted(n.child_by_field_name("value")) in holders
    ]
    found += [
        (s.node.start_byte, code.string(s.args[0])) for s in code.called(*incoming.asks) if s.scope is scope and s.args
    ]
    return tuple(dict.fromkeys(name for _, name in sorted(found) if name))


def answered(code: PyCode, scope: Scope, incoming: Incoming) -> Iterator[tuple[CallSite, int]]:
    """The answers a handler builds in place, with their status, 0 when it does not say.

    Args:
        code: the file.
        scope: the handler.
        incoming: its framework.
    """
    for site in code.called(*incoming.answers):
        if site.scope is scope:
            yield site, status_of(code, site.arg(incoming.status_at, "status", "status_code"))


def success(code: PyCode, scope: Scope, incoming: Incoming, where: Where = _anywhere) -> tuple[Shape, int]:
    """The payload and status of a handler's success.

    Args:
        code: the file.
        scope: the handler.
        incoming: its framework.
        where: whether code at a node counts.
    """
    found: list[tuple[Shape, int]] = []
    for site, given in answered(code, scope, incoming):
        if given >= 400 or not where(site.node) or _caught(site.node):
            continue
        content = site.arg(0, "data", "content", "body", "object")
        found.append((code.shape(content, scope) if content is not None else ANYTHING, given))
    status = next((given for _, given in found if given), 0)
    known = [shape for shape, _ in found if shape.type in ("object", "array")]
    if not known:
        return _returned(code, scope, where, status) if incoming.plain else (ANYTHING, status)
    best = merged(known)
    whole = len(known) == len([s for s, _ in found if s.type != "null"])
    return best if whole or best == ANYTHING else replace(best, open=True), status


def _caught(node: Node) -> bool:
    """Whether an answer is given where something went wrong."""
    outer = node.parent
    for _ in range(MAX_DEPTH):
        if outer is None or outer.type in ("function_definition", "module"):
            return False
        if outer.type == "except_clause":
            return True
        outer = outer.parent
    return False


def _returned(code: PyCode, scope: Scope, where: Where, status: int) -> tuple[Shape, int]:
    for node, place in code.returns:
        if place is not scope or not node.named_child_count or not where(node):
            continue
        body, given = node.named_children[0], 0
        if body.type in ("expression_list", "tuple") and body.named_child_count > 1:
            body, given = body.named_children[0], status_of(code, body.named_children[1])
        shape = code.shape(body, scope)
        if given < 400 and shape.type in ("object", "array"):
            return shape, given or status
    return ANYTHING, status


def status_facts(code: PyCode, incoming: Incoming) -> Iterator[Fact]:
    """Every status that answers of a file name.

    Args:
        code: the file.
        incoming: the framework.
    """
    for site in code.called(*incoming.answers):
        status = status_of(code, site.arg(incoming.status_at, "status", "status_code"))
        if status:
            yield responds(code, site, status)


def responds(code: PyCode, site: CallSite, status: int) -> Fact:
    """The fact that a symbol answers with a status.

    Args:
        code: the file.
        site: where.
        status: the status.
    """
    fields = {"symbol": site.scope.name, "status": status, "error": status >= 400}
    return Fact("responds", fields, code.at(site.node))


def branch(code: PyCode, method: str) -> Where:
    """Whether code serves a method, as far as ``if request.method == "POST":`` around it says.

    Args:
        code: the file.
        method: upper case.
    """

    def serves(node: Node) -> bool:
        inner, outer = node, node.parent
        for _ in range(MAX_DEPTH):
            if outer is None or outer.type in ("function_definition", "module"):
                return True
            asked = _asked(code, outer.child_by_field_name("condition")) if outer.type in _BRANCHES else None
            taken = outer.child_by_field_name("consequence")
            if asked is not None and taken is not None:
                if inner.id == taken.id:
                    return method in asked
                if method in asked and outer.type == "if_statement":
                    return False
            inner, outer = outer, outer.parent
        return True

    return serves


def _asked(code: PyCode, condition: Node | None) -> frozenset[str] | None:
    """The methods a condition asks for, None when it asks for something else."""
    text = code.text(condition)
    if ".method" not in text or "!=" in text or "not in" in text:
        return None
    return frozenset(re.findall(r"[\"']([A-Z]+)[\"']", text.upper())) or None
