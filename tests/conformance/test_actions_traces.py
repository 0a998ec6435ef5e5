"""trace_assert against spans that a real OpenTelemetry SDK sends: waiting, limits, failures, no source, masking."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from flows.engine.recording import judge
from flows.runner import RunOptions, run_flows
from graph.runs import Run
from testmesh.telemetry.fetching import BackendSpans, FetchedSpans
from testmesh.telemetry.receiver import Receiver
from testmesh.telemetry.settings import Backend
from testmesh.telemetry.store import ReceivedSpans, SpanStore
from tests.conformance.actions import SECRET, flow_of, keeps_the_secret, passes
from tests.flows.support import raw_server, run_text, step, unused_port, verdicts, write
from tests.telemetry.traced import Work, failed, traced_service


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(SpanStore()) as running:
        yield running


def ran(folder: Path, receiver: Receiver, work: Work, *configs: str, **options: Any) -> Run:
    """One request to a traced service, then trace_assert steps t0, t1, ..."""
    with traced_service(receiver.endpoint, work) as web:
        steps = [f'{{id: create, action: http_request, config: {{method: POST, url: "{web.url}/orders"}}}}']
        steps += [
            f"{{id: t{n}, action: trace_assert, on_error: continue, config: {{{text}" for n, text in enumerate(configs)
        ]
        spans = ReceivedSpans(receiver.store, receiver.endpoint)
        return run_text(folder, flow_of(*steps), spans=spans, **options)


def later(tracer: Any, seen: Any) -> None:
    time.sleep(0.2)
    span = tracer.start_span("charge card", SpanKind.CLIENT, attributes={"db.system": "redis", "amount": 40})
    time.sleep(0.03)
    span.end()


def nothing(tracer: Any, seen: Any) -> None:
    """The service does no more than answer."""


def test_it_waits_for_spans_that_come_after_the_answer(tmp_path: Path, receiver: Receiver) -> None:
    run = ran(
        tmp_path,
        receiver,
        later,
        "service: orders, name: 'charge*', kind: client, attributes: {amount: 40}}, assert: ["
        "first.duration_ms > 25, count == 1,"
        """ 'first.attributes["db.system"] == "redis"']}""",
        "name: POST /orders, count: 1, max_duration: 5s, settle: 100ms}}",
        "error: true, count: 0, settle: 100ms}}",
    )
    passes(run)
    assert len(step(run, "t0").exchanges[0].candidates) > 1


def test_what_did_not_come_fails_with_the_nearest_span(tmp_path: Path, receiver: Receiver) -> None:
    run = ran(tmp_path, receiver, nothing, "service: orders, name: POST /refunds, timeout: 500ms}}")
    found = step(run, "t0")
    assert found.verdict == "failed"
    assert "0 of 1 spans match, at least 1 expected: service 'orders', name 'POST /refunds'" in found.message
    assert "nearest: orders 'POST /orders': name is 'POST /orders'" in found.message


def test_an_exact_number_sees_the_one_too_many_that_comes_later(tmp_path: Path, receiver: Receiver) -> None:
    def twice(tracer: Any, seen: Any) -> None:
        tracer.start_span("charge").end()
        time.sleep(0.3)
        tracer.start_span("charge").end()

    run = ran(tmp_path, receiver, twice, "name: charge, count: 1, settle: 600ms, timeout: 1500ms}}")
    assert verdicts(run)["t0"] == "failed"
    assert "2 spans match, at most 1 expected" in step(run, "t0").message


def test_a_slow_span_among_fast_ones_and_a_failed_one(tmp_path: Path, receiver: Receiver) -> None:
    def slow(tracer: Any, seen: Any) -> None:
        tracer.start_span("charge").end()
        span = tracer.start_span("charge")
        time.sleep(0.1)
        failed(span, "card refused")

    run = ran(
        tmp_path,
        receiver,
        slow,
        "name: charge, max_duration: 50ms, settle: 300ms, timeout: 1s}}",
        'name: charge, error: true}, assert: [first.message == "card refused"]}',
        "error: true, count: 0, settle: 200ms, timeout: 500ms}}",
    )
    assert verdicts(run) == {"create": "passed", "t0": "failed", "t1": "passed", "t2": "failed"}
    assert "orders 'charge' took" in step(run, "t0").message


def test_what_a_batch_caused_counts_for_every_message_in_it(tmp_path: Path, receiver: Receiver) -> None:
    def batch(tracer: Any, seen: Any) -> None:
        tracer.linked("process batch").end()

    passes(ran(tmp_path, receiver, batch, 'kind: consumer}, assert: [first.name == "process batch"]}'))


def test_absence_is_not_shown_by_silence(tmp_path: Path) -> None:
    spans = ReceivedSpans(SpanStore(), "nowhere")
    text = flow_of("{id: t, action: trace_assert, config: {name: x, count: 0, timeout: 300ms, settle: 10ms}}")
    run = run_text(tmp_path, text, spans=spans)
    assert verdicts(run) == {"t": "failed"}
    assert "their absence shows nothing" in step(run, "t").message


def test_without_a_source_of_spans_it_is_an_error_that_says_how_to_get_one(tmp_path: Path) -> None:
    run = run_text(tmp_path, flow_of("{id: t, action: trace_assert, config: {name: x, count: 0}}"))
    found = step(run, "t")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "config")
    assert "--env" in found.message
    assert "[telemetry]" in found.message


def test_bad_settings_are_found_before_the_first_request(tmp_path: Path) -> None:
    run = run_text(tmp_path, flow_of("{id: t, action: trace_assert, config: {kind: klient, count: -1, at_least: 2}}"))
    told = str(run.flows[0].problems)
    assert "kind" in told
    assert "'count' and 'at_least' exclude each other" in told
    assert "'count' cannot be negative" in told


def test_a_secret_in_a_span_is_masked(tmp_path: Path, receiver: Receiver) -> None:
    def leaky(tracer: Any, seen: Any) -> None:
        tracer.start_span("login", attributes={"db.statement": f"ALTER USER a PASSWORD '{SECRET}'"}).end()

    run = ran(
        tmp_path, receiver, leaky, "name: login}, assert: [count == 1]}", secrets={"P": SECRET}.get,
        variables={"password": SECRET},
    )  # fmt: skip
    keeps_the_secret(run)


def test_a_recording_answers_other_questions_about_its_spans(tmp_path: Path, receiver: Receiver) -> None:
    run = ran(tmp_path, receiver, later, "name: 'charge*'}}")
    text = run.flows[0].source
    for other, verdict in (("name: POST /orders", "passed"), ("name: refund", "error")):
        flow = replace(run.flows[0], source=text.replace("name: 'charge*'", other))
        assert judge(replace(run, flows=(flow,))).flows[0].verdict == verdict, other


def asked(folder: Path, url: str, *, timeout: str = "5s", headers: dict[str, str] | None = None) -> Run:
    """One trace_assert step against a Jaeger at an address."""
    spans = FetchedSpans(BackendSpans(Backend("jaeger", url, timeout=1.0), headers or {}))
    config = f"{{name: x, count: 0, settle: 1ms, timeout: {timeout}}}"
    return run_text(folder, flow_of(f"{{id: t, action: trace_assert, config: {config}}}"), spans=spans)


def test_a_server_that_is_down_is_an_error_and_never_absence(tmp_path: Path) -> None:
    port = unused_port()
    run = asked(tmp_path, f"http://127.0.0.1:{port}")
    assert (verdicts(run)["t"], step(run, "t").exchanges[0].error_type) == ("error", "connection")
    assert f"jaeger at http://127.0.0.1:{port}: connection refused" in step(run, "t").message


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n", "server"),
        (b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", "connection"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", "server"),
        (b"!!! nonsense\r\n\r\n", "connection"),
    ],
)
def test_a_server_that_refuses_or_is_something_else_is_an_error(tmp_path: Path, answer: bytes, kind: str) -> None:
    def answers(connection: Any) -> None:
        connection.recv(9999)
        connection.sendall(answer)

    with raw_server(answers) as port:
        run = asked(tmp_path, f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {SECRET}"})
    assert (verdicts(run)["t"], step(run, "t").exchanges[0].error_type) == ("error", kind), step(run, "t").message
    keeps_the_secret(run)


def test_a_server_that_hangs_or_dies_in_the_middle_ends_with_the_step(tmp_path: Path) -> None:
    release = threading.Event()
    with raw_server(lambda connection: (release.wait(20), None)[1]) as port:
        run = asked(tmp_path, f"http://127.0.0.1:{port}", timeout="700ms")
        release.set()
    assert verdicts(run)["t"] in ("failed", "error")

    def dies(connection: Any) -> None:
        connection.recv(9999)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{")

    with raw_server(dies) as port:
        run = asked(tmp_path, f"http://127.0.0.1:{port}")
    assert verdicts(run)["t"] == "error", step(run, "t").message


def test_a_cancelled_run_does_not_wait_for_a_server_that_hangs(tmp_path: Path) -> None:
    release = threading.Event()
    file = write(tmp_path, flow_of("{id: t, action: trace_assert, config: {name: x}}"))

    async def cancelled(port: int) -> Run:
        spans = FetchedSpans(BackendSpans(Backend("jaeger", f"http://127.0.0.1:{port}", timeout=600.0)))
        task = asyncio.create_task(run_flows(RunOptions(paths=(file,), root=tmp_path, spans=spans)))
        await asyncio.sleep(0.3)
        task.cancel()
        return await task

    hangs: list[bool] = []
    with raw_server(lambda connection: hangs.append(not release.wait(600))) as port:
        run = asyncio.run(cancelled(port))
        assert hangs == []
        release.set()
    assert run.verdict == "cancelled"


def test_until_does_not_take_the_place_of_what_the_step_itself_checks(tmp_path: Path, receiver: Receiver) -> None:
    run = ran(
        tmp_path,
        receiver,
        nothing,
        "name: POST /orders, count: 2, timeout: 500ms}, until: seen > 0}",
        "name: POST /orders}, until: count == 1}",
    )
    assert verdicts(run) == {"create": "passed", "t0": "failed", "t1": "passed"}
    assert "at least 2 expected" in step(run, "t0").message
