"""The objects of scripts in `.http` files: `client` and `response` (JetBrains), `test` and `exports` (httpyac)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flows.importers.draft import NotCarried, variable
from flows.importers.javascript import JsValue, Scope, string_of
from flows.importers.js_expressions import different, translated, truth
from flows.importers.paths import dotted
from flows.importers.scripts import BODY_TEXT, Dialect

if TYPE_CHECKING:
    from tree_sitter import Node


def _header(arguments: list[Node], scope: Scope) -> JsValue:
    return JsValue(dotted("headers", [string_of(arguments[0])]), True)


def _variable(arguments: list[Node], scope: Scope) -> JsValue:
    name = variable(string_of(arguments[0]))
    return scope.names.get(f"set {name}", JsValue(name, True))


def _nothing(links: list[tuple[str, list[Node] | None]], scope: Scope) -> list[str]:
    raise NotCarried("this has no counterpart")


def _two(arguments: list[Node], scope: Scope) -> tuple[JsValue, JsValue]:
    if len(arguments) < 2:
        raise NotCarried("two values are needed")
    return translated(arguments[0], scope), translated(arguments[1], scope)


def _equal(arguments: list[Node], scope: Scope) -> str:
    left, right = _two(arguments, scope)
    return f"{left.text} == {right.text}"


def _unequal(arguments: list[Node], scope: Scope) -> str:
    left, right = _two(arguments, scope)
    return different(left, right.text)


def _true(arguments: list[Node], scope: Scope) -> str:
    return truth(translated(arguments[0], scope))


def _named_header(arguments: list[Node], scope: Scope) -> str:
    where = _header(arguments, scope).text
    return f"{where} exists" if len(arguments) < 2 else f"{where} == {translated(arguments[1], scope).text}"


def _contains_header(arguments: list[Node], scope: Scope) -> str:
    return f"{_header(arguments, scope).text} contains {translated(arguments[1], scope).text}"


_CHECKS: dict[str, Callable[[list[Node], Scope], str]] = {
    **dict.fromkeys(("assert.equal", "assert.strictEqual", "assert.deepEqual", "assert.deepStrictEqual"), _equal),
    **dict.fromkeys(("assert.notEqual", "assert.notStrictEqual"), _unequal),
    **dict.fromkeys(("assert.ok",), _true),
    "test.status": lambda arguments, scope: f"status == {translated(arguments[0], scope).text}",
    "test.totalTime": lambda arguments, scope: f"duration_ms <= {translated(arguments[0], scope).text}",
    "test.header": _named_header,
    "test.headerContains": _contains_header,
    "test.hasResponseBody": lambda arguments, scope: 'body != ""',
    "test.hasNoResponseBody": lambda arguments, scope: 'body == ""',
}
DIALECT = Dialect(
    test=frozenset({"client.test", "test"}),
    expect=frozenset({"expect", "chai.expect"}),
    response="",
    respond=_nothing,
    sets=frozenset({"client.global.set", "request.variables.set", "$global.set"}),
    asserts=frozenset({"client.assert", "assert", "console.assert"}),
    silent=frozenset(
        {"client.log", "console.log", "console.info", "console.warn", "console.error", "client.global.clear"}
    ),
    known={
        "response.status": JsValue("status"),
        "response.statusCode": JsValue("status"),
        "response.body": JsValue("body", True),
        "response.parsedBody": JsValue("body", True),
        "response.rawBody": JsValue(BODY_TEXT),
        "response.headers": JsValue("headers", True),
        "response.contentType.mimeType": JsValue('split(headers["content-type"], ";")[0]'),
    },
    calls={
        "response.headers.valueOf": _header,
        "client.global.get": _variable,
        "request.variables.get": _variable,
        "request.environment.get": _variable,
    },
    checks=_CHECKS,
    exports="exports",
)
