"""The small questions: neighbours, paths, search, unresolved, diff, conflicts."""

from __future__ import annotations

import pytest

from graph.labels import named
from graph.queries.conflicts import conflicts
from graph.queries.diff import diff
from graph.queries.neighbours import neighbours
from graph.queries.paths import paths
from graph.queries.search import search
from graph.queries.unresolved import unresolved
from graph.query import Query
from graph.schema import node
from testmesh.kernel.discovery import declared
from testmesh.kernel.errors import NotFoundError, UserError
from tests.graph.systems import WS, System

SHOP = """
place = orders/app.py::place
charge = orders/pay.py::charge
pay = payments/app.py::pay
POST orders /orders : place
POST payments /payments : pay
place -> charge
charge -> POST payments /payments
pay w> payments
place !> order.created
"""


def test_every_query_is_declared_with_described_parameters() -> None:
    found = declared("graph.queries", "QUERY", Query)
    assert set(found) >= {"impact", "coverage", "paths", "neighbours", "search", "unresolved", "diff", "conflicts"}
    assert all(found[name].name == name and found[name].about.endswith(".") for name in found)
    assert all(p.about for query in found.values() for p in query.parameters.values())


def test_names_people_type_find_one_thing() -> None:
    store = System(SHOP).store()
    assert named(store, "orders:POST /orders").kind == "Endpoint"
    assert named(store, "order.created").label == "kafka:order.created"
    with pytest.raises(NotFoundError):
        named(store, "nothing")
    with pytest.raises(UserError, match="fits 5 things") as caught:
        named(store, "pay")
    assert "postgresql/payments (Dataset)" in (caught.value.hint or "")


def test_neighbours_are_the_direct_links() -> None:
    found = neighbours(System(SHOP).store(), "orders:POST /orders")
    assert [(k.edge, k.source, k.target) for k in found.links] == [
        ("HANDLED_BY", "orders:POST /orders", "orders/app.py::place"),
        ("OWNS", "orders", "orders:POST /orders"),
    ]
    outward = neighbours(System(SHOP).store(), "orders/app.py::place", 1, "out")
    assert [k.edge for k in outward.links] == ["CALLS", "PUBLISHES"]


def test_a_path_goes_the_way_data_goes() -> None:
    found = paths(System(SHOP).store(), "orders:POST /orders", "postgresql/payments")
    assert [h.edge for h in found.paths[0]] == ["HANDLED_BY", "CALLS", "CALLS", "HANDLED_BY", "WRITES"]
    assert paths(System(SHOP).store(), "postgresql/payments", "orders:POST /orders").paths == ()


def test_search_ranks_whole_names_before_parts() -> None:
    found = search(System(SHOP).store(), "pay")
    assert found.total == len(found.hits)
    starting = [h.label.startswith("pay") or "/pay" in h.label or ":pay" in h.label for h in found.hits]
    assert starting == sorted(starting, reverse=True)
    assert search(System(SHOP).store(), "orders:post /orders").hits[0].label == "orders:POST /orders"
    assert search(System(SHOP).store(), "pay", "Endpoint").total == 1
    with pytest.raises(UserError, match="no kind"):
        search(System(SHOP).store(), "x", "Thing")


def test_unresolved_is_grouped_by_what_settles_it() -> None:
    system = System(SHOP)
    for line, settles in ((3, "PAYMENTS_URL"), (9, "PAYMENTS_URL"), (4, "OTHER_URL")):
        props = {"edge": "CALLS", "settles": settles, "reason": f"{settles} has no value", "annotation": f"[{settles}]"}
        loose = node(WS, "Unresolved", ("shop", "a.py", str(line), "url"), props=props)
        system.nodes[loose.uid] = loose
    found = unresolved(system.store())
    assert [(c.settles, c.references, c.annotation) for c in found.causes] == [
        ("PAYMENTS_URL", 2, "[PAYMENTS_URL]"),
        ("OTHER_URL", 1, "[OTHER_URL]"),
    ]
    assert found.causes[0].places == ("a.py:3", "a.py:9")
    assert unresolved(system.store(), "READS").total == 0


def test_diff_says_what_was_added_and_removed() -> None:
    head = SHOP.replace("pay w> payments", "pay w> charges")
    found = diff(System(SHOP).store(), System(head).store()).differences
    assert [(d.what, d.action, d.label) for d in found] == [
        ("Dataset", "added", "postgresql/charges"),
        ("Dataset", "removed", "postgresql/payments"),
        ("WRITES", "added", "payments/app.py::pay -> postgresql/charges"),
        ("WRITES", "removed", "payments/app.py::pay -> postgresql/payments"),
    ]
    assert diff(System(SHOP).store(), System(SHOP).store()).differences == ()


def test_a_field_read_that_no_answer_has_is_a_conflict() -> None:
    system = System(SHOP)
    door = system.endpoint("POST payments /payments")
    closed = {"type": "object", "closed": True, "fields": [{"name": "id", "shape": {"type": "string"}}]}
    system.link("RETURNS", door, system.add("Schema", ("payments:POST /payments", "200"), shape=closed))
    system.link("CALLS", system.named["charge"], door, reads=["id", "amount"])
    (found,) = conflicts(system.store()).conflicts
    assert found.rule == "read-without-field"
    assert "'amount'" in found.text
