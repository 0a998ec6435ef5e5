"""OTLP bodies as the official exporters write them, and as nobody should."""

from __future__ import annotations

import gzip
import json

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from graph.spans import Span
from testmesh.kernel.errors import LimitExceeded, UserError
from testmesh.telemetry.otlp import JSON, PROTOBUF, Batch, decode, inflate, success


def sdk_spans() -> tuple[ReadableSpan, ...]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "orders", "service.version": "abc"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("t")
    with tracer.start_as_current_span("GET /x", kind=SpanKind.SERVER, attributes={"n": 3, "ok": True, "l": ["a", "b"]}):
        try:
            with tracer.start_as_current_span("inner", attributes={"f": 1.5}):
                raise ValueError("boom")
        except ValueError:
            pass
    return exporter.get_finished_spans()


def test_protobuf_of_the_sdk_becomes_spans() -> None:
    spans = sdk_spans()
    batch = decode(encode_spans(spans).SerializeToString(), PROTOBUF)
    inner, outer = batch.spans
    assert batch.rejected == 0
    assert (outer.service, outer.kind, outer.name) == ("orders", "server", "GET /x")
    assert dict(outer.attributes) == {"n": "3", "ok": "true", "l": '["a", "b"]', "service.version": "abc"}
    assert (inner.parent_id, inner.error, inner.attributes["exception.message"]) == (outer.span_id, True, "boom")
    assert "boom" in inner.message
    context = spans[1].context
    assert context is not None
    assert outer.trace_id == f"{context.trace_id:032x}"


def as_json(**changes: object) -> bytes:
    span = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "parentSpanId": "",
        "name": "GET",
        "kind": 3,
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
        "attributes": [
            {"key": "a", "value": {"stringValue": "x"}},
            {"key": "b", "value": {"intValue": "7"}},
            {"key": "c", "value": {"boolValue": False}},
            {"key": "d", "value": {"arrayValue": {"values": [{"stringValue": "y"}]}}},
        ],
        "status": {"code": 2, "message": "no"},
        **changes,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}).encode()


def test_json_becomes_the_same_record() -> None:
    attributes = {"a": "x", "b": "7", "c": "false", "d": '["y"]'}
    assert decode(as_json(), "application/json; charset=utf-8").spans == (
        Span(
            "5b8efff798038103d269b633813fc60c",
            "eee19b7ec3c1b174",
            "",
            "web",
            "client",
            "GET",
            1544712660000000000,
            1000000000,
            True,
            "no",
            attributes,
        ),
    )


@pytest.mark.parametrize("ids", [{"traceId": "00" * 16}, {"traceId": "zz" * 16}, {"spanId": "1"}, {"spanId": None}])
def test_spans_without_valid_ids_are_rejected_and_counted(ids: dict[str, object]) -> None:
    batch = decode(as_json(**ids), JSON)
    assert batch == Batch((), 1)
    assert json.loads(success(batch, JSON))["partialSuccess"]["rejectedSpans"] == "1"
    answer = ExportTraceServiceResponse.FromString(success(batch, PROTOBUF))
    assert answer.partial_success.rejected_spans == 1


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"\xff\xff", PROTOBUF),
        (b"{", JSON),
        (b"[]", JSON),
        (b'{"resourceSpans": 5}', JSON),
        (b'{"resourceSpans": [5]}', JSON),
        (b"[" * 100_000, JSON),
        (as_json(attributes=[7]), JSON),
        (as_json(startTimeUnixNano="soon"), JSON),
        (b"x", "text/plain"),
    ],
)
def test_what_is_not_otlp_is_the_senders_error(body: bytes, media: str) -> None:
    with pytest.raises(UserError):
        decode(body, media)


def test_encodings_are_undone_within_a_limit() -> None:
    assert inflate(gzip.compress(b"abc"), "gzip") == b"abc"
    assert inflate(b"abc", "") == b"abc"
    with pytest.raises(LimitExceeded):
        inflate(gzip.compress(b"0" * 10_000_000), "gzip", limit=1000)
    for body, encoding in ((b"abc", "gzip"), (gzip.compress(b"abc")[:-9], "gzip"), (b"", "gzip"), (b"abc", "br")):
        with pytest.raises(UserError):
            inflate(body, encoding)


def test_huge_attributes_are_cut() -> None:
    batch = decode(as_json(attributes=[{"key": "k", "value": {"stringValue": "x" * 100_000}}]), JSON)
    assert len(batch.spans[0].attributes["k"]) == 8192
