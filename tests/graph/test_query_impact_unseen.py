"""What services do to others without being seen: who is told an address, who does nothing anybody reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.answers import Impact
from tests.graph.impacts import asked, deployed, selected
from tests.graph.systems import System, touched

TOLD = """
due = billing/app.py::due
GET billing /due : due
orders = shop/app.py::orders
GET shop /orders : orders
flow orders.yaml: look=GET shop /orders
"""


def told(value: str, text: str = TOLD, service: str = "shop") -> Impact:
    """What a changed operation affects when a setting of a service has this value."""
    system = System(text)
    for uid, node in list(system.nodes.items()):
        if node.kind == "Service":
            system.nodes[uid] = replace(node, props=dict(node.props) | {"hosts": [node.key[0]]})
    system.add("Config", (service, "BILLING"), value=value)
    return asked(system, touched("billing/app.py::due" if service == "shop" else "front/app.py::orders"))


@pytest.mark.parametrize("value", ["http://billing:8080/v1", "billing:8080", "billing", "https://user@billing"])
def test_who_is_told_an_address_and_is_not_seen_asking_may_ask(value: str) -> None:
    impact = told(value)
    assert selected(impact) == {"orders": "may"}
    assert "MAY ASK" in [hop.edge for hop in impact.flows[0].path]


@pytest.mark.parametrize("value", ["", "billing is great", "http://elsewhere/billing", "http://billing.example.com"])
def test_other_values_tell_no_address(value: str) -> None:
    assert selected(told(value)) == {}


def test_who_is_seen_asking_asks_only_what_is_seen() -> None:
    text = TOLD + "other = billing/app.py::other\nGET billing /other : other\norders -> GET billing /other"
    assert selected(told("http://billing:8080", text)) == {}


WORKER = """
work = worker/job.py::work
totals = shop/app.py::totals
GET shop /totals : totals
totals r> totals
flow totals.yaml: look=GET shop /totals
"""


def test_a_service_of_which_nothing_is_seen_may_change_any_data() -> None:
    impact = asked(deployed(System(WORKER), "worker"), touched("worker/job.py::work"))
    assert selected(impact) == {"totals": "may"}
    assert "MAY CHANGE" in [hop.edge for hop in impact.flows[0].path]


def test_a_service_that_is_seen_writing_changes_what_it_writes() -> None:
    text = WORKER + "other = worker/job.py::other\nother w> logs"
    assert selected(asked(deployed(System(text), "worker"), touched("worker/job.py::work"))) == {}


HANDED = """
due = billing/app.py::due
POST billing /due : due
due w> dues
total = shop/app.py::total
GET shop /total : total
total r> dues
orders = front/app.py::orders
POST front /orders : orders
flow paid.yaml: pay=POST front /orders; look=GET shop /total
"""


@pytest.mark.parametrize(("value", "reached"), [("billing:80", True), ("elsewhere:80", False)])
def test_who_is_told_an_address_may_send_other_things_there(value: str, reached: bool) -> None:
    assert ("shop:GET /total" in [a.label for a in told(value, HANDED, "front").affected]) is reached


def test_a_changed_service_of_which_nothing_is_seen_may_change_any_data() -> None:
    system = deployed(System(WORKER), "worker")
    unread = touched("worker/main.rs", "file")
    assert selected(asked(system, replace(unread, file="worker/main.rs", name="worker/main.rs"))) == {"totals": "may"}
