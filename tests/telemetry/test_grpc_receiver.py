"""OTLP over gRPC from the official exporter, with gzip, several at once, and what nobody should send."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import cast

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from testmesh.kernel.errors import UserError
from testmesh.telemetry.grpc_receiver import EXPORT, OTHERS, GrpcReceiver
from testmesh.telemetry.store import SpanStore


@pytest.fixture
def receiver() -> Iterator[GrpcReceiver]:
    with GrpcReceiver(SpanStore()) as running:
        yield running


def called(receiver: GrpcReceiver, method: str, body: bytes) -> bytes:
    with grpc.insecure_channel(f"127.0.0.1:{receiver.port}") as channel:
        return cast(bytes, channel.unary_unary(method)(body, timeout=5))


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_the_official_exporter_loses_nothing(receiver: GrpcReceiver, compression: grpc.Compression) -> None:
    def service(number: int) -> None:
        provider = TracerProvider(resource=Resource({"service.name": f"s{number}"}))
        exporter = OTLPSpanExporter(receiver.endpoint, insecure=True, compression=compression)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=10))
        tracer = provider.get_tracer("t")
        for _ in range(50):
            with tracer.start_as_current_span("above"), tracer.start_as_current_span("below"):
                pass
        provider.shutdown()

    threads = [threading.Thread(target=service, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.store) == 400
    spans = [span for trace in receiver.store.trace_ids() for span in receiver.store.trace(trace)]
    assert {span.service for span in spans} == {"s0", "s1", "s2", "s3"}


def test_partial_success_and_garbage(receiver: GrpcReceiver) -> None:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    spans.add(trace_id=b"a" * 16, span_id=b"b" * 8)
    spans.add(trace_id=b"short", span_id=b"b" * 8)
    answer = ExportTraceServiceResponse.FromString(called(receiver, EXPORT, request.SerializeToString()))
    assert answer.partial_success.rejected_spans == 1
    assert (len(receiver.store), receiver.rejected) == (1, 1)
    with pytest.raises(grpc.RpcError) as garbage:
        called(receiver, EXPORT, b"\xff\xff")
    assert garbage.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as unknown:
        called(receiver, "/other.Service/Call", b"")
    assert unknown.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert called(receiver, OTHERS[0], b"") == b""


def test_a_taken_port_is_the_users_error(receiver: GrpcReceiver) -> None:
    with pytest.raises(UserError, match="over gRPC"), GrpcReceiver(SpanStore(), receiver.port):
        pass
