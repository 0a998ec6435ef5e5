"""Which flow sends a secret through which action; an action without a case is an error, never a silent success."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FLOWS = Path(__file__).parent.parent / "data" / "canary"
SHARED = ("child.yaml", "api.yaml")


@dataclass(frozen=True, slots=True)
class Case:
    """A flow of evals/data/canary: it asks `secret('CANARY')`, gets it back in every encoding, and hands it all on.

    Its steps go on after failures, and most of them fail, so that both sides of assertions are shown.

    Args:
        name: of the file.
        actions: canonical names it is a case of.
        needs: variables of the servers it needs.
        any_text: the secret may hold any letter; where it travels in a header it may not.
    """

    name: str
    actions: tuple[str, ...]
    needs: tuple[str, ...] = ()
    any_text: bool = True

    @property
    def text(self) -> str:
        """The flow."""
        return (FLOWS / f"{self.name}.yaml").read_text()


CASES = (
    Case("web", ("http_request", "graphql", "sse", "wait_for"), any_text=False),
    Case(
        "neighbours", ("mock_server_start", "mock_server_verify", "mock_server_stop", "contract_verify"), any_text=False
    ),
    Case("local", ("set", "transform", "log", "delay", "assert", "trace_assert")),
    Case("containers", ("for_each", "parallel", "condition", "run_flow")),
    Case("shell", ("shell",)),
    Case("websocket", ("websocket",), ("WS",), any_text=False),
    Case("sql", ("database_query", "db_poll"), ("DATABASE_URL", "SQLITE_URL")),
    Case("redis", ("redis", "redis_publish", "redis_subscribe"), ("REDIS_URL",)),
    Case("kafka", ("kafka_producer", "kafka_consumer"), ("KAFKA_BROKERS",)),
    Case("nats", ("nats_publish", "nats_subscribe"), ("NATS_URL",)),
    Case("mqtt", ("mqtt_publish", "mqtt_subscribe"), ("MQTT_URL",)),
    Case("rabbitmq", ("rabbitmq_publish", "rabbitmq_consume"), ("RABBITMQ_URL",)),
    Case("s3", ("s3",), ("S3_ENDPOINT",)),
    Case("grpc", ("grpc_call",), ("GRPC_ADDRESS",)),
    Case("mongodb", ("mongodb",), ("MONGODB_URL",)),
    Case("neo4j", ("neo4j",), ("NEO4J_URL",)),
)
WITHOUT_SERVERS = tuple(case for case in CASES if not case.needs)


def without_case(actions: Iterable[str]) -> list[str]:
    """Actions that no case sends a secret through.

    Args:
        actions: canonical names.
    """
    return sorted(set(actions) - {action for case in CASES for action in case.actions})
