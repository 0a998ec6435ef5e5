"""Requests sent from JavaScript: fetch, axios, got, ky, undici, superagent, request, Angular, Nest, jQuery, Node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Env, Fact, Lit, Location, Member, Name, Param, Shape, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.http import VERBS
from scanners.idioms.javascript import bare, option
from scanners.idioms.js_clients import LIBRARIES, Library
from scanners.idioms.js_responses import response_reads
from scanners.idioms.js_shapes import annotation

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_WHOLE = ("url", "uri", "href", "hostname", "host", "path")
_OPTIONS = ("method", "body", "data", "json", "headers", "baseURL", "params", "type")
_CHAINED = ("send", "json", "body", "field")
_CHAIN = 10


class Axios:
    """JavaScript HTTP clients."""

    name: str = "axios"
    version: int = 2
    generated: bool = True
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (
        b"axios",
        b"etch",
        b"request",
        b"got",
        b"ky",
        b"superagent",
        b"$http",
        b"$.",
        b"undici",
        b"http",
        b"needle",
        b"useSWR",
        b"wretch",
        b"callApi",
    )

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Requests sent.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        for site in parsed.calls:
            if site.method == "callApi" and len(site.args) > 1:
                yield from _generated(parsed, site)
                continue
            found = _library(parsed, site)
            if found is not None:
                fact = _request(parsed, site, *found)
                if fact is not None:
                    yield fact


def _generated(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """Clients of the OpenAPI Generator: ``this.apiClient.callApi(path, method, ...)`` under the ``basePath``."""
    path = code.value(site.args[0], site.scope)
    verb = code.string(site.args[1]).upper()
    if site.receiver is None or verb.lower() not in VERBS or isinstance(path, Unknown):
        return
    fields: dict[str, object] = {
        "method": Lit(verb),
        "url": path,
        "base": Member(code.value(site.receiver, site.scope), "basePath"),
        "symbol": site.scope.name,
        "client": "openapi-generator",
    }
    body = code.shape(site.args[6], site.scope) if len(site.args) > 6 else ANYTHING
    if body.type == "object":
        fields["sends"] = body
    yield Fact("http_call", fields, Location(code.path, site.line))


def _library(code: JsCode, site: CallSite) -> tuple[Library, str] | None:
    """The library a call sends with, and the method the call's name says (empty when it says none)."""
    callee = code.callee(site)
    if not callee and site.receiver is None:
        return None
    owner, _, last = callee.rpartition(".")
    for library in LIBRARIES:
        if callee in library.callees:
            return (library, "") if site.args else None
        if last in library.verbs and (owner in library.owners or owner in library.makers or owner in library.types):
            return library, library.verbs[last]
        if callee in library.makers and site.receiver is not None and _called_instance(code, site):
            return library, ""
    receiver = code.dotted(site.receiver) if site.receiver is not None else site.dotted
    made_by = code.type_of(receiver, site.scope) if receiver else ""
    if site.receiver is None and made_by:
        return next(((lib, "") for lib in LIBRARIES if made_by in lib.makers), None)
    return _by_name(site, receiver, made_by)


def _by_name(site: CallSite, receiver: str, made_by: str) -> tuple[Library, str] | None:
    """Injected clients whose type is not seen: ``this.httpService.get(url)``."""
    last = receiver.rpartition(".")[2]
    for library in LIBRARIES if receiver and not made_by else ():
        if last in library.names and site.method in library.verbs and site.args:
            return library, library.verbs[site.method]
    return None


def _called_instance(code: JsCode, site: CallSite) -> bool:
    return bool(site.dotted) and code.type_of(site.dotted, site.scope) != ""


def _request(code: JsCode, site: CallSite, library: Library, verb: str) -> Fact | None:
    first = _literal(code, bare(site.arg(library.url)), site, _WHOLE)
    if first is None:
        return None
    whole = first.type == "object"
    options = first if whole else _literal(code, bare(site.arg(_options_at(library, verb))), site, _OPTIONS)
    value = _url(code, first, site, library)
    if value is None:
        return None
    fields: dict[str, object] = {
        "method": _method(code, site, library, (verb, options)),
        "url": value,
        "symbol": site.scope.name,
        "client": library.name,
    }
    base = _base(code, site, library, options)
    if base is not None:
        fields["base"] = base
    sends = _sent(code, site, library, (verb, options))
    if sends != ANYTHING:
        fields["sends"] = sends
    read = response_reads(code, site, library.name) or _typed(code, site)
    if read is not None:
        fields["reads"] = read
    return Fact("http_call", fields, Location(code.path, site.line))


def _typed(code: JsCode, site: CallSite) -> Shape | None:
    """``client.get<Order[]>(url)``: the type the answer is taken as, when what is read of it is not seen."""
    written = site.node.child_by_field_name("type_arguments")
    shape = annotation(code, written.named_children[0] if written is not None and written.named_child_count else None)
    return shape if shape.named or shape.fields or shape.item is not None else None


def _url(code: JsCode, first: Node, site: CallSite, library: Library) -> Value | None:
    if first.type != "object":
        return code.value(first, site.scope)
    url = _option(code, first, ("url", "uri", "href", "path" if library.base else "url"))
    if library.hosts and url is None:
        return _assembled(code, first, site)
    return code.value(url, site.scope) if url is not None else Unknown("options built elsewhere")


def _literal(code: JsCode, node: Node | None, site: CallSite, keys: tuple[str, ...]) -> Node | None:
    """The object literal a name is bound to last before a call; the expression itself for anything else."""
    name = code.text(node) if node is not None and node.type == "identifier" else ""
    for scope in site.scope.outward() if name else ():
        known = [a for a in code.assigned(scope, name) if a.line <= site.line and not a.key]
        for assign in reversed(known):
            made = bare(assign.value)
            if made is not None and made.type == "object":
                known_part = _option(code, made, keys) is not None or (keys is _OPTIONS and _spread(code, made, site))
                return made if known_part else node
        if known:
            break
    return node


def _assembled(code: JsCode, options: Node, site: CallSite) -> Value:
    """``{ hostname, port, path }`` of Node's own client."""
    from scanners.idioms.expressions import concat

    host = _option(code, options, ("hostname", "host"))
    port, path = option(code, options, "port"), option(code, options, "path")
    if host is None:
        return Unknown("options built elsewhere")
    parts: list[Value] = [Lit("http://"), code.value(host, site.scope)]
    if port is not None:
        number = code.value(port, site.scope)
        parts += [Lit(":"), Lit(str(number.value)) if isinstance(number, Lit) else number]
    return concat([*parts, code.value(path, site.scope) if path is not None else Lit("/")])


def _options_at(library: Library, verb: str) -> int:
    if library.data < 0 or verb not in ("POST", "PUT", "PATCH"):
        return library.url + 1
    return library.data + 1


def _option(code: JsCode, node: Node | None, names: tuple[str, ...]) -> Node | None:
    for name in names:
        found = option(code, node, name)
        if found is not None:
            return found
    return None


def _method(code: JsCode, site: CallSite, library: Library, about: tuple[str, Node | None]) -> Value:
    verb, options = about
    if verb:
        return Lit(verb)
    if library.url:
        named = code.value(site.args[0], site.scope)
        return Lit(named.value.upper()) if isinstance(named, Lit) and isinstance(named.value, str) else named
    given = _option(code, options, ("method", "type"))
    handed = _spread(code, options, site)
    if handed is not None and (given is None or code.string(given) == library.default):
        return Member(handed, "method")
    if given is None:
        if options is None or options.type == "object" or _is_function(options):
            return Lit(library.default)
        value = code.value(options, site.scope)
        known = isinstance(value, Param | Name | Member)
        return Member(value, "method") if known else Lit("ANY")
    value = code.value(given, site.scope)
    return Lit(value.value.upper()) if isinstance(value, Lit) and isinstance(value.value, str) else value


def _spread(code: JsCode, options: Node | None, site: CallSite) -> Value | None:
    """The options of its callers that a wrapper hands on: ``fetch(url, { ...options, signal })``."""
    inner = [n for n in options.named_children if n.type == "spread_element"] if options is not None else []
    given = [code.value(node.named_children[0], site.scope) for node in inner if node.named_child_count]
    return next((value for value in reversed(given) if isinstance(value, Param)), None)


def _is_function(node: Node) -> bool:
    return node.type in ("arrow_function", "function_expression")


def _base(code: JsCode, site: CallSite, library: Library, options: Node | None) -> Value | None:
    own = _option(code, options, (library.base,)) if library.base else None
    if own is not None:
        return code.value(own, site.scope)
    receiver = code.dotted(site.receiver) if site.receiver is not None else site.dotted
    if not library.base or not receiver:
        return None
    made = code.made_of(receiver, site.scope)
    if made is not None:
        given = _option(code, made.arg(0), (library.base,))
        value = code.value(given, made.scope) if given is not None else None
        if isinstance(value, Lit | Env):
            return value
    made_by = code.type_of(receiver, site.scope)
    instance = made_by in library.makers or (made_by in library.types and not made_by.endswith("Static"))
    return Member(Name(receiver), library.base) if instance else None


def _sent(code: JsCode, site: CallSite, library: Library, about: tuple[str, Node | None]) -> Shape:
    verb, options = about
    given = (option(code, options, name) for name in library.body)
    node = next((n for n in given if n is not None and n.type not in ("true", "false")), None)
    if node is None and verb in ("POST", "PUT", "PATCH") and library.data >= 0:
        node = site.arg(library.data)
    node = node if node is not None else _chained(code, site, library)
    return code.shape(node, site.scope) if node is not None else ANYTHING


def _chained(code: JsCode, site: CallSite, library: Library) -> Node | None:
    """``superagent.post(url).set(...).send(body)``."""
    node = site.node
    for _ in range(_CHAIN if library.chained else 0):
        member = node.parent
        call = member.parent if member is not None and member.type == "member_expression" else None
        outer = code.site(call) if call is not None and call.type == "call_expression" else None
        if outer is None or call is None:
            return None
        if outer.method in _CHAINED and outer.args:
            return outer.args[0]
        node = call
    return None


PACK = Axios()
