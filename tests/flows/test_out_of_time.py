"""Time that ran out names who did not do what, and a stream that could not be opened is never taken for silence."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.clients import servers
from flows.clients.awaiting import awaiting, watched
from flows.clients.pool import Clients
from flows.engine.recording import judge
from flows.runner import live
from tests.conformance.actions import flow_of
from tests.flows.support import raw_server, run_text, step

ASKED = {
    "http": "http_request, config: {{url: 'http://127.0.0.1:{0}/'}}",
    "http2": "http_request, config: {{url: 'http://127.0.0.1:{0}/', http2: true}}",
    "redis": "redis, config: {{url: 'redis://127.0.0.1:{0}', key: k}}",
    "nats": "nats_publish, config: {{url: 'nats://127.0.0.1:{0}', subject: s, value: v}}",
    "mqtt": "mqtt_publish, config: {{url: 'mqtt://127.0.0.1:{0}', topic: t, value: v}}",
    "rabbitmq": "rabbitmq_publish, config: {{url: 'amqp://127.0.0.1:{0}', queue: q, value: v}}",
    "postgres": "database_query, config: {{connection: 'postgresql://127.0.0.1:{0}/d', query: SELECT 1}}",
    "mysql": "database_query, config: {{connection: 'mysql://127.0.0.1:{0}/d', query: SELECT 1}}",
    "kafka": "kafka_producer, config: {{brokers: '127.0.0.1:{0}', topic: t, value: v}}",
    "neo4j": "neo4j, config: {{url: 'bolt://127.0.0.1:{0}', query: RETURN 1}}",
    "websocket": "websocket, config: {{url: 'ws://127.0.0.1:{0}/', messages: [{{receive: {{}}}}]}}",
}
FOLLOWED = {
    "kafka_consumer": "brokers: '127.0.0.1:{}', topic: t",
    "nats_subscribe": "url: 'nats://127.0.0.1:{}', subject: s",
    "mqtt_subscribe": "url: 'mqtt://127.0.0.1:{}', topic: t",
    "redis_subscribe": "url: 'redis://127.0.0.1:{}', channel: c",
    "rabbitmq_consume": "url: 'amqp://127.0.0.1:{}', exchange: e",
}
for library in ("psycopg", "aiomysql", "confluent_kafka", "neo4j", "websockets.asyncio.client", "h2.connection"):
    importlib.import_module(library)


@pytest.fixture
def silent() -> Iterator[int]:
    """Port of a server that accepts one connection after the other and says nothing."""
    release = threading.Event()
    with raw_server(lambda connection: (release.wait(30), None)[1]) as port:
        yield port
        release.set()


def test_a_step_whose_time_ran_out_names_who_did_not_answer(tmp_path: Path, silent: int) -> None:
    steps = ", ".join(f"{{id: {name}, timeout: 1s, action: {asked.format(silent)}}}" for name, asked in ASKED.items())
    run = run_text(tmp_path, flow_of(f"{{id: both, action: parallel, config: {{fail_fast: false, steps: [{steps}]}}}}"))
    for name in ASKED:
        found = step(run, name)
        assert found.verdict == "failed", (name, found.message)
        assert f"127.0.0.1:{silent}" in found.message, name
        assert found.message.endswith("; the step's timeout of 1s ran out"), name


@pytest.mark.parametrize("action", sorted(FOLLOWED))
def test_silence_of_a_broker_that_was_never_heard_proves_nothing(tmp_path: Path, silent: int, action: str) -> None:
    config = FOLLOWED[action].format(silent)
    config = f"{config}, from: end, expect: none, timeout: 400ms"
    run = run_text(tmp_path, flow_of(f"{{id: a, action: {action}, config: {{{config}}}}}"))
    found = step(run, "a")
    assert found.verdict == "failed", found.message
    assert found.message.endswith("within 400ms")
    assert f"127.0.0.1:{silent}" in found.message


def test_what_came_before_a_late_stream_is_not_known(
    tmp_path: Path, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "CONNECT_SECONDS", 1.2)
    config = FOLLOWED["nats_subscribe"].format(silent)
    none = (
        f"{{id: nothing, action: nats_subscribe, optional: true, config: {{{config}, expect: none, timeout: 100ms}}}}"
    )
    one = f"{{id: single, action: nats_subscribe, config: {{{config}, timeout: 100ms}}}}"
    run = run_text(tmp_path, flow_of(none, one))
    assert step(run, "nothing").verdict == "error"
    assert "when the flow began" in step(run, "nothing").message
    assert step(run, "single").verdict == "failed"
    assert f"127.0.0.1:{silent}: no" in step(run, "single").message


def test_one_try_of_wait_for_is_not_longer_than_the_whole(tmp_path: Path, silent: int) -> None:
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: a, action: wait_for, config: {{url: 'http://127.0.0.1:{silent}/', type: http, timeout: 300ms}}}}"
        ),
    )
    found = step(run, "a")
    assert found.verdict == "failed"
    assert found.message.endswith("within 0.3s")
    assert f"127.0.0.1:{silent}" in found.message


def test_whoever_waits_for_another_s_connection_knows_what_is_missing() -> None:
    class Nothing:
        async def aclose(self) -> None:
            """Nothing was opened."""

    async def two() -> tuple[str, str]:
        clients, begun = Clients(), asyncio.Event()

        async def never() -> Nothing:
            awaiting("broker:1", "no connection")
            begun.set()
            await asyncio.Event().wait()
            return Nothing()

        async def first() -> None:
            watched()
            await clients.opened("k", never)

        opening = asyncio.create_task(first())
        await begun.wait()
        mine = watched()
        waiting = asyncio.ensure_future(clients.opened("k", never))
        await asyncio.sleep(0)
        text = str(mine)
        opening.cancel()
        waiting.cancel()
        await asyncio.gather(opening, waiting, return_exceptions=True)
        await clients.aclose()
        return text, str(mine)

    assert asyncio.run(two()) == ("broker:1: no connection", "broker:1: no connection")


@pytest.mark.parametrize("asked", ["http", "redis", "tcp"])
def test_a_dead_ipv6_address_does_not_hide_a_living_ipv4_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    answers = {"http": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "redis": b"$1\r\nx\r\n", "tcp": b""}
    steps = {
        "http": "http_request, config: {{url: 'http://dual.test:{0}/'}}, assert: [status == 200]",
        "redis": "redis, config: {{url: 'redis://dual.test:{0}', key: k}}, assert: [value == 'x']",
        "tcp": "wait_for, config: {{tcp: {{host: dual.test, port: {0}}}}}",
    }

    def living(connection: socket.socket) -> None:
        if answers[asked]:
            connection.recv(65536)
            connection.sendall(answers[asked])

    with raw_server(living) as port, contextlib.ExitStack() as held:
        _never_accepting(port, held)
        found = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **rest: found)
        run = run_text(tmp_path, flow_of(f"{{id: a, timeout: 20s, action: {steps[asked].format(port)}}}"))
    assert step(run, "a").verdict == "passed", step(run, "a").message


def _never_accepting(port: int, held: contextlib.ExitStack) -> None:
    """Listens on ::1 with a queue that is full: further connections hang."""
    try:
        listener = held.enter_context(socket.socket(socket.AF_INET6))
        listener.bind(("::1", port))
    except OSError as error:
        pytest.skip(f"no IPv6 on the loopback interface here: {error}")
    listener.listen(0)
    for _ in range(4):
        waiting = held.enter_context(socket.socket(socket.AF_INET6))
        waiting.setblocking(False)
        waiting.connect_ex(("::1", port))


def _nats_that_freezes(connection: socket.socket) -> None:
    connection.sendall(b"INFO {}\r\n")
    answered = 0
    while data := connection.recv(65536):
        pings = min(data.count(b"PING"), 2 - answered)
        connection.sendall(b"PONG\r\n" * pings)
        answered += pings


def _redis_that_freezes(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
    while connection.recv(65536):
        continue


def _mqtt_that_freezes(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"\x20\x03\x00\x00\x00")
    asked = connection.recv(65536)
    connection.sendall(b"\x90\x04" + asked[2:4] + b"\x00\x01")
    while connection.recv(65536):
        continue


@pytest.mark.parametrize(
    ("action", "freezes"),
    [
        ("nats_subscribe", _nats_that_freezes),
        ("redis_subscribe", _redis_that_freezes),
        ("mqtt_subscribe", _mqtt_that_freezes),
    ],
)
def test_silence_of_a_frozen_broker_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, freezes: Callable[[socket.socket], None]
) -> None:
    monkeypatch.setattr(live, "ALIVE_MS", 300.0)
    with raw_server(freezes) as port:
        config = f"{FOLLOWED[action].format(port)}, expect: none, timeout: 100ms"
        run = run_text(tmp_path, flow_of(f"{{id: a, action: {action}, config: {{{config}}}}}"))
    found = step(run, "a")
    assert found.verdict == "failed", found.message
    assert f"127.0.0.1:{port}: no" in found.message


def _nats_that_wakes_up(connection: socket.socket) -> None:
    """What it says when it is asked whether it lives: a message of before, then that it does."""
    connection.sendall(b"INFO {}\r\n")
    asked = 0
    while data := connection.recv(65536):
        for _ in range(data.count(b"PING")):
            asked += 1
            connection.sendall((b"MSG s 1 4\r\nlate\r\n" if asked == 3 else b"") + b"PONG\r\n")


def test_a_message_that_comes_before_the_broker_s_word_is_one(tmp_path: Path) -> None:
    with raw_server(_nats_that_wakes_up) as port:
        config = f"{FOLLOWED['nats_subscribe'].format(port)}, expect: none, timeout: 100ms"
        run = run_text(tmp_path, flow_of(f"{{id: a, action: nats_subscribe, config: {{{config}}}}}"))
    found = step(run, "a")
    assert (found.verdict, found.message) == ("failed", "a message arrived although none was expected")
    assert judge(run).verdict == "failed"
