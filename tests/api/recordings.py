"""A recording with something of everything a page shows."""

from __future__ import annotations

from graph.runs import AssertionResult, Exchange, FlowRun, Run, StepRun

HOSTILE = "<script>alert('x')</script>\"&"


def _seed(mark: str) -> StepRun:
    return StepRun(
        "seed",
        "setup",
        "database_query",
        "passed",
        duration_ms=4.2,
        exchanges=(Exchange({"query": f"DELETE FROM orders -- {mark}"}, ({"rows": [], "row_count": 3},), (4.0,)),),
        line=4,
    )


def _create() -> StepRun:
    return StepRun(
        "create_order",
        "steps",
        "http_request",
        "passed",
        started_ms=5.0,
        duration_ms=38.5,
        exchanges=(
            Exchange(
                {"method": "POST", "url": "http://localhost:8001/orders", "body": {"name": HOSTILE, "qty": 2}},
                ({"status": 201, "headers": {"content-type": "application/json"}, "body": {"id": 7, "total": 12.5}},),
                (38.0,),
                "satisfied",
            ),
        ),
        result={"status": 201, "body": {"id": 7, "total": 12.5}},
        outputs={"order_id": 7},
        assertions=(AssertionResult("assert", "status == 201", True, 201, 201, line=12),),
        trace_id="a" * 32,
        line=9,
    )


def _check() -> StepRun:
    return StepRun(
        "total_is_shown",
        "steps",
        "http_request",
        "failed",
        message=f"body.total == 12.5 {HOSTILE}",
        started_ms=44.0,
        duration_ms=61.0,
        exchanges=(
            Exchange({"method": "GET", "url": "http://localhost:8001/orders/7"}, ({"status": 500},), (10.0,), "window"),
            Exchange(
                {"method": "GET", "url": "http://localhost:8001/orders/7"},
                ({"status": 200, "body": {"id": 7, "amount": 12.5}},),
                (60.0,),
                "window",
            ),
        ),
        result={"status": 200, "body": {"id": 7, "amount": 12.5}},
        assertions=(
            AssertionResult("assert", "status == 200", True, 200, 200, line=20),
            AssertionResult("assert", "body.total == 12.5", False, None, 12.5, "the order must show its total", 21),
        ),
        steps=(StepRun("note", "steps", "log", "passed", iteration=0),),
        trace_id="b" * 32,
        line=16,
    )


def a_run(run_id: str = "01kb2v9w3h5c", mark: str = "mark", verdict: str = "failed") -> Run:
    setup, create, check = _seed(mark), _create(), _check()
    teardown = StepRun("forget", "teardown", "http_request", "passed", started_ms=106.0, duration_ms=9.0, line=25)
    rest = StepRun("later", "steps", "http_request", "not_run", "a step before it failed", line=23)
    flow = FlowRun("flows/order.yaml", f"Order {HOSTILE}", None, verdict, 115.0, (setup, create, check, rest, teardown))  # type: ignore[arg-type]
    green = FlowRun("flows/refund.yaml", "Refund", 0, "passed", 40.0, (create,))
    moment = "2026-01-02T03:04:05.000Z"
    return Run(
        run_id,
        moment,
        "2026-01-02T03:04:06.000Z",
        verdict,  # type: ignore[arg-type]
        (flow, green),
        seed=7,
        environment=f"local-{mark}",
        deployed={"orders": "abc123", "payments": "unknown"},
        revision="c" * 40,
        logs={"orders": ("2026 INFO POST /orders 201", f"2026 ERROR KeyError: 'total' {HOSTILE}")},
    )
