"""What `evals.reaction` waits for: one server each, the flow that waits, and how to make the awaited thing happen."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import urllib.request
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import Server, free_port


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of wait.

    Args:
        step: number of the sample → the steps of the flow, the waiting one with id ``wait``.
        happen: makes it happen; returns when it is committed, or acknowledged.
    """

    step: Callable[[int], str]
    happen: Callable[[int], None]


@contextmanager
def _served(starter: Callable[[Path], tuple[Server, Any]], folder: Path) -> Iterator[Any]:
    server, address = starter(folder)
    try:
        yield address
    finally:
        server.stop()


class _Loop:
    """An event loop in a thread of its own, for publishers that need one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs it there and waits."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


def _read(url: str, n: int) -> str:
    query = f"SELECT * FROM seen WHERE id = {n}"
    return f'{{id: wait, action: sql, config: {{connection: "{url}", query: "{query}"}}, assert: [count == 1]}}'


@contextmanager
def postgres(folder: Path) -> Iterator[Kind]:
    """A read of PostgreSQL."""
    import psycopg

    from tests.servers.small import start_postgres

    with _served(start_postgres, folder) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE seen (id int)")
        yield Kind(
            lambda n: _read(url, n), lambda n: (connection.execute("INSERT INTO seen VALUES (%s)", [n]), None)[1]
        )


@contextmanager
def mariadb(folder: Path) -> Iterator[Kind]:
    """A read of MariaDB."""
    import pymysql  # type: ignore[import-untyped]

    from tests.servers.databases import start_mariadb

    with _served(start_mariadb, folder) as database:
        port = int(database.url.rpartition(":")[2].partition("/")[0])
        with pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True) as connection:
            cursor = connection.cursor()
            cursor.execute("CREATE DATABASE reaction")
            cursor.execute("CREATE TABLE reaction.seen (id int)")
            url = database.url.rsplit("/", 1)[0] + "/reaction"
            yield Kind(
                lambda n: _read(url, n), lambda n: (cursor.execute(f"INSERT INTO reaction.seen VALUES ({n})"), None)[1]
            )


@contextmanager
def sqlite(folder: Path) -> Iterator[Kind]:
    """A read of SQLite."""
    connection = sqlite3.connect(folder / "seen.db", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = off")
    connection.execute("CREATE TABLE seen (id int)")
    url = f"sqlite:///{folder}/seen.db"
    yield Kind(lambda n: _read(url, n), lambda n: (connection.execute(f"INSERT INTO seen VALUES ({n})"), None)[1])
    connection.close()


@contextmanager
def redis_get(folder: Path) -> Iterator[Kind]:
    """A read of Redis."""
    import redis

    from tests.servers.small import start_valkey

    with _served(start_valkey, folder) as url, redis.Redis.from_url(url) as client:
        config = '{{url: "{url}", command: GET, args: ["k{n}"]}}'
        step = f"{{{{id: wait, action: redis, config: {config}, assert: [exists == true]}}}}"
        yield Kind(lambda n: step.format(url=url, n=n), lambda n: (client.set(f"k{n}", "1"), None)[1])


@contextmanager
def redis_channel(folder: Path) -> Iterator[Kind]:
    """A subscriber of Redis."""
    import redis

    from tests.servers.small import start_valkey

    with _served(start_valkey, folder) as url, redis.Redis.from_url(url) as client:
        step = '{{id: wait, action: redis_subscribe, config: {{url: "{url}", channel: c{n}}}, assert: [value == {n}]}}'
        yield Kind(lambda n: step.format(url=url, n=n), lambda n: (client.publish(f"c{n}", str(n)), None)[1])


@contextmanager
def mqtt(folder: Path) -> Iterator[Kind]:
    """A subscriber of MQTT."""
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    from tests.servers.brokers import start_mosquitto

    with _served(start_mosquitto, folder) as url:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", int(url.rpartition(":")[2]))
        client.loop_start()
        step = '{{id: wait, action: mqtt_subscribe, config: {{url: "{url}", topic: t/{n}}}, assert: [value == {n}]}}'
        yield Kind(
            lambda n: step.format(url=url, n=n), lambda n: client.publish(f"t/{n}", str(n), qos=1).wait_for_publish(10)
        )
        client.loop_stop()


@contextmanager
def nats(folder: Path) -> Iterator[Kind]:
    """A subscriber of NATS."""
    import nats as library

    from tests.servers.brokers import start_nats

    with _served(start_nats, folder) as url:
        loop = _Loop()
        client = loop.do(library.connect(url))

        async def publish(n: int) -> None:
            await client.publish(f"s.{n}", str(n).encode())
            await client.flush()

        step = '{{id: wait, action: nats_subscribe, config: {{url: "{url}", subject: s.{n}}}, assert: [value == {n}]}}'
        yield Kind(lambda n: step.format(url=url, n=n), lambda n: loop.do(publish(n)))
        loop.do(client.close())


@contextmanager
def rabbitmq(folder: Path) -> Iterator[Kind]:
    """A consumer of RabbitMQ."""
    import aio_pika

    from tests.servers.brokers import start_rabbitmq

    with _served(start_rabbitmq, folder) as url:
        loop = _Loop()

        async def opened() -> tuple[Any, Any]:
            connection = await aio_pika.connect(url)
            channel = await connection.channel()
            return connection, await channel.declare_exchange("seen", "topic", durable=True)

        connection, exchange = loop.do(opened())
        step = (
            '{{id: wait, action: rabbitmq_consume, config: {{url: "{url}", exchange: seen, routing_key: k{n}}},'
            " assert: [value == {n}]}}"
        )
        yield Kind(
            lambda n: step.format(url=url, n=n),
            lambda n: loop.do(exchange.publish(aio_pika.Message(str(n).encode()), f"k{n}")),
        )
        loop.do(connection.close())


@contextmanager
def kafka(folder: Path) -> Iterator[Kind]:
    """A consumer of Kafka."""
    from confluent_kafka import Producer

    from tests.servers.kafka import start_kafka

    with _served(start_kafka, folder) as brokers:
        producer = Producer({"bootstrap.servers": brokers, "linger.ms": 0, "log_level": 0})

        def publish(topic: str, value: str) -> None:
            producer.produce(topic, value.encode())
            producer.flush()

        def step(n: int) -> str:
            publish(f"t{n}", "-1")
            config = f'{{brokers: "{brokers}", topic: t{n}}}'
            return f"{{id: wait, action: kafka_consumer, config: {config}, assert: [value == {n}]}}"

        yield Kind(step, lambda n: publish(f"t{n}", str(n)))


@contextmanager
def mock_server(folder: Path) -> Iterator[Kind]:
    """A verification of a mock server."""
    port = free_port()
    start = "{{id: mock, action: mock_server_start, config: {{port: {port}, endpoints: [{{path: /x}}]}}}}"
    verify = "{{id: wait, action: mock_server_verify, config: {{path: /x}}}}"

    def ask(n: int) -> None:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/x", timeout=5).close()

    yield Kind(lambda n: (start + "\n    - " + verify).format(port=port), ask)


KINDS: Mapping[str, Callable[[Path], Any]] = {
    "sql_postgres": postgres,
    "sql_mariadb": mariadb,
    "sql_sqlite": sqlite,
    "redis_get": redis_get,
    "mock_server_verify": mock_server,
    "redis_subscribe": redis_channel,
    "kafka_consumer": kafka,
    "rabbitmq_consume": rabbitmq,
    "nats_subscribe": nats,
    "mqtt_subscribe": mqtt,
}
