"""parallel, for_each, condition and run_flow: scopes, failures, cut-offs (FLOWS §3 Containers, §7)."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from flows.engine.recording import judge
from tests.flows.support import Reply, Route, Seen, Web, only, run_files, run_text, step, verdicts, write


def _slow(seconds: float) -> Route:
    def answer(seen: Seen) -> Reply:
        time.sleep(seconds)
        return Reply(200, {})

    return answer


def _together(number: int) -> Route:
    """Answers nobody before so many have asked; 500 when they do not come within 20 s."""
    barrier = threading.Barrier(number)

    def answer(seen: Seen) -> Reply:
        try:
            barrier.wait(20)
        except threading.BrokenBarrierError:
            return Reply(500)
        return Reply(200, {"slow": True})

    return answer


def test_parallel_branches_run_beside_each_other_and_resolve_by_id_afterwards(tmp_path: Path, web: Web) -> None:
    web.routes["GET /slow"] = _together(2)
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: parallel
          steps:
            - id: p
              action: parallel
              config:
                branches:
                  - - {{id: a, action: http_request, config: {{url: "{web.url}/slow"}}, assert: [body.slow == true]}}
                  - steps:
                      - {{id: b, action: http_request, config: {{url: "{web.url}/slow"}}, output: {{s: body.slow}},
                         assert: [status == 200]}}
            - {{id: c, action: assert, config: {{assertions: [a.status == 200, s == true, b.s == true]}}}}
        """,
    )
    assert verdicts(run) == {"p": "passed", "a": "passed", "b": "passed", "c": "passed"}
    assert judge(run).verdict == "passed"


def test_fail_fast_cuts_the_other_branches_off(tmp_path: Path, web: Web) -> None:
    web.routes["GET /slow"] = _slow(2)
    web.on("GET /a", 500)
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: cut
          steps:
            - id: p
              action: parallel
              config:
                steps:
                  - {{id: a, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
                  - {{id: b, action: http_request, config: {{url: "{web.url}/slow"}}, assert: [status == 200]}}
        """,
    )
    assert verdicts(run) == {"p": "failed", "a": "failed", "b": "not_run"}
    assert "step 'a' failed in another branch" in step(run, "b").message
    assert only(run).duration_ms < 2000
    assert verdicts(judge(run)) == {"p": "failed", "a": "failed", "b": "not_run"}


def test_without_fail_fast_every_branch_ends_by_itself(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 500)
    web.on("GET /b", 200)
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: no cut
          steps:
            - id: p
              action: parallel
              config:
                fail_fast: false
                max_concurrent: 1
                steps:
                  - {{id: a, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
                  - {{id: b, action: http_request, config: {{url: "{web.url}/b"}}, assert: [status == 200]}}
        """,
    )
    assert verdicts(run) == {"p": "failed", "a": "failed", "b": "passed"}


def test_a_loop_runs_for_every_item_and_its_results_are_indexed(tmp_path: Path, web: Web) -> None:
    web.routes["GET /n"] = lambda seen: Reply(200, {"n": int(seen.path.split("=")[1])})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: loop
          steps:
            - id: each
              action: for_each
              config:
                items: [3, 4]
                as: number
                steps:
                  - id: get
                    action: http_request
                    config: {{url: "{web.url}/n", query: {{n: "${{number}}"}}}}
                    assert: [body.n == number, index < 2]
            - id: counted
              action: for_each
              config:
                range: {{from: 1, to: 3}}
                steps:
                  - {{id: inner, action: set, config: {{double: "${{item * 2}}"}}}}
            - id: total
              action: assert
              config:
                assertions:
                  - each.results[1].get.body.n == 4
                  - counted.results[2].inner.double == 6
                  - len(counted.results) == 3
        """,
    )
    assert run.verdict == "passed", [found.message for found in only(run).steps]
    assert [inner.iteration for inner in step(run, "each").steps] == [0, 1]
    assert judge(run).verdict == "passed"


def test_the_first_failed_iteration_ends_a_loop_unless_it_goes_on(tmp_path: Path, web: Web) -> None:
    text = """
        flow:
          name: loop
          steps:
            - id: each
              action: for_each
              {rest}
              config:
                items: [1, 2, 3]
                steps:
                  - {{id: check, action: assert, config: {{assertions: [item != 2]}}}}
        """
    run = run_text(tmp_path, text.format(rest="tags: [x]"))
    assert [inner.verdict for inner in step(run, "each").steps] == ["passed", "failed"]
    run = run_text(tmp_path, text.format(rest="on_error: continue"))
    assert [inner.verdict for inner in step(run, "each").steps] == ["passed", "failed", "passed"]
    assert run.verdict == "failed"


def test_a_loop_over_nothing_warns_and_over_no_list_is_an_error(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {"items": [], "text": "x"})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: loop
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
            - id: empty
              action: for_each
              config: {{items: "${{a.body.items}}", steps: [{{id: x, action: log, config: {{message: m}}}}]}}
            - id: words
              action: for_each
              config: {{items: "${{a.body.text}}", steps: [{{id: y, action: log, config: {{message: m}}}}]}}
        """,
    )
    assert verdicts(run) == {"a": "passed", "empty": "passed", "words": "error"}
    assert step(run, "empty").message.startswith("warning")


def test_a_condition_skips_the_branch_not_taken(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        """
        flow:
          name: condition
          env: {N: 1}
          steps:
            - id: c
              action: condition
              config:
                if: N == 1
                then: [{id: yes, action: set, config: {x: 5}}]
                else: [{id: other, action: set, config: {x: 6}}]
            - {id: after, action: assert, config: {assertions: [yes.x == 5]}}
        """,
    )
    assert verdicts(run) == {"c": "passed", "yes": "passed", "other": "skipped", "after": "passed"}


def test_run_flow_sees_its_input_only_and_gives_its_outputs(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {"id": 9})
    write(
        tmp_path,
        f"""
        flow:
          name: child
          env: {{WHO: nobody}}
          steps:
            - {{id: get, action: http_request, config: {{url: "{web.url}/a", query: {{who: "${{WHO}}"}}}},
               output: {{found: body.id}}, assert: [status == 200]}}
        """,
        "child.yaml",
    )
    run = run_text(
        tmp_path,
        """
        flow:
          name: parent
          steps:
            - {id: call, action: run_flow, config: {flow: child.yaml, input: {WHO: me}}}
            - {id: check, action: assert, config: {assertions: [call.get.found == 9, call.status == "passed"]}}
        """,
    )
    assert verdicts(run) == {"call": "passed", "get": "passed", "check": "passed"}
    assert web.seen[0].path == "/a?who=me"
    assert judge(run).verdict == "passed"


def test_a_failing_child_fails_its_step_and_endless_nesting_ends(tmp_path: Path) -> None:
    write(
        tmp_path,
        "flow: {name: bad, steps: [{id: x, action: assert, config: {assertions: [1 == 2]}}]}",
        "bad.yaml",
    )
    run = run_text(tmp_path, "flow: {name: p, steps: [{id: call, action: run_flow, config: {flow: bad.yaml}}]}")
    assert verdicts(run) == {"call": "failed", "x": "failed"}
    text = "flow: {name: self, steps: [{id: again, action: run_flow, config: {flow: self.yaml}}]}"
    write(tmp_path, text, "self.yaml")
    run = run_files(tmp_path, "self.yaml")
    assert run.verdict == "error"


def test_a_container_is_repeated_by_its_own_retry_and_until(tmp_path: Path, web: Web) -> None:
    counts = iter(range(100))
    web.routes["GET /n"] = lambda seen: Reply(200, {"n": next(counts)})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: again
          steps:
            - id: retried
              action: parallel
              retry: {{max_attempts: 5, delay: 1ms}}
              config:
                steps:
                  - {{id: a, action: http_request, config: {{url: "{web.url}/n"}}, assert: [body.n == 2]}}
            - id: repeated
              action: for_each
              until: results[0].b.body.n >= 5
              config:
                items: [1]
                steps:
                  - {{id: b, action: http_request, config: {{url: "{web.url}/n"}}, assert: [status == 200]}}
        """,
    )
    assert verdicts(run) == {"retried": "passed", "a": "passed", "repeated": "passed", "b": "passed"}
    assert step(run, "b").result["body"] == {"n": 5}
    assert judge(run).verdict == "passed"


def test_a_child_with_data_rows_needs_its_columns_as_input(tmp_path: Path) -> None:
    child = """
    flow:
      name: child
      data: [{n: 1}, {n: 2}]
      steps:
        - {id: s, action: assert, config: {assertions: [n == 5]}}
    """
    write(tmp_path, child, "child.yaml")
    parent = "flow: {name: p, steps: [{id: c, action: run_flow, config: {flow: child.yaml%s}}]}"
    assert run_text(tmp_path, parent % ", input: {n: 5}").verdict == "passed"
    run = run_text(tmp_path, parent % "")
    assert step(run, "c").verdict == "error"
    assert "give its columns as input (n)" in step(run, "c").message


def test_what_cannot_be_evaluated_still_shows_the_side_that_can(tmp_path: Path) -> None:
    text = """
    flow:
      name: sides
      steps:
        - {id: a, action: set, config: {x: {b: 1}}}
        - id: c
          action: assert
          config: {assertions: []}
          assert: ["a.x.c == a.x.b", "a.x.b == a.x.c", "a.x.b == 'text'"]
    """
    found = step(run_text(tmp_path, text.replace("config: {assertions: []}", "config: {assertions: [1 == 1]}")), "c")
    assert found.verdict == "error"
    assert [(line.left, line.right) for line in found.assertions if line.expression != "1 == 1"] == [
        (None, 1),
        (1, None),
        (1, "text"),
    ]
    assert all(line.message for line in found.assertions if not line.passed)
