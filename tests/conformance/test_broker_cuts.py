"""A connection that breaks in the middle of a flow: what is kept is read on, what is not kept is an error."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from uuid import uuid4

import pytest

from flows.runner import RunOptions, run_flows
from graph.runs import Event, Run, StepFinished
from tests.conformance.actions import flow_of
from tests.conformance.brokers import Proxy
from tests.flows.support import step, verdicts, write

KEPT = {
    "redis stream": ("redis_url", "redis_publish", "redis_subscribe", "stream: {name}", "message"),
    "jetstream": ("nats_url", "nats_publish", "nats_subscribe", "subject: {name}, jetstream: true", "value"),
    "rabbitmq stream": ("rabbitmq_url", "rabbitmq_publish", "rabbitmq_consume", "{kind}: {name}", "value"),
}
LOST = {
    "redis channel": ("redis_url", "redis_publish", "redis_subscribe", "channel: {name}", "message"),
    "nats": ("nats_url", "nats_publish", "nats_subscribe", "subject: {name}", "value"),
    "mqtt": ("mqtt_url", "mqtt_publish", "mqtt_subscribe", "topic: {name}", "value"),
    "rabbitmq exchange": (
        "rabbitmq_url",
        "rabbitmq_publish",
        "rabbitmq_consume",
        "exchange: amq.topic, routing_key: {name}",
        "value",
    ),
}


def _prepared(case: str, url: str, name: str) -> None:
    """Makes the stream, where that is not done by publishing."""

    async def jetstream() -> None:
        import nats

        client = await nats.connect(url)
        await client.jetstream().add_stream(name=name.replace(".", "-"), subjects=[name])
        await client.close()

    async def rabbitmq() -> None:
        import aio_pika

        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "stream"})

    if case == "jetstream":
        asyncio.run(jetstream())
    elif case == "rabbitmq stream":
        asyncio.run(rabbitmq())


def _cut_after_first(folder: Path, request: pytest.FixtureRequest, case: str) -> Run:
    fixture, publish, consume, where, field = {**KEPT, **LOST}[case]
    url, name = request.getfixturevalue(fixture), f"t-{uuid4().hex}"
    _prepared(case, url, name)
    proxy = Proxy(int(re.findall(r":(\d+)", url)[-1]))
    through = re.sub(r":\d+(?=/|$)", f":{proxy.port}", url)
    there = {kind: where.format(name=name, kind=kind) for kind in ("queue", "stream")}
    text = flow_of(
        f"{{id: first, action: {publish}, config: {{url: '{url}', {there['queue']}, {field}: {{n: 1}}}}}}",
        f"{{id: early, action: {consume}, config: {{url: '{through}', {there['stream']}, timeout: 5s}}}}",
        f"{{id: second, action: {publish}, on_error: continue,"
        f" config: {{url: '{url}', {there['queue']}, {field}: {{n: 2}}}}}}",
        f"{{id: seen, action: {consume}, config: {{url: '{through}', {there['stream']}, count: 2, timeout: 5s}},"
        " assert: ['int(messages[0].value.n) == 1', 'int(messages[1].value.n) == 2']}",
    )

    def listen(event: Event) -> None:
        if isinstance(event, StepFinished) and event.step.id == "early":
            proxy.cut()

    try:
        file = write(folder, text)
        return asyncio.run(run_flows(RunOptions(paths=(file,), root=folder), [listen]))
    finally:
        proxy.close()


@pytest.mark.parametrize("case", sorted(KEPT))
def test_what_a_broker_keeps_is_read_on(tmp_path: Path, request: pytest.FixtureRequest, case: str) -> None:
    run = _cut_after_first(tmp_path, request, case)
    assert set(verdicts(run).values()) == {"passed"}, step(run, "seen").message


@pytest.mark.parametrize("case", sorted(LOST))
def test_what_a_broker_does_not_keep_is_an_error(tmp_path: Path, request: pytest.FixtureRequest, case: str) -> None:
    found = step(_cut_after_first(tmp_path, request, case), "seen")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "connection"), found.message
    assert "what was published since then is lost" in found.message
