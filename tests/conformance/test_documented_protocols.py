"""The examples of docs/flows.md for gRPC, mock servers and stores run as they are printed."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest

from tests.architecture.tree import ROOT
from tests.conformance.actions import SECRET, passes
from tests.flows.support import run_text
from tests.servers.grpc_shop import GrpcShop
from tests.servers.java import Neo4j


def example(heading: str) -> str:
    """The flow under a heading of the page."""
    page = (ROOT / "docs/flows.md").read_text()
    found = re.search(rf"^### {re.escape(heading)}\n+```yaml\n(.*?)```", page, re.M | re.S)
    assert found is not None
    return found[1]


def test_the_example_of_mock_servers_runs(tmp_path: Path) -> None:
    passes(run_text(tmp_path, example("Mock servers")))


@pytest.mark.server("grpc")
def test_the_example_of_grpc_runs(tmp_path: Path, grpc_shop: GrpcShop) -> None:
    passes(run_text(tmp_path, example("gRPC"), process={"GRPC_ADDRESS": f"127.0.0.1:{grpc_shop.both}"}))


@pytest.mark.server("neo4j")
def test_the_example_of_stores_runs(tmp_path: Path, s3_url: str, mongo_server: str, neo4j_server: Neo4j) -> None:
    process = {
        "S3_ENDPOINT": s3_url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE0",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "MONGODB_URL": f"mongodb://{mongo_server}/t{uuid4().hex[:10]}",
        "NEO4J_URL": neo4j_server.uri,
        "NEO4J_USER": neo4j_server.user,
        "NEO4J_PASSWORD": neo4j_server.password,
    }
    passes(run_text(tmp_path, example("S3, MongoDB, Neo4j"), process=process))


@pytest.mark.server("kafka")
@pytest.mark.server("rabbitmq")
def test_the_example_of_brokers_runs(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    fixtures = {
        "KAFKA_BROKERS": "kafka_brokers",
        "RABBITMQ_URL": "rabbitmq_url",
        "NATS_URL": "nats_url",
        "MQTT_URL": "mqtt_url",
        "REDIS_URL": "redis_url",
    }
    process = {name: request.getfixturevalue(fixture) for name, fixture in fixtures.items()}
    passes(run_text(tmp_path, example("Brokers"), process=process))
