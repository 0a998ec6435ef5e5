"""RabbitMQ steps against a real broker: exchanges since the start of the flow, queues left as they were, streams."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.conformance.brokers import certificates
from tests.flows.support import run_text, step, unused_port, verdicts
from tests.servers.brokers import start_rabbitmq
from tests.servers.process import Unavailable, free_port


def _name() -> str:
    return f"t-{uuid4().hex}"


def _as_peer(url: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Does something with the usual client."""
    import aio_pika

    async def done() -> Any:
        connection = await aio_pika.connect(url)
        async with connection:
            return await work(await connection.channel())

    return asyncio.run(done())


@pytest.mark.server("rabbitmq")
def test_messages_of_an_exchange_since_the_start_of_the_flow_are_seen_by_every_consumer(
    tmp_path: Path, rabbitmq_url: str
) -> None:
    exchange = _name()
    target = f"exchange: {exchange}, routing_key: order.created"
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: p, action: rabbitmq_publish, config: {{{target}, value: {{n: 1}},"
            " headers: {h: x, deep: {a: 1}}, properties: {correlation_id: c1, type: made, priority: 3}},"
            " assert: [ok == true]}",
            f"{{id: q, action: rabbitmq.publish, config: {{{target}, payload: {{n: 2}}}}, assert: [ok == true]}}",
            f"{{id: a, action: rabbitmq_consume, config: {{{target}, exchange_type: topic}},"
            ' assert: [value.n == 1, key == "order.created", headers.h == "x", headers.deep.a == 1,'
            " headers.traceparent exists, 'messages[0].properties.correlation_id == \"c1\"',"
            " 'messages[0].properties.type == \"made\"', 'messages[0].properties.content_type == \"application/json\"',"
            f" 'messages[0].topic == \"{exchange}\"']}}",
            f"{{id: b, action: rabbitmq_consumer, config: {{{target}, match: value.n == 2, exchange_type: topic}},"
            " assert: [value.n == 2]}",
            f"{{id: every, action: rabbitmq.consume, config: {{exchange: {exchange}, count: 2, exchange_type: topic}},"
            " assert: ['messages[1].value.n == 2']}",
            f'{{id: wild, action: rabbitmq_consume, config: {{exchange: {exchange}, routing_key: "*.created"}}}}',
            f"{{id: never, action: rabbitmq_consume, config: {{exchange: {exchange}, routing_key: order.gone,"
            " expect: none, timeout: 200ms}}",
        ),
        process={"RABBITMQ_URL": rabbitmq_url},
    )
    passes(run)
    assert step(run, "never").duration_ms >= 190


@pytest.mark.server("rabbitmq")
def test_a_queue_is_looked_at_and_left_as_it_was_unless_acknowledged(tmp_path: Path, rabbitmq_url: str) -> None:
    queue = _name()

    async def prepared(channel: Any) -> None:
        import aio_pika

        await channel.declare_queue(queue, durable=True)
        await channel.default_exchange.publish(aio_pika.Message(b'{"n": 0}'), queue)

    async def left(channel: Any) -> list[bytes]:
        found = await channel.declare_queue(queue, passive=True)
        taken = [await found.get(no_ack=False) for _ in range(found.declaration_result.message_count)]
        for message in taken:
            await message.reject(requeue=True)
        return [message.body for message in taken]

    _as_peer(rabbitmq_url, prepared)
    publish = f"{{id: p, action: rabbitmq_publish, config: {{queue: {queue}, value: {{n: 1}}}}, assert: [ok == true]}}"
    flow = flow_of(
        publish,
        f"{{id: new, action: rabbitmq_consume, config: {{queue: {queue}}}, assert: [value.n == 1]}}",
        f"{{id: again, action: rabbitmq_consume, config: {{queue: {queue}}}, assert: [value.n == 1]}}",
        f"{{id: every, action: rabbitmq_consume, config: {{queue: {queue}, from: beginning, count: 2}},"
        " assert: [value.n == 0]}",
        f"{{id: quiet, action: rabbitmq_consume, config: {{queue: {queue}, from: end, expect: none, timeout: 100ms}}}}",
    )
    passes(run_text(tmp_path, flow, process={"RABBITMQ_URL": rabbitmq_url}))
    assert _as_peer(rabbitmq_url, left) == [b'{"n": 0}', b'{"n":1}']
    drain = f"{{id: d, action: rabbitmq_consume, config: {{queue: {queue}, from: beginning, ack: true, count: 2}}}}"
    passes(run_text(tmp_path, flow_of(drain), process={"RABBITMQ_URL": rabbitmq_url}))
    assert _as_peer(rabbitmq_url, left) == []


@pytest.mark.server("rabbitmq")
def test_a_queue_that_others_consume_from_is_not_touched(tmp_path: Path, rabbitmq_url: str) -> None:
    queue = _name()

    async def ignored(message: Any) -> None:
        """Takes it away."""

    async def consumed(channel: Any) -> Any:
        found = await channel.declare_queue(queue, auto_delete=True)
        await found.consume(ignored, no_ack=True)
        flow = flow_of(f"{{id: c, action: rabbitmq_consume, config: {{queue: {queue}, timeout: 1s}}}}")
        return await asyncio.to_thread(run_text, tmp_path, flow, process={"RABBITMQ_URL": rabbitmq_url})

    found = step(_as_peer(rabbitmq_url, consumed), "c")
    assert found.verdict == "error"
    assert "has one consumer" in found.message
    assert "name the exchange and routing_key" in found.message


@pytest.mark.server("rabbitmq")
def test_what_no_queue_gets_and_what_does_not_exist_are_errors_of_the_server(tmp_path: Path, rabbitmq_url: str) -> None:
    name = _name()
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: nobody, action: rabbitmq_publish, on_error: continue, config: {{queue: {name}, value: x}}}}",
            f"{{id: optional, action: rabbitmq_publish, config: {{queue: {name}, value: x, mandatory: false}}}}",
            f"{{id: missing, action: rabbitmq_publish, on_error: continue,"
            f" config: {{exchange: {name}, routing_key: k, value: x}}}}",
            "{id: after, action: rabbitmq_publish, config: {exchange: amq.topic, routing_key: k, value: x,"
            " mandatory: false}}",
            f"{{id: unseen, action: rabbitmq_consume, on_error: continue, config: {{exchange: {name}}}}}",
            "{id: direct, action: rabbitmq_consume, config: {exchange: amq.direct}}",
        ),
        process={"RABBITMQ_URL": rabbitmq_url},
    )
    assert verdicts(run) == {
        "nobody": "error",
        "optional": "passed",
        "missing": "error",
        "after": "passed",
        "unseen": "error",
        "direct": "error",
    }
    assert "no queue takes it (NO_ROUTE)" in step(run, "nobody").message
    assert "no exchange" in step(run, "missing").message
    assert "exchange_type: topic would declare it" in step(run, "unseen").message
    assert "amq.direct is direct: name the routing_key" in step(run, "direct").message


@pytest.mark.server("rabbitmq")
def test_an_exchange_made_during_the_flow_was_not_watched_and_that_is_said(tmp_path: Path, rabbitmq_url: str) -> None:
    name, port = _name(), unused_port()
    flow = flow_of(
        f"{{id: w, action: wait_for, optional: true, config: {{tcp: {{port: {port}}}, timeout: 500ms}}}}",
        f"{{id: c, action: rabbitmq_consume, config: {{exchange: {name}, expect: none, timeout: 100ms}}}}",
    )
    making = threading.Timer(0.2, _as_peer, (rabbitmq_url, lambda channel: channel.declare_exchange(name, "topic")))
    making.start()
    run = run_text(tmp_path, flow, process={"RABBITMQ_URL": rabbitmq_url})
    making.join()
    assert step(run, "c").verdict == "error"
    assert "when the flow started" in step(run, "c").message


@pytest.mark.server("rabbitmq")
def test_every_kind_of_exchange_is_seen_whole(tmp_path: Path, rabbitmq_url: str) -> None:
    run = run_text(
        tmp_path,
        flow_of(
            *(
                f"{{id: p{kind}, action: rabbitmq_publish, config: {{exchange: amq.{kind}, value: {kind},"
                " headers: {a: 1}}}"
                for kind in ("fanout", "headers", "topic")
            ),
            *(
                f'{{id: c{kind}, action: rabbitmq_consume, config: {{exchange: amq.{kind}, match: value == "{kind}"}}}}'
                for kind in ("fanout", "headers", "topic")
            ),
            "{id: bound, action: rabbitmq_consume, config: {exchange: amq.headers, binding: {x-match: all, a: 1}}}",
        ),
        process={"RABBITMQ_URL": rabbitmq_url},
    )
    passes(run)


@pytest.mark.server("rabbitmq")
def test_a_stream_is_read_from_a_position(tmp_path: Path, rabbitmq_url: str) -> None:
    stream = _name()

    async def prepared(channel: Any) -> None:
        import aio_pika

        await channel.declare_queue(stream, durable=True, arguments={"x-queue-type": "stream"})
        await channel.default_exchange.publish(aio_pika.Message(b'{"n": 0}'), stream)

    _as_peer(rabbitmq_url, prepared)
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: p, action: rabbitmq_publish, config: {{queue: {stream}, value: {{n: 1}}}}, assert: [ok == true]}}",
            f"{{id: new, action: rabbitmq_consume, config: {{stream: {stream}}},"
            " assert: [value.n == 1, 'messages[0].offset == 1']}",
            f"{{id: every, action: rabbitmq_consume, config: {{stream: {stream}, from: beginning, count: 2}},"
            " assert: ['messages[0].value.n == 0', 'messages[1].value.n == 1']}",
        ),
        process={"RABBITMQ_URL": rabbitmq_url},
    )
    passes(run)


def _flow(url: str, *more: str) -> str:
    there = ", ".join((f"url: '{url}', exchange: amq.topic, routing_key: k", *more))
    return flow_of(
        f"{{id: p, action: rabbitmq_publish, on_error: continue, config: {{{there}, value: m}}}}",
        f"{{id: c, action: rabbitmq_consume, on_error: continue, config: {{{there}, timeout: 1s}},"
        ' assert: [value == "m"]}',
    )


@pytest.mark.server("rabbitmq")
def test_logins_virtual_hosts_and_what_is_refused(tmp_path: Path, rabbitmq_url: str) -> None:
    at = rabbitmq_url.rpartition("@")[2]
    passes(run_text(tmp_path, _flow(f"amqp://guest:wrong-one@{at}/nowhere", "password: guest, vhost: /")))
    refused = run_text(tmp_path, _flow(f"amqp://guest:wrong-one@{at}"))
    elsewhere = run_text(tmp_path, _flow(f"amqp://guest:guest@{at}/nowhere"))
    for run, said in ((refused, "the login was refused"), (elsewhere, "vhost nowhere not found")):
        assert verdicts(run) == {"p": "error", "c": "error"}
        for found in run.flows[0].steps:
            assert said in found.message
            assert "wrong-one" not in found.message


@pytest.mark.server("rabbitmq")
def test_tls_a_client_certificate_and_a_broker_killed_meanwhile(tmp_path: Path) -> None:
    certificates(tmp_path)
    tls_port = free_port()
    settings = [
        f"listeners.ssl.1 = 127.0.0.1:{tls_port}",
        f"ssl_options.cacertfile = {tmp_path}/ca.pem",
        f"ssl_options.certfile = {tmp_path}/server.pem",
        f"ssl_options.keyfile = {tmp_path}/server.key",
        "ssl_options.verify = verify_peer",
        "ssl_options.fail_if_no_peer_cert = true",
    ]
    folder = tmp_path / "broker"
    folder.mkdir()
    try:
        server, url = start_rabbitmq(folder, settings)
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        secure = f"amqps://guest:guest@127.0.0.1:{tls_port}"
        passes(run_text(tmp_path, _flow(secure, "tls: {ca: ca.pem, cert: cert.pem, key: key.pem}")))
        untrusting = run_text(tmp_path, _flow(secure))
        assert "certificate not trusted" in step(untrusting, "p").message
        killer = threading.Timer(0.5, server.kill)
        killer.start()
        waiting = "{id: c, action: rabbitmq_consume, config: {exchange: amq.topic, timeout: 9s}}"
        run = run_text(tmp_path, flow_of(waiting), process={"RABBITMQ_URL": url})
        killer.join()
        found = step(run, "c")
        assert (found.verdict, found.exchanges[0].error_type) == ("error", "connection")
        assert "what was published since then is lost" in found.message
    finally:
        server.stop()


CONNECTED = {
    "rabbitmq_publish": lambda port: f'{{url: "amqp://u:{SECRET}@127.0.0.1:{port}", queue: q, value: v}}',
    "rabbitmq_consume": lambda port: f'{{url: "amqp://u:{SECRET}@127.0.0.1:{port}", exchange: e}}',
}


@failing_servers(CONNECTED)
def test_a_failing_rabbitmq_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)
