"""The secret canary on what needs no server of others; `python -m evals.canary` runs it on every action."""

from __future__ import annotations

import pytest

from evals.canary.artefacts import ENCODING_COUNT, exercised, leaks_in, looked_at
from evals.canary.cases import CASES, WITHOUT_SERVERS, Case, without_case
from evals.canary.echo import answer_of, echo_server
from evals.canary.forms import ENCODINGS
from flows.actions import catalogue
from flows.events import to_json

SECRET = "S3cr3t/K+y&w=Q\"x'<z>%7 end"


def test_every_action_has_a_case() -> None:
    assert without_case(spec.name for spec in catalogue().complete().specs) == []


def test_an_action_without_a_case_is_named() -> None:
    assert without_case(["http_request", "carrier_pigeon"]) == ["carrier_pigeon"]


@pytest.mark.parametrize("case", WITHOUT_SERVERS, ids=lambda case: case.name)
def test_no_secret_leaves_a_run(case: Case) -> None:
    with echo_server() as url:
        found = looked_at(case, SECRET, {"ECHO": url})
    assert not [problem["message"] for flow in found.run.flows for problem in flow.problems]
    assert set(case.actions) <= exercised(found.run).keys()
    assert "***" in found.texts["recording"]
    assert found.leaks == []


def test_the_canary_would_see_a_leak_in_any_encoding() -> None:
    assert ENCODING_COUNT >= 12
    assert len(CASES) >= 15
    text = to_json(answer_of(SECRET))
    assert set(leaks_in(text, SECRET)) == set(ENCODINGS) - {"base64 mime"}
    assert leaks_in(f"it is {SECRET[3:15]}...", SECRET)
    assert leaks_in('{"a": "nothing here"}', SECRET) == []
