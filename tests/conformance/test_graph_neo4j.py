"""What only a server can do wrong: be away, hang, talk garbage, refuse, or mix up workspaces."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from graph.schema import NODES, GraphData
from graph.store import Bucket, Pattern
from graph.stores.cypher import constraints
from graph.stores.neo4j import Neo4jStore, Server
from testmesh.kernel.errors import UnavailableError, UserError
from tests.conformance.graphs import chain, graph, shown, thing
from tests.servers.java import Neo4j
from tests.servers.process import free_port

LINKS = Bucket("links", "shop")


@contextmanager
def listener(answer: bytes) -> Iterator[int]:
    """A server that accepts and then says `answer` and nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                    held.append(peer)
                    peer.sendall(answer)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for peer in held:
            peer.close()


def refused(port: int, within: float = 10.0) -> UnavailableError:
    """The error of opening a store there, and that it came soon."""
    began = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        Neo4jStore(Server(f"bolt://127.0.0.1:{port}", "neo4j", "very-secret"), "w")
    assert time.monotonic() - began < within
    assert "very-secret" not in caught.value.message
    assert caught.value.hint
    return caught.value


def test_a_server_that_is_down_is_said_quickly() -> None:
    assert "no usable answer" in refused(free_port()).message


def test_a_server_that_talks_garbage_is_said() -> None:
    with listener(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        refused(port)


def test_a_server_that_hangs_is_given_up_on() -> None:
    with listener(b"") as port:
        refused(port)


def test_an_address_that_is_none_is_a_user_error() -> None:
    with pytest.raises(UserError, match="no Neo4j address"):
        Neo4jStore(Server("http://127.0.0.1:1", "neo4j", "x"), "w")


@pytest.mark.server("neo4j")
def test_a_wrong_password_is_said(neo4j_server: Neo4j) -> None:
    with pytest.raises(UnavailableError, match="refuses the account"):
        Neo4jStore(Server(neo4j_server.uri, "neo4j", "wrong-password"), "w")


@pytest.mark.server("neo4j")
def test_workspaces_do_not_see_each_other(neo4j_server: Neo4j, neo4j_store: Neo4jStore) -> None:
    other = Neo4jStore(Server(neo4j_server.uri, neo4j_server.user, neo4j_server.password), f"t-{uuid4().hex}")
    nodes, edges = chain()
    content = graph(*nodes, *edges)
    neo4j_store.replace(LINKS, content)
    assert not other.slice().nodes
    assert not other.get([n.uid for n in nodes])
    assert not other.find("Symbol").nodes
    assert not other.expand([nodes[0].uid], Pattern(), 3).nodes
    assert (other.version(), other.buckets(), other.content(LINKS)) == (0, (), GraphData())
    other.replace(LINKS, graph(*nodes))
    assert not other.expand([nodes[0].uid], Pattern(), 3).edges
    other.replace(LINKS, GraphData())
    assert shown(neo4j_store.slice()) == shown(content)
    other.close()


@pytest.mark.server("neo4j")
def test_hostile_text_stays_data(neo4j_store: Neo4jStore) -> None:
    evil = "x` DETACH DELETE n //' \" {} \\ \u0000\U0001f600" + "a" * 50_000
    node = thing("External", evil)
    neo4j_store.replace(Bucket("links", evil[:50], evil[:20]), graph(node, thing("Service", "kept")))
    assert [n.key for n in neo4j_store.find("External", {"host": evil}).nodes] == [(evil,)]
    assert neo4j_store.find("External", {"host": evil[:-1]}).nodes == ()
    assert [n.label for n in neo4j_store.find("Service").nodes] == ["kept"]


@pytest.mark.server("neo4j")
def test_uniqueness_and_indexes_come_from_the_schema(neo4j_server: Neo4j, neo4j_store: Neo4jStore) -> None:
    from neo4j import GraphDatabase

    with GraphDatabase.driver(neo4j_server.uri, auth=(neo4j_server.user, neo4j_server.password)) as driver:
        names = {r["name"] for r in driver.execute_query("SHOW INDEXES YIELD name").records}
    assert {s.split()[2] for s in constraints()} <= names
    assert all(f"testmesh_{kind.lower()}_{known.key[0]}" in names for kind, known in NODES.items())
