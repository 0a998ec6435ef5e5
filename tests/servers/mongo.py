"""MongoDB's wire protocol from Maven Central: mongo-java-server, written by others, independent of our client."""

from __future__ import annotations

from pathlib import Path

from tests.servers.downloads import jars
from tests.servers.process import Command, Server, free_port, start

COORDINATES = ("de.bwaldvogel", "mongo-java-server-memory-backend", "1.47.0")
MAIN = Path(__file__).parent / "StartMongo.java"


def start_mongo(folder: Path) -> tuple[Server, str]:
    """An empty server in memory; gives its `host:port`.

    Args:
        folder: empty, kept by the caller.

    Raises:
        Unavailable: it cannot be fetched or started (it needs a JDK, which compiles its main class).
    """
    lib, port = jars(*COORDINATES), free_port()
    argv = ["java", "-Xms32m", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{lib}/*", str(MAIN), str(port)]
    address = f"127.0.0.1:{port}"
    return start(Command(argv, folder), port, lambda: _pings(address), 60), address


def _pings(address: str) -> None:
    import pymongo

    with pymongo.MongoClient(f"mongodb://{address}", serverSelectionTimeoutMS=1000) as client:
        client.admin.command("ping")
