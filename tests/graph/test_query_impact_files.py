"""Files and deployments: what a service may read, stores, settings and gateways."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.change import ChangedItem, FileChange, FileStatus
from graph.overlay import Overlay
from graph.queries.impact import affected
from graph.schema import GraphData, Resolution
from tests.graph.impacts import asked, selected
from tests.graph.systems import REPO, System, change, touched, with_digest

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


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [("x", "modified", {}), ("x", "added", {"orders": "may"}), ("default", "modified", {"orders": "may"})],
)
def test_a_new_function_nobody_names_counts_where_a_framework_may_load_it(
    name: str, status: FileStatus, expected: dict[str, str]
) -> None:
    system = System(PLACES + f"x = shop/plugins/x.js::{name}")
    item = touched(f"shop/plugins/x.js::{name}", action="added")
    said = replace(change(item), files=(FileChange(item.file, item.file, status, ()),))
    assert selected(affected(System(PLACES).store(), system.store(), said)) == expected
