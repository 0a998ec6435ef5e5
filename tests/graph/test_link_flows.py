"""Flow steps exercise what they name, unknown targets never count as coverage, and people's corrections win."""

from __future__ import annotations

from graph.values import Concat, Env, Lit, Name
from tests.graph.link_facts import FileFacts, edge, linked, rows

FLOW = "flows/buy.yaml"


def system() -> tuple[FileFacts, ...]:
    return (
        FileFacts("compose.yaml")
        .say("service", name="orders", root="orders", ports=("8001:80",))
        .say("service", name="pay", root="pay"),
        FileFacts("orders/app.py").say("router", name="app").function("make")
        .say("endpoint", 3, protocol="http", method="POST", path=Lit("/orders"), router=Name("app"), handler="make")
        .say("publish", 5, broker="kafka", topic=Lit("order.created"), symbol="make")
        .say("access", 6, store_kind="redis", dataset=Concat((Lit("order:"), Name("x"))), mode="write", symbol="make")
        .say("sql", 7, text=Lit("INSERT INTO orders (id) VALUES (1)"), symbol="make"),
        FileFacts("testmesh.toml").say("declared_service", name="orders", hosts=("${ORDERS_URL}",)),
    )  # fmt: skip


def flow(*touches: dict[str, object]) -> FileFacts:
    file = (
        FileFacts(FLOW)
        .say("flow", 1, name="Buy", tags=("smoke",), suite="shop")
        .say("step", 4, flow=FLOW, phase="steps", id="buy", action="http_request", index=0)
    )
    for fields in touches:
        file.say("touch", 5, flow=FLOW, phase="steps", step="buy", **fields)
    return file


def touched(**fields: object) -> set[tuple[str, str]]:
    return rows(linked(*system(), flow(fields)), "EXERCISES")


STEP = f"{FLOW}#buy"


def test_a_request_step_exercises_the_operation_its_url_reaches() -> None:
    url = Concat((Env("ORDERS_URL"), Lit("/orders")))
    fields = {"target": "endpoint", "method": "post", "url": url, "checks": ("status",), "statuses": ("201",)}
    data = linked(*system(), flow(fields))
    found = edge(data, "EXERCISES", STEP, "orders:POST /orders")
    assert (found.resolution.status, found.resolution.rule) == ("resolved", "annotation")
    assert found.props == {"checks": ["status"], "grade": "referenced", "statuses": ["201"]}
    assert rows(data, "CONTAINS") == {(FLOW, STEP)}
    (node,) = [n for n in data.nodes.values() if n.kind == "Flow"]
    assert node.props == {"name": "Buy", "suite": "shop", "tags": ["smoke"]}


def test_steps_reach_topics_tables_and_keys() -> None:
    assert touched(target="topic", kind="kafka", url=Lit("order.created"), mode="read") == {
        (STEP, "kafka:order.created")
    }
    sql = Lit("SELECT id FROM orders WHERE id = 5")
    assert touched(target="dataset", kind="postgresql", url=sql, sql=True, mode="read") == {(STEP, "sql/orders")}
    assert touched(target="dataset", kind="redis", url=Lit("order:5"), mode="read") == {(STEP, "redis/order:{}")}


def test_a_step_that_matches_nothing_is_unresolved_and_never_coverage() -> None:
    for fields in (
        {"target": "endpoint", "method": "GET", "url": Lit("http://localhost:8001/nope")},
        {"target": "topic", "kind": "kafka", "url": Lit("else")},
        {"target": "dataset", "kind": "postgresql", "url": Lit("SELECT 1 FROM nowhere"), "sql": True},
    ):
        data = linked(*system(), flow(fields))
        (end,) = [n for n in data.nodes.values() if n.kind == "Unresolved"]
        assert end.props["edge"] == "EXERCISES"
        assert edge(data, "EXERCISES", STEP, end.label).resolution.status == "unresolved"


def test_declared_edges_carry_their_reason_and_dismissed_ones_go() -> None:
    toml = (
        FileFacts("testmesh.toml")
        .say("declared_edge", 9, source="pay", to="orders:POST /orders", why="called by the job runner")
        .say("dismissed", 12, source="orders", to="kafka:order.created", why="switched off")
    )
    data = linked(*system(), toml)
    declared = edge(data, "CALLS", "pay", "orders:POST /orders")
    assert (declared.resolution.rule, declared.resolution.reason) == ("annotation", "called by the job runner")
    assert declared.evidence[0].layer == "annotation"
    assert rows(data, "PUBLISHES") == set()


def test_a_declared_edge_to_nowhere_is_a_loose_end() -> None:
    toml = FileFacts("testmesh.toml").say("declared_edge", 9, source="pay", to="orders:GET /gone", why="x")
    (end,) = [n for n in linked(*system(), toml).nodes.values() if n.kind == "Unresolved"]
    assert end.props["settles"] == "orders:GET /gone"


def test_ignored_paths_say_nothing() -> None:
    toml = FileFacts("testmesh.toml").say("ignore", match="orders/**")
    assert rows(linked(*system(), toml), "PUBLISHES") == set()


def test_a_declared_service_takes_over_a_folder() -> None:
    toml = FileFacts("testmesh.toml").say("declared_service", name="legacy", root="orders/legacy")
    code = (
        FileFacts("orders/legacy/app.py")
        .say("router", name="app")
        .say("endpoint", protocol="http", method="GET", path=Lit("/old"), router=Name("app"))
    )
    assert ("legacy", "legacy:GET /old") in rows(linked(*system(), toml, code), "OWNS")


def test_an_rpc_step_exercises_the_operation_of_that_name_with_or_without_its_package() -> None:
    served = (
        FileFacts("protos/shop.proto").say(
            "operation", protocol="grpc", method="rpc", path="shop.v1.CartService/GetCart", pointer="x"
        ),
        FileFacts("orders/server.go").cls("server").say("symbol", name="server.GetCart", sort="method")
        .say("rpc_service", service="CartService", symbol="server", framework="grpc-go"),
    )  # fmt: skip
    for name in ("shop.v1.CartService/GetCart", "CartService/GetCart"):
        step = flow({"target": "rpc", "kind": "grpc", "url": Lit(name), "mode": "write"})
        data = linked(*system(), *served, step)
        found = edge(data, "EXERCISES", STEP, "orders:grpc shop.v1.CartService/GetCart")
        assert (found.resolution.status, found.resolution.rule) == ("resolved", "rpc name")
    data = linked(*system(), *served, flow({"target": "rpc", "url": Lit("CartService/Nothing"), "mode": "write"}))
    assert {edge.resolution.status for edge in data.edges.values() if edge.kind == "EXERCISES"} == {"unresolved"}
