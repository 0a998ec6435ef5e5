"""Answers of servers that keep spans, Jaeger's and Tempo's, as spans."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from graph.spans import Span
from testmesh.kernel.errors import UserError
from testmesh.telemetry.otlp import KEPT_OF_RESOURCE, MAX_ATTRIBUTES, MAX_LINKS, MAX_SPANS, MAX_TEXT, read_json


def otlp_answer(body: bytes, what: str) -> tuple[Span, ...]:
    """Spans of an answer in OTLP's JSON, as Jaeger (v3) and Tempo (v1, v2) give it.

    Jaeger wraps it in ``result`` and may give several documents, one after the other; Tempo wraps it in ``trace``,
    calls the list ``batches`` in older versions, and writes ids in base64 as protobuf's JSON does.

    Args:
        body: of the answer.
        what: whose, for people.

    Raises:
        UserError: it is no such answer.
    """
    spans: list[Span] = []
    try:
        for document in _documents(body):
            inner = document.get("result") or document.get("trace") or document
            resources = inner.get("resourceSpans") or inner.get("batches") or []
            spans += read_json({"resourceSpans": [_resource(r) for r in resources]}).spans
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise UserError(f"the answer of {what} is not spans in OTLP's JSON: {error}") from error
    return tuple(spans[:MAX_SPANS])


def _documents(body: bytes) -> Iterator[Mapping[str, Any]]:
    text = body.decode("utf-8").strip()
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        if not isinstance(document, dict):
            raise TypeError("not an object")
        yield document
        while at < len(text) and text[at].isspace():
            at += 1


def _resource(raw: Mapping[str, Any]) -> dict[str, Any]:
    scopes = raw.get("scopeSpans") or raw.get("instrumentationLibrarySpans") or []
    return {**raw, "scopeSpans": [{"spans": [_plain(span) for span in scope.get("spans") or []]} for scope in scopes]}


def _plain(span: Mapping[str, Any]) -> dict[str, Any]:
    """A span with ids in hex."""
    found = {**span, "traceId": _hex(span.get("traceId"), 16), "spanId": _hex(span.get("spanId"), 8)}
    found["parentSpanId"] = _hex(span.get("parentSpanId"), 8)
    links = span.get("links") or []
    found["links"] = [{"traceId": _hex(x.get("traceId"), 16), "spanId": _hex(x.get("spanId"), 8)} for x in links]
    return found


def _hex(text: object, size: int) -> str:
    if not isinstance(text, str) or len(text) == size * 2 or not text:
        return text if isinstance(text, str) else ""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text
    return raw.hex() if len(raw) == size else text


def jaeger_answer(body: bytes, what: str) -> tuple[Span, ...]:
    """Spans of an answer of Jaeger's ``/api/traces/{id}``.

    Args:
        body: of the answer.
        what: whose, for people.

    Raises:
        UserError: it is no such answer.
    """
    try:
        traces = json.loads(body)["data"] or []
        spans = [
            _jaeger_span(span, trace.get("processes") or {}) for trace in traces for span in trace.get("spans") or []
        ]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise UserError(f"the answer of {what} is not spans in Jaeger's JSON: {error}") from error
    return tuple(spans[:MAX_SPANS])


def _jaeger_span(raw: Mapping[str, Any], processes: Mapping[str, Any]) -> Span:
    trace_id, span_id = str(raw["traceID"]).zfill(32), str(raw["spanID"]).zfill(16)
    attributes = _tags(raw.get("tags") or [])
    process = processes.get(raw.get("processID", ""), {})
    kind = attributes.pop("span.kind", "internal")
    message = attributes.pop("otel.status_description", "")
    error = attributes.pop("error", "") == "true" or attributes.pop("otel.status_code", "") == "ERROR"
    for log in raw.get("logs") or []:
        said = _tags(log.get("fields") or [])
        if said.pop("event", "") == "exception":
            attributes |= said
            message = message or said.get("exception.message", "")
    about = _tags(process.get("tags") or [])
    for key in KEPT_OF_RESOURCE:
        if key in about:
            attributes.setdefault(key, about[key])
    parent, links = _references(raw.get("references") or [], trace_id)
    return Span(
        trace_id,
        span_id,
        parent,
        str(process.get("serviceName") or "unknown_service"),
        kind if kind in ("server", "client", "producer", "consumer") else "internal",
        str(raw.get("operationName", ""))[:MAX_TEXT],
        int(raw.get("startTime", 0)) * 1000,
        max(0, int(raw.get("duration", 0))) * 1000,
        error,
        message,
        attributes,
        links,
    )


def _references(found: list[Mapping[str, Any]], trace_id: str) -> tuple[str, tuple[str, ...]]:
    """Parent and links: the first CHILD_OF of the same trace is the parent, everything else a link."""
    parent = ""
    links: list[str] = []
    for reference in found[:MAX_LINKS]:
        trace, span = str(reference["traceID"]).zfill(32), str(reference["spanID"]).zfill(16)
        if not parent and reference.get("refType") == "CHILD_OF" and trace == trace_id:
            parent = span
        else:
            links.append(f"{trace}/{span}")
    return parent, tuple(links)


def _tags(pairs: list[Mapping[str, Any]]) -> dict[str, str]:
    return {str(pair["key"]): _text(pair.get("value"))[:MAX_TEXT] for pair in pairs[:MAX_ATTRIBUTES]}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)
