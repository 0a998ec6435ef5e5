"""Handlers of JavaScript HTTP frameworks: where they are, what they take from a request and what they answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Field, Location, Shape
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.http import status_of
from scanners.idioms.js_reads import Payload, reads
from scanners.idioms.js_schemas import schema
from scanners.idioms.js_scopes import parameters
from scanners.idioms.js_shapes import annotation
from scanners.idioms.js_wrapped import helped
from scanners.idioms.reading import Reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_WRAPPERS = 4
_MIDDLEWARE = ("authenticate", "static", "json", "urlencoded", "rateLimit", "redirect")
_SENDS = ("json", "send", "end", "sendStatus", "jsonp", "text", "html", "render", "redirect", "body", "response")
_STATUSES = ("status", "code", "statusCode")
_PASSING = (*_STATUSES, "type", "set", "header", "cookie", "headers")
_PARSERS = ("parse", "parseAsync", "safeParse", "safeParseAsync", "validate", "validateAsync", "validateSync")
_REFUSES = re.compile(
    r"\bif\s{0,9}\(([^{};]{1,300}?)\)\s{0,40}\{?[^{}]{0,200}?(?:\b4\d\d\b|\bthrow\b|BAD_REQUEST|BadRequest)"
)
_MISSING = re.compile(r"!\s*(?:[\w.]*\.)?(\w+)\b(?!\s*[(.])")
_PAYLOADS = ("json", "send", "jsonp", "response", "end")


@dataclass(frozen=True, slots=True)
class Style:
    """How a framework hands requests and answers to its handlers.

    Args:
        body: where the request body is, behind the handler's first parameter.
        calls: methods behind the first parameter that decode the body.
        query: where query parameters are.
        answers: names of the object that answers, beside the handler's own second parameter.
        context: the first parameter answers too.
        returned: what a handler returns is the answer.
        status_last: a status is the second argument of the answering call.
    """

    body: tuple[str, ...] = ("body",)
    calls: tuple[str, ...] = ()
    query: tuple[str, ...] = ("query",)
    answers: tuple[str, ...] = ("res", "response", "reply", "resp")
    context: bool = False
    returned: bool = False
    status_last: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a handler.

    Args:
        node: the payload, None without one.
        status: what the code says; 0 when it is left to the framework, -1 when it is chosen at run time.
        line: 1-based.
        scope: where.
    """

    node: Node | None
    status: int
    line: int
    scope: Scope


def handler(code: JsCode, node: Node | None, scope: Scope) -> tuple[str, Scope | None]:
    """Name of a handler and its scope when it is in this file; wrappers like ``asyncHandler(fn)`` are looked into.

    Args:
        code: the file.
        node: the handler's expression.
        scope: where it is registered.
    """
    for _ in range(_WRAPPERS):
        if node is None or node.type != "call_expression":
            break
        site = code.site(node)
        if site is not None and site.method == "bind" and site.receiver is not None:
            node = site.receiver
            continue
        if site is not None and site.method in _MIDDLEWARE:
            return "", None
        listed = node.child_by_field_name("arguments")
        node = listed.named_children[-1] if listed is not None and listed.named_child_count else None
    if node is None:
        return "", None
    inline = next((s for s in code.scopes if s.node.id == node.id), None)
    if inline is not None:
        return inline.name, inline
    return _named_handler(code, code.dotted(node), scope)


def _named_handler(code: JsCode, dotted: str, scope: Scope) -> tuple[str, Scope | None]:
    head, _, rest = dotted.partition(".")
    if head == "this" and scope.owner:
        return f"{scope.owner}.{rest}", code.scope(f"{scope.owner}.{rest}")
    for outer in scope.outward() if dotted else ():
        found = code.scope(f"{outer.name}.{dotted}" if outer.name else dotted)
        if found is not None:
            return found.name, found
    made = code.type_of(head, scope) if rest else ""
    inside = code.scope(f"{made}.{rest}") if made else None
    return (inside.name, inside) if inside is not None else (dotted, None)


def payloads(code: JsCode, scope: Scope, style: Style) -> dict[str, object]:
    """Body, query, answer and status fields of an endpoint fact.

    Args:
        code: the file.
        scope: the handler.
        style: of its framework.
    """
    out: dict[str, object] = {}
    if scope.params:
        body = accepted(code, scope, style)
        if body is not None:
            out["accepts"] = body
        names: dict[str, None] = {}
        for part in style.query:
            names |= dict.fromkeys(path[0] for path in _request(code, scope, (part, ""), style).paths)
        if names:
            out["query"] = tuple(names)
    every = answers(code, scope, style)
    listed = [a for a in every if 0 <= a.status < 400]
    returned = _united([code.shape(a.node, a.scope) if a.node is not None else ANYTHING for a in listed])
    if not listed:
        returned = helped(code, scope, (*style.answers, *scope.params[1:2]))
    if returned != ANYTHING:
        out["returns"] = replace(returned, open=returned.open or any(a.status < 0 for a in every))
    status = next((a.status for a in listed if a.status), 0)
    return out | ({"status": status} if status else {})


def _united(shapes: list[Shape]) -> Shape:
    """What all of several answers are like: a field some of them lack is optional; unknown when one is unknown."""
    if not shapes or any(s.type not in ("object", "array") for s in shapes):
        return ANYTHING
    first = shapes[0]
    if len(shapes) == 1 or all(s == first for s in shapes):
        return first
    if any(s.type != "object" or s.named for s in shapes):
        return ANYTHING
    fields: dict[str, Field] = {}
    for shape in shapes:
        for field in shape.fields:
            known = fields.get(field.name)
            fields[field.name] = (
                field if known is None or known.shape == field.shape else replace(field, shape=ANYTHING)
            )
    everywhere = {n for n in fields if all(s.field(n) is not None for s in shapes)}
    made = tuple(f if f.name in everywhere else replace(f, required=False) for f in fields.values())
    return Shape("object", made, open=any(s.open for s in shapes))


def accepted(code: JsCode, scope: Scope, style: Style) -> Shape | None:
    """The request body a handler reads: the type or schema it is given, else the fields that are read of it.

    Args:
        code: the file.
        scope: the handler.
        style: of its framework.
    """
    declared = _declared(code, scope, style)
    if declared is not None:
        return declared
    found = Reads()
    for part in (*style.body, *style.calls):
        found.merge(_request(code, scope, (part, "()" if part in style.calls else ""), style))
    for name in _refused(code, scope):
        if (name,) in found.paths:
            found.add((name,), required=True)
    return found.shape()


def _refused(code: JsCode, scope: Scope) -> Iterator[str]:
    """Names without which a handler answers 4xx or throws: ``if (!email || !name) return res.status(400)...``."""
    for condition in _REFUSES.finditer(code.text(scope.node)):
        yield from _MISSING.findall(condition[1])


def _request(code: JsCode, scope: Scope, part: tuple[str, str], style: Style) -> Reads:
    path, called = part
    request = scope.params[0]
    span = (scope.node.start_byte, scope.node.end_byte)
    last = path.rpartition(".")[2]
    if request.startswith("{"):
        inside = {p.split(":", 1)[0].split("=", 1)[0].strip() for p in request.strip("{} \n").split(",")}
        head, _, rest = path.partition(".")
        if head not in inside or called:
            return Reads()
        if not rest:
            return reads(code, Payload(lambda _: False, (), {head: ()}, span))
        request, path = head, rest
    wanted = f"{request}.{path}{called}"

    def is_source(node: Node) -> bool:
        sort = "call_expression" if called else "member_expression"
        return node.type == sort and code.text(node).replace("?.", ".") == wanted

    return reads(code, Payload(is_source, (last,), span=span))


def _declared(code: JsCode, scope: Scope, style: Style) -> Shape | None:
    """``const dto: Dto = req.body``, ``req.body as Dto``, ``schema.parse(req.body)``, ``Request<{Body: Dto}>``."""
    request = scope.params[0]
    sources = {f"{request}.{p}" for p in style.body} | {f"{request}.{p}()" for p in style.calls}
    start, end = scope.node.start_byte, scope.node.end_byte
    for assign in code.assigns_within(start, end):
        if assign.value is not None:
            text = code.text(assign.value).removeprefix("await ")
            holder = assign.value.parent
            written = assign.annotation or (holder.child_by_field_name("type") if holder is not None else None)
            shape = annotation(code, written) if text in sources else ANYTHING
            if assign.value.type == "as_expression" and text.split(" as ", 1)[0].strip("( ") in sources:
                shape = annotation(code, assign.value.named_children[-1])
            if shape.named or shape.fields:
                return shape
    for site in code.calls_within(start, end):
        inside = site.method in _PARSERS and site.receiver is not None
        if inside and any(code.text(a).removeprefix("await ") in sources for a in site.args):
            known = schema(code, site.receiver, site.scope, 1)
            if known is not None and known.type == "object":
                return known
    return _of_type(code, scope)


def _of_type(code: JsCode, scope: Scope) -> Shape | None:
    """The body in the type of Express's ``Request<Params, Answer, Body>``."""
    for _, node in list(parameters(code, scope.node))[:1]:
        written = node.child_by_field_name("type")
        generic = written.named_children[0] if written is not None and written.named_child_count else None
        if generic is None or generic.type != "generic_type" or generic.named_child_count < 2:
            return None
        listed = generic.named_children[1].named_children
        shape = annotation(code, listed[2]) if len(listed) > 2 else ANYTHING
        return shape if shape.named or shape.fields else None
    return None


def answers(code: JsCode, scope: Scope, style: Style) -> list[Answer]:
    """What a handler answers, each answer with its status.

    Args:
        code: the file.
        scope: the handler.
        style: of its framework.
    """
    start, end = scope.node.start_byte, scope.node.end_byte
    names = (*style.answers, *scope.params[1:2], *(scope.params[:1] if style.context else ()))
    found = []
    for site in code.calls_within(start, end):
        if site.method in _SENDS:
            answer = sent(code, site, style, names)
            found += [answer] if answer is not None else []
    if style.context and scope.params:
        found += _assigned(code, scope)
    if style.returned:
        found += _returned(code, scope, style)
    return found


def sent(code: JsCode, site: CallSite, style: Style, names: tuple[str, ...]) -> Answer | None:
    """The answer a call sends; None when it answers nothing.

    Args:
        code: the file.
        site: the call.
        style: of the framework.
        names: of objects that answer.
    """
    if site.receiver is None:
        return None
    node = site.arg(0)
    if site.method == "sendStatus":
        return Answer(None, _status(code, node), site.line, site.scope)
    status = _status(code, site.arg(1)) if style.status_last and len(site.args) > 1 else 0
    receiver: Node | None = site.receiver
    for _ in range(_WRAPPERS):
        inner = code.site(receiver) if receiver is not None else None
        if inner is None or inner.receiver is None or inner.method not in _PASSING:
            break
        status = _status(code, inner.arg(0)) if inner.method in _STATUSES else status
        receiver = inner.receiver
    dotted = code.dotted(receiver)
    if dotted.rpartition(".")[2] not in names:
        return None
    if site.method == "response":
        outer = _outer(code, site)
        status = _status(code, outer.arg(0)) if outer is not None else status
    if site.method == "redirect":
        return Answer(None, 302, site.line, site.scope)
    return Answer(node if site.method in _PAYLOADS else None, status, site.line, site.scope)


def _outer(code: JsCode, site: CallSite) -> CallSite | None:
    """``h.response(body).code(201)``: the status comes behind."""
    member = site.node.parent
    call = member.parent if member is not None and member.type == "member_expression" else None
    outer = code.site(call) if call is not None and call.type == "call_expression" else None
    return outer if outer is not None and outer.method in _STATUSES else None


def _status(code: JsCode, node: Node | None) -> int:
    if node is None:
        return 0
    if node.type == "number" or "." in code.text(node):
        return status_of(code, node) or _NAMED.get(code.text(node).rpartition(".")[2], -1)
    return -1


_NAMED = {"OK": 200, "CREATED": 201, "ACCEPTED": 202, "NO_CONTENT": 204, "BAD_REQUEST": 400, "UNAUTHORIZED": 401}
_NAMED |= {"FORBIDDEN": 403, "NOT_FOUND": 404, "CONFLICT": 409, "UNPROCESSABLE_ENTITY": 422}
_NAMED |= {"TOO_MANY_REQUESTS": 429, "INTERNAL_SERVER_ERROR": 500, "SERVICE_UNAVAILABLE": 503, "BAD_GATEWAY": 502}


def _assigned(code: JsCode, scope: Scope) -> Iterator[Answer]:
    """Koa's ``ctx.status = 201; ctx.body = order``."""
    context = scope.params[0]
    start, end = scope.node.start_byte, scope.node.end_byte
    mine = code.assigns_within(start, end)
    statuses = [(a, _block(a.value)) for a in mine if a.target in (f"{context}.status", "ctx.status")]
    for assign in mine:
        if assign.target in (f"{context}.body", "ctx.body", f"{context}.response.body"):
            near = [s for s, block in statuses if block == _block(assign.value)]
            yield Answer(assign.value, _status(code, near[0].value) if near else 0, assign.line, assign.scope)
    answered = {_block(a.value) for a in mine if a.target.endswith(".body")}
    for assign, block in statuses:
        if block not in answered:
            yield Answer(None, _status(code, assign.value), assign.line, assign.scope)


def _block(node: Node | None) -> int:
    while node is not None and node.type != "statement_block":
        node = node.parent
    return node.id if node is not None else 0


def _returned(code: JsCode, scope: Scope, style: Style) -> Iterator[Answer]:
    body = scope.node.child_by_field_name("body")
    if body is not None and body.type != "statement_block":
        yield from _own(code, body, scope, style)
    for node, inside in code.returns:
        if inside is scope and node.named_child_count:
            yield from _own(code, node.named_children[0], scope, style)


def _own(code: JsCode, node: Node, scope: Scope, style: Style) -> Iterator[Answer]:
    """A returned value, unless it is what an answering call gave, which counts as that call."""
    site = code.site(node)
    inner = site
    for _ in range(_WRAPPERS):
        if inner is None or inner.receiver is None:
            break
        if code.dotted(inner.receiver) in (*style.answers, *scope.params[:2]):
            return
        inner = code.site(inner.receiver)
    yield Answer(node, 0, int(node.start_point[0]) + 1, scope)


def responds(code: JsCode, style: Style, names: tuple[str, ...] = ()) -> Iterator[Fact]:
    """Statuses answered anywhere in a file, for handlers and what they call.

    Args:
        code: the file.
        style: of its framework.
        names: further names of objects that answer.
    """
    for site in code.calls:
        if site.method in _SENDS:
            answer = sent(code, site, style, (*style.answers, *names, *site.scope.params[1:2]))
            status = answer.status if answer is not None else 0
        elif site.method == "status" and site.receiver is not None:
            parent = site.node.parent
            plain = parent is not None and parent.type == "expression_statement"
            status = _status(code, site.arg(0)) if plain and code.dotted(site.receiver) in style.answers else 0
        else:
            continue
        if status > 0:
            fields = {"symbol": site.scope.name, "status": status, "error": status >= 400}
            yield Fact("responds", fields, Location(code.path, site.line))
