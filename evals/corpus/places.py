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
from tests.servers.kafka import start_kafka
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
_STARTERS: Mapping[str, tuple[str, Starter, Callable[[Any], str]]] = {
    "postgres": ("DATABASE_URL", start_postgres, str),
    "redis": ("REDIS_URL", start_valkey, str),
    "nats": ("NATS_URL", start_nats, str),
    "mqtt": ("MQTT_URL", start_mosquitto, str),
    "s3": ("S3_ENDPOINT", start_s3, str),
    "grpc": ("GRPC_ADDRESS", start_grpc_shop, lambda shop: f"127.0.0.1:{shop.both}"),
    "kafka": ("KAFKA_BROKERS", start_kafka, str),
    "rabbitmq": ("RABBITMQ_URL", start_rabbitmq, str),
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
        for tag, (name, starter, address) in _STARTERS.items():
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
            variables[name] = address(given)
        if "websocket" in wanted:
            variables["WS"] = f"ws://127.0.0.1:{stack.enter_context(websocket_server(_echo))}/"
        else:
            missing["websocket"] = "not asked for"
        variables["TILL"] = stack.enter_context(serving(Till(variables["DATABASE_URL"], variables["REDIS_URL"])))
        yield Places(variables, missing)


async def _echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(json.dumps({"type": "told", "of": json.loads(message)}))
