"""Following a run over a real socket: events arrive when they are sent, and a follower that leaves is forgotten."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

from api.hub import Hub
from graph.codec import to_tagged
from graph.runs import FlowStarted, RunFinished, RunStarted
from tests.api.conftest import Service, Tenant
from tests.api.live import listening
from tests.api.recordings import a_run


@contextmanager
def following(address: str, token: str) -> Iterator[http.client.HTTPResponse]:
    with closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)) as connection:
        connection.request("GET", "/api/v1/runs/live/events", headers={"Authorization": f"Bearer {token}"})
        with connection.getresponse() as response:
            yield response


def next_event(response: http.client.HTTPResponse) -> str:
    while True:
        line = response.readline().decode()
        if line.startswith("event: "):
            return line.removeprefix("event: ").strip()
        assert line, "the stream ended"


def send(tenant: Tenant, seq: int, event: object) -> None:
    batch = {"events": [{"seq": seq, "body": to_tagged(event)}]}
    assert tenant.editor.post("/api/v1/runs/live/events", json=batch).status_code == 202


def test_events_arrive_when_they_are_sent(service: Service, ours: Tenant) -> None:
    send(ours, 1, RunStarted("live", "now", ("a",), 1))
    with listening(service.app) as address, following(address, ours.texts["viewer"]) as response:
        assert next_event(response) == "RunStarted"
        sent: list[float] = []

        def later() -> None:
            sent.append(time.monotonic())
            send(ours, 2, FlowStarted("live", "a", "A", None))

        sender = threading.Timer(0.2, later)
        sender.start()
        assert next_event(response) == "FlowStarted"
        took = time.monotonic() - sent[0]
        sender.join()
        send(ours, 3, RunFinished(a_run("live")))
        assert next_event(response) == "RunFinished"
        response.read()
        assert response.isclosed()
    # Within the second after which replicas look anyway: it was woken, not found by looking.
    assert took < 0.9


def test_a_follower_that_leaves_is_forgotten(service: Service, ours: Tenant) -> None:
    send(ours, 1, RunStarted("live", "now", ("a",), 1))
    hub: Hub = service.app.state.hub
    with listening(service.app) as address:
        with following(address, ours.texts["viewer"]) as response:
            assert next_event(response) == "RunStarted"
            assert hub.followers() == 1
        deadline = time.monotonic() + 10
        pause = threading.Event()
        while hub.followers() and time.monotonic() < deadline:
            pause.wait(0.02)
        assert hub.followers() == 0
