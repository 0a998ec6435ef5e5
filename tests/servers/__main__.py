"""Runs a command with the shared servers up: ``python -m tests.servers COMMAND ARG...``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.servers.brokers import start_rabbitmq
from tests.servers.java import start_neo4j
from tests.servers.kafka import start_kafka
from tests.servers.process import Server, Unavailable

SHARED: dict[str, Callable[[Path], tuple[Server, Any]]] = {
    "TESTMESH_TEST_NEO4J": start_neo4j,
    "TESTMESH_TEST_KAFKA": start_kafka,
    "TESTMESH_TEST_RABBITMQ": start_rabbitmq,
}


def _start(name: str, folder: Path) -> tuple[Server | None, str]:
    folder.mkdir()
    try:
        server, address = SHARED[name](folder)
    except Unavailable as error:
        return None, f"unavailable: {error}"
    return server, address if isinstance(address, str) else address.uri


def _more(root: Path) -> dict[str, str]:
    """What starters say beside an address, in `env.json` of their folder."""
    found: dict[str, str] = {}
    for file in root.glob("*/env.json"):
        found.update(json.loads(file.read_text()))
    return found


def main(command: list[str]) -> int:
    """Start the shared servers side by side, run the command, stop them.

    Args:
        command: program and arguments.
    """
    root = Path(tempfile.mkdtemp(prefix="testmesh-shared-"))
    running: list[Server] = []
    try:
        with ThreadPoolExecutor(2) as pool:
            started = dict(zip(SHARED, pool.map(lambda n: _start(n, root / n), SHARED), strict=True))
        running = [server for server, _ in started.values() if server is not None]
        for name, (_, address) in started.items():
            print(f"{name}: {address}", flush=True)
        env = {**os.environ, **{name: address for name, (_, address) in started.items()}, **_more(root)}
        return subprocess.run(command, env=env, check=False).returncode
    finally:
        for server in running:
            server.stop()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
