"""A flow asserts on spans that a real Jaeger keeps, sent there by the real SDK; both of its APIs say the same."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from flows.runner.options import RunOptions
from testmesh.compose.systems import run_flows_in
from testmesh.telemetry.fetching import BackendSpans
from testmesh.telemetry.settings import Backend
from tests.servers.jaeger import Jaeger
from tests.telemetry.traced import traced_service


@pytest.mark.server("jaeger")
def test_a_flow_finds_its_spans_in_a_real_jaeger(tmp_path: Path, jaeger_server: Jaeger) -> None:
    def later(tracer: Any, seen: Any) -> None:
        time.sleep(0.2)
        tracer.start_span("charge", attributes={"amount": 40}).end()

    (tmp_path / "testmesh.toml").write_text(f'[telemetry]\njaeger = "{jaeger_server.query}"\n')
    with traced_service(jaeger_server.otlp, later) as web:
        (tmp_path / "flow.yaml").write_text(
            "flow:\n  name: j\n  steps:\n"
            f'    - {{id: create, action: http_request, config: {{method: POST, url: "{web.url}/orders"}}}}\n'
            "    - {id: t, action: trace_assert, config: {name: charge, attributes: {amount: 40}},"
            " assert: [count == 1]}\n"
        )
        ran = run_flows_in(None, RunOptions(paths=("flow.yaml",), root=tmp_path))
    assert ran.run.verdict == "passed", [step.message for step in ran.run.flows[0].steps]
    assert {span.name for span in ran.spans} == {"POST /orders", "charge"}
    trace_id = ran.run.flows[0].steps[0].trace_id
    newer = BackendSpans(Backend("jaeger", jaeger_server.query))
    older = BackendSpans(Backend("jaeger", jaeger_server.query), {}, True)
    told = [[(s.span_id, s.parent_id, s.service, s.kind, s.name) for s in b.trace(trace_id)] for b in (newer, older)]
    assert told[0] == told[1]
    assert len(told[0]) == 2
