"""How many spans become facts on one core, and whether any is lost: `python -m evals.telemetry [TRACES]`."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import cast

from graph.schema import Edge, Evidence, GraphData, Node, node
from testmesh.telemetry.known import Known
from testmesh.telemetry.observe import observe_traces
from testmesh.telemetry.otlp import JSON, PROTOBUF, decode, inflate
from testmesh.telemetry.store import Bounds, SpanStore

GOAL = 30_000
TRACES = 5_000
_TRACES_A_REQUEST = 40
_SAID = (Evidence("code", "eval", "a.py", 1),)
# service, kind, parent (0 = the request), attributes: an order as the sample system handles it.
_SHOP: Sequence[tuple[str, int, int, dict[str, str]]] = (
    ("orders", 2, 0, {"http.request.method": "POST", "url.path": "/orders", "http.route": "/orders"}),
    ("orders", 3, 1, {"db.system": "postgresql", "db.statement": "SELECT * FROM products WHERE id = $1"}),
    ("orders", 3, 1, {"http.request.method": "POST", "url.path": "/charge/42", "server.address": "payments"}),
    ("payments", 2, 3, {"http.request.method": "POST", "url.path": "/charge/42", "http.route": "/charge/{id}"}),
    ("payments", 3, 4, {"db.system": "postgresql", "db.statement": "INSERT INTO charges (a, b) VALUES ($1, $2)"}),
    ("orders", 3, 1, {"db.system": "postgresql", "db.statement": "INSERT INTO orders (id, total) VALUES ($1, $2)"}),
    ("orders", 1, 1, {"code.function": "price"}),
    ("orders", 4, 1, {"messaging.system": "kafka", "messaging.destination.name": "order.created"}),
    ("mailer", 5, 8, {"messaging.system": "kafka", "messaging.destination.name": "order.created"}),
    ("mailer", 3, 9, {"db.system": "redis", "db.statement": "SET order:7 x"}),
)
_STATUS = {"http.response.status_code": "200", "network.protocol.version": "1.1", "user_agent.original": "eval/1"}


@dataclass(frozen=True, slots=True)
class Speed:
    """One measurement.

    Args:
        name: what was measured.
        spans: how many were sent.
        seen: how many were looked at in the end.
        links: distinct links found.
        calls: calls between services counted.
        seconds: CPU of this process.
    """

    name: str
    spans: int
    seen: int
    links: int
    calls: int
    seconds: float

    @property
    def lost(self) -> int:
        """Spans that were not looked at, and calls that were made and not counted: one in every trace."""
        return self.spans - self.seen + self.spans // len(_SHOP) - self.calls

    def row(self) -> str:
        """For people."""
        return (
            f"{self.name:<28} {self.spans / self.seconds:>9,.0f} spans/s   lost {self.lost}"
            f"   {self.links} links   {self.seconds:.2f} s CPU"
        )


def shop() -> Known:
    """What a scan of the system would know."""
    keys = {
        "orders": ("Service", ("orders",)),
        "payments": ("Service", ("payments",)),
        "mailer": ("Service", ("mailer",)),
        "create": ("Endpoint", ("orders", "http", "POST", "/orders")),
        "charge": ("Endpoint", ("payments", "http", "POST", "/charge/{}")),
        "created": ("Topic", ("kafka", "order.created")),
        "products": ("Dataset", ("postgres", "shop", "products")),
        "table": ("Dataset", ("postgres", "shop", "orders")),
        "charges": ("Dataset", ("postgres", "shop", "charges")),
        "cache": ("Dataset", ("redis", "", "order:{}")),
    }
    nodes: dict[str, Node] = {name: node("w", kind, key, evidence=_SAID) for name, (kind, key) in keys.items()}
    edge = Edge("OWNS", nodes["orders"].uid, nodes["create"].uid, {}, _SAID)
    return Known(GraphData({n.uid: n for n in nodes.values()}, {edge.id: edge}), "w")


def requests(traces: int) -> Iterator[bytes]:
    """Export requests in protobuf, each with the spans of some traces, service by service.

    Args:
        traces: how many in all.
    """
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    for start in range(0, traces, _TRACES_A_REQUEST):
        request = ExportTraceServiceRequest()
        for service in ("orders", "payments", "mailer"):
            resource = request.resource_spans.add()
            resource.resource.attributes.add(key="service.name").value.string_value = service
            spans = resource.scope_spans.add().spans
            for trace in range(start, min(start + _TRACES_A_REQUEST, traces)):
                for number, (owner, kind, parent, attributes) in enumerate(_SHOP, 1):
                    if owner == service:
                        span = spans.add(
                            trace_id=(trace + 1).to_bytes(16, "big"),
                            span_id=(trace * 16 + number).to_bytes(8, "big"),
                            parent_span_id=(trace * 16 + parent).to_bytes(8, "big") if parent else b"\1" * 8,
                            name=f"{owner} {number}",
                            kind=kind,
                            start_time_unix_nano=1_700_000_000_000_000_000 + trace,
                            end_time_unix_nano=1_700_000_000_001_000_000 + trace,
                        )
                        for key, value in {**attributes, **_STATUS}.items():
                            span.attributes.add(key=key).value.string_value = value
        yield request.SerializeToString()


def as_json(body: bytes) -> bytes:
    """The same request in OTLP's JSON: ids in hex, not base64.

    Args:
        body: protobuf.
    """
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest.FromString(body)
    data = MessageToDict(request, use_integers_for_enums=True)
    for resource, raw in zip(data["resourceSpans"], request.resource_spans, strict=True):
        for span, original in zip(resource["scopeSpans"][0]["spans"], raw.scope_spans[0].spans, strict=True):
            span["traceId"], span["spanId"] = original.trace_id.hex(), original.span_id.hex()
            span["parentSpanId"] = original.parent_span_id.hex()
    return json.dumps(data).encode()


def observed(name: str, store: SpanStore, spans: int, since: float) -> Speed:
    """From kept spans to links.

    Args:
        name: what is measured.
        store: with all spans.
        spans: how many were sent.
        since: CPU seconds at the start.
    """
    found = observe_traces(store.take_quiet(0), shop(), "2026-01-01T00:00:00Z")
    calls = sum(int(edge.props["seen"]) for edge in found.data.edges.values() if edge.kind == "CALLS")
    return Speed(name, spans, found.spans, len(found.data.edges), calls, time.process_time() - since)


def decoding(name: str, bodies: Sequence[bytes], media: str, encoding: str = "") -> Speed:
    """Bytes to links without a network.

    Args:
        name: what is measured.
        bodies: of requests.
        media: their content type.
        encoding: their content encoding.
    """
    store = SpanStore(Bounds(spans=10_000_000))
    since = time.process_time()
    sent = 0
    for body in bodies:
        batch = decode(inflate(body, encoding), media)
        sent += len(batch.spans)
        store.add(batch.spans)
    return observed(name, store, sent, since)


def send_http(endpoint: str, bodies: Sequence[bytes]) -> None:
    """Another process: everything over one kept connection.

    Args:
        endpoint: of the receiver.
        bodies: protobuf.
    """
    import http.client

    client = http.client.HTTPConnection(endpoint.removeprefix("http://"))
    for body in bodies:
        client.request("POST", "/v1/traces", body, {"Content-Type": PROTOBUF})
        if client.getresponse().read() != b"":
            raise RuntimeError("spans were refused")
    client.close()


def send_grpc(endpoint: str, bodies: Sequence[bytes]) -> None:
    """Another process: everything over one channel.

    Args:
        endpoint: of the receiver.
        bodies: protobuf.
    """
    import grpc

    from testmesh.telemetry.grpc_receiver import EXPORT

    with grpc.insecure_channel(endpoint.removeprefix("http://")) as channel:
        call = cast("Callable[[bytes], bytes]", channel.unary_unary(EXPORT))
        for body in bodies:
            if call(body) != b"":
                raise RuntimeError("spans were refused")


def _pool() -> ProcessPoolExecutor:
    """A clean process: gRPC does not survive a fork."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


async def received(name: str, bodies: Sequence[bytes], send: Callable[[str, Sequence[bytes]], None]) -> Speed:
    """Bytes of another process, through a receiver, to links.

    Args:
        name: http or grpc.
        bodies: protobuf.
        send: the client, run in another process.
    """
    from testmesh.telemetry.grpc_receiver import GrpcReceiver
    from testmesh.telemetry.receiver import Receiver

    store = SpanStore(Bounds(spans=10_000_000))
    with (GrpcReceiver if name == "grpc" else Receiver)(store) as receiver, _pool() as pool:
        await asyncio.get_running_loop().run_in_executor(pool, send, receiver.endpoint, bodies[:1])
        since = time.process_time()
        await asyncio.get_running_loop().run_in_executor(pool, send, receiver.endpoint, bodies)
        spent = time.process_time() - since
    sent = sum(len(decode(body, PROTOBUF).spans) for body in bodies)
    return observed(f"received over {name}", store, sent, time.process_time() - spent)


def main() -> int:
    """Measures all ways in; 1 when a span was lost or a goal missed."""
    import gzip

    traces = int(sys.argv[1]) if len(sys.argv) > 1 else TRACES
    bodies = list(requests(traces))
    texts = [as_json(body) for body in bodies]
    packed = [gzip.compress(body) for body in bodies]
    decoding("warm up", bodies[:2], PROTOBUF)
    found = [
        decoding("protobuf", bodies, PROTOBUF),
        decoding("protobuf, gzip", packed, PROTOBUF, "gzip"),
        decoding("JSON", texts, JSON),
        asyncio.run(received("http", bodies, send_http)),
        asyncio.run(received("grpc", bodies, send_grpc)),
    ]
    for speed in found:
        print(speed.row())
    missed = [s.name for s in found if s.lost or s.spans / s.seconds < GOAL]
    print(f"goal {GOAL:,}/s and 0 lost: {'met by all' if not missed else 'missed by ' + ', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
