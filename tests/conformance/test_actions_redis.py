"""Redis steps against a real server: commands, waiting, messages since the start of the flow."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.flows.support import run_text, step, verdicts


@pytest.mark.server("redis")
def test_redis_commands_by_alias_and_by_words(tmp_path: Path, redis_url: str) -> None:
    run = run_text(
        tmp_path,
        flow_of(
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
        flow_of(
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
        flow_of(
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


CONNECTED = {
    "redis": lambda port: f'{{url: "redis://:{SECRET}@127.0.0.1:{port}/0", key: k}}',
    "redis_publish": lambda port: f'{{url: "redis://:{SECRET}@127.0.0.1:{port}/0", channel: c, message: m}}',
    "redis_subscribe": lambda port: f'{{url: "redis://:{SECRET}@127.0.0.1:{port}/0", channel: c}}',
}


@failing_servers(CONNECTED)
def test_a_failing_redis_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)
