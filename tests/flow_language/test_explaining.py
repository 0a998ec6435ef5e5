"""An explanation leaves out no step and no assertion, and says what a flow does not look at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from flows.actions import catalogue
from flows.language.check import load_flow
from flows.language.explaining import ExplainedStep, Explanation, explained
from flows.language.files import GivenFiles, UnseenFiles
from flows.language.spec import PHASES, Step
from testmesh.cli import dispatch
from tests.flow_language.actions_of_flows_md import CATALOGUE

HERE = Path(__file__).parent
EXAMPLE = """\
Order creates notification (example_of_flows_md.yaml)
Runs once.

Steps:
  1. place_order (line 6) sends POST ${ORDER_SERVICE}/orders with {product_id: SKU-100, quantity: 2}.
     Keeps order_id from $.body.id.
  2. verify_event (line 14) expects a message on order.created.
     Waits for what it expects, for at most 10s.
     Checks:
       - value.order_id == "${place_order.order_id}"
  3. verify_notification (line 19) runs the SQL SELECT * FROM notifications WHERE order_id = $1.
     Reads again until its assertions hold, for at most 5s.
     Checks:
       - result.count == 1
       - result.rows[0].type == "order_confirmation"

Needs:
  variables with a default: ORDER_SERVICE_URL
  connections: DATABASE_URL, KAFKA_BROKERS

Does not check:
  place_order (line 6): nothing beyond that its outputs exist
"""


def of(text: str) -> Explanation:
    flow = load_flow(text, "x.yaml", CATALOGUE, GivenFiles()).flow
    assert flow is not None
    return explained(flow, CATALOGUE)


def every(steps: Iterable[ExplainedStep]) -> list[ExplainedStep]:
    return [found for step in steps for found in (step, *every(step.steps))]


def written(steps: Iterable[Step]) -> list[Step]:
    found: list[Step] = []
    for step in steps:
        found += [step, *(inner for branch in step.branches for inner in written(branch.steps))]
        found += written(step.error_steps)
    return found


def test_the_example_in_words(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    assert dispatch(["explain", str(HERE / "example_of_flows_md.yaml")]) == 0
    assert capsys.readouterr().out.replace("tests/flow_language/", "") == EXAMPLE


def test_no_step_no_assertion_and_no_output_is_left_out() -> None:
    text = (HERE / "everything.yaml").read_text()
    flow = load_flow(text, "x.yaml", CATALOGUE, GivenFiles()).flow
    assert flow is not None
    told = every(explained(flow, CATALOGUE).steps)
    steps = [step for phase in PHASES for step in written(flow.phase(phase))]
    assert sorted(step.id for step in steps) == sorted(step.id for step in told)
    by_id = {(step.phase, step.id): step for step in told}
    for step in steps:
        found = by_id[(step.phase, step.id)]
        assert len(found.checks) == len(step.assertions)
        assert len(found.keeps) == len(step.output)


@pytest.mark.parametrize(
    ("step", "gaps"),
    [
        ("{id: a, action: http, config: {url: 'http://x'}}", ["anything: it cannot fail on what comes back"]),
        ("{id: a, action: http, config: {url: 'http://x'}, assert: [status == 200]}", ["the body of the answer"]),
        ("{id: a, action: http, config: {url: 'http://x'}, assert: [body.a == 1]}", ["the status of the answer"]),
        ("{id: a, action: http, config: {url: 'http://x'}, assert: [response.status == 1, '$.body exists']}", []),
        ("{id: a, action: sql, config: {query: SELECT 1}, assert: [count == 1]}", ["what the rows hold"]),
        ("{id: a, action: kafka_consumer, config: {topic: t}}", ["what the message says: any one passes"]),
        ("{id: a, action: kafka_consumer, config: {topic: t, match: value.n == 1}}", []),
        ("{id: a, action: log, config: {message: hi}}", []),
        (
            "{id: a, action: http, config: {url: 'http://x'}, assert_any: [status == 200, body.a == 1]}",
            ["which of its alternatives holds"],
        ),
    ],
)
def test_what_a_step_does_not_look_at_is_said(step: str, gaps: list[str]) -> None:
    found = of(f"flow:\n  name: n\n  steps:\n    - {step}\n")
    assert list(found.steps[0].gaps) == gaps


def test_needs_are_told_apart() -> None:
    found = of(
        "flow:\n  name: n\n  env: {B: 1}\n  steps:\n"
        "    - {id: a, action: http, config: {url: '${HOST}/${PORT:80}/${B}'}, assert: [status == 200]}\n"
    )
    assert (found.needed, found.defaulted, found.connections) == (("HOST",), ("PORT",), ())


def test_a_broken_flow_is_not_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("flow:\n  name: n\n  steps:\n    - {id: a, action: lgo}\n")
    assert dispatch(["explain", "-C", str(tmp_path), "a.yaml"]) == 2
    assert "a.yaml:4:23: error: unknown action 'lgo'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("contract_verify, config: {pact: p.json, base_url: u}", "asks u everything that the pact p.json promises"),
        ("contract_verify, config: {openapi: o, operation: op, base_url: u}", "asks u for op as o describes it"),
        (
            "mock_server_verify, config: {name: m, path: /x, count: 2}",
            "expects exactly 2 requests /x at the mock server m",
        ),
        ("mock_server_verify, config: {name: m}", "expects at least 1 request at the mock server m"),
        (
            "http_request, config: {url: '${U}', query: {a: 1}}, assert: [status == body]",
            "sends GET ${U} with the query {a: 1}",
        ),
    ],
)
def test_a_verification_says_what_it_verifies(action: str, said: str) -> None:
    text = f"flow:\n  name: n\n  steps:\n    - {{id: a, action: {action}}}\n"
    flow = load_flow(text, "x.yaml", catalogue().complete(), UnseenFiles()).flow
    assert flow is not None
    (step,) = explained(flow, catalogue().complete()).steps
    assert (step.does, step.gaps) == (said, ())
