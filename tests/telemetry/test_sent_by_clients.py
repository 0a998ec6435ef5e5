"""Spans as instrumented clients send them: attributes taken down from Python, Node and Java with real servers."""

from __future__ import annotations

import pytest

from graph.spans import Span
from testmesh.telemetry.conventions import MessageOperation, message_of
from testmesh.telemetry.databases import data_of
from testmesh.telemetry.known import Known
from testmesh.telemetry.observe import observe_traces
from testmesh.telemetry.otlp import read_json
from testmesh.telemetry.store import Taken
from tests.telemetry.test_observe import a_span, known, new_http
from tests.telemetry.test_tracing import calls, ordered

RABBIT = {"messaging.system": "rabbitmq"}
NODE = {**RABBIT, "messaging.url": "amqp://guest:***@127.0.0.1:35251", "messaging.destination": ""}


def span(kind: str, attributes: dict[str, str]) -> Span:
    return Span("a" * 32, "b" * 16, "", "s", kind, "x", 1, 1, attributes=attributes)


@pytest.mark.parametrize(
    ("kind", "attributes", "expected"),
    [
        # pika and aio-pika call every destination temporary; aio-pika writes exchange and key in one.
        (
            "producer",
            {**RABBIT, "messaging.temp_destination": "true", "messaging.destination": "q"},
            MessageOperation("rabbitmq", "q", True),
        ),
        (
            "producer",
            {**RABBIT, "messaging.temp_destination": "true", "messaging.destination": ",q"},
            MessageOperation("rabbitmq", "q", True),
        ),
        (
            "producer",
            {**RABBIT, "messaging.destination": "ex,o.c"},
            MessageOperation("rabbitmq", "o.c", True, ("ex/o.c", "ex")),
        ),
        # amqplib of Node: the address of the broker is no destination.
        ("producer", {**NODE, "messaging.rabbitmq.routing_key": "q"}, MessageOperation("rabbitmq", "q", True)),
        ("producer", NODE, None),
        # The Java agent spells the exchange without a name out; a reply goes to a name that the broker made up.
        (
            "consumer",
            {
                **RABBIT,
                "messaging.destination.name": "<default>",
                "messaging.rabbitmq.destination.routing_key": "q",
                "messaging.operation": "process",
            },
            MessageOperation("rabbitmq", "q", False),
        ),
        (
            "producer",
            {
                **RABBIT,
                "messaging.destination.name": "<default>",
                "messaging.rabbitmq.destination.routing_key": "amq.gen-1",
            },
            MessageOperation("rabbitmq", "amq.gen-1", True, lasting=False),
        ),
        # boto3 says what an SQS span does by the method alone.
        (
            "client",
            {"messaging.system": "aws.sqs", "messaging.url": "https://sqs.eu/1/orders-q", "rpc.method": "SendMessage"},
            MessageOperation("sqs", "orders-q", True),
        ),
        (
            "client",
            {"messaging.system": "aws.sqs", "messaging.url": "https://sqs/1/q", "rpc.method": "DeleteQueue"},
            None,
        ),
        (
            "producer",
            {"messaging.system": "aws.sns", "messaging.destination.name": "arn:aws:sns:eu:1:orders"},
            MessageOperation("sns", "orders", True),
        ),
        (
            "producer",
            {"celery.task_name": "mails.send", "messaging.destination": "celery"},
            MessageOperation("celery", "mails.send", True),
        ),
        ("consumer", {"celery.task_name": "mails.send"}, MessageOperation("celery", "mails.send", False)),
    ],
)
def test_messages_of_clients(kind: str, attributes: dict[str, str], expected: MessageOperation | None) -> None:
    assert message_of(span(kind, attributes)) == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"db.system": "postgresql", "db.statement": "CREATE TABLE IF NOT EXISTS orders(id int)"}, []),
        ({"db.system": "postgresql", "db.operation": "CREATE TABLE", "db.sql.table": "orders"}, []),
        ({"db.system.name": "postgresql", "db.query.text": "ALTER TABLE orders ADD COLUMN a int"}, []),
        ({"db.system": "postgresql", "db.statement": "CREATE TABLE a AS SELECT * FROM b"}, ["write a", "read b"]),
        ({"db.system": "postgresql", "db.statement": "SELECT * INTO a FROM b"}, ["write a", "read b"]),
        ({"db.system": "postgresql", "db.statement": "COPY a FROM STDIN"}, ["write a"]),
        ({"db.system": "mysql", "db.statement": "REPLACE INTO a VALUES (1)"}, ["write a"]),
        ({"db.system": "mysql", "db.operation.name": "BATCH INSERT", "db.collection.name": "a"}, ["write a"]),
        ({"db.system": "mongodb", "db.statement": "insert", "db.mongodb.collection": "carts"}, ["write carts"]),
        ({"db.system.name": "mongodb", "db.query.text": "find", "db.collection.name": "carts"}, ["read carts"]),
    ],
)
def test_databases_of_clients(attributes: dict[str, str], expected: list[str]) -> None:
    operation = data_of(span("client", attributes))
    assert operation is not None
    assert sorted(f"{a.mode} {a.name}" for a in operation.accesses) == sorted(expected)


def test_a_client_span_made_by_hand_is_a_call_and_one_of_a_broker_is_none() -> None:
    served = a_span(3, 2, "payments", "server", **new_http("POST", "/charge/7"))
    by_hand = a_span(2, 1, "orders", "client", beast="manticore")
    assert calls([ordered(), by_hand, served]) == [("orders:POST /orders", "payments:POST /charge/{}")]
    for attributes in ({"messaging__system": "kafka"}, {"rpc__system": "aws-api"}, {"celery__action": "run"}):
        assert calls([ordered(), a_span(2, 1, "orders", "client", **attributes), served]) == []


def test_a_statement_that_the_driver_says_again_counts_once() -> None:
    sql = {"db__system": "postgresql", "db__statement": "INSERT INTO mails VALUES (1)"}
    spans = [ordered(), a_span(2, 1, "orders", "client", **sql), a_span(3, 2, "orders", "client", **sql)]
    seen = observe_traces([Taken(spans)], known(), "2026-03-01T10:00:00.000Z")
    (found,) = [edge for edge in seen.data.edges.values() if edge.kind == "WRITES"]
    assert found.props["seen"] == 1


def test_a_topic_of_another_broker_that_has_the_name_is_not_meant() -> None:
    sees: Known = known()
    assert [n.label for n in sees.topics(MessageOperation("kafka", "order.created", True))] == ["kafka:order.created"]
    assert sees.topics(MessageOperation("rabbitmq", "order.created", True)) == ()


@pytest.mark.parametrize(("kind", "said"), [(2, "server"), ("SPAN_KIND_CONSUMER", "consumer"), ("9", "internal")])
def test_kinds_are_read_as_numbers_and_as_names(kind: object, said: str) -> None:
    raw = {"traceId": "a" * 32, "spanId": "b" * 16, "kind": kind}
    (found,) = read_json({"resourceSpans": [{"scopeSpans": [{"spans": [raw]}]}]}).spans
    assert (found.kind, found.service) == (said, "unknown_service")
