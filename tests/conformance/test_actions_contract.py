"""`contract_verify` against real HTTP providers: pacts of every version, OpenAPI 3.0 and 3.1, and bad servers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flows.engine.recording import judge
from flows.events import run_from_json, run_to_json
from flows.strength.measuring import Measure, measured
from graph.runs import Run
from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.flows.support import Reply, Seen, Web, run_text, step

PACT: dict[str, Any] = {
    "consumer": {"name": "shop"},
    "provider": {"name": "orders"},
    "metadata": {"pactSpecification": {"version": "4.0"}},
    "interactions": [
        {
            "type": "Synchronous/HTTP",
            "description": "an order",
            "providerStates": [{"name": "there is an order", "params": {"id": 7}}],
            "request": {
                "method": "GET",
                "path": "/orders/1",
                "query": {"full": ["yes"]},
                "generators": {"path": {"type": "ProviderState", "expression": "/orders/${id}"}},
            },
            "response": {
                "status": 200,
                "headers": {"Content-Type": "application/json"},
                "body": {"contentType": "application/json", "encoded": False,
                         "content": {"id": 1, "total": 9.5, "lines": [{"sku": "A"}], "at": "2026-01-01"}},
                "matchingRules": {
                    "status": {"$": {"matchers": [{"match": "statusCode", "status": "success"}]}},
                    "body": {
                        "$.id": {"matchers": [{"match": "integer"}]},
                        "$.total": {"matchers": [{"match": "decimal"}]},
                        "$.lines": {"matchers": [{"match": "type", "min": 1}]},
                        "$.at": {"matchers": [{"match": "date", "format": "yyyy-MM-dd"}]},
                    },
                },
            },
        },
    ],
}  # fmt: skip
ORDER = {"id": 7, "total": 12.25, "lines": [{"sku": "B", "more": 1}, {"sku": "C"}], "at": "2026-11-26", "more": True}
CONNECTED = {
    "contract_verify": lambda port: (
        f'{{base_url: "http://127.0.0.1:{port}", pact: pact.json, headers: {{Authorization: "Bearer {SECRET}"}}}}'
    )
}


@pytest.fixture
def web() -> Iterator[Web]:
    """A real HTTP server."""
    server = Web()
    yield server
    server.close()


def states(seen: Seen) -> Reply:
    return Reply(200, {"id": seen.json["params"]["id"]})


def verify(folder: Path, web: Web, pact: Mapping[str, Any], more: str = "") -> Run:
    """One verification of a pact."""
    (folder / "pact.json").write_text(json.dumps(pact))
    web.routes["POST /states"] = states
    states_url = f', provider_states_url: "{web.url}/states"'
    config = f'{{base_url: "{web.url}", pact: pact.json{states_url}{more}}}'
    return run_text(folder, flow_of(f"{{id: c, action: contract_verify, config: {config}, assert: [failed == 0]}}"))


@failing_servers(CONNECTED)
def test_a_failing_provider_is_a_verdict_that_names_it(check: Check, tmp_path: Path) -> None:
    (tmp_path / "pact.json").write_text(json.dumps({**PACT, "interactions": [dict(PACT["interactions"][0])]}))
    check(tmp_path)


def test_a_provider_that_keeps_its_contract_passes_and_so_does_its_recording(tmp_path: Path, web: Web) -> None:
    web.on("GET /orders/7", 200, ORDER)
    run = verify(tmp_path, web, PACT)
    passes(run)
    assert [seen.path for seen in web.seen] == ["/states", "/orders/7?full=yes"]
    assert web.seen[0].json == {"state": "there is an order", "params": {"id": 7}, "action": "setup"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": "7"}, "$.id: expected an integer"),
        ({"total": 12}, "$.total: expected a number with decimal places"),
        ({"lines": []}, "$.lines: expected at least 1 elements, found 0"),
        ({"at": "26.11.2026"}, "is no date of the form yyyy-MM-dd"),
        ({"lines": [{}]}, "$.lines[0].sku: missing"),
    ],
)
def test_what_breaks_the_contract_fails_and_names_the_path(
    tmp_path: Path, web: Web, change: dict[str, Any], told: str
) -> None:
    web.on("GET /orders/7", 200, {**ORDER, **change})
    run = verify(tmp_path, web, PACT)
    found = step(run, "c")
    assert found.verdict == "failed"
    assert told in found.message
    assert judge(run_from_json(run_to_json(run))).verdict == "failed"


def test_a_status_of_another_class_a_missing_state_and_unknown_things_are_never_verified(
    tmp_path: Path, web: Web
) -> None:
    web.on("GET /orders/7", 404, ORDER)
    assert "status is 404, not of class success" in step(verify(tmp_path, web, PACT), "c").message
    (one,) = PACT["interactions"]
    message = {"type": "Asynchronous/Messages", "description": "told", "contents": {"content": {"a": 1}}}
    unknown = {
        **one,
        "response": {**one["response"], "matchingRules": {"body": {"$.id": {"matchers": [{"match": "x"}]}}}},
    }
    web.on("GET /orders/7", 200, ORDER)
    for interaction, told in (
        (message, "a message needs 'messages_url'"),
        ({**one, "type": "Synchronous/Messages"}, "cannot be verified over HTTP"),
        (unknown, "matcher 'x' is not known here"),
    ):
        assert told in step(verify(tmp_path, web, {**PACT, "interactions": [interaction]}), "c").message
    pending = {**one, "pending": True}
    web.on("GET /orders/7", 500, ORDER)
    assert verify(tmp_path, web, {**PACT, "interactions": [pending]}).verdict == "passed"
    assert "nothing was verified" in step(verify(tmp_path, web, PACT, ", description: other"), "c").message


def test_a_message_is_verified_through_an_address_that_answers_it(tmp_path: Path, web: Web) -> None:
    pact = {
        "metadata": {"pactSpecification": {"version": "3.0.0"}},
        "messages": [
            {"description": "order made", "contents": {"order": "x"}, "metaData": {"contentType": "application/json"},
             "matchingRules": {"body": {"$.order": {"matchers": [{"match": "regex", "regex": "[a-z]+"}]}}}},
        ],
    }  # fmt: skip
    web.on("POST /messages", 200, {"order": "abc"})
    more = f', messages_url: "{web.url}/messages"'
    passes(verify(tmp_path, web, pact, more))
    web.on("POST /messages", 200, {"order": "ABC"})
    assert "does not match" in step(verify(tmp_path, web, pact, more), "c").message


OPENAPI = """
openapi: {version}
paths:
  /orders/{{id}}:
    parameters: [{{name: id, in: path, required: true, schema: {{type: integer}}, example: 7}}]
    get:
      operationId: readOrder
      responses:
        "200":
          description: an order
          headers: {{X-Total: {{required: true, schema: {{type: integer}}}}}}
          content: {{application/json: {{schema: {{$ref: "#/components/schemas/Order"}}}}}}
        4XX: {{description: no, content: {{application/problem+json: {{schema: {{type: object}}}}}}}}
components:
  schemas:
    Order:
      type: object
      required: [id, kind, secret]
      properties:
        id: {{type: integer, format: int32, readOnly: true}}
        note: {note}
        secret: {{type: string, writeOnly: true}}
        kind: {{$ref: "#/components/schemas/Kind"}}
    Kind:
      oneOf: [{{$ref: "#/components/schemas/Book"}}, {{$ref: "#/components/schemas/Disc"}}]
      discriminator: {{propertyName: type, mapping: {{book: "#/components/schemas/Book"}}}}
    Book:
      type: object
      required: [type, pages]
      additionalProperties: false
      properties: {{type: {{type: string, pattern: "^(b+)+$|^book$"}}, pages: {{type: integer}}}}
    Disc: {{type: object, required: [type], properties: {{type: {{type: string}}, length: {{type: number}}}}}}
"""
NOTES = {"3.0.3": "{type: string, nullable: true}", "3.1.0": '{type: [string, "null"]}'}
GOOD = {"id": 7, "note": None, "kind": {"type": "book", "pages": 3}}


def described(folder: Path, web: Web, version: str, operation: str = "readOrder") -> Run:
    (folder / "api.yaml").write_text(OPENAPI.format(version=version, note=NOTES[version]))
    config = f'{{base_url: "{web.url}", openapi: api.yaml, operation: "{operation}"}}'
    return run_text(folder, flow_of(f"{{id: c, action: contract_verify, config: {config}}}"))


@pytest.mark.parametrize("version", sorted(NOTES))
def test_an_operation_is_called_by_its_examples_and_its_answer_checked(tmp_path: Path, web: Web, version: str) -> None:
    web.on("GET /orders/7", 200, GOOD, x_total="1")
    passes(described(tmp_path, web, version))
    passes(described(tmp_path, web, version, "GET /orders/{id}"))
    web.on("GET /orders/7", 404, {"title": "no"}, content_type="application/problem+json")
    passes(described(tmp_path, web, version))


@pytest.mark.parametrize("version", sorted(NOTES))
@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(200, {**GOOD, "id": "7"}, {"x-total": "1"}), "$.id: '7' is not of type 'integer'"),
        (Reply(200, {**GOOD, "id": 2**40}, {"x-total": "1"}), "$.id: 1099511627776 is not a 'int32'"),
        (Reply(200, {**GOOD, "secret": "s"}, {"x-total": "1"}), "$.secret: must not be there"),
        (Reply(200, {**GOOD, "kind": {"type": "book"}}, {"x-total": "1"}), "'pages' is a required property"),
        (Reply(200, {**GOOD, "kind": {"type": "book", "pages": 1, "x": 1}}, {"x-total": "1"}), "not allowed ('x')"),
        (Reply(200, {**GOOD, "kind": {"type": "Tape"}}, {"x-total": "1"}), "'Tape' is not one of"),
        (Reply(200, GOOD, {}), "header X-Total: missing"),
        (Reply(200, GOOD, {"x-total": "many"}), "header X-Total $: 'many' is not of type 'integer'"),
        (Reply(200, GOOD, {"x-total": "1", "content-type": "text/html"}), "content-type: text/html is not described"),
        (Reply(500, GOOD, {}), "status: 500 is not described; there is 200, 4XX"),
    ],
)
def test_an_answer_that_is_not_as_described_fails(
    tmp_path: Path, web: Web, version: str, reply: Reply, told: str
) -> None:
    web.routes["GET /orders/7"] = lambda seen: reply
    found = step(described(tmp_path, web, version), "c")
    assert found.verdict == "failed"
    assert told in found.message


def test_an_operation_that_is_not_there_is_said_before_anything_is_sent(tmp_path: Path, web: Web) -> None:
    (problem,) = described(tmp_path, web, "3.1.0", "writeOrder").flows[0].problems
    assert (problem["rule"], problem["severity"]) == ("flow/config", "error")
    assert "it has GET /orders/{id}" in str(problem["message"])
    assert web.seen == []


def test_strength_finds_what_a_contract_does_not_look_at(tmp_path: Path, web: Web) -> None:
    web.on("GET /orders/7", 200, ORDER)
    run = verify(tmp_path, web, PACT)
    found = measured(Measure((run,), run.flows[0].source))
    missed = {change for gap in found.gaps for change in gap.changes}
    assert "answers[0].response.body.more: field gone" in missed
    assert not any("body.id" in change or "body.total: another type" in change for change in missed)
