"""A real HTTP service instrumented with the real OpenTelemetry SDK, which sends its spans to a receiver of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, Tracer

from tests.flows.support import Reply, Seen, Web

Work = Callable[[Tracer, Seen], None]


def tracers(endpoint: str, service: str, version: str = "1.0.0") -> TracerProvider:
    """A provider of a service whose batches leave every 30 ms."""
    provider = TracerProvider(resource=Resource({"service.name": service, "service.version": version}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=30))
    return provider


@contextmanager
def traced_service(endpoint: str, work: Work, service: str = "orders") -> Iterator[Web]:
    """`POST /orders` answers 201 at once; `work` then happens in another thread, below the request's span."""
    provider = tracers(endpoint, service)
    tracer = provider.get_tracer("tests")
    web = Web()
    busy: list[threading.Thread] = []

    def create(seen: Seen) -> Reply:
        attributes = {"http.request.method": "POST", "url.path": "/orders", "http.route": "/orders"}
        with tracer.start_as_current_span(
            "POST /orders", extract(dict(seen.headers)), SpanKind.SERVER, attributes
        ) as span:
            span.set_attribute("http.response.status_code", 201)
            thread = threading.Thread(target=work, args=(_Below(tracer, span), seen))
            thread.start()
            busy.append(thread)
        return Reply(201, {"id": 7})

    web.routes["POST /orders"] = create
    try:
        yield web
    finally:
        for thread in busy:
            thread.join()
        web.close()
        provider.shutdown()


class _Below:
    """A tracer whose spans are children of one span, in any thread."""

    def __init__(self, tracer: Tracer, parent: trace.Span) -> None:
        self._tracer, self._context = tracer, trace.set_span_in_context(parent)
        self.parent = parent

    def start_span(self, name: str, kind: SpanKind = SpanKind.INTERNAL, **more: object) -> trace.Span:
        """A started span."""
        return self._tracer.start_span(name, self._context, kind, **more)  # type: ignore[arg-type]

    def linked(self, name: str, **more: object) -> trace.Span:
        """A span of a trace of its own that links to the request's, as a consumer of a batch makes one."""
        link = Link(self.parent.get_span_context())
        return self._tracer.start_span(
            name, trace.set_span_in_context(trace.INVALID_SPAN), SpanKind.CONSUMER, links=[link], **more
        )  # type: ignore[arg-type]


def failed(span: trace.Span, message: str) -> None:
    """Ends a span as failed."""
    span.set_status(Status(StatusCode.ERROR, message))
    span.end()
