"""Two services joined by a request, a topic and a table: the thinnest whole system, linked from hand-made facts."""

from __future__ import annotations

from graph.schema import EDGES, GraphData
from graph.values import Concat, Env, Field, Lit, Name, Param, Shape
from tests.graph.link_facts import COMMIT, FileFacts, edge, labels, linked, rows

ORDER = Shape("object", (Field("id", Shape("string")), Field("total", Shape("number"))))


def orders() -> FileFacts:
    return (
        FileFacts("orders/app.py")
        .say("router", name="app", framework="fastapi")
        .imports("charge", "client", "charge")
        .function("create", "body", line=10)
        .say(
            "endpoint", 9, protocol="http", method="POST", path=Lit("/orders"), router=Name("app"), handler="create",
            framework="fastapi", accepts=ORDER, returns=ORDER, status=201,
        )
        .say("call", 12, symbol="create", callee=Name("charge"), args=(Name("body"),))
        .say("publish", 13, broker="kafka", topic=Lit("order.created"), symbol="create", shape=ORDER)
        .say("sql", 14, text=Lit("INSERT INTO public.Orders (id, total) VALUES (%s, %s)"), symbol="create")
        .say("config_read", 2, symbol="create", key="PAYMENTS_URL")
    )  # fmt: skip


def client() -> FileFacts:
    return (
        FileFacts("orders/client.py")
        .function("charge", "body", line=3)
        .bind("BASE", Env("PAYMENTS_URL", Lit("http://localhost:1")))
        .say(
            "http_call", 5, method=Lit("POST"), url=Concat((Name("BASE"), Lit("/charges/"), Param(0, "body"))),
            symbol="charge", client="httpx", reads=Shape("object", (Field("status", Shape("string")),)),
        )
    )  # fmt: skip


def payments() -> FileFacts:
    return (
        FileFacts("payments/main.py")
        .say("router", name="app", framework="flask")
        .function("charge", "id", line=4)
        .function("loop", line=20)
        .say("endpoint", 3, protocol="http", method="POST", path=Lit("/charges/<int:id>"), router=Name("app"),
             handler="charge", framework="flask")
        .say("consume", 21, broker="kafka", topic=Lit("order.created"), symbol="loop",
             shape=Shape("object", (Field("total"  , Shape("number")),)))
        .say("sql", 22, text=Lit("SELECT o.total FROM orders o WHERE o.id = %s"), symbol="loop")
    )  # fmt: skip


def deploy() -> FileFacts:
    return (
        FileFacts("compose.yaml")
        .say("service", name="orders", root="orders", sort="business", ports=("8001:8000",))
        .say("service", name="payments", root="payments", sort="business", ports=("8002:8000",))
        .say("service", name="db", root="", image="postgres:16", sort="infrastructure", store_kind="postgresql")
        .say("env_value", service="orders", key="PAYMENTS_URL", value=Lit("http://payments:8000"))
        .say("depends", service="orders", on="db")
        .say("depends", service="payments", on="db")
    )


def system() -> GraphData:
    return linked(orders(), client(), payments(), deploy())


def test_a_request_is_linked_to_the_operation_behind_the_deployed_url() -> None:
    call = edge(system(), "CALLS", "orders/client.py::charge", "payments:POST /charges/{}")
    assert call.resolution.status == "resolved"
    assert call.resolution.rule == "host name+deployed-env"
    assert call.props["reads"] == ["status"]
    assert [(e.file, e.line, e.commit, e.layer) for e in call.evidence] == [("orders/client.py", 5, COMMIT, "code")]


def test_operations_have_owners_handlers_and_schemas() -> None:
    data = system()
    assert ("orders", "orders:POST /orders") in rows(data, "OWNS")
    assert ("orders:POST /orders", "orders/app.py::create") in rows(data, "HANDLED_BY")
    assert rows(data, "ACCEPTS") == {("orders:POST /orders", "orders:POST /orders:request")}
    assert rows(data, "RETURNS") == {("orders:POST /orders", "orders:POST /orders:response 201")}


def test_symbols_call_each_other_across_files() -> None:
    assert ("orders/app.py::create", "orders/client.py::charge") in rows(system(), "CALLS")


def test_messages_and_tables_meet_under_one_name() -> None:
    data = system()
    assert rows(data, "PUBLISHES") == {("orders/app.py::create", "kafka:order.created")}
    assert rows(data, "CONSUMES") == {("payments/main.py::loop", "kafka:order.created")}
    assert rows(data, "WRITES") == {("orders/app.py::create", "db/orders")}
    assert rows(data, "READS") == {("payments/main.py::loop", "db/orders")}
    assert edge(data, "WRITES", "orders/app.py::create", "db/orders").props["columns"] == ["id", "total"]
    assert edge(data, "READS", "payments/main.py::loop", "db/orders").props["columns"] == ["id", "total"]
    assert edge(data, "CONSUMES", "payments/main.py::loop", "kafka:order.created").props["reads"] == ["total"]
    assert ("postgresql:db", "db/orders") in rows(data, "CONTAINS")


def test_deployment_files_declare_dependencies_that_are_no_calls() -> None:
    data = system()
    assert rows(data, "DEPENDS_ON") == {("orders", "postgresql:db"), ("payments", "postgresql:db")}
    assert labels(data, "Service") == {"orders", "payments", "db"}


def test_every_edge_is_one_the_schema_allows_and_carries_evidence() -> None:
    data = system()
    for found in data.edges.values():
        kind = EDGES[found.kind]
        assert data.nodes[found.source].kind in kind.sources
        assert data.nodes[found.target].kind in kind.targets
        assert found.evidence
        assert set(found.props) <= set(kind.props)
    assert all(n.evidence for n in data.nodes.values())
