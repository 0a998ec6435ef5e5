"""The receiver takes what the official exporter sends, and stands what nobody should send."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from testmesh.kernel.errors import UserError
from testmesh.telemetry.receiver import Receiver
from testmesh.telemetry.store import SpanStore


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(SpanStore()) as running:
        yield running


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_official_exporter_is_understood(receiver: Receiver, compression: str) -> None:
    from opentelemetry.exporter.otlp.proto.http import Compression

    exporter = OTLPSpanExporter(f"{receiver.endpoint}/v1/traces", compression=Compression(compression))
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("hello") as span:
        trace_id = f"{span.get_span_context().trace_id:032x}"
    provider.shutdown()
    assert [s.name for s in receiver.store.trace(trace_id)] == ["hello"]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/other", b"", {}, 404),
        ("/v1/traces", b"{", {"Content-Type": "application/json"}, 400),
        ("/v1/traces", b"x", {"Content-Type": "text/html"}, 400),
        ("/v1/traces", b"x", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 400),
        ("/v1/traces", None, {"Content-Length": "99999999999"}, 413),
        ("/v1/traces", None, {"Content-Length": "-1"}, 411),
    ],
)
def test_bad_requests_get_an_answer(
    receiver: Receiver, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    client = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
    client.request("POST", path, body, headers)
    assert client.getresponse().status == status
    client.close()
    again = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
    again.request("POST", "/v1/traces", b"{}", {"Content-Type": "application/json"})
    assert again.getresponse().read() == b"{}"
    again.close()


def test_a_taken_port_is_the_users_error(receiver: Receiver) -> None:
    with pytest.raises(UserError, match="cannot be used"), Receiver(SpanStore(), receiver.port):
        pass


def test_bodies_sent_in_chunks_are_understood(receiver: Receiver) -> None:
    client = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    client.request("POST", "/v1/traces", iter([b'{"resourceSpans"', b": []}"]), headers, encode_chunked=True)
    assert client.getresponse().read() == b"{}"
    client.close()


@pytest.mark.parametrize(
    ("chunks", "status"), [(b"what\r\n", 400), (b"-5\r\n", 413), (b"7fffffff\r\n", 413), (b"2\r\n{}\r\n\r\n", 400)]
)
def test_bad_chunks_get_an_answer(receiver: Receiver, chunks: bytes, status: int) -> None:
    client = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    client.request("POST", "/v1/traces", iter([chunks]), headers, encode_chunked=False)
    assert client.getresponse().status == status
    client.close()
