"""Spans asked of Jaeger and Tempo: recorded answers of a real Jaeger, Tempo's form by its published protocol."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from graph.spans import Span
from testmesh.kernel.errors import UnavailableError, UserError
from testmesh.telemetry.fetching import BackendSpans, FetchedSpans, JoinedSpans, settled
from testmesh.telemetry.settings import Backend, telemetry_settings
from testmesh.telemetry.store import ReceivedSpans, SpanStore
from tests.flows.support import Reply, Web, raw_server, unused_port

RECORDED = Path(__file__).parent / "recorded"
TRACE = "d4941e15f79f4fc4a34fe379bf0e034b"
NONE_V3 = {"error": {"httpCode": 404, "message": "No traces found"}}
NONE = {"data": None, "total": 0, "errors": [{"code": 404, "msg": "trace not found"}]}


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


def jaeger(url: str, **more: object) -> BackendSpans:
    return BackendSpans(Backend("jaeger", url, **more))  # type: ignore[arg-type]


def recorded(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


def facts(spans: Sequence[Span]) -> list[tuple[str, str, str, str, bool, str]]:
    by_id = {span.span_id: span.name for span in spans}
    return [(s.service, s.kind, s.name, by_id.get(s.parent_id, ""), s.error, s.message) for s in spans]


EXPECTED = [
    ("orders", "server", "POST /orders", "", False, ""),
    ("orders", "client", "POST", "POST /orders", False, ""),
    ("payments", "server", "POST /charge", "POST", True, "card refused"),
    ("orders", "producer", "send", "POST /orders", False, ""),
]


@pytest.mark.parametrize("version", ["v3", "v1"])
def test_both_apis_of_jaeger_say_the_same(web: Web, version: str) -> None:
    if version == "v3":
        web.routes[f"GET /api/v3/traces/{TRACE}"] = lambda seen: Reply(200, recorded("jaeger_1_76_api_v3_traces.json"))
    else:
        web.routes[f"GET /api/traces/{TRACE}"] = lambda seen: Reply(200, recorded("jaeger_1_76_api_traces.json"))
    backend = jaeger(web.url)
    spans = backend.trace(TRACE)
    assert facts(spans) == EXPECTED
    charge = next(span for span in spans if span.service == "payments")
    assert charge.attributes["exception.type"] == "ValueError"
    assert charge.attributes["service.version"] == "1.2.3"
    assert charge.attributes["ok"] == "true"
    assert json.loads(charge.attributes["tags"]) == ["a", "b"]
    assert charge.links == (f"{TRACE}/{spans[0].span_id}",)
    assert spans[0].attributes["http.response.status_code"] == "500"
    backend.trace(TRACE)
    assert len(web.seen) == (2 if version == "v3" else 3)


def test_a_trace_that_is_not_there_yet_has_no_spans(web: Web) -> None:
    web.on(f"GET /api/v3/traces/{TRACE}", 404, NONE_V3)
    web.on(f"GET /api/traces/{TRACE}", 404, NONE)
    assert jaeger(web.url).trace(TRACE) == ()


def tempo_trace() -> dict[str, object]:
    """The protobuf's own JSON form, as Tempo writes it: base64 ids, names of kinds."""
    data = TracesData()
    resource = data.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "orders"
    span = resource.scope_spans.add().spans.add(trace_id=bytes.fromhex(TRACE), span_id=b"\1" * 8, name="GET /x")
    span.parent_span_id, span.kind = b"\2" * 8, 2
    span.start_time_unix_nano, span.end_time_unix_nano = 5, 9
    span.status.code = 2
    span.attributes.add(key="http.response.status_code").value.int_value = 503
    span.links.add(trace_id=b"\3" * 16, span_id=b"\4" * 8)
    return MessageToDict(data)


@pytest.mark.parametrize("form", ["v2", "v1", "old"])
def test_tempo_by_its_protocol_with_tenant_and_token(web: Web, form: str) -> None:
    trace = tempo_trace()
    body: object = {"trace": trace, "metrics": {}, "status": "COMPLETE"} if form == "v2" else trace
    if form == "old":
        resource = trace["resourceSpans"][0]  # type: ignore[index]
        body = {"batches": [{"resource": resource["resource"], "instrumentationLibrarySpans": resource["scopeSpans"]}]}
    web.on(f"GET /api/{'v2/' if form == 'v2' else ''}traces/{TRACE}", 200, body)
    table = {"tempo": f"{web.url}/", "tenant": "team-a", "headers": {"Authorization": "Bearer ${TOKEN}"}}
    backend = telemetry_settings(table).backend
    assert backend is not None
    (span,) = BackendSpans(backend, backend.sent({"TOKEN": "t0p"})).trace(TRACE)
    assert (span.trace_id, span.span_id, span.parent_id) == (TRACE, "01" * 8, "02" * 8)
    assert (span.service, span.kind, span.error, span.duration_ns) == ("orders", "server", True, 4)
    assert span.attributes["http.response.status_code"] == "503"
    assert span.links == (f"{'03' * 16}/{'04' * 8}",)
    assert web.seen[-1].headers["x-scope-orgid"] == "team-a"
    assert web.seen[-1].headers["authorization"] == "Bearer t0p"


def test_answers_in_pieces_and_packed_are_understood(web: Web) -> None:
    document = json.loads(recorded("jaeger_1_76_api_v3_traces.json"))
    parts = [{"result": {"resourceSpans": [one]}} for one in document["result"]["resourceSpans"]]
    body = gzip.compress(b"\n".join(json.dumps(part).encode() for part in parts))
    web.routes[f"GET /api/v3/traces/{TRACE}"] = lambda seen: Reply(200, body, {"content-encoding": "gzip"})
    assert facts(jaeger(web.url).trace(TRACE)) == EXPECTED


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (401, b"", UserError, "answers 401"),
        (403, b"", UserError, "answers 403"),
        (400, b"no such thing", UserError, "answers 400 to a request for spans: no such thing"),
        (503, b"", UnavailableError, "answers 503"),
        (200, b"<html>", UserError, "is not spans"),
        (200, b'{"result": []}{', UserError, "is not spans"),
        (200, b'{"result": {"resourceSpans": 7}}', UserError, "is not spans"),
        (200, b'{"result": {"resourceSpans": [{"scopeSpans": [7]}]}}', UserError, "is not spans"),
        (200, b"[" * 100_000, UserError, "is not spans"),
        (302, b"", UserError, "answers 302"),
    ],
)
def test_what_is_no_answer_is_said(web: Web, status: int, body: bytes, error: type[Exception], says: str) -> None:
    web.routes[f"GET /api/v3/traces/{TRACE}"] = lambda seen: Reply(status, body)
    with pytest.raises(error, match=says):
        jaeger(web.url).trace(TRACE)


def test_servers_that_are_down_hang_or_talk_nonsense() -> None:
    with pytest.raises(UnavailableError, match="connection refused"):
        jaeger(f"http://127.0.0.1:{unused_port()}").trace(TRACE)
    nonsense = raw_server(lambda connection: connection.sendall(b"!!! nonsense\r\n\r\n"))
    with nonsense as port, pytest.raises(UnavailableError, match="does not answer in HTTP"):
        jaeger(f"http://127.0.0.1:{port}").trace(TRACE)

    def drips(connection: socket.socket) -> None:
        connection.recv(9999)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        try:
            for _ in range(100):
                connection.sendall(b" ")
                time.sleep(0.05)
        except OSError:
            return

    with raw_server(drips) as port, pytest.raises(UnavailableError, match=r"no answer within 0\.4s"):
        jaeger(f"http://127.0.0.1:{port}", timeout=0.4).trace(TRACE)


def test_a_flow_that_waits_does_not_flood_the_server_and_stands_a_short_outage(web: Web) -> None:
    answers = iter([(404, b"{}"), (404, b"{}"), (503, b""), (200, recorded("jaeger_1_76_api_v3_traces.json"))])
    web.routes[f"GET /api/v3/traces/{TRACE}"] = lambda seen: Reply(*next(answers))

    async def asked() -> tuple[int, int]:
        source = FetchedSpans(jaeger(web.url))
        reads = 0
        while not await source.caused(TRACE):
            reads += 1
            await asyncio.sleep(0.01)
        return reads, len(web.seen)

    reads, requests = asyncio.run(asked())
    assert reads > 20
    assert requests <= 6


def test_an_outage_that_lasts_is_an_error_and_no_absence(web: Web) -> None:
    web.on(f"GET /api/v3/traces/{TRACE}", 503)

    async def asked() -> None:
        source = FetchedSpans(jaeger(web.url))
        while True:
            assert not await source.caused(TRACE)
            await asyncio.sleep(0.05)

    with pytest.raises(UnavailableError, match="503"):
        asyncio.run(asyncio.wait_for(asked(), 10))


def test_sources_are_joined_and_a_span_counts_once() -> None:
    here, there = SpanStore(), SpanStore()
    spans = [Span(TRACE, f"{n:016x}", "", "s", "server", f"n{n}", n, 1) for n in (1, 2, 3)]
    here.add(spans[:2])
    there.add(spans[1:])
    joined = JoinedSpans((ReceivedSpans(here, "here"), ReceivedSpans(there, "there")))
    assert [span.name for span in asyncio.run(joined.caused(TRACE))] == ["n1", "n2", "n3"]
    assert joined.where == "here and there"


def test_after_a_run_spans_are_asked_for_until_no_more_come(web: Web) -> None:
    document = json.loads(recorded("jaeger_1_76_api_v3_traces.json"))
    all_spans = document["result"]["resourceSpans"]
    answers = [404, all_spans[:1], all_spans, all_spans]

    def answer(seen: object) -> Reply:
        found = answers.pop(0)
        return Reply(404, NONE_V3) if found == 404 else Reply(200, {"result": {"resourceSpans": found}})

    web.routes[f"GET /api/v3/traces/{TRACE}"] = answer
    assert len(settled(jaeger(web.url), [TRACE], 10)) == 4
    assert answers == []
    with pytest.raises(UnavailableError, match="refused"):
        settled(jaeger(f"http://127.0.0.1:{unused_port()}"), [TRACE], 0.3)
    assert settled(jaeger(web.url), [], 10) == []


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"jeager": "http://x"}, "did you mean 'jaeger'"),
        ({"jaeger": "x"}, "must be an address"),
        ({"jaeger": "http://[::1"}, "must be an address"),
        ({"jaeger": "http://u:p@x"}, "holds a password"),
        ({"jaeger": "http://x", "tempo": "http://y"}, "exclude each other"),
        ({"tenant": "a"}, "needs 'jaeger' or 'tempo'"),
        ({"tempo": "http://x", "tenant": 7}, "tenant must be a text"),
        ({"tempo": "http://x", "headers": {"a b": "c"}}, "cannot be sent"),
        ({"tempo": "http://x", "headers": {"a": "c\r\nd"}}, "cannot be sent"),
        ({"receive": "4318"}, "must be written"),
        ({"receive_grpc": "localhost:99999"}, "must be written"),
        ({"timeout": 0}, "must be seconds"),
        ({"wait": True}, "must be seconds"),
    ],
)
def test_settings_that_do_not_fit_are_said(table: dict[str, object], says: str) -> None:
    with pytest.raises(UserError) as error:
        telemetry_settings(table)
    assert says in f"{error.value.message} {error.value.hint}"


def test_a_header_whose_variable_is_not_set_is_the_users_to_set() -> None:
    backend = telemetry_settings({"tempo": "http://x", "headers": {"Authorization": "Bearer ${TOKEN}"}}).backend
    assert backend is not None
    with pytest.raises(UserError, match=r"needs \$\{TOKEN\}, which is not set"):
        backend.sent({})
