"""Whose log lines a failure tells: the service whose span failed, then those the step reached, then whoever errs."""

from __future__ import annotations

import pytest

from flows.reports.loglines import ERROR, QUIET, WARNING, loudness, readable
from flows.reports.surroundings import Surroundings, logged, surroundings
from graph.runs import Exchange, FlowRun, Run, StepRun
from graph.spans import Span
from testmesh.telemetry.kept import failing, reason

TRACE = "a" * 32
STEP = StepRun(
    "cancel", "steps", "http_request", "failed", started_ms=100.0, duration_ms=20.0, trace_id=TRACE,
    exchanges=(Exchange({"url": "http://127.0.0.1:8001/orders/1"}, ({"status": 500},), span_id="1" * 16),),
)  # fmt: skip
TRACEBACK = (
    "ERROR: Exception in ASGI application",
    "Traceback (most recent call last):",
    '  File "/venv/lib/python3.11/site-packages/fastapi/app.py", line 9, in run',
    '  File "/srv/orders/payments.py", line 31, in refund',
    "KeyError: 'amount'",
)


def run(logs: dict[str, tuple[str, ...]], at: float, **variables: str) -> Run:
    flow = FlowRun("f.yaml", "f", None, "failed", 1.0, (STEP,), variables=variables)
    times = {service: [at] * len(lines) for service, lines in logs.items()}
    return Run("01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "failed", (flow,), logs=logs, log_times=times)


def span(service: str, number: str, parent: str, *, error: bool = False) -> Span:
    return Span(TRACE, number * 16, parent * 16, service, "server", "POST /x", 1, 1, error, "broke" if error else "")


def told(around: Surroundings) -> list[tuple[str, tuple[str, ...]]]:
    return [(found.service, found.lines) for found in logged(STEP, around, 4)]


def test_the_service_whose_span_failed_comes_before_a_louder_one() -> None:
    logs = {"mail": ("ERROR smtp is down", "ERROR smtp is down"), "orders": TRACEBACK, "payments": ("INFO paid",)}
    spans = (span("orders", "2", "1", error=True), span("payments", "3", "2"))
    first, *others = told(surroundings(run(logs, 110.0), spans))
    assert first == ("orders", (TRACEBACK[0], TRACEBACK[3], TRACEBACK[4]))
    assert [service for service, _ in others] == ["mail"]


def test_a_span_that_says_why_comes_before_a_silent_one_below_it() -> None:
    trace = (
        'Traceback:\n  File "/venv/site-packages/x.py", line 1, in a\n  File "/srv/orders/pay.py", line 31, in refund\n'
    )
    attributes = {
        "exception.type": "shop.Refused",
        "exception.message": "no stock\nsee https://x.test",
        "exception.stacktrace": trace,
    }
    speaks = Span(TRACE, "2" * 16, "1" * 16, "orders", "server", "POST /x", 1, 1_000_000, True, "", attributes)
    silent = Span(TRACE, "3" * 16, "2" * 16, "orders", "client", "POST", 2, 1, True, "", {"http.status_code": "400"})
    assert [span.span_id[0] for span in failing(STEP, (silent, speaks))] == ["2", "3"]
    assert reason(speaks) == "Refused: no stock at /srv/orders/pay.py:31"
    assert reason(silent) == "status 400"
    elsewhere = Span(TRACE, "4" * 16, "3" * 16, "payments", "server", "POST /y", 3, 1, True)
    assert failing(STEP, (silent, speaks, elsewhere))[0] == elsewhere


def test_calm_lines_are_those_of_the_service_that_was_asked() -> None:
    logs = {"mail": ("INFO sent",), "orders": ("INFO placed",)}
    spans = (span("orders", "2", "1"), span("mail", "3", "2"))
    around = surroundings(run(logs, 110.0, ORDERS_URL="http://127.0.0.1:8001"), spans)
    assert told(around) == [("orders", ("INFO placed",))]


def test_the_service_of_the_address_comes_first_without_traces() -> None:
    logs = {"aaa": ("WARN cache is cold",), "orders": ("WARN no stock",)}
    around = surroundings(run(logs, 110.0, ORDERS_URL="http://127.0.0.1:8001", AAA_URL="http://127.0.0.1:8002"))
    assert told(around) == [("orders", ("WARN no stock",))]


def test_a_service_that_was_reached_and_did_not_complain_is_told_in_two_lines() -> None:
    logs = {"orders": ("INFO one", "INFO two", "INFO three"), "mail": ("INFO sent",)}
    around = surroundings(run(logs, 110.0, ORDERS_URL="http://127.0.0.1:8001"))
    assert told(around) == [("orders", ("INFO two", "INFO three"))]


def test_warnings_after_the_step_belong_to_something_else() -> None:
    logs = {"orders": ("WARN later",)}
    around = surroundings(run(logs, 400.0, ORDERS_URL="http://127.0.0.1:8001"))
    assert told(around) == []
    assert told(surroundings(run({"orders": ("ERROR later",)}, 400.0))) == [("orders", ("ERROR later",))]


@pytest.mark.parametrize(
    ("line", "loud"),
    [
        ('INFO httpx HTTP Request: GET http://127.0.0.1:58101/products/SKU-500 "HTTP/1.1 200 OK"', QUIET),
        ('INFO: 127.0.0.1:59538 - "POST /orders HTTP/1.1" 409 Conflict', WARNING),
        ('10.0.0.1 "GET /x HTTP/1.1" 503 12', ERROR),
        ("took 412 ms", QUIET),
        ("read 404 bytes from 10.1.2.3:443", QUIET),
        ("INFO finished with 0 errors", QUIET),
        ("java.lang.IllegalStateException: no", ERROR),
        ("Caused by: no stock", ERROR),
        ("W warn: slow", WARNING),
        ("level=error msg=broken", ERROR),
        ("    raise HTTPStatusError(message)", QUIET),
        ('  File "/srv/h11_impl.py", line 411, in run', QUIET),
    ],
)
def test_how_loud_a_line_is(line: str, loud: int) -> None:
    assert loudness(line) == loud


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("\x1b[31m\x1b[1mGET /x\x1b[0m 400", "GET /x 400"),
        ('{"ts": 1, "level": "error", "msg": "no stock", "err": "sku 7"}', "ERROR no stock: sku 7"),
        ('{"severity":"WARNING","message":"slow"}', "WARNING slow"),
        ('{"a": 1}', '{"a": 1}'),
        ("{not json", "{not json"),
    ],
)
def test_what_of_a_line_is_read(line: str, text: str) -> None:
    assert readable(line) == text
