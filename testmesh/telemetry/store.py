"""The spans of recent traces in bounded memory, for joining them to the run that caused them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from graph.spans import Span

_OF_A_LINK = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept.

    Args:
        spans: in all; the oldest traces go first.
        trace: of one trace; what is beyond is dropped.
        text: characters of attributes, names, messages and links in all; the oldest traces go first.
    """

    spans: int = 200_000
    trace: int = 10_000
    text: int = 256 << 20


@dataclass(slots=True)
class _Trace:
    spans: dict[str, Span] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    changed: float = 0.0
    text: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """A trace of which no news came for a while, given once.

    Args:
        spans: all that is known of it, with what links tie to it.
        counted: ids of those that were given before, because more came since.
    """

    spans: Sequence[Span]
    counted: frozenset[str] = frozenset()


class SpanStore:
    """Spans by trace, oldest trace first; safe to use from several threads.

    Args:
        bounds: how much is kept.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._linked: OrderedDict[str, dict[tuple[str, str], None]] = OrderedDict()
        self._count = 0
        self._text = 0
        self._dropped = 0
        self._changed = threading.Condition()

    @property
    def dropped(self) -> int:
        """Spans that the bounds cost, so that nobody takes what is here for everything."""
        return self._dropped

    def add(self, spans: Sequence[Span]) -> int:
        """Keep spans; the same span again replaces itself. Returns how many were kept.

        Args:
            spans: any order.
        """
        with self._changed:
            kept = sum(self._keep(span) for span in spans)
            while self._count > self._bounds.spans or (self._text > self._bounds.text and len(self._traces) > 1):
                self._forget_oldest()
            while len(self._linked) > self._bounds.spans:
                self._linked.popitem(last=False)
            self._changed.notify_all()
        return kept

    def trace(self, trace_id: str) -> Sequence[Span]:
        """The spans of a trace, and those of other traces below a span that a link ties to it, by start.

        Args:
            trace_id: 32 hex.
        """
        with self._changed:
            found = self._traces.get(trace_id)
            spans = dict(found.spans) if found else {}
            spans |= dict(self._below_links(trace_id))
        return sorted(spans.values(), key=_by_start)

    def trace_ids(self) -> tuple[str, ...]:
        """Every trace of which something is kept, oldest first."""
        with self._changed:
            return tuple(self._traces)

    def take_quiet(self, seconds: float, but: Collection[str] = ()) -> list[Taken]:
        """The traces without news for so long, each span as new once; memory is not freed by it.

        Args:
            seconds: of quiet.
            but: trace ids to leave, because they are looked at otherwise.
        """
        before = time.monotonic() - seconds
        found: list[Taken] = []
        with self._changed:
            for trace_id, trace in self._traces.items():
                if len(trace.taken) == len(trace.spans) or trace.changed > before or trace_id in but:
                    continue
                known = frozenset(trace.taken)
                trace.taken |= trace.spans.keys()
                above = (key for span in trace.spans.values() for key in span.links)
                around = {key: span for key in above if (span := self._at(key)) is not None}
                found.append(Taken((*trace.spans.values(), *around.values()), known.union(_ids(around))))
        return found

    def take(self, trace_ids: Collection[str]) -> None:
        """Say that these traces were looked at, so that :meth:`take_quiet` does not give them.

        Args:
            trace_ids: of a run.
        """
        with self._changed:
            for trace_id in trace_ids:
                trace = self._traces.get(trace_id)
                if trace is not None:
                    trace.taken |= trace.spans.keys()

    def untaken(self) -> int:
        """Spans that were not yet given by :meth:`take_quiet`."""
        with self._changed:
            return self._count - sum(len(trace.taken) for trace in self._traces.values())

    def _at(self, key: str) -> Span | None:
        trace_id, _, span_id = key.partition("/")
        trace = self._traces.get(trace_id)
        return trace.spans.get(span_id) if trace is not None else None

    def settle(
        self, trace_ids: Collection[str], quiet: float = 0.4, limit: float = 3.0, patience: float | None = None
    ) -> bool:
        """Wait until every trace has spans and none came for `quiet` seconds, because services send them late.

        Args:
            trace_ids: those of a run.
            quiet: seconds without news.
            limit: seconds at most; False when it was reached.
            patience: seconds without any news after which traces without spans are given up: what sends none never
                will; None = the limit.
        """
        began = news_at = time.monotonic()
        with self._changed:
            while True:
                now = time.monotonic()
                left = began + limit - now
                if left <= 0:
                    return False
                if self._changed.wait(min(quiet, left)):
                    news_at = time.monotonic()
                    continue
                if all(trace_id in self._traces for trace_id in trace_ids):
                    return True
                if patience is not None and time.monotonic() - news_at >= patience:
                    return False

    def __len__(self) -> int:
        return self._count

    def _keep(self, span: Span) -> bool:
        trace = self._traces.get(span.trace_id)
        if trace is None:
            trace = self._traces[span.trace_id] = _Trace()
        old = trace.spans.get(span.span_id)
        new = old is None
        if new and len(trace.spans) >= self._bounds.trace:
            self._dropped += 1
            return False
        trace.spans[span.span_id] = span
        size = _size(span) - (0 if old is None else _size(old))
        trace.text += size
        self._text += size
        trace.changed = time.monotonic()
        self._count += new
        for link in span.links:
            other = link.partition("/")[0]
            if other != span.trace_id:
                self._linked.setdefault(other, {})[span.trace_id, span.span_id] = None
        return True

    def _forget_oldest(self) -> None:
        trace_id, oldest = self._traces.popitem(last=False)
        self._linked.pop(trace_id, None)
        for span in oldest.spans.values():
            for link in span.links:
                self._linked.get(link.partition("/")[0], {}).pop((trace_id, span.span_id), None)
        self._count -= len(oldest.spans)
        self._text -= oldest.text
        self._dropped += len(oldest.spans)

    def _below_links(self, trace_id: str) -> Iterator[tuple[str, Span]]:
        """Spans at and below the linking ones; a batch's trace holds what other messages caused, too."""
        for other, start in self._linked.get(trace_id, ()):
            trace = self._traces.get(other)
            if trace is None:
                continue
            children: dict[str, list[Span]] = {}
            for span in trace.spans.values():
                children.setdefault(span.parent_id, []).append(span)
            waiting = [trace.spans[start]] if start in trace.spans else []
            passed: set[str] = set()
            while waiting:
                span = waiting.pop()
                if span.span_id not in passed:
                    passed.add(span.span_id)
                    yield f"{other}/{span.span_id}", span
                    waiting += children.get(span.span_id, ())


def _size(span: Span) -> int:
    return sum(map(len, span.attributes.values())) + len(span.name) + len(span.message) + _OF_A_LINK * len(span.links)


def _ids(spans: Mapping[str, Span]) -> Iterator[str]:
    return (span.span_id for span in spans.values())


def _by_start(span: Span) -> tuple[int, str]:
    return span.start_ns, span.span_id


@dataclass(frozen=True, slots=True)
class ReceivedSpans:
    """A store of received spans, as a running flow asks for them.

    Args:
        store: filled by a receiver.
        where: the receiver's address, for people.
    """

    store: SpanStore
    where: str

    async def caused(self, trace_id: str) -> Sequence[Span]:
        """What was received so far; never waits.

        Args:
            trace_id: 32 hex.
        """
        return self.store.trace(trace_id)
