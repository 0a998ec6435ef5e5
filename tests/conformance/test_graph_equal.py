"""Any sequence of replaces gives the same answers on every engine: the law behind \"same bytes everywhere\"."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.overlay import Overlay
from graph.store import Bucket, GraphStore, Page, Pattern
from graph.stores.embedded import EmbeddedStore
from tests.conformance.graphs import random_graph, shown

BUCKETS = (Bucket("links", "a"), Bucket("runtime", "local", "d1"), Bucket("annotations"))
REPLACES = st.lists(st.tuples(st.sampled_from(BUCKETS), st.integers(0, 10_000), st.integers(0, 12)), max_size=6)
PATTERNS = (
    Pattern(),
    Pattern({"CALLS": "in", "HANDLED_BY": "in", "EXERCISES": "in"}),
    Pattern({"CALLS": "both", "READS": "out", "WRITES": "out"}, frozenset({"Dataset", "Endpoint"})),
)


def answers(store: GraphStore) -> list[Any]:
    """Everything the protocol can tell, in canonical form."""
    whole = store.slice()
    uids = sorted(whole.nodes)
    out: list[Any] = [shown(whole), store.buckets(), [shown(store.content(b)) for b in BUCKETS]]
    out.append([n.uid for n in store.find("Symbol", {"line": 1}, Page("", 2)).nodes])
    out.append([n.uid for n in store.find("Endpoint", {"operational": True}).nodes])
    for pattern in PATTERNS:
        for depth, limit in ((1, 100), (3, 100), (3, 4)):
            found = store.expand(uids[:2], pattern, depth, limit)
            out.append((shown(found), found.truncated))
    return out


@settings(max_examples=40)
@given(REPLACES)
def test_embedded_and_overlay_agree(replaces: list[tuple[Bucket, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stored = EmbeddedStore(Path(folder) / "g.db", "w1")
        memory = Overlay()
        for bucket, seed, size in replaces:
            assert stored.replace(bucket, random_graph(seed, size)) == memory.replace(bucket, random_graph(seed, size))
        assert answers(stored) == answers(memory)
        stored.close()


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(REPLACES)
@pytest.mark.server("neo4j")
def test_neo4j_and_overlay_agree(neo4j_store: GraphStore, replaces: list[tuple[Bucket, int, int]]) -> None:
    for bucket in neo4j_store.buckets():
        neo4j_store.replace(bucket, random_graph(0, 0))
    memory = Overlay()
    for bucket, seed, size in replaces:
        neo4j_store.replace(bucket, random_graph(seed, size))
        memory.replace(bucket, random_graph(seed, size))
    assert answers(neo4j_store) == answers(memory)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from(BUCKETS))
def test_an_overlay_is_the_base_with_one_bucket_replaced(first: int, second: int, bucket: Bucket) -> None:
    with tempfile.TemporaryDirectory() as folder:
        base = EmbeddedStore(Path(folder) / "g.db", "w1")
        for number, owner in enumerate(BUCKETS):
            base.replace(owner, random_graph(first + number, 8))
        before = shown(base.slice())
        over = Overlay(base, random_graph(second, 8), bucket)
        seen = answers(over)
        assert shown(base.slice()) == before
        base.replace(bucket, random_graph(second, 8))
        assert seen == answers(base)
        base.close()
