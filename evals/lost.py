"""`python -m evals.lost`: messages that a waiting step does not see, while others publish as flows start (goal: none).

Each run is one flow: its first step's start is the signal for the vendor's own client to publish, at random moments
before and after the consumer's step begins; beside it noise goes to the same place all the time. Real brokers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from flows.runner import RunOptions, run_flows
from graph.runs import Event, Run, StepStarted

MESSAGES = 5
SPREAD_SECONDS = 0.01
NOISE_SECONDS = 0.005
Publish = Callable[[str], object]
_FLOW = """
flow:
  name: lost
  steps:
    - {{id: go, action: log, config: {{message: go}}}}
    - id: seen
      action: {action}
      config: {{{config}, match: '{field} == "{tag}"', count: {count}, timeout: 5s}}
"""


@dataclass(frozen=True, slots=True)
class Transport:
    """One way messages travel.

    Args:
        name: in the figures.
        action: that consumes.
        config: of it, for a URL and a topic.
        publisher: publishes texts to a topic, with the vendor's own client.
        field: of a message, where its text is.
    """

    name: str
    action: str
    config: Callable[[str, str], str]
    publisher: Callable[[str, str], Any]
    field: str = "value"


@contextmanager
def _kafka(url: str, topic: str) -> Iterator[Publish]:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": url, "linger.ms": 0, "log_level": 0})

    def publish(text: str) -> None:
        producer.produce(topic, text.encode())
        producer.flush(10)

    yield publish


@contextmanager
def _redis_channel(url: str, topic: str) -> Iterator[Publish]:
    import redis

    with redis.Redis.from_url(url) as client:
        yield lambda text: client.publish(topic, text)


@contextmanager
def _redis_stream(url: str, topic: str) -> Iterator[Publish]:
    import redis

    with redis.Redis.from_url(url) as client:
        yield lambda text: client.xadd(topic, {"v": text})


@contextmanager
def _nats(url: str, topic: str) -> Iterator[Publish]:
    import nats

    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(nats.connect(url))

    async def sent(text: str) -> None:
        await client.publish(topic, text.encode())
        await client.flush()

    try:
        yield lambda text: loop.run_until_complete(sent(text))
    finally:
        loop.run_until_complete(client.close())
        loop.close()


@contextmanager
def _jetstream(url: str, topic: str) -> Iterator[Publish]:
    import nats

    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(nats.connect(url))
    stream = client.jetstream()
    loop.run_until_complete(stream.add_stream(name=topic.replace(".", "-"), subjects=[topic]))
    try:

        def publish(text: str) -> None:
            loop.run_until_complete(stream.publish(topic, text.encode()))

        yield publish
    finally:
        loop.run_until_complete(client.close())
        loop.close()


@contextmanager
def _mqtt(url: str, topic: str) -> Iterator[Publish]:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", int(url.rsplit(":", 1)[1]))
    client.loop_start()
    try:
        yield lambda text: client.publish(topic, text, qos=1).wait_for_publish(10)
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def _rabbitmq(url: str, topic: str) -> Iterator[Publish]:
    import aio_pika

    loop = asyncio.new_event_loop()

    async def opened() -> tuple[Any, Any]:
        connection = await aio_pika.connect(url)
        channel = await connection.channel()
        return connection, await channel.declare_exchange(topic, "topic", auto_delete=False)

    connection, exchange = loop.run_until_complete(opened())

    async def sent(text: str) -> None:
        await exchange.publish(aio_pika.Message(text.encode()), "k")

    try:
        yield lambda text: loop.run_until_complete(sent(text))
    finally:
        loop.run_until_complete(connection.close())
        loop.close()


TRANSPORTS = (
    Transport("kafka", "kafka_consumer", lambda url, topic: f'brokers: "{url}", topic: "{topic}"', _kafka),
    Transport(
        "redis pub/sub", "redis_subscribe", lambda url, topic: f'url: "{url}", channel: "{topic}"', _redis_channel
    ),
    Transport(
        "redis stream",
        "redis_subscribe",
        lambda url, topic: f'url: "{url}", stream: "{topic}"',
        _redis_stream,
        "value.v",
    ),
    Transport("nats", "nats_subscribe", lambda url, topic: f'url: "{url}", subject: "{topic}"', _nats),
    Transport(
        "jetstream",
        "nats_subscribe",
        lambda url, topic: f'url: "{url}", subject: "{topic}", jetstream: true',
        _jetstream,
    ),
    Transport("mqtt", "mqtt_subscribe", lambda url, topic: f'url: "{url}", topic: "{topic}"', _mqtt),
    Transport("rabbitmq", "rabbitmq_consume", lambda url, topic: f'url: "{url}", exchange: "{topic}"', _rabbitmq),
)
_SERVERS = {"redis pub/sub": "redis", "redis stream": "redis", "jetstream": "nats"}


def server_of(transport: Transport) -> str:
    """The name of the server a transport needs.

    Args:
        transport: one of :data:`TRANSPORTS`.
    """
    return _SERVERS.get(transport.name, transport.name)


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the messages of one transport.

    Args:
        runs: flow executions.
        sent: messages that the steps had to see.
        lost: of those, how many they did not.
    """

    runs: int
    sent: int
    lost: int


def lost_over(transport: Transport, url: str, runs: int, folder: Path) -> Figures:
    """Runs flows and counts.

    Args:
        transport: how.
        url: of the broker.
        runs: how many flows.
        folder: scratch.
    """
    topic, spread, missing = f"lost.{uuid4().hex}", random.Random(1), 0
    with ExitStack() as stack:
        publish = stack.enter_context(transport.publisher(url, topic))
        noise = stack.enter_context(transport.publisher(url, topic)) if transport.name != "jetstream" else None
        publish("noise")
        quiet = threading.Event()
        if noise is not None:
            thread = threading.Thread(target=_noisy, args=(noise, quiet))
            thread.start()
            stack.callback(thread.join)
            stack.callback(quiet.set)
        for number in range(runs):
            tag = f"run{number}"
            text = _FLOW.format(
                action=transport.action,
                config=transport.config(url, topic),
                field=transport.field,
                tag=tag,
                count=MESSAGES,
            )
            (folder / "flow.yaml").write_text(text)
            run = _run_while(folder, lambda tag=tag: _publish_all(publish, tag, spread))  # type: ignore[misc]
            missing += _missing(run, transport.field, tag)
    return Figures(runs, runs * MESSAGES, missing)


def _noisy(publish: Publish, quiet: threading.Event) -> None:
    while not quiet.wait(NOISE_SECONDS):
        publish("noise")


def _publish_all(publish: Publish, tag: str, spread: random.Random) -> None:
    for _ in range(MESSAGES):
        publish(tag)
        time.sleep(spread.uniform(0, SPREAD_SECONDS))


def _run_while(folder: Path, happen: Callable[[], None]) -> Run:
    started = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, StepStarted):
            started.set()

    def act() -> None:
        started.wait()
        happen()

    thread = threading.Thread(target=act)
    thread.start()
    run = asyncio.run(run_flows(RunOptions(paths=("flow.yaml",), root=folder), [listen]))
    thread.join()
    return run


def _missing(run: Run, field: str, tag: str) -> int:
    """How many of a run's messages its step never saw."""
    step = next((found for found in run.flows[0].steps if found.id == "seen"), None)
    if step is None or not step.exchanges or step.verdict == "error":
        raise SystemExit(f"the flow did not run: {step.message if step is not None else run.flows[0].problems}")
    seen = 0
    for candidate in step.exchanges[0].candidates:
        value: object = candidate
        for part in field.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        seen += value == tag
    return MESSAGES - seen if step.verdict != "passed" else 0


@contextmanager
def _brokers(folder: Path) -> Iterator[dict[str, str]]:
    """URLs of real brokers by name."""
    from tests.servers.brokers import start_mosquitto, start_nats, start_rabbitmq
    from tests.servers.kafka import start_kafka
    from tests.servers.small import start_valkey

    starters = {
        "kafka": start_kafka,
        "redis": start_valkey,
        "nats": start_nats,
        "mqtt": start_mosquitto,
        "rabbitmq": start_rabbitmq,
    }
    with ExitStack() as stack:
        found = {}
        for name, starter in starters.items():
            (folder / name).mkdir()
            server, found[name] = starter(folder / name)
            stack.callback(server.stop)
        yield found


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="evals.lost", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="flow runs over all transports")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="testmesh-lost-") as name, _brokers(Path(name)) as urls:
        for index, transport in enumerate(TRANSPORTS):
            share = options.runs // len(TRANSPORTS) + (index < options.runs % len(TRANSPORTS))
            began = time.monotonic()
            found = lost_over(transport, urls[server_of(transport)], share, Path(name))
            took = f"{time.monotonic() - began:.0f} s"
            print(f"{transport.name:<14} runs {found.runs:>4}  sent {found.sent:>5}  lost {found.lost:>3}  {took}")
            rows.append({"name": f"lost {transport.name}", "value": found.lost, "goal": 0, "runs": found.runs})
    total = sum(int(str(row["value"])) for row in rows)
    print(f"{'all':<14} runs {options.runs:>4}  lost {total:>3}  goal 0  {'holds' if not total else 'MISSED'}")
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
