"""Real servers for the corpus, each started once; a flow whose server cannot be had is left out, and said."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.corpus.till import Till, serving
from tests.servers.brokers import start_mosquitto, start_nats, start_rabbitmq
from tests.servers.grpc_shop import start_grpc_shop
from tests.servers.java import start_neo4j
from tests.servers.kafka import start_kafka
from tests.servers.mongo import start_mongo
from tests.servers.objects import start_s3
from tests.servers.process import Server, Unavailable
from tests.servers.small import start_postgres, start_valkey
from tests.servers.web import websocket_server

FLOWS = Path(__file__).parent.parent / "data" / "corpus"


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is.

    Args:
        variables: what flows get.
        missing: tag to why its server is not here.
    """

    variables: Mapping[str, str]
    missing: Mapping[str, str] = field(default_factory=dict)


Starter = Callable[[Path], tuple[Server, Any]]
Named = Callable[[Any], Mapping[str, str]]


def _as(name: str) -> Named:
    return lambda address: {name: str(address)}


_STARTERS: Mapping[str, tuple[Starter, Named]] = {
    "postgres": (start_postgres, _as("DATABASE_URL")),
    "redis": (start_valkey, _as("REDIS_URL")),
    "nats": (start_nats, _as("NATS_URL")),
    "mqtt": (start_mosquitto, _as("MQTT_URL")),
    "s3": (start_s3, _as("S3_ENDPOINT")),
    "grpc": (start_grpc_shop, lambda shop: {"GRPC_ADDRESS": f"127.0.0.1:{shop.both}"}),
    "kafka": (start_kafka, _as("KAFKA_BROKERS")),
    "mongo": (start_mongo, lambda address: {"MONGODB_URL": f"mongodb://{address}"}),
    "neo4j": (
        start_neo4j,
        lambda neo4j: {"NEO4J_URL": neo4j.uri, "NEO4J_USER": neo4j.user, "NEO4J_PASSWORD": neo4j.password},
    ),
    "rabbitmq": (start_rabbitmq, _as("RABBITMQ_URL")),
}
EVERYTHING = (*_STARTERS, "websocket")


@contextmanager
def places(wanted: tuple[str, ...] = EVERYTHING) -> Iterator[Places]:
    """The servers, up; the till needs PostgreSQL and Redis and is always there.

    Args:
        wanted: tags of servers.
    """
    variables: dict[str, str] = {}
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        for tag, (starter, named) in _STARTERS.items():
            if tag not in (*wanted, "postgres", "redis"):
                missing[tag] = "not asked for"
                continue
            folder = Path(tempfile.mkdtemp(prefix="testmesh-corpus-"))
            folder.chmod(0o755)
            stack.callback(shutil.rmtree, folder, True)
            try:
                server, given = starter(folder)
            except Unavailable as problem:
                missing[tag] = str(problem)
                continue
            stack.callback(server.stop)
            variables.update(named(given))
        if "websocket" in wanted:
            variables["WS"] = f"ws://127.0.0.1:{stack.enter_context(websocket_server(_echo))}/"
        else:
            missing["websocket"] = "not asked for"
        variables["TILL"] = stack.enter_context(serving(Till(variables["DATABASE_URL"], variables["REDIS_URL"])))
        yield Places(variables, missing)


async def _echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(json.dumps({"type": "told", "of": json.loads(message)}))
