"""Runs over HTTP: upload, list, get, follow."""

from __future__ import annotations

import gzip
import json

import pytest

from graph.codec import dumps, from_json, to_json, to_tagged
from graph.runs import Run, RunFinished, RunStarted
from tests.api.conftest import Tenant
from tests.api.recordings import a_run


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_run_comes_back_as_the_bytes_the_cli_prints(ours: Tenant, encoding: str) -> None:
    body = json.dumps(to_json(a_run())).encode()
    body = gzip.compress(body) if encoding == "gzip" else body
    made = ours.editor.post("/api/v1/runs", content=body, headers={"Content-Encoding": encoding})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/api/v1/runs/01kb2v9w3h5c"
    answer = ours.viewer.get(made.headers["location"])
    assert answer.text == dumps(a_run())
    assert from_json(Run, answer.json()) == a_run()
    assert ours.viewer.get("/api/v1/runs/latest").text == answer.text


def test_large_answers_travel_packed(ours: Tenant) -> None:
    ours.kept.runs.save(a_run())
    answer = ours.viewer.get("/api/v1/runs/latest", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == dumps(a_run())


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[" * 50_000, 400), (b"[]", 400), (b"\xff", 400), (b'{"id": "../x"}', 400)],
)
def test_what_is_not_a_run_is_refused(ours: Tenant, body: bytes, status: int) -> None:
    assert ours.editor.post("/api/v1/runs", content=body).status_code == status


@pytest.mark.parametrize("run_id", ["../x", "", "latest", "a/b", "x" * 65])
def test_ids_that_cannot_be_asked_for_are_refused(ours: Tenant, run_id: str) -> None:
    answer = ours.editor.post("/api/v1/runs", content=dumps(a_run(run_id)).encode())
    assert answer.status_code == 422


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}])
def test_wrong_encodings_are_refused(ours: Tenant, headers: dict[str, str]) -> None:
    assert ours.editor.post("/api/v1/runs", content=b"{}", headers=headers).status_code in (400, 415)


def test_a_gzip_bomb_is_refused(ours: Tenant) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    assert ours.editor.post("/api/v1/runs", content=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413


def test_listing_pages_newest_first(ours: Tenant) -> None:
    for n in range(3):
        ours.editor.post("/api/v1/runs", content=dumps(a_run(f"0{n}")).encode())
    first = ours.viewer.get("/api/v1/runs?limit=2").json()
    assert [r["id"] for r in first["items"]] == ["02", "01"]
    assert ours.viewer.get(f"/api/v1/runs?limit=2&after={first['next']}").json()["next"] is None


def test_a_kept_run_tells_its_events_again(ours: Tenant) -> None:
    ours.editor.post("/api/v1/runs", content=dumps(a_run()).encode())
    answer = ours.viewer.get("/api/v1/runs/01kb2v9w3h5c/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.text)
    assert told[0]["event"] == "RunStarted"
    assert told[-1]["event"] == "RunFinished"
    rest = ours.viewer.get("/api/v1/runs/01kb2v9w3h5c/events", headers={"Last-Event-ID": str(len(told) - 1)})
    assert [e["event"] for e in events(rest.text)] == ["RunFinished"]


def test_events_of_a_run_that_goes_on_are_kept_once(ours: Tenant) -> None:
    batch = {
        "events": [
            {"seq": 1, "body": to_tagged(RunStarted("live", "now", ("a",), 1))},
            {"seq": 2, "body": to_tagged(RunFinished(a_run("live")))},
        ]
    }
    assert ours.editor.post("/api/v1/runs/live/events", json=batch).json() == {"accepted": 2}
    assert ours.editor.post("/api/v1/runs/live/events", json=batch).json() == {"accepted": 0}
    answer = ours.viewer.get("/api/v1/runs/live/events")
    assert [e["event"] for e in events(answer.text)] == ["RunStarted", "RunFinished"]


def test_events_must_be_events(ours: Tenant) -> None:
    bad = {"events": [{"seq": 1, "body": {"event": "Nonsense"}}]}
    assert ours.editor.post("/api/v1/runs/live/events", json=bad).status_code == 400
    assert ours.viewer.get("/api/v1/runs/live/events").status_code == 404
