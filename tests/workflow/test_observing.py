"""Observation adds to a day's bucket, raises grades, and forgets what is out of date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from graph.runs import Run
from graph.schema import Edge, Evidence, GraphData
from graph.store import Bucket
from graph.stores.embedded import EmbeddedStore
from testmesh.telemetry.store import SpanStore
from testmesh.workflow.observing import observe_run
from tests.telemetry.test_observe import CREATE, ORDERS, STEP, a_run, a_span, new_http

SAID = (Evidence("code", "test", "a.py", 1),)


class Today:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore(tmp_path / "graph.db", "w")
    nodes = {n.uid: replace(n, evidence=SAID) for n in (ORDERS, CREATE, STEP)}
    static = Edge("EXERCISES", STEP.uid, CREATE.uid, {"grade": "referenced"}, SAID)
    opened.replace(Bucket("links"), GraphData(nodes, {static.id: static}))
    yield opened
    opened.close()


def on(day: str, run: Run) -> Run:
    return replace(run, started=f"{day}T10:00:00.000Z", environment="local")


def grade(store: EmbeddedStore) -> str:
    shown = store.slice(("Step", "Endpoint"), ("EXERCISES",))
    return str(shown.edges["EXERCISES", STEP.uid, CREATE.uid].props["grade"])


def test_a_run_raises_the_grade_and_a_later_failure_does_not_lower_it(store: EmbeddedStore) -> None:
    spans = SpanStore()
    spans.add([a_span(1, 0, "orders", "server", **new_http("POST", "/orders"))])
    assert grade(store) == "referenced"
    seen = observe_run(store, spans, on("2026-03-01", a_run("failed", "failed")), Today())
    assert (seen.spans, seen.links, grade(store)) == (1, 2, "executed")
    observe_run(store, spans, on("2026-03-01", a_run()), Today())
    assert grade(store) == "passed"
    observe_run(store, spans, on("2026-03-01", a_run("failed", "failed")), Today())
    assert grade(store) == "passed"


def test_a_new_scan_keeps_what_was_observed(store: EmbeddedStore) -> None:
    observe_run(store, SpanStore(), on("2026-03-01", a_run()), Today())
    links = store.content(Bucket("links"))
    store.replace(Bucket("links"), GraphData())
    store.replace(Bucket("links"), links)
    assert grade(store) == "passed"


def test_buckets_out_of_date_are_forgotten(store: EmbeddedStore) -> None:
    observe_run(store, SpanStore(), on("2026-01-15", a_run()), Today())
    assert [b.root for b in store.buckets()] == [""]
    observe_run(store, SpanStore(), on("2026-02-20", a_run()), Today())
    observe_run(store, SpanStore(), on("2026-03-01", a_run()), Today())
    assert [b.root for b in store.buckets() if b.scanner == "runtime"] == ["2026-02-20", "2026-03-01"]
