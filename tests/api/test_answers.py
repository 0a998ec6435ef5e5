"""The four answers, search, graph and spans over HTTP."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from api.services import ImpactQuestion
from graph.answers import Diagnosis, Fix, Impact
from graph.codec import dumps, from_json
from graph.schema import Edge, Evidence, GraphData, node
from graph.store import Bucket
from testmesh.workspaces.tenants import Repository
from tests.api.conftest import Service, Tenant
from tests.api.recordings import a_run
from tests.api.seams import Marked
from tests.telemetry.test_otlp import sdk_spans


@pytest.fixture
def shop(service: Service, ours: Tenant) -> Repository:
    folder = service.folder / "allowed" / "shop"
    folder.mkdir()
    made = ours.editor.post("/api/v1/repositories", json={"name": "shop", "source": str(folder)})
    assert made.status_code == 201
    return from_json(Repository, made.json())


def test_impact_is_what_the_cli_prints(ours: Tenant, shop: Repository) -> None:
    asked = ours.viewer.get("/api/v1/impact?repository=shop&base=main&head=HEAD~1")
    assert asked.text == dumps(Marked().impact(ours.kept, ImpactQuestion(shop, "main", "HEAD~1")))
    posted = ours.viewer.post("/api/v1/impact", json={"repository": "shop", "base": "main", "head": "HEAD~1"})
    assert from_json(Impact, posted.json()) == from_json(Impact, asked.json())


@pytest.mark.parametrize("revision", ["--upload-pack=x", "a b", "a\nb", "$(x)"])
def test_revisions_that_could_be_options_are_refused(ours: Tenant, shop: Repository, revision: str) -> None:
    assert ours.viewer.get("/api/v1/impact", params={"repository": "shop", "base": revision}).status_code == 422


def test_coverage(ours: Tenant, shop: Repository) -> None:
    assert ours.viewer.get("/api/v1/coverage?repository=shop").json()["dimensions"][0]["name"] == "endpoint"
    assert ours.viewer.get("/api/v1/coverage?repository=other").status_code == 404


def test_diagnosis_and_fix_are_kept_with_the_run(ours: Tenant, shop: Repository) -> None:
    ours.editor.post("/api/v1/runs", content=dumps(a_run("r1")).encode())
    assert ours.viewer.get("/api/v1/runs/r1/diagnosis").status_code == 404
    found = from_json(Diagnosis, ours.editor.post("/api/v1/runs/r1/diagnosis").json())
    assert from_json(Diagnosis, ours.viewer.get("/api/v1/runs/r1/diagnosis").json()) == found
    made = ours.editor.post("/api/v1/runs/r1/fixes")
    assert made.status_code == 201
    assert from_json(Fix, made.json()["fix"]).diagnosis == found
    assert ours.viewer.get("/api/v1/runs/r1/fixes").json()["items"][0]["id"] == made.json()["id"]
    settled = ours.editor.put(f"/api/v1/fixes/{made.json()['id']}/outcome", json={"outcome": "merged"})
    assert settled.json()["outcome"] == "merged"
    assert ours.viewer.get("/api/v1/fixes").json()["items"][0]["outcome"] == "merged"


def test_several_repositories_need_a_name(service: Service, ours: Tenant, shop: Repository) -> None:
    (service.folder / "allowed" / "two").mkdir()
    ours.editor.post("/api/v1/repositories", json={"name": "two", "source": str(service.folder / "allowed" / "two")})
    ours.editor.post("/api/v1/runs", content=dumps(a_run("r1")).encode())
    assert ours.editor.post("/api/v1/runs/r1/diagnosis").status_code == 422
    assert ours.editor.post("/api/v1/runs/r1/diagnosis", json={"repository": "two"}).status_code == 200


def test_a_scan_is_a_job_that_can_be_waited_for(ours: Tenant, shop: Repository) -> None:
    done = ours.editor.post("/api/v1/repositories/shop/scan?wait=30")
    assert (done.status_code, done.json()["state"]) == (200, "done")
    assert done.json()["result"]["nodes"] == 3
    assert ours.viewer.get("/api/v1/repositories/shop").json()["commit"] == "c" * 40
    later = ours.editor.post("/api/v1/repositories/shop/scan")
    assert later.status_code == 202
    assert ours.viewer.get(later.headers["location"]).json()["id"] == later.json()["id"]


def test_a_scan_that_fails_says_why(service: Service, ours: Tenant) -> None:
    (service.folder / "allowed" / "broken").mkdir()
    source = str(service.folder / "allowed" / "broken")
    ours.editor.post("/api/v1/repositories", json={"name": "broken", "source": source})
    job = ours.editor.post("/api/v1/repositories/broken/scan?wait=30").json()
    assert (job["state"], job["error"], job["hint"]) == ("failed", "no such revision", "fetch it")


def test_our_bug_is_said_to_be_ours_and_tells_nothing(ours: Tenant) -> None:
    ours.kept.repositories.put(Repository("bug", "/nowhere"))
    answer = ours.viewer.get("/api/v1/coverage?repository=bug")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:testmesh:bug")
    assert "secret detail" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "source",
    [
        "/etc",
        "relative/path",
        "{allowed}/../..",
        "{allowed}/link",
        "{allowed}/missing",
        "http://github.com/a/b",
        "file:///etc",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest",
        "https://user:secret@github.com/a/b",
        "ssh://git@github.com/a",
        "ext::sh -c id://x",
    ],
)
def test_repositories_from_elsewhere_are_refused(service: Service, ours: Tenant, source: str) -> None:
    allowed = service.folder / "allowed"
    (allowed / "link").symlink_to("/etc")
    answer = ours.editor.post("/api/v1/repositories", json={"name": "x", "source": source.format(allowed=allowed)})
    assert answer.status_code == 400, answer.text
    assert "secret" not in answer.json()["detail"]


def test_a_source_that_moved_out_after_registration_is_not_scanned(ours: Tenant, shop: Repository) -> None:
    Path(shop.source).rmdir()
    Path(shop.source).symlink_to("/etc")
    assert ours.editor.post("/api/v1/repositories/shop/scan").status_code == 400


def test_search(ours: Tenant) -> None:
    assert ours.viewer.get("/api/v1/search?q=orders").json()["items"][0]["score"] == 0.8123
    assert ours.viewer.get("/api/v1/search?q=").status_code == 422


def test_the_graph_can_be_walked(service: Service, ours: Tenant) -> None:
    said = (Evidence("code", "test", "a.py", 3),)
    one = node("ours", "Service", ("orders",), evidence=said)
    two = node("ours", "Endpoint", ("orders", "http", "GET", "/x"), evidence=said)
    edge = Edge("OWNS", one.uid, two.uid, evidence=said)
    with closing(service.rooms.graph(ours.kept.workspace)) as graph:
        graph.replace(Bucket("links", "shop"), GraphData({one.uid: one, two.uid: two}, {edge.id: edge}))
    assert ours.viewer.get("/api/v1/graph").json()["buckets"] == [
        {"scanner": "links", "repository": "shop", "root": ""}
    ]
    assert ours.viewer.get("/api/v1/graph/nodes?kind=Endpoint").json()["items"][0]["label"] == "orders:GET /x"
    assert ours.viewer.get(f"/api/v1/graph/nodes/{one.uid}").json()["evidence"][0]["file"] == "a.py"
    around = ours.viewer.get("/api/v1/graph/queries/neighbours", params={"node": "orders:GET /x"}).json()
    assert [(e["edge"], e["source"]) for e in around["links"]] == [("OWNS", "orders")]
    assert ours.viewer.get("/api/v1/graph/queries/search?text=orders&most=1").json()["total"] == 2
    assert ours.viewer.get("/api/v1/graph/nodes?kind=Nonsense").status_code == 422
    assert ours.viewer.get(f"/api/v1/graph/nodes/{'0' * 64}").status_code == 404


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("nonsense", 404),
        ("impact", 404),
        ("neighbours", 422),
        ("neighbours?node=x&more=1", 422),
        ("neighbours?node=x", 404),
        ("neighbours?node=x&depth=-1", 422),
        ("neighbours?node=x&depth=99999999999", 422),
        ("search?text=a%00b", 422),
    ],
)
def test_questions_that_cannot_be_asked(ours: Tenant, question: str, status: int) -> None:
    assert ours.viewer.get(f"/api/v1/graph/queries/{question}").status_code == status


def test_spans_come_in_with_the_token_of_their_workspace(ours: Tenant, theirs: Tenant) -> None:
    body = encode_spans(sdk_spans()).SerializeToString()
    headers = {"Content-Type": "application/x-protobuf"}
    assert ours.editor.post("/v1/traces", content=body, headers=headers).content == b""
    spans = sdk_spans()
    body = encode_spans(spans).SerializeToString()
    ours.editor.post("/v1/traces", content=body, headers=headers)
    context = spans[0].context
    assert context is not None
    path = f"/api/v1/traces/{context.trace_id:032x}"
    assert len(ours.viewer.get(path).json()["items"]) == 2
    assert theirs.viewer.get(path).json()["items"] == []
    assert ours.viewer.post("/v1/traces", content=body, headers=headers).status_code == 403
    assert ours.editor.post("/v1/traces", content=b"\xff", headers=headers).status_code == 400
    assert ours.editor.post("/v1/traces", content=b"x", headers={"content-type": "text/html"}).status_code == 415


def test_settings_of_a_workspace(ours: Tenant) -> None:
    put = ours.admin.put("/api/v1/secrets/OPENAI_KEY", json={"value": "hunter2"})
    assert put.json()["version"] == 1
    assert "hunter2" not in put.text + ours.admin.get("/api/v1/secrets").text
    assert ours.admin.delete("/api/v1/secrets/OPENAI_KEY").status_code == 204
    assert ours.admin.delete("/api/v1/secrets/OPENAI_KEY").status_code == 404
    ours.admin.put("/api/v1/model-routes/chat/-", json={"models": ["ollama:x"]})
    assert ours.viewer.get("/api/v1/model-routes").json()["items"][0]["models"] == ["ollama:x"]
    edge = "CALLS/orders:GET /x"
    assert ours.editor.put(f"/api/v1/dismissals/edge/{edge}", json={"reason": "no"}).status_code == 200
    assert ours.viewer.get("/api/v1/dismissals").json()["items"][0]["subject"] == edge
    assert ours.editor.delete(f"/api/v1/dismissals/edge/{edge}").status_code == 204
