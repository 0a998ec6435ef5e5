"""Retries, timeouts and cancelling (FLOWS §3)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

from flows.engine.recording import judge
from flows.runner import RunOptions, exit_code, run_flows
from graph.runs import Run
from tests.flows.support import Reply, Route, Seen, Web, only, run_text, step, verdicts, write


def _slow(seconds: float) -> Route:
    def answer(seen: Seen) -> Reply:
        time.sleep(seconds)
        return Reply(200, {})

    return answer


def _then(*replies: Reply) -> Callable[[Seen], Reply]:
    waiting = list(replies)
    return lambda seen: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def test_retry_repeats_until_it_passes_and_records_every_attempt(tmp_path: Path, web: Web) -> None:
    web.routes["GET /a"] = _then(Reply(503, {}), Reply(503, {}), Reply(200, {}))
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: retry
          steps:
            - id: a
              action: http_request
              config: {{url: "{web.url}/a"}}
              retry: {{max_attempts: 3, delay: 20ms, backoff: exponential}}
              assert: [status == 200]
        """,
    )
    found = step(run, "a")
    assert found.verdict == "passed"
    assert [exchange.candidates[0]["status"] for exchange in found.exchanges] == [503, 503, 200]
    assert found.duration_ms >= 60


def test_retry_on_narrows_what_is_tried_again(tmp_path: Path, web: Web) -> None:
    web.routes["GET /a"] = _then(Reply(404, {"n": 1}), Reply(200, {"n": 1}))
    for narrowed, attempts in (
        ("retry_on: [5xx]", 1),
        ("retry_on: [4xx]", 2),
        ("retry_on: [timeout, connection]", 1),
        ("retry_on_not: [assertion]", 1),
        ('retry_on: ["body.n == 1"]', 2),
        ('retry_on_not: ["body.n == 1"]', 1),
    ):
        web.routes["GET /a"] = _then(Reply(404, {"n": 1}), Reply(200, {"n": 1}))
        run = run_text(
            tmp_path,
            f"""
            flow:
              name: retry
              steps:
                - id: a
                  action: http_request
                  config: {{url: "{web.url}/a"}}
                  retry: {{max_attempts: 2, delay: 1ms, {narrowed}}}
                  assert: [status == 200]
            """,
        )
        assert len(step(run, "a").exchanges) == attempts, narrowed


def test_the_flow_s_retry_applies_to_steps_and_not_to_teardown(tmp_path: Path, web: Web) -> None:
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: retry
          config: {{retry: {{max_attempts: 2, delay: 1ms}}}}
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
          teardown:
            - {{id: b, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}
        """,
    )
    assert (len(step(run, "a").exchanges), len(step(run, "b").exchanges)) == (2, 1)
    assert "after 2 attempts" in step(run, "a").message


def test_a_step_that_times_out_has_failed(tmp_path: Path, web: Web) -> None:
    web.routes["GET /slow"] = _slow(2)
    for where in ("timeout: 150ms", 'config: {url: "%s/slow", timeout: 150ms}'):
        config = where % web.url if "%s" in where else f'config: {{url: "{web.url}/slow"}}\n              {where}'
        run = run_text(
            tmp_path,
            f"""
        flow:
          name: slow
          steps:
            - id: a
              action: http_request
              {config}
              assert: [status == 200]
        """,
        )
        found = step(run, "a")
        assert (found.verdict, run.verdict, exit_code(run)) == ("failed", "failed", 1)
        assert found.exchanges[0].error_type == "timeout"
        assert "150ms" in found.message
        assert found.duration_ms < 2000


def test_the_step_s_timeout_bounds_retries_and_their_delays(tmp_path: Path, web: Web) -> None:
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: bounded
          steps:
            - id: a
              action: http_request
              config: {{url: "{web.url}/a"}}
              timeout: 300ms
              retry: {{max_attempts: 50, delay: 100ms}}
              assert: [status == 200]
        """,
    )
    found = step(run, "a")
    assert found.verdict == "failed"
    assert 250 <= found.duration_ms < 5000
    assert 1 <= len(found.exchanges) <= 4


def test_the_flow_s_timeout_fails_the_step_and_teardown_is_outside_it(tmp_path: Path, web: Web) -> None:
    web.routes["GET /slow"] = _slow(0.4)
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: slow
          config: {{timeout: 200ms}}
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/slow"}}, assert: [status == 200]}}
            - {{id: b, action: http_request, config: {{url: "{web.url}/slow"}}, assert: [status == 200]}}
          teardown:
            - {{id: c, action: http_request, config: {{url: "{web.url}/slow"}}, assert: [status == 200]}}
        """,
    )
    assert verdicts(run) == {"a": "failed", "b": "not_run", "c": "passed"}
    assert "the flow's timeout of 200ms" in step(run, "a").message


def test_cancelling_goes_to_teardown_and_reports_what_did_not_run(tmp_path: Path, web: Web) -> None:
    asked = threading.Event()

    def slow(seen: Seen) -> Reply:
        asked.set()
        time.sleep(1)
        return Reply(200, {})

    web.routes["GET /slow"] = slow
    web.on("GET /clean", 200, {})
    file = write(
        tmp_path,
        f"""
        flow:
          name: cancel
          steps:
            - {{id: a, action: http_request, config: {{url: "{web.url}/slow"}}, assert: [status == 200]}}
            - {{id: b, action: http_request, config: {{url: "{web.url}/slow"}}, assert: [status == 200]}}
          teardown:
            - {{id: c, action: http_request, config: {{url: "{web.url}/clean"}}, assert: [status == 200]}}
        """,
    )

    async def cancelled() -> Run:
        task = asyncio.create_task(run_flows(RunOptions(paths=(file,), root=tmp_path)))
        await asyncio.to_thread(asked.wait)
        task.cancel()
        return await task

    run = asyncio.run(cancelled())
    assert run.verdict == "cancelled"
    assert verdicts(run) == {"a": "not_run", "b": "not_run", "c": "passed"}
    assert only(run).verdict == "cancelled"
    assert exit_code(run) == 1


def test_a_delay_waits_and_a_recording_of_it_does_not(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        "flow: {name: d, steps: [{id: d, action: delay, config: {duration: 800ms}}]}",
    )
    assert only(run).duration_ms >= 799
    started = time.monotonic()
    assert judge(run).verdict == "passed"
    assert time.monotonic() - started < 0.8


def test_whenever_it_is_cancelled_a_flow_ends_and_cleans_up(tmp_path: Path, web: Web) -> None:
    web.routes["GET /slow"] = _slow(0.03)
    web.on("GET /clean", 200, {})
    file = write(
        tmp_path,
        f"""
        flow:
          name: cancel
          steps:
            - id: p
              action: parallel
              config:
                steps:
                  - id: each
                    action: for_each
                    config:
                      items: [1, 2, 3]
                      max_concurrent: 2
                      steps:
                        - {{id: s, action: http_request, config: {{url: "{web.url}/slow"}}, assert: [status == 200]}}
                  - {{id: again, action: http_request, config: {{url: "{web.url}/slow"}}, assert: [status == 500],
                     retry: {{max_attempts: 9, delay: 20ms}}, optional: true}}
                  - {{id: d, action: delay, config: {{duration: 100ms}}}}
          teardown:
            - {{id: clean, action: http_request, config: {{url: "{web.url}/clean"}}, assert: [status == 200]}}
        """,
    )

    async def cancelled(after: float) -> Run:
        task = asyncio.create_task(run_flows(RunOptions(paths=(file,), root=tmp_path)))
        await asyncio.sleep(after)
        task.cancel()
        return await task

    for number in range(8):
        run = asyncio.run(asyncio.wait_for(cancelled(0.015 * number), 10))
        assert run.verdict in ("cancelled", "passed")
        if run.flows[0].steps:
            found = verdicts(run)
            assert found["clean"] == "passed"
            assert "failed" not in {found["p"], found["each"], found["d"]}
            assert (judge(run).verdict == "passed") is (run.verdict == "passed")


def test_a_recording_that_was_cancelled_is_never_judged_as_passed(tmp_path: Path) -> None:
    file = write(tmp_path, "flow: {name: d, steps: [{id: d, action: delay, config: {duration: 5s}}]}")

    async def cancelled() -> Run:
        task = asyncio.create_task(run_flows(RunOptions(paths=(file,), root=tmp_path)))
        await asyncio.sleep(0.1)
        task.cancel()
        return await task

    run = asyncio.run(cancelled())
    assert (run.verdict, judge(run).verdict) == ("cancelled", "error")
