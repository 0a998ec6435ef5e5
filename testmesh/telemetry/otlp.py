"""OTLP/HTTP bodies (protobuf or JSON, gzip or not) as spans; what is malformed is counted, never guessed at."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from graph.spans import Span
from testmesh.kernel.errors import LimitExceeded, MissingExtra, UserError

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
MEDIA_TYPES = (PROTOBUF, JSON)
KEPT_OF_RESOURCE = ("service.version", "vcs.ref.head.revision", "vcs.repository.ref.revision", "git.commit.sha")
MAX_BYTES = 64 << 20
MAX_SPANS = 100_000
MAX_ATTRIBUTES = 128
MAX_LINKS = 1000
MAX_TEXT = 8192
_CHUNK = 1 << 16
_HEX = re.compile("[0-9a-f]+").fullmatch
_KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
_ERROR = 2


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request carried.

    Args:
        spans: those that could be read.
        rejected: those that could not: no valid id, or more than the limit.
    """

    spans: tuple[Span, ...]
    rejected: int = 0


def inflate(body: bytes, encoding: str, limit: int = MAX_BYTES) -> bytes:
    """A request body without its Content-Encoding.

    Args:
        body: as received.
        encoding: the header's value.
        limit: bytes allowed to come out.

    Raises:
        UserError: an unknown encoding, or not what the header says.
        LimitExceeded: it inflates to more than `limit`.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in ("gzip", "deflate"):
        raise UserError(f"Content-Encoding '{name}' is not understood", hint="use gzip or none")
    engine = zlib.decompressobj(wbits=47)
    out = bytearray()
    try:
        while body and not engine.eof:
            out += engine.decompress(body, _CHUNK)
            body = engine.unconsumed_tail
            if len(out) > limit:
                raise LimitExceeded(f"the body is larger than {limit} bytes when inflated")
    except zlib.error as error:
        raise UserError(f"the body is not {name}: {error}") from error
    if not engine.eof:
        raise UserError(f"the {name} body ends early")
    return bytes(out)


def decode(body: bytes, content_type: str) -> Batch:
    """The spans of an ExportTraceServiceRequest (OTLP 1.x).

    Args:
        body: without Content-Encoding.
        content_type: the header's value.

    Raises:
        UserError: neither of OTLP's media types, or not such a message.
        MissingExtra: protobuf without the extra `server`.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media == JSON:
        return _decode_json(body)
    if media == PROTOBUF:
        return _decode_protobuf(body)
    raise UserError(f"'{media}' is not a media type of OTLP", hint=f"send {PROTOBUF} or {JSON}")


def success(batch: Batch, content_type: str) -> bytes:
    """The body of the answer to a request, in the request's own media type.

    Args:
        batch: what was read of it.
        content_type: of the request.
    """
    message = f"{batch.rejected} spans without valid ids, or beyond {MAX_SPANS} in one request"
    if content_type.partition(";")[0].strip().lower() == JSON:
        partial = {"rejectedSpans": str(batch.rejected), "errorMessage": message}
        return json.dumps({"partialSuccess": partial} if batch.rejected else {}).encode()
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    response = ExportTraceServiceResponse()
    if batch.rejected:
        response.partial_success.rejected_spans = batch.rejected
        response.partial_success.error_message = message
    return response.SerializeToString()


def _decode_protobuf(body: bytes) -> Batch:
    try:
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    except ModuleNotFoundError as error:
        raise MissingExtra("opentelemetry.proto", "server") from error
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise UserError("the body is not an OTLP trace request") from error
    spans: list[Span] = []
    rejected = 0
    for resource in request.resource_spans:
        about = _about(_attributes(resource.resource.attributes))
        for scope in resource.scope_spans:
            for raw in scope.spans:
                if len(spans) >= MAX_SPANS or not (_id(raw.trace_id, 16) and _id(raw.span_id, 8)):
                    rejected += 1
                    continue
                spans.append(_span(raw, about))
    return Batch(tuple(spans), rejected)


class _Resource(NamedTuple):
    """What the resource of spans says that every one of them keeps."""

    service: str
    kept: Mapping[str, str]


def _about(attributes: Mapping[str, str]) -> _Resource:
    kept = {key: attributes[key] for key in KEPT_OF_RESOURCE if key in attributes}
    return _Resource(attributes.get("service.name", "unknown_service"), kept)


def _id(raw: bytes, length: int) -> bool:
    return len(raw) == length and raw.count(0) != length


def _span(raw: ProtoSpan, about: _Resource) -> Span:
    attributes = _attributes(raw.attributes)
    message = raw.status.message
    error = raw.status.code == _ERROR
    for event in raw.events:
        if event.name == "exception":
            attributes |= _attributes(event.attributes)
            message = message or attributes.get("exception.message", "")
    for key, value in about.kept.items():
        attributes.setdefault(key, value)
    kind = raw.kind
    return Span(
        raw.trace_id.hex(),
        raw.span_id.hex(),
        raw.parent_span_id.hex(),
        about.service,
        _KINDS[kind] if 0 <= kind < len(_KINDS) else "internal",
        raw.name[:MAX_TEXT],
        raw.start_time_unix_nano,
        max(0, raw.end_time_unix_nano - raw.start_time_unix_nano),
        error,
        message[:MAX_TEXT],
        attributes,
        _links(raw) if raw.links else (),
    )


def _links(raw: ProtoSpan) -> tuple[str, ...]:
    usable = (link for link in raw.links if _id(link.trace_id, 16) and _id(link.span_id, 8))
    return tuple(f"{link.trace_id.hex()}/{link.span_id.hex()}" for link in islice(usable, MAX_LINKS))


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        if len(found) >= MAX_ATTRIBUTES:
            break
        value = pair.value
        found[pair.key] = (value.string_value or _text(value))[:MAX_TEXT]
    return found


def _text(value: AnyValue) -> str:
    which = value.WhichOneof("value")
    if which == "int_value":
        return str(value.int_value)
    if which == "bool_value":
        return "true" if value.bool_value else "false"
    if which == "double_value":
        return repr(value.double_value)
    if which == "bytes_value":
        return value.bytes_value.hex()
    if which == "array_value":
        return json.dumps([_text(item) or item.string_value for item in value.array_value.values])
    if which == "kvlist_value":
        return json.dumps(_attributes(value.kvlist_value.values))
    return ""


def _decode_json(body: bytes) -> Batch:
    try:
        request = json.loads(body)
        return read_json(request)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise UserError(f"the body is not an OTLP trace request in JSON: {error}") from error


def read_json(request: Any) -> Batch:
    """The spans of a parsed request.

    Args:
        request: JSON-shaped; ValueError, TypeError, AttributeError or KeyError when it is no such request.
    """
    spans: list[Span] = []
    rejected = 0
    for resource in _items(request, "resourceSpans"):
        about = _about(_json_attributes(_items(resource.get("resource") or {}, "attributes")))
        for scope in _items(resource, "scopeSpans"):
            for raw in _items(scope, "spans"):
                ids = (str(raw.get("traceId", "")).lower(), str(raw.get("spanId", "")).lower())
                if len(spans) >= MAX_SPANS or not (_hex(ids[0], 32) and _hex(ids[1], 16)):
                    rejected += 1
                    continue
                spans.append(_json_span(raw, ids, about))
    return Batch(tuple(spans), rejected)


def _items(holder: Any, name: str) -> list[Any]:
    found = holder.get(name) or []
    if not isinstance(found, list):
        raise TypeError(f"`{name}` is not a list")
    return found


def _hex(text: str, length: int) -> bool:
    return len(text) == length and _HEX(text) is not None and text.count("0") != length


def _json_span(raw: Mapping[str, Any], ids: tuple[str, str], about: _Resource) -> Span:
    attributes = _json_attributes(_items(raw, "attributes"))
    status = raw.get("status") or {}
    message = str(status.get("message", ""))
    for event in _items(raw, "events"):
        if event.get("name") == "exception":
            attributes |= _json_attributes(_items(event, "attributes"))
            message = message or attributes.get("exception.message", "")
    for key, value in about.kept.items():
        attributes.setdefault(key, value)
    start = int(raw.get("startTimeUnixNano", 0))
    return Span(
        ids[0],
        ids[1],
        str(raw.get("parentSpanId") or "").lower(),
        about.service,
        _kind(raw.get("kind")),
        str(raw.get("name", ""))[:MAX_TEXT],
        start,
        max(0, int(raw.get("endTimeUnixNano", 0)) - start),
        status.get("code") in (_ERROR, "STATUS_CODE_ERROR"),
        message[:MAX_TEXT],
        attributes,
        _json_links(_items(raw, "links")),
    )


def _kind(value: object) -> str:
    """OTLP writes enums as numbers; senders that use protobuf's own JSON write their names."""
    if isinstance(value, str):
        word = value.removeprefix("SPAN_KIND_").lower()
        return word if word in _KINDS else "internal"
    return _KINDS[value] if isinstance(value, int) and 0 <= value < len(_KINDS) else "internal"


def _json_links(links: list[Any]) -> tuple[str, ...]:
    found = []
    for link in links[:MAX_LINKS]:
        ids = str(link.get("traceId", "")).lower(), str(link.get("spanId", "")).lower()
        if _hex(ids[0], 32) and _hex(ids[1], 16):
            found.append("/".join(ids))
    return tuple(found)


def _json_attributes(pairs: list[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs[:MAX_ATTRIBUTES]:
        value = pair.get("value") or {}
        text = value.get("stringValue")
        found[str(pair["key"])] = (text if type(text) is str else _json_text(value))[:MAX_TEXT]
    return found


def _json_text(value: Mapping[str, Any]) -> str:
    for name, found in value.items():
        if name == "boolValue":
            return "true" if found else "false"
        if name == "arrayValue":
            return json.dumps([_json_text(item) for item in _items(found, "values")])
        if name == "kvlistValue":
            return json.dumps(_json_attributes(_items(found, "values")))
        return str(found)
    return ""
