"""Every action against a real server: results, waiting, timeouts, cancelling, unreachable servers, masking."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from flows.actions import catalogue
from flows.engine import judge
from flows.events import run_from_json, run_to_json
from flows.language.config import fields_of
from flows.runner import RunOptions, run_flows
from graph.runs import Run
from testmesh.kernel.discovery import module_names
from tests.flows.support import raw_server, run_text, step, unused_port, verdicts, write


def _flow(*steps: str) -> str:
    return "flow:\n  name: conformance\n  steps:\n" + "".join(f"    - {text}\n" for text in steps)


def passes(run: Run) -> None:
    assert run.verdict == "passed", [(found.id, found.message) for found in run.flows[0].steps] or run.flows[0].problems
    again = judge(run_from_json(run_to_json(run)))
    assert again.verdict == "passed", [(found.id, found.message) for found in again.flows[0].steps]


def test_every_action_declares_fields_with_a_sentence_each() -> None:
    specs = catalogue().complete().specs
    assert len(specs) == len(module_names("flows.actions"))
    for spec in specs:
        assert spec.summary.endswith(".")
        for field in fields_of(spec.config).values():
            assert field.option.doc.endswith((".", ")")), f"{spec.name}.{field.key}"


def test_every_action_has_exactly_one_way_to_run() -> None:
    for spec in catalogue().complete().specs:
        action = catalogue().action(spec.name)
        ways = [action.run, action.follow, action.compute, spec.container or (spec.name == "run_flow" or None)]
        assert sum(way is not None for way in ways) == 1, spec.name


@pytest.mark.server("redis")
def test_redis_commands_by_alias_and_by_words(tmp_path: Path, redis_url: str) -> None:
    run = run_text(
        tmp_path,
        _flow(
            f'{{id: w, action: redis.set, config: {{url: "{redis_url}", key: k, value: v, ttl: 60}},'
            " assert: [ok == true]}",
            '{id: r, action: redis.get, config: {key: k}, assert: [value == "v", exists == true]}',
            "{id: t, action: redis.ttl, config: {key: k}, assert: [ttl > 50, ttl <= 60]}",
            "{id: h, action: redis.hset, config: {key: h, field: f, value: {a: 1}}, assert: [ok == true]}",
            "{id: g, action: redis.hget, config: {key: h, field: f}, assert: [json(value).a == 1]}",
            "{id: l, action: redis, config: {command: RPUSH, args: [l, a, b]}, assert: [count == 2]}",
            '{id: m, action: redis.lrange, config: {key: l}, assert: ["value == [\\"a\\", \\"b\\"]", count == 2]}',
            "{id: e, action: redis.exists, config: {key: nothing}, assert: [exists == false]}",
            "{id: d, action: redis.del, config: {key: k}, assert: [deleted == 1]}",
            "{id: n, action: redis.get, config: {key: k}, assert: [value is null, exists == false]}",
        ),
        process={"REDIS_URL": redis_url},
    )
    passes(run)


@pytest.mark.server("redis")
def test_a_redis_read_waits_and_a_refused_command_is_an_error(tmp_path: Path, redis_url: str) -> None:
    import redis

    def write_later() -> None:
        time.sleep(0.2)
        with redis.Redis.from_url(redis_url) as client:
            client.set("later", "yes")

    thread = threading.Thread(target=write_later)
    thread.start()
    run = run_text(
        tmp_path,
        _flow(
            '{id: r, action: redis.get, config: {key: later}, assert: [value == "yes"]}',
            "{id: x, action: redis, config: {command: NONSENSE}, assert: [ok == true]}",
        ),
        process={"REDIS_URL": redis_url},
    )
    thread.join()
    assert verdicts(run) == {"r": "passed", "x": "error"}
    assert len(step(run, "r").exchanges[0].candidates) > 2
    assert "unknown command" in step(run, "x").message.lower()


@pytest.mark.server("redis")
def test_redis_messages_since_the_start_of_the_flow_are_seen_by_every_subscriber(
    tmp_path: Path, redis_url: str
) -> None:
    run = run_text(
        tmp_path,
        _flow(
            "{id: p, action: redis_publish, config: {channel: c, message: {n: 1}}, assert: [count == 1]}",
            "{id: q, action: redis_publish, config: {channel: c, message: {n: 2}}, assert: [count == 1]}",
            "{id: a, action: redis_subscribe, config: {channel: c}, assert: [value.n == 1]}",
            "{id: b, action: redis_subscribe, config: {channel: c, match: value.n == 2}, assert: [value.n == 2]}",
            "{id: both, action: redis_subscribe, config: {channel: c, count: 2}, assert: ['messages[1].value.n == 2']}",
            "{id: never, action: redis_subscribe, config: {channel: c, match: value.n == 3, expect: none,"
            " timeout: 200ms}}",
        ),
        process={"REDIS_URL": redis_url},
    )
    passes(run)
    assert step(run, "never").duration_ms >= 190


@pytest.mark.server("kafka")
def test_kafka_messages_since_the_start_of_the_flow_are_seen_by_every_consumer(
    tmp_path: Path, kafka_brokers: str
) -> None:
    topic = f"t-{uuid4().hex}"
    run = run_text(
        tmp_path,
        _flow(
            f"{{id: p, action: kafka_producer, config: {{topic: {topic}, key: k, value: {{n: 1}}, headers: {{h: x}}}},"
            " assert: [ok == true]}",
            f"{{id: q, action: kafka.produce, config: {{topic: {topic}, payload: {{n: 2}}}}, assert: [offset exists]}}",
            f"{{id: a, action: kafka_consumer, config: {{topic: {topic}}},"
            ' assert: [value.n == 1, key == "k", headers.h == "x", headers.traceparent exists]}',
            f"{{id: b, action: kafka_consumer, config: {{topic: {topic}, match: value.n == 2}},"
            " assert: [value.n == 2]}",
            f"{{id: both, action: kafka_consumer, config: {{topic: {topic}, count: 2}},"
            " assert: ['messages[1].value.n == 2', count == 2]}",
            f"{{id: moved, action: kafka_consumer, config: {{topic: {topic}}}, assert: [value.n == 2]}}",
            f"{{id: never, action: kafka_consumer, config: {{topic: {topic}, match: value.n == 3, expect: none,"
            " timeout: 300ms}}",
        ),
        process={"KAFKA_BROKERS": kafka_brokers},
    )
    passes(run)
    assert len(step(run, "moved").exchanges[0].candidates) == 2


@pytest.mark.server("kafka")
def test_a_message_from_before_the_flow_is_seen_only_from_the_beginning(tmp_path: Path, kafka_brokers: str) -> None:
    topic = f"t-{uuid4().hex}"
    process = {"KAFKA_BROKERS": kafka_brokers}
    publish = f"{{id: p, action: kafka_producer, config: {{topic: {topic}, value: old}}, assert: [ok == true]}}"
    assert run_text(tmp_path, _flow(publish), process=process).verdict == "passed"
    run = run_text(
        tmp_path,
        _flow(
            f"{{id: new, action: kafka_consumer, on_error: continue, config: {{topic: {topic}, timeout: 300ms}}}}",
            f"{{id: all, action: kafka_consumer, config: {{topic: {topic}, from_beginning: true}},"
            ' assert: [value == "old"]}',
        ).replace("id: all", "id: everything"),
        process=process,
    )
    assert verdicts(run) == {"new": "failed", "everything": "passed"}
    assert "expected 1 message within 300ms: 0 arrived" in step(run, "new").message


@pytest.mark.server("kafka")
def test_a_retried_consumer_starts_again_where_it_first_started(tmp_path: Path, kafka_brokers: str) -> None:
    topic = f"t-{uuid4().hex}"
    run = run_text(
        tmp_path,
        _flow(
            f"{{id: p, action: kafka_producer, config: {{topic: {topic}, value: {{n: 1}}}}, assert: [ok == true]}}",
            f"{{id: c, action: kafka_consumer, config: {{topic: {topic}, timeout: 200ms}}, assert: [value.n == 2],"
            " retry: {max_attempts: 2, delay: 1ms}}",
        ),
        process={"KAFKA_BROKERS": kafka_brokers},
    )
    assert [len(exchange.candidates) for exchange in step(run, "c").exchanges] == [1, 1]


def test_wait_for_a_port_and_an_address(tmp_path: Path) -> None:
    port = unused_port()

    with raw_server(
        lambda connection: (
            connection.recv(999),
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready"),
        )
    ) as open_port:
        run = run_text(
            tmp_path,
            _flow(
                f"{{id: tcp, action: wait_for, config: {{tcp: {{host: 127.0.0.1, port: {open_port}}}}}}}",
                f'{{id: http, action: wait_for, config: {{http: {{url: "http://127.0.0.1:{open_port}/", status: 200,'
                " body_contains: ready}}}",
                f'{{id: flat, action: wait_for, config: {{type: http, url: "http://127.0.0.1:{open_port}/"}}}}',
                f"{{id: none_there, action: wait_for, config: {{tcp: {{port: {port}}}, timeout: 300ms}}}}",
            ),
        )
    assert verdicts(run) == {"tcp": "passed", "http": "passed", "flat": "passed", "none_there": "failed"}
    assert "connection refused" in step(run, "none_there").message
    assert len(step(run, "none_there").exchanges[0].candidates) > 3


CONNECTED: dict[str, Callable[[int], str]] = {
    "http_request": lambda port: f'{{url: "http://127.0.0.1:{port}/"}}',
    "database_query": lambda port: (
        f'{{connection: "postgresql://u:hunter2hunter2@127.0.0.1:{port}/d", query: SELECT 1}}'
    ),
    "db_poll": lambda port: (
        f'{{connection: "postgresql://u:hunter2hunter2@127.0.0.1:{port}/d", query: SELECT 1, until: count == 1}}'
    ),
    "redis": lambda port: f'{{url: "redis://:hunter2hunter2@127.0.0.1:{port}/0", key: k}}',
    "redis_publish": lambda port: f'{{url: "redis://:hunter2hunter2@127.0.0.1:{port}/0", channel: c, message: m}}',
    "redis_subscribe": lambda port: f'{{url: "redis://:hunter2hunter2@127.0.0.1:{port}/0", channel: c}}',
    "kafka_producer": lambda port: f'{{brokers: "127.0.0.1:{port}", topic: t, value: v}}',
    "kafka_consumer": lambda port: f'{{brokers: "127.0.0.1:{port}", topic: t}}',
}


@pytest.mark.parametrize("name", sorted(CONNECTED))
def test_a_server_that_is_down_is_an_error_of_type_connection_without_credentials(tmp_path: Path, name: str) -> None:
    config = CONNECTED[name](unused_port())
    run = run_text(tmp_path, _flow(f"{{id: a, action: {name}, config: {config}, wait: none}}"))
    if run.flows[0].problems:
        run = run_text(tmp_path, _flow(f"{{id: a, action: {name}, config: {config}}}"))
    found = step(run, "a")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "connection"), found.message
    assert found.duration_ms < 5000
    assert "hunter2" not in run_to_json(run).replace(run.flows[0].source.replace('"', '\\"').replace("\n", "\\n"), "")


@pytest.mark.parametrize("name", sorted(CONNECTED))
def test_a_server_that_hangs_ends_with_the_step_s_timeout_and_by_cancelling(tmp_path: Path, name: str) -> None:
    release = threading.Event()

    def hang(connection: object) -> None:
        release.wait(20)

    with raw_server(hang) as port:
        config = CONNECTED[name](port)
        try:
            run = run_text(tmp_path, _flow(f"{{id: a, action: {name}, timeout: 400ms, config: {config}}}"))
            found = step(run, "a")
            assert found.verdict == "failed", found.message
            assert found.exchanges[0].error_type == "timeout"
            file = write(tmp_path, _flow(f"{{id: a, action: {name}, config: {config}}}"))

            async def cancelled() -> Run:
                task = asyncio.create_task(run_flows(RunOptions(paths=(file,), root=tmp_path)))
                await asyncio.sleep(0.3)
                task.cancel()
                return await task

            started = time.monotonic()
            run = asyncio.run(cancelled())
            assert run.verdict == "cancelled"
            assert time.monotonic() - started < 12
        finally:
            release.set()


@pytest.mark.parametrize("name", sorted(CONNECTED))
def test_a_server_that_speaks_nonsense_is_an_error_of_theirs_not_of_ours(tmp_path: Path, name: str) -> None:
    def nonsense(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"!!! nonsense\r\n\r\n" * 10)

    with raw_server(nonsense) as port:
        config = CONNECTED[name](port)
        run = run_text(tmp_path, _flow(f"{{id: a, action: {name}, timeout: 3s, config: {config}}}"))
    found = step(run, "a")
    assert found.verdict in ("error", "failed"), found.message
    assert found.exchanges[0].error_type in ("connection", "server", "timeout"), found.message


def test_a_missing_library_names_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with raw_server(lambda connection: None) as port:
        run = run_text(
            tmp_path, _flow(f"{{id: a, action: kafka_producer, config: {CONNECTED['kafka_producer'](port)}}}")
        )
    assert step(run, "a").verdict == "error"
    assert "pip install 'testmesh[kafka]'" in step(run, "a").message
