"""What happens after a failure, and what is skipped (FLOWS §3)."""

from __future__ import annotations

from pathlib import Path

from flows.runner import exit_code
from tests.flows.support import Web, only, run_text, step, unused_port, verdicts


def test_a_failing_step_stops_its_phase_and_teardown_still_runs(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {"n": 1})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: stop
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/a"}}, assert: [body.n == 2]}}
            - {{id: b, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
          teardown:
            - {{id: c, action: http_request, config: {{url: "{web.url}/a"}}, assert: [FLOW_STATUS == "failed"]}}
        """,
    )
    assert verdicts(run) == {"a": "failed", "b": "not_run", "c": "passed"}
    assert run.verdict == "failed"
    assert exit_code(run) == 1
    assert step(run, "b").message == "step 'a' failed"
    (line,) = step(run, "a").assertions
    assert (line.left, line.right, line.passed) == (1, 2, False)


def test_continue_goes_on_and_the_run_still_fails_while_optional_does_not_count(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {"n": 1})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: go on
          steps:
            - {{id: a, action: http_request, optional: true, config: {{url: "{web.url}/a"}}, assert: [body.n == 2]}}
            - {{id: b, action: http_request, config: {{url: "{web.url}/a"}}, assert: [body.n == 1]}}
        """,
    )
    assert verdicts(run) == {"a": "failed", "b": "passed"}
    assert run.verdict == "passed"
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: go on
          steps:
            - {{id: a, action: http_request, on_error: continue, config: {{url: "{web.url}/a"}}, assert: [body.n == 2]}}
            - {{id: b, action: http_request, config: {{url: "{web.url}/a"}}, assert: [body.n == 1]}}
        """,
    )
    assert verdicts(run) == {"a": "failed", "b": "passed"}
    assert run.verdict == "failed"


def test_a_failing_teardown_step_fails_the_run_and_the_others_still_run(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {"n": 1})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: teardown
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
          teardown:
            - {{id: b, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 500]}}
            - {{id: c, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
        """,
    )
    assert verdicts(run) == {"a": "passed", "b": "failed", "c": "passed"}
    assert run.verdict == "failed"


def test_teardown_that_refers_to_a_step_that_did_not_run_is_skipped(tmp_path: Path, web: Web) -> None:
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: skip
          setup:
            - {{id: s, action: http_request, config: {{url: "{web.url}/none"}}, assert: [status == 200]}}
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
          teardown:
            - {{id: t, action: http_request, config: {{url: "{web.url}/${{a.body.id}}"}}, assert: [status == 200]}}
        """,
    )
    assert verdicts(run) == {"s": "failed", "a": "not_run", "t": "skipped"}
    assert "step 'a' did not run" in step(run, "t").message
    assert run.verdict == "failed"


def test_when_and_disabled_skip(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {"n": 1})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: skip
          env: {{N: 1}}
          steps:
            - {{id: a, action: http_request, when: N == 2, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
            - {{id: b, action: http_request, disabled: true, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
            - {{id: c, action: http_request, when: N == 1, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
        """,
    )
    assert verdicts(run) == {"a": "skipped", "b": "skipped", "c": "passed"}
    assert len(web.seen) == 1


def test_unreachable_is_an_error_and_nothing_reached_exits_3(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: down
          steps:
            - {{id: a, action: http_request, config: {{url: "http://127.0.0.1:{unused_port()}/"}},
               assert: [status == 200]}}
        """,
    )
    found = step(run, "a")
    assert (found.verdict, run.verdict, exit_code(run)) == ("error", "error", 3)
    assert "connection refused" in found.message
    assert found.exchanges[0].error_type == "connection"


def test_an_assertion_without_a_value_is_an_error_in_all_three_lists(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {"n": 1})
    for name in ("assert", "assert_any", "assert_none"):
        run = run_text(
            tmp_path,
            f"""
            flow:
              name: missing
              steps:
                - {{id: a, action: http_request, config: {{url: "{web.url}/a"}}, {name}: [body.missing == 1]}}
            """,
        )
        assert (step(run, "a").verdict, run.verdict, exit_code(run)) == ("error", "error", 1)


def test_assert_any_and_assert_none(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {"n": 1})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: lists
          steps:
            - id: good
              action: http_request
              config: {{url: "{web.url}/a"}}
              assert_any: [body.n == 2, body.n == 1]
              assert_none: [body.n == 3]
            - id: either
              action: http_request
              on_error: continue
              config: {{url: "{web.url}/a"}}
              assert_any: [body.n == 2, body.n == 3]
            - id: neither
              action: http_request
              config: {{url: "{web.url}/a"}}
              assert_none: [body.n == 1]
        """,
    )
    assert verdicts(run) == {"good": "passed", "either": "failed", "neither": "failed"}


def test_error_steps_see_the_error_and_never_change_the_verdict(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {"n": 1})
    web.on("POST /alarm", 200, {})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: alarm
          steps:
            - id: a
              action: http_request
              config: {{url: "{web.url}/a"}}
              assert: [body.n == 2]
              error_steps:
                - id: alarm
                  action: http_request
                  config: {{method: POST, url: "{web.url}/alarm",
                           body: {{step: "${{error.step}}", type: "${{error.type}}", message: "${{error.message}}"}}}}
                  assert: [status == 200]
        """,
    )
    assert verdicts(run) == {"a": "failed", "alarm": "passed"}
    sent = web.seen[-1].json
    assert (sent["step"], sent["type"]) == ("a", "assertion")
    assert "body.n == 2" in sent["message"]


def test_outputs_are_taken_typed_and_a_missing_one_fails_unless_it_has_a_default(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {"items": [{"id": 7}, {"id": 8}]})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: outputs
          steps:
            - id: a
              action: http_request
              config: {{url: "{web.url}/a"}}
              output:
                first: $.body.items[0].id
                last: body.items[-1].id
                ids: "$.body.items[*].id"
                lost: {{path: $.body.missing, default: 5}}
              assert: [status == 200]
            - {{id: b, action: assert, config: {{assertions: [a.first == 7, last == 8, "ids == [7, 8]", lost == 5]}}}}
            - id: c
              action: http_request
              config: {{url: "{web.url}/a"}}
              output: {{gone: $.body.missing}}
              assert: [status == 200]
        """,
    )
    assert verdicts(run) == {"a": "passed", "b": "passed", "c": "failed"}
    assert step(run, "a").outputs == {"first": 7, "last": 8, "ids": [7, 8], "lost": 5}
    assert "output 'gone'" in step(run, "c").message


def test_every_request_of_a_flow_carries_its_trace_id(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: trace
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
            - {{id: b, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
        """,
    )
    parents = [seen.headers["traceparent"].split("-") for seen in web.seen]
    assert {parent[1] for parent in parents} == {found.trace_id for found in only(run).steps}
    assert len({parent[2] for parent in parents}) == 2
    assert all(len(parent[1]) == 32 and len(parent[2]) == 16 for parent in parents)
