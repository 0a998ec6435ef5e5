"""What impact cannot place selects; it never says that nothing is affected (DESIGN sentence 3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.answers import Impact
from graph.change import ChangedItem, FileChange
from graph.overlay import Overlay
from graph.queries.impact import affected
from graph.schema import Evidence, GraphData, Resolution
from tests.graph.systems import REPO, System, change, touched, with_digest

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


def asked(system: System, *items: ChangedItem) -> Impact:
    places = {f"{n.key[1]}::{n.key[2]}": name for name, n in system.named.items()}
    names = [places[f"{i.file}::{i.name}"] for i in items if f"{i.file}::{i.name}" in places]
    before = Overlay(None, GraphData(dict(system.nodes), dict(system.edges)))
    return affected(before, with_digest(system, names, "new").store(), change(*items))


def selected(impact: Impact) -> dict[str, str]:
    return {f.file.removesuffix(".yaml"): f.selection for f in impact.flows}


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


def deployed(system: System, service: str) -> System:
    uid = next(u for u, n in system.nodes.items() if n.kind == "Service" and n.key == (service,))
    system.nodes[uid] = replace(system.nodes[uid], evidence=(Evidence("deploy", "compose", "compose.yml", 1, REPO),))
    return system


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


PLACES = """
orders = shop/app.py::orders
GET shop /orders : orders
flow orders.yaml: look=GET shop /orders
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("shop/prompts/system.md", "file"),
        ("shop/vendor/lib/x.go", "file"),
        ("shop/vendor/lib/x.go", "symbol"),
        ("shop/pb/order_pb2.py", "module"),
        ("shop/words.txt", "file"),
    ],
)
def test_what_a_service_may_read_or_was_given_counts(path: str, kind: str) -> None:
    item = replace(touched("shop/x.py::x", kind), file=path)
    assert selected(asked(System(PLACES), item)) == {"orders": "may"}


@pytest.mark.parametrize("path", ["shop/README.md", "docs/orders.md", "shop/tests/test_x.py", "notes.md"])
def test_documents_and_tests_run_nowhere(path: str) -> None:
    assert selected(asked(System(PLACES), replace(touched("shop/x.py::x", "file"), file=path))) == {}


def test_generated_code_is_told_by_what_it_was_generated_from() -> None:
    item = replace(touched("shop/x.py::x", "module"), file="shop/pb/order_pb2.py")
    files = tuple(FileChange(p, p, "modified", ()) for p in ("protos/order.proto", item.file))
    before = System(PLACES)
    told_of = replace(change(item), files=files)
    assert selected(affected(before.store(), before.store(), told_of)) == {}


def test_a_service_that_lives_among_examples_is_one() -> None:
    text = PLACES.replace("shop/app.py", "examples/app.py").replace(" shop ", " examples ")
    item = replace(touched("examples/x.py::x", "file"), file="examples/data.json")
    assert selected(asked(System(text), item)) == {"orders": "may"}


def test_code_of_a_repository_without_services_may_run_in_any_service() -> None:
    system = System(PLACES)
    library = system.add("Symbol", ("shared-lib", "money.py", "euro"), digest="d", sort="function")
    system.named["library"] = library
    before = Overlay(None, GraphData(dict(system.nodes), dict(system.edges)))
    said = replace(change(replace(touched("money.py::euro"), file="money.py")), repository="shared-lib")
    assert selected(affected(before, with_digest(system, ["library"], "new").store(), said)) == {"orders": "may"}


def test_an_unread_file_of_a_repository_without_services_may_reach_any_service() -> None:
    system = System(PLACES)
    item = replace(touched("chart/x.py::x", "file"), file="chart/templates/shop.tpl")
    said = replace(change(item), repository="charts")
    assert selected(affected(system.store(), system.store(), said)) == {"orders": "may"}


def kept(told: str = "") -> System:
    """Operations of a shop that uses a database, and of a page that may be told of it."""
    system = System(PLACES + "page = page/app.py::page\nGET page /page : page\nflow page.yaml: look=GET page /page")
    table = system.add("Dataset", ("postgresql", "db", "orders"))
    system.link("READS", system.named["orders"], table)
    store = system.add("Service", ("db",), repository=REPO, sort="infrastructure", hosts=["db"])
    assert store.key == ("db",)
    if told:
        system.add("Config", ("page", "STORE"), value=told)
    return system


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", {"orders": "must"}),
        ("jdbc:postgresql://db:5432/x", {"orders": "must", "page": "may"}),
        ("Host=db;Database=x", {"orders": "must", "page": "may"}),
        ("http://other-db/", {"orders": "must"}),
    ],
)
def test_a_changed_store_reaches_who_uses_it_and_who_is_told_of_it(told: str, expected: dict[str, str]) -> None:
    system = kept(told)
    item = ChangedItem("deploy", "modified", "compose.yaml", 3, "db", "", ())
    assert selected(affected(system.store(), system.store(), change(item))) == expected


def test_a_changed_store_nobody_is_seen_using_reaches_all() -> None:
    system = System(PLACES)
    system.add("Service", ("db",), repository=REPO, sort="infrastructure", hosts=["db"])
    item = ChangedItem("deploy", "modified", "compose.yaml", 3, "db", "", ())
    assert selected(affected(system.store(), system.store(), change(item))) == {"orders": "may"}


def test_a_setting_with_known_readers_reaches_them_and_one_without_reaches_the_service() -> None:
    text = PLACES + "about = shop/app.py::about\nGET shop /about : about\nflow about.yaml: look=GET shop /about"
    for read, expected in ((True, {"about": "must"}), (False, {"about": "must", "orders": "must"})):
        system = System(text)
        setting = system.add("Config", ("shop", "TITLE"), value="Shop")
        service = next(n for n in system.nodes.values() if n.kind == "Service")
        system.link("CONFIGURED_BY", service, setting)
        if read:
            system.link("CONFIGURED_BY", system.named["about"], setting)
        item = ChangedItem("config", "modified", "compose.yaml", 3, "TITLE", "", ())
        assert selected(affected(system.store(), system.store(), change(item))) == expected


def gated() -> System:
    """A flow that calls a shop through a gateway, and code of a page that does."""
    system = System(
        PLACES + "page = page/app.py::page\nGET page /page : page\nflow page.yaml: look=GET page /page\n"
        "flow gate.yaml: look=GET shop /orders\ngate = gate/conf.py::gate"
    )
    gate, target = system.endpoint("ANY gate /**"), system.endpoint("GET shop /orders")
    system.link("ROUTES_TO", gate, target)
    routed = Resolution("resolved", "gateway route")
    step = next(n for n in system.nodes.values() if n.kind == "Step" and n.key[1] == "gate.yaml")
    system.link("CALLS", system.named["page"], target)
    for number in (("EXERCISES", step.uid, target.uid), ("CALLS", system.named["page"].uid, target.uid)):
        system.edges[number] = replace(system.edges[number], resolution=routed)
    return system


def test_a_changed_gateway_reaches_what_goes_through_it() -> None:
    system = gated()
    item = ChangedItem("deploy", "modified", "compose.yaml", 3, "gate", "", ())
    impact = affected(system.store(), system.store(), change(item))
    assert selected(impact) == {"gate": "must", "page": "must"}
    assert "orders.yaml" in impact.unaffected_flows
