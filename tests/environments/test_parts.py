"""Backing servers come up empty, go back to their start, and can be real ones instead."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from testmesh.environments.launching import Launcher
from testmesh.environments.parts import kafka, postgres
from testmesh.environments.parts import redis as redis_part
from testmesh.environments.parts.part import Place
from testmesh.environments.settings import PartSettings
from testmesh.kernel.errors import UnavailableError, UserError

SETTINGS = PartSettings("postgres", "DB", "shop", ("m/*.sql",), ("seed.sql",))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    tree = tmp_path / "tree"
    (tree / "m").mkdir(parents=True)
    (tree / "m" / "2.sql").write_text("ALTER TABLE items ADD COLUMN note text;")
    (tree / "m" / "1.sql").write_text('CREATE TABLE items (id serial PRIMARY KEY, "Name" text); CREATE SCHEMA odd;')
    (tree / "m" / "3.sql").write_text('CREATE TABLE odd."Other""s" (item int REFERENCES items);')
    (tree / "seed.sql").write_text("INSERT INTO items (\"Name\") VALUES ('first');")
    launcher = Launcher(f"parts-{uuid4().hex}", tmp_path)
    yield Place(tree, tmp_path, launcher, "parts-test")
    launcher.stop_all()


def items(address: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address) as connection:
        return connection.execute('SELECT id, "Name" FROM items ORDER BY id').fetchall()


def test_postgres_is_migrated_seeded_and_reset(place: Place) -> None:
    part = postgres.PART.start(SETTINGS, place)
    assert items(part.address) == [(1, "first")]
    with psycopg.connect(part.address) as connection:
        connection.execute("INSERT INTO items (\"Name\", note) VALUES ('mine', 'x')")
        connection.execute('INSERT INTO odd."Other""s" VALUES (1)')
    part.reset()
    assert items(part.address) == [(3, "first")]


def test_a_database_on_a_real_server_is_made_and_dropped(
    place: Place, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTMESH_PART_POSTGRES", postgres_server)
    part = postgres.PART.start(SETTINGS, place)
    assert part.address.startswith(postgres_server.rpartition("/")[0])
    assert items(part.address) == [(1, "first")]
    part.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(part.address)


def test_a_wrong_migration_is_named_and_leaves_no_database(
    place: Place, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTMESH_PART_POSTGRES", postgres_server)
    (place.tree / "m" / "4.sql").write_text("CREATE TABEL x ();")
    with pytest.raises(UserError, match=r"migration m/4.sql failed: syntax error at or near \"TABEL\""):
        postgres.PART.start(SETTINGS, place)
    with psycopg.connect(postgres_server) as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'shop%'").fetchall()
    assert left == []


def test_a_reset_does_not_wait_for_ever_for_a_lock(place: Place) -> None:
    part = postgres.PART.start(SETTINGS, place)
    with psycopg.connect(part.address) as holder:
        holder.execute("UPDATE items SET note = 'held'")
        with pytest.raises(UnavailableError, match="tables were still locked after 2 s"):
            part.reset()


def test_a_wrong_seed_is_told(place: Place) -> None:
    (place.tree / "seed.sql").write_text("INSERT INTO nowhere VALUES (1);")
    with pytest.raises(UserError, match='the seed of the database failed: relation "nowhere" does not exist'):
        postgres.PART.start(SETTINGS, place)


def test_a_pattern_without_files_is_told(place: Place) -> None:
    with pytest.raises(UserError, match=r"no file matches 'none/\*.sql'"):
        postgres.PART.start(PartSettings("postgres", "DB", migrations=("none/*.sql",)), place)


def test_an_unreachable_server_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTMESH_PART_POSTGRES", "postgresql://u:secret@127.0.0.1:1/postgres")
    with pytest.raises(UnavailableError) as raised:
        postgres.PART.start(SETTINGS, place)
    assert raised.value.target == "postgres at 127.0.0.1:1"
    assert "secret" not in raised.value.message


def test_redis_is_flushed_by_a_reset(place: Place) -> None:
    part = redis_part.PART.start(PartSettings("redis", "REDIS_URL"), place)
    with redis.Redis.from_url(part.address) as client:
        client.set("a", 1)
        part.reset()
        assert client.dbsize() == 0


def test_what_work_under_way_puts_back_is_flushed_too(place: Place) -> None:
    part = redis_part.PART.start(PartSettings("redis", "REDIS_URL"), place)
    url = urlsplit(part.address)
    with redis.Redis.from_url(part.address) as client, socket.create_connection((url.hostname, url.port), 5) as worker:
        # The server itself waits 30 ms between the two, however late this process gets its turn.
        worker.sendall(b"BLPOP nothing 0.03\r\nSET product:1 before\r\n")
        part.reset()
        replies = worker.makefile("rb")
        assert [replies.readline(), replies.readline()] == [b"*-1\r\n", b"+OK\r\n"]
        assert client.dbsize() == 0


def test_only_the_named_database_of_a_real_redis_is_flushed(
    place: Place, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = redis_url.rpartition("/")[0] + "/5"
    monkeypatch.setenv("TESTMESH_PART_REDIS", other)
    part = redis_part.PART.start(PartSettings("redis", "REDIS_URL"), place)
    with redis.Redis.from_url(redis_url) as kept, redis.Redis.from_url(other) as flushed:
        kept.set("a", 1)
        flushed.set("a", 1)
        part.reset()
        assert (kept.dbsize(), flushed.dbsize()) == (1, 0)


def round_trip(address: str, topic: str) -> bytes | None:
    """Publish one message and read it from an assigned partition."""
    producer = Producer({"bootstrap.servers": address, "linger.ms": 0})
    producer.produce(topic, b"hello")
    assert producer.flush(10) == 0
    settings = {"bootstrap.servers": address, "group.id": "none", "fetch.wait.max.ms": 20}
    consumer = Consumer({**settings, "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(10)
        return None if message is None else message.value()
    finally:
        consumer.close()


def partitions(address: str) -> dict[str, int]:
    topics = AdminClient({"bootstrap.servers": address}).list_topics(timeout=10).topics
    return {name: len(topic.partitions) for name, topic in topics.items()}


def test_the_mock_cluster_has_one_partition_a_topic(place: Place) -> None:
    part = kafka.PART.start(PartSettings("kafka", "KAFKA_BROKERS", topics=("order.created", "b")), place)
    assert partitions(part.address) == {"order.created": 1, "b": 1}
    assert round_trip(part.address, "b") == b"hello"
    part.reset()


def test_a_group_forms_quickly_on_the_mock_cluster(place: Place) -> None:
    part = kafka.PART.start(PartSettings("kafka", "KAFKA_BROKERS", topics=("t",)), place)
    consumer = Consumer({"bootstrap.servers": part.address, "group.id": "g", "fetch.wait.max.ms": 20})
    assigned: list[object] = []
    consumer.subscribe(["t"], on_assign=lambda _, found: assigned.extend(found))
    try:
        deadline = time.monotonic() + 2.0
        while not assigned and time.monotonic() < deadline:
            consumer.poll(0.02)
        assert assigned
    finally:
        consumer.close()


def test_topics_are_made_on_a_real_broker(place: Place, kafka_brokers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTMESH_PART_KAFKA", kafka_brokers)
    settings = PartSettings("kafka", "KAFKA_BROKERS", topics=("parts.test.topic",))
    for _ in range(2):
        part = kafka.PART.start(settings, place)
    assert partitions(part.address)["parts.test.topic"] == 1
    assert round_trip(part.address, "parts.test.topic") == b"hello"
