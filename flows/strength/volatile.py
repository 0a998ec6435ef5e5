"""What differs from run to run by nature, so that no flow is blamed for not checking its value."""

from __future__ import annotations

import re
from decimal import Decimal

from flows.strength.places import Place
from graph.runs import Json

_NAME = re.compile(
    r"(^|_)(ids?|uuid|guid|ulid|token|nonce|time|timestamp|ts|date|datetime|etag|hash|digest|checksum|signature|trace"
    r"|span|offset|partition|seed|duration|elapsed|latency|at|on|until|since|expires|modified|hostname|pid|port"
    r"|sequence|seq|cursor|version_?id|ms|millis|micros|nanos|ns|seconds|uptime|took|age|ttl|expires_in|random|salt"
    r"|session|commit|sha|traceparent|otp)$"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SHAPES = (
    ("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.I),
    (r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d", 0),
    (r"^\d{4}-\d\d-\d\d$", 0),
    (r"^\d{13}-\d+$", 0),
    ("^[0-9A-HJKMNP-TV-Z]{26}$", 0),
    ("^[0-9a-f]{16,}$", re.I),
    (r"^eyJ[\w-]+\.[\w-]+\.", 0),
    (r"^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} ", 0),
)
_PATTERNS = tuple((text, re.compile(text, flags)) for text, flags in _SHAPES)
_ADDRESS = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]|//[^/\s:@]+):\d{2,5}")
_READABLE = re.compile(r"^\d{4}-\d\d-\d\d")
_EPOCH = ((1_400_000_000, 2_200_000_000), (1_400_000_000_000, 2_200_000_000_000))
# fmt: off
FIELDS = frozenset({"duration_ms", "time", "url", "attempts", "traceparent", "at_ms", "latency_ms", "n", "port", "host",
                    "base_url", "contract", "sent"})
# fmt: on
"""Fields of results that say how the exchange went, not what the system did."""
# fmt: off
HEADERS = frozenset(
    {
        "date", "server", "connection", "content-length", "transfer-encoding", "keep-alive", "vary", "etag",
        "last-modified", "age", "expires", "set-cookie", "cookie", "via", "traceparent", "tracestate",
        "x-request-id", "x-correlation-id", "x-powered-by", "x-runtime", "x-amz-request-id", "x-amz-id-2", "alt-svc",
        "strict-transport-security", "accept-ranges", "content-encoding", "x-process-time", "x-trace-id",
        "authorization", "proxy-authenticate",
    }
)
# fmt: on
"""Headers that servers and proxies set by themselves."""


def by_name(place: Place) -> bool:
    """Whether the field's name says that its value is made anew each time (an id, an instant, a duration).

    Args:
        place: in a result.
    """
    names = [part for part in place if isinstance(part, str)]
    return bool(names) and _NAME.search(_CAMEL.sub("_", names[-1]).replace("-", "_").lower()) is not None


def pattern(value: Json) -> str:
    """A regex for instants and dates of this value's form; empty for other values.

    Args:
        value: of a field.
    """
    return _shape(value) if isinstance(value, str) and _READABLE.match(value) else ""


def _shape(value: str) -> str:
    """The form of a text that is made anew each time: UUID, instant, ULID, hash, signed token."""
    return next((text for text, compiled in _PATTERNS if compiled.search(value)), "")


def volatile(place: Place, value: Json) -> bool:
    """Whether another run would answer another value here, as far as name and value tell.

    Args:
        place: in a result.
        value: there.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return False
    if isinstance(value, str):
        return bool(_shape(value)) or _ADDRESS.search(value) is not None or by_name(place)
    return by_name(place) or any(low <= value <= high for low, high in _EPOCH)
