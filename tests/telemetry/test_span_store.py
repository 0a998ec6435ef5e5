"""Spans are kept within bounds, and a run can wait for the late ones."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from graph.spans import Span
from testmesh.telemetry.store import Bounds, SpanStore


def a_span(trace: int, number: int) -> Span:
    return Span(f"{trace:032x}", f"{number:016x}", "", "s", "server", "x", number, 1)


def test_the_oldest_trace_goes_first() -> None:
    store = SpanStore(Bounds(spans=4, trace=3))
    for trace in (1, 2, 3):
        store.add([a_span(trace, n) for n in (1, 2)])
    assert len(store) == 4
    assert store.trace(f"{1:032x}") == []
    assert len(store.trace(f"{3:032x}")) == 2


def test_one_trace_cannot_push_out_the_others() -> None:
    store = SpanStore(Bounds(spans=100, trace=3))
    assert store.add([a_span(1, n) for n in range(1, 10)]) == 3
    assert store.add([a_span(1, 1)]) == 1
    assert len(store) == 3


def test_settling_waits_for_a_late_trace() -> None:
    store = SpanStore()
    late = threading.Timer(0.15, lambda: store.add([a_span(1, 1)]))
    late.start()
    assert store.settle([f"{1:032x}"], quiet=0.05, limit=60)
    assert len(store.trace(f"{1:032x}")) == 1
    late.join()


def test_settling_gives_up_at_its_limit() -> None:
    assert not SpanStore().settle([f"{1:032x}"], quiet=0.01, limit=0.1)


def test_long_attributes_cost_the_oldest_traces() -> None:
    store = SpanStore(Bounds(text=1000))
    for trace in range(1, 11):
        store.add([replace(a_span(trace, 1), attributes={"sql": "x" * 300})])
    assert len(store) == 3
    assert store.dropped == 7
    store.add([replace(a_span(99, 1), attributes={"sql": "x" * 5000})])
    assert [len(store.trace(trace)) for trace in store.trace_ids()] == [1]


def test_what_sends_no_spans_is_given_up_when_nothing_else_comes() -> None:
    store = SpanStore()
    store.add([a_span(1, 1)])
    began = time.monotonic()
    assert not store.settle([f"{1:032x}", f"{2:032x}"], quiet=0.05, limit=600, patience=0.2)
    assert time.monotonic() - began >= 0.2


def test_links_count_and_go_with_the_spans_that_have_them() -> None:
    store = SpanStore(Bounds(spans=10, text=3000))
    for trace in range(1, 101):
        store.add([replace(a_span(trace, 1), links=(f"{0xA:032x}/{1:016x}",))])
    assert len(store) == 10
    assert len(store.trace(f"{0xA:032x}")) == 10
    assert sum(map(len, store._linked.values())) == 10
    store.add([replace(a_span(200, 1), links=(f"{0xA:032x}/{1:016x}",) * 40)])
    assert store.trace_ids() == (f"{200:032x}",)
