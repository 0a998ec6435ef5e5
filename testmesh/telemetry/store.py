"""The spans of recent traces in bounded memory, for joining them to the run that caused them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from graph.spans import Span


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept.

    Args:
        spans: in all; the oldest traces go first.
        trace: of one trace; what is beyond is dropped.
    """

    spans: int = 200_000
    trace: int = 10_000


@dataclass(slots=True)
class _Trace:
    spans: dict[str, Span] = field(default_factory=dict)


class SpanStore:
    """Spans by trace, oldest trace first; safe to use from several threads.

    Args:
        bounds: how much is kept.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._count = 0
        self._changed = threading.Condition()

    def add(self, spans: Sequence[Span]) -> int:
        """Keep spans; the same span again replaces itself. Returns how many were kept.

        Args:
            spans: any order.
        """
        with self._changed:
            kept = sum(self._keep(span) for span in spans)
            while self._count > self._bounds.spans:
                _, oldest = self._traces.popitem(last=False)
                self._count -= len(oldest.spans)
            self._changed.notify_all()
        return kept

    def trace(self, trace_id: str) -> Sequence[Span]:
        """The spans of one trace known so far, by start.

        Args:
            trace_id: 32 hex.
        """
        with self._changed:
            found = self._traces.get(trace_id)
            spans = list(found.spans.values()) if found else []
        return sorted(spans, key=lambda span: (span.start_ns, span.span_id))

    def settle(self, trace_ids: Collection[str], quiet: float = 0.4, limit: float = 3.0) -> bool:
        """Wait until every trace has spans and none came for `quiet` seconds, because services send them late.

        Args:
            trace_ids: those of a run.
            quiet: seconds without news.
            limit: seconds at most; False when it was reached.
        """
        deadline = time.monotonic() + limit
        with self._changed:
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                news = self._changed.wait(min(quiet, left))
                if not news and all(trace_id in self._traces for trace_id in trace_ids):
                    return True

    def __len__(self) -> int:
        return self._count

    def _keep(self, span: Span) -> bool:
        trace = self._traces.setdefault(span.trace_id, _Trace())
        new = span.span_id not in trace.spans
        if new and len(trace.spans) >= self._bounds.trace:
            return False
        trace.spans[span.span_id] = span
        self._count += new
        return True
