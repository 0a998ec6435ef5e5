"""The evaluation of lost messages on a small scale, and that it would notice one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from evals.lost import MESSAGES, TRANSPORTS, Publish, lost_over, server_of
from tests.servers.process import Unavailable
from tests.servers.small import start_valkey

FIXTURES = {
    "kafka": "kafka_brokers",
    "redis": "redis_url",
    "nats": "nats_url",
    "mqtt": "mqtt_url",
    "rabbitmq": "rabbitmq_url",
}


@pytest.mark.parametrize("transport", TRANSPORTS, ids=lambda found: found.name)
def test_nothing_is_lost(tmp_path: Path, request: pytest.FixtureRequest, transport: object) -> None:
    (known,) = [found for found in TRANSPORTS if found is transport]
    url = request.getfixturevalue(FIXTURES[server_of(known)])
    found = lost_over(known, url, 2, tmp_path)
    assert (found.runs, found.sent, found.lost) == (2, 2 * MESSAGES, 0)


@pytest.mark.server("redis")
def test_a_message_that_is_not_published_counts_as_lost(tmp_path: Path) -> None:
    (channel,) = [found for found in TRANSPORTS if found.name == "redis pub/sub"]

    @contextmanager
    def forgetful(url: str, topic: str) -> Iterator[Publish]:
        with channel.publisher(url, topic) as publish:
            sent: list[str] = []

            def once(text: str) -> None:
                sent.append(text)
                if text == "noise" or sent.count(text) > 1:
                    publish(text)

            yield once

    folder = tmp_path / "server"
    folder.mkdir()
    try:
        server, url = start_valkey(folder)
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        assert lost_over(replace(channel, publisher=forgetful), url, 1, tmp_path).lost == 1
    finally:
        server.stop()
