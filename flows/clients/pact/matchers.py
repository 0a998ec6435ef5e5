"""Pact's matchers on one value; what nobody here knows is said, so that nothing counts as verified unseen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from flows.clients.pact.dates import regex_of
from flows.clients.pact.records import Json, Matcher
from flows.language.values import as_text, described
from testmesh.guard.regex import compile_pattern
from testmesh.kernel.errors import UserError

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?\Z"
)
_MAGIC = {
    "image/jpeg": ("/9j/", "\xff\xd8"),
    "image/png": ("iVBORw0KGgo", "\x89PNG"),
    "image/gif": ("R0lGOD", "GIF8"),
    "application/pdf": ("JVBERi", "%PDF-"),
    "application/zip": ("UEsDB", "PK\x03\x04"),
    "application/gzip": ("H4sI", "\x1f\x8b"),
}
CASCADING = frozenset({"type", "equality"})
"""Matchers that count for everything below their path; others are about one value."""


class Unverifiable(Exception):
    """A contract says something that cannot be checked here.

    Args:
        reason: what.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def kind_of(value: Json) -> str:
    """Pact's type of a value: all numbers are one type.

    Args:
        value: JSON-shaped.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Mapping):
        return "object"
    return "array" if isinstance(value, list | tuple) else "number"


def equal(expected: Json, actual: Json) -> bool:
    """Whether two scalars are the same; ``true`` is no number.

    Args:
        expected: of the contract.
        actual: of the provider.
    """
    return kind_of(expected) == kind_of(actual) and bool(expected == actual)


def mismatch(matcher: Matcher, expected: Json, actual: Json) -> str:
    """Why a value does not match, or an empty text.

    Args:
        matcher: about single values.
        expected: the contract's example.
        actual: the provider's value.

    Raises:
        Unverifiable: the matcher is not known.
    """
    check = _CHECKS.get(matcher.kind)
    if check is None:
        raise Unverifiable(f"matcher '{matcher.kind}' is not known here")
    return check(matcher, expected, actual)


def _equality(matcher: Matcher, expected: Json, actual: Json) -> str:
    return "" if equal(expected, actual) else f"expected {described(expected)}, found {described(actual)}"


def _type(matcher: Matcher, expected: Json, actual: Json) -> str:
    wanted, found = kind_of(expected), kind_of(actual)
    return "" if wanted == found else f"expected a value of type {wanted} (like {described(expected)}), found {found}"


def _regex(matcher: Matcher, expected: Json, actual: Json) -> str:
    pattern = str(matcher.more.get("regex", ""))
    if actual is None or isinstance(actual, Mapping | list):
        return f"expected text that matches {pattern!r}, found {kind_of(actual)}"
    try:
        compiled = compile_pattern(pattern)
    except UserError as problem:
        raise Unverifiable(f"regex {pattern!r}: {problem.message}") from None
    return "" if compiled.fullmatch(as_text(actual)) else f"{described(actual)} does not match {pattern!r}"


def _include(matcher: Matcher, expected: Json, actual: Json) -> str:
    part = as_text(matcher.more.get("value", ""))
    return "" if part in as_text(actual) else f"{described(actual)} does not contain {part!r}"


def _integer(matcher: Matcher, expected: Json, actual: Json) -> str:
    whole = isinstance(actual, int) and not isinstance(actual, bool)
    return "" if whole else f"expected an integer, found {described(actual)}"


def _decimal(matcher: Matcher, expected: Json, actual: Json) -> str:
    broken = isinstance(actual, float | Decimal)
    return "" if broken else f"expected a number with decimal places, found {described(actual)}"


def _number(matcher: Matcher, expected: Json, actual: Json) -> str:
    return "" if kind_of(actual) == "number" else f"expected a number, found {described(actual)}"


def _boolean(matcher: Matcher, expected: Json, actual: Json) -> str:
    fits = isinstance(actual, bool) or actual in ("true", "false")
    return "" if fits else f"expected a boolean, found {described(actual)}"


def _null(matcher: Matcher, expected: Json, actual: Json) -> str:
    return "" if actual is None else f"expected null, found {described(actual)}"


def _moment(matcher: Matcher, expected: Json, actual: Json) -> str:
    pattern = str(matcher.more.get("format") or matcher.more.get(matcher.kind) or "")
    found = regex_of(matcher.kind, pattern)
    if found is None:
        raise Unverifiable(f"date format {pattern!r} has a letter that is not known here")
    fits = isinstance(actual, str) and re.match(found, actual)
    return "" if fits else f"{described(actual)} is no {matcher.kind} of the form {pattern or 'ISO 8601'}"


def _not_empty(matcher: Matcher, expected: Json, actual: Json) -> str:
    nothing = actual is None or actual == "" or (isinstance(actual, Mapping | list) and not actual)
    return "expected something, found nothing" if nothing else ""


def _semver(matcher: Matcher, expected: Json, actual: Json) -> str:
    fits = isinstance(actual, str) and _SEMVER.match(actual)
    return "" if fits else f"{described(actual)} is no semantic version"


def _content_type(matcher: Matcher, expected: Json, actual: Json) -> str:
    wanted = str(matcher.more.get("value", ""))
    beginnings = _MAGIC.get(wanted)
    if beginnings is None:
        raise Unverifiable(f"what begins like {wanted} is not known here")
    return "" if isinstance(actual, str) and actual.startswith(beginnings) else f"the content is no {wanted}"


_CHECKS: Mapping[str, Callable[[Matcher, Json, Json], str]] = {
    "equality": _equality,
    "type": _type,
    "regex": _regex,
    "include": _include,
    "integer": _integer,
    "decimal": _decimal,
    "number": _number,
    "boolean": _boolean,
    "null": _null,
    "date": _moment,
    "time": _moment,
    "datetime": _moment,
    "timestamp": _moment,
    "notEmpty": _not_empty,
    "semver": _semver,
    "contentType": _content_type,
}
_CLASSES: Mapping[str, range] = {
    "info": range(100, 200),
    "success": range(200, 300),
    "redirect": range(300, 400),
    "clientError": range(400, 500),
    "serverError": range(500, 600),
    "nonError": range(100, 400),
    "error": range(400, 600),
}


def status_class(matcher: Matcher, actual: int) -> str:
    """Why a status is not of the class asked for, or an empty text.

    Args:
        matcher: of kind ``statusCode``.
        actual: the provider's status.
    """
    wanted = matcher.more.get("status")
    if isinstance(wanted, list | tuple):
        return "" if actual in wanted else f"status is {actual}, not one of {list(wanted)}"
    known = _CLASSES.get(str(wanted))
    if known is None:
        raise Unverifiable(f"status class {wanted!r} is not known here")
    return "" if actual in known else f"status is {actual}, not of class {wanted}"
