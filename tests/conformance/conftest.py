"""Engines that need a server, ready for the conformance suites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.conftest import _serve

if TYPE_CHECKING:
    from graph.stores.neo4j import Neo4jStore
    from tests.servers.grpc_shop import GrpcShop
    from tests.servers.java import Neo4j


@pytest.fixture(scope="session")
def grpc_shop() -> Iterator[GrpcShop]:
    """A real gRPC server with every kind of field and stream, with and without reflection and TLS."""
    from tests.servers.grpc_shop import start_grpc_shop

    yield from _serve("grpc", start_grpc_shop)


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """URL of a real S3 server; use bucket names of your own."""
    from tests.servers.objects import start_s3

    yield from _serve("s3", start_s3)


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[str]:
    """`host:port` of mongo-java-server, which speaks MongoDB's wire protocol; use database names of your own."""
    from tests.servers.mongo import start_mongo

    yield from _serve("mongodb", start_mongo)


@pytest.fixture
def neo4j_store(neo4j_server: Neo4j) -> Iterator[Neo4jStore]:
    """An empty workspace on a real Neo4j."""
    from graph.stores.neo4j import Neo4jStore, Server

    store = Neo4jStore(Server(neo4j_server.uri, neo4j_server.user, neo4j_server.password), f"t-{uuid4().hex}")
    yield store
    store.close()
