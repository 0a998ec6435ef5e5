"""Fixtures that hand real servers to tests; what cannot be had is skipped by name, or fails when CI requires it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.brokers import start_mosquitto, start_nats, start_rabbitmq
from tests.servers.databases import Database, start_mariadb, start_postgres_tls
from tests.servers.java import PASSWORD, Neo4j, start_neo4j
from tests.servers.kafka import SecureKafka, new_java, start_kafka, start_registry
from tests.servers.process import Server, Unavailable
from tests.servers.small import start_postgres, start_valkey

T = TypeVar("T")
os.environ["TESTMESH_MODELS_LOOPBACK_ONLY"] = "1"
# A law holds or not; how long a loaded machine takes to try it is no part of it.
settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")


def _absent(name: str, reason: str) -> None:
    text = f"server '{name}' cannot be had here: {reason}"
    if os.environ.get("TESTMESH_REQUIRE_SERVICES") == "1":
        pytest.fail(text)
    pytest.skip(text)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="testmesh-server-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(name: str, starter: Callable[[Path], tuple[Server, T]]) -> Iterator[T]:
    with _folder() as folder:
        try:
            server, address = starter(folder)
        except Unavailable as error:
            _absent(name, str(error))
            raise AssertionError from error
        try:
            yield address
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of the `postgres` database of a real PostgreSQL of this worker."""
    yield from _serve("postgres", start_postgres)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a fresh database, dropped afterwards."""
    import psycopg

    name = f"t{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield postgres_server.rsplit("/", 1)[0] + "/" + name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """URL of a real Valkey of this worker."""
    yield from _serve("redis", start_valkey)


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """URL of a Valkey that is empty at the start of the test."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[tuple[str, Path]]:
    """Bootstrap address and folder of a real Kafka, shared between workers by scripts/test."""
    shared = os.environ.get("TESTMESH_TEST_KAFKA", "")
    if shared.startswith("unavailable: "):
        _absent("kafka", shared)
    if shared:
        yield shared, Path(os.environ["TESTMESH_TEST_KAFKA_FOLDER"])
        return

    def started(folder: Path) -> tuple[Server, tuple[str, Path]]:
        server, brokers = start_kafka(folder)
        return server, (brokers, folder)

    yield from _serve("kafka", started)


@pytest.fixture(scope="session")
def kafka_brokers(kafka_server: tuple[str, Path]) -> str:
    """Bootstrap address of a real Kafka; use topic names of your own."""
    return kafka_server[0]


@pytest.fixture(scope="session")
def kafka_secure(kafka_server: tuple[str, Path]) -> SecureKafka:
    """The listeners of the same Kafka that ask for SASL and TLS."""
    return SecureKafka.of(kafka_server[1])


@pytest.fixture(scope="session")
def schema_registry() -> Iterator[str]:
    """URL of a real schema registry of this worker (Confluent's API); use subject names of your own."""
    if new_java() is None:
        pytest.skip("server 'schema registry' cannot be had here: no Java 21 or newer in /usr/lib/jvm")
    yield from _serve("schema registry", start_registry)


@pytest.fixture(scope="session")
def neo4j_server() -> Iterator[Neo4j]:
    """A real Neo4j, shared between workers by scripts/test; use workspace ids of your own."""
    shared = os.environ.get("TESTMESH_TEST_NEO4J", "")
    if shared.startswith("unavailable: "):
        _absent("neo4j", shared)
    if shared:
        yield Neo4j(shared, "neo4j", PASSWORD)
        return
    yield from _serve("neo4j", start_neo4j)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a real Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        _absent("chromium", "no 'chromium' on PATH")
        raise AssertionError
    return program


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    """URL of a real NATS with JetStream of this worker; use subject names of your own."""
    yield from _serve("nats", start_nats)


@pytest.fixture(scope="session")
def mqtt_url() -> Iterator[str]:
    """URL of a real Mosquitto of this worker; use topic names of your own."""
    yield from _serve("mqtt", start_mosquitto)


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """URL of a real RabbitMQ, shared between workers by scripts/test; use exchange and queue names of your own."""
    shared = os.environ.get("TESTMESH_TEST_RABBITMQ", "")
    if shared.startswith("unavailable: "):
        _absent("rabbitmq", shared)
    if shared:
        yield shared
        return
    yield from _serve("rabbitmq", start_rabbitmq)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Database]:
    """A real MariaDB of this worker."""
    yield from _serve("mariadb", start_mariadb)


@pytest.fixture
def mariadb_url(mariadb_server: Database) -> Iterator[str]:
    """URL of a fresh MariaDB database, dropped afterwards."""
    import pymysql

    name, port = f"t{uuid4().hex[:12]}", int(mariadb_server.url.rpartition(":")[2].partition("/")[0])
    with pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True) as admin:
        admin.cursor().execute(f"CREATE DATABASE {name}")
        yield mariadb_server.url.rsplit("/", 1)[0] + "/" + name
        admin.cursor().execute(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def postgres_tls() -> Iterator[Database]:
    """A real PostgreSQL of this worker that speaks TLS and wants a password."""
    yield from _serve("postgres-tls", start_postgres_tls)
