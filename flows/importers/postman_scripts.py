"""The `pm` object of Postman's scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from flows.importers.draft import NotCarried, literal, variable
from flows.importers.javascript import JsValue, Scope, string_of
from flows.importers.js_expressions import translated
from flows.importers.paths import dotted
from flows.importers.scripts import BODY_TEXT, Dialect

if TYPE_CHECKING:
    from tree_sitter import Node

_PHRASES = {status.phrase.lower(): int(status) for status in HTTPStatus}
_STORES = ("environment", "variables", "collectionVariables", "globals", "iterationData")


def _variable(arguments: list[Node], scope: Scope) -> JsValue:
    name = variable(string_of(arguments[0]))
    return scope.names.get(f"set {name}", JsValue(name, True))


def _header(arguments: list[Node], scope: Scope) -> JsValue:
    return JsValue(dotted("headers", [string_of(arguments[0])]), True)


def _cookie(arguments: list[Node], scope: Scope) -> JsValue:
    return JsValue(dotted("cookies", [string_of(arguments[0])]), True)


def _exists(make: Callable[[list[Node], Scope], JsValue]) -> Callable[[list[Node], Scope], JsValue]:
    return lambda arguments, scope: JsValue(f"({make(arguments, scope).text} exists)")


def respond(links: list[tuple[str, list[Node] | None]], scope: Scope) -> list[str]:
    """``pm.response.to...``

    Args:
        links: after ``to``.
        scope: of the script.

    Raises:
        NotCarried: it has no counterpart.
    """
    negated = False
    found: list[str] = []
    for name, arguments in links:
        if name == "not":
            negated = not negated
        elif name in _RESPONDS:
            text = _RESPONDS[name](arguments or [], scope)
            found.append(f"not ({text})" if negated else text)
        elif name not in ("have", "be", "and", "is", "a", "an", "to"):
            raise NotCarried(f"'{name}' has no counterpart")
    if not found:
        raise NotCarried("nothing is expected")
    return found


def _status(arguments: list[Node], scope: Scope) -> str:
    given = arguments[0]
    if given.type == "string":
        code = _PHRASES.get(string_of(given).lower())
        if code is None:
            raise NotCarried(f"'{string_of(given)}' is no status that is known here")
        return f"status == {code}"
    return f"status == {translated(given, scope).text}"


def _response_header(arguments: list[Node], scope: Scope) -> str:
    where = _header(arguments, scope).text
    return f"{where} exists" if len(arguments) < 2 else f"{where} == {translated(arguments[1], scope).text}"


def _json_body(arguments: list[Node], scope: Scope) -> str:
    if not arguments:
        return "(body is object or body is array)"
    if arguments[0].type != "string":
        return f"body == {translated(arguments[0], scope).text}"
    parts: list[str | int] = [
        int(part) if part.isdigit() else part
        for part in string_of(arguments[0]).replace("[", ".").replace("]", "").split(".")
    ]
    where = dotted("body", parts)
    return f"{where} exists" if len(arguments) < 2 else f"{where} == {translated(arguments[1], scope).text}"


def _body(arguments: list[Node], scope: Scope) -> str:
    if not arguments:
        return 'body != ""'
    text = string_of(arguments[0])
    if text[:1] in '{["' or text.isdigit():
        raise NotCarried("the text of a JSON body is not seen as it came")
    return f"body == {literal(text)}"


def _json_schema(arguments: list[Node], scope: Scope) -> str:
    schema = translated(arguments[0], scope).text if arguments else ""
    if not schema.startswith("{"):
        raise NotCarried("the schema is not written here")
    return f"body matches_schema {schema}"


def _is(code: int) -> Callable[[list[Node], Scope], str]:
    return lambda arguments, scope: f"status == {code}"


_RESPONDS: Mapping[str, Callable[[list[Node], Scope], str]] = {
    "status": _status,
    "statusCode": _status,
    "header": _response_header,
    "jsonBody": _json_body,
    "body": _body,
    "withBody": lambda arguments, scope: 'body != ""',
    "jsonSchema": _json_schema,
    "json": lambda arguments, scope: "(body is object or body is array)",
    "success": lambda arguments, scope: "(status >= 200 and status < 300)",
    "ok": _is(200),
    "accepted": _is(202),
    "badRequest": _is(400),
    "unauthorized": _is(401),
    "forbidden": _is(403),
    "notFound": _is(404),
    "rateLimited": _is(429),
    "redirection": lambda arguments, scope: "(status >= 300 and status < 400)",
    "clientError": lambda arguments, scope: "(status >= 400 and status < 500)",
    "serverError": lambda arguments, scope: "(status >= 500 and status < 600)",
    "error": lambda arguments, scope: "(status >= 400 and status < 600)",
}


def _legacy_header(arguments: list[Node], scope: Scope) -> JsValue:
    return _header(arguments, scope)


def _joined(name: str) -> tuple[str, ...]:
    return tuple(f"pm.{store}.{name}" for store in _STORES)


DIALECT = Dialect(
    test=frozenset({"pm.test"}),
    expect=frozenset({"pm.expect", "expect"}),
    response="pm.response.to",
    respond=respond,
    sets=frozenset(
        {*_joined("set"), "postman.setEnvironmentVariable", "postman.setGlobalVariable"},
    ),
    asserts=frozenset(),
    silent=frozenset({"console.log", "console.info", "console.warn", "console.error", *_joined("unset"),
                      *_joined("clear"), "postman.clearEnvironmentVariable", "pm.visualizer.set"}),
    known={
        "pm.response.code": JsValue("status"),
        "pm.response.responseTime": JsValue("duration_ms"),
        "responseCode.code": JsValue("status"),
        "responseTime": JsValue("duration_ms"),
        "responseBody": JsValue(BODY_TEXT),
    },
    calls={
        "pm.response.json": lambda arguments, scope: JsValue("body", True),
        "responseBody.has": lambda arguments, scope: JsValue(
            f"({BODY_TEXT} contains {translated(arguments[0], scope).text})"
        ),
        "pm.response.text": lambda arguments, scope: JsValue(BODY_TEXT),
        "pm.response.headers.get": _header,
        "pm.response.headers.has": _exists(_header),
        "postman.getResponseHeader": _legacy_header,
        "pm.cookies.get": _cookie,
        "pm.cookies.has": _exists(_cookie),
        **dict.fromkeys(_joined("get"), _variable),
        **dict.fromkeys(_joined("has"), _exists(_variable)),
        "postman.getEnvironmentVariable": _variable,
    },
)  # fmt: skip
