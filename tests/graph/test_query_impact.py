"""Impact on systems small enough to know the right answer by heart."""

from __future__ import annotations

import pytest

from graph.answers import Impact
from graph.change import ChangedItem
from graph.queries.impact import affected
from tests.graph.systems import System, change, touched, with_digest

SHOP = """
place = orders/app.py::place
get = orders/app.py::get
shown = orders/app.py::shown
charge = orders/payments.py::Client.charge
created = orders/events.py::created
products = orders/app.py::products
POST orders /orders : place
GET orders /orders/{} : get
GET orders /products : products
place -> shown
get -> shown
place -> charge
place -> created
place w> orders
get r> orders
products r> products
created !> order.created
pay = payments/app.py::pay
refunds = payments/app.py::refunds
POST payments /payments : pay
GET payments /refunds : refunds
charge -> POST payments /payments
pay w> payments
run = notifications/consumer.py::run
handle = notifications/consumer.py::handle
add = notifications/store.py::add
ask = notifications/client.py::ask
inbox = notifications/api.py::inbox
GET notifications /inbox : inbox
order.created >! run
run -> handle
handle -> ask
handle -> add
ask -> GET orders /orders/{}
add w> notifications
inbox r> notifications
main = notifications/main.py::main
main -> run
flow order.yaml: place=POST orders /orders; look=GET orders /orders/{}
flow notified.yaml: place=POST orders /orders; row=table notifications
flow inbox.yaml: place=POST orders /orders; inbox=GET notifications /inbox
flow seeded.yaml: inbox=GET notifications /inbox
flow event.yaml: place=POST orders /orders; event=topic order.created
flow pay.yaml: pay=POST payments /payments
flow refunds.yaml: refunds=GET payments /refunds
flow products.yaml: list=GET orders /products
"""


def asked(*items: ChangedItem, text: str = SHOP) -> Impact:
    """Impact when only the tokens of the changed symbols differ."""
    head = System(text)
    places = {f"{n.key[1]}::{n.key[2]}": name for name, n in head.named.items()}
    names = [places[f"{i.file}::{i.name}"] for i in items if f"{i.file}::{i.name}" in places]
    return affected(System(text).store(), with_digest(head, names, "new").store(), change(*items))


def runs(impact: Impact, selection: str = "must") -> set[str]:
    """Files of flows with that selection."""
    return {f.file.removesuffix(".yaml") for f in impact.flows if f.selection == selection}


def test_a_changed_handler_selects_the_flows_that_call_it_and_nothing_else() -> None:
    impact = asked(touched("payments/app.py::refunds"))
    assert runs(impact) == {"refunds"}
    assert runs(impact, "may") == set()
    assert "pay.yaml" in impact.unaffected_flows
    assert not impact.unknown


def test_a_response_travels_to_its_callers_across_services() -> None:
    impact = asked(touched("payments/app.py::pay"))
    assert runs(impact) == {"pay", "order", "notified", "inbox", "event"}
    assert {a.label for a in impact.affected if a.kind == "Service"} == {"orders", "payments", "notifications"}


def test_a_changed_consumer_selects_flows_that_cause_the_event_and_look_at_its_effect() -> None:
    impact = asked(touched("notifications/store.py::add"))
    assert runs(impact) == {"notified", "inbox"}
    assert runs(impact, "may") == set()


def test_a_flow_that_only_looks_at_old_data_is_named_but_neither_selected_nor_called_unaffected() -> None:
    impact = asked(touched("notifications/store.py::add"))
    assert "seeded.yaml" not in impact.unaffected_flows
    assert any("seeded.yaml" in note for note in impact.notes)


def test_what_only_reads_data_the_change_may_write_is_affected_but_not_certain() -> None:
    found = {a.label: a.certain for a in asked(touched("notifications/store.py::add")).affected}
    assert found["notifications:GET /inbox"] is False
    assert found["postgresql/notifications"] is True


def test_a_service_that_may_not_start_lets_every_flow_run() -> None:
    head = System(SHOP + "\nsetup = payments/app.py::")
    impact = affected(System(SHOP).store(), head.store(), change(touched("payments/app.py::", "module", "added")))
    assert len(impact.flows) == 8
    assert any("whether its service comes up" in f.reason for f in impact.flows)


def test_a_lookup_made_by_a_consumer_carries_the_change_to_what_it_writes() -> None:
    impact = asked(touched("orders/app.py::get"))
    assert runs(impact) == {"order", "notified", "inbox"}
    proof = next(f.path for f in impact.flows if f.file == "notified.yaml")
    assert [h.edge for h in proof] == [
        "CHANGED",
        "HANDLED_BY",
        "CALLS",
        "CALLS",
        "CALLS",
        "WRITES",
        "EXERCISES",
        "CONTAINS",
    ]
    assert all(h.status == "resolved" for h in proof)


def test_a_dropped_event_field_selects_those_who_listen() -> None:
    impact = asked(touched("orders/events.py::created"))
    assert {"event", "notified", "inbox"} <= runs(impact)
    assert not runs(impact) & {"pay", "refunds", "products"}


def test_comments_and_layout_affect_nothing() -> None:
    impact = affected(System(SHOP).store(), System(SHOP).store(), change(touched("orders/app.py::get")))
    assert impact.flows == ()
    assert impact.affected == ()
    assert len(impact.unaffected_flows) == 8
    assert "only comments or layout" in impact.notes[0]


def test_code_that_nothing_calls_may_run_in_every_request_of_its_service() -> None:
    text = SHOP + "\nhook = payments/app.py::hook"
    impact = asked(touched("payments/app.py::hook"), text=text)
    assert runs(impact) == set()
    assert {"pay", "refunds", "order"} <= runs(impact, "may")
    assert "products" not in runs(impact, "may")
    assert any(h.edge == "MAY RUN IN" for f in impact.flows for h in f.path)


def test_a_new_function_that_nothing_uses_affects_nothing_unless_a_decorator_may_register_it() -> None:
    head = System(SHOP + "\nhook = payments/app.py::hook")
    added = touched("payments/app.py::hook", action="added")
    assert affected(System(SHOP).store(), head.store(), change(added)).flows == ()
    head.named["hook"].props["decorated"] = True  # type: ignore[index]
    assert {"pay", "refunds"} <= runs(affected(System(SHOP).store(), head.store(), change(added)), "may")


def test_a_consumers_loop_does_not_drag_in_its_service() -> None:
    impact = asked(touched("notifications/consumer.py::run"))
    assert runs(impact) | runs(impact, "may") == {"notified", "inbox"}


def test_a_removed_operation_selects_its_flows_and_clients() -> None:
    head = SHOP.replace("GET orders /orders/{} : get", "GET orders /v2/{} : get")
    head = head.replace("ask -> GET orders /orders/{}", "").replace("; look=GET orders /orders/{}", "")
    impact = affected(System(SHOP).store(), System(head).store(), change(touched("orders/app.py", "module")))
    assert {"order", "notified", "inbox"} <= runs(impact)


def test_a_candidate_link_makes_may_of_must() -> None:
    text = SHOP.replace("charge -> POST payments /payments", "charge -> POST payments /payments ?")
    impact = asked(touched("payments/app.py::pay"), text=text)
    assert runs(impact) == {"pay"}
    assert {"order", "notified", "inbox", "event"} <= runs(impact, "may")


def test_an_unresolved_call_selects_and_is_named() -> None:
    text = SHOP + "\nhello = orders/app.py::hello\nGET orders /hello : hello\nhello -> ? CALLBACK_URL\n"
    text += "flow hello.yaml: a=GET orders /hello"
    impact = asked(touched("payments/app.py::refunds"), text=text)
    assert runs(impact) == {"refunds"}
    assert "hello" in runs(impact, "may")
    assert [(b.reason, b.annotation) for b in impact.unknown] == [("CALLBACK_URL", "[x]")]
    assert "hello.yaml" not in impact.unaffected_flows


def test_a_step_that_leads_nowhere_known_selects_its_flow() -> None:
    impact = asked(touched("payments/app.py::refunds"), text=SHOP + "\nflow odd.yaml: a=? ODD_URL")
    odd = next(f for f in impact.flows if f.file == "odd.yaml")
    assert odd.selection == "may"
    assert "odd.yaml#a" in odd.reason


def test_a_deployment_value_concerns_the_whole_service() -> None:
    impact = asked(ChangedItem("deploy", "modified", "compose.yaml", 3, "payments"))
    assert runs(impact) >= {"pay", "refunds", "order"}
    assert "products" not in runs(impact) | runs(impact, "may")


def test_a_migration_concerns_those_who_touch_the_table() -> None:
    impact = asked(ChangedItem("table", "modified", "migrations/1.sql", 3, "public.notifications"))
    assert {"notified", "inbox", "seeded"} <= runs(impact) | runs(impact, "may")
    assert not {"pay", "refunds", "products"} & (runs(impact) | runs(impact, "may"))


@pytest.mark.parametrize(("path", "selected"), [("README.md", False), ("tests/test_a.py", False), ("x.bin", True)])
def test_what_no_rule_places_is_never_silent(path: str, selected: bool) -> None:
    impact = asked(ChangedItem("file", "modified", path, 1, ""))
    assert bool(impact.flows) == selected
    assert bool(impact.unknown) == selected
    assert selected or path in impact.notes[0]


def test_a_changed_flow_must_run_itself() -> None:
    impact = asked(ChangedItem("flow", "modified", "pay.yaml", 1, "pay"))
    assert runs(impact) == {"pay"}
    assert runs(impact, "may") == set()


def test_changed_operations_without_a_flow_are_named() -> None:
    text = SHOP + "\nadmin = payments/app.py::admin\nGET payments /admin : admin"
    assert asked(touched("payments/app.py::admin"), text=text).untested == ("payments:GET /admin",)


def test_the_same_answer_twice_is_the_same_bytes() -> None:
    from graph.codec import dumps

    assert dumps(asked(touched("orders/app.py::get"))) == dumps(asked(touched("orders/app.py::get")))
