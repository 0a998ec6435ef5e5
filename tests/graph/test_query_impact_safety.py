"""What impact cannot place selects; it never says that nothing is affected (DESIGN sentence 3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.change import ChangedItem
from graph.schema import Evidence, Resolution
from tests.graph.impacts import asked, deployed, selected
from tests.graph.systems import REPO, System, touched

BILLING = """
due = billing/app.py::due
rates = billing/app.py::rates
GET billing /due : due
GET billing /rates : rates
fetch = shop/client.py::fetch
orders = shop/app.py::orders
GET shop /orders : orders
fetch -> GET billing /due
flow orders.yaml: look=GET shop /orders
flow rates.yaml: look=GET billing /rates
"""


def test_a_request_from_code_nobody_is_known_to_call_may_run_in_every_request() -> None:
    impact = asked(System(BILLING), touched("billing/app.py::due"))
    assert selected(impact) == {"orders": "may"}
    assert "rates.yaml" in impact.unaffected_flows


def test_a_request_from_called_code_takes_the_known_way() -> None:
    impact = asked(System(BILLING + "orders -> fetch"), touched("billing/app.py::due"))
    assert selected(impact) == {"orders": "must"}


def test_a_request_made_by_a_started_program_does_not_select_its_service() -> None:
    text = BILLING.replace("fetch = shop/client.py::fetch", "fetch = shop/poll.py::main")
    assert selected(asked(System(text), touched("billing/app.py::due"))) == {}


def test_a_symbol_without_any_edge_still_counts() -> None:
    system = System(BILLING)
    lonely = system.add("Symbol", (REPO, "lib/money.py", "euro"), digest="d", sort="function")
    system.named["lonely"] = lonely
    impact = asked(system, touched("lib/money.py::euro"))
    assert selected(impact) == {"orders": "may", "rates": "may"}


def test_a_library_that_only_a_package_file_names_runs_in_the_services() -> None:
    system = System(BILLING)
    system.symbol("euro", "money/index.ts::euro")
    assert selected(asked(system, touched("money/index.ts::euro"))) == {"orders": "may", "rates": "may"}


def test_a_deployed_job_is_no_library() -> None:
    system = System(BILLING)
    system.symbol("tick", "clock/tick.py::tick")
    assert selected(asked(deployed(system, "clock"), touched("clock/tick.py::tick"))) == {}


MESSAGES = """
on = notes/listener.py::on
read = notes/api.py::read
GET notes /notes : read
on w> notes
read r> notes
placed >! on
place = shop/app.py::place
POST shop /orders : place
flow notes.yaml: look=GET notes /notes
"""


def test_a_consumer_whose_publisher_nobody_knows_runs_by_itself() -> None:
    assert selected(asked(System(MESSAGES), touched("notes/listener.py::on"))) == {"notes": "may"}


def test_a_consumer_whose_publisher_is_known_needs_a_flow_that_publishes() -> None:
    impact = asked(System(MESSAGES + "place !> placed"), touched("notes/listener.py::on"))
    assert selected(impact) == {}
    assert "notes.yaml" in impact.notes[-1]


PARTS = """
module = shop/app.py::
rule = shop/app.py::rule
Rule = shop/rules.py::Rule
call = shop/rules.py::Rule.__call__
orders = shop/app.py::orders
about = shop/app.py::about
GET shop /orders : orders
GET shop /about : about
module -> Rule
rule -> Rule
orders -> rule
flow orders.yaml: look=GET shop /orders
flow about.yaml: look=GET shop /about
"""


def test_a_part_of_an_object_that_module_code_made_is_run_by_who_uses_the_object() -> None:
    impact = asked(System(PARTS), touched("shop/rules.py::Rule.__call__"))
    assert selected(impact) == {"orders": "must"}


def test_module_code_that_only_hands_a_function_on_does_not_run_it() -> None:
    text = PARTS.replace("module -> Rule", "module -> listen").replace("rule -> Rule", "rule -> listen")
    system = System(text.replace("Rule = shop/rules.py::Rule\n", "listen = shop/rules.py::listen\n"))
    for edge in list(system.edges.values()):
        if system.nodes[edge.source].key[2:] == ("",):
            handed = replace(edge, resolution=Resolution("resolved", "passed as argument"))
            system.edges[edge.id] = handed
    assert selected(asked(system, touched("shop/rules.py::listen"))) == {"orders": "must"}


TABLES = """
read = shop/app.py::read
GET shop /orders : read
read r> orders
flow orders.yaml: look=GET shop /orders
"""


def created(name: str) -> ChangedItem:
    return ChangedItem("table", "added", "shop/002.sql", 1, name, f"{name} is created")


def test_a_new_table_that_nobody_uses_affects_nothing() -> None:
    impact = asked(System(TABLES), created("logs"))
    assert selected(impact) == {}
    assert not impact.unknown
    assert "nothing reads or writes the new table logs" in impact.notes[0]


def test_a_new_table_counts_when_some_access_could_not_be_read() -> None:
    system = System(TABLES + "odd = shop/app.py::odd")
    loose = system.add("Unresolved", (REPO, "shop/app.py", "7", "unknown table"), reason="unknown table", edge="READS")
    system.link("READS", system.named["odd"], loose)
    assert selected(asked(system, created("logs"))) == {"orders": "may"}


def test_a_new_table_counts_where_no_access_is_seen_at_all() -> None:
    assert selected(asked(System(TABLES.replace("read r> orders\n", "")), created("logs"))) == {"orders": "may"}


def test_a_file_that_no_rule_explains_is_a_candidate_in_every_path() -> None:
    impact = asked(System(TABLES), ChangedItem("file", "modified", "shop/strange.bin", 3, "shop/strange.bin", ""))
    assert selected(impact) == {"orders": "may"}
    assert impact.flows[0].path[0].status == "candidate"
    assert [b.place for b in impact.unknown] == ["shop/strange.bin:3"]


def test_a_changed_model_reaches_who_reads_its_table() -> None:
    system = System(TABLES + "Line = shop/models.py::Line")
    uid = system.named["Line"].uid
    system.nodes[uid] = replace(system.nodes[uid], props={"digest": "d", "sort": "class", "line": 3, "end_line": 9})
    system.named["Line"] = system.nodes[uid]
    table = next(u for u, n in system.nodes.items() if n.kind == "Dataset")
    declared = Evidence("code", "model", "shop/models.py", 4, REPO)
    system.nodes[table] = replace(system.nodes[table], evidence=(declared,))
    assert selected(asked(system, touched("shop/models.py::Line"))) == {"orders": "must"}


CLOSED = """
orders = shop/app.py::orders
GET shop /orders : orders
flow orders.yaml: look=GET shop /orders
ping = shop/walk.py::ping
pong = shop/walk.py::pong
ping -> pong
pong -> ping
leaf = shop/walk.py::leaf
ping -> leaf
"""


@pytest.mark.parametrize("name", ["ping", "pong", "leaf"])
def test_functions_that_only_call_each_other_may_run_in_every_request(name: str) -> None:
    assert selected(asked(System(CLOSED), touched(f"shop/walk.py::{name}"))) == {"orders": "may"}


def test_a_circle_that_an_operation_enters_runs_there() -> None:
    text = CLOSED + "other = shop/app.py::other\nGET shop /other : other\nother -> pong"
    assert selected(asked(System(text), touched("shop/walk.py::leaf"))) == {}


def test_a_class_that_only_its_own_members_make_may_run_in_every_request() -> None:
    system = System(
        "orders = shop/app.py::orders\nGET shop /orders : orders\nflow orders.yaml: look=GET shop /orders\n"
        "built = shop/visit.py::Visit\nmake = shop/visit.py::Visit.make\nmake -> built"
    )
    assert selected(asked(system, touched("shop/visit.py::Visit.make"))) == {"orders": "may"}


def test_what_only_tests_call_may_run_in_every_request() -> None:
    text = CLOSED + "tried = shop/hook.py::tried\ntest = tests/test_hook.py::test_it\ntest -> tried"
    assert selected(asked(System(text), touched("shop/hook.py::tried"))) == {"orders": "may"}


LOOPING = """
loop = worker/job.py::loop
store = worker/job.py::store
loop -> store
store w> totals
totals = shop/app.py::totals
GET shop /totals : totals
totals r> totals
flow totals.yaml: look=GET shop /totals
"""


def test_a_changed_worker_changes_what_its_loop_writes() -> None:
    system = deployed(System(LOOPING), "worker")
    system.symbol("tune", "worker/tune.py::tune")
    assert selected(asked(system, touched("worker/tune.py::tune"))) == {"totals": "may"}
