"""Requests sent with .NET's HttpClient: plain, named and typed clients, request messages, payloads both ways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import (
    ANYTHING,
    Choice,
    Concat,
    Config,
    Fact,
    Lit,
    Location,
    Member,
    Name,
    Param,
    Shape,
    Unknown,
    Value,
)
from scanners.idioms import cs_clients
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_clients import name_of
from scanners.idioms.cs_values import initialised

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_VERB = re.compile(r"^(Get|Post|Put|Patch|Delete)(From|As|String|Stream|ByteArray)?\w*Async$")
_SURE = re.compile(r"^((Post|Put|Patch)AsJsonAsync|(Get|Delete)FromJsonAsync|GetFromJsonAsAsyncEnumerable)$")
_SENDS = ("SendAsync", "Send")
_KINDS = frozenset({"HttpClient", "HttpMessageInvoker"})
_REGISTERS = ("AddHttpClient", "AddRefitClient", "AddRestEaseClient", "AddTypedClient", "AddKeyedRefitClient")
_PLAIN = re.compile(r"(?i)(http(?!context|request|response)\w*|\w*http_?client|_?client)$")


@dataclass(frozen=True, slots=True)
class HttpClientDotnet:
    """System.Net.Http.HttpClient."""

    name: str = "http_client_dotnet"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (b"HttpClient", b"JsonAsync", b"AddRefitClient", b"SendAsync", b"BaseAddress")

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Requests sent, and the addresses clients are registered with.

        Args:
            parsed: a C# file.
        """
        requests = [s for s in parsed.calls if _is_request(parsed, s)]
        for site in requests:
            fact = _request(parsed, site, requests)
            if fact is not None:
                yield fact
        for site in parsed.calls:
            if site.method in _REGISTERS:
                yield from _registration(parsed, site)


def _is_request(code: CsCode, site: CallSite) -> bool:
    if site.receiver is None:
        return False
    sends = site.method in _SENDS
    if not sends and not _VERB.match(site.method) and not _SURE.match(site.method):
        return False
    if _SURE.match(site.method):
        return True
    made_by = _type(code, site.receiver, site.scope)
    if made_by:
        return made_by in _KINDS
    dotted = code.dotted(site.receiver)
    if not _PLAIN.search(dotted.rpartition(".")[2]) or b"Http" not in code.data:
        return False
    first = site.arg(0)
    if sends:
        return first is not None and _message(code, first, site.scope) is not None
    return first is not None and _url_like(code, first, site.scope)


def _type(code: CsCode, node: Node, scope: Scope) -> str:
    from scanners.idioms.cs_code import bare

    inner = bare(node)
    dotted = code.dotted(inner)
    if dotted:
        made_by = code.type_of(dotted, scope).rpartition(".")[2]
        if made_by:
            return made_by
        made = code.made_of(dotted, scope)
        return "HttpClient" if made is not None and _makes(made) else ""
    site = code.site(inner) if inner is not None else None
    return "HttpClient" if site is not None and _makes(site) else ""


def _makes(site: CallSite) -> bool:
    return site.method in ("CreateClient", "HttpClient", "CreateInvokeHttpClient", "CreateHttpClient")


def _url_like(code: CsCode, node: Node, scope: Scope) -> bool:
    value = code.value(node, scope)
    text = repr(value)
    return "/" in text or not isinstance(value, Lit | Unknown)


def _request(code: CsCode, site: CallSite, requests: list[CallSite]) -> Fact | None:
    if site.method in _SENDS:
        message = _message(code, site.arg(0, "request"), site.scope)
        if message is None:
            method: Value = Lit("ANY")
            url: Value = Unknown("a request message made elsewhere")
            sends = ANYTHING
            given = site.arg(0, "request")
            handed = code.value(given, site.scope) if given is not None else None
            if isinstance(handed, Param):
                method, url = Member(handed, "Method"), Member(handed, "RequestUri")
        else:
            method, url, sends = message
    else:
        verb = re.match(r"Get|Post|Put|Patch|Delete", site.method)
        method = Lit(verb[0].upper() if verb else "ANY")
        given = site.arg(0, "requestUri")
        url = code.value(given, site.scope) if given is not None else Lit("")
        sends = _body(code, site.arg(1, "value", "content"), site) if method != Lit("GET") else ANYTHING
    fields: dict[str, object] = {"method": method, "url": url, "symbol": site.scope.name}
    fields["client"] = "http_client_dotnet"
    base = _base(code, site) if not _absolute(url) else None
    if base is not None:
        fields["base"] = base
    if sends != ANYTHING:
        fields["sends"] = sends
    reads = cs_clients.decoded(code, site, requests)
    if reads is not None:
        fields["reads"] = reads
    return Fact("http_call", fields, Location(code.path, site.line))


def _absolute(url: Value) -> bool:
    first = url.parts[0] if isinstance(url, Concat) and url.parts else url
    return isinstance(first, Lit) and isinstance(first.value, str) and "://" in first.value


def _body(code: CsCode, node: Node | None, site: CallSite) -> Shape:
    if node is None or node.type in ("lambda_expression", "null_literal"):
        return ANYTHING
    ref = code.ref_of(code.dotted(node), site.scope) if code.dotted(node) else None
    if ref is not None and ref.short in ("CancellationToken", "JsonSerializerOptions"):
        return ANYTHING
    shape = code.shape(node, site.scope)
    if any(shape.named in code.generics.get(outer.name, ()) for outer in site.scope.outward()):
        return ANYTHING
    return shape if shape.named.rpartition(".")[2] not in _CONTENTS else _content(code, node, site.scope)


_CONTENTS = ("StringContent", "HttpContent", "JsonContent", "ByteArrayContent", "FormUrlEncodedContent")


def _content(code: CsCode, node: Node, scope: Scope) -> Shape:
    """The payload inside a content object made in this file."""
    made = code.made_of(code.dotted(node), scope)
    return code.shape(made.args[0], made.scope) if made is not None and made.args else ANYTHING


def _message(code: CsCode, node: Node | None, scope: Scope) -> tuple[Value, Value, Shape] | None:
    """Method, URL and payload of ``new HttpRequestMessage(HttpMethod.Post, url) { Content = ... }``."""
    if node is None:
        return None
    made = code.site(node)
    dotted = code.dotted(node)
    if made is None:
        made = code.made_of(dotted, scope) if dotted else None
    if made is None or made.method not in ("HttpRequestMessage", "CreateInvokeMethodRequest", ""):
        return None
    props = dict(initialised(code, made.node))
    verbs = []
    for assign in code.assigns:
        head, _, prop = assign.target.rpartition(".")
        if dotted and head == dotted and assign.scope is scope and assign.value is not None:
            props[prop] = assign.value
            verbs += [assign.value] if prop == "Method" else []
    verb = made.arg(0, "method") or props.get("Method")
    method = _chosen(code, verbs, scope) if len(verbs) > 1 else _verb(code, verb, made.scope)
    url = made.arg(1, "requestUri") or props.get("RequestUri")
    content = props.get("Content")
    sends = ANYTHING
    if content is not None:
        shape = code.shape(content, scope)
        sends = shape if shape.named not in _CONTENTS else _content(code, content, scope)
    value = code.value(url, made.scope) if url is not None else Unknown("a request message without an address here")
    return method, value, sends


def _chosen(code: CsCode, nodes: list[Node], scope: Scope) -> Value:
    """The method of a message that is set in several places: what a switch over it is asked, else any of them."""
    verbs = [_verb(code, node, scope) for node in nodes]
    sections = [_section(node) for node in nodes]
    labels = [code.dotted(_label(s)).rpartition(".")[2].upper() if s is not None else "" for s in sections]
    told = [label for label, verb in zip(labels, verbs, strict=True) if label and Lit(label) == verb]
    switches = {
        s.parent.parent.id: s.parent.parent
        for s in sections
        if s is not None and s.parent is not None and s.parent.parent is not None
    }
    if told and len(told) == len([label for label in labels if label]) and len(switches) == 1:
        subject = next(iter(switches.values())).child_by_field_name("value")
        value = code.value(subject, scope)
        if not isinstance(value, Unknown):
            return value
    return Choice(tuple(dict.fromkeys(verbs)))


def _section(node: Node) -> Node | None:
    """The section of a switch an expression is in."""
    at = node.parent
    while at is not None and at.type not in ("switch_section", "method_declaration", "lambda_expression"):
        at = at.parent
    return at if at is not None and at.type == "switch_section" else None


def _label(section: Node) -> Node | None:
    """What a section of a switch is for, None for the default."""
    first = section.named_children[0] if section.named_children else None
    return first.named_children[0] if first is not None and first.type == "constant_pattern" else None


def _verb(code: CsCode, node: Node | None, scope: Scope) -> Value:
    if node is None:
        return Lit("GET")
    dotted = code.dotted(node)
    if dotted.startswith(("HttpMethod.", "System.Net.Http.HttpMethod.", "Method.")):
        return Lit(dotted.rpartition(".")[2].upper())
    site = code.site(node)
    if site is not None and site.method == "HttpMethod" and site.args:
        return Lit(code.string(site.args[0]).upper() or "ANY")
    value = code.value(node, scope)
    return value if isinstance(value, Name) or type(value).__name__ == "Param" else Lit("ANY")


def _base(code: CsCode, site: CallSite) -> Value | None:
    """The client's base address: set in this file, or registered under the client's name."""
    receiver = site.receiver
    dotted = code.dotted(receiver)
    made = code.made_of(dotted, site.scope) if dotted else code.site(receiver) if receiver is not None else None
    assigned = _assigned_base(code, site)
    if assigned is not None:
        return assigned
    if made is not None and made.method == "HttpClient":
        own = dict(initialised(code, made.node)).get("BaseAddress")
        return cs_clients.qualified(code, code.value(own, made.scope), made.scope) if own is not None else None
    if made is not None and made.method == "CreateClient":
        name = name_of(code.value(made.arg(0, "name"), made.scope)) if made.args or made.named else ""
        if not name and (made.args or made.named):
            return _constant(code, made)
        return Config(cs_clients.key("HttpClient", name)) if name else None
    owner = site.scope.owner.rpartition(".")[2]
    return Config(cs_clients.key("HttpClient", owner)) if owner and _injected(code, site.scope.owner) else None


def _assigned_base(code: CsCode, site: CallSite) -> Value | None:
    """The address a client of the same class, or a local of the same function, is given by assignment."""
    for assign in code.assigns:
        owner, _, prop = assign.target.rpartition(".")
        if prop != "BaseAddress" or not owner or assign.value is None or assign.scope.owner != site.scope.owner:
            continue
        head = owner.removeprefix("this.").partition(".")[0]
        member = head in code.declared.get(site.scope.owner, ()) or head in assign.scope.params
        local = assign.scope is site.scope and head in assign.scope.bound
        if (member or local) and _is_client(code, owner, assign.scope):
            return Name(code.bound_name(assign))
    return None


def _constant(code: CsCode, made: CallSite) -> Value:
    """A client named by a constant of another file keeps that constant's text as its name."""
    given = code.dotted(made.arg(0, "name"))
    return Config(cs_clients.key("HttpClient", given)) if given else Unknown("a client named at run time")


def _is_client(code: CsCode, dotted: str, scope: Scope) -> bool:
    made_by = code.type_of(dotted, scope).rpartition(".")[2]
    return made_by in _KINDS or (not made_by and bool(_PLAIN.search(dotted.rpartition(".")[2])))


def _injected(code: CsCode, owner: str) -> bool:
    """Whether a class is given an HttpClient when it is made."""
    for name, made in code.declared.get(owner, {}).items():
        if made.type is not None and made.type.short in _KINDS and name:
            return True
    return False


def _registration(code: CsCode, site: CallSite) -> Iterator[Fact]:
    names = _names(code, site)
    for later in cs_clients.chained(code, site):
        names += _names(code, later) if later.method == "AddTypedClient" else []
    configured = [site, *(s for s in cs_clients.chained(code, site) if s.method == "ConfigureHttpClient")]
    for other in configured:
        for node in (*other.args, *other.named.values()):
            found = cs_clients.set_inside(code, node, "BaseAddress")
            if found is not None:
                value, scope, line = found
                for name in dict.fromkeys(names):
                    yield cs_clients.given(code, ("HttpClient", name), value, scope, line)


def _names(code: CsCode, site: CallSite) -> list[str]:
    names = [ref.short for ref in code.type_args(site)]
    first = site.arg(0, "name")
    if first is not None and first.type not in ("lambda_expression",):
        value = code.value(first, site.scope)
        text = name_of(value) or (code.dotted(first) if first.type != "identifier" else "")
        names += [text] if text else []
    return names


PACK = HttpClientDotnet()
