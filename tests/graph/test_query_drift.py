"""Code against runtime: only seen, never seen although it could have been, and what nobody can say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from graph.overlay import Overlay
from graph.queries.dead import DeadEdges, dead
from graph.queries.shadow import Shadow, shadow
from graph.schema import GraphData, Node
from graph.spans import Span
from graph.store import Bucket, GraphStore
from graph.stores.embedded import EmbeddedStore
from testmesh.cli._drift import shown_dead, shown_shadow
from testmesh.telemetry.known import Known
from testmesh.telemetry.observe import observe_traces
from testmesh.telemetry.seen import merged
from testmesh.telemetry.store import Taken
from tests.graph.systems import WS, System
from tests.telemetry.test_observe import a_span, new_http

SYSTEM = """
place = orders/app.py::place
later = orders/app.py::later
nightly = orders/jobs.py::nightly
add = notifications/app.py::add
charge = payments/app.py::charge
POST orders /orders : place
POST orders /later : later
POST payments /charge : charge
place !> order.created
order.created >! add
place w> orders
place r> stock
later r> stock
later w> archive
nightly w> reports
add w> notifications
place -> POST payments /charge
"""


def sql(text: str) -> dict[str, str]:
    return {"db__system": "postgresql", "db__statement": text}


MESSAGE = {"messaging__system": "kafka", "messaging__destination__name": "order.created"}


def traffic(trace: int = 1) -> list[Span]:
    spans = [
        a_span(1, 0, "orders", "server", **new_http("POST", "/orders")),
        a_span(2, 1, "orders", "client", **sql("INSERT INTO orders VALUES (1)")),
        a_span(3, 1, "orders", "client", **sql("DELETE FROM stock")),
        a_span(4, 1, "orders", "client", **sql("SELECT * FROM audit")),
        a_span(5, 1, "orders", "producer", **MESSAGE),
        a_span(6, 5, "notifications", "consumer", **MESSAGE),
        a_span(7, 1, "orders", "client", **new_http("GET", "/v1/x"), server__address="api.stripe.com"),
        a_span(8, 0, "legacy", "client", **new_http("POST", "/orders"), server__address="orders"),
        a_span(9, 0, "payments", "server", **new_http("GET", "/limits", "/limits")),
    ]
    return [replace(span, trace_id=f"{trace:032x}") for span in spans]


def watched(store: GraphStore, *days: tuple[str, str, list[Span]]) -> GraphStore:
    """The system in a store, and what was observed on (day, environment) with spans."""
    system = System(SYSTEM)
    store.replace(Bucket("links", "shop"), GraphData(system.nodes, system.edges))
    for day, environment, spans in days:
        _watch(store, day, environment, spans)
    return store


def _watch(store: GraphStore, day: str, environment: str, spans: list[Span]) -> None:
    shown = store.slice()
    known = Known(GraphData(shown.nodes, shown.edges), WS)
    seen = observe_traces([Taken(spans)], known, f"{day}T10:00:00Z", environment)
    bucket = Bucket("runtime", environment, day)
    store.replace(bucket, merged(store.content(bucket), seen.data))


@pytest.fixture(params=["memory", "embedded", pytest.param("neo4j", marks=pytest.mark.server("neo4j"))])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    if request.param == "memory":
        opened: GraphStore = Overlay()
    elif request.param == "embedded":
        opened = EmbeddedStore(tmp_path / "g.db", WS)
    else:
        from graph.stores.neo4j import Neo4jStore, Server

        server = request.getfixturevalue("neo4j_server")
        opened = Neo4jStore(Server(server.uri, server.user, server.password), f"drift-{uuid4().hex[:8]}")
    yield opened
    opened.close()


def by_text(rows: tuple[Shadow, ...]) -> dict[str, Shadow]:
    return {row.text: row for row in rows}


def test_what_was_seen_and_is_not_in_the_code(store: GraphStore) -> None:
    found = shadow(watched(store, ("2026-03-01", "local", traffic()), ("2026-03-02", "staging", traffic(2))))
    rows = by_text(found.shadows)
    assert set(rows) == {
        "orders writes postgresql/stock",
        "orders reads postgresql/audit",
        "orders calls api.stripe.com",
        "legacy calls orders:POST /orders",
        "payments answers payments:GET /limits",
    }
    stock = rows["orders writes postgresql/stock"]
    assert (stock.seen.count, stock.seen.environments) == (2, ("local", "staging"))
    assert (stock.seen.first[:10], stock.seen.last[:10]) == ("2026-03-01", "2026-03-02")
    assert stock.seen.spans == (f"{1:032x}/{3:016x}", f"{2:032x}/{3:016x}")
    assert stock.origins == ("orders:POST /orders",)
    assert "only reads it" in stock.reason
    assert 'to = "postgresql/audit"' in rows["orders reads postgresql/audit"].advice
    assert 'hosts = ["api.stripe.com"]' in rows["orders calls api.stripe.com"].advice
    assert rows["legacy calls orders:POST /orders"].reason == "no code of legacy was read"
    assert found.confirmed == 3
    assert [(w.environment, w.days) for w in found.windows] == [("local", 1), ("staging", 1)]
    assert [row.service for row in shadow(store, "legacy").shadows] == ["legacy"]


def reasons(found: DeadEdges) -> dict[str, tuple[str, ...]]:
    return {group.reason: group.examples for group in found.unobserved}


def test_what_is_in_the_code_and_was_never_seen(store: GraphStore) -> None:
    found = dead(watched(store, ("2026-03-01", "local", traffic())))
    (row,) = [row for row in found.dead if row.label.endswith("stock")]
    assert row.text == "orders reads postgresql/stock in code, and was not seen doing so"
    assert row.entries == ("orders:POST /orders × 1",)
    assert row.exposed.spans == (f"{1:032x}/{1:016x}",)
    assert row.place.startswith("orders/")
    assert [row.label for row in found.dead if row.edge == "CALLS"] == ["payments:POST /charge"]
    assert found.seen == 3
    assert reasons(found) == {
        "nothing that leads there ran while spans were observed": ("orders writes postgresql/archive",),
        "no endpoint and no message is known that leads there": ("orders writes postgresql/reports",),
        "notifications sends no spans that name its postgresql stores": (
            "notifications writes postgresql/notifications",
        ),
    }


def test_without_observation_nothing_is_dead_and_nothing_a_shadow() -> None:
    store = watched(Overlay())
    assert dead(store).dead == ()
    assert set(reasons(dead(store))) == {"nothing was observed yet"}
    assert shadow(store).shadows == ()
    for lines in (shown_dead(dead(store)), shown_shadow(shadow(store))):
        assert "no spans were observed yet" in next(iter(lines))


def test_what_is_out_of_date_is_forgotten_with_its_day() -> None:
    store = watched(Overlay(), ("2026-03-01", "local", traffic()))
    store.replace(Bucket("runtime", "local", "2026-03-01"), GraphData())
    assert shadow(store).windows == ()


def test_a_person_reads_who_where_why_and_what_to_do() -> None:
    store = watched(Overlay(), ("2026-03-01", "local", traffic()))
    told = "\n".join(shown_shadow(shadow(store)))
    assert "orders writes postgresql/stock: seen once, last 2026-03-01T10:00 in local, its code only reads it" in told
    assert f"span  {1:032x}/{3:016x}" in told
    assert "5 links seen and not in the code, 3 in both; observed: local on 1 day (2026-03-01)" in told
    told = "\n".join(shown_dead(dead(store)))
    assert "orders reads postgresql/stock in code, and was not seen doing so: orders:POST /orders × 1" in told
    assert "not known for 1 link: nothing that leads there ran" in told


def test_a_loose_end_explains_a_shadow() -> None:
    store = watched(Overlay(), ("2026-03-01", "local", traffic()))
    system = System(SYSTEM)
    end = Node(
        "Unresolved",
        ("shop", "orders/app.py", "9", "AUDIT"),
        "u" * 64,
        {"annotation": "[services.audit]"},
        system.named["place"].evidence,
    )
    system.nodes[end.uid] = end
    system.link("READS", system.named["place"], end)
    store.replace(Bucket("links", "shop"), GraphData(system.nodes, system.edges))
    row = by_text(shadow(store).shadows)["orders reads postgresql/audit"]
    assert row.reason == "orders reads something the scan could not name, at orders/app.py:9"
    assert row.advice == "[services.audit]"


def test_a_statement_that_writes_and_returns_is_no_dead_read() -> None:
    system = System(SYSTEM)
    system.link("READS", system.named["place"], system.target("table orders"))
    store = watched(Overlay(), ("2026-03-01", "local", traffic()))
    store.replace(Bucket("links", "shop"), GraphData(system.nodes, system.edges))
    found = dead(store)
    assert not [row for row in found.dead if row.label.endswith("orders") and row.edge == "READS"]
    assert any("RETURNING" in reason for reason in reasons(found))


def test_an_exchange_that_spans_name_alone_leaves_its_messages_undecided() -> None:
    store = Overlay()
    system = System(
        """
        place = orders/app.py::place
        POST orders /orders : place
        """
    )
    for name in ("order.created", "stock.low"):
        topic = system.add("Topic", ("rabbitmq", name))
        system.link("PUBLISHES", system.named["place"], topic)
    store.replace(Bucket("links", "shop"), GraphData(system.nodes, system.edges))
    spans = [
        a_span(1, 0, "orders", "server", **new_http("POST", "/orders")),
        a_span(2, 1, "orders", "producer", messaging__system="rabbitmq", messaging__destination="stock.low"),
    ]
    _watch(store, "2026-03-01", "local", spans)
    assert [row.label for row in dead(store).dead] == ["rabbitmq:order.created"]
    exchange = a_span(3, 1, "orders", "producer", messaging__system="rabbitmq", messaging__destination="shop")
    _watch(store, "2026-03-02", "local", [*spans, exchange])
    assert dead(store).dead == ()
    (row,) = [row for row in shadow(store).shadows if row.edge == "PUBLISHES"]
    assert (row.label, "exchange of rabbitmq:order.created" in row.reason) == ("rabbitmq:shop", True)
