"""Neo4j and Kafka, the two servers worth sharing between test workers."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.downloads import jars
from tests.servers.process import Command, Server, Unavailable, free_port, start

NEO4J = ("org.neo4j", "neo4j", "5.26.30")
KAFKA = ("org.apache.kafka", "kafka_2.13", "4.4.0")
PASSWORD = "secretpw1"
OPENS = "--add-opens=java.base/{}=ALL-UNNAMED"


@dataclass(frozen=True)
class Neo4j:
    """Where a Neo4j answers."""

    uri: str
    user: str
    password: str


def _driver_answers(uri: str) -> None:
    from neo4j import GraphDatabase

    with GraphDatabase.driver(uri, auth=("neo4j", PASSWORD), connection_timeout=2) as driver:
        driver.execute_query("RETURN 1")


def start_neo4j(folder: Path) -> tuple[Server, Neo4j]:
    """Neo4j Community in a folder of its own.

    Args:
        folder: empty, kept by the caller.

    Raises:
        Unavailable: it cannot be fetched or started.
    """
    lib, port = jars(*NEO4J), free_port()
    (folder / "conf").mkdir()
    address = f"127.0.0.1:{port}"
    settings = {
        "server.default_listen_address": "127.0.0.1",
        "server.bolt.listen_address": address,
        "server.bolt.advertised_address": address,
        "server.http.enabled": "false",
        "server.https.enabled": "false",
        "server.memory.pagecache.size": "128m",
        "dbms.usage_report.enabled": "false",
        "db.tx_log.preallocate": "false",
        "internal.server.bolt.thread_pool_shutdown_wait_time": "1s",
        "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",
        "internal.dbms.bolt.netty_server_shutdown_timeout": "1",
    }
    (folder / "conf" / "neo4j.conf").write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
    _set_password(folder, lib)
    opens = [OPENS.format(p) for p in ("java.nio", "java.io", "sun.nio.ch")]
    argv = [
        "java", "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", *opens, "-cp", f"{lib}/*",
        "org.neo4j.server.CommunityEntryPoint", f"--home-dir={folder}", f"--config-dir={folder}/conf",
    ]  # fmt: skip
    uri = f"bolt://{address}"
    server = start(Command(argv, folder), port, lambda: _driver_answers(uri), 90)
    return server, Neo4j(uri, "neo4j", PASSWORD)


def _set_password(folder: Path, lib: Path) -> None:
    env = {**os.environ, "NEO4J_HOME": str(folder), "NEO4J_CONF": f"{folder}/conf"}
    argv = ["java", "-cp", f"{lib}/*", "org.neo4j.cli.AdminTool", "dbms", "set-initial-password", PASSWORD]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Unavailable(f"Neo4j's AdminTool failed: {done.stderr[-400:]}")


def start_kafka(folder: Path) -> tuple[Server, str]:
    """A single KRaft broker in a folder of its own; gives its bootstrap address.

    Args:
        folder: empty, kept by the caller.

    Raises:
        Unavailable: it cannot be fetched or started.
    """
    lib, port, controller = jars(*KAFKA), free_port(), free_port()
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "data"),
        "num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "log.cleaner.dedupe.buffer.size": "2000000",
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
    }
    config = folder / "server.properties"
    config.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
    format_argv = ["java", "-cp", f"{lib}/*", "kafka.tools.StorageTool", "format",
                   "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", str(config)]  # fmt: skip
    done = subprocess.run(format_argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Unavailable(f"Kafka's StorageTool failed: {done.stderr[-400:]}")
    argv = ["java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{lib}/*", "kafka.Kafka", str(config)]
    brokers = f"127.0.0.1:{port}"
    return start(Command(argv, folder), port, lambda: _lists_topics(brokers), 60), brokers


def _lists_topics(brokers: str) -> None:
    from confluent_kafka.admin import AdminClient

    AdminClient({"bootstrap.servers": brokers, "log_level": 0}).list_topics(timeout=2)
