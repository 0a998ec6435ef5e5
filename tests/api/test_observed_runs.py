"""Spans sent to the service and a run uploaded to it become executed coverage in the workspace's graph."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

import api.work
from graph.codec import dumps
from graph.schema import Edge, Evidence, GraphData
from graph.store import Bucket
from tests.api.conftest import Service, Tenant
from tests.telemetry.test_observe import CHARGE, CREATE, ORDERS, PAYMENTS, SENT, STEP, T, a_run

SAID = (Evidence("code", "test", "a.py", 1),)


def otlp(service: str, span: str, parent: str, kind: int, **attributes: str) -> dict[str, object]:
    pairs = [{"key": k.replace("__", "."), "value": {"stringValue": v}} for k, v in attributes.items()]
    one = {"traceId": T, "spanId": span, "parentSpanId": parent, "kind": kind, "name": "x", "attributes": pairs}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {
        "resource": resource,
        "scopeSpans": [{"spans": [{**one, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}]}],
    }


def test_spans_and_a_run_become_links_and_grades(service: Service, ours: Tenant) -> None:
    nodes = {n.uid: replace(n, evidence=SAID) for n in (ORDERS, PAYMENTS, CREATE, CHARGE, STEP)}
    static = Edge("EXERCISES", STEP.uid, CREATE.uid, {"grade": "referenced"}, SAID)
    with closing(service.rooms.graph(ours.kept.workspace)) as graph:
        graph.replace(Bucket("links"), GraphData(nodes, {static.id: static}))
    first, second, third = "1" * 16, "2" * 16, "3" * 16
    body = {
        "resourceSpans": [
            otlp("orders", first, SENT, 2, http__request__method="POST", url__path="/orders"),
            otlp("orders", second, first, 3, http__request__method="POST", url__full="http://payments/charge/7"),
            otlp("payments", third, second, 2, http__method="POST", http__target="/charge/7"),
        ]
    }
    assert ours.editor.post("/v1/traces", json=body).json() == {}
    run = replace(a_run(), id="r1", started="2026-11-26T00:00:00.000Z")
    assert ours.editor.post("/api/v1/runs", content=dumps(run).encode()).status_code == 201
    jobs = ours.viewer.get("/api/v1/jobs").json()["items"]
    assert service.app.state.services.jobs.wait(ours.kept, ours.kept.jobs.get(jobs[0]["id"]), 30)
    job = ours.viewer.get(f"/api/v1/jobs/{jobs[0]['id']}").json()
    assert job["result"] == {"run": "r1", "spans": 3, "links": 5, "unmatched": []}
    around = ours.viewer.get("/api/v1/graph/queries/neighbours", params={"node": "flows/a.yaml#create"}).json()
    assert {link["target"] for link in around["links"]} == {"orders:POST /orders", "payments:POST /charge/{}"}
    calls = ours.viewer.get("/api/v1/graph/queries/neighbours", params={"node": "payments:POST /charge/{}"}).json()
    assert ("CALLS", "orders:POST /orders") in {(link["edge"], link["source"]) for link in calls["links"]}
    assert ours.viewer.get("/api/v1/graph").json()["buckets"][-1]["scanner"] == "runtime"


def test_traffic_that_no_run_caused_shows_what_is_not_in_the_code(
    service: Service, ours: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.work, "QUIET_SECONDS", 0.0)
    nodes = {n.uid: replace(n, evidence=SAID) for n in (ORDERS, CREATE)}
    with closing(service.rooms.graph(ours.kept.workspace)) as graph:
        graph.replace(Bucket("links"), GraphData(nodes, {}))
    sql = {"db__system": "postgresql", "db__name": "shop", "db__statement": "SELECT * FROM audit"}
    spans = [otlp("orders", f"{number:016x}", SENT, 3, **sql) for number in range(1, 1001)]
    assert ours.editor.post("/v1/traces", json={"resourceSpans": spans}).json() == {}
    (job,) = ours.viewer.get("/api/v1/jobs").json()["items"]
    assert service.app.state.services.jobs.wait(ours.kept, ours.kept.jobs.get(job["id"]), 30)
    ours.editor.post("/v1/traces", json={"resourceSpans": spans[:3]})
    found = ours.viewer.get("/api/v1/graph/queries/shadow").json()
    (row,) = found["shadows"]
    assert (row["text"], row["seen"]["count"], row["seen"]["environments"]) == (
        "orders reads shop/audit",
        1000,
        ["traffic"],
    )
    assert len(ours.viewer.get("/api/v1/jobs").json()["items"]) == 1
