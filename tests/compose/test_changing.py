"""A question about nodes instead of a diff: their code counts as changed, whatever kind of node is named."""

from __future__ import annotations

import pytest

from graph.queries.impact import affected
from testmesh.compose.changing import of_nodes
from testmesh.kernel.errors import NotFoundError
from tests.graph.systems import REPO, System

SYSTEM = System("""
get = orders/app.py::get
place = orders/app.py::place
GET orders /orders/{} : get
POST orders /orders : place
place w> orders
flow flows/get.yaml: a=GET orders /orders/{}
flow flows/place.yaml: a=POST orders /orders
""")


def names(*wanted: str) -> set[str]:
    return {item.name for item in of_nodes(SYSTEM.store(), REPO, wanted).items}


def test_a_symbol_is_its_own_change() -> None:
    (item,) = of_nodes(SYSTEM.store(), REPO, ["orders/app.py::get"]).items
    assert (item.kind, item.file, item.name, item.action) == ("symbol", "orders/app.py", "get", "modified")


def test_an_endpoint_stands_for_its_handler() -> None:
    assert names("orders:GET /orders/{}") == {"get"}
    assert names("orders:GET /orders/{}", "orders:POST /orders") == {"get", "place"}


def test_a_uid_is_a_name_too() -> None:
    uid = next(node.uid for node in SYSTEM.nodes.values() if node.label == "orders/app.py::place")
    assert names(uid) == {"place"}


def test_what_does_not_exist_is_an_error_with_a_way_to_find_names() -> None:
    with pytest.raises(NotFoundError, match="no node 'orders:GET /nowhere'") as caught:
        names("orders:GET /nowhere")
    assert "search" in str(caught.value.hint)


def test_flows_of_a_named_node_must_run_and_others_need_not() -> None:
    store = SYSTEM.store()
    impact = affected(store, store, of_nodes(store, REPO, ["orders/app.py::get"]))
    assert [(flow.file, flow.selection) for flow in impact.flows] == [("flows/get.yaml", "must")]
