"""Search: things by name come first, what is alike in meaning after them, and never twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from testmesh.compose.searching import found, similar
from testmesh.kernel.errors import NotFoundError, UserError
from testmesh.routing import parse_routes
from tests.graph.systems import System

SYSTEM = """
cancel_order = orders/app.py::cancel_order
refund = payments/app.py::refund_customer
POST orders /orders/{}/cancel : cancel_order
POST payments /refunds : refund
cancel_order w> orders
cancel_order !> order.cancelled
flow flows/cancel.yaml: a=POST orders /orders/{}/cancel
"""


def test_names_come_before_what_is_alike(tmp_path: Path) -> None:
    hits = found(System(SYSTEM).store(), tmp_path / "vectors.npz", "cancel order", 50)
    how = [hit.how for hit in hits]
    assert how.index("meaning") == how.count("name") if "meaning" in how else True
    named = [hit for hit in hits if hit.how == "name"]
    assert {"orders:POST /orders/{}/cancel", "orders/app.py::cancel_order"} <= {hit.label for hit in named}
    assert {hit.score for hit in named} == {1.0}
    assert [len(hit.label) for hit in named] == sorted(len(hit.label) for hit in named)
    assert len({hit.uid for hit in hits}) == len(hits)


def test_meaning_finds_what_no_name_says(tmp_path: Path) -> None:
    hits = found(System(SYSTEM).store(), tmp_path / "vectors.npz", "give money back to the client", 3)
    assert hits
    assert {hit.how for hit in hits} == {"meaning"}
    assert any("refund" in hit.label for hit in hits)
    assert all(0 < hit.score <= 1 and round(hit.score, 4) == hit.score for hit in hits)


def test_no_more_than_asked_for_and_places_are_said(tmp_path: Path) -> None:
    hits = found(System(SYSTEM).store(), tmp_path / "vectors.npz", "cancel", 2)
    assert len(hits) == 2
    assert all(hit.place for hit in hits)


def test_what_is_gone_from_the_graph_is_gone_from_search(tmp_path: Path) -> None:
    file = tmp_path / "vectors.npz"
    assert found(System(SYSTEM).store(), file, "refund", 5)
    left = System("cancel_order = orders/app.py::cancel_order").store()
    assert {hit.label for hit in found(left, file, "refund", 5)} <= {"orders/app.py::cancel_order"}


def test_an_unknown_embedder_is_named_with_those_there_are(tmp_path: Path) -> None:
    routes = [parse_routes({"embed": ["nonsense:model"]}, "testmesh.toml")]
    with pytest.raises(UserError, match="no embedder 'nonsense'") as caught:
        found(System(SYSTEM).store(), tmp_path / "vectors.npz", "x", 5, routes)
    assert "static" in str(caught.value.hint)


def test_flows_that_read_alike_are_found_by_a_flow(tmp_path: Path) -> None:
    more = "flow flows/cancel_an_order_again.yaml: a=POST orders /orders/{}/cancel\n"
    more += "flow flows/refunds.yaml: a=POST payments /refunds\n"
    store = System(SYSTEM + more).store()
    hits = similar(store, tmp_path / "v.npz", "flows/cancel.yaml", 2)
    assert hits[0].label == "flows/cancel_an_order_again.yaml"
    assert {(hit.kind, hit.how) for hit in hits} == {("Flow", "meaning")}
    with pytest.raises(NotFoundError):
        similar(store, tmp_path / "v.npz", "flows/none.yaml", 2)
