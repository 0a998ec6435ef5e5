"""The samples really run: a request goes through the whole chain, and a reset takes everything back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from fixtures.build import REPOS
from testmesh.environments.environment import open_environment
from testmesh.telemetry.receiver import Receiver
from testmesh.telemetry.store import SpanStore
from tests.samples.conftest import Live
from tests.samples.systems import settings

PATIENCE_SECONDS = 10.0
PAUSE = threading.Event()
Rows = list[tuple[Any, ...]]


def query(url: str, sql: str, *parameters: object) -> Rows:
    with psycopg.connect(url) as connection:
        return connection.execute(sql.encode(), parameters).fetchall()


def eventually(read: Callable[[], Rows]) -> Rows:
    """What a read gives once it gives something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = read()
        if found:
            return found
        PAUSE.wait(0.01)
    return []


def test_an_order_goes_through_all_services_of_the_shop(live_shop: Live) -> None:
    database = live_shop.addresses.variables["DATABASE_URL"]
    since = datetime.now(UTC)
    with live_shop.client("ORDERS_URL") as orders:
        answer = orders.post("/orders", json={"product_id": "SKU-100", "quantity": 2})
    assert answer.status_code == 201
    order = answer.json()["id"]
    assert query(database, "SELECT amount, status FROM payments WHERE order_id = %s", order) == [(99, "charged")]
    told = eventually(lambda: query(database, "SELECT type FROM notifications WHERE order_id = %s", order))
    assert told == [("order_confirmation",)]
    services = {line.service for line in live_shop.environment.logs(since).lines}
    assert {"orders", "payments", "notifications"} <= services


def test_the_shop_runs_on_a_real_kafka(tmp_path: Path, kafka_brokers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTMESH_PART_KAFKA", kafka_brokers)
    tree = REPOS / "shop"
    environment = open_environment(settings(tree), tmp_path)
    try:
        live = Live(environment, environment.up(tree))
        assert live.addresses.variables["KAFKA_BROKERS"] == kafka_brokers
        with live.client("ORDERS_URL") as orders:
            order = orders.post("/orders", json={"product_id": "SKU-200", "quantity": 2}).json()["id"]
        database = live.addresses.variables["DATABASE_URL"]
        told = eventually(lambda: query(database, "SELECT message FROM notifications WHERE order_id = %s", order))
        assert told == [("Thank you! 2 x Linen notebook for 24.00 EUR is on its way.",)]
    finally:
        environment.down()


def test_the_storefront_runs_or_says_why_not(live_shop: Live) -> None:
    reason = live_shop.addresses.unavailable.get("storefront")
    if reason is not None:
        assert reason.startswith("needs node>=20")
        pytest.skip(reason)
    with live_shop.client("STOREFRONT_URL") as storefront:
        assert storefront.post("/api/checkout", json={"sku": "SKU-200", "quantity": 1}).status_code == 201
        assert len(storefront.get("/api/catalog").json()["products"]) == 6


def test_without_node_the_rest_of_the_shop_still_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tree = REPOS / "shop"
    environment = open_environment(settings(tree), tmp_path / "state")
    try:
        live = Live(environment, environment.up(tree))
        with live.client("ORDERS_URL") as orders:
            assert orders.get("/products").status_code == 200
    finally:
        environment.down()
    assert live.addresses.unavailable == {"storefront": "needs node>=20, and there is no 'node' on the path"}


def test_a_reset_takes_the_shop_back_to_its_seed(live_shop: Live) -> None:
    variables = live_shop.addresses.variables
    with live_shop.client("ORDERS_URL") as orders, redis.Redis.from_url(variables["REDIS_URL"]) as cache:
        orders.put("/products/SKU-600/price", json={"price": 1})
        orders.get("/products/SKU-600")
        assert cache.dbsize()
        began = time.monotonic()
        assert live_shop.environment.reset().done
        assert time.monotonic() - began < 2.0
        assert cache.dbsize() == 0
        assert orders.get("/products/SKU-600").json()["price"] == 75
        assert orders.get("/orders", params={"product_id": "SKU-100"}).json() == {"items": [], "count": 0}
    assert query(variables["DATABASE_URL"], "SELECT count(*) FROM products") == [(6,)]


def test_a_parcel_goes_through_the_depot_and_a_reset_takes_it_back(live_depot: Live) -> None:
    database = live_depot.addresses.variables["DB_DSN"]
    raised = "select available from alerts where code = 'FILTER-9'"
    live_depot.environment.reset()
    with live_depot.client("DISPATCH_BASE") as dispatch, live_depot.client("INVENTORY_BASE") as inventory:
        parcel = dispatch.post("/parcels", json={"code": "FILTER-9", "qty": 9, "address": "Kiel"}).json()
        assert parcel["weight_g"] == 2790
        assert dispatch.post(f"/parcels/{parcel['id']}/delivered").json()["state"] == "delivered"
        assert inventory.get("/items/FILTER-9").json()["on_hand"] == 3
        assert eventually(lambda: query(database, raised)) == [(3,)]
        assert live_depot.environment.reset().done
        assert inventory.get("/items/FILTER-9").json()["on_hand"] == 12
        assert dispatch.get("/alerts").json() == []
        again = dispatch.post("/parcels", json={"code": "FILTER-9", "qty": 8, "address": "Kiel"}).json()
    assert again["id"] > parcel["id"]
    assert eventually(lambda: query(database, raised)) == [(4,)]


@dataclass(frozen=True, slots=True)
class Request:
    """A POST that involves several services."""

    system: str
    variable: str
    path: str
    body: dict[str, object]
    services: frozenset[str]


ORDER = Request(
    "shop",
    "ORDERS_URL",
    "/orders",
    {"product_id": "SKU-100", "quantity": 1},
    frozenset({"orders", "payments", "notifications"}),
)
CHECKOUT = Request(
    "shop",
    "STOREFRONT_URL",
    "/api/checkout",
    {"sku": "SKU-100", "quantity": 1},
    frozenset({"storefront", "orders", "payments", "notifications"}),
)
PARCEL = Request(
    "depot",
    "DISPATCH_BASE",
    "/parcels",
    {"code": "PUMP-2", "qty": 1, "address": "Kiel"},
    frozenset({"dispatch", "inventory"}),
)


@pytest.mark.parametrize("request_", [ORDER, CHECKOUT, PARCEL], ids=lambda r: r.path)
def test_one_request_is_one_trace_over_all_services(tmp_path: Path, request_: Request) -> None:
    tree = REPOS / request_.system
    store = SpanStore()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with Receiver(store) as receiver:
        environment = open_environment(settings(tree), tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
        try:
            live = Live(environment, environment.up(tree))
            if not request_.services.isdisjoint(live.addresses.unavailable):
                pytest.skip(str(live.addresses.unavailable))
            with live.client(request_.variable) as client:
                headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
                answer = client.post(request_.path, json=request_.body, headers=headers)
            assert answer.status_code == 201
            deadline = time.monotonic() + PATIENCE_SECONDS
            seen: set[str] = set()
            while not request_.services <= seen and time.monotonic() < deadline:
                PAUSE.wait(0.05)
                seen = {span.service for span in store.trace(trace)}
            assert request_.services <= seen
        finally:
            environment.down()
