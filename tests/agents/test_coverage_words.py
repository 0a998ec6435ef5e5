"""Coverage: grades, gaps, what is not measured, and a flow for each gap that validates."""

from __future__ import annotations

import json

import pytest

from agents.coverage import CoverageInputs, answer, gaps, markdown, text
from agents.generation import skeletons
from flows.actions import catalogue
from flows.language.check import load_flow
from graph.answers import Coverage, CoverageRow
from graph.codec import dumps, from_json
from graph.schema import Evidence, Resolution, node
from tests.graph.systems import REPO, WS, System

SHOP = """
place = orders/app.py::place
get = orders/app.py::get
cancel = orders/app.py::cancel
hook = orders/app.py::hook
pay = payments/app.py::pay
POST orders /orders : place
GET orders /orders/{} : get
POST orders /orders/{}/cancel : cancel
POST payments /payments : pay
place -> POST payments /payments
place w> orders
cancel w> orders
cancel w> stock
cancel !> order.cancelled
get r> orders
flow order.yaml: a=POST orders /orders
"""


def shop() -> System:
    """The shop with statuses and payloads."""
    system = System(SHOP)
    place = system.add("Endpoint", ("orders", "http", "POST", "/orders"))
    system.nodes[place.uid] = node(
        WS, "Endpoint", place.key, props={"statuses": ["201", "402"], "errors": ["402"]}, evidence=place.evidence
    )
    fields = [{"name": "product_id", "shape": {"type": "string"}}, {"name": "n", "shape": {"type": "integer"}}]
    answers = [{"name": "id", "shape": {"type": "string"}}, {"name": "total", "shape": {"type": "number"}}]
    for kind, role, shape in (("ACCEPTS", "request", fields), ("RETURNS", "response 201", answers)):
        schema = system.add("Schema", ("orders:POST /orders", role), shape={"type": "object", "fields": shape})
        system.link(kind, place, schema)
    for uid, old in list(system.nodes.items()):
        if old.kind == "Service":
            hosts = [f"${{{old.key[0].upper()}_URL}}", "localhost:8001"]
            system.nodes[uid] = node(WS, "Service", old.key, props={**old.props, "hosts": hosts}, evidence=old.evidence)
    return system


def row(found: Coverage, dimension: str, label: str) -> CoverageRow:
    """The one row."""
    (only,) = [r for r in found.rows if (r.dimension, r.label) == (dimension, label)]
    return only


def shares(found: Coverage) -> dict[str, tuple[int, int] | None]:
    """Dimension to (covered, total), None when not measured."""
    return {d.name: (d.covered, d.total) if d.measured else None for d in found.dimensions}


def test_grades_say_how_far_and_what_is_checked() -> None:
    found = answer(CoverageInputs(shop().store()))
    placed = row(found, "endpoint", "orders:POST /orders")
    assert (placed.grade.reached, placed.grade.checks, placed.grade.flows) == (
        "referenced",
        ("status",),
        ("order.yaml",),
    )
    assert row(found, "endpoint", "orders:GET /orders/{}").grade.reached == "none"
    assert row(found, "edge", "orders -> payments:POST /payments").grade.flows == ("order.yaml",)
    assert shares(found) == {
        "endpoint": (1, 4),
        "status class": (1, 2),
        "edge": (1, 1),
        "topic": (0, 1),
        "dataset": (0, 2),
        "error branch": (0, 1),
    }


def test_what_has_no_source_is_not_measured() -> None:
    found = answer(CoverageInputs(System("place = orders/app.py::place\nPOST orders /orders : place").store()))
    assert shares(found) == dict.fromkeys(shares(found))
    assert "not measured: no flow was found" in text(found)
    assert "0 %" not in text(found)


def test_the_worst_gap_comes_first_and_says_why() -> None:
    first = gaps(answer(CoverageInputs(shop().store())))[0]
    assert first.label == "orders:POST /orders/{}/cancel"
    assert first.why == "writes postgresql/orders, postgresql/stock, publishes kafka:order.cancelled, exposed"


def test_observed_runs_raise_the_grade() -> None:
    from dataclasses import replace

    system = shop()
    for number, edge in list(system.edges.items()):
        if edge.kind == "EXERCISES":
            system.edges[number] = replace(edge, props={**edge.props, "grade": "passed"})
    placed = row(answer(CoverageInputs(system.store())), "endpoint", "orders:POST /orders")
    assert placed.grade.reached == "passed"


def test_a_step_to_nowhere_and_a_phantom_are_never_coverage() -> None:
    system = shop()
    flow_only = (Evidence("flow", "flows", "odd.yaml", 4, REPO),)
    phantom = node(WS, "Endpoint", ("orders", "http", "GET", "/ghost"), evidence=flow_only)
    step = node(WS, "Step", (REPO, "odd.yaml", "steps", "a"), props={"line": 4}, evidence=flow_only)
    system.nodes |= {phantom.uid: phantom, step.uid: step}
    system.link("EXERCISES", step, phantom)
    system.link("EXERCISES", step, system.target("? ODD_URL"))
    guess = system.endpoint("GET orders /orders/{}")
    system.link("EXERCISES", step, guess, sure=False)
    found = answer(CoverageInputs(system.store()))
    assert [b.place for b in found.unresolved_steps] == ["odd.yaml:4"] * 3
    assert row(found, "endpoint", "orders:GET /orders/{}").grade.reached == "none"
    assert not [r for r in found.rows if "ghost" in r.label]


def test_health_checks_are_no_gap() -> None:
    system = shop()
    health = node(WS, "Endpoint", ("orders", "http", "GET", "/health"), props={"operational": True})
    system.nodes[health.uid] = health
    assert not [r for r in answer(CoverageInputs(system.store())).rows if "health" in r.label]


def test_every_gap_comes_with_a_flow_that_validates() -> None:
    store = shop().store()
    found = answer(CoverageInputs(store, skeletons(store)))
    missing = gaps(found)
    assert len(missing) == 8
    for gap in missing:
        checked = load_flow(gap.skeleton, "gap.yaml", catalogue())
        assert checked.flow is not None, (gap.label, gap.skeleton, checked.findings)
        assert not checked.findings


def test_a_skeleton_makes_what_its_path_names_and_asks_for_known_fields() -> None:
    store = shop().store()
    gap = row(answer(CoverageInputs(store, skeletons(store))), "endpoint", "orders:GET /orders/{}")
    assert 'url: "${ORDERS}/orders/${call_needs.made_id}"' in gap.skeleton
    assert 'body: {"product_id": "text", "n": 1}' in gap.skeleton
    assert 'ORDERS: "${ORDERS_URL:http://localhost:8001}"' in gap.skeleton


def test_a_value_only_people_know_is_a_variable_and_a_missing_thing_is_random() -> None:
    system = System("a = shop/app.py::a\nGET shop /items/{} : a\nflow f.yaml: x=GET shop /other")
    door = system.endpoint("GET shop /items/{}")
    props = {"template": "/items/{sku:path}", "errors": ["404"], "statuses": ["200", "404"]}
    system.nodes[door.uid] = node(WS, "Endpoint", door.key, props=props, evidence=door.evidence)
    found = answer(CoverageInputs(system.store(), skeletons(system.store())))
    plain = row(found, "endpoint", "shop:GET /items/{}").skeleton
    assert '/items/${SKU}"' in plain
    assert 'SKU: "1"' in plain
    absent = row(found, "error branch", "shop:GET /items/{} 404").skeleton
    assert '/items/${RANDOM_ID}"' in absent
    assert "status == 404" in absent
    for text_ in (plain, absent):
        assert load_flow(text_, "f.yaml", catalogue()).findings == ()


def test_renderings_carry_the_same_numbers_and_json_reads_back() -> None:
    found = answer(CoverageInputs(shop().store()))
    assert "endpoint      1 of 4 (25 %)" in text(found)
    assert "| endpoint | 1 of 4 (25 %) |" in markdown(found)
    assert from_json(Coverage, json.loads(dumps(found))) == found


@pytest.mark.parametrize("status", ["candidate", "unresolved"])
def test_only_sure_links_count(status: str) -> None:
    from dataclasses import replace

    system = shop()
    for number, edge in list(system.edges.items()):
        if edge.kind == "EXERCISES":
            system.edges[number] = replace(edge, resolution=Resolution(status))  # type: ignore[arg-type]
    assert shares(answer(CoverageInputs(system.store())))["endpoint"] == (0, 4)
