"""HTTP clients declared as Java interfaces: OpenFeign, @HttpExchange, Retrofit, MicroProfile and Micronaut clients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Concat, Config, Fact, Lit, Name, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.java import Mark, Member
from scanners.idioms.java_http import customized
from scanners.idioms.java_shapes import of_type
from scanners.idioms.java_values import filled
from scanners.idioms.java_web import EXCHANGES, MAPPINGS, VERBS, around, known, methods, one, paths

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_REQUEST_LINE = re.compile(r"\s*([A-Z]+)\s+(\S*)")
_MICRONAUT = {name: name.upper() for name in ("Get", "Post", "Put", "Delete", "Patch", "Head", "Options")}
_NOT_BODY = (
    "PathVariable", "RequestParam", "RequestHeader", "PathParam", "QueryParam", "HeaderParam", "Path", "Query",
    "Header", "Param", "Url", "QueryMap", "HeaderMap", "Field", "Part", "CookieValue", "QueryValue", "BeanParam",
    "SpringQueryMap", "MatrixParam", "FormParam", "Headers", "RequestAttribute", "CookieParam", "Context", "Tag",
)  # fmt: skip
_BODY = ("RequestBody", "Body")
_MAKERS = ("target", "create", "createClient")
_MADE_ELSEWHERE = ("retrofit", "feign_core", "http_exchange")


class DeclaredClients:
    """Interfaces whose methods are requests."""

    name: str = "feign"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (
        b"FeignClient",
        b"HttpExchange",
        b"Exchange(",
        b"RequestLine",
        b"retrofit2",
        b"RegisterRestClient",
        b"io.micronaut.http.client",
        b"feign.",
        b"HttpServiceProxyFactory",
    )

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Requests declared.

        Args:
            parsed: a Java file.
        """
        for scope in parsed.scopes[1:]:
            if scope.sort == "interface":
                yield from _interface(parsed, scope)
        yield from _made(parsed)


def _interface(code: JavaCode, scope: Scope) -> Iterator[Fact]:
    marks = {m.name: m for m in code.on.get(scope.name, ())}
    base = _base(code, scope, marks)
    client = "feign"
    found = False
    for method in code.scopes:
        if method.parent is not scope or method.sort != "method":
            continue
        for mark in code.on.get(method.name, ()):
            request = _request(code, mark, marks)
            if request is None:
                continue
            found = True
            client, verb, path = request
            if client not in ("retrofit", "feign_core") and base is None:
                continue
            yield _fact(code, method, (client, verb, path), (scope, base))
    if base is not None and not found:
        for inherited in scope.bases:
            fields = {"base": base, "operations": Name(inherited), "symbol": scope.name, "client": client}
            yield Fact("http_call", fields, code.at(scope.node))


def _fact(code: JavaCode, method: Scope, request: tuple[str, str, Value], about: tuple[Scope, Value | None]) -> Fact:
    client, verb, path = request
    scope, base = about
    params = code.params.get(method.name, ())
    given = next((p for p in params if p.mark("Url") is not None or code.type_text(p.type) == "URI"), None)
    url: Value = code.value(given.node.child_by_field_name("name"), method) if given is not None else path
    fields: dict[str, object] = {"method": Lit(verb), "symbol": method.name, "client": client}
    if given is not None:
        fields["url"] = url
    elif client in _MADE_ELSEWHERE and not _whole(base):
        before = [base] if base is not None else []
        fields |= {"url": concat([*before, url]), "injected": f"{scope.name} {scope.name}"}
    else:
        fields |= {"url": url, "base": base}
    body = _body(code, params)
    if known(body):
        fields["sends"] = body
    read = of_type(code, method.node.child_by_field_name("type"))
    if known(read):
        fields["reads"] = read
    return Fact("http_call", fields, code.at(method.node))


def _whole(base: Value | None) -> bool:
    """Whether a base says the host, not only a path."""
    first = base.parts[0] if isinstance(base, Concat) else base
    return first is not None and not (isinstance(first, Lit) and "://" not in str(first.value))


def _body(code: JavaCode, params: tuple[Member, ...]) -> Shape:
    for param in params:
        if param.mark(*_BODY) is not None:
            return of_type(code, param.type)
    plain = [p for p in params if p.mark(*_NOT_BODY) is None]
    return of_type(code, plain[0].type) if len(plain) == 1 else ANYTHING


def _request(code: JavaCode, mark: Mark, marks: dict[str, Mark]) -> tuple[str, str, Value] | None:
    """Client library, HTTP method and path of a method's annotation, None when it is none of a client's."""
    if mark.name == "RequestLine":
        text = code.value(mark.arg("value"), around(mark.scope))
        return _request_line(text)
    if mark.name in EXCHANGES and mark.full in (mark.name, f"org.springframework.web.service.annotation.{mark.name}"):
        verb = (methods(code, mark, EXCHANGES) or ["ANY"])[0]
        return "http_exchange", verb, _slash(one(paths(code, mark, "value", "url")))
    if mark.name in MAPPINGS and marks.keys() & {"FeignClient", "ReactiveFeignClient"}:
        verb = (methods(code, mark, MAPPINGS) or ["GET"])[0]
        return "feign", verb, _slash(one(paths(code, mark, "value", "path")))
    if mark.full.startswith("retrofit2.http."):
        return _retrofit(code, mark)
    if mark.name in VERBS and "RegisterRestClient" in marks:
        own = next((m for m in code.on.get(mark.scope.name, ()) if m.name == "Path"), None)
        return "microprofile", mark.name, _slash(one(paths(code, own, "value"))) if own is not None else Lit("")
    if mark.name in _MICRONAUT and "Client" in marks:
        return "micronaut", _MICRONAUT[mark.name], _slash(one(paths(code, mark, "value", "uri")))
    return None


def _request_line(text: Value) -> tuple[str, str, Value] | None:
    literal = text.value if isinstance(text, Lit) else None
    match = _REQUEST_LINE.match(literal) if isinstance(literal, str) else None
    if match is None:
        return "feign_core", "ANY", Unknown("a request line put together elsewhere")
    return "feign_core", match.group(1), Lit(match.group(2))


def _retrofit(code: JavaCode, mark: Mark) -> tuple[str, str, Value] | None:
    if mark.name in VERBS:
        return "retrofit", mark.name, one(paths(code, mark, "value"))
    if mark.name == "HTTP":
        return "retrofit", code.string(mark.arg("method")) or "ANY", one(paths(code, mark, "path"))
    return None


def _base(code: JavaCode, scope: Scope, marks: dict[str, Mark]) -> Value | None:
    """What is in front of every path: the service's name or URL, then the interface's own path."""
    for name in ("FeignClient", "ReactiveFeignClient"):
        if name in marks:
            return _feign_base(code, marks[name], marks)
    if "RegisterRestClient" in marks:
        own = paths(code, marks["Path"], "value") if "Path" in marks else []
        return concat([_microprofile(code, scope, marks["RegisterRestClient"]), _slash(one(own))])
    client = marks.get("Client")
    if client is not None and client.full.startswith(("io.micronaut.http.client", "Client")):
        return concat([_micronaut(code, client), _slash(one(paths(code, client, "path")))])
    if "HttpExchange" in marks:
        return _slash(one(paths(code, marks["HttpExchange"], "value", "url")))
    handlers = (m for s in code.scopes if s.parent is scope for m in code.on.get(s.name, ()))
    return Lit("") if any(m.name in EXCHANGES for m in handlers) else None


def _feign_base(code: JavaCode, mark: Mark, marks: dict[str, Mark]) -> Value:
    scope = around(mark.scope)
    urls = mark.arg("url")
    url = filled(code.value(urls, scope)) if urls is not None else Lit("")
    named = mark.arg("name", "value", "serviceId")
    name = filled(code.value(named, scope)) if named is not None else Unknown("a client without a name")
    base = url if url != Lit("") else concat([Lit("http://"), name])
    whole = marks.get("RequestMapping")
    own = paths(code, mark, "path") or (paths(code, whole, "value", "path") if whole is not None else [])
    return concat([_schemed(base), _slash(one(own))])


def _schemed(base: Value) -> Value:
    text = base.value if isinstance(base, Lit) else None
    return Lit(f"http://{text}") if isinstance(text, str) and text and "://" not in text else base


def _slash(path: Value) -> Value:
    text = path.value if isinstance(path, Lit) else None
    if isinstance(text, str) and text and "://" not in text:
        return Lit("/" + text.lstrip("/"))
    return path


def _microprofile(code: JavaCode, scope: Scope, mark: Mark) -> Value:
    """``baseUri``, else the key ``CONFIGKEY/mp-rest/url``; without a key that of the interface's full name."""
    key = code.string(mark.arg("configKey")) or ".".join(p for p in (code.package, scope.name) if p)
    given = code.string(mark.arg("baseUri"))
    fallback = Lit(given) if given else None
    return Config(f"{key}/mp-rest/url", Config(f"quarkus.rest-client.{key}.url", fallback))


def _micronaut(code: JavaCode, mark: Mark) -> Value:
    given = one(paths(code, mark, "value", "id"))
    text = given.value if isinstance(given, Lit) else None
    if isinstance(text, str) and "://" not in text and not text.startswith("/"):
        return Config(f"micronaut.http.services.{text}.url", Lit(f"http://{text}"))
    return given


def _made(code: JavaCode) -> Iterator[Fact]:
    """``Retrofit...baseUrl(u)...create(X.class)``, ``Feign.builder().target(X.class, u)``: the base URL of X."""
    for site in code.calls:
        first = code.text(site.args[0]) if site.args and site.method in _MAKERS else ""
        if not first.endswith(".class"):
            continue
        name = first.removesuffix(".class")
        if site.method == "target" and len(site.args) == 2:
            yield from _bound(code, name, site.args[1], site.scope)
        elif site.method != "target":
            given = _base_url(code, site)
            if given is not None:
                yield from _bound(code, name, given.args[0], given.scope)


def _base_url(code: JavaCode, site: CallSite) -> CallSite | None:
    """The call that gives the base URL: in the chain, in what the chain starts from, or alone in the same method."""
    chain = [site, *code.before(site)]
    held = code.dotted(chain[-1].receiver)
    root = code.made_of(held, site.scope) if held else None
    chain += [root, *code.before(root)] if root is not None else []
    here = [s for s in code.calls if s.scope is site.scope]
    for near in (chain, here):
        found = [s for s in near if s.method in ("baseUrl", "rootUri") and s.args]
        found += [s for s in near if s.dotted in ("WebClient.create", "RestClient.create") and s.args]
        if found:
            return found[0]
    return customized(code)


def _bound(code: JavaCode, name: str, node: Node, scope: Scope) -> Iterator[Fact]:
    target = f"{scope.name}.{name}"
    yield Fact("typed", {"target": target, "type": name}, code.at(node))
    fields = {"target": f"{target}.baseUrl", "value": code.value(node, scope), "scope": scope.name}
    yield Fact("binding", fields, code.at(node))


PACK = DeclaredClients()
