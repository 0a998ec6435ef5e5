"""The servers the other tests rely on answer with real data."""

from __future__ import annotations

import psycopg
import redis
from confluent_kafka import Producer
from neo4j import GraphDatabase

from tests.servers.java import Neo4j


def test_postgres_is_fresh_and_has_vectors(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE EXTENSION vector")
        row = connection.execute("SELECT '[1,2]'::vector <-> '[1,4]'::vector").fetchone()
    assert row == (2.0,)


def test_redis_is_empty(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("k", "v")
        assert client.get("k") == b"v"


def test_kafka_acknowledges(kafka_brokers: str) -> None:
    outcome: list[object] = []
    producer = Producer({"bootstrap.servers": kafka_brokers, "acks": "all"})
    producer.produce("servers-test", b"x", on_delivery=lambda error, _: outcome.append(error))
    assert producer.flush(20) == 0
    assert outcome == [None]


def test_neo4j_answers(neo4j_server: Neo4j) -> None:
    auth = (neo4j_server.user, neo4j_server.password)
    with GraphDatabase.driver(neo4j_server.uri, auth=auth) as driver:
        records, _, _ = driver.execute_query("RETURN 1 AS one")
    assert [r["one"] for r in records] == [1]
