"""A run in an environment as a user has it: spans asserted and kept, their revision, a service that dies, no source."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from flows.runner.options import RunOptions
from testmesh.compose.systems import Ran, System, run_flows_in
from testmesh.telemetry.kept import failing, spans_of
from testmesh.workspaces.files import load_project
from tests.flows.support import Reply, Seen, Web, unused_port

PROGRAM = """
import http.server, os, sys
from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider(resource=Resource.create({"service.name": "toy", "vcs.ref.head.revision": "abc1234"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("toy")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        attributes = {"http.request.method": "GET", "url.path": self.path}
        with tracer.start_as_current_span(f"GET {self.path}", extract(self.headers), SpanKind.SERVER, attributes):
            with tracer.start_as_current_span("work") as work:
                if self.path == "/bad":
                    work.set_status(Status(StatusCode.ERROR, "no stock"))
        if self.path == "/die":
            print("out of memory", flush=True)
            os._exit(9)
        self.send_response(500 if self.path == "/bad" else 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
SETTINGS = """
[environments.local]
engine = "processes"
variables = { TOY_URL = "http://127.0.0.1:${toy.port}" }

[environments.local.services.toy]
run = "${PYTHON} server.py"
ready = "${TOY_URL}/health"
otlp = "OTLP"
revision = { attribute = "vcs.ref.head.revision" }
"""


def flow(*steps: str) -> str:
    return "flow:\n  name: toy\n  steps:\n" + "".join(f"    - {text}\n" for text in steps)


def get(step_id: str, path: str, url: str = "${TOY_URL}") -> str:
    return f'{{id: {step_id}, action: http_request, config: {{url: "{url}{path}"}}, on_error: continue}}'


def tree(folder: Path, text: str, settings: str) -> Path:
    (folder / "server.py").write_text(PROGRAM)
    (folder / "testmesh.toml").write_text(settings)
    (folder / "flow.yaml").write_text(text)
    return folder


def ran(folder: Path, environment: str = "local") -> Ran:
    options = RunOptions(paths=("flow.yaml",), root=folder)
    if not environment:
        return run_flows_in(None, options)
    with System(load_project(folder), environment) as system:
        return run_flows_in(system, options)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_spans_are_asserted_kept_and_tell_the_revision(tmp_path: Path, protocol: str) -> None:
    assertion = "{id: t, action: trace_assert, config: {service: toy, name: work, at_least: 1}, assert: [count == 1]}"
    found = ran(tree(tmp_path, flow(get("ok", "/ok"), assertion), SETTINGS.replace("OTLP", protocol)))
    assert found.run.verdict == "passed", [step.message for step in found.run.flows[0].steps]
    assert {span.name for span in found.spans} == {"GET /ok", "work"}
    assert {span.name for span in spans_of(tmp_path, found.run.id)} == {"GET /ok", "work"}
    assert found.run.deployed == {"toy": "abc1234"}
    stored = json.loads((tmp_path / ".testmesh" / "runs" / f"{found.run.id}.json").read_text())
    assert stored["deployed"] == {"toy": "abc1234"}


def test_the_failed_span_behind_a_failed_step_is_found_afterwards(tmp_path: Path) -> None:
    bad = get("bad", "/bad").replace("}, on_error", "}, assert: [status == 200], on_error")
    found = ran(tree(tmp_path, flow(bad), SETTINGS.replace("OTLP", "http")))
    (step,) = found.run.flows[0].steps
    assert [span.message for span in failing(step, spans_of(tmp_path, found.run.id))] == ["no stock"]


def test_a_service_that_dies_meanwhile_is_named_with_its_last_words(tmp_path: Path) -> None:
    found = ran(tree(tmp_path, flow(get("die", "/die")), SETTINGS.replace("OTLP", "http")))
    told = "toy ended with exit code 9; its last line: out of memory"
    assert found.troubles == (told,)
    assert found.run.logs["toy"][-1] == f"[testmesh] {told}"
    times = found.run.log_times["toy"]
    assert len(times) == len(found.run.logs["toy"])
    assert list(times) == sorted(times)


def test_without_spans_from_a_service_nothing_is_passed(tmp_path: Path) -> None:
    assertion = "{id: t, action: trace_assert, config: {count: 0, timeout: 400ms, settle: 10ms}}"
    found = ran(tree(tmp_path, flow(get("ok", "/ok"), assertion), SETTINGS.replace("OTLP", "off")))
    assert found.run.verdict == "failed"
    assert found.spans == ()


def test_a_running_system_without_a_source_of_spans_is_an_error(tmp_path: Path) -> None:
    settings = '[environments.staging]\nengine = "running"\nservices.toy = {}\n'
    text = flow("{id: t, action: trace_assert, config: {count: 0}}")
    found = ran(tree(tmp_path, text, settings), "staging")
    assert found.run.verdict == "error"
    assert "[telemetry]" in found.run.flows[0].steps[0].message


def test_spans_sent_to_a_fixed_address_are_received_without_an_environment(tmp_path: Path) -> None:
    port = unused_port()
    web = Web()

    def answer(seen: Seen) -> Reply:
        trace = seen.headers["traceparent"].split("-")
        span = {"traceId": trace[1], "parentSpanId": trace[2], "spanId": "a" * 16, "name": "handled", "kind": 2}
        _send(port, {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
        return Reply(200, {})

    web.routes["GET /x"] = answer
    try:
        text = flow(get("ok", "/x", web.url), "{id: t, action: trace_assert, config: {name: handled}}")
        found = ran(tree(tmp_path, text, f'[telemetry]\nreceive = "127.0.0.1:{port}"\n'), "")
    finally:
        web.close()
    assert found.run.verdict == "passed", [step.message for step in found.run.flows[0].steps]
    assert [span.name for span in found.spans] == ["handled"]
    with socket.create_server(("127.0.0.1", port)):
        pass


def _send(port: int, request: object) -> None:
    import http.client

    client = http.client.HTTPConnection("127.0.0.1", port)
    client.request("POST", "/v1/traces", json.dumps(request), {"Content-Type": "application/json"})
    assert client.getresponse().status == 200
    client.close()


def test_a_server_of_spans_that_is_down_is_said_and_the_run_stands(tmp_path: Path) -> None:
    web = Web()
    web.on("GET /x")
    try:
        settings = f'[telemetry]\njaeger = "http://127.0.0.1:{unused_port()}"\nwait = 0.3\n'
        found = ran(tree(tmp_path, flow(get("ok", "/x", web.url)), settings), "")
    finally:
        web.close()
    assert found.run.verdict == "passed"
    assert "spans were not fetched: jaeger at" in found.troubles[0]
