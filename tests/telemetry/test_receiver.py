"""The receiver takes what the official exporter sends, and stands what nobody should send."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from testmesh.kernel.errors import UserError
from testmesh.telemetry.answers import jaeger_answer, otlp_answer
from testmesh.telemetry.otlp import JSON, MAX_BYTES, PROTOBUF, decode
from testmesh.telemetry.receiver import Receiver, status_message
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
        ("/v1/traces", b"x", {"Content-Type": "text/html"}, 415),
        ("/v1/traces", b"\x0a\x05", {"Content-Type": "application/x-protobuf"}, 400),
        ("/v1/traces", b"x", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 400),
        ("/v1/traces", None, {"Content-Type": "application/json", "Content-Length": "99999999999"}, 413),
        ("/v1/traces", None, {"Content-Type": "application/json", "Content-Length": "-1"}, 411),
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


def asked(
    receiver: Receiver, verb: str, path: str, body: bytes, media: str, *, encoding: str = ""
) -> tuple[int, str, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
    client.request(verb, path, body, {"Content-Type": media} | ({"Content-Encoding": encoding} if encoding else {}))
    answer = client.getresponse()
    found = answer.status, answer.getheader("Content-Type", ""), answer.read()
    client.close()
    return found


def test_an_error_is_a_status_message_in_the_requests_own_media_type(receiver: Receiver) -> None:
    from google.rpc.status_pb2 import Status

    status, media, body = asked(receiver, "POST", "/v1/traces", b"\xff\xff", "application/x-protobuf")
    assert (status, media) == (400, "application/x-protobuf")
    said = Status.FromString(body)
    assert (said.code, said.message) == (3, "the body is not an OTLP trace request")
    status, media, body = asked(receiver, "POST", "/v1/traces", b"[]", "application/json; charset=utf-8")
    assert (status, media) == (400, "application/json")
    assert json.loads(body)["code"] == 3


def test_a_long_error_keeps_its_length() -> None:
    from google.rpc.status_pb2 import Status

    for length in (0, 127, 128, 999, 5000):
        said = Status.FromString(status_message(3, "x" * length))
        assert said.message == "x" * min(length, 1000)


def test_what_inflates_without_end_is_too_large(receiver: Receiver) -> None:
    bomb = gzip.compress(b" " * (MAX_BYTES + 1))
    assert asked(receiver, "POST", "/v1/traces", bomb, "application/json", encoding="gzip")[0] == 413


def test_metrics_and_logs_are_taken_and_dropped_and_nothing_can_be_read(receiver: Receiver) -> None:
    assert asked(receiver, "POST", "/v1/metrics", b"\x0a\x00", "application/x-protobuf")[::2] == (200, b"")
    assert asked(receiver, "POST", "/v1/logs", b"{}", "application/json")[::2] == (200, b"{}")
    assert asked(receiver, "GET", "/v1/traces", b"", "application/json")[0] == 405
    assert len(receiver.store) == 0


def test_spans_that_cannot_be_read_are_told_to_the_exporter(receiver: Receiver) -> None:
    good = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "x"}
    bad = {"traceId": "0" * 32, "spanId": "b" * 16}
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [good, bad, {}]}]}]}
    status, _, body = asked(receiver, "POST", "/v1/traces", json.dumps(request).encode(), "application/json")
    assert (status, json.loads(body)["partialSuccess"]["rejectedSpans"]) == (200, "2")
    assert (len(receiver.store), receiver.rejected) == (1, 2)


def test_bodies_that_never_come_do_not_lock_others_out_for_good(receiver: Receiver) -> None:
    assert receiver._server is not None
    for _ in range(8):
        assert receiver._server.slots.acquire(timeout=1)
    threading.Timer(0.2, receiver._server.slots.release).start()
    assert asked(receiver, "POST", "/v1/traces", b"{}", "application/json")[0] == 200


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_no_bytes_are_a_surprise(body: bytes) -> None:
    for media in (PROTOBUF, JSON):
        try:
            decode(body, media)
        except UserError:
            continue


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False)
_NAMES = st.sampled_from(["resourceSpans", "scopeSpans", "spans", "attributes", "links", "traceId", "key", "value"])
_TREES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4))


@settings(max_examples=150)
@given(_TREES)
def test_no_json_is_a_surprise(tree: object) -> None:
    with contextlib.suppress(UserError):
        decode(json.dumps({"resourceSpans": tree}).encode(), JSON)
    with contextlib.suppress(UserError):
        otlp_answer(json.dumps({"result": tree}).encode(), "x")
    with contextlib.suppress(UserError):
        jaeger_answer(json.dumps({"data": tree}).encode(), "x")
