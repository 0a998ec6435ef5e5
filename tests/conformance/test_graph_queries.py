"""Every question gives the same bytes on every engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.codec import dumps
from graph.overlay import Overlay
from graph.query import Asked, Query
from graph.schema import GraphData
from graph.store import Bucket, GraphStore
from graph.stores.embedded import EmbeddedStore
from testmesh.kernel.discovery import declared
from tests.graph.systems import System, change, touched, with_digest
from tests.graph.test_query_impact import SHOP

ASKED = {
    "neighbours": {"node": "orders:POST /orders", "depth": 3},
    "paths": {"from": "order.yaml", "to": "notifications/store.py::add"},
    "search": {"text": "order"},
}
QUERIES = declared("graph.queries", "QUERY", Query)


def loaded(store: GraphStore) -> GraphStore:
    """The shop, written into a store."""
    system = System(SHOP)
    store.replace(Bucket("links", "shop"), GraphData(system.nodes, system.edges))
    return store


def answer(store: GraphStore, name: str) -> str:
    """One query's bytes, with the head as an overlay of another revision."""
    head = with_digest(System(SHOP), ["add"], "new")
    over = Overlay(store, GraphData(head.nodes, head.edges), Bucket("links", "shop"))
    item = change(touched("notifications/store.py::add"))
    compared = Asked(over, ASKED.get(name, {}), store, item)
    return dumps(QUERIES[name].run(compared if QUERIES[name].compares else Asked(store, ASKED.get(name, {}))))


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_embedded_answers_as_memory_does(name: str, tmp_path: Path) -> None:
    stored = loaded(EmbeddedStore(tmp_path / "g.db", "w"))
    assert answer(stored, name) == answer(loaded(Overlay()), name)
    stored.close()


@pytest.mark.server("neo4j")
@pytest.mark.parametrize("name", sorted(QUERIES))
def test_neo4j_answers_as_memory_does(name: str, neo4j_store: GraphStore) -> None:
    assert answer(loaded(neo4j_store), name) == answer(loaded(Overlay()), name)
