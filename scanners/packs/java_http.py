"""Plain HTTP clients of Java: java.net.http, HttpURLConnection, OkHttp, Apache HttpClient, JAX-RS clients, Unirest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Fact, Lit, Name, Shape, Unknown, Value
from scanners.idioms.code import Assign, CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.java import bare
from scanners.idioms.java_http import BASE, Request, url_value, verb_value
from scanners.idioms.java_web import class_shape, known

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_APACHE = {f"Http{verb.title()}": verb for verb in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")}
_APACHE |= {f"ClassicHttpRequests.{verb}": verb.upper() for verb in ("get", "post", "put", "delete", "patch")}
_NET = {"GET": "GET", "POST": "POST", "PUT": "PUT", "DELETE": "DELETE", "HEAD": "HEAD"}
_OK = {"get": "GET", "post": "POST", "put": "PUT", "delete": "DELETE", "patch": "PATCH", "head": "HEAD"}
_INVOKES = frozenset(("get", "post", "put", "delete", "head", "options", "patch", "method"))
_UNIREST = ("Unirest", "kong.unirest.Unirest", "HttpRequest")
_WRITERS = ("writeValueAsString", "toJson", "writeValueAsBytes", "encode")
_READERS = ("readValue", "fromJson", "parseObject", "readEntity", "as")


class JavaHttp:
    """HTTP clients without annotations."""

    name: str = "java_http"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (
        b"java.net.http",
        b"URLConnection",
        b"okhttp",
        b"http.client",
        b"org.apache.http",
        b"hc.client5",
        b"ws.rs.client",
        b"unirest",
        b"asynchttpclient",
        b"io.micronaut.http.client",
    )

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Requests sent.

        Args:
            parsed: a Java file.
        """
        yield from _targets(parsed)
        for site in parsed.calls:
            request = _request(parsed, site)
            if request is not None:
                yield request.fact(parsed)


def _request(code: JavaCode, site: CallSite) -> Request | None:
    if site.node.type == "object_creation_expression":
        return _apache(code, site)
    if site.method == "openConnection":
        return _connection(code, site)
    if site.dotted in ("HttpRequest.newBuilder", "HttpRequest.Builder"):
        return _net(code, site)
    if site.method in ("url", "uri") and site.args:
        return _ok(code, site)
    if site.method in _INVOKES and site.receiver is not None:
        return _jaxrs(code, site) or _unirest(code, site)
    return _micronaut(code, site)


def _unirest(code: JavaCode, site: CallSite) -> Request | None:
    if site.method not in _OK or site.dotted.partition(".")[0] not in _UNIREST or not site.args:
        return None
    url = code.value(site.args[0], site.scope)
    return Request("java_http", site, Lit(site.method.upper()), url, {}, _sent(code, site), _read(code, site))


def _steps(code: JavaCode, site: CallSite) -> list[CallSite]:
    """The calls chained behind one, and those later made on the name that holds the result."""
    chain = list(code.following(site))
    last = chain[-1] if chain else site
    held = code.held(last)
    if held is None:
        return chain
    later = [s for s in code.inside(site.scope)[0] if s.receiver is not None]
    return chain + [s for s in later if code.dotted(_root(code, s)) == held.target]


def _on(code: JavaCode, held: Assign | None) -> Iterator[CallSite]:
    """The calls on the name that holds something."""
    for site in code.calls if held is not None else ():
        if held is not None and site.receiver is not None and code.dotted(site.receiver) == held.target:
            yield site


def _root(code: JavaCode, site: CallSite) -> Node | None:
    last = site
    for inner in code.before(site):
        last = inner
    return last.receiver


def _apache(code: JavaCode, site: CallSite) -> Request | None:
    verb = _APACHE.get(site.method.rsplit(".", 1)[-1])
    if verb is None or not site.args or b"apache" not in code.data:
        return None
    url = code.value(site.args[0], site.scope)
    body: Shape | None = None
    for step in _on(code, code.held(site)):
        if step.method == "setEntity" and step.args:
            inner = code.site(step.args[0])
            body = _payload(code, inner.args[0], step.scope) if inner is not None and inner.args else None
    return Request("apache_httpclient", site, Lit(verb), url, {}, body, _parsed(code, site.scope))


def _connection(code: JavaCode, site: CallSite) -> Request | None:
    receiver = bare(site.receiver)
    if receiver is None:
        return None
    verb: Value = Lit("GET")
    for step in _on(code, code.held(site)):
        if step.method == "setRequestMethod" and step.args:
            verb = verb_value(code, step.args[0], step.scope)
        elif step.method == "setDoOutput" and verb == Lit("GET"):
            verb = Lit("POST")
    return Request("url_connection", site, verb, code.value(receiver, site.scope), {}, None, _parsed(code, site.scope))


def _net(code: JavaCode, site: CallSite) -> Request | None:
    url: Value | None = url_value(code, site.args[0], site.scope) if site.args else None
    verb: Value = Lit("GET")
    body: Shape | None = None
    for step in _steps(code, site):
        if step.method == "uri" and step.args:
            url = url_value(code, step.args[0], step.scope)
        elif step.method in _NET:
            verb = Lit(step.method)
            body = _published(code, step, 0)
        elif step.method == "method" and step.args:
            verb = verb_value(code, step.args[0], step.scope)
            body = _published(code, step, 1)
    found = url if url is not None else Unknown("a URL set elsewhere")
    return Request("java_net_http", site, verb, found, {}, body, _parsed(code, site.scope))


def _published(code: JavaCode, step: CallSite, at: int) -> Shape | None:
    """``BodyPublishers.ofString(json)``: what the text was made of."""
    node = step.arg(at)
    inner = code.site(node) if node is not None else None
    return _payload(code, inner.args[0], step.scope) if inner is not None and inner.args else None


def _payload(code: JavaCode, node: Node, scope: Scope) -> Shape | None:
    shape = code.shape(node, scope)
    if known(shape):
        return shape
    dotted = code.dotted(node)
    made = code.made_of(dotted, scope) if dotted else None
    if (
        made is not None
        and made.args
        and made.method in ("writeValueAsString", "toJson", "writeValueAsBytes", "encode")
    ):
        return code.shape(made.args[0], made.scope)
    return None


def _ok(code: JavaCode, site: CallSite) -> Request | None:
    """``new Request.Builder().url(u).post(body).build()`` of OkHttp."""
    chain = list(code.before(site))
    root = chain[-1] if chain else site
    made = root.node.type == "object_creation_expression" and root.method.endswith("Request.Builder")
    by = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    if not made and by.rsplit(".", 2)[-2:] != ["Request", "Builder"]:
        return None
    verb: Value = Lit("GET")
    body: Shape | None = None
    for step in (*chain, *_steps(code, site)):
        if step.method in _OK:
            verb = Lit(_OK[step.method])
            body = _request_body(code, step, 0)
        elif step.method == "method" and step.args:
            verb, body = verb_value(code, step.args[0], step.scope), _request_body(code, step, 1)
    url = code.value(site.args[0], site.scope)
    return Request("okhttp", site, verb, url, {}, body, _parsed(code, site.scope))


def _request_body(code: JavaCode, step: CallSite, at: int) -> Shape | None:
    node = step.arg(at)
    dotted = code.dotted(node)
    made = code.site(node) if node is not None else None
    made = made or (code.made_of(dotted, step.scope) if dotted else None)
    if made is None or made.method != "create":
        return None
    for arg in made.args:
        shape = _payload(code, arg, made.scope)
        if known(shape):
            return shape
    return None


def _jaxrs(code: JavaCode, site: CallSite) -> Request | None:
    """``client.target(base).path("x").request().post(Entity.json(order), Order.class)``, targets kept in names too."""
    chain = list(code.before(site))
    asked = next((s for s in chain if s.method == "request"), None)
    if asked is None or b"ws.rs.client" not in code.data:
        return None
    url = _target(code, asked.receiver, site.scope, 4)
    if url is None:
        return None
    named = site.method == "method"
    verb = verb_value(code, site.arg(0), site.scope) if named else Lit(site.method.upper())
    read = next((s for s in (class_shape(code, a) for a in site.args) if known(s)), None)
    return Request("jaxrs_client", site, verb, url, {}, _entity(code, site), read or _parsed(code, site.scope))


def _entity(code: JavaCode, site: CallSite) -> Shape | None:
    node = site.args[0] if site.args and site.method in ("post", "put") else None
    inner = code.site(node) if node is not None else None
    if inner is not None and inner.method in ("json", "entity", "xml") and inner.args:
        return code.shape(inner.args[0], site.scope)
    return code.shape(node, site.scope) if node is not None else None


def _target(code: JavaCode, node: Node | None, scope: Scope, depth: int) -> Value | None:
    """The URL of a target, through the names it is kept in; one made in another method by the name of its field."""
    inner = bare(node)
    if inner is None or depth <= 0:
        return None
    site = code.site(inner)
    if site is None:
        return _kept(code, code.dotted(inner), scope, depth)
    if site.method == "target" and site.args:
        return url_value(code, site.args[0], site.scope)
    before = _target(code, site.receiver, scope, depth if site.receiver is not None else 0)
    if before is None or site.method != "path" or not site.args:
        return before
    piece = code.value(site.args[0], site.scope)
    first = piece.parts[0] if isinstance(piece, Concat) else piece
    text = first.value if isinstance(first, Lit) else None
    piece = Lit(text.rstrip("/")) if isinstance(text, str) and first is piece else piece
    joined = [piece] if isinstance(text, str) and text.startswith("/") else [Lit("/"), piece]
    return concat([before, *joined])


def _kept(code: JavaCode, dotted: str, scope: Scope, depth: int) -> Value | None:
    made = code.made_of(dotted, scope) if dotted else None
    if made is None:
        return None
    if made.scope is scope or made.scope.sort != "method":
        return _target(code, made.node, made.scope, depth - 1)
    known_base = _target(code, made.node, made.scope, depth - 1) is not None
    return Name(f"this.{dotted.removeprefix('this.')}.{BASE}") if known_base else None


def _targets(code: JavaCode) -> Iterator[Fact]:
    """Fields that keep a target: their URL as a binding of the field."""
    for assign in code.assigns if b"ws.rs.client" in code.data else ():
        made = code.site(assign.value) if assign.value is not None else None
        target = code.bound_name(assign)
        if made is None or assign.scope.sort != "method" or target.startswith(f"{assign.scope.name}."):
            continue
        url = _target(code, made.node, assign.scope, 4) if made.method in ("target", "path") else None
        if url is not None:
            fields = {"target": f"{target}.{BASE}", "value": url, "scope": assign.scope.name}
            yield Fact("binding", fields, code.at(made.node))


def _micronaut(code: JavaCode, site: CallSite) -> Request | None:
    """``HttpRequest.POST("/x", body)`` given to a client."""
    if b"micronaut.http" not in code.data or not site.dotted.startswith("HttpRequest.") or not site.args:
        return None
    if site.method not in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        return None
    body = code.shape(site.args[1], site.scope) if len(site.args) > 1 else None
    return Request("micronaut", site, Lit(site.method), code.value(site.args[0], site.scope), {}, body, None)


def _sent(code: JavaCode, site: CallSite) -> Shape | None:
    step = next((s for s in code.following(site) if s.method == "body" and s.args), None)
    return code.shape(step.args[0], step.scope) if step is not None else None


def _read(code: JavaCode, site: CallSite) -> Shape | None:
    for step in code.following(site):
        for arg in step.args if step.method in ("asObject", "as") else ():
            shape = class_shape(code, arg)
            if known(shape):
                return shape
    return _parsed(code, site.scope)


def _parsed(code: JavaCode, scope: Scope) -> Shape | None:
    """The only type the function parses text into: ``mapper.readValue(body, Order.class)``."""
    found = []
    for site in code.inside(scope)[0]:
        if site.method in _READERS and site.args:
            shape = class_shape(code, site.args[-1])
            found += [shape] if known(shape) else []
    return found[0] if len({str(f) for f in found}) == 1 else None


PACK = JavaHttp()
