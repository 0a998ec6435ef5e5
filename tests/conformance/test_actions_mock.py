"""Mock servers: what they answer, what they remember, and that no client, good or bad, can hurt the run."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from pathlib import Path

from flows.actions import catalogue
from flows.engine.recording import judge
from flows.events import run_to_json
from flows.language.check import load_flow
from flows.runner import RunOptions, run_flows
from graph.runs import Run, StepFinished
from tests.conformance.actions import flow_of, passes
from tests.flows.support import Reply, Web, run_text, step, unused_port, verdicts, write

START = """
    - id: pay
      action: mock_server_start
      config:
        name: payments
        endpoints:
          - {method: POST, path: /charge, response: {status: 201, headers: {x-id: "7"}, body: {id: p1}}}
          - {method: GET, path: "/users/{id}", response: {body: {name: any}}}
          - {method: GET, path: /users/me, response: {body: {name: me}}}
          - {path: /state, responses: [{status: 503, body: busy}, {body: {state: done}}]}
          - {path: /secret, match: {headers: {Authorization: "Bearer abcdefgh1234"}}, response: {body: ok}}
          - {path: /secret, response: {status: 401}}
          - {path: /search, match: {query: {q: shoes}}, response: {body: [1]}}
          - {method: POST, path: /orders, match: {body: {customer: {id: 5}}}, response: {status: 202}}
"""


def _mocked(*steps: str) -> str:
    return "flow:\n  name: mocks\n  setup:" + START + "  steps:\n" + "".join(f"    - {text}\n" for text in steps)


def _get(path: str, more: str, name: str = "g") -> str:
    return f'{{id: {name}, action: http, config: {{url: "${{pay.base_url}}{path}"}}, {more}}}'


def test_endpoints_answer_by_method_path_and_match(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        _mocked(
            '{id: c, action: http, config: {method: POST, url: "${pay.base_url}/charge", body: {amount: 5}},'
            ' assert: [status == 201, body.id == "p1", headers.X-Id == "7"]}',
            _get("/users/9", 'assert: [body.name == "any"]', "any_user"),
            _get("/users/me", 'assert: [body.name == "me"]', "me"),
            _get("/state", 'assert: [status == 503, body == "busy"]', "first"),
            _get("/state", 'assert: [body.state == "done"]', "second"),
            _get("/state", 'assert: [body.state == "done"]', "third"),
            _get("/secret", "assert: [status == 401]", "denied"),
            '{id: allowed, action: http, config: {url: "${pay.base_url}/secret", auth: {bearer: abcdefgh1234}},'
            " assert: [status == 200]}",
            _get("/search?q=shoes&page=2", "assert: ['body == [1]']", "found"),
            _get("/search?q=hats", "assert: [status == 404, body.error contains '/search']", "missing"),
            '{id: o, action: http, config: {method: POST, url: "${pay.base_url}/orders",'
            " body: {customer: {id: 5, name: x}, n: 1}}, assert: [status == 202]}",
            '{id: h, action: http, config: {method: HEAD, url: "${pay.base_url}/users/me"},'
            ' assert: [status == 200, headers.content-length == "13"]}',
        ),
    )
    passes(run)


def test_a_verification_waits_for_the_request_and_shows_it(tmp_path: Path) -> None:
    """The service under test calls its neighbour a moment after it has answered."""
    web = Web()
    threads: list[threading.Thread] = []

    def order(seen: object) -> Reply:
        target = getattr(seen, "json", {})["callback"]

        def later() -> None:
            time.sleep(0.2)
            host, port = target.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), 5) as connection:
                body = b'{"amount": 12.5, "currency": "EUR"}'
                connection.sendall(
                    b"POST /charge?try=1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    b"Authorization: Bearer topsecret-topsecret\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + b"%x\r\n%s\r\n0\r\n\r\n"
                    % (len(body), body)
                )
                connection.recv(999)

        threads.append(threading.Thread(target=later))
        threads[-1].start()
        return Reply(202, {})

    web.routes["POST /orders"] = order
    try:
        run = run_text(
            tmp_path,
            _mocked(
                f'{{id: o, action: http, config: {{method: POST, url: "{web.url}/orders",'
                ' body: {callback: "${pay.base_url}"}}, assert: [status == 202]}',
                "{id: v, action: mock_server_verify, config: {name: payments, method: POST, path: /charge, count: 1,"
                ' match: {body: {amount: 12.50}, query: {try: 1}}}, assert: ["requests[0].body.currency == \\"EUR\\"",'
                " received == 1, unmatched is empty]}",
                "{id: e, action: mock_server_verify, config: {name: payments, match: 'body.amount > 10'},"
                " assert: [count == 1]}",
                "{id: a, action: mock_server_verify, config: {name: payments,"
                " match: {headers: {authorization: Bearer topsecret-topsecret}}}}",
                "{id: never, action: mock_server_verify, hold: 50ms, config: {name: payments, path: /users/1,"
                " at_most: 0}}",
            ),
        )
    finally:
        web.close()
        for thread in threads:
            thread.join()
    passes(run)
    assert len(step(run, "v").exchanges[0].candidates) > 2
    assert len(step(run, "never").exchanges[0].candidates) > 2
    text = run_to_json(run)
    assert "topsecret" not in text.replace(json.dumps(run.flows[0].source)[1:-1], "")


def test_a_failed_verification_shows_the_nearest_request(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        _mocked(
            '{id: c, action: http, config: {method: POST, url: "${pay.base_url}/charge", body: {amount: 5}},'
            " assert: [status == 201]}",
            '{id: d, action: http, config: {url: "${pay.base_url}/nowhere"}, assert: [status == 404]}',
            "{id: v, action: mock_server_verify, wait: 100ms, on_error: continue, config: {name: payments,"
            " path: /charge, match: {body: {amount: 7, id: x}}}}",
            "{id: e, action: mock_server_verify, wait: none, on_error: continue, config: {name: payments, count: 3}}",
            "{id: f, action: mock_server_verify, wait: none, on_error: continue, config: {name: payments, count: 1,"
            " path: /nowhere, method: POST}}",
            "{id: g, action: mock_server_verify, wait: none, on_error: continue, config: {name: payments,"
            " match: body.nothing > 1}}",
        ),
    )
    assert verdicts(run) == {
        "pay": "passed", "c": "passed", "d": "passed", "v": "failed", "e": "failed", "f": "failed", "g": "failed"
    }  # fmt: skip
    message = step(run, "v").message
    assert "expected at least 1 request /charge to mock server 'payments', 0 came (it received 2 others)" in message
    assert "nearest: POST /charge (body.amount is number 5, not number 7; body.id is missing)" in message
    assert "expected 3 requests to mock server 'payments', 2 came" in step(run, "e").message
    assert "nearest: GET /nowhere (method is GET, not POST, answered 404" in step(run, "f").message
    assert "match cannot be evaluated" in step(run, "g").message


def test_a_recording_is_judged_with_another_match(tmp_path: Path) -> None:
    text = _mocked(
        '{id: c, action: http, config: {method: POST, url: "${pay.base_url}/charge", body: {amount: 5}},'
        " assert: [status == 201]}",
        "{id: v, action: mock_server_verify, config: {name: payments, match: {body: {amount: 5}}}}",
    )
    run = run_text(tmp_path, text)
    passes(run)
    other = text.replace("match: {body: {amount: 5}}", "match: {body: {amount: 6}}")
    assert judge(run, {"flow.yaml": other}).verdict == "error"
    more = text.replace("match: {body: {amount: 5}}", "count: 1, path: /charge")
    assert judge(run, {"flow.yaml": more}).verdict == "passed"


def test_a_stopped_server_refuses_and_can_still_be_verified(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        _mocked(
            _get("/nowhere", "assert: [status == 404]"),
            "{id: s, action: mock_server_stop, config: {name: payments}, assert: [received == 1,"
            ' "unmatched[0].path == \\"/nowhere\\""]}',
            _get("/users/me", "on_error: continue, assert: [status == 200]", "gone"),
            "{id: v, action: mock_server_verify, config: {name: payments, count: 1}}",
            "{id: again, action: mock_server_start, config: {name: payments, endpoints: [{path: /}]}}",
            "{id: w, action: mock_server_verify, config: {name: payments, at_most: 0}}",
            "{id: twice, action: mock_server_start, on_error: continue, config: {name: payments, endpoints: []}}",
            "{id: who, action: mock_server_verify, on_error: continue, config: {name: payment}}",
        ),
    )
    found = verdicts(run)
    assert found.pop("gone") == found.pop("twice") == found.pop("who") == "error"
    assert set(found.values()) == {"passed"}
    assert "connection refused" in step(run, "gone").message
    assert "already runs in this flow" in step(run, "twice").message
    assert "did you mean 'payments'?" in step(run, "who").message


def test_flows_beside_each_other_have_servers_of_their_own(tmp_path: Path) -> None:
    text = flow_of(
        "{id: m, action: mock_server_start, config: {endpoints: [{path: /, response: {body: ${NUMBER}}}]}}",
        '{id: g, action: http, config: {url: "${m.base_url}/"}, assert: ["body == ${NUMBER}"]}',
        "{id: v, action: mock_server_verify, hold: 100ms, config: {count: 1}}",
    )
    files = [write(tmp_path, text.replace("${NUMBER}", str(n)), f"f{n}.yaml") for n in range(6)]
    run = asyncio.run(run_flows(RunOptions(paths=tuple(files), root=tmp_path, parallel=6)))
    assert run.verdict == "passed", [found.message for flow in run.flows for found in flow.steps]


def test_a_port_that_is_taken_and_a_delay_that_is_too_long(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = run_text(
            tmp_path,
            flow_of(
                f"{{id: a, action: mock_server_start, on_error: continue, config: {{port: {port}, endpoints: []}}}}",
                "{id: b, action: mock_server_start, config: {endpoints: [{path: /slow, response: {delay: 5s}}]}}",
                '{id: c, action: http, timeout: 200ms, config: {url: "${b.base_url}/slow"}, assert: [status == 200]}',
            ),
        )
    assert verdicts(run) == {"a": "error", "b": "passed", "c": "failed"}
    assert f"cannot listen on 127.0.0.1:{port}" in step(run, "a").message
    assert step(run, "a").exchanges[0].error_type == "config"
    assert run.flows[0].duration_ms < 3000


def test_a_server_is_gone_when_the_flow_is_over_even_when_it_is_cancelled(tmp_path: Path) -> None:
    port = unused_port()
    file = write(
        tmp_path,
        flow_of(
            f"{{id: m, action: mock_server_start, config: {{port: {port}, endpoints: [{{path: /}}]}}}}",
            "{id: d, action: mock_server_verify, config: {count: 1}, wait: 20s}",
        ),
    )

    async def cancelled() -> Run:
        started = asyncio.Event()
        listeners = [lambda event: started.set() if isinstance(event, StepFinished) else None]
        task = asyncio.create_task(run_flows(RunOptions(paths=(file,), root=tmp_path), listeners))
        await started.wait()
        assert _listens(port)
        task.cancel()
        return await task

    run = asyncio.run(cancelled())
    assert run.verdict == "cancelled"
    assert not _listens(port)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_what_can_be_known_before_the_run_is_found_before_it(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        flow_of(
            "{id: m, action: mock_server_start, config: {endpoints: [{path: users}]}}",
            "{id: l, action: mock_server_start, config: {endpoints: [{path: /, respons: {}}]}}",
            "{id: n, action: mock_server_start, config: {endpoints: [{path: /a, response: {}, responses: []}]}}",
            "{id: o, action: mock_server_start, config: {endpoints: [{path: '/a?b=1'}]}}",
            "{id: v, action: mock_server_verify, config: {count: 1, at_least: 2, match: {bdy: 1}}}",
            "{id: w, action: mock_server_verify, config: {at_least: 3, at_most: 2, method: GET}}",
            "{id: x, action: mock_server_verify, config: {match: bdy.amount > 1}}",
            "{id: y, action: mock_server_verify, config: {match: method}}",
        ),
    )
    messages = [problem["message"] for problem in run.flows[0].problems]
    for wanted in (
        "the path begins with '/'",
        "'response' and 'responses' exclude each other",
        "put it in 'match.query'",
        "has no key 'respons'",
        "'count' and 'at_least' exclude each other",
        "'match' has no key 'bdy'",
        "'at_most' is 2, which is less than 'at_least', 3",
        "'bdy'",
        "boolean",
    ):
        assert any(wanted in message for message in messages), (wanted, messages)


def test_secrets_of_a_request_are_matched_live_and_on_the_recording_but_never_kept(tmp_path: Path) -> None:
    send = (
        'config: {method: POST, url: "${pay.base_url}/charge?api_key=${API_TOKEN}&page=1",'
        ' auth: {bearer: "${API_TOKEN}"}, body: {inner: {note: "for ${API_TOKEN}!"}}}, assert: [status == 201]'
    )
    wrong = "on_error: continue, wait: none"
    run = run_text(
        tmp_path,
        _mocked(
            f"{{id: c, action: http, {send}}}",
            "{id: v, action: mock_server_verify, config: {name: payments, count: 1, match: {headers: {Authorization:"
            ' "Bearer ${API_TOKEN}"}, query: {api_key: "${API_TOKEN}", page: 1},'
            ' body: {inner: {note: "for ${API_TOKEN}!"}}}}}',
            f"{{id: w, action: mock_server_verify, {wrong}, config: {{name: payments,"
            " match: {headers: {authorization: Bearer other-token}}}}",
            "{id: x, action: mock_server_verify, config: {name: payments, match: 'query.page == \"1\"'},"
            ' assert: ["requests[0].headers.authorization == \\"(hidden)\\""]}',
        ),
        process={"API_TOKEN": "s3cr3t-t0k3n-value"},
    )
    assert verdicts(run) == {"pay": "passed", "c": "passed", "v": "passed", "w": "failed", "x": "passed"}
    assert "header authorization is (hidden), not Bearer other-token" in step(run, "w").message
    assert "s3cr3t-t0k3n-value" not in run_to_json(run)


def test_a_check_that_nothing_came_should_look_for_a_while() -> None:
    def warned(config: str, more: str = "") -> list[tuple[str, int]]:
        text = flow_of(f"{{id: v, action: mock_server_verify, {more}config: {{{config}}}}}")
        return [(found.rule, found.column) for found in load_flow(text, "f.yaml", catalogue()).findings]

    assert warned("at_most: 0") == [("flow/none-without-hold", 52)]
    assert warned("path: /a, count: 0") == [("flow/none-without-hold", 62)]
    assert warned("at_most: 2, at_least: 1") == warned("count: 1") == warned("at_most: 0", "hold: 1s, ") == []
