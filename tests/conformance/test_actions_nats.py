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
from tests.flows.support import run_text, step, verdicts


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


CONNECTED = {
    "nats_publish": lambda port: f'{{url: "nats://u:{SECRET}@127.0.0.1:{port}", subject: s, value: v}}',
    "nats_subscribe": lambda port: f'{{url: "nats://u:{SECRET}@127.0.0.1:{port}", subject: s}}',
}


@failing_servers(CONNECTED)
def test_a_failing_nats_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)
