"""Failure texts as files one can read and compare, each at most 25 lines.

`TESTMESH_UPDATE_GOLDEN=1 pytest tests/flows/test_failures.py` writes the files anew.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings

from flows.events import run_from_json, run_to_json
from flows.reports.differing import around, differences, line_of
from flows.reports.failures import MOST_LINES, brief, failure_lines
from flows.reports.places import placed, texts_near, texts_of
from flows.reports.surroundings import Surroundings, surroundings
from flows.reports.terminal import How, flow_lines
from graph.runs import Run
from graph.spans import Span
from tests.flows.random_runs import RUNS
from tests.flows.support import Reply, Web, run_text, write

FOLDER = Path(__file__).parent / "failures"
FLOWS = {
    "sides": """
        flow:
          name: both sides
          steps:
            - id: order
              action: http_request
              config: {method: POST, url: "${WEB}/orders?x=1", body: {sku: "A'1", n: 2},
                       headers: {Authorization: "Bearer abcdefghijk"}}
              assert:
                - status == 201
                - 'body == {"items": [{"price": 12}, {"price": 3}], "total": 15, "name": "cup"}'
                - body.nothing == 3
                - expression: body.total > 100
                  message: too small
                - 'body.note == "Thank you for your order, it will be sent to Anna Bolika within three working days."'
                - body.total == "17"
              assert_any: [body.total == 1, body.total == 2]
              assert_none: [status == 200]
        """,
    "wait": """
        flow:
          name: a read that waits
          steps:
            - id: find
              action: database_query
              wait: none
              config:
                {connection: "sqlite:///${FOLDER}/x.db", query: "SELECT 1 AS n, 'x' AS t WHERE 1 = ?", params: [1]}
              assert: [first_row.n == 2, row_count == 1]
        """,
    "unreachable": """
        flow:
          name: nobody there
          steps:
            - id: ask
              action: redis.set
              config: {url: "redis://me:s3cr3t-pass@127.0.0.1:1/0", key: k, value: {a: 1}, ttl: 60}
        """,
    "nested": """
        flow:
          name: nested
          steps:
            - id: each
              action: for_each
              on_error: continue
              config:
                items: [1, 2]
                steps:
                  - {id: inner, action: assert, config: {assertions: [item < 2]}}
            - id: child
              action: run_flow
              config: {flow: child.yaml}
        """,
    "retried": """
        flow:
          name: retried
          steps:
            - id: ask
              action: http_request
              retry: {max_attempts: 2, delay: 1ms}
              config: {url: "${WEB}/gone", query: {q: [a b, "c&d"]}}
              assert: ['headers["content-type"] == "text/html"', status == 200]
        """,
    "many": """
        flow:
          name: many
          steps:
            - id: list
              action: http_request
              config: {url: "${WEB}/many"}
              assert:
                - body == []
                - body[0] == 5
                - body[1] == 5
                - body[2] == 5
                - body[3] == 5
                - body[4] == 5
                - body[5] == 5
                - body[6] == 5
                - body[7] == 5
                - body[8] == 5
                - body[9] == 5
                - body[10] == 5
        """,
}


def started(folder: Path, web: Web, name: str) -> Run:
    note = "Thank you for your order, it will be sent to Anna Bolikowa within three working days."
    items = [{"price": 10}, {"price": 3}, {"price": 4}]
    web.on("POST /orders", 200, {"items": items, "total": 17, "name": "cup", "note": note})
    web.on("GET /many", 200, [{"n": number} for number in range(30)])
    web.routes["GET /gone"] = lambda seen: Reply(404, {"detail": "line one\nline \u001b[31mtwo"})
    write(
        folder, "flow: {name: child, steps: [{id: deep, action: assert, config: {assertions: [1 == 2]}}]}", "child.yaml"
    )
    return run_text(folder, FLOWS[name], process={"WEB": web.url, "FOLDER": str(folder)})


def waited(run: Run) -> Run:
    """The run as if its step had read twelve times, which no clock of a busy machine promises."""
    (flow,), message = run.flows, "not satisfied within 400ms (12 reads); nearest:"
    (step,) = flow.steps
    (asked,) = step.exchanges
    often = replace(asked, candidates=asked.candidates * 12, at_ms=tuple(number * 20.0 for number in range(12)))
    return replace(run, flows=(replace(flow, steps=(replace(step, exchanges=(often,), message=message),)),))


def text_of(run: Run, around: Surroundings) -> str:
    lines: list[str] = []
    for flow in run.flows:
        for found in placed(flow, texts_of(run)):
            if found.step.verdict in ("failed", "error"):
                block = failure_lines(found.file, found.step, around)
                assert len(block) <= MOST_LINES
                lines += block
    return "\n".join(lines) + "\n"


def stable(text: str, folder: Path) -> str:
    text = re.sub(r"127\.0\.0\.1:\d{3,}", "HOST", text.replace(str(folder), "FOLDER"))
    return re.sub(r"after \d+ ms", "after N ms", text)


@pytest.mark.parametrize("name", FLOWS)
def test_a_failure_reads_as_its_golden_file(name: str, web: Web, tmp_path: Path) -> None:
    run = started(tmp_path, web, name)
    if name == "wait":
        run = waited(run)
    text = stable(text_of(run, surroundings(run, kept=False)), tmp_path)
    assert "s3cr3t" not in text
    assert "\x1b" not in text
    golden = FOLDER / f"{name}.txt"
    if os.environ.get("TESTMESH_UPDATE_GOLDEN") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_logs_spans_and_the_next_command_are_told(web: Web, tmp_path: Path) -> None:
    run = started(tmp_path, web, "retried")
    step = run.flows[0].steps[0]
    asked = step.exchanges[0]
    span = Span(
        step.trace_id, "1" * 16, asked.span_id, "orders", "server", "GET /gone", 1, 12_000_000, True, "no stock"
    )
    inner = Span(
        step.trace_id, "2" * 16, "1" * 16, "stock", "client", "SELECT", 2, 3_000_000, True, "relation is missing"
    )
    then = (datetime.fromisoformat(run.started) + timedelta(milliseconds=step.started_ms)).isoformat()
    logs = {
        "orders": ["1999-01-01T00:00:00Z long ago ERROR", f"{then} INFO GET /gone", "  at line 3",
                   f"{then} ERROR stock refused"],
        "mail": [f"{then} INFO nothing to do"],
    }  # fmt: skip
    lines = failure_lines("flow.yaml", step, Surroundings("01abc", run.started, logs, (span, inner)))
    assert len(lines) <= MOST_LINES
    assert lines[-1] == "  next    testmesh show 01abc --html, testmesh diagnose 01abc"
    assert "  span    stock: SELECT failed after 3 ms: relation is missing (so did 1 around it)" in lines
    text = "\n".join(lines)
    assert "ERROR stock refused" in text
    assert "long ago" not in text
    assert "nothing to do" not in text


def test_lines_without_a_time_are_told_by_when_they_were_written(web: Web, tmp_path: Path) -> None:
    run = started(tmp_path, web, "retried")
    step = run.flows[0].steps[0]
    logs = {"orders": ["starting", "GET /gone 404", "stopped much later"]}
    times = {"orders": [step.started_ms - 9_000, step.started_ms + 1, step.started_ms + 90_000]}
    run = run_from_json(run_to_json(replace(run, logs=logs, log_times=times)))
    text = "\n".join(failure_lines("flow.yaml", step, surroundings(run)))
    assert "GET /gone 404" in text
    assert "starting" not in text
    assert "much later" not in text


def test_very_many_failures_are_told_briefly(tmp_path: Path, web: Web) -> None:
    steps = """
        flow:
          name: loop
          steps:
            - id: each
              action: for_each
              on_error: continue
              config:
                range: {from: 1, to: 60}
                steps: [{id: inner, action: assert, config: {assertions: [index < 0]}}]
        """
    lines = list(flow_lines(run_text(tmp_path, steps).flows[0]))
    assert len(lines) <= 1 + 10 * MOST_LINES + 30 + 1
    assert "    flow.yaml:10: each/inner[20]: index < 0: left 20, right 0" in lines
    assert lines[-1].startswith("    … and ")


@given(RUNS)
@settings(max_examples=60)
def test_no_failure_takes_more_than_25_lines_or_drives_a_terminal(run: Run) -> None:
    around = surroundings(run)
    for flow in run.flows:
        for found in placed(flow, texts_of(run)):
            lines = failure_lines(found.file, found.step, around)
            assert 1 <= len(lines) <= MOST_LINES
            assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("left", "right", "lines"),
    [
        ({"a": 1, "b": [1, 2]}, {"a": 2, "b": [1, 2]}, ["x.a: 1 → 2"]),
        ({"a": 1}, {"b": 1}, ["x.a: 1 → (missing)", "x.b: (missing) → 1"]),
        ([1, 2, 3, 4], [2, 3, 4], ["x[0]: 1 → (missing)"]),
        ([1, 3], [1, 2, 3], ["x[1]: (missing) → 2"]),
        ([{"id": 1, "n": 1}], [{"id": 1, "n": 2}], ["x[0].n: 1 → 2"]),
        ({"a": "5"}, {"a": 5}, ['x.a: "5" (string) → 5 (number)']),
        ({"a-b": True}, {"a-b": 1}, ['x["a-b"]: true (boolean) → 1 (number)']),
        ({"a": None}, {"a": 1}, ["x.a: null → 1"]),
        ({"a": 1.0}, {"a": 1}, []),
    ],
)  # fmt: skip
def test_differences_are_told_place_by_place(left: object, right: object, lines: list[str]) -> None:
    assert [line_of(found) for found in differences(left, right, "x")] == lines


def test_long_texts_are_cut_to_where_they_differ() -> None:
    shown = around("a" * 500 + "one" + "b" * 500, "a" * 500 + "two" + "b" * 500)
    assert shown == f'"…{"a" * 24}one{"b" * 24}…" → "…{"a" * 24}two{"b" * 24}…" (from character 501)'
    assert len(around("x" * 5_000, "y" * 9_000)) < 250


def test_in_one_line_a_line_without_a_value_says_why(web: Web, tmp_path: Path) -> None:
    web.on("GET /order", 200, {"total": 12})
    ask = "{id: a, action: http_request, config: {url: '${WEB}/order'}, assert: [body.sum == 1]}"
    (step,) = run_text(tmp_path, f"flow: {{name: f, steps: [{ask}]}}", process={"WEB": web.url}).flows[0].steps
    assert brief(step) == "body.sum == 1: 'body' has no field 'sum'; fields are total"


def test_how_each_kind_of_assertion_tells_its_sides(tmp_path: Path) -> None:
    flow = """
        flow:
          name: sides
          steps:
            - id: given
              action: set
              config: {xs: [{a: 2}, {a: 1}], long: "lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do"}
            - id: check
              action: assert
              config:
                assertions:
                  - 'xs == [{"a": 1}, {"a": 2}]'
                  - long contains "zzz"
                  - '"p\\u0430id" == "paid"'
        """
    step = run_text(tmp_path, flow).flows[0].steps[1]
    assert [line.strip() for line in failure_lines("f.yaml", step)[1:]] == [
        'line 12  xs == [{"a": 1}, {"a": 2}]',
        "the same 2 items in another order",
        'line 13  long contains "zzz"',
        'left "lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do", right "zzz"',
        'line 14  "p\\u0430id" == "paid"',
        'left "p\u0430id", right "paid" (character 2 is U+0430, not U+0061)',
    ]


def test_a_nested_failure_is_told_once_with_its_path_and_its_file(tmp_path: Path) -> None:
    write(tmp_path, FLOWS["nested"])
    write(
        tmp_path, "flow: {name: c, steps: [{id: deep, action: assert, config: {assertions: [1 == 2]}}]}", "child.yaml"
    )
    run = run_text(tmp_path, FLOWS["nested"])
    for texts in (texts_of(run), texts_near(run.flows[0], tmp_path)):
        heads = [line.strip() for line in flow_lines(run.flows[0], How(texts=texts)) if " failed after " in line]
        assert [re.sub(r"after .*", "", head) for head in heads] == [
            "flow.yaml:11: each/inner[1] (assert) failed ",
            "child.yaml:1: child/deep (assert) failed ",
        ]
