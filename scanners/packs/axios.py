"""Requests sent from JavaScript: axios, fetch, request, got, superagent, and AngularJS's $http."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Env, Fact, Lit, Location, Member, Name, Shape, Unknown, Value
from scanners.idioms.code import CallSite
from scanners.idioms.http import VERBS
from scanners.idioms.javascript import option
from scanners.idioms.js_responses import response_reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode


@dataclass(frozen=True, slots=True)
class _Library:
    """A client library as data.

    Args:
        name: shown as the fact's client.
        callees: names under which it is called, through imports.
        makers: calls that make an instance of it.
        base: option of an instance with the base URL, or empty.
        data: positional argument that holds the body of post, put and patch, -1 when only an option does.
        body: options that hold a body.
        default: method of a plain call.
    """

    name: str
    callees: tuple[str, ...]
    makers: tuple[str, ...] = ()
    base: str = ""
    data: int = -1
    body: tuple[str, ...] = ("data", "json", "body")
    default: str = "GET"


_LIBRARIES = (
    _Library("axios", ("axios", "axios.default", "axios.Axios"), ("axios.create", "axios.AxiosInstance"), "baseURL", 1),
    _Library(
        "fetch", ("fetch", "node-fetch", "undici.fetch", "cross-fetch", "window.fetch", "globalThis.fetch", "$fetch")
    ),
    _Library("request", ("request", "request-promise", "request-promise-native"), ("request.defaults",), "baseUrl"),
    _Library("got", ("got", "got.default", "ky", "ky.default"), ("got.extend", "ky.create", "ky.extend"), "prefixUrl"),
    _Library("superagent", ("superagent",)),
    _Library("undici", ("undici.request",)),
    _Library("angular", ("$http", "this.$http", "this.http"), data=1),
    _Library("jquery", ("$.ajax", "jQuery.ajax", "$", "jQuery"), data=1),
)


@dataclass(frozen=True, slots=True)
class Axios:
    """JavaScript HTTP clients."""

    name: str = "axios"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (
        b"axios",
        b"fetch(",
        b"request",
        b"got",
        b"ky",
        b"superagent",
        b"$http",
        b"$.",
        b"undici",
    )

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Requests sent.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        for site in parsed.calls:
            found = _library(parsed, site)
            if found is not None:
                fact = _request(parsed, site, *found)
                if fact is not None:
                    yield fact


def _library(code: JsCode, site: CallSite) -> tuple[_Library, str] | None:
    """The library a call sends with, and the method the call's name says (empty when it says none)."""
    callee = code.callee(site)
    if not callee and site.receiver is None:
        return None
    owner, _, last = callee.rpartition(".")
    for library in _LIBRARIES:
        if callee in library.callees:
            return (library, "") if callee not in ("$", "jQuery", "this.http") else None
        if owner in (*library.callees, *library.makers) and last in (*VERBS, "request", "del", "getJSON"):
            return library, _verb(last)
        if callee in library.makers and site.receiver is not None and _called_instance(code, site):
            return library, ""
    receiver = code.dotted(site.receiver) if site.receiver is not None else site.dotted
    made_by = code.type_of(receiver, site.scope) if receiver else ""
    if site.receiver is None and made_by:
        return next(((lib, "") for lib in _LIBRARIES if made_by in lib.makers), None)
    return None


def _called_instance(code: JsCode, site: CallSite) -> bool:
    return bool(site.dotted) and code.type_of(site.dotted, site.scope) != ""


def _verb(last: str) -> str:
    return {"request": "", "del": "DELETE", "getJSON": "GET"}.get(last, last.upper())


def _request(code: JsCode, site: CallSite, library: _Library, verb: str) -> Fact | None:
    first = site.arg(0)
    if first is None:
        return None
    whole = first.type == "object"
    options = first if whole else _options(site, library, verb)
    url = _option(code, first, ("url", "uri", "href")) if whole else first
    value = code.value(url, site.scope) if url is not None else Unknown("options built elsewhere")
    if url is None and not whole:
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
    read = response_reads(code, site, library.name)
    if read is not None:
        fields["reads"] = read
    return Fact("http_call", fields, Location(code.path, site.line))


def _options(site: CallSite, library: _Library, verb: str) -> Node | None:
    at = 2 if library.data == 1 and verb in ("POST", "PUT", "PATCH") else 1
    return site.arg(at)


def _option(code: JsCode, node: Node | None, names: tuple[str, ...]) -> Node | None:
    for name in names:
        found = option(code, node, name)
        if found is not None:
            return found
    return None


def _method(code: JsCode, site: CallSite, library: _Library, about: tuple[str, Node | None]) -> Value:
    verb, options = about
    if verb:
        return Lit(verb)
    given = _option(code, options, ("method", "type"))
    if given is None:
        return (
            Lit(library.default) if options is None or options.type == "object" or _is_function(options) else Lit("ANY")
        )
    value = code.value(given, site.scope)
    return Lit(value.value.upper()) if isinstance(value, Lit) and isinstance(value.value, str) else value


def _is_function(node: Node) -> bool:
    return node.type in ("arrow_function", "function_expression")


def _base(code: JsCode, site: CallSite, library: _Library, options: Node | None) -> Value | None:
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
    return Member(Name(receiver), library.base) if made_by in library.makers else None


def _sent(code: JsCode, site: CallSite, library: _Library, about: tuple[str, Node | None]) -> Shape:
    verb, options = about
    node = _option(code, options, library.body)
    if node is None and verb in ("POST", "PUT", "PATCH") and library.data >= 0:
        node = site.arg(library.data)
    return code.shape(node, site.scope) if node is not None else ANYTHING


PACK = Axios()
