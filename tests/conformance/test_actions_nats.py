"""NATS steps against a real server: subjects since the start of the flow, JetStream from a position, requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.conformance.brokers import certificates, killed_meanwhile, started
from tests.flows.support import run_text, step, verdicts
from tests.servers.brokers import start_nats
from tests.servers.nats_accounts import write_accounts
from tests.servers.process import Server, free_port


def _subject() -> str:
    return f"t.{uuid4().hex}"


@asynccontextmanager
async def _peer(url: str) -> AsyncIterator[Any]:
    """The vendor's own client."""
    import nats

    client = await nats.connect(url)
    try:
        yield client
    finally:
        await client.close()


def _as_peer(url: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    async def done() -> Any:
        async with _peer(url) as client:
            return await work(client)

    return asyncio.run(done())


@pytest.mark.server("nats")
def test_messages_since_the_start_of_the_flow_are_seen_by_every_subscriber(tmp_path: Path, nats_url: str) -> None:
    subject = _subject()
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: p, action: nats_publish, config: {{subject: {subject}, value: {{n: 1}}, headers: {{h: x}}}},"
            " assert: [ok == true]}",
            f"{{id: q, action: nats.publish, config: {{topic: {subject}, payload: {{n: 2}}}}, assert: [ok == true]}}",
            f"{{id: a, action: nats_subscribe, config: {{subject: {subject}}},"
            ' assert: [value.n == 1, headers.h == "x", headers.traceparent exists]}',
            f"{{id: b, action: nats_consume, config: {{subject: {subject}, match: value.n == 2}},"
            f" assert: [value.n == 2, 'messages[0].topic == \"{subject}\"']}}",
            f'{{id: wild, action: nats_subscribe, config: {{subject: "{subject[:-4]}*", count: 2}}, wait: none}}',
            '{id: tree, action: nats_subscribe, config: {subject: "t.>", count: 2},'
            " assert: ['messages[1].value.n == 2']}",
            f"{{id: never, action: nats_subscribe, config: {{subject: {subject}, match: value.n == 3, expect: none,"
            " timeout: 200ms}}",
        ).replace(subject[:-4] + "*", "t.*"),
        process={"NATS_URL": nats_url},
    )
    passes(run)
    assert step(run, "never").duration_ms >= 190


@pytest.mark.server("nats")
def test_a_stream_is_read_from_a_position(tmp_path: Path, nats_url: str) -> None:
    subject, stream = _subject(), f"S{uuid4().hex}"

    async def prepared(client: Any) -> None:
        await client.jetstream().add_stream(name=stream, subjects=[subject])
        await client.jetstream().publish(subject, b'{"n": 0}')

    _as_peer(nats_url, prepared)
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: p, action: nats_publish, config: {{subject: {subject}, value: {{n: 1}}, stream: {stream}}},"
            f' assert: [offset == 2, stream == "{stream}"]}}',
            f"{{id: new, action: nats_subscribe, config: {{stream: {stream}}},"
            " assert: [value.n == 1, 'messages[0].offset == 2', 'messages[0].timestamp exists']}",
            f"{{id: every, action: nats_subscribe, config: {{subject: {subject}, jetstream: true, from: beginning,"
            " count: 2}, assert: ['messages[0].value.n == 0', 'messages[1].value.n == 1']}",
            f"{{id: end, action: nats_subscribe, config: {{stream: {stream}, from: end, expect: none,"
            " timeout: 100ms}}",
            f"{{id: other, action: nats_publish, config: {{subject: {subject}.no, value: x, jetstream: true}}}}",
        ),
        process={"NATS_URL": nats_url},
    )
    assert verdicts(run) == {"p": "passed", "new": "passed", "every": "passed", "end": "passed", "other": "error"}
    assert "no JetStream stream stores it" in step(run, "other").message


@pytest.mark.server("nats")
def test_a_request_is_answered_or_nobody_is_there(tmp_path: Path, nats_url: str) -> None:
    subject = _subject()

    async def served(client: Any) -> Any:
        async def answer(message: Any) -> None:
            await message.respond(b'{"seen": ' + message.data + b"}")

        await client.subscribe(subject, cb=answer)
        await client.flush()
        flow = flow_of(
            f"{{id: r, action: nats_request, config: {{subject: {subject}, value: {{n: 1}}}},"
            " assert: [value.seen.n == 1]}",
            f"{{id: x, action: nats_request, config: {{subject: {subject}.no, value: 1}}, assert: [ok == true]}}",
        )
        return await asyncio.to_thread(run_text, tmp_path, flow, process={"NATS_URL": nats_url})

    run = _as_peer(nats_url, served)
    assert verdicts(run) == {"r": "passed", "x": "error"}
    assert "nobody answers" in step(run, "x").message


def _flow(url: str, more: str = "") -> str:
    return flow_of(
        f"{{id: p, action: nats_publish, on_error: continue, config: {{url: '{url}', subject: s, value: m, {more}}}}}",
        "{id: c, action: nats_subscribe, on_error: continue,"
        f" config: {{url: '{url}', subject: s, timeout: 1s, {more}}}, assert: [value == \"m\"]}}",
    )


@pytest.mark.server("nats")
def test_logins_and_what_is_refused(tmp_path: Path) -> None:
    options = ["--user", "bob", "--pass", SECRET]
    with started(lambda: start_nats(tmp_path, options)) as url:
        at = url.removeprefix("nats://")
        passes(run_text(tmp_path, _flow(f"nats://bob:{SECRET}@{at}")))
        passes(run_text(tmp_path, _flow(f"nats://bob:wrong-one@{at}", f"password: {SECRET}")))
        refused = run_text(tmp_path, _flow(f"nats://bob:wrong-one@{at}"))
    assert verdicts(refused) == {"p": "error", "c": "error"}
    for found in refused.flows[0].steps:
        assert "the login was refused" in found.message
        assert "wrong-one" not in found.message


@pytest.mark.server("nats")
def test_a_token_and_a_message_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "n.conf").write_text("max_payload: 100\n")
    with started(lambda: start_nats(tmp_path, ["--auth", SECRET, "-c", str(tmp_path / "n.conf")])) as url:
        passes(run_text(tmp_path, _flow(url, f"token: {SECRET}")))
        config = f"{{url: '{url}', token: {SECRET}, subject: s, value: {'x' * 200}}}"
        run = run_text(tmp_path, flow_of(f"{{id: p, action: nats_publish, config: {config}}}"))
    assert "is larger than the server takes (100)" in step(run, "p").message
    assert SECRET not in step(run, "p").message


@pytest.mark.server("nats")
def test_a_credentials_file(tmp_path: Path) -> None:
    with started(lambda: start_nats(tmp_path, write_accounts(tmp_path), jetstream=False)) as url:
        passes(run_text(tmp_path, _flow(url, "credentials: bob.creds")))
        refused = run_text(tmp_path, _flow(url))
        write_accounts(tmp_path)
        stranger = run_text(tmp_path, _flow(url, "credentials: bob.creds"))
    assert "the login was refused" in step(refused, "p").message
    assert "the login was refused" in step(stranger, "c").message


@pytest.mark.server("nats")
def test_tls_with_a_private_authority_and_a_client_certificate(tmp_path: Path) -> None:
    certificates(tmp_path)
    names = {"--tlscert": "server.pem", "--tlskey": "server.key", "--tlscacert": "ca.pem"}
    options = ["--tls", "--tlsverify", *(word for k, v in names.items() for word in (k, str(tmp_path / v)))]
    with started(lambda: start_nats(tmp_path, options)) as url:
        passes(run_text(tmp_path, _flow(url, "tls: {ca: ca.pem, cert: cert.pem, key: key.pem}")))
        untrusting = run_text(tmp_path, _flow(url, "tls: true"))
        plain = run_text(tmp_path, _flow(url))
    assert "certificate not trusted" in step(untrusting, "p").message
    assert "the server asks for TLS" in step(plain, "p").message


@pytest.mark.server("nats")
def test_what_a_user_may_not_do_is_said(tmp_path: Path) -> None:
    (tmp_path / "n.conf").write_text(
        f"authorization {{ users: [{{ user: bob, password: {SECRET},"
        " permissions: { publish: ok, subscribe: ok } }] }\n"
    )
    with started(lambda: start_nats(tmp_path, ["-c", str(tmp_path / "n.conf")])) as url:
        run = run_text(tmp_path, _flow(url, f"username: bob, password: {SECRET}"))
    assert verdicts(run) == {"p": "error", "c": "error"}
    assert "Permissions Violation" in step(run, "p").message
    assert "Permissions Violation" in step(run, "c").message


@pytest.mark.server("nats")
def test_a_server_killed_while_a_step_waits_is_an_error_and_a_stream_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    again = "retry: {max_attempts: 60, delay: 100ms}"

    def begin() -> tuple[Server, str]:
        server, url = start_nats(tmp_path, port=port)
        _as_peer(url, lambda client: client.jetstream().add_stream(name="S", subjects=["s"]))
        return server, url

    with killed_meanwhile(begin, 1.0) as url:
        run = run_text(
            tmp_path,
            flow_of(
                "{id: p, action: nats_publish, config: {subject: s, value: {n: 1}, jetstream: true}}",
                "{id: c, action: nats_subscribe, on_error: continue, config: {subject: other, timeout: 9s}}",
                f"{{id: q, action: nats_publish, config: {{subject: s, value: {{n: 2}}, jetstream: true}}, {again}}}",
                f"{{id: d, action: nats_subscribe, config: {{stream: S, count: 2}}, {again},"
                " assert: ['messages[0].value.n == 1', 'messages[1].value.n == 2']}",
                "{id: e, action: nats_subscribe, config: {subject: other, timeout: 300ms}}",
            ),
            process={"NATS_URL": url},
        )
    assert verdicts(run) == {"p": "passed", "c": "error", "q": "passed", "d": "passed", "e": "error"}, run
    assert step(run, "c").exchanges[0].error_type == "connection"
    assert "what was published since then is lost" in step(run, "e").message


CONNECTED = {
    "nats_publish": lambda port: f'{{url: "nats://u:{SECRET}@127.0.0.1:{port}", subject: s, value: v}}',
    "nats_subscribe": lambda port: f'{{url: "nats://u:{SECRET}@127.0.0.1:{port}", subject: s}}',
}


@failing_servers(CONNECTED)
def test_a_failing_nats_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)
