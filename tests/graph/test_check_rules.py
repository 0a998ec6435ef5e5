"""The check beyond payloads: descriptions against code, topics with one end, caches and columns."""

from __future__ import annotations

from collections.abc import Iterable

from graph.contracts.findings import Check
from graph.linking.link import RepositoryFacts, link
from graph.overlay import Overlay
from graph.queries.check import check, compared
from graph.values import Concat, Lit, Name, Param
from tests.graph.link_facts import COMMIT, FileFacts


def graph(*files: FileFacts) -> Overlay:
    compose = FileFacts("compose.yaml")
    for name in ("orders", "mail"):
        compose.say("service", name=name, root=name, hosts=(name,), sort="business")
    facts = tuple(fact for file in (compose, *files) for fact in file.facts)
    return Overlay(None, link([RepositoryFacts("shop", COMMIT, facts)], "w"))


def said(found: Check, *rules: str) -> list[tuple[str, str, str]]:
    return [(f.rule, f.seam, f.field) for f in found.findings if f.rule in rules]


def code(*operations: tuple[str, str], query: Iterable[str] = (), status: int = 200) -> FileFacts:
    file = FileFacts("orders/app.py").say("router", name="app", framework="flask")
    for method, path in operations:
        name = f"{method}_{path.strip('/')}".lower()
        file.function(name)
        file.say(
            "endpoint", protocol="http", method=method, path=Lit(path), router=Name("app"), handler=name,
            framework="flask", query=tuple(query), status=status,
        )  # fmt: skip
    return file


def described(*operations: tuple[str, str], query: Iterable[str] = (), status: str = "200") -> FileFacts:
    file = FileFacts("orders/openapi.yaml")
    for number, (method, path) in enumerate(operations, 1):
        file.say(
            "operation", number, protocol="http", method=method, path=path, pointer="/p", returns={status: None},
            query=tuple(query),
        )  # fmt: skip
    return file


def test_a_description_and_code_that_agree_are_silent() -> None:
    both = ("GET", "/orders")
    assert check(graph(code(both), described(both))).findings == ()


def test_operations_in_one_of_description_and_code_only_are_told() -> None:
    found = check(graph(code(("GET", "/orders"), ("PUT", "/orders")), described(("GET", "/orders"), ("GET", "/old"))))
    assert said(found, "spec-without-code", "code-without-spec") == [
        ("spec-without-code", "orders:GET /old", ""),
        ("code-without-spec", "orders:PUT /orders", ""),
    ]


def test_parameters_and_statuses_that_differ_are_told_from_both_sides() -> None:
    one = ("GET", "/orders")
    found = check(graph(code(one, query=("page",), status=201), described(one, query=("size",))))
    assert {(f.rule, f.field) for f in found.findings} == {
        ("query-without-spec", "page"), ("query-without-code", "size"),
        ("status-without-spec", "201"), ("status-without-code", "200"),
    }  # fmt: skip
    assert {f.severity for f in found.findings} == {"warning"}


def test_a_status_class_of_the_description_covers_its_statuses() -> None:
    one = ("GET", "/orders")
    assert check(graph(code(one, status=201), described(one, status="2XX"))).findings == ()


def test_a_service_without_a_description_is_not_compared() -> None:
    assert check(graph(code(("GET", "/orders")))).findings == ()


def listens(topic: str) -> FileFacts:
    return FileFacts("mail/hear.py").function("hear").say("consume", broker="kafka", topic=Lit(topic), symbol="hear")


def sends(topic: object) -> FileFacts:
    return FileFacts("orders/tell.py").function("tell").say("publish", broker="kafka", topic=topic, symbol="tell")


def test_topics_with_one_end_are_told() -> None:
    found = check(graph(listens("order.gone"), sends(Lit("order.made"))))
    assert said(found, "listener-without-publisher", "publisher-without-listener") == [
        ("listener-without-publisher", "kafka:order.gone", ""),
        ("publisher-without-listener", "kafka:order.made", ""),
    ]


def test_a_publisher_whose_topic_is_not_known_may_serve_any_listener() -> None:
    found = check(graph(listens("order.gone"), sends(Param(0, "topic"))))
    assert said(found, "listener-without-publisher") == []


CACHED = Concat((Lit("product:"), Param(0, "sku")))


def shelf(*touching: str) -> FileFacts:
    """`read` fills a key from a table, `sell` writes the table."""
    file = FileFacts("orders/shelf.py").function("read", "sku", line=1).function("sell", "sku", line=9)
    file.say("sql", 2, text=Lit("select * from products where sku = %s"), symbol="read", store_kind="postgresql")
    file.say("access", 3, store_kind="redis", dataset=CACHED, mode="write", symbol="read")
    file.say(
        "sql", 10, text=Lit("update products set stock = 1 where sku = %s"), symbol="sell", store_kind="postgresql"
    )
    for symbol in touching:
        file.say("access", 12, store_kind="redis", dataset=CACHED, mode="write", symbol=symbol)
    return file


def test_a_table_that_is_written_past_the_key_filled_from_it() -> None:
    (finding,) = (f for f in check(graph(shelf())).findings if f.rule == "stale-cache")
    assert finding.text == (
        "orders writes postgresql/products and leaves redis/product:{}, which is filled from it, as it is"
    )
    assert (finding.sender_at, finding.severity, finding.status) == ("orders/shelf.py:10", "warning", "candidate")


def test_a_writer_that_touches_the_key_is_fine() -> None:
    assert said(check(graph(shelf("sell"))), "stale-cache") == []


def test_a_caller_that_touches_the_key_after_the_write_is_fine() -> None:
    outer = (
        FileFacts("orders/app.py").function("checkout").imports("sell", "shelf", "sell").imports("drop", "keys", "drop")
    )
    outer.say("call", 4, symbol="checkout", callee=Name("sell"), args=()).say(
        "call", 5, symbol="checkout", callee=Name("drop"), args=()
    )
    keys = FileFacts("orders/keys.py").function("drop", "sku")
    keys.say("access", 2, store_kind="redis", dataset=CACHED, mode="write", symbol="drop")
    assert said(check(graph(shelf(), outer, keys)), "stale-cache") == []


def migrated(*dropped: str) -> Overlay:
    table = FileFacts("orders/migrations/001.sql").say(
        "table", 1, dataset="products", op="create", columns=("sku", "stock", "colour"), store_kind="postgresql"
    )
    if dropped:
        table.say("table", 5, dataset="products", op="alter", columns=dropped, dropped=dropped, store_kind="postgresql")
    reader = FileFacts("orders/shelf.py").function("read")
    reader.say("sql", 2, text=Lit("select sku, stock from products"), symbol="read", store_kind="postgresql")
    return graph(table, reader)


def test_a_dropped_column_names_who_reads_it() -> None:
    found = compared(migrated(), migrated("stock"))
    assert [(f.severity, f.text) for f in found.findings] == [
        ("breaking", "column `stock` of postgresql/products is gone; orders reads it")
    ]


def test_a_dropped_column_that_nobody_reads_is_silent() -> None:
    assert compared(migrated(), migrated("colour")).findings == ()
