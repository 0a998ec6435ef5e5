"""HTTP clients declared as C# interfaces: Refit and RestEase; and fluent ones: Flurl and RestSharp."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Config, Fact, Lit, Location, Shape, Unknown, Value
from scanners.idioms import cs_clients, cs_http
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_scopes import parameters
from scanners.idioms.cs_shapes import of_ref
from scanners.idioms.cs_values import initialised

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_VERBS = {v.capitalize(): v.upper() for v in ("get", "post", "put", "patch", "delete", "head", "options")}
_FLURL = re.compile(r"^(Get|Post|Put|Patch|Delete|Head|Send)(Json|String|UrlEncoded|Multipart|Stream|Bytes)?(Async)?$")
_FLURL_SURE = re.compile(r"^(Get|Post|Put|Patch|Delete)Json(Async)?$|^PostUrlEncodedAsync$")
_SENDS = re.compile(r"(Execute|Get|Post|Put|Delete|Patch)")
_MARKS = tuple(f"[{verb}(".encode() for verb in _VERBS)
_RESPONSES = ("HttpResponseMessage", "IApiResponse", "Response", "HttpContent", "string")


class Refit:
    """Refit, RestEase, Flurl and RestSharp."""

    name: str = "refit"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (
        b"Refit",
        b"RestEase",
        b"Flurl",
        b"RestSharp",
        b"RestRequest",
        b"RestService.For",
        *_MARKS,
    )

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Requests.

        Args:
            parsed: a C# file.
        """
        for scope in parsed.scopes[1:]:
            if scope.sort == "method" and scope.parent is not None and scope.parent.sort == "interface":
                yield from _declared(parsed, scope)
        for site in parsed.calls:
            if site.method == "For" and parsed.dotted(site.receiver).endswith(("RestService", "RestClient")):
                yield from _made(parsed, site)
            elif site.method == "RestRequest" and site.receiver is None:
                yield from _rest_sharp(parsed, site)
            elif site.receiver is not None and b"Flurl" in parsed.data and _FLURL.match(site.method):
                yield from _flurl(parsed, site)


def _declared(code: CsCode, scope: Scope) -> Iterator[Fact]:
    for mark in code.attributes_of(scope.node):
        if mark.name not in _VERBS:
            continue
        path = cs_http.route(code.value(mark.arg(0), scope)) if mark.args else Lit("")
        base = scope.parent
        prefix = (
            next((a for a in code.attributes_of(base.node) if a.name == "BasePath"), None) if base is not None else None
        )
        if prefix is not None:
            path = cs_http.joined([code.value(prefix.arg(0), scope), path])
        owner = scope.owner.rpartition(".")[2] if scope.owner else _interface(scope)
        fields: dict[str, object] = {"method": Lit(_VERBS[mark.name]), "url": path}
        fields |= {"base": Config(cs_clients.key("HttpClient", owner)), "symbol": scope.name, "client": "refit"}
        body = _body(code, scope, (_VERBS[mark.name], path))
        if body is not None and body != ANYTHING:
            fields["sends"] = body
        reads = _returned(code, scope)
        if reads is not None:
            fields["reads"] = reads
        yield Fact("http_call", fields, Location(code.path, int(mark.node.start_point[0]) + 1))


def _interface(scope: Scope) -> str:
    return scope.parent.name.rpartition(".")[2] if scope.parent is not None else ""


def _body(code: CsCode, scope: Scope, about: tuple[str, Value]) -> Shape | None:
    """The parameter marked as body; without one, of a method that sends, the first that is nothing else."""
    method, path = about
    inside = cs_http.in_path(path)
    given = parameters(code, scope.node)
    for made in given:
        if any(a.name == "Body" for a in code.attributes_of(made.node)):
            return of_ref(made.type)
    for made in given if method in ("POST", "PUT", "PATCH") else ():
        plain = made.name.lower() not in inside and not code.attributes_of(made.node)
        if plain and made.type is not None and of_ref(made.type).named and made.type.short != "CancellationToken":
            return of_ref(made.type)
    return None


def _returned(code: CsCode, scope: Scope) -> Shape | None:
    ref = code.refs.get(f"{scope.name}.return")
    inner = ref.inner if ref is not None else None
    if inner is None or inner.short in (*_RESPONSES, "Task"):
        return None
    shape = of_ref(inner)
    return shape if shape != ANYTHING else None


def _made(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``RestService.For<IOrders>("http://orders")``."""
    types = code.type_args(site)
    if types and site.args and site.args[0].type != "lambda_expression":
        value, scope = _address_of(code, site.args[0], site.scope)
        if not isinstance(value, Unknown):
            yield cs_clients.given(code, ("HttpClient", types[0].short), value, scope, site.line)


def _address_of(code: CsCode, node: Node, scope: Scope) -> tuple[Value, Scope]:
    """The address a client is made with: written in place, or of the HttpClient it is made from."""
    dotted = code.dotted(node)
    made = code.made_of(dotted, scope) if dotted else code.site(node)
    if made is not None and made.method == "HttpClient":
        own = dict(initialised(code, made.node)).get("BaseAddress")
        if own is not None:
            return code.value(own, made.scope), made.scope
    if not dotted or code.type_of(dotted, scope).rpartition(".")[2] != "HttpClient":
        return code.value(node, scope), scope
    for assign in code.assigns:
        if assign.target == f"{dotted}.BaseAddress" and assign.scope is scope and assign.value is not None:
            return code.value(assign.value, scope), scope
    return Config(cs_clients.key("HttpClient", scope.owner.rpartition(".")[2])), scope


def _rest_sharp(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``new RestRequest("orders/{id}", Method.Post)``, sent by a ``RestClient`` of the same class."""
    url = code.value(site.arg(0, "resource"), site.scope) if site.arg(0, "resource") is not None else Lit("")
    verb = code.dotted(site.arg(1, "method")).rpartition(".")[2].upper()
    held = _held(code, site)
    sender = _sender(code, site, held)
    if not verb:
        named = re.match(r"(Get|Post|Put|Patch|Delete)", sender.method) if sender is not None else None
        verb = named[1].upper() if named else "GET"
    fields: dict[str, object] = {"method": Lit(verb), "url": url, "symbol": site.scope.name, "client": "refit"}
    base = _client_base(code, sender) if sender is not None else None
    if base is not None:
        fields["base"] = base
    types = code.type_args(sender) if sender is not None else ()
    if types and of_ref(types[0]) != ANYTHING:
        fields["reads"] = of_ref(types[0])
    body = _json_body(code, site, held)
    if body != ANYTHING:
        fields["sends"] = body
    yield Fact("http_call", fields, Location(code.path, site.line))


def _held(code: CsCode, site: CallSite) -> str:
    """The name a request object is kept under, settings chained behind its construction left out."""
    node = site.node.parent
    while node is not None and node.type in ("member_access_expression", "invocation_expression"):
        node = node.parent
    named = node.child_by_field_name("name") if node is not None and node.type == "variable_declarator" else None
    return code.text(named)


def _sender(code: CsCode, site: CallSite, name: str) -> CallSite | None:
    """The call that sends a request object."""
    for other in code.calls:
        if other.scope is site.scope and other.receiver is not None and _SENDS.match(other.method):
            named = name and any(code.dotted(a) == name for a in other.args)
            if named or any(a.id == site.node.id for a in other.args):
                return other
    return None


def _json_body(code: CsCode, site: CallSite, name: str) -> Shape:
    for other in code.calls:
        if other.method in ("AddJsonBody", "AddBody") and other.args and code.dotted(other.receiver) == name and name:
            return code.shape(other.args[0], other.scope)
    for later in cs_clients.chained(code, site):
        if later.method in ("AddJsonBody", "AddBody") and later.args:
            return code.shape(later.args[0], later.scope)
    return ANYTHING


def _client_base(code: CsCode, sender: CallSite) -> Value | None:
    made = code.made_of(code.dotted(sender.receiver), sender.scope) if sender.receiver is not None else None
    if made is None or made.method != "RestClient" or not made.args:
        return None
    first = made.args[0]
    inner = code.site(first)
    inner = inner or code.made_of(code.dotted(first), made.scope)
    if inner is not None and inner.method == "RestClientOptions" and inner.args:
        return cs_clients.qualified(code, code.value(inner.args[0], inner.scope), inner.scope)
    return cs_clients.qualified(code, code.value(first, made.scope), made.scope)


def _flurl(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``url.AppendPathSegment("orders").PostJsonAsync(order)``."""
    if site.receiver is None or not (_FLURL_SURE.match(site.method) or _from_url(code, site.receiver, site.scope)):
        return
    verb = re.match(r"(Get|Post|Put|Patch|Delete|Head)", site.method)
    url = code.value(_address(code, site.receiver), site.scope)
    if isinstance(url, Unknown) and not _FLURL_SURE.match(site.method):
        return
    fields: dict[str, object] = {"method": Lit(verb[1].upper() if verb else "ANY"), "url": url}
    fields |= {"symbol": site.scope.name, "client": "refit"}
    types = code.type_args(site)
    if types and of_ref(types[0]) != ANYTHING:
        fields["reads"] = of_ref(types[0])
    else:
        read = cs_clients.decoded(code, site, [])
        if read is not None:
            fields["reads"] = read
    body = (
        code.shape(site.args[0], site.scope)
        if site.args and "Json" in site.method and verb and verb[1] != "Get"
        else ANYTHING
    )
    if body != ANYTHING:
        fields["sends"] = body
    yield Fact("http_call", fields, Location(code.path, site.line))


_URL_STEPS = re.compile(
    r"^(AppendPathSegments?|SetQueryParams?|With\w+|AllowHttpStatus|AllowAnyHttpStatus|Configure\w*)$"
)


def _address(code: CsCode, node: Node) -> Node:
    """The expression of the URL, settings of the request left out."""
    at = node
    for _ in range(24):
        site = code.site(at) if at.type == "invocation_expression" else None
        if (
            site is None
            or site.receiver is None
            or not _URL_STEPS.match(site.method)
            or site.method.startswith("Append")
        ):
            return at
        at = site.receiver
    return at


def _from_url(code: CsCode, node: Node, scope: Scope) -> bool:
    site = code.site(node) if node.type == "invocation_expression" else None
    if site is not None:
        return bool(_URL_STEPS.match(site.method))
    return bool(code.string(node)) or node.type == "interpolated_string_expression"


PACK = Refit()
