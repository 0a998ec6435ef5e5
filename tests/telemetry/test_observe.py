"""Spans of a run become links between known nodes, in old and new conventions, and messages never become calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.runs import Exchange, FlowRun, Run, RunVerdict, StepRun, StepVerdict
from graph.schema import Edge, GraphData, Node, Resolution, node
from graph.spans import Span
from testmesh.telemetry.known import Known
from testmesh.telemetry.observe import merged, observe
from testmesh.telemetry.store import SpanStore

T, SENT = "a" * 32, "b" * 16
ORDERS, PAYMENTS, MAILER = (node("w", "Service", (n,)) for n in ("orders", "payments", "mailer"))
CREATE = node("w", "Endpoint", ("orders", "http", "POST", "/orders"))
GET = node("w", "Endpoint", ("orders", "http", "GET", "/orders/{}"))
MINE = node("w", "Endpoint", ("orders", "http", "GET", "/orders/mine"))
CHARGE = node("w", "Endpoint", ("payments", "http", "POST", "/charge/{}"))
CREATED = node("w", "Topic", ("kafka", "order.created"))
TABLE = node("w", "Dataset", ("postgres", "shop", "orders"))
OTHER = node("w", "Dataset", ("postgres", "crm", "orders"))
CACHE = node("w", "Dataset", ("redis", "", "order:{}"))
STEP = node("w", "Step", ("shop", "flows/a.yaml", "steps", "create"))


def known(*extra: Edge) -> Known:
    nodes = (ORDERS, PAYMENTS, MAILER, CREATE, GET, MINE, CHARGE, CREATED, TABLE, OTHER, CACHE, STEP)
    edges = (Edge("WRITES", ORDERS.uid, TABLE.uid), *extra)
    return Known(GraphData({n.uid: n for n in nodes}, {e.id: e for e in edges}))


def a_span(number: int, parent: int, service: str, kind: str, **attributes: str) -> Span:
    """A span; parent 0 is the request of the step."""
    plain = {name.replace("__", "."): value for name, value in attributes.items()}
    parent_id = f"{parent:016x}" if parent else SENT
    return Span(T, f"{number:016x}", parent_id, service, kind, "x", number, 1, attributes=plain)


def old_http(method: str, target: str, route: str = "") -> dict[str, str]:
    return {"http__method": method, "http__target": target, "http__route": route, "http__status_code": "200"}


def new_http(method: str, path: str, route: str = "") -> dict[str, str]:
    found = {"http__request__method": method, "url__path": path, "http__route": route}
    return {**found, "http__response__status_code": "200"}


def a_run(verdict: StepVerdict = "passed", flow: RunVerdict = "passed", answered: bool = True) -> Run:
    exchange = Exchange({}, ({"status": 201},) if answered else (), (1.0,) if answered else (), span_id=SENT)
    step = StepRun("create", "steps", "http_request", verdict, exchanges=(exchange,), trace_id=T)
    return Run("01", "", "", flow, (FlowRun("flows/a.yaml", "A", None, flow, 1.0, (step,)),))


def links(spans: list[Span], run: Run | None = None, *extra: Edge) -> dict[tuple[str, str, str], str]:
    store = SpanStore()
    store.add(spans)
    data = observe(run or a_run(), store, known(*extra)).data
    return {
        (e.kind, data.nodes[e.source].label, data.nodes[e.target].label): str(e.props.get("grade", ""))
        for e in data.edges.values()
        if e.kind != "OWNS"
    }


@pytest.mark.parametrize("http", [old_http, new_http])
def test_a_request_through_two_services(http) -> None:  # type: ignore[no-untyped-def]
    spans = [
        a_span(1, 0, "orders", "server", **http("POST", "/orders?x=1", "/orders")),
        a_span(2, 1, "orders", "internal"),
        a_span(3, 2, "orders", "client", **http("POST", "/charge/7")),
        a_span(4, 3, "payments", "server", **http("POST", "/charge/7", "/charge/<int:id>")),
    ]
    assert links(spans) == {
        ("CALLS", "orders:POST /orders", "payments:POST /charge/{}"): "",
        ("EXERCISES", "flows/a.yaml#create", "orders:POST /orders"): "passed",
        ("EXERCISES", "flows/a.yaml#create", "payments:POST /charge/{}"): "passed",
    }


@pytest.mark.parametrize(
    ("produce", "consume"),
    [
        (
            {"messaging__system": "kafka", "messaging__destination__name": "order.created"},
            {"messaging__system": "kafka", "messaging__destination__name": "order.created"},
        ),
        (
            {"messaging__system": "kafka", "messaging__destination": "order.created", "messaging__operation": "send"},
            {"messaging__system": "kafka", "messaging__destination": "order.created"},
        ),
    ],
)
def test_a_message_is_never_a_call(produce: dict[str, str], consume: dict[str, str]) -> None:
    spans = [
        a_span(1, 0, "orders", "server", **new_http("POST", "/orders")),
        a_span(2, 1, "orders", "producer", **produce),
        a_span(3, 2, "mailer", "consumer", **consume),
        a_span(4, 3, "mailer", "client", **new_http("GET", "/orders/5")),
        a_span(5, 4, "orders", "server", **new_http("GET", "/orders/5")),
    ]
    found = links(spans)
    assert ("PUBLISHES", "orders:POST /orders", "kafka:order.created") in found
    assert ("CONSUMES", "mailer", "kafka:order.created") in found
    assert [key for key in found if key[0] == "CALLS"] == [("CALLS", "mailer", "orders:GET /orders/{}")]
    assert ("EXERCISES", "flows/a.yaml#create", "kafka:order.created") in found


@pytest.mark.parametrize(
    "database",
    [
        {"db__system": "postgresql", "db__name": "shop", "db__statement": "INSERT INTO orders (a) VALUES (%(a)s)"},
        {"db__system__name": "postgresql", "db__query__text": "INSERT INTO public.orders SELECT 1"},
        {"db__system": "postgresql", "db__sql__table": "orders", "db__operation": "INSERT", "db__name": "shop"},
    ],
)
def test_a_write_of_a_table_the_service_owns(database: dict[str, str]) -> None:
    spans = [
        a_span(1, 0, "orders", "server", **old_http("POST", "/orders")),
        a_span(2, 1, "orders", "client", **database),
    ]
    assert ("WRITES", "orders:POST /orders", "shop/orders") in links(spans)


def test_a_table_name_of_two_stores_is_not_guessed() -> None:
    spans = [a_span(1, 0, "mailer", "client", db__system="postgresql", db__statement="SELECT * FROM orders")]
    store = SpanStore()
    store.add(spans)
    seen = observe(a_run(), store, known())
    assert not seen.data.edges
    assert seen.unmatched == ("mailer reads postgres orders",)


def test_reads_writes_and_common_table_expressions() -> None:
    sql = "WITH t AS (SELECT * FROM orders) UPDATE orders SET a = 1 FROM t"
    spans = [a_span(1, 0, "orders", "client", db__system="postgresql", db__statement=sql)]
    assert set(links(spans)) >= {("READS", "orders", "shop/orders"), ("WRITES", "orders", "shop/orders")}


@pytest.mark.parametrize(("text", "kind"), [("SET order:7 x", "WRITES"), ("GET order:7", "READS"), ("GET ?", "")])
def test_redis_keys_when_the_span_shows_them(text: str, kind: str) -> None:
    spans = [a_span(1, 0, "orders", "client", db__system="redis", db__statement=text)]
    assert (bool(kind) and (kind, "orders", "redis/order:{}") in links(spans)) == bool(kind)


def test_the_more_literal_endpoint_wins() -> None:
    spans = [a_span(1, 0, "orders", "server", **new_http("GET", "/orders/mine"))]
    assert list(links(spans)) == [("EXERCISES", "flows/a.yaml#create", "orders:GET /orders/mine")]


def test_a_service_that_sends_no_spans_is_known_by_host_and_path() -> None:
    spans = [
        a_span(1, 0, "orders", "server", **new_http("POST", "/orders")),
        a_span(2, 1, "orders", "client", url__full="http://payments:80/charge/7", **new_http("POST", "")),
    ]
    assert ("CALLS", "orders:POST /orders", "payments:POST /charge/{}") in links(spans)


@pytest.mark.parametrize(
    ("run", "grade"),
    [
        (a_run(), "passed"),
        (a_run("failed", "failed"), "executed"),
        (a_run("passed", "failed"), "executed"),
        (a_run("error", "error", answered=False), None),
        (a_run("skipped", answered=False), None),
    ],
)
def test_what_a_step_names_is_graded_by_its_end(run: Run, grade: str | None) -> None:
    static = Edge("EXERCISES", STEP.uid, CREATE.uid, {"grade": "referenced"})
    found = links([], run, static)
    assert found.get(("EXERCISES", "flows/a.yaml#create", "orders:POST /orders")) == grade


def test_a_candidate_link_is_not_raised() -> None:
    static = Edge("EXERCISES", STEP.uid, CREATE.uid, resolution=Resolution("candidate"))
    assert links([], a_run(), static) == {}


def test_unknown_services_and_paths_are_named() -> None:
    store = SpanStore()
    store.add(
        [
            a_span(1, 0, "nobody", "server", **new_http("GET", "/x")),
            a_span(2, 0, "orders", "server", **new_http("GET", "/nowhere")),
        ]
    )
    assert observe(a_run(), store, known()).unmatched == ("orders answers GET /nowhere", "service nobody")


def test_steps_of_one_trace_are_told_apart_by_what_they_sent() -> None:
    other = StepRun(
        "other", "steps", "http_request", "passed", exchanges=(Exchange({}, ({},), (1.0,), span_id="c" * 16),)
    )
    first = a_run().flows[0].steps[0]
    run = Run(
        "01", "", "", "passed", (FlowRun("flows/a.yaml", "A", None, "passed", 1.0, (replace(other, id="x"), first)),)
    )
    mine = a_span(1, 0, "orders", "server", **new_http("POST", "/orders"))
    theirs = replace(a_span(2, 0, "orders", "server", **new_http("GET", "/orders/7")), parent_id="c" * 16)
    nobodys = replace(a_span(3, 0, "payments", "server", **new_http("POST", "/charge/7")), parent_id="d" * 16)
    assert list(links([mine, theirs, nobodys], run)) == [("EXERCISES", "flows/a.yaml#create", "orders:POST /orders")]


def test_a_cycle_of_parents_ends() -> None:
    spans = [a_span(1, 2, "orders", "internal"), a_span(2, 1, "orders", "client", db__system="redis")]
    assert links(spans) == {}


def test_a_day_keeps_the_best_grade() -> None:
    store = SpanStore()
    store.add([a_span(1, 0, "orders", "server", **new_http("POST", "/orders"))])
    good = observe(a_run(), store, known()).data
    bad = observe(a_run("failed", "failed"), store, known()).data
    for pair in ((good, bad), (bad, good)):
        assert {e.props["grade"] for e in merged(*pair).edges.values() if e.kind == "EXERCISES"} == {"passed"}


def test_nodes_carry_no_claims_of_their_own() -> None:
    store = SpanStore()
    store.add([a_span(1, 0, "orders", "server", **new_http("POST", "/orders"))])
    data = observe(a_run(), store, known()).data
    assert all(isinstance(n, Node) and not n.props for n in data.nodes.values())
    assert {n.evidence[0].layer for n in data.nodes.values()} == {"runtime"}
