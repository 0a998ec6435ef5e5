"""Neo4j, worth sharing between test workers."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.downloads import jars
from tests.servers.process import Command, Server, Unavailable, free_port, start

NEO4J = ("org.neo4j", "neo4j", "5.26.30")
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
