"""Who gets in, what every error looks like, and what surrounds a request."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import Service, Tenant


def test_without_a_token_nobody_gets_in(stranger: TestClient) -> None:
    answer = stranger.get("/api/v1/workspace")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:testmesh:token"
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("token", ["tm_wrong", "x" * 10_000, "tm_" + "0" * 46, "a b"])
def test_a_wrong_token_is_refused(stranger: TestClient, token: str) -> None:
    answer = stranger.get("/api/v1/runs", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert token not in answer.text


def test_a_revoked_token_is_refused_at_once(ours: Tenant) -> None:
    mine = ours.viewer.get("/api/v1/workspace").json()
    assert mine["workspace"] == {"id": "ours", "name": "ours"}
    assert ours.admin.delete(f"/api/v1/tokens/{mine['token']}").json()["revoked"]
    assert ours.viewer.get("/api/v1/workspace").status_code == 401


def test_a_role_that_is_too_small_is_told_so(ours: Tenant) -> None:
    assert ours.viewer.post("/api/v1/repositories", json={"name": "a", "source": "/x"}).status_code == 403
    answer = ours.editor.get("/api/v1/tokens")
    assert answer.status_code == 403
    assert "admin" in answer.json()["detail"]


def test_a_new_token_is_shown_once_and_works(service: Service, ours: Tenant) -> None:
    made = ours.admin.post("/api/v1/tokens", json={"label": "ci", "role": "viewer"})
    assert made.status_code == 201
    client = TestClient(service.app, headers={"Authorization": f"Bearer {made.json()['text']}"})
    assert client.get("/api/v1/workspace").json()["role"] == "viewer"
    assert made.json()["text"] not in ours.admin.get("/api/v1/tokens").text


@pytest.mark.parametrize(
    ("request_line", "body", "status", "kind"),
    [
        ("GET /api/v1/nothing", None, 404, "http"),
        ("DELETE /api/v1/runs", None, 405, "http"),
        ("GET /api/v1/runs/none", None, 404, "not-found"),
        ("GET /api/v1/runs/..%2F..%2Fetc", None, 404, "http"),
        ("GET /api/v1/runs?limit=0", None, 422, "validation"),
        ("GET /api/v1/repositories/a%00b", None, 422, "validation"),
        ("POST /api/v1/repositories", {"name": "../x", "source": "/"}, 422, "validation"),
        ("POST /api/v1/repositories", {"name": "x", "source": "/", "more": 1}, 422, "validation"),
        ("POST /api/v1/runs", {"id": 5}, 400, "request"),
    ],
)
def test_errors_have_one_shape(ours: Tenant, request_line: str, body: object, status: int, kind: str) -> None:
    answer = ours.editor.request(*request_line.split(" "), json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:testmesh:{kind}")
    assert {"type", "title", "status", "detail", "request_id"} <= set(answer.json())


def test_a_large_body_is_refused(ours: Tenant) -> None:
    small = ours.editor.post("/api/v1/repositories", content=b"x" * (1 << 20) + b"y")
    assert small.status_code == 413
    upload = ours.editor.post("/api/v1/runs", content=b"x" * ((1 << 20) + 1))
    assert upload.status_code == 413
    assert upload.headers["content-type"] == "application/problem+json"


def test_an_unreachable_database_is_503_with_a_hint(service: Service, ours: Tenant) -> None:
    import psycopg

    shown = service.directory.database.shown
    server, _, name = shown.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'".encode())
        answers = [ours.viewer.get("/api/v1/runs"), ours.viewer.get("/ready")]
        assert ours.viewer.get("/health").status_code == 200
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    for answer in answers:
        assert answer.status_code == 503
        assert "TESTMESH_DATABASE_URL" in answer.json()["hint"]


def test_request_ids_and_strict_headers(ours: Tenant) -> None:
    answer = ours.viewer.get("/api/v1/runs", headers={"X-Request-Id": "abcdef-12345"})
    assert answer.headers["x-request-id"] == "abcdef-12345"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    forged = ours.viewer.get("/api/v1/runs", headers={"X-Request-Id": "a b\tc"})
    assert forged.headers["x-request-id"] != "a b\tc"


def test_metrics_count_routes_and_never_ids(ours: Tenant, stranger: TestClient) -> None:
    ours.viewer.get("/api/v1/runs/secretid")
    ours.viewer.get("/api/v1/whatever-secretpath")
    text = stranger.get("/metrics").text
    assert 'testmesh_requests_total{method="GET",route="/api/v1/runs/{run_id}",status="404"} 1' in text
    assert "secret" not in text
    assert "ours" not in text


def test_the_description_has_examples_and_no_outside_page(stranger: TestClient) -> None:
    described = stranger.get("/api/v1/openapi.json").json()
    assert described["components"]["schemas"]["NewRepository"]["examples"]
    assert "Run" in described["components"]["schemas"]
    assert stranger.get("/docs").status_code == 404


def test_logs_mask_what_looks_like_a_secret() -> None:
    from api.logs import masked

    text = masked("GET ?token=abc Authorization: Bearer tm_0123456789 postgresql://me:hunter2@h/db password='x y'")
    for secret in ("abc", "tm_0123", "hunter2"):
        assert secret not in text
    assert "postgresql://me:***@h/db" in text
