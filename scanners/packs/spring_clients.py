"""Spring's HTTP clients: RestTemplate, WebClient and RestClient, with their base URLs wherever they are made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Shape, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.java_http import Request, base_bindings, base_of, made_of, read_of, url_value, verb_value
from scanners.idioms.java_web import class_shape, known

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_TEMPLATES = ("RestTemplate", "RestOperations", "OAuth2RestTemplate", "OAuth2RestOperations", "AsyncRestTemplate")
_FLUENT = ("WebClient", "RestClient")
_CLIENTS = (*_TEMPLATES, *_FLUENT)
# method of RestTemplate: HTTP method, position of the body, position of the response type
_SENDS: dict[str, tuple[str, int, int]] = {
    "getForObject": ("GET", -1, 1),
    "getForEntity": ("GET", -1, 1),
    "postForObject": ("POST", 1, 2),
    "postForEntity": ("POST", 1, 2),
    "postForLocation": ("POST", 1, -1),
    "patchForObject": ("PATCH", 1, 2),
    "put": ("PUT", 1, -1),
    "delete": ("DELETE", -1, -1),
    "headForHeaders": ("HEAD", -1, -1),
    "optionsForAllow": ("OPTIONS", -1, -1),
}
_VERBS = frozenset(("get", "post", "put", "delete", "patch", "head", "options", "method"))
_BODIES = frozenset(("bodyValue", "syncBody", "body"))
_ANSWERS = frozenset(("bodyToMono", "bodyToFlux", "toEntity", "toEntityList", "toEntityFlux", "body", "toMono"))
_MANY = frozenset(("bodyToFlux", "toEntityList", "toEntityFlux"))


class SpringClients:
    """Spring's HTTP clients."""

    name: str = "spring_clients"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (b"RestTemplate", b"RestOperations", b"WebClient", b"RestClient")

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Requests sent.

        Args:
            parsed: a Java file.
        """
        yield from base_bindings(parsed, _CLIENTS)
        for site in parsed.calls:
            if site.receiver is None:
                continue
            if site.method in _SENDS and site.args and made_of(parsed, site.receiver, site.scope, _TEMPLATES):
                yield _template(parsed, site)
            elif site.method in ("exchange", "execute") and made_of(parsed, site.receiver, site.scope, _TEMPLATES):
                yield from _exchange(parsed, site)
            elif site.method in _VERBS and made_of(parsed, site.receiver, site.scope, _FLUENT):
                yield from _fluent(parsed, site)


def _template(code: JavaCode, site: CallSite) -> Fact:
    method, body, answer = _SENDS[site.method]
    base = base_of(code, site.receiver, site.scope, _TEMPLATES)
    url = url_value(code, site.args[0], site.scope)
    sends, reads = _sent(code, site, body), class_shape(code, site.arg(answer))
    return Request("spring_clients", site, Lit(method), url, base, sends, read_of(code, site, reads)).fact(code)


def _sent(code: JavaCode, site: CallSite, at: int) -> Shape | None:
    node = site.arg(at)
    shape = code.shape(node, site.scope) if node is not None else None
    return shape if known(shape) else None


def _exchange(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    base = base_of(code, site.receiver, site.scope, _TEMPLATES)
    if len(site.args) >= 3:
        url = url_value(code, site.args[0], site.scope)
        verb = verb_value(code, site.args[1], site.scope)
        sends, reads = _sent(code, site, 2), read_of(code, site, class_shape(code, site.arg(3)))
        yield Request("spring_clients", site, verb, url, base, sends, reads).fact(code)
    elif site.args:
        verb, url, sends = _request_entity(code, site)
        yield Request("spring_clients", site, verb, url, base, sends, class_shape(code, site.arg(1))).fact(code)


def _request_entity(code: JavaCode, site: CallSite) -> tuple[Value, Value, Shape | None]:
    """``RequestEntity.post(url).body(x)`` or ``new RequestEntity<>(body, HttpMethod.GET, uri)``, perhaps by a name."""
    node: Node = site.args[0]
    made = code.site(node) or (code.made_of(code.dotted(node), site.scope) if code.dotted(node) else None)
    if made is not None and made.node.type == "object_creation_expression" and len(made.args) >= 2:
        return verb_value(code, made.args[-2], made.scope), url_value(code, made.args[-1], made.scope), None
    for step in (made, *code.before(made)) if made is not None else ():
        if step.dotted.startswith("RequestEntity.") and step.args:
            if step.method == "method" and len(step.args) > 1:
                return verb_value(code, step.args[0], step.scope), url_value(code, step.args[1], step.scope), None
            return Lit(step.method.upper()), url_value(code, step.args[0], step.scope), code.shape(node, site.scope)
    return Unknown("a request built elsewhere"), Unknown("a request built elsewhere"), None


def _fluent(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    """``client.get().uri(...).retrieve().bodyToMono(X.class)``; the URL may also be put into a name of its own."""
    verb: Value = Lit(site.method.upper())
    if site.method == "method":
        verb = verb_value(code, site.arg(0), site.scope)
    url: Value | None = None
    sends: Shape | None = None
    reads: Shape | None = None
    retrieved = False
    chain = list(code.following(site))
    for step in chain:
        retrieved = retrieved or step.method in ("retrieve", "exchange", "exchangeToMono", "exchangeToFlux")
        if step.method == "uri" and step.args and url is None:
            url = url_value(code, step.args[0], step.scope)
        elif step.method in _BODIES and not retrieved:
            sends = _body(code, step)
        elif step.method in _ANSWERS and retrieved:
            found = class_shape(code, step.arg(0))
            reads = Shape("array", item=found) if step.method in _MANY and known(found) else found
            reads = read_of(code, step, reads)
    if url is None and not retrieved and site.args:
        return
    base = base_of(code, site.receiver, site.scope, _FLUENT)
    yield Request("spring_clients", site, verb, url if url is not None else Lit(""), base, sends, reads).fact(code)


def _body(code: JavaCode, step: CallSite) -> Shape | None:
    if len(step.args) == 2:
        found = class_shape(code, step.args[1])
        if known(found):
            return found
    node = step.arg(0)
    inner = code.site(node) if node is not None else None
    if (
        inner is not None
        and inner.method in ("fromValue", "fromObject", "fromPublisher", "fromProducer")
        and inner.args
    ):
        node = inner.args[0]
    return code.shape(node, step.scope) if node is not None else None


PACK = SpringClients()
