"""HTTP requests sent from Go: net/http clients and the client libraries built on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Concat, Fact, Format, Lit, Location, Member, Name, Param, Shape, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.go import bare
from scanners.idioms.go_bodies import decoded, sent
from scanners.idioms.go_http import method_of

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_CHAIN = 16
_NAMED = re.compile(r"(?i)(^|[._])(\w*client|http|\w*http|cli|c|hc|rest\w*|resty)$")


@dataclass(frozen=True, slots=True)
class Call:
    """Where a call has its parts.

    Args:
        method: HTTP method, empty when it is an argument.
        url: position of the URL.
        body: position of the body, -1 for none.
        verb: position of the method.
        count: exact number of arguments, 0 for any.
    """

    method: str
    url: int
    body: int = -1
    verb: int = -1
    count: int = 0


_PLAIN: Mapping[str, Call] = {
    "Get": Call("GET", 0, count=1),
    "Head": Call("HEAD", 0, count=1),
    "Post": Call("POST", 0, 2, count=3),
    "PostForm": Call("POST", 0, 1, count=2),
}
_REQUESTS: Mapping[str, Call] = {
    "NewRequest": Call("", 1, 2, 0),
    "NewRequestWithContext": Call("", 2, 3, 1),
}
_VERBS: Mapping[str, Call] = {
    m: Call(m.upper(), 0) for m in ("Get", "Post", "Put", "Patch", "Delete", "Head", "Options")
}
_HEIMDALL: Mapping[str, Call] = {
    "Get": Call("GET", 0),
    "Delete": Call("DELETE", 0),
    "Post": Call("POST", 0, 1),
    "Put": Call("PUT", 0, 1),
    "Patch": Call("PATCH", 0, 1),
}
_KIT: Mapping[str, Call] = {"NewClient": Call("", 1, verb=0), "NewExplicitClient": Call("", 1, verb=0)}
_FUNCTIONS: Mapping[str, Mapping[str, Call]] = {
    "net/http": {**_PLAIN, **_REQUESTS},
    "net/http.DefaultClient": _PLAIN,
    "net/http.Client": _PLAIN,
    "golang.org/x/net/context/ctxhttp": {"Get": Call("GET", 2), "Post": Call("POST", 2, 4), "Head": Call("HEAD", 2)},
    "github.com/hashicorp/go-retryablehttp": {**_PLAIN, **_REQUESTS},
    "github.com/hashicorp/go-retryablehttp.Client": _PLAIN,
    "github.com/hashicorp/go-retryablehttp.NewClient": _PLAIN,
    "github.com/gojek/heimdall": _HEIMDALL,
    "github.com/go-kit/kit/transport/http": _KIT,
    "github.com/gofiber/fiber": {m: Call(m.upper(), 0) for m in ("Get", "Post", "Put", "Patch", "Delete", "Head")},
    "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp": {
        k: Call(v.method, v.url + 1, v.body + 1 if v.body > 0 else -1) for k, v in _PLAIN.items()
    },
}
_FLUENT = (
    "github.com/go-resty/resty",
    "resty.dev/",
    "github.com/imroc/req",
    "github.com/parnurzeal/gorequest",
    "github.com/dghubble/sling",
    "github.com/levigross/grequests",
    "github.com/carlmjohnson/requests",
    "github.com/monaco-io/request",
)
_MARKS = (
    b"net/http",
    b"resty",
    b"imroc/req",
    b"gorequest",
    b"dghubble/sling",
    b"grequests",
    b"heimdall",
    b"retryablehttp",
    b"transport/http",
    b"gofiber/fiber",
)
_BASES = ("SetBaseURL", "SetHostURL", "Base", "SetCommonBaseURL", "BaseURL")
_BODIES = ("SetBody", "SetBodyJsonMarshal", "SendStruct", "Send", "BodyJSON", "SetBodyBytes", "SetBodyJsonString")
_RESULTS = ("SetResult", "SetSuccessResult", "Into", "EndStruct", "ReceiveSuccess", "ToJSON")


class HttpClient:
    """HTTP client libraries of Go."""

    name: str = "go_http_client"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = _MARKS
    generated: bool = True

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Requests.

        Args:
            parsed: a Go file.
        """
        for site in parsed.calls:
            found = _direct(parsed, site) or _fluent(parsed, site)
            if found is not None:
                yield found


def _direct(code: GoCode, site: CallSite) -> Fact | None:
    call = _known(code, site)
    if call is None or len(site.args) <= max(call.url, call.verb) or (call.count and len(site.args) != call.count):
        return None
    method: Value = Lit(call.method)
    if call.verb >= 0:
        named = method_of(code, site.args[call.verb])
        method = Lit(named) if named else code.value(site.args[call.verb], site.scope)
    url = code.value(site.args[call.url], site.scope)
    body = sent(code, site.arg(call.body), site.scope) if call.body >= 0 else ANYTHING
    return _fact(code, site, (method, url, None), (body, _read(code, site)))


def _known(code: GoCode, site: CallSite) -> Call | None:
    if site.method not in _ALL:
        return None
    callee = code.callee(site)
    base = callee.removesuffix(f".{site.method}")
    for library, calls in _FUNCTIONS.items():
        if base.startswith(library) and _OF_LIBRARY.fullmatch(base, len(library)) is not None:
            return calls.get(site.method)
    if base == "net/http.NewClient" or site.receiver is None:
        return None
    dotted = code.dotted(site.receiver)
    unknown = bool(dotted) and not code.type_of(dotted, site.scope) and dotted.partition(".")[0] not in code.imports
    if unknown and _NAMED.search(dotted) and b'"net/http"' in code.data:
        return _PLAIN.get(site.method)
    return None


_OF_LIBRARY = re.compile(r"(/v\d+)?(/(httpclient|hystrix|client))?(\.(NewClient|Client|NewHTTPClient|HTTPClient))?")
_ALL = frozenset(name for calls in _FUNCTIONS.values() for name in calls)


def _fluent(code: GoCode, site: CallSite) -> Fact | None:
    """``client.R().SetBody(x).SetResult(&y).Post("/orders")`` and its like."""
    executes = site.method in ("Execute", "Send") and len(site.args) == 2
    if site.receiver is None or not site.args or not (site.method in _VERBS or executes):
        return None
    callee = code.callee(site)
    if not callee.startswith(_FLUENT) and not _chained(code, site):
        return None
    url = code.value(site.args[1 if executes else 0], site.scope)
    method: Value = Lit(site.method.upper())
    if executes:
        named = method_of(code, site.args[0])
        method = Lit(named) if named else code.value(site.args[0], site.scope)
    base, body, read = None, ANYTHING, None
    for link in _links(code, site):
        if link.method in _BASES and link.args:
            base = code.value(link.args[0], link.scope)
        elif link.method in _BODIES and link.args:
            body = sent(code, link.args[0], link.scope)
        elif link.method in _RESULTS and link.args:
            read = code.shape(link.args[0], link.scope)
    base = base if base is not None else _client_base(code, site)
    return _fact(code, site, (method, url, base), (body, read or _read(code, site)))


def _chained(code: GoCode, site: CallSite) -> bool:
    """A request of a client whose type another file knows: ``s.http.R().Get(url)``."""
    return any(link.method in ("R", "NewRequest") and not link.args for link in _links(code, site)) and (
        b"resty" in code.data or b"imroc/req" in code.data
    )


def _links(code: GoCode, site: CallSite) -> list[CallSite]:
    """The calls of a chain, from the request inwards, and what is called on the request further on."""
    out: list[CallSite] = []
    node = bare(site.receiver) if site.receiver is not None else None
    for _ in range(_CHAIN):
        inner = code.site(node) if node is not None else None
        if inner is None:
            break
        out.append(inner)
        node = bare(inner.receiver) if inner.receiver is not None else None
    out += _outer(code, site)
    dotted = code.dotted(node) if node is not None else ""
    made = code.made_of(dotted, site.scope) if dotted and "." not in dotted else None
    return out + (_made_links(code, made) if made is not None else [])


def _outer(code: GoCode, site: CallSite) -> list[CallSite]:
    out: list[CallSite] = []
    node: Node | None = site.node
    for _ in range(_CHAIN):
        parent = node.parent if node is not None else None
        call = parent.parent if parent is not None and parent.type == "selector_expression" else None
        found = code.site(call) if call is not None and call.type == "call_expression" else None
        if found is None:
            return out
        out.append(found)
        node = found.node
    return out


def _made_links(code: GoCode, made: CallSite) -> list[CallSite]:
    out = [made]
    for _ in range(_CHAIN):
        inner = code.site(bare(out[-1].receiver) or out[-1].receiver) if out[-1].receiver is not None else None
        if inner is None:
            return out
        out.append(inner)
    return out


def _client_base(code: GoCode, site: CallSite) -> Value | None:
    """``client.SetBaseURL(url)`` as a statement of its own, for the client of this request."""
    receiver = _links(code, site)
    root = bare(receiver[-1].receiver) if receiver and receiver[-1].receiver is not None else bare(site.receiver)
    dotted = code.dotted(root)
    if not dotted:
        return None
    last = dotted.rpartition(".")[2]
    for other in code.calls:
        if other.method in _BASES and other.args and other.receiver is not None and other is not site:
            held = code.held(other)
            names = {
                code.dotted(other.receiver).rpartition(".")[2],
                held.target.rpartition(".")[2] if held is not None else "",
            }
            if last in names | {_field_of(code, other)}:
                given = code.value(other.args[0], other.scope)
                own = other.scope is site.scope or not isinstance(given, Param | Name | Member | Concat | Format)
                return given if own else Unknown("a base URL that is given where the client is made")
    return None


def _field_of(code: GoCode, made: CallSite) -> str:
    """The field of a struct literal that a chain of calls is the value of."""
    node: Node | None = made.node
    for _ in range(_CHAIN):
        node = node.parent if node is not None else None
        if node is None or node.type == "keyed_element":
            return code.text(node.child_by_field_name("key")) if node is not None else ""
        if node.type not in ("call_expression", "selector_expression", "literal_element"):
            return ""
    return ""


def _read(code: GoCode, site: CallSite) -> Shape | None:
    return decoded(code, (s for s in code.calls if s.scope is site.scope), site.node.start_byte)


def _fact(
    code: GoCode, site: CallSite, request: tuple[Value, Value, Value | None], shapes: tuple[Shape, Shape | None]
) -> Fact:
    method, url, base = request
    fields: dict[str, object] = {"method": method, "url": url}
    if base is not None:
        fields["base"] = base
    fields |= {"symbol": site.scope.name, "client": "go_http_client"}
    body, read = shapes
    if body != ANYTHING:
        fields["sends"] = body
    if read is not None and read != ANYTHING:
        fields["reads"] = read
    return Fact("http_call", fields, Location(code.path, site.line))


PACK = HttpClient()
