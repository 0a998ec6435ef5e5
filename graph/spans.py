"""Spans as the graph needs them, whatever wire format and convention they came in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Span:
    """One operation a service reported (OpenTelemetry trace data model).

    Args:
        trace_id: 32 hex.
        span_id: 16 hex.
        parent_id: 16 hex or empty.
        service: `service.name`.
        kind: internal, server, client, producer or consumer.
        name: span name.
        start_ns: Unix time.
        duration_ns: length.
        error: status code is error.
        message: status message, or the exception's.
        attributes: flat, values as text.
        links: ``<trace id>/<span id>`` of spans in other traces that caused this one too (batches of messages).
    """

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    kind: str
    name: str
    start_ns: int
    duration_ns: int
    error: bool = False
    message: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()


class SpanSource(Protocol):
    """Where the spans of a trace can be had."""

    def trace(self, trace_id: str) -> Iterable[Span]:
        """All spans of one trace known so far."""
        ...


class LiveSpans(Protocol):
    """Where the spans of a flow that still runs can be asked for."""

    @property
    def where(self) -> str:
        """What is asked, for people, without credentials."""
        ...

    async def caused(self, trace_id: str) -> Sequence[Span]:
        """The spans of a trace known so far, by start, with those of other traces that a link ties to it.

        Args:
            trace_id: 32 hex.

        Raises:
            UnavailableError: nobody answers there.
            UserError: it is not what it should be, or refuses.
        """
        ...
