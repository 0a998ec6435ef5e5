"""Pacts are read as the specification's own test cases say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.pact_cases import Case
from flows.clients.errors import ClientError
from flows.clients.pact.comparing import response_differences
from flows.clients.pact.dates import regex_of
from flows.clients.pact.paths import tokens, weight
from flows.clients.pact.reading import body, read_pact, rules
from flows.clients.pact.records import Part
from flows.clients.pact.xml import NotXml, parse_xml
from flows.language.values import parse_json

LINES = (Path(__file__).parent / "pact_cases" / "cases.jsonl").read_text().splitlines()


def _case(data: Any) -> Case:
    return Case(data["version"], data["case"], data["match"], data["expected"], data["actual"])


CASES = [_case(parse_json(line)) for line in LINES]
ONE = {"matchers": [{"match": "type"}]}
EACH_VALUE = {"match": "eachValue", "rules": [{"match": "integer"}], "value": "1"}
EACH_KEY = {"match": "eachKey", "rules": [{"match": "regex", "regex": "[a-z]+"}], "value": "a"}
CONTAINS = {
    "match": "arrayContains",
    "variants": [{"index": 0, "rules": {"$.n": ONE}}, {"index": 1, "rules": {"$.s": ONE}}],
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"v{case.version}-{case.name}")
def test_a_published_case(case: Case) -> None:
    assert case.agrees, case.differences()


def test_there_are_cases_of_every_version_and_both_outcomes() -> None:
    assert {(case.version, case.match) for case in CASES} == {(v, m) for v in (2, 3, 4) for m in (True, False)}


def test_the_weights_are_those_of_the_specification() -> None:
    at = tokens("$.item1.level[1].id")
    expected = {"$": 2, "$.item1": 4, "$.item2": 0, "$.item1.level[1].id": 32, "$.*.level[*].id": 8,
                "$.item1.level[*].id": 16, "$['item1'].level": 8}  # fmt: skip
    assert {path: weight(tokens(path), at) for path in expected} == expected


@pytest.mark.parametrize("text", ["{", "[]", '{"interactions": [{"request": 1}]}', '{"a": 1}'])
def test_what_is_no_pact_is_said(text: str) -> None:
    with pytest.raises(ClientError):
        read_pact(text)


def test_a_document_type_is_refused() -> None:
    with pytest.raises(NotXml):
        parse_xml('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>')


def test_dates_with_letters_nobody_knows_are_not_guessed() -> None:
    assert regex_of("date", "yyyy-qq") is None
    assert regex_of("datetime", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX") is not None


@pytest.mark.parametrize(
    ("matcher", "example", "good", "bad"),
    [
        (EACH_VALUE, {"a": 1}, {"x": 5, "y": 6}, {"x": 5, "y": "6"}),
        (EACH_VALUE, [1], [4, 5, 6], [4, 5.5]),
        (EACH_KEY, {"a": 1}, {"x": 1}, {"X1": 1}),
        ({"match": "values"}, {"a": {"n": 1}}, {"z": {"n": 7}}, {"z": {"m": 7}}),
        (CONTAINS, [{"n": 1}, {"s": "x"}], [{"s": "q"}, {"b": True}, {"n": 9}], [{"s": "q"}]),
        ({"match": "notEmpty"}, "a", "b", ""),
        ({"match": "semver"}, "1.0.0", "2.1.0-rc.1", "2.1"),
        ({"match": "boolean"}, True, False, 0),
        ({"match": "include", "value": "ea"}, "a", "pear", "plum"),
        ({"match": "time", "format": "HH:mm"}, "10:00", "23:59", "24:01"),
        ({"match": "type", "max": 2}, [1], [1, 2], [1, 2, 3]),
    ],
)
def test_matchers_of_version_4(matcher: object, example: object, good: object, bad: object) -> None:
    found = rules({"body": {"$.it": {"matchers": [matcher]}}}, 4)
    expected = Part(body=body({"it": example}, "application/json"), rules=found)
    assert not list(response_differences(expected, Part(body=body({"it": good}, "application/json"))))
    assert list(response_differences(expected, Part(body=body({"it": bad}, "application/json"))))
