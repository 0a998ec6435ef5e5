"""One operation, whatever generation of OpenTelemetry's conventions says it; nothing where a span says too little."""

from __future__ import annotations

import pytest

from graph.spans import Span
from testmesh.telemetry.conventions import HttpOperation, MessageOperation, host_of, http_of, message_of
from testmesh.telemetry.databases import Access, DataOperation, data_of


def span(kind: str, attributes: dict[str, str], name: str = "x") -> Span:
    return Span("a" * 32, "b" * 16, "", "s", kind, name, 1, 1, attributes=attributes)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {"http.method": "get", "http.url": "http://u:p@pay:8002/a/7?x=1", "http.status_code": "200"},
            HttpOperation("GET", "/a/7", "", "pay", 8002, 200),
        ),
        (
            {"http.request.method": "GET", "url.full": "https://pay/a", "http.response.status_code": "500"},
            HttpOperation("GET", "/a", "", "pay", 443, 500),
        ),
        (
            {"http.method": "POST", "net.peer.name": "pay", "net.peer.port": "8002", "http.target": "/a?b"},
            HttpOperation("POST", "/a", "", "pay", 8002),
        ),
        (
            {"http.method": "POST", "http.host": "[::1]:8002", "http.target": "/a"},
            HttpOperation("POST", "/a", "", "::1", 8002),
        ),
        (
            {"http.request.method": "PUT", "server.address": "pay", "server.port": "1", "url.template": "/a/{id}"},
            HttpOperation("PUT", "", "/a/{id}", "pay", 1),
        ),
        (
            {"http.method": "GET", "peer.service": "payments", "net.peer.ip": "10.0.0.9", "http.route": "/not/mine"},
            HttpOperation("GET", "", "", "10.0.0.9", 0, peer="payments"),
        ),
        ({"http.method": "GET", "http.url": "http://[::1/a", "http.status_code": "abc"}, HttpOperation("GET", "", "")),
        (
            {"rpc.system": "grpc", "rpc.service": "shop.Orders", "rpc.method": "Get", "rpc.grpc.status_code": "5"},
            HttpOperation("rpc", "shop.Orders/Get", "", "", 0, 200, "grpc"),
        ),
        (
            {"rpc.system.name": "grpc", "rpc.method": "shop.Orders/Get", "rpc.response.status_code": "UNAVAILABLE"},
            HttpOperation("rpc", "shop.Orders/Get", "", "", 0, 0, "grpc"),
        ),
        ({"rpc.system": "aws-api", "rpc.service": "SQS", "rpc.method": "SendMessage", "http.method": "POST"}, None),
        ({"messaging.system": "aws_sqs", "http.request.method": "POST", "url.full": "https://sqs/q"}, None),
        ({"db.system": "elasticsearch", "http.request.method": "GET", "url.full": "http://es/orders/_search"}, None),
        ({"faas.trigger": "http"}, None),
        ({}, None),
    ],
)
def test_http_and_rpc_of_a_client(attributes: dict[str, str], expected: HttpOperation | None) -> None:
    assert http_of(span("client", attributes)) == expected


def test_hosts_are_told_from_ports() -> None:
    assert [host_of(t) for t in ("Pay:80", "pay", "::1", "[fe80::1]:80", "")] == ["pay", "pay", "::1", "fe80::1", ""]


@pytest.mark.parametrize(
    ("kind", "attributes", "expected"),
    [
        ("producer", {"messaging.system": "kafka", "messaging.destination": "t"}, MessageOperation("kafka", "t", True)),
        (
            "client",
            {"messaging.system": "kafka", "messaging.destination.name": "t", "messaging.operation.type": "receive"},
            MessageOperation("kafka", "t", False),
        ),
        (
            "consumer",
            {"messaging.system": "kafka", "messaging.destination.name": "t", "messaging.operation": "process"},
            MessageOperation("kafka", "t", False),
        ),
        (
            "client",
            {"messaging.system": "nats", "messaging.destination.name": "t", "messaging.operation.type": "send"},
            MessageOperation("nats", "t", True),
        ),
        (
            "producer",
            {"messaging.system": "AmazonSQS", "messaging.destination.name": "https://sqs.eu/1/orders-q"},
            MessageOperation("sqs", "orders-q", True),
        ),
        (
            "producer",
            {"messaging.system": "rabbitmq", "messaging.destination": "ex", "messaging.rabbitmq.routing_key": "o.c"},
            MessageOperation("rabbitmq", "o.c", True, ("ex/o.c", "ex")),
        ),
        (
            "consumer",
            {
                "messaging.system": "rabbitmq",
                "messaging.destination.name": "ex:o.c:q",
                "messaging.operation": "process",
            },
            MessageOperation("rabbitmq", "ex:o.c:q", False, ("ex", "o.c", "q")),
        ),
        (
            "producer",
            {"messaging.system": "nats", "messaging.destination.name": "_INBOX.abc"},
            MessageOperation("nats", "_INBOX.abc", True, lasting=False),
        ),
        (
            "producer",
            {"messaging.system": "jms", "messaging.destination.name": "q", "messaging.destination.temporary": "true"},
            MessageOperation("jms", "q", True, lasting=False),
        ),
        ("client", {"messaging.system": "kafka", "messaging.destination.name": "t"}, None),
        ("producer", {"messaging.system": "kafka"}, None),
        ("producer", {"messaging.destination.name": "t"}, None),
    ],
)
def test_messages(kind: str, attributes: dict[str, str], expected: MessageOperation | None) -> None:
    assert message_of(span(kind, attributes)) == expected


def reads(*names: str, schema: str = "") -> tuple[Access, ...]:
    return tuple(Access(name, "read", schema) for name in names)


def writes(*names: str, schema: str = "") -> tuple[Access, ...]:
    return tuple(Access(name, "write", schema) for name in names)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"db.system": "postgresql", "db.statement": "SELECT 1"}, DataOperation("postgres", "", ())),
        (
            {"db.system.name": "postgresql", "db.namespace": "shop|sales", "db.query.text": "SELECT a FROM orders"},
            DataOperation("postgres", "shop", reads("orders", schema="sales")),
        ),
        (
            {
                "db.system": "postgresql",
                "db.statement": "SELECT * FROM pg_class JOIN information_schema.tables t ON 1=1",
            },
            DataOperation("postgres", "", ()),
        ),
        (
            {"db.system.name": "mysql", "db.query.summary": "INSERT shipping SELECT songs"},
            DataOperation("mysql", "", (*writes("shipping"), *reads("songs"))),
        ),
        (
            {"db.system": "mongodb", "db.name": "shop", "db.operation": "find", "db.mongodb.collection": "carts"},
            DataOperation("mongodb", "shop", reads("carts")),
        ),
        (
            {"db.system.name": "mongodb", "db.operation.name": "findAndModify", "db.collection.name": "carts"},
            DataOperation("mongodb", "", writes("carts")),
        ),
        (
            {"db.system": "mongodb", "db.statement": '{"insert": "carts", "documents": "?"}'},
            DataOperation("mongodb", "", writes("carts")),
        ),
        (
            {"db.system": "dynamodb", "db.operation": "PutItem", "aws.dynamodb.table_names": '["a", "b"]'},
            DataOperation("dynamodb", "", writes("a", "b")),
        ),
        (
            {"db.system": "elasticsearch", "db.operation.name": "search", "db.collection.name": "products"},
            DataOperation("elasticsearch", "", reads("products")),
        ),
        ({"db.system": "redis", "db.statement": "HGETALL cart:7"}, DataOperation("redis", "", reads("cart:7"))),
        ({"db.system.name": "redis", "db.query.text": "HMSET ? ?"}, DataOperation("redis", "", ())),
        (
            {"rpc.system": "aws-api", "rpc.method": "PutObject", "aws.s3.bucket": "invoices"},
            DataOperation("s3", "", writes("invoices")),
        ),
        ({"db.system": "postgresql", "db.sql.table": "t", "db.operation": "WEIRD"}, DataOperation("postgres", "", ())),
        ({"db.system": "mongodb", "db.statement": '{"insert": ' + "[" * 2000}, DataOperation("mongodb", "", ())),
        ({"http.request.method": "GET"}, None),
    ],
)
def test_databases(attributes: dict[str, str], expected: DataOperation | None) -> None:
    assert data_of(span("client", attributes)) == expected
