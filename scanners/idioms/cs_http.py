"""What ASP.NET's ways of serving HTTP have in common: route templates, parameters, answers and their statuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Concat, Fact, Lit, Location, Shape, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_noise import words
from scanners.idioms.cs_reads import OPAQUE, parameter_reads
from scanners.idioms.cs_shapes import of_ref
from scanners.idioms.cs_types import TypeRef
from scanners.idioms.expressions import concat
from scanners.idioms.http import status_of

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode
    from scanners.idioms.cs_records import Declared

VERBS = {f"Http{v.capitalize()}": v.upper() for v in ("get", "post", "put", "patch", "delete", "head", "options")}
_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)[^{}]*\}")
_ANSWERS = {
    "Ok": 200,
    "Json": 200,
    "Text": 200,
    "Content": 200,
    "File": 200,
    "Created": 201,
    "CreatedAtAction": 201,
    "CreatedAtRoute": 201,
    "Accepted": 202,
    "AcceptedAtAction": 202,
    "AcceptedAtRoute": 202,
    "NoContent": 204,
    "BadRequest": 400,
    "ValidationProblem": 400,
    "Unauthorized": 401,
    "Forbid": 403,
    "NotFound": 404,
    "Conflict": 409,
    "UnprocessableEntity": 422,
    "InternalServerError": 500,
    "Problem": 500,
    "Redirect": 302,
    "LocalRedirect": 302,
    "RedirectToAction": 302,
    "SendOkAsync": 200,
    "SendNotFoundAsync": 404,
    "SendNoContentAsync": 204,
    "SendUnauthorizedAsync": 401,
    "SendForbiddenAsync": 403,
    "SendErrorsAsync": 400,
    "SendCreatedAtAsync": 201,
}
_OBJECTS = {"CreatedAtAction": -1, "CreatedAtRoute": -1, "Created": 1, "Accepted": 1, "StatusCode": 1}
_RESULTS = ("Results", "TypedResults", "this", "base", "Send")
_TYPED = {"Ok": 200, "Created": 201, "CreatedAtRoute": 201, "Accepted": 202, "NoContent": 204}
_SIMPLE = words(
    """string int long short bool decimal double float byte char Guid DateTime DateTimeOffset DateOnly TimeOnly
    TimeSpan Uri String Int32 Int64 Boolean uint ulong"""
)
_GIVEN = frozenset({"FromServices", "FromHeader", "FromRoute", "FromKeyedServices", "Service", "FromForm"})
_PLUMBING = re.compile(
    r"^(I[A-Z]\w*|CancellationToken|ClaimsPrincipal|Http(Context|Request|Response)|\w*(DbContext|Context|Service|Services"
    r"|Repository|Handler|Mediator|Factory|Client|Validator|LinkGenerator|Store|Manager|Publisher|Sender|Bus|Logger))$"
)
_FILES = ("IFormFile", "IFormFileCollection", "Stream", "PipeReader")


@dataclass(frozen=True, slots=True)
class Served:
    """Payloads of an operation.

    Args:
        accepts: request body, None when there is none.
        query: query parameters.
        returns: body of the success answer.
        status: success status the code says, 0 when it says none.
    """

    accepts: Shape | None
    query: tuple[str, ...]
    returns: Shape
    status: int

    def fields(self) -> dict[str, object]:
        """As fields of an endpoint fact."""
        out: dict[str, object] = {}
        if self.accepts is not None:
            out["accepts"] = self.accepts
        if self.query:
            out["query"] = self.query
        if self.returns != ANYTHING:
            out["returns"] = self.returns
        if self.status:
            out["status"] = self.status
        return out


def route_text(text: str) -> str:
    """A route template without constraints, defaults and marks of optional parameters: ``{id:int?}`` is ``{id}``.

    Args:
        text: as written.
    """
    out: list[str] = []
    at = depth = 0
    for index, char in enumerate(text):
        if char == "{":
            if depth == 0:
                out.append(text[at:index])
                at = index
            depth += 1
        elif char == "}" and depth:
            depth -= 1
            if depth == 0:
                out.append(_parameter(text[at : index + 1]))
                at = index + 1
    return "".join((*out, text[at:])).removeprefix("~")


def _parameter(text: str) -> str:
    match = re.match(r"\{(\*{0,2})(\w+)", text)
    return f"{{{match[1]}{match[2]}}}" if match else text


def route(value: Value) -> Value:
    """A route as Value, its literal parts without constraints.

    Args:
        value: as written.
    """
    if isinstance(value, Lit) and isinstance(value.value, str):
        return Lit(route_text(value.value))
    if isinstance(value, Concat):
        return Concat(tuple(route(p) for p in value.parts))
    return value


def joined(parts: list[Value]) -> Value:
    """Pieces of a path with one slash between them.

    Args:
        parts: in order.
    """
    out: list[Value] = []
    for part in parts:
        if isinstance(part, Lit) and isinstance(part.value, str):
            if part.value.strip("/"):
                out += [Lit("/"), Lit(part.value.strip("/"))]
        else:
            out += [Lit("/"), part]
    return concat(out)


def replaced(value: Value, tokens: dict[str, Value]) -> Value:
    """A route with ``[controller]`` and the like filled in.

    Args:
        value: route.
        tokens: by name, lower case.
    """
    if isinstance(value, Concat):
        parts: list[Value] = []
        for part in value.parts:
            made = replaced(part, tokens)
            parts += made.parts if isinstance(made, Concat) else (made,)
        return Concat(tuple(parts))
    if not isinstance(value, Lit) or not isinstance(value.value, str) or "[" not in value.value:
        return value
    parts = []
    for index, piece in enumerate(re.split(r"\[(\w+)\]", value.value)):
        if index % 2 == 0:
            parts.append(Lit(piece))
        else:
            parts.append(tokens.get(piece.lower(), Lit(f"[{piece}]")))
    return concat(parts)


def in_path(value: Value) -> set[str]:
    """Names of a route's parameters, lower case.

    Args:
        value: route.
    """
    parts = value.parts if isinstance(value, Concat) else (value,)
    texts = [p.value for p in parts if isinstance(p, Lit) and isinstance(p.value, str)]
    return {m[1].lower() for text in texts for m in _PARAMETER.findall(text)}


def served(code: CsCode, scope: Scope | None, about: tuple[str, set[str]], params: list[Declared]) -> Served:
    """Payloads of an operation, from its handler's parameters and answers.

    Args:
        code: the file.
        scope: the handler, None when it is elsewhere.
        about: HTTP method, and names that stand in the path.
        params: of the handler.
    """
    accepts, query = _parameters(code, about, params)
    if accepts == ANYTHING and scope is not None:
        accepts = _by_keys(code, scope, params)
    returns, status = answered(code, scope) if scope is not None else (ANYTHING, 0)
    return Served(accepts, tuple(query), returns, status)


def _by_keys(code: CsCode, scope: Scope, params: list[Declared]) -> Shape:
    """A body that is read by keys: ``[FromBody] JsonElement body``."""
    for made in params:
        if made.type is not None and made.type.short in OPAQUE:
            read = parameter_reads(code, made.name, (scope.node.start_byte, scope.node.end_byte))
            if read is not None:
                return read
    return ANYTHING


def _parameters(code: CsCode, about: tuple[str, set[str]], params: list[Declared]) -> tuple[Shape | None, list[str]]:
    method, path = about
    body: Shape | None = None
    query: list[str] = []
    for made in params:
        marks = {a.name: a for a in code.attributes_of(made.node)}
        ref = made.type
        if ref is None or made.name.lower() in path or marks.keys() & _GIVEN or ref.short in _FILES:
            continue
        if "FromQuery" in marks or "AsParameters" in marks:
            name = code.string(marks["FromQuery"].arg(-1, "Name")) if "FromQuery" in marks else ""
            query += [name or made.name] if "FromQuery" in marks and _simple(ref) else []
        elif "FromBody" in marks:
            body = of_ref(ref)
        elif _simple(ref):
            query.append(made.name)
        elif not _PLUMBING.match(ref.short) and method in ("POST", "PUT", "PATCH", "ANY", "DELETE"):
            body = body or of_ref(ref)
    return body, query


def _simple(ref: TypeRef) -> bool:
    inner = ref.item or ref
    return inner.short in _SIMPLE


def answered(code: CsCode, scope: Scope) -> tuple[Shape, int]:
    """The body and status of a handler's success answer.

    Args:
        code: the file.
        scope: the handler.
    """
    for mark in code.attributes_of(scope.node):
        found = _produces(code, mark)
        if found is not None and found[0] != ANYTHING:
            return found
    declared = declared_answer(code.refs.get(f"{scope.name}.return"))
    if declared[0] != ANYTHING:
        return declared
    body = scope.node.child_by_field_name("body") if scope.node.type == "lambda_expression" else None
    given = [body] if body is not None and body.type != "block" else []
    given += [n.named_children[0] for n, where in code.returns if where is scope and n.named_child_count]
    for node in given:
        if node is not None:
            found = _answer(code, node, scope)
            if found is not None and found[0] != ANYTHING:
                return found
    return declared


def _produces(code: CsCode, mark: object) -> tuple[Shape, int] | None:
    from scanners.idioms.cs_records import Attribute
    from scanners.idioms.cs_types import type_ref

    if not isinstance(mark, Attribute) or mark.name not in ("ProducesResponseType", "Produces"):
        return None
    typed = next((a for a in (*mark.args, *mark.named.values()) if a.type == "typeof_expression"), None)
    status = next((s for a in mark.args if (s := status_of(code, a))), 200)
    if status >= 300:
        return None
    ref = mark.of[0] if mark.of else type_ref(code, typed.named_children[0]) if typed is not None else None
    return (of_ref(ref), status) if ref is not None else None


def declared_answer(ref: TypeRef | None) -> tuple[Shape, int]:
    """The success answer a return type says: ``Task<Results<Ok<Order>, NotFound>>``.

    Args:
        ref: return type, None without one.
    """
    if ref is None:
        return ANYTHING, 0
    outer = ref.args[0] if ref.short in ("Task", "ValueTask") and ref.args else ref
    for option in outer.args if outer.short == "Results" else (outer,):
        if option.short in _TYPED:
            return (of_ref(option.args[0]) if option.args else ANYTHING), _TYPED[option.short]
    return (of_ref(outer) if outer.short != "Results" else ANYTHING), 0


def _answer(code: CsCode, node: Node, scope: Scope) -> tuple[Shape, int] | None:
    from scanners.idioms.cs_code import bare

    inner = bare(node)
    if inner is None:
        return None
    if inner.type == "conditional_expression":
        found = _answer(code, inner.child_by_field_name("consequence") or inner, scope)
        return found or _answer(code, inner.child_by_field_name("alternative") or inner, scope)
    if inner.type == "switch_expression":
        arms = (c.named_children[-1] for c in inner.named_children if c.type == "switch_expression_arm")
        return next((f for a in arms if (f := _answer(code, a, scope)) is not None), None)
    site = code.site(inner)
    if site is None:
        return code.shape(inner, scope), 0
    status = answer_status(code, site)
    if not status:
        ours = site.receiver is None or code.dotted(site.receiver).rpartition(".")[2] not in _RESULTS
        return (code.shape(inner, scope), 0) if ours else None
    if status >= 300:
        return None
    at = _OBJECTS.get(site.method, 0)
    body = (site.args[at] if site.args and -len(site.args) <= at < len(site.args) else None) if at else site.arg(0)
    return code.shape(body, scope), status


def answer_status(code: CsCode, site: CallSite) -> int:
    """The status a call answers with, 0 when it is no answer.

    Args:
        code: the file.
        site: a call.
    """
    head = code.dotted(site.receiver) if site.receiver is not None else ""
    if site.receiver is not None and head.rpartition(".")[2] not in _RESULTS:
        return 0
    if site.method in ("StatusCode", "SendAsync", "ObjectResult"):
        return status_of(code, site.arg(0 if site.method == "StatusCode" else 1))
    if site.method == "Problem" and site.arg(-1, "statusCode") is not None:
        return status_of(code, site.arg(-1, "statusCode"))
    return _ANSWERS.get(site.method, 0)


def statuses(code: CsCode, wanted: Iterable[CallSite]) -> Iterator[Fact]:
    """``responds`` facts of calls that answer.

    Args:
        code: the file.
        wanted: calls to look at.
    """
    for site in wanted:
        status = answer_status(code, site)
        if status:
            fields = {"symbol": site.scope.name, "status": status, "error": status >= 400}
            yield Fact("responds", fields, Location(code.path, site.line))


_VERSION = re.compile(
    rb"\b(?:HasApiVersion|MapToApiVersion)\(\s*(?:new\s*(?:ApiVersion\s*)?\(\s*)?(\d+)(?:\s*[.,]\s*(\d+))?"
)


def versioned(code: CsCode, value: Value) -> Value:
    """``api/v{version:apiVersion}`` with the only version the file speaks of.

    Args:
        code: the file.
        value: route, constraints left out.
    """
    if not isinstance(value, Lit) or not isinstance(value.value, str) or "ersion}" not in value.value:
        return value
    found = {(m[1].decode(), (m[2] or b"0").decode()) for m in _VERSION.finditer(code.data)}
    if len(found) != 1:
        return value
    major, minor = found.pop()
    short = major if minor == "0" else f"{major}.{minor}"
    return Lit(value.value.replace("{version}", short).replace("{apiVersion}", short))
