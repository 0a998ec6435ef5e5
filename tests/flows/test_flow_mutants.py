"""A flow that asserts something false fails: mutated assertions and mutated evidence, judged on a recording."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flows.engine.recording import judge
from graph.runs import Exchange, Run, StepRun
from tests.flows.support import Web, run_text, verdicts

FLOW = """
flow:
  name: mutants
  env: {{DATABASE_URL: "sqlite:///{folder}/m.db"}}
  steps:
    - {{id: table, action: sql, config: {{query: "CREATE TABLE m (id int, type text)"}}, assert: [rows_affected == 0]}}
    - id: order
      action: http_request
      config: {{method: POST, url: "{url}/orders", body: {{quantity: 2}}}}
      output: {{order_id: $.body.id}}
      assert:
        - status == 201
        - body.quantity == 2
        - body.state in ["new", "paid"]
        - body.total > 10
        - body.items exists
      assert_none:
        - body.state == "lost"
    - id: put
      action: sql
      config: {{query: "INSERT INTO m VALUES (?, 'order')", params: ["${{order_id}}"]}}
      assert: [rows_affected == 1]
    - id: read
      action: sql
      config: {{query: "SELECT * FROM m WHERE id = ?", params: ["${{order.order_id}}"]}}
      assert:
        - result.count == 1
        - result.rows[0].type == "order"
    - id: last
      action: assert
      config:
        assertions:
          - order_id == 7
          - read.rows[0].id == order.body.id
"""


@pytest.fixture
def green(tmp_path: Path, web: Web) -> Run:
    """A recording that passed."""
    web.on("POST /orders", 201, {"id": 7, "quantity": 2, "state": "new", "total": 10.5, "items": ["a"]})
    run = run_text(tmp_path, FLOW.format(folder=tmp_path, url=web.url))
    assert set(verdicts(run).values()) == {"passed"}
    return run


def _changed_assertions(text: str) -> Iterator[tuple[str, str]]:
    """Every assertion line negated, and every literal flipped where that makes it false."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        found = re.fullmatch(r"(\s+)- ([a-z_.\[\]0-9]+ (?:==|>|in|exists).*)", line)
        if found is None:
            continue
        weaker = "lost" in line
        for mutated in (f"!({found[2]})", found[2] if weaker else _flipped(found[2])):
            if mutated != found[2]:
                changed = [*lines]
                changed[index] = f"{found[1]}- {mutated!r}" if "'" not in mutated else f"{found[1]}- {mutated}"
                yield f"{index}: {mutated}", "\n".join(changed)


def _flipped(expression: str) -> str:
    numbers = re.sub(r"(?<=[=>] )(\d+)$", lambda m: str(int(m[1]) + 5), expression)
    return numbers if numbers != expression else re.sub(r'"(\w+)"', r'"\1x"', expression)


def test_no_mutated_assertion_passes_on_the_recording_of_the_green_run(green: Run) -> None:
    (flow,) = green.flows
    trimmed = _only_what_passed(green)
    assert judge(trimmed).verdict == "passed"
    surviving, tried = [], 0
    for name, text in _changed_assertions(flow.source):
        tried += 1
        if judge(trimmed, {flow.file: text}).verdict == "passed":
            surviving.append(name)
    assert tried >= 17
    assert surviving == []


def _only_what_passed(run: Run) -> Run:
    """For every read only the candidate that passed, and a window that ran to its end."""

    def trimmed(step: StepRun) -> StepRun:
        exchanges = tuple(
            Exchange(x.request, x.candidates[-1:], x.at_ms[-1:], "window", x.error, x.error_type)
            for x in step.exchanges
        )
        return replace(step, exchanges=exchanges)

    return replace(run, flows=tuple(replace(f, steps=tuple(map(trimmed, f.steps))) for f in run.flows))


MUTATIONS: tuple[tuple[str, tuple[str | int, ...], object], ...] = (
    ("order", ("status",), 200),
    ("order", ("body", "quantity"), 3),
    ("order", ("body", "state"), "lost"),
    ("order", ("body", "total"), 9),
    ("order", ("body", "id"), 8),
    ("put", ("rows_affected",), 0),
    ("read", ("count",), 0),
    ("read", ("rows", 0, "type"), "other"),
    ("read", ("rows", 0, "id"), 9),
)


@pytest.mark.parametrize(("step_id", "path", "value"), MUTATIONS)
def test_no_mutated_evidence_passes(green: Run, step_id: str, path: tuple[str | int, ...], value: object) -> None:
    def mutated(step: StepRun) -> StepRun:
        if step.id != step_id:
            return step
        candidates = copy.deepcopy(step.exchanges[0].candidates)
        for candidate in candidates:
            target = candidate
            for part in path[:-1]:
                target = target[part]
            target[path[-1]] = value
        return replace(step, exchanges=(replace(step.exchanges[0], candidates=candidates, ended="window"),))

    changed = replace(green, flows=tuple(replace(f, steps=tuple(map(mutated, f.steps))) for f in green.flows))
    assert judge(changed).verdict in ("failed", "error")


def test_a_removed_step_does_not_make_the_rest_pass_unjudged(green: Run) -> None:
    (flow,) = green.flows
    changed = flow.source.replace('/orders"', '/other"')
    judged = judge(green, {flow.file: changed})
    assert judged.verdict == "error"
    assert verdicts(judged)["order"] == "not_run"
