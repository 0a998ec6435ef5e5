"""Redis steps against a real server: commands, waiting, messages since the start of the flow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from flows.clients.redis_commands import COMMANDS
from flows.language.reads import redis_reads
from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.flows.support import run_text, step, verdicts
from tests.servers.process import Server, Unavailable, free_port
from tests.servers.small import start_valkey_with


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
            "{id: p, action: redis_publish, config: {channel: c, message: {n: 1}}, assert: [count == 2]}",
            "{id: q, action: redis_publish, config: {channel: c, message: {n: 2}}, assert: [count == 2]}",
            "{id: a, action: redis_subscribe, config: {channel: c}, assert: [value.n == 1]}",
            "{id: b, action: redis_subscribe, config: {channel: c, match: value.n == 2}, assert: [value.n == 2]}",
            "{id: w, action: redis_subscribe, config: {pattern: '[c]', count: 2}, assert: [count == 2]}",
            "{id: both, action: redis_subscribe, config: {channel: c, count: 2}, assert: ['messages[1].value.n == 2']}",
            "{id: never, action: redis_subscribe, config: {channel: c, match: value.n == 3, expect: none,"
            " timeout: 200ms}}",
        ),
        process={"REDIS_URL": redis_url},
    )
    passes(run)
    assert step(run, "never").duration_ms >= 190


@pytest.mark.server("redis")
def test_stream_entries_since_the_start_of_the_flow_are_seen_by_every_step(tmp_path: Path, redis_url: str) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        client.xadd("orders", {"n": "0"})
    run = run_text(
        tmp_path,
        flow_of(
            "{id: p, action: redis_publish, config: {stream: orders, message: {n: 1, deep: {a: [1]}}},"
            " assert: [offset exists]}",
            "{id: q, action: redis.xadd, config: {key: orders, value: {n: 2}}, assert: [value exists]}",
            "{id: a, action: redis_subscribe, config: {stream: orders},"
            ' assert: [value.n == "1", value.deep.a[0] == 1, \'messages[0].offset == "${p.offset}"\','
            " 'messages[0].timestamp exists']}".replace("value.deep.a[0] == 1", "'value.deep.a[0] == 1'"),
            '{id: b, action: redis_stream, config: {stream: orders, match: value.n == "2"}, assert: [value.n == "2"]}',
            "{id: every, action: redis_subscribe, config: {stream: orders, from: beginning, count: 3},"
            " assert: ['messages[0].value.n == \"0\"', 'messages[2].value.n == \"2\"']}",
            "{id: never, action: redis_subscribe, config: {stream: orders, from: end, expect: none, timeout: 200ms}}",
            '{id: late, action: redis_subscribe, config: {stream: made-later}, assert: [value.value == "x"]}',
            "{id: r, action: redis.xrange, config: {key: orders}, assert: [count == 3, 'value[0].fields.n == \"0\"']}",
        ).replace(
            "    - {id: late",
            "    - {id: made, action: redis_publish, config: {stream: made-later, message: x}}\n    - {id: late",
        ),
        process={"REDIS_URL": redis_url},
    )
    passes(run)


@pytest.mark.server("redis")
def test_what_only_reads_is_what_the_server_itself_flags(redis_url: str) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        client.set_response_callback("COMMAND", lambda reply, **more: reply)
        commands = client.execute_command("COMMAND")
    known = {row[0].decode().upper(): row for row in commands}
    flagged = {name for name, row in known.items() if _readonly(row)}
    assert {name for name in known if redis_reads(name)} == flagged
    parts = [part for row in commands if len(row) > 9 for part in row[9]]
    for part in parts:
        command, _, rest = part[0].decode().partition("|")
        assert redis_reads(f"{command} {rest}") == _readonly(part), part[0]
        assert redis_reads(command, [rest, "k"]) == _readonly(part), part[0]
    missing = {name.upper() for name in COMMANDS} - set(known)
    assert missing <= {"HGETDEL", "HTTL", "HEXPIRE", "HPERSIST"}


def _readonly(row: list[object]) -> bool:
    flags = row[2]
    assert isinstance(flags, list | set)
    return b"readonly" in flags or "readonly" in flags


@pytest.mark.server("redis")
def test_commands_take_maps_lists_and_expiries(tmp_path: Path, redis_url: str) -> None:
    run = run_text(
        tmp_path,
        flow_of(
            "{id: h, action: redis.hset, config: {key: h, value: {a: 1, b: x}}, assert: [value == 2]}",
            '{id: g, action: redis.hgetall, config: {key: h}, assert: [\'value.a == "1"\', value.b == "x"]}',
            "{id: m, action: redis.mset, config: {value: {k1: v1, k2: v2}}, assert: [ok == true]}",
            '{id: n, action: redis.mget, config: {value: [k1, k2]}, assert: [\'value == ["v1", "v2"]\']}',
            "{id: z, action: redis.zadd, config: {key: z, value: [1, one, 2, two]}, assert: [value == 2]}",
            '{id: y, action: redis.zrange, config: {key: z}, assert: [\'value == ["one", "two"]\']}',
            "{id: s, action: redis.setex, config: {key: s, value: v, ttl: 90s}}",
            "{id: t, action: redis.ttl, config: {key: s}, assert: [ttl > 80]}",
            "{id: l, action: redis.rpush, config: {key: l, value: [a, b, c]}, assert: [count == 3]}",
            '{id: r, action: redis.lrange, config: {key: l, stop: 1}, assert: [\'value == ["a", "b"]\']}',
            '{id: u, action: redis, config: {command: SET Line "two Words"}, assert: [ok == true]}',
            '{id: v, action: redis, config: {command: GET Line}, assert: [value == "two Words"]}',
            "{id: w, action: redis, config: {command: SET, args: [Line, x, NX]}, assert: [ok == false]}",
            "{id: o, action: redis.expire, config: {key: nothing, ttl: 9}, assert: [ok == false]}",
            "{id: e, action: redis.eval, config: {args: ['return redis.call(\"incr\", KEYS[1])', 1, c]},"
            " assert: [value == 1]}",
            "{id: i, action: redis, config: {command: XINFO, args: [STREAM, none]}, wait: none, on_error: continue}",
        ),
        process={"REDIS_URL": redis_url},
    )
    assert set(verdicts(run).values()) == {"passed", "error"}, [(s.id, s.message) for s in run.flows[0].steps]
    assert "no such key" in step(run, "i").message
    assert len(step(run, "e").exchanges[0].candidates) == 1


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ("command: MULTI", "use EVAL"),
        ("command: subscribe", "redis_subscribe"),
        ("command: SELECT", "'db'"),
        ("command: GET, field: f", "GET needs a 'key'"),
        ("command: GET, key: k, start: 1", "'start' is for ranges"),
    ],
)
def test_commands_that_are_no_step_are_refused_before_anything_runs(tmp_path: Path, command: str, instead: str) -> None:
    text = flow_of(f"{{id: a, action: redis, config: {{url: 'redis://localhost', {command}}}}}")
    run = run_text(tmp_path, text)
    (problem,) = [found for found in run.flows[0].problems if found["severity"] == "error"]
    assert instead in str(problem["message"])


@pytest.mark.server("redis")
def test_the_step_s_own_login_goes_before_the_url_s_in_every_action(tmp_path: Path, guarded_redis: str) -> None:
    own = f'url: "redis://alice:wrong-one@{guarded_redis}/0", username: bob, password: {SECRET}, db: 3'
    run = run_text(
        tmp_path,
        flow_of(
            f'{{id: s, action: redis_subscribe, config: {{{own}, channel: c}}, assert: [value == "m"]}}',
            f"{{id: w, action: redis.set, config: {{{own}, key: k, value: v}}}}",
        ).replace(
            "- {id: s", f"- {{id: p, action: redis_publish, config: {{{own}, channel: c, message: m}}}}\n    - {{id: s"
        ),
    )
    passes(run)
    refused = run_text(
        tmp_path,
        flow_of(
            *(
                f'{{id: {name}, action: {action}, on_error: continue, config: {{url: "redis://bob:wrong-one@{guarded_redis}",'
                f" {more}}}}}"
                for name, action, more in (
                    ("a", "redis", "key: k"),
                    ("b", "redis_publish", "channel: c, message: m"),
                    ("c", "redis_subscribe", "channel: c, timeout: 1s"),
                )
            )
        ),
    )
    assert set(verdicts(refused).values()) == {"error"}
    for found in refused.flows[0].steps:
        assert "the login was refused" in found.message
        assert "wrong-one" not in found.message


@pytest.fixture
def guarded_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Valkey whose default user is off and where bob may do everything."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "users.acl").write_text(f"user default off\nuser bob on >{SECRET} ~* &* +@all\n")
    yield from _own(folder, ["--aclfile", str(folder / "users.acl")])


def _own(folder: Path, options: list[str]) -> Iterator[str]:
    try:
        server, address = start_valkey_with(folder, options)
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        yield address
    finally:
        server.stop()


@pytest.mark.server("redis")
def test_tls_with_a_private_authority_and_a_client_certificate(tmp_path: Path) -> None:
    import trustme

    ca = trustme.CA()
    server, client = ca.issue_cert("127.0.0.1"), ca.issue_cert("bob@example.org")
    server.private_key_pem.write_to_path(tmp_path / "server.key")
    server.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    client.private_key_pem.write_to_path(tmp_path / "key.pem")
    client.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    options = ["--tls-cert-file", "server.pem", "--tls-key-file", "server.key", "--tls-ca-cert-file", "ca.pem"]
    for address in _own(tmp_path, [*options, "--tls-port"]):
        url = f"rediss://{address}"
        good = "tls: {ca: ca.pem, cert: cert.pem, key: key.pem}"
        run = run_text(
            tmp_path,
            flow_of(
                f"{{id: p, action: redis_publish, config: {{url: '{url}', {good}, stream: s, message: {{a: b}}}}}}",
                f"{{id: c, action: redis_subscribe, config: {{url: '{url}', {good}, stream: s}}}}",
                f"{{id: bad, action: redis.get, config: {{url: '{url}', key: k}}}}",
            ),
        )
        assert verdicts(run) == {"p": "passed", "c": "passed", "bad": "error"}, step(run, "p").message
        assert "certificate not trusted" in step(run, "bad").message


@pytest.mark.server("redis")
def test_a_cluster_s_redirects_are_followed(tmp_path: Path) -> None:
    import redis

    with ExitStack() as stack:
        buses = [free_port(), free_port()]
        options = [["--cluster-enabled", "yes", "--cluster-port", str(bus)] for bus in buses]
        started = [_own(_made(tmp_path / str(n)), options[n]) for n in (0, 1)]
        nodes = [next(stack.enter_context(closing(one))) for one in started]
        clients = [stack.enter_context(redis.Redis.from_url(f"redis://{address}")) for address in nodes]
        for client, slots in zip(clients, ((0, 8191), (8192, 16383)), strict=True):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", *slots)
        clients[0].execute_command("CLUSTER", "MEET", *nodes[1].split(":"), buses[1])
        wait_until(lambda: all("'cluster_state': 'ok'" in str(one.execute_command("CLUSTER INFO")) for one in clients))
        config = "url: 'redis://" + nodes[0] + "'"
        run = run_text(
            tmp_path,
            flow_of(
                *(f"{{id: w{k}, action: redis.set, config: {{{config}, key: k{k}, value: {k}}}}}" for k in range(6)),
                *(
                    f"{{id: p{k}, action: redis_publish, config: {{{config}, stream: s{k}, message: {k}}}}}"
                    for k in range(4)
                ),
                *(f"{{id: c{k}, action: redis_subscribe, config: {{{config}, stream: s{k}}}}}" for k in range(4)),
            ),
        )
        passes(run)
        assert sum(client.dbsize() for client in clients) == 10
        assert all(client.dbsize() for client in clients)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Polls until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.server("redis")
def test_a_server_killed_while_a_step_waits_is_an_error_and_a_stream_loses_nothing(tmp_path: Path) -> None:
    folder, port = _made(tmp_path / "server"), free_port()
    options = ["--appendonly", "yes", "--appendfsync", "always"]
    server, address = start_valkey_with(folder, options, port)
    running = [server]

    def restart() -> None:
        time.sleep(0.4)
        running[-1].process.kill()
        running[-1].process.wait(10)
        running.append(start_valkey_with(folder, options, port)[0])

    again = threading.Thread(target=restart)
    again.start()
    config = f"url: 'redis://{address}'"
    try:
        run = run_text(
            tmp_path,
            flow_of(
                f"{{id: p, action: redis_publish, config: {{{config}, stream: s, message: {{n: 1}}}}}}",
                "{id: c, action: redis_subscribe, on_error: continue,"
                f" config: {{{config}, channel: c, timeout: 9s}}}}",
                f"{{id: q, action: redis_publish, config: {{{config}, stream: s, message: {{n: 2}}}},"
                " retry: {max_attempts: 40, delay: 100ms}}",
                f"{{id: d, action: redis_subscribe, config: {{{config}, stream: s, count: 2}},"
                " retry: {max_attempts: 40, delay: 100ms}}",
                f"{{id: e, action: redis_subscribe, config: {{{config}, channel: c, timeout: 300ms}}}}",
            ),
        )
    finally:
        again.join()
        running[-1].stop()
    assert verdicts(run) == {"p": "passed", "c": "error", "q": "passed", "d": "passed", "e": "error"}
    assert "what was published since then is lost" in step(run, "e").message


@pytest.mark.server("redis")
def test_a_broker_that_comes_up_during_the_flow_loses_nothing(tmp_path: Path) -> None:
    folder, port = _made(tmp_path / "server"), free_port()
    running: list[Server] = []
    late = threading.Timer(0.4, lambda: running.append(start_valkey_with(folder, [], port)[0]))
    late.start()
    config = f"url: 'redis://127.0.0.1:{port}'"
    try:
        run = run_text(
            tmp_path,
            flow_of(
                f"{{id: up, action: wait_for, config: {{tcp: {{host: 127.0.0.1, port: {port}}}}}}}",
                f"{{id: p, action: redis_publish, config: {{{config}, channel: c, message: m}}}}",
                f"{{id: c, action: redis_subscribe, config: {{{config}, channel: c, timeout: 1s}}}}",
                f"{{id: n, action: redis_subscribe, config: {{{config}, channel: c, expect: none, timeout: 200ms}}}}",
            ),
        )
    finally:
        late.join()
        for server in running:
            server.stop()
    assert verdicts(run) == {"up": "passed", "p": "passed", "c": "passed", "n": "failed"}


CONNECTED = {
    "redis": lambda port: f'{{url: "redis://:{SECRET}@127.0.0.1:{port}/0", key: k}}',
    "redis_publish": lambda port: f'{{url: "redis://:{SECRET}@127.0.0.1:{port}/0", channel: c, message: m}}',
    "redis_subscribe": lambda port: f'{{url: "redis://:{SECRET}@127.0.0.1:{port}/0", channel: c}}',
}


@failing_servers(CONNECTED)
def test_a_failing_redis_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)
