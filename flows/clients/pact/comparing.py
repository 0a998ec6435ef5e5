"""Whole requests, responses and messages compared with a contract: status, headers, query, path and body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.clients.pact.bodies import Comparison
from flows.clients.pact.matchers import mismatch, status_class
from flows.clients.pact.paths import best
from flows.clients.pact.reading import is_json
from flows.clients.pact.records import Body, Json, Part, Rule, Tokens
from flows.clients.pact.xml import NotXml, differences, parse_xml
from flows.language.values import described


def response_differences(expected: Part, actual: Part) -> Iterator[str]:
    """What a response has not as agreed.

    Args:
        expected: of the contract.
        actual: the provider's.
    """
    yield from _status(expected, actual)
    yield from _headers(expected, actual)
    yield from _body(expected, actual, open=True)


def request_differences(expected: Part, actual: Part) -> Iterator[str]:
    """What a request has not as agreed; a consumer may send nothing that was not agreed on.

    Args:
        expected: of the contract.
        actual: the consumer's.
    """
    if expected.method != actual.method:
        yield f"method: expected {expected.method}, found {actual.method}"
    yield from _one("path", expected.rules.of("path"), expected.path, actual.path)
    yield from _query(expected, actual)
    yield from _headers(expected, actual)
    yield from _body(expected, actual, open=False)


def message_differences(expected: Part, actual: Part) -> Iterator[str]:
    """What a message has not as agreed.

    Args:
        expected: of the contract.
        actual: the provider's.
    """
    for name, value in expected.metadata.items():
        if name.lower() == "contenttype":
            continue
        if name not in actual.metadata:
            yield f"metadata {name}: missing"
        else:
            rules = expected.rules.of("metadata")
            yield from _one(f"metadata {name}", rules, value, actual.metadata[name], (name,))
    yield from _body(expected, actual, open=True)


def _status(expected: Part, actual: Part) -> Iterator[str]:
    found = actual.status or 0
    for rule in expected.rules.of("status"):
        for matcher in rule.matchers:
            told = status_class(matcher, found) if matcher.kind == "statusCode" else _plain(matcher, expected, found)
            if told:
                yield f"status: {told}"
        return
    if expected.status is not None and expected.status != found:
        yield f"status: expected {expected.status}, found {found}"


def _plain(matcher: Any, expected: Part, found: int) -> str:
    return mismatch(matcher, expected.status, found)


def _one(where: str, rules: Sequence[Rule], expected: Json, actual: Json, at: Tokens = ()) -> Iterator[str]:
    rule = best(rules, at)
    if rule is None:
        if expected != actual:
            yield f"{where}: expected {described(expected)}, found {described(actual)}"
        return
    outcomes = [mismatch(matcher, expected, actual) for matcher in rule.matchers]
    if rule.combine == "OR" and not all(outcomes):
        return
    yield from (f"{where}: {problem}" for problem in outcomes if problem)


def _query(expected: Part, actual: Part) -> Iterator[str]:
    rules = expected.rules.of("query")
    for name, values in expected.query.items():
        found = actual.query.get(name)
        if found is None:
            yield f"query {name}: missing"
            continue
        if len(found) != len(values) and best(rules, (name,)) is None:
            yield f"query {name}: expected {len(values)} values, found {len(found)}"
        for index, value in enumerate(found):
            example = values[index] if index < len(values) else values[0]
            yield from _one(f"query {name}", rules, example, value, (name, index))
    yield from (f"query {name}: not expected" for name in actual.query if name not in expected.query)


def _headers(expected: Part, actual: Part) -> Iterator[str]:
    found = {name.lower(): value for name, value in actual.headers.items()}
    rules = [Rule(tuple(t.lower() if isinstance(t, str) else t for t in r.path), r.matchers, r.combine)
             for r in expected.rules.of("header")]  # fmt: skip
    for name, value in expected.headers.items():
        key = name.lower()
        if key not in found:
            yield f"header {name}: missing"
        elif best(rules, (key,)) is not None or best(rules, (key, 0)) is not None:
            yield from _by_rule(name, rules, value, found[key])
        elif not _same_header(key, _values(value), _values(found[key])):
            yield f"header {name}: expected {described(_joined(value))}, found {described(_joined(found[key]))}"


def _by_rule(name: str, rules: Sequence[Rule], expected: Json, actual: Json) -> Iterator[str]:
    """A rule is about the whole header, or about each of its values where that does not hold."""
    key = name.lower()
    whole = list(_one(f"header {name}", rules, _joined(expected), _joined(actual), (key,)))
    if best(rules, (key,)) is not None and not whole:
        return
    examples, values = _values(expected), _values(actual)
    for index, value in enumerate(values):
        example = examples[index] if index < len(examples) else examples[0]
        yield from _one(f"header {name}", rules, example, value, (key, index))


def _joined(value: Json) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)


def _values(value: Json) -> list[str]:
    return [part.strip() for part in _joined(value).split(",")]


def _same_header(name: str, expected: list[str], actual: list[str]) -> bool:
    media = name in ("content-type", "accept") and all("/" in one for one in (*expected, *actual))
    if media and len(expected) == len(actual):
        return all(_same_type(mine, theirs) for mine, theirs in zip(expected, actual, strict=True))
    return expected == actual


def _same_type(expected: str, actual: str) -> bool:
    """Media types with their parameters in any order; a charset that nobody asked for does not matter."""
    kind, wanted = _media(expected)
    other, found = _media(actual)
    return kind == other and all(found.get(name) == value for name, value in wanted.items())


def _media(text: str) -> tuple[str, Mapping[str, str]]:
    kind, *parameters = (part.strip() for part in text.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters if parameter)
    return kind.lower(), {
        name.strip().lower(): value.strip().strip('"').lower() if name.strip().lower() == "charset" else value.strip()
        for name, _, value in pairs
    }


def _body(expected: Part, actual: Part, *, open: bool) -> Iterator[str]:
    wanted, found = expected.body, actual.body
    if wanted is None:
        return
    nothing = found is None or found.empty
    if wanted.empty:
        if not nothing:
            yield f"body: expected none, found {described(found.content if found else None)}"
        return
    if found is None or nothing:
        if wanted.content is not None:
            yield "body: missing"
        return
    if wanted.kind and found.kind and wanted.kind != found.kind:
        yield f"body: expected {wanted.kind}, found {found.kind}"
        return
    yield from _content(wanted, found, expected.rules.of("body"), open=open)


def _content(wanted: Body, found: Body, rules: Sequence[Rule], *, open: bool) -> Iterator[str]:
    if wanted.kind.endswith(("/xml", "+xml")) and isinstance(wanted.content, str):
        yield from _xml(wanted.content, found.content, rules, open=open)
    elif is_json(wanted.kind) or not isinstance(wanted.content, str):
        yield from (f"body {line}" for line in Comparison(rules, open).differences(wanted.content, found.content))
    else:
        yield from _one("body", rules, wanted.content, found.content)


def _xml(expected: str, actual: Json, rules: Sequence[Rule], *, open: bool) -> Iterator[str]:
    try:
        mine = parse_xml(expected)
        theirs = parse_xml(actual if isinstance(actual, str) else "")
    except NotXml as problem:
        yield f"body: no XML: {problem}"
        return
    yield from (f"body {line}" for line in differences(mine, theirs, rules, open=open))
