"""Two runs compared: what changed is told, what is new in every run is not."""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from flows.events import to_json
from flows.reports.comparing import compare as compared
from flows.reports.comparing import comparison_data, comparison_lines
from flows.reports.volatile import Volatile
from graph.runs import AssertionResult, FlowRun, Run, StepRun
from tests.flows.random_runs import RUNS
from tests.flows.support import Reply, Web, run_text

FLOW = """
    flow:
      name: order
      steps:
        - id: create
          action: http_request
          config: {method: POST, url: "${WEB}/orders", body: {request: "${RANDOM_ID}", product_id: SKU-100}}
          output: {order_id: body.id}
          assert: [status == 201]
        - id: read
          action: http_request
          config: {url: "${WEB}/orders/${create.order_id}"}
          assert: [body.total == 40, 'body.product_id == "SKU-100"']
        - {id: last, action: http_request, config: {url: "${WEB}/last"}, assert: [status == 200]}
    """


class Shop:
    """A server whose answers differ in everything that differs between any two runs."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.total = 40
        self.product = "SKU-100"
        self.numbers = itertools.count(41)
        web.routes["POST /orders"] = self.create
        web.on("GET /last", 200, {})

    def create(self, seen: object) -> Reply:
        """A new order."""
        number = next(self.numbers)
        self.web.routes[f"GET /orders/{number}"] = lambda again: Reply(200, self.order(number))
        return Reply(201, self.order(number), {"X-Request-Id": str(uuid.uuid4())})

    def order(self, number: int) -> dict[str, object]:
        """An order as it is answered."""
        return {
            "id": number, "total": self.total, "product_id": self.product, "created_at": 1_700_000_000 + number,
            "at": f"2026-11-26T08:{number}:00Z", "key": uuid.uuid4().hex, "link": f"/orders/{number}",
            "text": f"order {number} of {uuid.uuid4()}",
        }  # fmt: skip


@pytest.fixture
def shop(web: Web) -> Shop:
    return Shop(web)


def started(folder: Path, shop: Shop) -> Run:
    return run_text(folder, FLOW, process={"WEB": shop.web.url})


def test_two_good_runs_do_not_differ(tmp_path: Path, shop: Shop) -> None:
    found = compared(started(tmp_path, shop), started(tmp_path, shop))
    assert found.flows[0].same, found.flows[0].steps
    over = found.flows[0].passed_over or {}
    assert {"id", "time", "header"} <= over.keys()
    last = list(comparison_lines(found))[-1]
    assert last.startswith("passed over as different in every run: ")


def test_what_changed_is_told_with_the_first_step_that_differs(tmp_path: Path, shop: Shop) -> None:
    before = started(tmp_path, shop)
    shop.total, shop.product = 45, "SKU-200"
    found = compared(before, started(tmp_path, shop))
    (flow,) = found.flows
    assert [(step.path, step.before, step.after) for step in flow.steps] == [
        ("create", "passed", "passed"), ("read", "passed", "failed"), ("last", "passed", "not_run"),
    ]  # fmt: skip
    text = "\n".join(comparison_lines(found))
    assert "order: passed → failed" in text
    assert "first difference: create (line 5): passed" in text
    assert "body.total: 40 → 45" in text
    assert 'body.product_id: "SKU-100" → "SKU-200"' in text
    assert text.count("body.total: 40 → 45") == 2
    data = json.loads(to_json(comparison_data(found)))
    assert data["flows"][0]["steps"][1]["values"][0] == {"path": "body.total", "before": 40, "after": 45}


def test_an_edited_flow_and_steps_that_come_and_go_are_told(tmp_path: Path, shop: Shop) -> None:
    before = started(tmp_path, shop)
    edited = FLOW.replace("id: last", "id: newest").replace("name: order", "name: orders")
    after = run_text(tmp_path, edited, process={"WEB": shop.web.url})
    (flow,) = compared(before, after).flows
    assert (flow.edited, flow.new, flow.gone) == (True, ("newest",), ("last",))
    other = Run(after.id, after.started, after.finished, "passed", ())
    assert "only in the earlier run" in "\n".join(comparison_lines(compared(before, other)))
    assert "only in the later run" in "\n".join(comparison_lines(compared(other, before)))


def test_the_same_text_asserted_twice_is_compared_with_its_like() -> None:
    lines = (AssertionResult("assert", "n == 1", False, 2, 1), AssertionResult("assert", "n == 1", True, 1, 1))
    step = StepRun("a", "steps", "log", "failed", "", 0.0, 1.0, assertions=lines)
    run = Run("1", "", "", "failed", (FlowRun("a.yaml", "a", None, "failed", 1.0, (step,)),))
    mended = replace(step, assertions=(replace(lines[0], passed=True, left=1), lines[1]))
    after = replace(run, flows=(replace(run.flows[0], steps=(mended,)),))
    assert compared(run, run).flows[0].same
    (change,) = compared(run, after).flows[0].steps
    assert [(value.left, value.right) for value in change.values] == [(2, 1)]


@pytest.mark.parametrize(
    ("before", "after", "path", "same"),
    [
        (1, 2, "body.total", False),
        (1, 2, "body.order_id", True),
        ("SKU-1", "SKU-2", "body.product_id", False),
        ("a", "b", "body.etag", True),
        (1, "1", "body.order_id", False),
        (True, 1, "body.flag", False),
        (10.5, 11.5, "duration_ms", True),
        ("10", 11, "body.created_at", False),
        ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "body.text", True),
        ("paid 2026-01-01", "open 2026-01-02", "body.text", False),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:2/a", "body.link", True),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:2/b", "body.link", False),
        ("x", "y", "headers.date", True),
        ("text/html", "text/plain", 'headers["content-type"]', False),
        ("***", "abc", "body.token", True),
        ({"a": 1}, None, "body.id", False),
        (16, 14, "attempts", True),
        (16, 14, "body.attempts", False),
        (35_697, 33_805, "port", True),
    ],
)
def test_what_counts_as_a_difference(before: object, after: object, path: str, same: bool) -> None:
    assert Volatile("product_id: SKU-1", {}).same(before, after, path) is same


def test_an_id_is_known_again_inside_other_texts() -> None:
    volatile = Volatile("", {})
    assert not volatile.same("/orders/41/x", "/orders/42/x", "request.url")
    assert volatile.same(41, 42, "body.id")
    assert volatile.same("/orders/41/x", "/orders/42/x", "request.url")
    assert not volatile.same("/orders/41/x", "/orders/43/x", "request.url")


@given(RUNS, RUNS)
@settings(max_examples=40)
def test_a_run_does_not_differ_from_itself_and_any_two_can_be_compared(one: Run, other: Run) -> None:
    assert all(flow.same for flow in compared(one, one).flows)
    assert list(comparison_lines(compared(one, other)))
    assert to_json(comparison_data(compared(one, other)))
