"""Messages and stored data: topics through wrappers, SQL through a parser, models to tables, keys to patterns."""

from __future__ import annotations

import pytest

from graph.linking.sqltext import TableUse, table_name, table_uses
from graph.values import Call, Choice, Concat, Env, Field, Lit, Name, Param, Shape, Unknown
from tests.graph.link_facts import FileFacts, edge, labels, linked, rows

EVENT = Shape("object", (Field("id", Shape("string")),))


def compose() -> FileFacts:
    return (
        FileFacts("compose.yaml")
        .say("service", name="app", root="app")
        .say("service", name="db", root="", store_kind="postgresql", sort="infrastructure")
        .say("service", name="cache", root="", store_kind="redis", sort="infrastructure")
    )


@pytest.mark.parametrize(
    ("sql", "uses"),
    [
        ("SELECT id, total FROM public.orders WHERE id = %s", (TableUse("orders", "read", ("id", "total")),)),
        ("select * from Orders o join items i on i.order_id = o.id", (
            TableUse("items", "read", ("*", "order_id")), TableUse("orders", "read", ("*", "id")))),
        ("INSERT INTO orders (id, total) VALUES (:id, :total) RETURNING id, total", (
            TableUse("orders", "read", ("id", "total")), TableUse("orders", "write", ("id", "total")))),
        ("UPDATE orders SET total = total + $1 WHERE id = $2", (TableUse("orders", "write", ("total",)),)),
        ("DELETE FROM orders WHERE id = ?", (TableUse("orders", "write", ("*",)),)),
        ("WITH late AS (SELECT id FROM orders) SELECT count(*) FROM late", (TableUse("orders", "read", ("id",)),)),
        ("INSERT INTO archive SELECT * FROM orders", (
            TableUse("archive", "write", ("*",)), TableUse("orders", "read", ("*",)))),
        ("INSERT INTO t (a, b) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET b = 3", (
            TableUse("t", "write", ("a", "b")),)),
        ("SELECT x::text FROM t WHERE y = %(y)s", (TableUse("t", "read", ("x", "y")),)),
    ],
)  # fmt: skip
def test_sql_is_read_by_a_parser(sql: str, uses: tuple[TableUse, ...]) -> None:
    assert table_uses(sql, "postgresql") == uses


def test_sql_that_is_none_is_said_to_be_unreadable() -> None:
    assert table_uses("SELEKT nonsense FROM (") is None
    assert table_uses("x" * 30_000) is None
    assert table_name('"public"."Orders"') == "orders"
    assert table_name("sales.orders") == "sales.orders"


def test_a_statement_given_by_callers_is_read_at_each_of_them() -> None:
    store = (
        FileFacts("app/store.py").function("one", "sql").function("find").function("add")
        .say("sql", 9, text=Param(0, "sql"), symbol="one", store_kind="sql")
        .say("call", 3, symbol="find", callee=Name("one"), args=(Lit("SELECT id FROM pays WHERE id = %s"),))
        .say("call", 5, symbol="add", callee=Name("one"), args=(Lit("INSERT INTO pays (id) VALUES (%s)"),))
    )  # fmt: skip
    data = linked(compose(), store)
    assert rows(data, "READS") == {("app/store.py::find", "db/pays")}
    assert rows(data, "WRITES") == {("app/store.py::add", "db/pays")}
    assert edge(data, "READS", "app/store.py::find", "db/pays").props["columns"] == ["id"]


def test_a_statement_nobody_can_read_is_a_loose_end() -> None:
    store = FileFacts("app/store.py").function("run").say("sql", 4, text=Unknown("read from a file"), symbol="run")
    (end,) = [n for n in linked(compose(), store).nodes.values() if n.kind == "Unresolved"]
    assert end.props["reason"] == "read from a file"


def test_a_statement_about_an_unknown_table_is_a_loose_end() -> None:
    text = Concat((Lit("SELECT id FROM "), Unknown("a request value"), Lit(" WHERE id = %s")))
    store = FileFacts("app/store.py").function("run").say("sql", 4, text=text, symbol="run")
    data = linked(compose(), store)
    assert labels(data, "Dataset") == set()
    assert {n.props["reason"] for n in data.nodes.values() if n.kind == "Unresolved"} == {"a request value"}


def test_models_give_their_table_and_migrations_its_columns() -> None:
    files = (
        FileFacts("app/models.py").cls("Order")
        .say("model", 4, name="Order", dataset=Lit("orders"), columns=("id", "total")),
        FileFacts("app/api.py").imports("Order", ".models", "Order").function("find")
        .say("access", 8, store_kind="sql", dataset=Name("Order"), mode="read", symbol="find"),
        FileFacts("migrations/1.sql").say("table", 1, dataset="orders", op="create", columns=("id", "note"))
        .say("table", 9, dataset="unused", op="create", columns=("x",)),
    )  # fmt: skip
    data = linked(compose(), *files)
    assert rows(data, "READS") == {("app/api.py::find", "db/orders")}
    assert labels(data, "Dataset") == {"db/orders"}
    (node,) = [n for n in data.nodes.values() if n.kind == "Dataset"]
    assert node.props["columns"] == ["id", "note", "total"]
    assert rows(data, "CONTAINS") == {("postgresql:db", "db/orders")}


def test_keys_become_patterns_and_two_stores_of_a_kind_are_told_apart_by_configuration() -> None:
    two = (
        compose()
        .say("service", name="sessions", root="", store_kind="redis", sort="infrastructure")
        .say("env_value", service="app", key="REDIS_URL", value=Lit("redis://sessions:6379/0"))
    )
    code = (
        FileFacts("app/c.py")
        .function("get", "id")
        .say("access", store_kind="redis", dataset=Concat((Lit("user:"), Param(0, "id"))), mode="read", symbol="get")
    )
    assert rows(linked(two, code), "READS") == {("app/c.py::get", "sessions/user:{}")}


def events() -> FileFacts:
    return (
        FileFacts("app/events.py")
        .function("publish", "topic", "body")
        .bind("CREATED", Concat((Env("PREFIX", Lit("shop")), Lit(".created"))))
        .say("publish", 9, broker="kafka", topic=Param(0, "topic"), symbol="publish")
        .function("created")
        .say("call", 5, symbol="created", callee=Name("publish"), args=(Name("CREATED"), Unknown("dict")), sends=EVENT)
    )


def test_topics_given_to_a_wrapper_are_published_where_it_is_called_with_the_payload_sent_there() -> None:
    data = linked(compose(), events())
    found = edge(data, "PUBLISHES", "app/events.py::created", "kafka:shop.created")
    assert found.resolution.rule == "topic name+env-default"
    assert [f["name"] for f in found.props["sends"]["fields"]] == ["id"]
    assert rows(data, "CARRIES") == {("kafka:shop.created", "kafka:shop.created:message")}
    assert ("app/events.py::created", "app:PREFIX") in rows(data, "CONFIGURED_BY")


def test_a_topic_nobody_can_name_is_a_loose_end_keyed_by_its_variable() -> None:
    code = FileFacts("app/c.py").function("f").say("consume", broker="kafka", topic=Env("TOPIC"), symbol="f")
    (end,) = [n for n in linked(compose(), code).nodes.values() if n.kind == "Unresolved"]
    assert (end.props["settles"], end.props["edge"]) == ("TOPIC", "CONSUMES")


def test_a_long_list_of_topics_is_heard_whole_and_an_endless_one_says_so() -> None:
    def listener(count: int) -> FileFacts:
        topics = Choice(tuple(Lit(f"t{number}") for number in range(count)))
        return FileFacts("app/c.py").function("f").say("consume", broker="kafka", topic=topics, symbol="f")

    assert len(labels(linked(compose(), listener(60)), "Topic")) == 60
    endless = linked(compose(), listener(200))
    (end,) = [n for n in endless.nodes.values() if n.kind == "Unresolved"]
    assert end.props["reason"] == "more than 64 values are possible"


def test_reads_nobody_knows_are_not_said_to_be_nothing() -> None:
    code = (
        FileFacts("app/c.py")
        .function("f")
        .say("consume", 1, broker="kafka", topic=Lit("t"), symbol="f", shape=EVENT)
        .say("consume", 2, broker="kafka", topic=Lit("t"), symbol="f")
        .bind("x", Call(Name("f")))
    )
    assert "reads" not in edge(linked(compose(), code), "CONSUMES", "app/c.py::f", "kafka:t").props


def routine(name: str, sort: str, reads: tuple[str, ...] = (), writes: tuple[str, ...] = ()) -> dict[str, object]:
    return {"dataset": name, "op": "create", "columns": (), "sort": sort, "reads": reads, "writes": writes}


def test_statements_touch_what_the_functions_and_triggers_they_run_touch() -> None:
    made = FileFacts("db/a.sql").say("table", **routine("place_order", "function", writes=("orders",)))
    trigger = FileFacts("db/b.sql").say("table", **routine("on_order", "trigger", reads=("orders",)))
    trigger = trigger.say("table", **routine("noted", "function", writes=("audit",)))
    apart = FileFacts("db/c.sql").say("table", **routine("rename_user", "procedure", writes=("users",)))
    code = FileFacts("app/a.py").function("go").function("other")
    code = code.say("sql", text=Lit("SELECT place_order(%s)"), symbol="go", store_kind="postgresql")
    code = code.say("sql", text=Lit("SELECT id FROM orders"), symbol="other", store_kind="postgresql")
    written = rows(linked(made, trigger, apart, code), "WRITES")
    found = {(a.partition("::")[2], b.rpartition("/")[2]) for a, b in written}
    assert found == {("go", "orders"), ("go", "audit")}
