"""What every graph engine must do, said once and run against each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.overlay import Overlay
from graph.schema import Evidence, GraphData, Resolution
from graph.store import AnyOf, Bucket, GraphStore, Page, Pattern, VersionConflict
from graph.stores.embedded import EmbeddedStore
from tests.conformance.graphs import chain, graph, link, shown, thing

LINKS, TRACES = Bucket("links", "shop"), Bucket("runtime", "local", "2026-11-26")
ENGINES = ("embedded", "overlay", "neo4j")


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    """An empty store of each engine."""
    made: GraphStore
    if request.param == "neo4j":
        made = request.getfixturevalue("neo4j_store")
    else:
        made = EmbeddedStore(tmp_path / "graph.db", "w1") if request.param == "embedded" else Overlay()
    yield made
    made.close()


def test_an_empty_store_answers(store: GraphStore) -> None:
    assert store.version() == 0
    assert store.buckets() == ()
    assert store.get(["x"]) == {}
    assert store.find("Service").nodes == ()
    assert not store.expand(["x"], Pattern(), 3).nodes
    assert store.content(LINKS) == GraphData()
    assert not store.slice().nodes


def test_what_was_written_is_read_back_whole(store: GraphStore) -> None:
    nodes, edges = chain()
    content = graph(*nodes, *edges)
    assert store.replace(LINKS, content) == 1
    assert shown(store.slice()) == shown(content)
    assert shown(store.content(LINKS)) == shown(content)
    assert dict(store.get([n.uid for n in nodes])) == dict(content.nodes)
    assert store.buckets() == (LINKS,)


def test_saying_the_same_again_is_no_new_version(store: GraphStore) -> None:
    nodes, edges = chain()
    store.replace(LINKS, graph(*nodes, *edges))
    assert store.replace(LINKS, graph(*nodes, *edges)) == 1


def test_a_stale_writer_is_refused_and_changes_nothing(store: GraphStore) -> None:
    nodes, edges = chain()
    store.replace(LINKS, graph(*nodes, *edges), expect_version=0)
    with pytest.raises(VersionConflict):
        store.replace(LINKS, GraphData(), expect_version=0)
    assert len(store.slice().nodes) == len(nodes)


def test_an_element_lives_until_the_last_bucket_drops_it(store: GraphStore) -> None:
    table = thing("Dataset", "sql", "", "t", columns=["a"])
    seen = thing(
        "Dataset", "sql", "", "t", evidence=(Evidence("runtime", "otlp", pointer="span1"),), columns=["b", "a"]
    )
    store.replace(LINKS, graph(table))
    store.replace(TRACES, graph(seen))
    both = store.get([table.uid])[table.uid]
    assert both.props["columns"] == ["a", "b"]
    assert [e.layer for e in both.evidence] == ["code", "runtime"]
    store.replace(LINKS, GraphData())
    left = store.get([table.uid])[table.uid]
    assert (left.props, left.evidence) == (seen.props, seen.evidence)
    store.replace(TRACES, GraphData())
    assert store.get([table.uid]) == {}
    assert store.buckets() == ()


def test_the_better_grade_and_status_win_over_buckets(store: GraphStore) -> None:
    step, door = thing("Step", "r", "f.yaml", "steps", "a"), thing("Endpoint", "s", "http", "GET", "/x")
    guess = link("EXERCISES", step, door, Resolution("candidate", "guess"), grade="referenced", checks=["status"])
    seen = link("EXERCISES", step, door, Resolution("resolved", "span"), grade="executed", checks=["body"])
    store.replace(TRACES, graph(step, door, seen))
    store.replace(LINKS, graph(step, door, guess))
    (edge,) = store.slice().edges.values()
    assert edge.props == {"grade": "executed", "checks": ["status", "body"]}
    assert edge.resolution.rule == "span"


def test_one_bucket_does_not_touch_another(store: GraphStore) -> None:
    nodes, edges = chain()
    other = thing("Service", "payments")
    store.replace(LINKS, graph(*nodes, *edges))
    store.replace(Bucket("links", "other"), graph(other))
    store.replace(Bucket("links", "other"), GraphData())
    assert shown(store.slice()) == shown(graph(*nodes, *edges))


def test_find_compares_key_parts_properties_and_lists(store: GraphStore) -> None:
    nodes, edges = chain()
    store.replace(LINKS, graph(*nodes, *edges))

    def names(kind: str, **where: object) -> list[str]:
        return sorted(n.label for n in store.find(kind, where).nodes)

    assert names("Symbol", name="b") == ["app.py::b"]
    assert names("Symbol", name=AnyOf(frozenset({"a", "c"})), file="app.py") == ["app.py::a", "app.py::c"]
    assert names("Symbol", line=2) == ["app.py::c"]
    assert names("Symbol", line="2") == []
    assert names("Endpoint", operational=False) == ["orders:GET /orders/{}"]
    assert names("Endpoint", operational=0) == []
    assert names("Dataset", columns=["id", "total"]) == ["db/orders"]
    assert names("Dataset", columns=["id"]) == []
    with pytest.raises(ValueError, match="no key part or property"):
        store.find("Symbol", {"nope": 1})


def test_find_pages_are_ordered_and_complete(store: GraphStore) -> None:
    services = [thing("Service", f"s{n}") for n in range(7)]
    store.replace(LINKS, graph(*services))
    seen, after = [], ""
    while True:
        found = store.find("Service", page=Page(after, 3))
        seen += [n.uid for n in found.nodes]
        if found.next is None:
            break
        after = found.next
    assert seen == sorted(s.uid for s in services)
    assert store.find("Service", page=Page("", 7)).next is None


def test_expand_follows_directions_depth_and_stops(store: GraphStore) -> None:
    nodes, edges = chain()
    a, b, c, table, door = nodes
    store.replace(LINKS, graph(*nodes, *edges))

    def reached(start: str, depth: int, pattern: Pattern) -> set[str]:
        return {n.label for n in store.expand([start], pattern, depth).nodes.values()}

    callers = Pattern({"CALLS": "in", "HANDLED_BY": "in"})
    assert reached(c.uid, 1, callers) == {c.label, b.label}
    assert reached(c.uid, 9, callers) == {c.label, b.label, a.label, door.label}
    assert reached(a.uid, 0, callers) == {a.label}
    assert reached(c.uid, 9, Pattern({"WRITES": "out", "READS": "in"})) == {c.label, table.label, a.label}
    stop = Pattern({"WRITES": "out", "READS": "in"}, frozenset({"Dataset"}))
    assert reached(c.uid, 9, stop) == {c.label, table.label}
    assert reached(table.uid, 9, stop) == {table.label, a.label}
    assert reached(a.uid, 9, Pattern()) == {n.label for n in nodes}


def test_expand_says_when_the_limit_cut_it(store: GraphStore) -> None:
    nodes, edges = chain()
    store.replace(LINKS, graph(*nodes, *edges))
    whole = store.expand([nodes[0].uid], Pattern(), 9, limit=5)
    assert not whole.truncated
    cut = store.expand([nodes[0].uid], Pattern(), 9, limit=3)
    assert cut.truncated
    near = sorted(n.uid for n in (nodes[1], nodes[3], nodes[4]))[:2]
    assert set(cut.nodes) == {nodes[0].uid, *near}
    assert all(e[1] in cut.nodes and e[2] in cut.nodes for e in cut.edges)


def test_slice_gives_kinds_with_both_ends(store: GraphStore) -> None:
    nodes, edges = chain()
    store.replace(LINKS, graph(*nodes, *edges))
    part = store.slice(["Endpoint"], ["WRITES"])
    assert {n.kind for n in part.nodes.values()} == {"Endpoint", "Symbol", "Dataset"}
    assert [e[0] for e in part.edges] == ["WRITES"]
    assert not store.slice([], []).nodes


def test_content_that_is_not_whole_is_refused(store: GraphStore) -> None:
    nodes, edges = chain()
    with pytest.raises(ValueError, match="not in the bucket"):
        store.replace(LINKS, graph(nodes[0], edges[0]))
    assert store.version() == 0
